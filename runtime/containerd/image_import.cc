#include "runtime/containerd/image_import.h"

#include <chrono>
#include <filesystem>
#include <utility>

#include "runtime/containerd/image_archive.h"

namespace gantry::containerd {
namespace {

constexpr std::int64_t kProgressStep = 16
                                       << 20;  // bytes of the archive between two words to the user

/// What a manifest names and the archive does not hold is the archive's fault.
Error archive_error(Error error, const std::string& image) {
  if (error.code == Code::NotFound) {
    error = {Code::InvalidArgument, "the archive is incomplete: " + error.message};
  }
  return std::move(error).wrap("image " + image);
}

Result<std::vector<ImageInfo>> import_under_lease(
    ImageStore& store, const std::string& path, const std::function<void(std::string)>& progress) {
  const std::string name = std::filesystem::path(path).filename().string();
  const auto sink = store.blob_sink();
  std::int64_t reported = 0;
  auto images = read_archive(path, *sink, [&](std::int64_t read, std::int64_t total) {
    if (read - reported < kProgressStep) return;
    reported = read;
    progress("reading " + name + ": " + std::to_string(read >> 20) + " of " +
             std::to_string(total >> 20) + " MB");
  });
  if (!images) return fail(images.error());

  std::vector<std::int64_t> sizes;
  for (const auto& image : *images) {
    const auto& shown = image.names.front();
    auto resolved = store.resolve(image.target);
    if (!resolved) return fail(archive_error(std::move(resolved.error()), shown));
    if (auto labelled = store.label_children(*resolved); !labelled) return fail(labelled.error());
    const std::size_t layers = resolved->manifest.layers.size();
    auto unpacked = store.unpack(*resolved, [&](std::size_t layer) {
      progress("unpacking " + shown + ": layer " + std::to_string(layer) + " of " +
               std::to_string(layers));
    });
    if (!unpacked) return fail(archive_error(std::move(unpacked.error()), shown));
    sizes.push_back(resolved->size_bytes());
  }

  std::vector<ImageInfo> result;
  for (std::size_t i = 0; i < images->size(); ++i) {
    for (const auto& image_name : (*images)[i].names) {
      auto record = store.put_image(image_name, (*images)[i].target);
      if (!record) return fail(record.error());
      result.push_back(image_info(*record, sizes[i]));
    }
  }
  return result;
}

}  // namespace

Result<std::vector<ImageInfo>> import_image_archive(
    ImageStore& store, const std::string& path, const std::function<void(std::string)>& progress) {
  if (auto leased = store.begin_lease(); !leased) return fail(leased.error());
  auto result = import_under_lease(store, path, progress);
  store.end_lease(/*collect=*/!result.has_value());
  return result;
}

ImageInfo image_info(const ::containerd::services::images::v1::Image& image,
                     std::int64_t size_bytes) {
  const auto& created = image.created_at();
  const auto since_epoch =
      std::chrono::seconds(created.seconds()) + std::chrono::nanoseconds(created.nanos());
  return {image.name(), image.target().digest(), size_bytes,
          Time(std::chrono::duration_cast<Duration>(since_epoch))};
}

}  // namespace gantry::containerd
