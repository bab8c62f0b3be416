#include "runtime/containerd/images.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <deque>
#include <map>
#include <optional>
#include <utility>

#include "base/unique_fd.h"
#include "runtime/containerd/call.h"
#include "runtime/containerd/image_import.h"
#include "runtime/containerd/image_pull.h"
#include "runtime/containerd/registry_login.h"
#include "runtime/containerd/image_store.h"
#include "runtime/containerd/reference.h"

namespace gantry::containerd {

namespace {

namespace image_api = ::containerd::services::images::v1;

/// What makes a record's answer reusable: the same record (not a newer one of the name) with the
/// same target.
std::string record_key(const image_api::Image& image) {
  return image.target().digest() + " " + std::to_string(image.updated_at().seconds()) + "." +
         std::to_string(image.updated_at().nanos());
}

std::string in_one_line(std::string text) {
  for (char& c : text) {
    if (c == '\n' || c == '\r') c = ' ';
  }
  return text;
}

}  // namespace

// Everything but what work() passes to workers is touched on the loop thread only.
struct Images::Impl : std::enable_shared_from_this<Images::Impl> {
  struct Waiter {
    std::string reference;  // as the user wrote it, for the message
    Progress progress;
    Done<ImageRef> done;
    std::string user;  // credentials, `NAME:PASSWORD`; empty: none
  };

  Impl(Channel& channel_in, Executor& executor_in, Settings settings_in)
      : channel(channel_in),
        executor(executor_in),
        settings(std::move(settings_in)),
        stub(channel.grpc()) {}

  Channel& channel;
  Executor& executor;
  const Settings settings;
  image_api::Images::Stub stub;
  bool gone = false;
  std::map<std::string, std::vector<Waiter>> pulling;              // by normalised name
  std::map<std::string, std::pair<std::string, ImageRef>> usable;  // name → record_key, answer
  std::deque<std::function<void()>> waiting;
  int running = 0;

  // For workers too.
  const std::shared_ptr<Cancellation> cancellation = std::make_shared<Cancellation>();
  const UniqueFd cancel_fd{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};

  void cancel() {
    gone = true;
    waiting.clear();
    cancellation->cancel();
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(cancel_fd.get(), &one, sizeof one);
  }

  /// Runs `work` on a worker with a store of its own, then `done` with its result on the loop.
  template <class T>
  void work(std::function<Result<T>(ImageStore&)> job, std::function<void(Result<T>)> done) {
    auto result = std::make_shared<std::optional<Result<T>>>();
    auto self = shared_from_this();
    executor.offload(
        [self, result, job = std::move(job), grpc = channel.grpc()] {
          ImageStore store(grpc, self->settings.containerd_namespace, self->settings.snapshotter,
                           self->cancellation);
          *result = job(store);
        },
        [self, result, done = std::move(done)] {
          if (!self->gone) done(std::move(**result));
        });
  }

  /// As work(), for what takes long: waits for its turn.
  template <class T>
  void work_in_turn(std::function<Result<T>(ImageStore&)> job,
                    std::function<void(Result<T>)> done) {
    auto begin = [this, job = std::move(job), done = std::move(done)]() mutable {
      ++running;
      work<T>(std::move(job), [this, done = std::move(done)](Result<T> result) {
        --running;
        begin_waiting();
        done(std::move(result));
      });
    };
    waiting.emplace_back(std::move(begin));
    begin_waiting();
  }

  void begin_waiting() {
    while (running < settings.parallel && !waiting.empty()) {
      auto begin = std::move(waiting.front());
      waiting.pop_front();
      begin();
    }
  }

  /// A progress callback for a worker: comes out on the loop.
  std::function<void(std::string)> on_loop(std::function<void(Impl&, const std::string&)> tell) {
    return [weak = weak_from_this(), &loop = executor, tell = std::move(tell)](std::string what) {
      loop.post([weak, tell, what = std::move(what)] {
        if (const auto self = weak.lock(); self && !self->gone) tell(*self, what);
      });
    };
  }

  void answer(Done<ImageRef> done, Result<ImageRef> result) {
    executor.post(
        [self = shared_from_this(), done = std::move(done), result = std::move(result)]() mutable {
          if (!self->gone) done(std::move(result));
        });
  }

  // --- ensure ---

  void ensure(const std::string& text, runtime::PullPolicy policy,
              const std::vector<runtime::RegistryLogin>& logins, Progress progress,
              Done<ImageRef> done) {
    auto reference = parse_reference(text);
    if (!reference) return answer(std::move(done), fail(reference.error()));
    Waiter waiter{text, std::move(progress), std::move(done), user_for(logins, *reference)};
    if (waiter.user.empty()) waiter.user = settings.user;
    if (policy == runtime::PullPolicy::Always) return join_pull(*reference, std::move(waiter));
    if (const auto pull = pulling.find(pull_key(reference->name(), waiter.user));
        pull != pulling.end() && policy == runtime::PullPolicy::IfNotPresent) {
      // It may be half there; whoever pulls it will tell.
      pull->second.push_back(std::move(waiter));
      return;
    }
    image_api::GetImageRequest request;
    request.set_name(reference->name());
    call(channel, stub, &image_api::Images::Stub::PrepareAsyncGet, request, kMetadataDeadline,
         [weak = weak_from_this(), reference = *std::move(reference), policy,
          waiter = std::move(waiter)](Result<image_api::GetImageResponse> found) mutable {
           const auto self = weak.lock();
           if (!self || self->gone) return;
           if (found)
             return self->check(std::move(reference), policy, found->image(), std::move(waiter));
           if (found.error().code == Code::NotFound) {
             return self->absent(reference, policy, std::move(waiter));
           }
           waiter.done(
               fail(std::move(found.error()).wrap("look for image \"" + waiter.reference + "\"")));
         });
  }

  void absent(const Reference& reference, runtime::PullPolicy policy, Waiter waiter) {
    if (policy != runtime::PullPolicy::Never) return join_pull(reference, std::move(waiter));
    // The kubelet's words (pkg/kubelet/images/image_manager.go).
    waiter.done(fail(Code::NotFound, "Container image \"" + waiter.reference +
                                         "\" is not present with pull policy of Never"));
  }

  /// There is a record. Is it usable? Known from last time, or looked at by a worker, which unpacks
  /// what is not.
  void check(Reference reference, runtime::PullPolicy policy, const image_api::Image& image,
             Waiter waiter) {
    const auto known = usable.find(image.name());
    if (known != usable.end() && known->second.first == record_key(image)) {
      return waiter.done(known->second.second);
    }
    work<ImageRef>(
        [image](ImageStore& store) { return make_usable(store, image); },
        [this, image, reference = std::move(reference), policy,
         waiter = std::move(waiter)](Result<ImageRef> result) mutable {
          if (result) {
            usable[image.name()] = {record_key(image), *result};
            return waiter.done(std::move(result));
          }
          // A record without its content, or for another platform, is as good as none.
          if (result.error().code == Code::NotFound ||
              result.error().code == Code::FailedPrecondition) {
            if (policy != runtime::PullPolicy::Never)
              return join_pull(reference, std::move(waiter));
          }
          waiter.done(fail(std::move(result.error()).wrap("image \"" + waiter.reference + "\"")));
        });
  }

  static Result<ImageRef> make_usable(ImageStore& store, const image_api::Image& image) {
    auto resolved = store.resolve(from_proto(image.target()));
    if (!resolved) return fail(resolved.error());
    ImageRef result{image.name(), image.target().digest(), resolved->chain_id(),
                    resolved->config_json};
    if (!result.chain_id.empty()) {
      auto there = store.has_snapshot(result.chain_id);
      if (!there) return fail(there.error());
      if (*there) return result;
    }
    // The lease keeps the first layers while the last is unpacked.
    if (auto leased = store.begin_lease(); !leased) return fail(leased.error());
    auto unpacked = store.label_children(*resolved);
    if (unpacked) unpacked = store.unpack(*resolved, {});
    store.end_lease(false);
    if (!unpacked) return fail(unpacked.error());
    return result;
  }

  // --- pull ---

  /// Whoever pulls with other credentials pulls for itself.
  static std::string pull_key(const std::string& name, const std::string& user) { return name + '\n' + user; }

  static Settings with_user(Settings settings, const std::string& user) {
    settings.user = user;
    return settings;
  }

  void join_pull(const Reference& reference, Waiter waiter) {
    const std::string name = reference.name();
    const std::string user = waiter.user;
    const std::string pull = pull_key(name, user);
    auto& waiters = pulling[pull];
    waiters.push_back(std::move(waiter));
    if (waiters.size() > 1) return;
    auto tell = on_loop([pull](Impl& self, const std::string& what) {
      const auto found = self.pulling.find(pull);
      if (found == self.pulling.end()) return;
      // A callback may call ensure() and so change the list.
      const auto copy = found->second;
      for (const auto& one : copy) {
        if (one.progress) one.progress(what);
      }
    });
    tell("pulling image " + name);
    // The record is read before the pull's end is told, so that a removal in between is seen as
    // one.
    auto key = std::make_shared<std::string>();
    work_in_turn<ImageRef>(
        [settings = with_user(settings, user), reference, fd = cancel_fd.get(), tell,
         key](ImageStore& store) -> Result<ImageRef> {
          auto pulled = pull_image(settings, reference, fd, tell);
          if (!pulled) return fail(pulled.error());
          auto image = store.get_image(reference.name());
          if (!image) return fail(image.error());
          *key = record_key(*image);
          return make_usable(store, *image);
        },
        [this, name, pull, key](Result<ImageRef> result) {
          const auto waiters_now = std::move(pulling[pull]);
          pulling.erase(pull);
          if (result) usable[name] = {*key, *result};
          for (const auto& one : waiters_now) {
            if (gone) return;  // a callback may destroy us
            if (result) {
              one.done(*result);
            } else {
              one.done(
                  fail(result.error().code, in_one_line("failed to pull image \"" + one.reference +
                                                        "\": " + result.error().message)));
            }
          }
        });
  }

  // --- the rest ---

  static Result<std::vector<ImageInfo>> list(ImageStore& store) {
    auto records = store.list_images();
    if (!records) return fail(records.error());
    std::vector<ImageInfo> result;
    std::map<std::string, std::int64_t> sizes;  // several names of one target are read once
    for (const auto& record : *records) {
      const auto [size, is_new] = sizes.try_emplace(record.target().digest(), 0);
      if (is_new) {
        // What is broken is listed too, with no size: it can be removed.
        const auto resolved = store.resolve(from_proto(record.target()));
        if (resolved) size->second = resolved->size_bytes();
      }
      result.push_back(image_info(record, size->second));
    }
    return result;
  }
};

Images::Images(Channel& channel, Executor& executor, Settings settings)
    : impl_(std::make_shared<Impl>(channel, executor, std::move(settings))) {}

Images::~Images() { impl_->cancel(); }

void Images::ensure(const std::string& reference, runtime::PullPolicy policy, Progress progress,
                    Done<ImageRef> done, const std::vector<runtime::RegistryLogin>& logins) {
  impl_->ensure(reference, policy, logins, std::move(progress), std::move(done));
}

void Images::pull(const std::string& reference, Progress progress, Done<ImageRef> done) {
  impl_->ensure(reference, runtime::PullPolicy::Always, {}, std::move(progress), std::move(done));
}

void Images::import_archive(const std::string& path, Progress progress,
                            Done<std::vector<ImageInfo>> done) {
  auto tell = impl_->on_loop([progress = std::move(progress)](Impl&, const std::string& what) {
    if (progress) progress(what);
  });
  impl_->work_in_turn<std::vector<ImageInfo>>(
      [path, tell](ImageStore& store) { return import_image_archive(store, path, tell); },
      std::move(done));
}

void Images::list(Done<std::vector<ImageInfo>> done) {
  impl_->work<std::vector<ImageInfo>>([](ImageStore& store) { return Impl::list(store); },
                                      std::move(done));
}

void Images::remove(const std::string& reference, std::function<void(Result<void>)> done) {
  impl_->work<void>(
      [reference](ImageStore& store) -> Result<void> {
        // What another program called in its own way can be removed under that name.
        const auto parsed = parse_reference(reference);
        if (parsed && store.remove_image(parsed->name())) return {};
        auto removed = store.remove_image(reference);
        if (removed) return {};
        if (removed.error().code == Code::NotFound) {
          return fail(Code::NotFound, "image \"" + reference + "\" is not there");
        }
        return fail(std::move(removed.error()).wrap("remove image \"" + reference + "\""));
      },
      std::move(done));
}

}  // namespace gantry::containerd
