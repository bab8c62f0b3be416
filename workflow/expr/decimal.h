#pragma once

// Sums and products of decimal fractions as they are written (0.1 + 0.2 is 0.3), for sprig's addf
// and its like (shopspring/decimal).

namespace gantry::workflow::expr {

/// Exact up to 38 digits; beyond that it goes on in binary.
class Decimal {
 public:
  /// The shortest decimal number that reads back as `value`.
  explicit Decimal(double value);

  friend Decimal operator+(const Decimal& a, const Decimal& b);
  friend Decimal operator-(const Decimal& a, const Decimal& b);
  friend Decimal operator*(const Decimal& a, const Decimal& b);
  /// To 16 places. `b` is not zero.
  friend Decimal operator/(const Decimal& a, const Decimal& b);

  [[nodiscard]] double to_double() const;

 private:
  Decimal() = default;
  static Decimal exact(__int128 digits, int exponent);
  static Decimal sum(const Decimal& a, const Decimal& b, int sign);

  bool exact_ = true;
  __int128 digits_ = 0;  ///< times 10^exponent_
  int exponent_ = 0;
  double binary_ = 0;  ///< when it is not exact
};

}  // namespace gantry::workflow::expr
