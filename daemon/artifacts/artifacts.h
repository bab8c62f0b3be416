#pragma once

// The room of artifacts: what steps hand to each other and to the world. Read this first.
//
// An artifact is a file or a directory. Where it is kept is a Location (location.h): text in the
// workflow, an HTTP server, a Git repository, S3, or a repository of this host
// (local_repository.h), which is what steps use among each other and which copies nothing. How it
// is packed there is its Archive (archive.h). The rules are Argo's; each file names the source it
// follows.
//
// Any thread but the loop, several at once: every function blocks, on disks and on networks.
// `cancel` is a descriptor (an eventfd, or -1) that becomes readable when the work is not wanted
// any more; the answer is then Cancelled.
//
// Errors: NotFound is the artifact that is not there, and nothing else, so that `optional` can go
// by it. InvalidArgument: what the user wrote or sent makes no sense, or would do harm.
// ResourceExhausted: Limits, or a full disk. Unavailable, DeadlineExceeded: the other side. No
// error holds a secret.

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"
#include "daemon/artifacts/archive.h"
#include "daemon/artifacts/git_artifact.h"
#include "daemon/artifacts/limits.h"
#include "daemon/artifacts/local_repository.h"
#include "daemon/artifacts/location.h"
#include "daemon/artifacts/tree.h"

namespace gantry::artifacts {

struct Options {
  std::map<std::string, std::string> repositories;  ///< name → directory; made if missing
  std::string scratch_directory;  ///< for what is packed before it is sent; made if missing,
                                  ///< emptied by open()
  GitOptions git;                 ///< private_directory empty: below scratch_directory
  Limits limits;
};

struct LoadRequest {
  Location location;
  Archive archive;
  std::string sub_path;  ///< part of the artifact; as in Argo it is added to the key or the URL
  std::optional<unsigned> mode;  ///< 0 to 0777
  bool recurse_mode = false;
  /// Where to put it: must not exist, its parent must, and nobody else writes there. Empty, for a
  /// Repository only: materialise it.
  std::string destination;
};

struct Loaded {
  std::string path;                          ///< on the host; a file or a directory
  std::optional<Materialised> materialised;  ///< keeps `path`, which must then not be written to
};

class Artifacts {
 public:
  static Result<std::unique_ptr<Artifacts>> open(Options options);

  /// Stores an output. The caller has filled in the key ("<wf>/<pod>/<name>.tgz" where the file
  /// says none).
  Result<Saved> save(const Staged& staged, const Location& location, const Archive& archive,
                     int cancel = -1);
  /// Fetches an input. A failed one leaves nothing at the destination.
  Result<Loaded> load(const LoadRequest& request, int cancel = -1);

  /// The artifact as it is kept there, or would be by Argo (a tar.gz, a zip, the file), as a file
  /// of nobody's, to be read from its start. InvalidArgument: a directory that is no archive.
  Result<UniqueFd> read(const Location& location, const Archive& archive,
                        const std::string& sub_path, int cancel = -1);

  /// The keys below a location, sorted (a `data` template's artifactPaths). S3 and Repository.
  Result<std::vector<std::string>> list(const Location& location, int cancel = -1);
  /// For artifactGC: the key, or with '/' at its end all below it. S3 and Repository.
  Result<void> remove(const Location& location, int cancel = -1);
  /// Makes `to` stand for the same artifact; within one repository nothing is copied.
  Result<void> alias(const Repository& from, const Repository& to);

  /// Export, stat, usage, hold and collect_garbage are the repository's own. NotFound becomes
  /// InvalidArgument here: an unknown repository is no missing artifact.
  Result<LocalRepository*> repository(const std::string& name);

 private:
  explicit Artifacts(Options options) : options_(std::move(options)) {}
  struct Packed;
  Result<Packed> pack_to_scratch(const Staged& staged, const Archive& archive);
  Result<Saved> save_to_server(const Staged& staged, const Location& location,
                               const Archive& archive, int cancel);
  Result<void> fetch(const LoadRequest& request, const std::string& to, int cancel);
  Result<void> read_from_repository(const Repository& location, const Archive& archive,
                                    const std::string& sub_path, int fd);
  Result<Loaded> load_from_repository(const LoadRequest& request, const Repository& location);

  Options options_;
  std::map<std::string, std::unique_ptr<LocalRepository>> repositories_;
};

}  // namespace gantry::artifacts
