#pragma once

// A repository of artifacts in a directory of the host. Keys are those of Argo's repositories
// ("<wf>/<pod>/out.tgz"); what is behind them is never packed: contents are kept once by their
// SHA-256 (ObjectStore), an artifact is a list of them (a manifest, itself an object), a key is a
// name for a manifest. So passing an artifact on copies nothing:
//
//   objects/ab/…    contents and manifests      keys/…      key → manifest
//   trees/…         what is materialised        tmp/        in progress, emptied by open() lock
//
// Order of writing: objects, sync, key, sync. A key that can be read names only what is complete
// and durable.
//
// Owners: everything belongs to the daemon's user (root), as what Argo's init container untars
// does. Modes and times of files are kept; a directory has mode 0755 when it is materialised and
// its own one in an exported archive, both as in Argo's tar and untar
// (workflow/executor/executor.go). Links are kept as they are and never followed here.
//
// Any thread, several at once, all functions block. One process: a second open() is
// FailedPrecondition.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"
#include "daemon/artifacts/archive.h"
#include "daemon/artifacts/key_index.h"
#include "daemon/artifacts/limits.h"
#include "daemon/artifacts/object_store.h"
#include "daemon/artifacts/tree.h"
#include "daemon/artifacts/trees.h"

namespace gantry::artifacts {

/// What save() made.
struct Saved {
  std::uint64_t bytes = 0;     ///< of all files, unpacked
  std::uint64_t files = 0;     ///< files and links
  std::uint64_t left_out = 0;  ///< sockets, pipes, device nodes
  std::string digest;          ///< "sha256:…" of the manifest, or of what was sent to a server
};

/// The part of an artifact that is wanted, and how.
struct View {
  std::string sub_path;          ///< empty: all
  std::optional<unsigned> mode;  ///< 0 to 0777, of the root; absent: as it was saved
  bool recurse_mode = false;  ///< and of everything below, as Argo's chmod, but not through links
};

class LocalRepository {
 public:
  static Result<std::unique_ptr<LocalRepository>> open(const std::string& directory,
                                                       const Limits& limits);

  /// The last one to save a key wins. Nothing is packed; `archive` is only remembered.
  Result<Saved> save(const Staged& staged, const std::string& key, const Archive& archive);

  /// As a path that must not be written to. See Trees.
  Result<Materialised> materialise(const std::string& key, const View& view);
  /// Takes up a tree again that an earlier life of the daemon gave away.
  Result<Materialised> hold(const std::string& tree_id) { return trees_->hold(tree_id); }
  /// As files of the caller's own at `destination`, which must not exist.
  Result<void> copy_to(const std::string& key, const View& view, const std::string& destination);
  /// Writes what Argo would have stored under the key: a tar.gz, a zip, or the file. The same
  /// artifact always gives the same bytes. InvalidArgument: a directory, and no archive.
  Result<void> export_archive(const std::string& key, const Archive& archive, int fd);

  [[nodiscard]] Result<KeyRecord> stat(const std::string& key) const;
  /// The keys below "prefix/" ("" are all), sorted; of a directory that was saved without an
  /// archive, its files. NotFound: nothing there, and no artifact `prefix` either. As Argo's
  /// ListObjects.
  [[nodiscard]] Result<std::vector<std::string>> list(const std::string& prefix) const;
  /// `to` stands for what `from` stands for now.
  Result<void> alias(const std::string& from, const std::string& to);
  /// Removes a key; with '/' at its end, all keys below it. The contents go with collect_garbage().
  Result<void> remove(const std::string& key);

  struct Usage {
    std::uint64_t keys = 0;
    std::uint64_t key_bytes = 0;  ///< what they would take if nothing was shared
    std::uint64_t objects = 0;
    std::uint64_t object_bytes = 0;
  };
  [[nodiscard]] Result<Usage> usage() const;
  /// Removes trees that nobody uses and objects that no key stands for. Readers and writers go on
  /// meanwhile.
  Result<ObjectStore::Swept> collect_garbage();

 private:
  struct Found {
    KeyRecord record;
    Tree tree;
  };
  LocalRepository(UniqueFd lock, const Limits& limits, std::unique_ptr<ObjectStore> objects,
                  KeyIndex keys, std::shared_ptr<Trees> trees);
  [[nodiscard]] Result<Tree> read_manifest(const Digest& digest) const;
  Result<Found> find(ObjectStore::Session& session, const std::string& key) const;
  Result<Tree> find_view(ObjectStore::Session& session, const std::string& key,
                         const View& view) const;
  Result<void> build(const Tree& tree, const View& view, const std::string& path, bool link);

  UniqueFd lock_;
  Limits limits_;
  std::unique_ptr<ObjectStore> objects_;
  KeyIndex keys_;
  std::shared_ptr<Trees> trees_;
};

}  // namespace gantry::artifacts
