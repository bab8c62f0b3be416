#pragma once

// Reads an image archive: a tar (plain or compressed) that holds an OCI layout or what `docker
// save` writes. One pass from the front, so that a compressed archive is decompressed once; blobs
// go into a sink as they come.
//
// Blocking; workers only. The archive is not trusted: names that leave it, blobs that are not what
// their name says and documents that make no sense are errors.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "runtime/containerd/image_manifest.h"

namespace gantry::containerd {

/// Where blobs go. One at a time: begin, write…, then commit or abort.
class BlobSink {
 public:
  virtual ~BlobSink() = default;
  /// `digest` is empty if only the end will tell. False: the blob is there already, nothing is to
  /// be written.
  virtual Result<bool> begin(const std::string& digest, std::int64_t size) = 0;
  virtual Result<void> write(std::string_view data) = 0;
  /// `digest` has been computed from what was written and, if begin() was told one, is the same.
  virtual Result<void> commit(const std::string& digest, std::int64_t size) = 0;
  virtual void abort() = 0;
};

/// Writes `data` as one blob; its digest.
Result<std::string> write_blob(BlobSink& sink, std::string_view data);

/// An image of an archive.
struct ArchiveImage {
  std::vector<std::string> names;  ///< normalised, at least one
  Descriptor target;               ///< an index or a manifest
};

/// Reads the archive at `path` into `sink`. `progress` gets the bytes of the file that were read so
/// far. Names come from the annotations io.containerd.image.name or
/// org.opencontainers.image.ref.name, or from RepoTags. An image that has none, or only a tag, is
/// called after the file. Errors: NotFound (no such file), InvalidArgument (not an image archive,
/// damaged, or dangerous), and the sink's. After an error blobs may be in the sink that nothing
/// refers to.
Result<std::vector<ArchiveImage>> read_archive(
    const std::string& path, BlobSink& sink,
    const std::function<void(std::int64_t read, std::int64_t total)>& progress);

}  // namespace gantry::containerd
