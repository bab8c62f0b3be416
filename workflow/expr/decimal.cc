#include "workflow/expr/decimal.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <string>

namespace gantry::workflow::expr {
namespace {

/// digits * 10^places; false when that does not fit.
bool scale(__int128& digits, int places) {
  for (; places > 0; --places) {
    if (__builtin_mul_overflow(digits, static_cast<__int128>(10), &digits)) return false;
    if (digits == 0) return true;
  }
  return true;
}

}  // namespace

Decimal::Decimal(double value) {
  binary_ = value;
  if (!std::isfinite(value)) {
    exact_ = false;
    return;
  }
  std::array<char, 64> buffer{};
  const auto done = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                                  std::chars_format::scientific);
  bool fraction = false;
  const char* at = buffer.data();
  const bool negative = *at == '-';
  for (at += negative; *at != 'e'; ++at) {
    if (*at == '.') {
      fraction = true;
      continue;
    }
    digits_ = digits_ * 10 + (*at - '0');
    exponent_ -= fraction;
  }
  exponent_ += static_cast<int>(
      std::strtol(std::string(at + 1, static_cast<const char*>(done.ptr)).c_str(), nullptr, 10));
  if (negative) digits_ = -digits_;
}

Decimal Decimal::exact(__int128 digits, int exponent) {
  Decimal made;
  made.digits_ = digits;
  made.exponent_ = exponent;
  return made;
}

Decimal Decimal::sum(const Decimal& a, const Decimal& b, int sign) {
  if (a.exact_ && b.exact_) {
    const int exponent = std::min(a.exponent_, b.exponent_);
    __int128 x = a.digits_;
    __int128 y = b.digits_ * sign;
    __int128 total = 0;
    if (scale(x, a.exponent_ - exponent) && scale(y, b.exponent_ - exponent) &&
        !__builtin_add_overflow(x, y, &total)) {
      return exact(total, exponent);
    }
  }
  Decimal made;
  made.exact_ = false;
  made.binary_ = a.to_double() + sign * b.to_double();
  return made;
}

Decimal operator+(const Decimal& a, const Decimal& b) { return Decimal::sum(a, b, 1); }
Decimal operator-(const Decimal& a, const Decimal& b) { return Decimal::sum(a, b, -1); }

Decimal operator*(const Decimal& a, const Decimal& b) {
  __int128 product = 0;
  if (a.exact_ && b.exact_ && !__builtin_mul_overflow(a.digits_, b.digits_, &product)) {
    return Decimal::exact(product, a.exponent_ + b.exponent_);
  }
  Decimal made;
  made.exact_ = false;
  made.binary_ = a.to_double() * b.to_double();
  return made;
}

Decimal operator/(const Decimal& a, const Decimal& b) {
  constexpr int kPlaces = 16;
  if (a.exact_ && b.exact_ && b.digits_ != 0) {
    // digits(a) * 10^shift / digits(b), with one place more than wanted, and rounded.
    const int shift = a.exponent_ - b.exponent_ + kPlaces + 1;
    __int128 x = a.digits_;
    __int128 y = b.digits_;
    if (scale(x, shift) && scale(y, -shift)) {
      const __int128 quotient = x / y;
      const __int128 last = quotient % 10;
      return Decimal::exact(quotient / 10 + (last >= 5 ? 1 : last <= -5 ? -1 : 0), -kPlaces);
    }
  }
  Decimal made;
  made.exact_ = false;
  made.binary_ = a.to_double() / b.to_double();
  return made;
}

double Decimal::to_double() const {
  if (!exact_) return binary_;
  // Through text, so that it is rounded once.
  std::string text;
  unsigned __int128 rest = digits_ < 0 ? -static_cast<unsigned __int128>(digits_)
                                       : static_cast<unsigned __int128>(digits_);
  do {
    text.insert(text.begin(), static_cast<char>('0' + static_cast<int>(rest % 10)));
    rest /= 10;
  } while (rest != 0);
  text += "e" + std::to_string(exponent_);
  const double value = std::strtod(text.c_str(), nullptr);
  return digits_ < 0 ? -value : value;
}

}  // namespace gantry::workflow::expr
