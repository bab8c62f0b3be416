#include "base/ids.h"

#include <sys/random.h>

#include <cstdio>

namespace gantry {

std::uint32_t fnv32a(std::string_view text) {
  std::uint32_t hash = 2166136261u;
  for (unsigned char c : text) hash = (hash ^ c) * 16777619u;
  return hash;
}

std::string TextsHash::text() const {
  char digits[17];
  std::snprintf(digits, sizeof digits, "%016lx", static_cast<unsigned long>(hash_));
  return digits;
}

static void random_bytes(unsigned char* bytes, std::size_t count) {
  // Requests of up to 256 bytes are never cut short once the pool is ready (getrandom(2)).
  while (getrandom(bytes, count, 0) != static_cast<ssize_t>(count)) {
  }
}

std::string random_uuid() {
  unsigned char b[16];
  random_bytes(b, sizeof b);
  b[6] = static_cast<unsigned char>((b[6] & 0x0f) | 0x40);
  b[8] = static_cast<unsigned char>((b[8] & 0x3f) | 0x80);
  char text[37];
  std::snprintf(text, sizeof text,
                "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1],
                b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14],
                b[15]);
  return text;
}

std::string random_suffix(int length) {
  static constexpr std::string_view kAlphabet = "bcdfghjklmnpqrstvwxz2456789";
  std::string text;
  while (static_cast<int>(text.size()) < length) {
    unsigned char byte = 0;
    random_bytes(&byte, 1);
    // Bytes past the last whole multiple would favour the first letters.
    if (byte < 256 / kAlphabet.size() * kAlphabet.size()) text += kAlphabet[byte % kAlphabet.size()];
  }
  return text;
}

}  // namespace gantry
