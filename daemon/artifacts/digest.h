#pragma once

// SHA-256, which names objects, manifests and trees.

#include <array>
#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

struct evp_md_ctx_st;

namespace gantry::artifacts {

struct Digest {
  std::array<std::uint8_t, 32> bytes{};

  [[nodiscard]] std::string hex() const;  ///< 64 lower-case digits
  static std::optional<Digest> parse(std::string_view hex);
  auto operator<=>(const Digest&) const = default;
};

/// For hash tables: the digest's first bytes are as good as any hash of it.
struct DigestHash {
  std::size_t operator()(const Digest& digest) const noexcept;
};

/// A SHA-256 in progress. One thread.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;

  void update(std::string_view data);
  Digest finish();  ///< once

 private:
  evp_md_ctx_st* context_;
};

Digest sha256(std::string_view data);

}  // namespace gantry::artifacts
