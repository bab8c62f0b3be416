#pragma once

// The JSON documents of an image: index, manifest, configuration (OCI image-spec v1, and docker's
// schema 2, which has the same shape under other media types). Pure functions.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/error.h"

namespace gantry::containerd {

inline constexpr std::string_view kOciIndex = "application/vnd.oci.image.index.v1+json";
inline constexpr std::string_view kOciManifest = "application/vnd.oci.image.manifest.v1+json";
inline constexpr std::string_view kDockerManifest =
    "application/vnd.docker.distribution.manifest.v2+json";
inline constexpr std::string_view kDockerConfig = "application/vnd.docker.container.image.v1+json";
inline constexpr std::string_view kDockerLayer = "application/vnd.docker.image.rootfs.diff.tar";
inline constexpr std::string_view kDockerLayerGzip =
    "application/vnd.docker.image.rootfs.diff.tar.gzip";
inline constexpr std::string_view kOciLayerZstd = "application/vnd.oci.image.layer.v1.tar+zstd";

inline constexpr std::string_view kAnnotationImageName = "io.containerd.image.name";
inline constexpr std::string_view kAnnotationRefName = "org.opencontainers.image.ref.name";

/// An operating system and architecture under Go's names.
struct Platform {
  std::string os, architecture, variant;
  /// `linux/arm64/v8`
  [[nodiscard]] std::string text() const;
};
/// What runs on this machine.
Platform host_platform();

/// Points to a blob.
struct Descriptor {
  std::string media_type;
  std::string digest;  ///< checked to be `sha256:` and 64 lower-case hexadecimal digits
  std::int64_t size = 0;
  std::optional<Platform> platform;
  std::map<std::string, std::string> annotations;
};

struct Index {
  std::vector<Descriptor> manifests;
};
struct Manifest {
  Descriptor config;
  std::vector<Descriptor> layers;  ///< bottom first
};
/// What unpacking needs of an image configuration.
struct ImageRootFs {
  Platform platform;
  std::vector<std::string> diff_ids;  ///< digests of the uncompressed layers, bottom first
};

/// A document that an image's target points to. InvalidArgument if it is neither or both.
Result<std::variant<Index, Manifest>> parse_target(std::string_view json);
Result<ImageRootFs> parse_root_fs(std::string_view json);

/// The manifest of `index` that fits `platform` best; one without a platform fits if nothing better
/// does. Null if none.
const Descriptor* select_platform(const std::vector<Descriptor>& manifests,
                                  const Platform& platform);
/// Whether an image for `image` runs on `host`. Empty fields fit everything.
bool runs_on(const Platform& image, const Platform& host);

bool is_sha256_digest(std::string_view text);
/// `sha256:…` of `data`.
std::string sha256_digest(std::string_view data);
/// The name of the snapshot with the layers `diff_ids`, bottom first (OCI image-spec, config.md
/// "Layer ChainID").
std::string chain_id(const std::vector<std::string>& diff_ids, std::size_t count);

}  // namespace gantry::containerd
