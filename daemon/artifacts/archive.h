#pragma once

// How an artifact is packed where it is kept: an artifact's `archive`
// (pkg/apis/workflow/v1alpha1/workflow_types.go, ArchiveStrategy).

#include <cstdint>
#include <optional>

namespace gantry::artifacts {

struct Archive {
  enum class Format : std::uint8_t { Tar, None, Zip };
  Format format = Format::Tar;  ///< Tar is always gzipped, as in Argo
  std::optional<int> level;     ///< of gzip, 0 to 9; absent: 6
  /// Whether the file says so. On loading, an unspecified archive is sniffed: a tar.gz is unpacked,
  /// anything else is the file itself; a specified one must be what it says.
  bool specified = false;
};

}  // namespace gantry::artifacts
