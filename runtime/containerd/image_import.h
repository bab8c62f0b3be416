#pragma once

// An image archive into containerd: blobs, labels, snapshots, and last the image records.

#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "runtime/containerd/image_store.h"
#include "runtime/containerd/images.h"

namespace gantry::containerd {

/// Blocking; a worker. All or nothing: until everything is unpacked no image record is made, and
/// after an error the garbage collector has removed what was written. Importing again what is there
/// already changes nothing.
Result<std::vector<ImageInfo>> import_image_archive(
    ImageStore& store, const std::string& path, const std::function<void(std::string)>& progress);

/// The image as lists show it.
ImageInfo image_info(const ::containerd::services::images::v1::Image& image,
                     std::int64_t size_bytes);

}  // namespace gantry::containerd
