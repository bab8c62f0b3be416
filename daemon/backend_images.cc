// Images: in from an archive or a registry, listed, removed.

#include <unistd.h>

#include <utility>

#include "daemon/backend.h"
#include "runtime/containerd/images.h"

namespace gantry {

using api::Json;
using containerd::ImageInfo;

static Error no_images() {
  return {Code::Unavailable, "this gantryd runs without containerd: there are no images"};
}

static Json image_json(const ImageInfo& image) {
  return {{"name", image.name},
          {"digest", image.digest},
          {"size", image.size_bytes},
          {"createdAt", rfc3339(image.created)}};
}

static containerd::Images::Progress progress_to(const api::StreamPtr& stream) {
  return [stream](const std::string& what) { stream->send({{"status", what}}); };
}

void DaemonBackend::import_image(const std::string& file, api::StreamPtr stream) {
  if (images_ == nullptr) {
    ::unlink(file.c_str());
    return stream->fail(no_images());
  }
  images_->import_archive(file, progress_to(stream),
                          [file, stream](Result<std::vector<ImageInfo>> images) {
                            ::unlink(file.c_str());
                            if (!images) return stream->fail(images.error());
                            for (const ImageInfo& image : *images) {
                              stream->send({{"image", image_json(image)}});
                            }
                            stream->end();
                          });
}

void DaemonBackend::pull_image(const std::string& reference, api::StreamPtr stream) {
  if (images_ == nullptr) return stream->fail(no_images());
  images_->pull(reference, progress_to(stream), [stream](Result<containerd::ImageRef> image) {
    if (!image) return stream->fail(image.error());
    stream->send({{"image", {{"name", image->name}, {"digest", image->digest}}}});
    stream->end();
  });
}

void DaemonBackend::list_images(api::Reply<std::vector<Json>> reply) {
  if (images_ == nullptr) return reply(fail(no_images()));
  images_->list([reply = std::move(reply)](Result<std::vector<ImageInfo>> images) {
    if (!images) return reply(fail(std::move(images.error())));
    std::vector<Json> items;
    for (const ImageInfo& image : *images) items.push_back(image_json(image));
    reply(std::move(items));
  });
}

void DaemonBackend::remove_image(const std::string& name, api::Reply<Json> reply) {
  if (images_ == nullptr) return reply(fail(no_images()));
  images_->remove(name, [reply = std::move(reply)](Result<void> removed) {
    if (!removed) return reply(fail(std::move(removed.error())));
    reply(Json::object());
  });
}

}  // namespace gantry
