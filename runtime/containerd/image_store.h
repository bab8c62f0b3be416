#pragma once

// containerd's content, snapshots, leases and image records, by blocking calls.
//
// For workers: importing and unpacking are long sequences of dependent calls, and a worker that
// waits for each of them reads better than twenty callbacks. One object a job, one thread at a
// time; cancel() from any thread.

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "github.com/containerd/containerd/api/services/content/v1/content.grpc.pb.h"
#include "github.com/containerd/containerd/api/services/diff/v1/diff.grpc.pb.h"
#include "github.com/containerd/containerd/api/services/images/v1/images.grpc.pb.h"
#include "github.com/containerd/containerd/api/services/leases/v1/leases.grpc.pb.h"
#include "github.com/containerd/containerd/api/services/snapshots/v1/snapshots.grpc.pb.h"
#include "runtime/containerd/image_archive.h"
#include "runtime/containerd/image_manifest.h"

namespace gantry::containerd {

/// Ends blocking calls from another thread: what is running fails with Cancelled, and so does all
/// that comes later.
class Cancellation {
 public:
  void cancel();
  [[nodiscard]] bool cancelled() const { return cancelled_.load(std::memory_order_acquire); }
  /// `context` can be cancelled until it is removed; both are for ImageStore.
  void add(grpc::ClientContext* context);
  void remove(grpc::ClientContext* context);

 private:
  std::atomic<bool> cancelled_{false};
  std::mutex mutex_;  // guards contexts_; held for a few instructions
  std::set<grpc::ClientContext*> contexts_;
};

/// An image down to what runs on this host.
struct ResolvedImage {
  Descriptor target;
  Descriptor manifest_descriptor;  ///< the target itself, or the index' entry for this host
  Manifest manifest;
  ImageRootFs root_fs;
  std::string config_json;
  [[nodiscard]] std::string chain_id() const {
    return containerd::chain_id(root_fs.diff_ids, root_fs.diff_ids.size());
  }
  [[nodiscard]] std::int64_t size_bytes() const;
};

class ImageStore {
 public:
  ImageStore(std::shared_ptr<grpc::Channel> channel, std::string name_space,
             std::string snapshotter, std::shared_ptr<Cancellation> cancellation);

  /// Makes a lease that all later calls carry: the garbage collector keeps what they write until it
  /// is ended. It expires by itself after a day, should we be killed.
  Result<void> begin_lease();
  /// With `collect`, waits until the garbage collector has removed what only the lease kept.
  void end_lease(bool collect);

  Result<std::string> read_blob(const Descriptor& blob);
  /// Adds labels to a blob; NotFound.
  Result<void> label_blob(const std::string& digest,
                          const std::map<std::string, std::string>& labels);
  Result<bool> has_snapshot(const std::string& name);

  /// Follows `target` to the manifest and configuration for this host. NotFound: some of it is not
  /// in the content store; FailedPrecondition: there is nothing for this host's platform.
  Result<ResolvedImage> resolve(const Descriptor& target);
  /// Labels the documents of `image` so that the garbage collector keeps what they name as long as
  /// an image record names the target.
  Result<void> label_children(const ResolvedImage& image);
  /// Makes the snapshots of the layers that are not there yet. `progress` gets the layer's number,
  /// from 1.
  Result<void> unpack(const ResolvedImage& image, const std::function<void(std::size_t)>& progress);

  Result<::containerd::services::images::v1::Image> get_image(const std::string& name);
  Result<std::vector<::containerd::services::images::v1::Image>> list_images();
  /// Creates the record or points it to `target`.
  Result<::containerd::services::images::v1::Image> put_image(const std::string& name,
                                                              const Descriptor& target);
  Result<void> remove_image(const std::string& name);

  /// A sink that writes into the content store. The store must outlive it.
  std::unique_ptr<BlobSink> blob_sink();

 private:
  class ContentSink;
  class Call;

  Result<void> add_to_lease(const std::string& digest);
  Result<void> unpack_layer(const Descriptor& layer, const std::string& diff_id,
                            const std::string& parent, const std::string& chain);

  const std::string namespace_, snapshotter_;
  const std::shared_ptr<Cancellation> cancellation_;
  std::string lease_;
  ::containerd::services::content::v1::Content::Stub content_;
  ::containerd::services::diff::v1::Diff::Stub diff_;
  ::containerd::services::images::v1::Images::Stub images_;
  ::containerd::services::leases::v1::Leases::Stub leases_;
  ::containerd::services::snapshots::v1::Snapshots::Stub snapshots_;
};

Descriptor from_proto(const ::containerd::types::Descriptor& descriptor);

}  // namespace gantry::containerd
