#include "runtime/containerd/image_store.h"

#include <chrono>
#include <utility>
#include <variant>

#include "base/ids.h"
#include "runtime/containerd/channel.h"

namespace gantry::containerd {
namespace {

namespace content = ::containerd::services::content::v1;
namespace diff = ::containerd::services::diff::v1;
namespace images = ::containerd::services::images::v1;
namespace leases = ::containerd::services::leases::v1;
namespace snapshots = ::containerd::services::snapshots::v1;

constexpr Duration kShort = std::chrono::seconds(20);
/// Writing and unpacking one big layer on a slow disk.
constexpr Duration kLong = std::chrono::minutes(30);
constexpr std::size_t kChunk = 1 << 20;
/// Chunks on their way whose answers were not read yet: enough to keep containerd busy while we
/// hash the next ones.
constexpr int kWindow = 4;
constexpr std::int64_t kMaxDocument = 20 << 20;

void to_proto(const Descriptor& from, ::containerd::types::Descriptor* to) {
  to->set_media_type(from.media_type);
  to->set_digest(from.digest);
  to->set_size(from.size);
}

}  // namespace

void Cancellation::cancel() {
  std::lock_guard lock(mutex_);
  cancelled_.store(true, std::memory_order_release);
  for (auto* context : contexts_) context->TryCancel();
}

void Cancellation::add(grpc::ClientContext* context) {
  std::lock_guard lock(mutex_);
  contexts_.insert(context);
  // gRPC remembers a cancellation that comes before the call.
  if (cancelled()) context->TryCancel();
}

void Cancellation::remove(grpc::ClientContext* context) {
  std::lock_guard lock(mutex_);
  contexts_.erase(context);
}

/// The context of one call.
class ImageStore::Call {
 public:
  Call(const ImageStore& store, Duration deadline) : cancellation_(*store.cancellation_) {
    context_.AddMetadata("containerd-namespace", store.namespace_);
    if (!store.lease_.empty()) context_.AddMetadata("containerd-lease", store.lease_);
    context_.set_deadline(std::chrono::system_clock::now() + deadline);
    cancellation_.add(&context_);
  }
  ~Call() { cancellation_.remove(&context_); }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;
  grpc::ClientContext* get() { return &context_; }

 private:
  Cancellation& cancellation_;
  grpc::ClientContext context_;
};

ImageStore::ImageStore(std::shared_ptr<grpc::Channel> channel, std::string name_space,
                       std::string snapshotter, std::shared_ptr<Cancellation> cancellation)
    : namespace_(std::move(name_space)),
      snapshotter_(std::move(snapshotter)),
      cancellation_(std::move(cancellation)),
      content_(channel),
      diff_(channel),
      images_(channel),
      leases_(channel),
      snapshots_(channel) {}

Result<void> ImageStore::begin_lease() {
  leases::CreateRequest request;
  request.set_id("gantry-images-" + random_uuid());
  (*request.mutable_labels())["containerd.io/gc.expire"] = rfc3339(now() + std::chrono::hours(24));
  leases::CreateResponse response;
  Call call(*this, kShort);
  const auto status = leases_.Create(call.get(), request, &response);
  if (!status.ok()) return fail(to_error(status).wrap("create a lease"));
  lease_ = request.id();
  return {};
}

void ImageStore::end_lease(bool collect) {
  if (lease_.empty()) return;
  leases::DeleteRequest request;
  request.set_id(std::exchange(lease_, {}));
  request.set_sync(collect);
  ::google::protobuf::Empty response;
  // Not through Call: what was written is given up even after a cancellation. If it fails, the
  // lease expires.
  grpc::ClientContext context;
  context.AddMetadata("containerd-namespace", namespace_);
  context.set_deadline(std::chrono::system_clock::now() + kShort);
  (void)leases_.Delete(&context, request, &response);
}

Result<std::string> ImageStore::read_blob(const Descriptor& blob) {
  if (blob.size > kMaxDocument) {
    return fail(Code::InvalidArgument,
                "the document " + blob.digest + " has " + std::to_string(blob.size) + " bytes");
  }
  content::ReadContentRequest request;
  request.set_digest(blob.digest);
  Call call(*this, kShort);
  const auto reader = content_.Read(call.get(), request);
  std::string data;
  content::ReadContentResponse response;
  while (reader->Read(&response)) {
    data.append(response.data());
    if (static_cast<std::int64_t>(data.size()) > kMaxDocument) call.get()->TryCancel();
  }
  const auto status = reader->Finish();
  if (!status.ok()) return fail(to_error(status).wrap("read " + blob.digest));
  // A digest that was checked when it was written; the size comes from whoever points here.
  if (blob.size != static_cast<std::int64_t>(data.size())) {
    return fail(Code::InvalidArgument, "the size of " + blob.digest + " is " +
                                           std::to_string(data.size()) + ", not " +
                                           std::to_string(blob.size));
  }
  return data;
}

Result<void> ImageStore::label_blob(const std::string& digest,
                                    const std::map<std::string, std::string>& labels) {
  content::UpdateRequest request;
  request.mutable_info()->set_digest(digest);
  for (const auto& [key, value] : labels) {
    (*request.mutable_info()->mutable_labels())[key] = value;
    request.mutable_update_mask()->add_paths("labels." + key);
  }
  content::UpdateResponse response;
  Call call(*this, kShort);
  const auto status = content_.Update(call.get(), request, &response);
  if (!status.ok()) return fail(to_error(status).wrap("label " + digest));
  return {};
}

Result<bool> ImageStore::has_snapshot(const std::string& name) {
  snapshots::StatSnapshotRequest request;
  request.set_snapshotter(snapshotter_);
  request.set_key(name);
  snapshots::StatSnapshotResponse response;
  Call call(*this, kShort);
  const auto status = snapshots_.Stat(call.get(), request, &response);
  if (status.ok()) return response.info().kind() == snapshots::COMMITTED;
  if (status.error_code() == grpc::StatusCode::NOT_FOUND) return false;
  return fail(to_error(status).wrap("look for snapshot " + name));
}

Result<ResolvedImage> ImageStore::resolve(const Descriptor& target) {
  const Platform host = host_platform();
  ResolvedImage image;
  image.target = image.manifest_descriptor = target;
  auto text = read_blob(target);
  if (!text) return fail(text.error());
  auto document = parse_target(*text);
  if (!document) return fail(document.error().wrap(target.digest));
  // An index may point to an index; nobody needs more than a few.
  for (int depth = 0; std::holds_alternative<Index>(*document); ++depth) {
    const Descriptor* chosen = select_platform(std::get<Index>(*document).manifests, host);
    if (chosen == nullptr || depth == 4) {
      return fail(Code::FailedPrecondition, "the image has nothing for " + host.text());
    }
    image.manifest_descriptor = *chosen;
    text = read_blob(*chosen);
    if (!text) return fail(text.error());
    document = parse_target(*text);
    if (!document) return fail(document.error().wrap(image.manifest_descriptor.digest));
  }
  image.manifest = std::get<Manifest>(*std::move(document));
  auto config_json = read_blob(image.manifest.config);
  if (!config_json) return fail(config_json.error());
  image.config_json = *std::move(config_json);
  auto root_fs = parse_root_fs(image.config_json);
  if (!root_fs) return fail(root_fs.error());
  image.root_fs = *std::move(root_fs);
  if (!runs_on(image.root_fs.platform, host)) {
    return fail(Code::FailedPrecondition, "the image is for " + image.root_fs.platform.text() +
                                              ", this host is " + host.text());
  }
  if (image.root_fs.diff_ids.size() != image.manifest.layers.size()) {
    return fail(Code::InvalidArgument,
                "the image has " + std::to_string(image.manifest.layers.size()) + " layers and " +
                    std::to_string(image.root_fs.diff_ids.size()) + " diff_ids");
  }
  return image;
}

std::int64_t ResolvedImage::size_bytes() const {
  std::int64_t size = manifest_descriptor.size + manifest.config.size;
  for (const auto& layer : manifest.layers) size += layer.size;
  return size;
}

// The keys are those of containerd's images.ChildGCLabels: numbers because one blob points to
// several of a kind.
Result<void> ImageStore::label_children(const ResolvedImage& image) {
  if (image.manifest_descriptor.digest != image.target.digest) {
    // Also right when there is an index between: the collector does not ask who points where.
    auto labelled =
        label_blob(image.target.digest,
                   {{"containerd.io/gc.ref.content.m.0", image.manifest_descriptor.digest}});
    if (!labelled) return labelled;
  }
  std::map<std::string, std::string> labels = {
      {"containerd.io/gc.ref.content.config", image.manifest.config.digest}};
  for (std::size_t i = 0; i < image.manifest.layers.size(); ++i) {
    labels["containerd.io/gc.ref.content.l." + std::to_string(i)] = image.manifest.layers[i].digest;
  }
  return label_blob(image.manifest_descriptor.digest, labels);
}

Result<void> ImageStore::unpack(const ResolvedImage& image,
                                const std::function<void(std::size_t)>& progress) {
  const auto& ids = image.root_fs.diff_ids;
  std::string parent;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const std::string chain = containerd::chain_id(ids, i + 1);
    auto there = has_snapshot(chain);
    if (!there) return fail(there.error());
    if (!*there) {
      if (progress) progress(i + 1);
      auto done = unpack_layer(image.manifest.layers[i], ids[i], parent, chain);
      if (!done) return done;
      auto labelled =
          label_blob(image.manifest.layers[i].digest, {{"containerd.io/uncompressed", ids[i]}});
      if (!labelled) return labelled;
    }
    parent = chain;
  }
  if (parent.empty()) return {};  // an image of no layers, as `FROM scratch` may give
  return label_blob(image.manifest.config.digest,
                    {{"containerd.io/gc.ref.snapshot." + snapshotter_, parent}});
}

Result<void> ImageStore::unpack_layer(const Descriptor& layer, const std::string& diff_id,
                                      const std::string& parent, const std::string& chain) {
  snapshots::PrepareSnapshotRequest prepare;
  prepare.set_snapshotter(snapshotter_);
  prepare.set_key("extract-" + random_uuid() + " " + chain);
  prepare.set_parent(parent);
  snapshots::PrepareSnapshotResponse prepared;
  {
    Call call(*this, kShort);
    const auto status = snapshots_.Prepare(call.get(), prepare, &prepared);
    if (!status.ok())
      return fail(to_error(status).wrap("prepare the snapshot of layer " + layer.digest));
  }
  const auto remove = [&] {
    snapshots::RemoveSnapshotRequest request;
    request.set_snapshotter(snapshotter_);
    request.set_key(prepare.key());
    ::google::protobuf::Empty response;
    grpc::ClientContext context;
    context.AddMetadata("containerd-namespace", namespace_);
    context.set_deadline(std::chrono::system_clock::now() + kShort);
    (void)snapshots_.Remove(&context, request, &response);
  };

  diff::ApplyRequest apply;
  to_proto(layer, apply.mutable_diff());
  *apply.mutable_mounts() = prepared.mounts();
  diff::ApplyResponse applied;
  {
    Call call(*this, kLong);
    const auto status = diff_.Apply(call.get(), apply, &applied);
    if (!status.ok()) {
      remove();
      return fail(to_error(status).wrap("unpack layer " + layer.digest));
    }
  }
  if (applied.applied().digest() != diff_id) {
    remove();
    return fail(Code::InvalidArgument, "layer " + layer.digest + " unpacks to " +
                                           applied.applied().digest() + ", the image says " +
                                           diff_id);
  }

  snapshots::CommitSnapshotRequest commit;
  commit.set_snapshotter(snapshotter_);
  commit.set_name(chain);
  commit.set_key(prepare.key());
  ::google::protobuf::Empty committed;
  Call call(*this, kShort);
  const auto status = snapshots_.Commit(call.get(), commit, &committed);
  if (status.ok()) return {};
  remove();
  // Another import or pull of an image with the same layers was first.
  if (status.error_code() == grpc::StatusCode::ALREADY_EXISTS) return {};
  return fail(to_error(status).wrap("commit the snapshot of layer " + layer.digest));
}

Result<images::Image> ImageStore::get_image(const std::string& name) {
  images::GetImageRequest request;
  request.set_name(name);
  images::GetImageResponse response;
  Call call(*this, kShort);
  const auto status = images_.Get(call.get(), request, &response);
  if (!status.ok()) return fail(to_error(status));
  return std::move(*response.mutable_image());
}

Result<std::vector<images::Image>> ImageStore::list_images() {
  images::ListImagesResponse response;
  Call call(*this, kShort);
  const auto status = images_.List(call.get(), {}, &response);
  if (!status.ok()) return fail(to_error(status).wrap("list images"));
  return std::vector<images::Image>(response.images().begin(), response.images().end());
}

Result<images::Image> ImageStore::put_image(const std::string& name, const Descriptor& target) {
  // Update first, as containerd's own import does: most of the time CI replaces an image it had.
  images::UpdateImageRequest update;
  update.mutable_image()->set_name(name);
  to_proto(target, update.mutable_image()->mutable_target());
  update.mutable_update_mask()->add_paths("target");
  images::CreateImageRequest create;
  *create.mutable_image() = update.image();
  // Someone else may create or delete the name between our two calls.
  for (int attempt = 1;; ++attempt) {
    images::UpdateImageResponse updated;
    Call update_call(*this, kShort);
    const auto update_status = images_.Update(update_call.get(), update, &updated);
    if (update_status.ok()) return std::move(*updated.mutable_image());
    if (update_status.error_code() != grpc::StatusCode::NOT_FOUND) {
      return fail(to_error(update_status).wrap("update image " + name));
    }
    images::CreateImageResponse created;
    Call create_call(*this, kShort);
    const auto create_status = images_.Create(create_call.get(), create, &created);
    if (create_status.ok()) return std::move(*created.mutable_image());
    if (create_status.error_code() != grpc::StatusCode::ALREADY_EXISTS || attempt == 5) {
      return fail(to_error(create_status).wrap("create image " + name));
    }
  }
}

Result<void> ImageStore::remove_image(const std::string& name) {
  images::DeleteImageRequest request;
  request.set_name(name);
  ::google::protobuf::Empty response;
  Call call(*this, kShort);
  const auto status = images_.Delete(call.get(), request, &response);
  if (!status.ok()) return fail(to_error(status));
  return {};
}

/// One Write stream a blob. The answers are read a few chunks behind the writes.
class ImageStore::ContentSink final : public BlobSink {
 public:
  explicit ContentSink(ImageStore& store) : store_(store) {}
  ~ContentSink() override { abort(); }

  Result<bool> begin(const std::string& digest, std::int64_t size) override {
    call_ = std::make_unique<Call>(store_, kLong);
    stream_ = store_.content_.Write(call_->get());
    offset_ = 0;
    unread_ = 0;
    there_ = false;
    chunk_.Clear();
    // References are unique: what a killed import left under an old one is none of our business.
    reference_ = "gantry-import-" + random_uuid();
    chunk_.set_ref(reference_);
    chunk_.set_total(size);
    chunk_.set_expected(digest);
    // The question costs a round trip and saves the whole blob if containerd has it already.
    content::WriteContentRequest question = chunk_;
    question.set_action(content::STAT);
    content::WriteContentResponse answer;
    if (!stream_->Write(question) || !stream_->Read(&answer)) {
      const auto error = finish();
      // containerd has added it to our lease.
      if (error.code == Code::AlreadyExists) return false;
      return fail(Error(error).wrap("write blob " + digest));
    }
    if (!digest.empty() && size > 0 && answer.offset() == size) {
      // Another namespace has it: committing is enough to share it.
      offset_ = size;
      auto committed = commit(digest, size);
      if (!committed) return fail(committed.error());
      return false;
    }
    chunk_.set_action(content::WRITE);
    return true;
  }

  Result<void> write(std::string_view data) override {
    while (!data.empty() && !there_) {
      std::string& buffer = *chunk_.mutable_data();
      const auto part = data.substr(0, kChunk - buffer.size());
      buffer.append(part);
      data.remove_prefix(part.size());
      if (buffer.size() < kChunk) break;
      if (auto sent = send(); !sent) {
        // Another import or pull of the same blob was first; containerd asks at every chunk.
        there_ = sent.error().code == Code::AlreadyExists;
        if (!there_) return sent;
      }
    }
    return {};
  }

  Result<void> commit(const std::string& digest, std::int64_t size) override {
    if (there_) return store_.add_to_lease(digest);
    chunk_.set_action(content::COMMIT);
    chunk_.set_expected(digest);
    chunk_.set_total(size);
    auto sent = send();
    while (sent && unread_ > 0) sent = read_answer();
    if (sent) {
      stream_->WritesDone();
      const auto error = finish();
      if (static_cast<int>(error.code) != 0) sent = fail(error);
    }
    if (sent) return {};
    if (sent.error().code != Code::AlreadyExists)
      return fail(std::move(sent.error()).wrap("write blob " + digest));
    // Only now it turned out that containerd has it; in this case it does not add it to the lease.
    return store_.add_to_lease(digest);
  }

  void abort() override {
    if (stream_ == nullptr) return;
    call_->get()->TryCancel();
    finish();
    content::AbortRequest request;
    request.set_ref(reference_);
    ::google::protobuf::Empty response;
    grpc::ClientContext context;
    context.AddMetadata("containerd-namespace", store_.namespace_);
    context.set_deadline(std::chrono::system_clock::now() + kShort);
    (void)store_.content_.Abort(&context, request, &response);
  }

 private:
  /// The stream's status; the object is ready for the next blob.
  Error finish() {
    // The status comes behind what was not read: containerd repeats its last answer, and a failed
    // write leaves those of the writes before it.
    content::WriteContentResponse ignored;
    while (stream_->Read(&ignored)) {
    }
    const auto status = stream_->Finish();
    stream_.reset();
    call_.reset();
    return to_error(status);
  }

  Result<void> read_answer() {
    content::WriteContentResponse answer;
    if (!stream_->Read(&answer)) return fail(finish());
    --unread_;
    return {};
  }

  Result<void> send() {
    chunk_.set_offset(offset_);
    offset_ += static_cast<std::int64_t>(chunk_.data().size());
    if (!stream_->Write(chunk_)) return fail(finish());
    chunk_.mutable_data()->clear();
    ++unread_;
    while (unread_ > kWindow) {
      if (auto read = read_answer(); !read) return read;
    }
    return {};
  }

  ImageStore& store_;
  std::unique_ptr<Call> call_;
  std::unique_ptr<
      grpc::ClientReaderWriter<content::WriteContentRequest, content::WriteContentResponse>>
      stream_;
  std::string reference_;
  content::WriteContentRequest chunk_;
  std::int64_t offset_ = 0;
  int unread_ = 0;
  bool there_ = false;  // containerd got the blob from someone else while we wrote it
};

std::unique_ptr<BlobSink> ImageStore::blob_sink() { return std::make_unique<ContentSink>(*this); }

Result<void> ImageStore::add_to_lease(const std::string& digest) {
  if (lease_.empty()) return {};
  leases::AddResourceRequest request;
  request.set_id(lease_);
  request.mutable_resource()->set_id(digest);
  request.mutable_resource()->set_type("content");
  ::google::protobuf::Empty response;
  Call call(*this, kShort);
  const auto status = leases_.AddResource(call.get(), request, &response);
  if (!status.ok()) return fail(to_error(status).wrap("add " + digest + " to the lease"));
  return {};
}

Descriptor from_proto(const ::containerd::types::Descriptor& descriptor) {
  Descriptor result;
  result.media_type = descriptor.media_type();
  result.digest = descriptor.digest();
  result.size = descriptor.size();
  return result;
}

}  // namespace gantry::containerd
