#include "workflow/expr/base64.h"

#include <cstdint>

namespace gantry::workflow::expr {
namespace {

/// A code whose letters hold `bits` bits each, in groups of `group` letters.
struct Alphabet {
  std::string_view letters;
  std::string_view name;
  int bits;
  std::size_t group;
};
constexpr Alphabet kBase64 = {"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
                              "base64", 6, 4};
constexpr Alphabet kBase32 = {"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", "base32", 5, 8};

std::string encode(const Alphabet& alphabet, std::string_view bytes) {
  std::string out;
  std::uint32_t held = 0;
  int bits = 0;
  for (const char byte : bytes) {
    held = (held << 8) | static_cast<unsigned char>(byte);
    for (bits += 8; bits >= alphabet.bits; bits -= alphabet.bits) {
      out += alphabet.letters[(held >> (bits - alphabet.bits)) & ((1u << alphabet.bits) - 1)];
    }
    held &= (1u << bits) - 1;
  }
  if (bits > 0)
    out += alphabet.letters[(held << (alphabet.bits - bits)) & ((1u << alphabet.bits) - 1)];
  while (out.size() % alphabet.group != 0) out += '=';
  return out;
}

Result<std::string> decode(const Alphabet& alphabet, std::string_view text) {
  const auto illegal = [&](std::size_t at) {
    return fail(Code::InvalidArgument, "illegal " + std::string(alphabet.name) +
                                           " data at input byte " + std::to_string(at));
  };
  std::string out;
  std::uint32_t held = 0;
  int bits = 0;
  std::size_t letters = 0;
  std::size_t padding = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '\n' || c == '\r') continue;
    if (c == '=') {
      // What is left over must be less than a letter, and the padding must fill the group.
      const std::size_t in_group = letters % alphabet.group;
      if (in_group == 0 || bits >= alphabet.bits || in_group + ++padding > alphabet.group) {
        return illegal(at);
      }
      continue;
    }
    const std::size_t digit = alphabet.letters.find(c);
    if (digit == std::string_view::npos || padding > 0) return illegal(at);
    ++letters;
    held = (held << alphabet.bits) | static_cast<std::uint32_t>(digit);
    bits += alphabet.bits;
    if (bits >= 8) {
      bits -= 8;
      out += static_cast<char>(held >> bits);
      held &= (1u << bits) - 1;
    }
  }
  if ((letters + padding) % alphabet.group != 0) return illegal(text.size());
  return out;
}

}  // namespace

std::string base64_encode(std::string_view bytes) { return encode(kBase64, bytes); }
Result<std::string> base64_decode(std::string_view text) { return decode(kBase64, text); }
std::string base32_encode(std::string_view bytes) { return encode(kBase32, bytes); }
Result<std::string> base32_decode(std::string_view text) { return decode(kBase32, text); }

}  // namespace gantry::workflow::expr
