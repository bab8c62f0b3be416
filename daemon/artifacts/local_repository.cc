#include "daemon/artifacts/local_repository.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "daemon/artifacts/files.h"
#include "daemon/artifacts/manifest.h"
#include "daemon/artifacts/pack.h"

namespace gantry::artifacts {
namespace {

constexpr std::size_t kLargestManifest = std::size_t{1} << 30;
constexpr unsigned kDirectoryMode = 0755;

/// Names a tree: its manifest, and the modes that were asked for.
Digest tree_id(const Tree& tree, const View& view) {
  std::string text = encode_manifest(tree);
  if (view.mode) {
    text += "mode " + std::to_string(*view.mode) + (view.recurse_mode ? " recursive\n" : "\n");
  }
  return sha256(text);
}

/// The mode that an entry gets (Argo's untar, then its chmod).
unsigned mode_of(const Entry& entry, const View& view) {
  if (view.mode && (entry.path.empty() || view.recurse_mode)) return *view.mode;
  return entry.kind == Kind::Directory ? kDirectoryMode : entry.mode;
}

}  // namespace

LocalRepository::LocalRepository(UniqueFd lock, const Limits& limits,
                                 std::unique_ptr<ObjectStore> objects, KeyIndex keys,
                                 std::shared_ptr<Trees> trees)
    : lock_(std::move(lock)),
      limits_(limits),
      objects_(std::move(objects)),
      keys_(std::move(keys)),
      trees_(std::move(trees)) {}

Result<std::unique_ptr<LocalRepository>> LocalRepository::open(const std::string& directory,
                                                               const Limits& limits) {
  auto made = make_directories(directory);
  if (!made) return fail(std::move(made.error()));
  const std::string lock_path = directory + "/lock";
  UniqueFd lock(::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock.valid()) return fail(errno_error("open " + lock_path, errno));
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    return fail(Code::FailedPrecondition,
                "the artifact repository " + directory + " is in use by another process");
  }
  auto objects = ObjectStore::open(directory);
  if (!objects) return fail(std::move(objects.error()));
  const std::string& temporary = (*objects)->temporary_directory();
  auto keys = KeyIndex::open(directory + "/keys", temporary);
  if (!keys) return fail(std::move(keys.error()));
  auto trees = Trees::open(directory + "/trees", temporary);
  if (!trees) return fail(std::move(trees.error()));
  return std::unique_ptr<LocalRepository>(new LocalRepository(
      std::move(lock), limits, std::move(*objects), *std::move(keys), *std::move(trees)));
}

Result<Saved> LocalRepository::save(const Staged& staged, const std::string& key,
                                    const Archive& archive) {
  auto scanned = scan(staged, limits_);
  if (!scanned) return fail(std::move(scanned.error()));
  Tree& tree = scanned->tree;
  ObjectStore::Session session(*objects_);
  const OpenContent open = staged_content(staged);
  std::uint64_t left = limits_.max_bytes;
  for (Entry& entry : tree.entries) {
    if (entry.kind != Kind::File) continue;
    auto fd = open(entry);
    if (!fd) return fail(std::move(fd.error()).wrap(staged.name + "/" + entry.path));
    auto put = objects_->put(session, fd->get(), left);
    if (!put) return fail(std::move(put.error()).wrap(staged.name + "/" + entry.path));
    entry.content = put->digest;
    entry.size = put->size;
    left -= put->size;
  }
  auto manifest = objects_->put(session, encode_manifest(tree));
  if (!manifest) return fail(std::move(manifest.error()));
  auto synced = objects_->sync(session);
  if (!synced) return fail(std::move(synced.error()));
  const KeyRecord record{manifest->digest, tree.size(), tree.files(), archive.format, staged.name};
  auto written = keys_.write(key, record);
  if (!written) return fail(std::move(written.error()));
  return Saved{record.bytes, record.files, scanned->left_out, "sha256:" + record.manifest.hex()};
}

Result<Tree> LocalRepository::read_manifest(const Digest& digest) const {
  auto fd = objects_->open_content(digest);
  if (!fd) return fail(std::move(fd.error()));
  auto text = read_all(fd->get(), kLargestManifest);
  if (!text) return fail(std::move(text.error()));
  if (sha256(*text) != digest) return fail(Code::DataLoss, "the manifest is damaged");
  return decode_manifest(*text);
}

/// The artifact `key`, or the part `b/c` of a directory that was saved as `a` without an archive:
/// there, Argo would have an object `a/b/c`. The session keeps what was found.
Result<LocalRepository::Found> LocalRepository::find(ObjectStore::Session& session,
                                                     const std::string& key) const {
  std::string name = key;
  auto record = keys_.read(name);
  while (!record && record.error().code == Code::NotFound && name.find('/') != std::string::npos) {
    name.resize(name.rfind('/'));
    if (name.empty()) break;
    auto above = keys_.read(name);
    if (above && above->format != Archive::Format::None) break;
    if (above) record = std::move(above);
  }
  if (!record) return fail(std::move(record.error()));
  session.pin(record->manifest);
  auto tree = read_manifest(record->manifest);
  // The key was removed and its manifest collected before the pin.
  if (!tree && tree.error().code == Code::NotFound) {
    auto again = keys_.read(name);
    if (again && again->manifest == record->manifest) {
      return fail(Code::DataLoss, "the manifest of key " + name + " is lost");
    }
    return again ? find(session, key) : fail(std::move(again.error()));
  }
  if (!tree) return fail(std::move(tree.error()).wrap("key " + name));
  for (const Entry& entry : tree->entries) {
    if (entry.kind == Kind::File) session.pin(entry.content);
  }
  if (name.size() < key.size()) {
    const auto part = key.substr(name.size() + 1);
    auto below = tree->below(part);
    if (!below) return fail(Code::NotFound, "there is no artifact with key " + key);
    tree = std::move(*below);
    record->name = part.substr(part.rfind('/') + 1);
    record->bytes = tree->size();
    record->files = tree->files();
  }
  return Found{*std::move(record), *std::move(tree)};
}

Result<Tree> LocalRepository::find_view(ObjectStore::Session& session, const std::string& key,
                                        const View& view) const {
  auto found = find(session, key);
  if (!found) return fail(std::move(found.error()));
  auto part = found->tree.below(view.sub_path);
  if (!part) return fail(std::move(part.error()).wrap("artifact " + key));
  return part;
}

Result<void> LocalRepository::build(const Tree& tree, const View& view, const std::string& path,
                                    bool link) {
  // Below a directory that is open, so that no path is resolved twice from the root of the host.
  const auto slash = path.rfind('/');
  UniqueFd parent(::open(path.substr(0, slash).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!parent.valid()) return fail(errno_error("open " + path.substr(0, slash), errno));
  const std::string root = path.substr(slash + 1);
  for (const Entry& entry : tree.entries) {
    const std::string name = entry.path.empty() ? root : root + "/" + entry.path;
    if (entry.kind == Kind::Directory) {
      if (::mkdirat(parent.get(), name.c_str(), 0700) != 0) {
        return fail(errno_error("mkdir " + name, errno));
      }
    } else if (entry.kind == Kind::Link) {
      if (::symlinkat(entry.target.c_str(), parent.get(), name.c_str()) != 0) {
        return fail(errno_error("symlink " + name, errno));
      }
    } else {
      const ObjectStore::Attributes attributes{mode_of(entry, view), entry.mtime};
      auto placed = link ? objects_->link(entry.content, attributes, parent.get(), name)
                         : objects_->copy(entry.content, attributes, parent.get(), name);
      if (!placed) return placed;
    }
  }
  // A mode without x or w would be in the way before.
  for (auto entry = tree.entries.rbegin(); entry != tree.entries.rend(); ++entry) {
    if (entry->kind != Kind::Directory) continue;
    const std::string name = entry->path.empty() ? root : root + "/" + entry->path;
    if (::fchmodat(parent.get(), name.c_str(), mode_of(*entry, view), 0) != 0) {
      return fail(errno_error("chmod " + name, errno));
    }
  }
  return {};
}

Result<Materialised> LocalRepository::materialise(const std::string& key, const View& view) {
  ObjectStore::Session session(*objects_);
  auto tree = find_view(session, key, view);
  if (!tree) return fail(std::move(tree.error()));
  return trees_->get(tree_id(*tree, view).hex(),
                     [&](const std::string& path) { return build(*tree, view, path, true); });
}

Result<void> LocalRepository::copy_to(const std::string& key, const View& view,
                                      const std::string& destination) {
  ObjectStore::Session session(*objects_);
  auto tree = find_view(session, key, view);
  if (!tree) return fail(std::move(tree.error()));
  return build(*tree, view, destination, false);
}

Result<void> LocalRepository::export_archive(const std::string& key, const Archive& archive,
                                             int fd) {
  ObjectStore::Session session(*objects_);
  auto found = find(session, key);
  if (!found) return fail(std::move(found.error()));
  return pack(
      found->tree, found->record.name,
      [this](const Entry& entry) { return objects_->open_content(entry.content); }, archive, fd);
}

Result<KeyRecord> LocalRepository::stat(const std::string& key) const {
  ObjectStore::Session session(*objects_);
  auto found = find(session, key);
  if (!found) return fail(std::move(found.error()));
  return std::move(found->record);
}

Result<std::vector<std::string>> LocalRepository::list(const std::string& prefix) const {
  std::string directory = prefix;
  while (directory.ends_with('/')) directory.pop_back();
  if (!directory.empty()) directory += '/';
  std::vector<std::string> keys;
  ObjectStore::Session session(*objects_);
  const auto add_files = [&](const std::string& key) -> Result<void> {
    auto found = find(session, key);
    // Removed since it was listed.
    if (!found && found.error().code == Code::NotFound) return {};
    if (!found) return fail(std::move(found.error()));
    if (found->record.format != Archive::Format::None || !found->tree.is_directory()) {
      keys.push_back(key);
      return {};
    }
    for (const Entry& entry : found->tree.entries) {
      if (entry.kind == Kind::File) keys.push_back(key + "/" + entry.path);
    }
    return {};
  };
  auto done = keys_.each(directory, add_files);
  if (!done) return fail(std::move(done.error()));
  if (!directory.empty()) {
    directory.pop_back();
    auto own = find(session, directory);
    if (!own && (own.error().code != Code::NotFound || keys.empty())) {
      return fail(std::move(own.error()));
    }
    if (own && own->tree.is_directory() && own->record.format == Archive::Format::None) {
      (void)add_files(directory);
    }
  }
  std::sort(keys.begin(), keys.end());
  return keys;
}

Result<void> LocalRepository::alias(const std::string& from, const std::string& to) {
  ObjectStore::Session session(*objects_);
  for (;;) {
    auto record = keys_.read(from);
    if (!record) return fail(std::move(record.error()));
    // From here on a collection leaves the manifest alone, and a collection that had marked before
    // had seen `from`, unless that was removed in between: so it is read again.
    auto found = find(session, from);
    if (!found) return fail(std::move(found.error()));
    if (found->record.manifest == record->manifest) return keys_.write(to, *record);
  }
}

Result<void> LocalRepository::remove(const std::string& key) {
  if (!key.ends_with('/')) return keys_.remove(key);
  std::vector<std::string> keys;
  auto listed = keys_.each(key, [&](std::string found) -> Result<void> {
    keys.push_back(std::move(found));
    return {};
  });
  if (!listed) return listed;
  for (const std::string& found : keys) {
    auto removed = keys_.remove(found);
    if (!removed && removed.error().code != Code::NotFound) return removed;
  }
  return {};
}

Result<LocalRepository::Usage> LocalRepository::usage() const {
  Usage usage;
  auto done = keys_.each("", [&](const std::string& key) -> Result<void> {
    auto record = keys_.read(key);
    if (!record && record.error().code == Code::NotFound) return {};
    if (!record) return fail(std::move(record.error()));
    ++usage.keys;
    usage.key_bytes += record->bytes;
    return {};
  });
  if (!done) return fail(std::move(done.error()));
  auto objects = objects_->usage();
  if (!objects) return fail(std::move(objects.error()));
  usage.objects = objects->objects;
  usage.object_bytes = objects->bytes;
  return usage;
}

Result<ObjectStore::Swept> LocalRepository::collect_garbage() {
  auto idle = trees_->remove_idle();
  if (!idle) return fail(std::move(idle.error()));
  return objects_->collect([this]() -> Result<ObjectStore::Digests> {
    ObjectStore::Digests live;
    auto done = keys_.each("", [&](const std::string& key) -> Result<void> {
      auto record = keys_.read(key);
      if (!record && record.error().code == Code::NotFound) return {};
      if (!record) return fail(std::move(record.error()));
      if (!live.insert(record->manifest).second) return {};
      auto tree = read_manifest(record->manifest);
      // Of a key that was removed meanwhile, nothing may be left.
      if (!tree && tree.error().code == Code::NotFound && !keys_.read(key)) return {};
      if (!tree) return fail(std::move(tree.error()).wrap("key " + key));
      for (const Entry& entry : tree->entries) {
        if (entry.kind == Kind::File) live.insert(entry.content);
      }
      return {};
    });
    if (!done) return fail(std::move(done.error()));
    return live;
  });
}

}  // namespace gantry::artifacts
