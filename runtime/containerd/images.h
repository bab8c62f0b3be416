#pragma once

// The images of one containerd namespace: what is there, how it comes in (an archive, a registry),
// how it goes.
//
// Owned by the containerd runtime and used on the loop thread only; every callback arrives there
// too, never from inside the call that it answers. Small questions are asynchronous gRPC calls;
// pulls and imports run on workers, at most `Settings::parallel` at a time, so that they cannot
// take the whole pool.
//
// An image that is reported as there is usable: its content is complete for this host's platform
// and its layers are unpacked into the snapshotter. An image that another program left half way
// (`ctr images pull` without unpacking, a killed import) is unpacked or pulled again by ensure().

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/executor.h"
#include "runtime/pod.h"

namespace gantry::containerd {

class Channel;

/// An image that can be run.
struct ImageRef {
  std::string name;      ///< normalised: `docker.io/library/busybox:latest`
  std::string digest;    ///< of the image's target, an index or a manifest: `sha256:…`
  std::string chain_id;  ///< the snapshot that a container's snapshot has as its parent
  std::string config;    ///< the OCI image configuration (JSON) for this platform: Env, Entrypoint,
                         ///< Cmd, User, …
};

/// An image as the user sees it in a list.
struct ImageInfo {
  std::string name;
  std::string digest;
  std::int64_t size_bytes =
      0;  ///< of the content for this platform as stored (compressed), manifest and config included
  Time created{};  ///< of the image record, not of the build
};

class Images {
 public:
  struct Settings {
    std::string socket;  ///< containerd's, an absolute path
    std::string containerd_namespace = "gantry";
    std::string snapshotter = "overlayfs";
    std::string ctr = "ctr";  ///< the program that pulls; looked up in PATH
    std::string user;         ///< credentials for registries, `NAME:PASSWORD`; empty: none
    Duration pull_timeout = std::chrono::minutes(30);
    int parallel = 2;  ///< pulls and imports at a time
  };
  using Progress = std::function<void(std::string)>;
  template <class T>
  using Done = std::function<void(Result<T>)>;

  /// `channel` and `executor` outlive the object.
  Images(Channel& channel, Executor& executor, Settings settings);
  /// Callbacks that have not come yet do not come any more; a running `ctr` is ended.
  ~Images();
  Images(const Images&) = delete;
  Images& operator=(const Images&) = delete;

  /// Makes `reference` usable under the rules of Kubernetes' imagePullPolicy. Concurrent calls that
  /// pull one reference share the pull; each gets its progress and its answer. Errors:
  /// InvalidArgument (a bad reference), NotFound (`Container image "x" is not present with pull
  /// policy of Never`), and for a pull whatever stopped it (`failed to pull image "x": …`), in one
  /// line.
  /// `logins`: a pull uses the one whose server fits best, or else the settings' user.
  void ensure(const std::string& reference, runtime::PullPolicy policy, Progress progress,
              Done<ImageRef> done, const std::vector<runtime::RegistryLogin>& logins = {});

  /// Reads an archive (OCI layout or `docker save`; plain, gzip or zstd) into containerd. All or
  /// nothing.
  void import_archive(const std::string& path, Progress progress,
                      Done<std::vector<ImageInfo>> done);
  /// Pulls `reference` from its registry even if it is there.
  void pull(const std::string& reference, Progress progress, Done<ImageRef> done);
  void list(Done<std::vector<ImageInfo>> done);
  /// Removes the name; containerd frees what no other name needs. NotFound if there is no such
  /// image.
  void remove(const std::string& reference, std::function<void(Result<void>)> done);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace gantry::containerd
