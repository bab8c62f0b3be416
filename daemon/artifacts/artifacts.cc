#include "daemon/artifacts/artifacts.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <utility>

#include "daemon/artifacts/files.h"
#include "daemon/artifacts/http_artifact.h"
#include "daemon/artifacts/manifest.h"
#include "daemon/artifacts/pack.h"
#include "daemon/artifacts/s3_artifact.h"
#include "daemon/artifacts/unpack.h"

namespace gantry::artifacts {
namespace {

Result<UniqueFd> create_file(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd.valid()) return fail(errno_error("create " + path, errno));
  return fd;
}

Result<Digest> digest_of(int fd) {
  constexpr std::size_t kChunk = 256 << 10;
  const auto buffer = std::make_unique<char[]>(kChunk);
  Sha256 sum;
  for (off_t offset = 0;;) {
    const ssize_t got = ::pread(fd, buffer.get(), kChunk, offset);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(errno_error("read", errno));
    if (got == 0) return sum.finish();
    sum.update({buffer.get(), static_cast<std::size_t>(got)});
    offset += got;
  }
}

/// Argo's AppendToKey: path.Join(key, sub_path).
std::string join(std::string key, const std::string& sub_path) {
  while (key.ends_with('/')) key.pop_back();
  std::string_view rest = sub_path;
  while (rest.starts_with('/')) rest.remove_prefix(1);
  return key + "/" + std::string(rest);
}

/// The URL with `sub_path` added to its path, before the query.
std::string join_url(const std::string& url, const std::string& sub_path) {
  const auto end = std::min(url.find_first_of("?#"), url.size());
  return join(url.substr(0, end), percent_encode(sub_path, "/~")) + url.substr(end);
}

Error unsupported(const Location& location, const std::string& what) {
  static constexpr const char* kNames[] = {"Raw", "HTTP", "git", "S3", "Repository"};
  return {Code::InvalidArgument, std::string(kNames[location.index()]) + " " + what};
}

bool is_directory(const std::string& path) {
  struct stat info {};
  return ::lstat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

}  // namespace

Result<std::unique_ptr<Artifacts>> Artifacts::open(Options options) {
  std::unique_ptr<Artifacts> artifacts(new Artifacts(std::move(options)));
  Options& mine = artifacts->options_;
  auto made = remove_tree(mine.scratch_directory);
  if (made) made = make_directories(mine.scratch_directory);
  if (mine.git.private_directory.empty()) {
    mine.git.private_directory = mine.scratch_directory + "/git";
  }
  if (made) made = make_directories(mine.git.private_directory);
  if (!made) return fail(std::move(made.error()));
  for (const auto& [name, directory] : mine.repositories) {
    auto opened = LocalRepository::open(directory, mine.limits);
    if (!opened) return fail(std::move(opened.error()).wrap("artifact repository " + name));
    artifacts->repositories_[name] = std::move(*opened);
  }
  return artifacts;
}

Result<LocalRepository*> Artifacts::repository(const std::string& name) {
  const auto found = repositories_.find(name);
  if (found != repositories_.end()) return found->second.get();
  return fail(Code::InvalidArgument, "there is no artifact repository " + name);
}

/// What goes to a server, as one file.
struct Artifacts::Packed {
  ScratchDirectory directory;
  UniqueFd fd;
  std::uint64_t size = 0;
  Saved saved;
};

Result<Artifacts::Packed> Artifacts::pack_to_scratch(const Staged& staged, const Archive& archive) {
  auto scanned = scan(staged, options_.limits);
  if (!scanned) return fail(std::move(scanned.error()));
  auto directory = ScratchDirectory::create(options_.scratch_directory);
  if (!directory) return fail(std::move(directory.error()));
  auto fd = create_file(directory->file("packed"));
  if (!fd) return fail(std::move(fd.error()));
  auto packed = pack(scanned->tree, staged.name, staged_content(staged), archive, fd->get());
  if (!packed) return fail(std::move(packed.error()));
  struct stat info {};
  if (::fstat(fd->get(), &info) != 0) return fail(errno_error("stat", errno));
  auto digest = digest_of(fd->get());
  if (!digest) return fail(std::move(digest.error()));
  return Packed{std::move(*directory), std::move(*fd), static_cast<std::uint64_t>(info.st_size),
                Saved{scanned->tree.size(), scanned->tree.files(), scanned->left_out,
                      "sha256:" + digest->hex()}};
}

Result<Saved> Artifacts::save_to_server(const Staged& staged, const Location& location,
                                        const Archive& archive, int cancel) {
  const Context context{options_.limits, cancel};
  const auto* s3 = std::get_if<S3>(&location);
  if (s3 != nullptr && archive.format == Archive::Format::None) {
    auto scanned = scan(staged, options_.limits);
    if (!scanned) return fail(std::move(scanned.error()));
    Tree& tree = scanned->tree;
    if (tree.is_directory()) {
      const OpenContent open = staged_content(staged);
      auto done = save_s3_tree(*s3, tree, open, context);
      if (!done) return fail(std::move(done.error()));
      for (Entry& entry : tree.entries) {
        if (entry.kind != Kind::File) continue;
        auto fd = open(entry);
        if (!fd) return fail(std::move(fd.error()));
        auto digest = digest_of(fd->get());
        if (!digest) return fail(std::move(digest.error()));
        entry.content = *digest;
      }
      return Saved{tree.size(), tree.files(), scanned->left_out,
                   "sha256:" + sha256(encode_manifest(tree)).hex()};
    }
  }
  auto packed = pack_to_scratch(staged, archive);
  if (!packed) return fail(std::move(packed.error()));
  auto done = s3 != nullptr
                  ? save_s3_file(*s3, packed->fd.get(), packed->size, context)
                  : save_http(std::get<Http>(location), packed->fd.get(), packed->size, context);
  if (!done) return fail(std::move(done.error()));
  return std::move(packed->saved);
}

Result<Saved> Artifacts::save(const Staged& staged, const Location& location,
                              const Archive& archive, int cancel) {
  if (archive.level && (*archive.level < 0 || *archive.level > 9)) {
    return fail(Code::InvalidArgument, "a compressionLevel is 0 to 9");
  }
  if (const auto* local = std::get_if<Repository>(&location)) {
    auto found = repository(local->name);
    if (!found) return fail(std::move(found.error()));
    return (*found)->save(staged, local->key, archive);
  }
  if (!std::holds_alternative<S3>(location) && !std::holds_alternative<Http>(location)) {
    return fail(unsupported(location, "output artifacts unsupported"));
  }
  return save_to_server(staged, location, archive, cancel);
}

Result<Loaded> Artifacts::load_from_repository(const LoadRequest& request,
                                               const Repository& location) {
  auto found = repository(location.name);
  if (!found) return fail(std::move(found.error()));
  const View view{request.sub_path, request.mode, request.recurse_mode};
  if (request.destination.empty()) {
    auto tree = (*found)->materialise(location.key, view);
    if (!tree) return fail(std::move(tree.error()));
    std::string path = tree->path();
    return Loaded{std::move(path), std::move(*tree)};
  }
  auto copied = (*found)->copy_to(location.key, view, request.destination);
  if (!copied) return fail(std::move(copied.error()));
  return Loaded{request.destination, std::nullopt};
}

/// Brings what is at the location to `to`, as it is there.
Result<void> Artifacts::fetch(const LoadRequest& request, const std::string& to, int cancel) {
  const Context context{options_.limits, cancel};
  if (const auto* s3 = std::get_if<S3>(&request.location)) {
    S3 part = *s3;
    if (!request.sub_path.empty()) part.key = join(part.key, request.sub_path);
    return load_s3(part, to, context);
  }
  if (const auto* git = std::get_if<Git>(&request.location)) {
    return load_git(*git, options_.git, to, context);
  }
  auto fd = create_file(to);
  if (!fd) return fail(std::move(fd.error()));
  if (const auto* raw = std::get_if<Raw>(&request.location)) return write_all(fd->get(), raw->data);
  Http part = std::get<Http>(request.location);
  if (!request.sub_path.empty()) part.url = join_url(part.url, request.sub_path);
  return load_http(part, fd->get(), context);
}

Result<Loaded> Artifacts::load(const LoadRequest& request, int cancel) {
  if (request.mode && *request.mode > 0777) {
    return fail(Code::InvalidArgument, "an artifact's mode is 0 to 0777");
  }
  if (const auto* local = std::get_if<Repository>(&request.location)) {
    return load_from_repository(request, *local);
  }
  const auto slash = request.destination.rfind('/');
  if (slash == std::string::npos || slash + 1 == request.destination.size()) {
    return fail(Code::InvalidArgument, "there is no destination to load the artifact to");
  }
  const bool git = std::holds_alternative<Git>(request.location);
  if (!request.sub_path.empty() && std::holds_alternative<Raw>(request.location)) {
    return fail(unsupported(request.location, "artifacts have no subPath"));
  }
  // Beside the destination, so that the end is one rename.
  auto scratch = ScratchDirectory::create(request.destination.substr(0, slash));
  if (!scratch) return fail(std::move(scratch.error()));
  const std::string fetched = scratch->file("fetched");
  const std::string ready = scratch->file("ready");
  auto done = fetch(request, fetched, cancel);
  if (!done) return fail(std::move(done.error()));
  if (git) {
    if (!request.sub_path.empty() && !is_plain_path(request.sub_path)) {
      return fail(Code::InvalidArgument, "illegal subPath: " + request.sub_path);
    }
    const UniqueFd root(::open(fetched.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!open_beneath(root.get(), request.sub_path, O_PATH)) {
      return fail(Code::NotFound,
                  "there is no " + request.sub_path + " in " + describe(request.location));
    }
    done = rename_path(request.sub_path.empty() ? fetched : join(fetched, request.sub_path), ready);
  } else if (is_directory(fetched)) {
    // A directory of S3 objects.
    if (request.archive.specified && request.archive.format != Archive::Format::None) {
      return fail(Code::InvalidArgument,
                  describe(request.location) + " is a directory, not an archive");
    }
    done = rename_path(fetched, ready);
  } else {
    done = unpack(fetched, request.archive, options_.limits, ready);
  }
  if (done && request.mode) done = change_mode(ready, *request.mode, request.recurse_mode);
  if (done) done = rename_path(ready, request.destination);
  if (!done) return fail(std::move(done.error()).wrap(describe(request.location)));
  return Loaded{request.destination, std::nullopt};
}

Result<void> Artifacts::read_from_repository(const Repository& location, const Archive& archive,
                                             const std::string& sub_path, int fd) {
  auto found = repository(location.name);
  if (!found) return fail(std::move(found.error()));
  if (sub_path.empty()) return (*found)->export_archive(location.key, archive, fd);
  auto tree = (*found)->materialise(location.key, {.sub_path = sub_path, .mode = std::nullopt});
  if (!tree) return fail(std::move(tree.error()));
  auto staged = Staged::open(tree->path());
  if (!staged) return fail(std::move(staged.error()));
  staged->name = sub_path.substr(sub_path.rfind('/') + 1);
  auto scanned = scan(*staged, options_.limits);
  if (!scanned) return fail(std::move(scanned.error()));
  return pack(scanned->tree, staged->name, staged_content(*staged), archive, fd);
}

Result<UniqueFd> Artifacts::read(const Location& location, const Archive& archive,
                                 const std::string& sub_path, int cancel) {
  auto scratch = ScratchDirectory::create(options_.scratch_directory);
  if (!scratch) return fail(std::move(scratch.error()));
  const std::string path = scratch->file("read");
  if (const auto* local = std::get_if<Repository>(&location)) {
    auto fd = create_file(path);
    if (!fd) return fd;
    auto done = read_from_repository(*local, archive, sub_path, fd->get());
    if (!done) return fail(std::move(done.error()));
    return reopen(fd->get(), O_RDONLY);
  }
  if (std::holds_alternative<Git>(location)) {
    return fail(unsupported(location, "artifacts cannot be downloaded"));
  }
  LoadRequest request;
  request.location = location;
  request.sub_path = sub_path;
  if (auto done = fetch(request, path, cancel); !done) return fail(std::move(done.error()));
  if (is_directory(path)) return fail(unsupported(location, "artifact is a directory"));
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return fail(errno_error("open " + path, errno));
  return fd;
}

Result<std::vector<std::string>> Artifacts::list(const Location& location, int cancel) {
  if (const auto* s3 = std::get_if<S3>(&location)) {
    return list_s3(*s3, Context{options_.limits, cancel});
  }
  const auto* local = std::get_if<Repository>(&location);
  if (local == nullptr) return fail(unsupported(location, "artifacts cannot be listed"));
  auto found = repository(local->name);
  if (!found) return fail(std::move(found.error()));
  return (*found)->list(local->key);
}

Result<void> Artifacts::remove(const Location& location, int cancel) {
  if (const auto* s3 = std::get_if<S3>(&location)) {
    return remove_s3(*s3, Context{options_.limits, cancel});
  }
  const auto* local = std::get_if<Repository>(&location);
  if (local == nullptr) return fail(unsupported(location, "artifacts cannot be deleted"));
  auto found = repository(local->name);
  if (!found) return fail(std::move(found.error()));
  return (*found)->remove(local->key);
}

Result<void> Artifacts::alias(const Repository& from, const Repository& to) {
  auto source = repository(from.name), target = repository(to.name);
  if (!source) return fail(std::move(source.error()));
  if (!target) return fail(std::move(target.error()));
  if (*source == *target) return (*source)->alias(from.key, to.key);
  auto record = (*source)->stat(from.key);
  if (!record) return fail(std::move(record.error()));
  auto tree = (*source)->materialise(from.key, {});
  if (!tree) return fail(std::move(tree.error()));
  auto staged = Staged::open(tree->path());
  if (!staged) return fail(std::move(staged.error()));
  staged->name = record->name;
  auto saved = (*target)->save(*staged, to.key, {.format = record->format});
  if (!saved) return fail(std::move(saved.error()));
  return {};
}

}  // namespace gantry::artifacts
