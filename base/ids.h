#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace gantry {

/// 32-bit FNV-1a, as Go's hash/fnv New32a. Node ids are `<workflow>-<fnv32a(full name)>` (argo-workflows
/// workflow/util/util.go NodeID).
std::uint32_t fnv32a(std::string_view text);

/// 64-bit FNV-1a of a list of texts, each ended by a zero byte. It stays what it is from one version of gantryd to the next.
class TextsHash {
 public:
  void add(std::string_view text) {
    for (unsigned char c : text) add(c);
    add('\0');
  }
  /// 16 hexadecimal digits.
  [[nodiscard]] std::string text() const;

 private:
  void add(unsigned char byte) { hash_ = (hash_ ^ byte) * 1099511628211u; }

  std::uint64_t hash_ = 14695981039346656037u;
};

/// A random UUID (version 4) in lower case, from the kernel's random numbers.
std::string random_uuid();

/// `length` random characters of the alphabet that Kubernetes uses for generateName (no vowels, no look-alikes).
std::string random_suffix(int length);

}  // namespace gantry
