#include "daemon/artifacts/tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <memory>

#include "daemon/artifacts/files.h"

namespace gantry::artifacts {
namespace {

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

/// The names in an open directory, sorted. Takes the descriptor.
Result<std::vector<std::string>> names_in(UniqueFd fd) {
  std::unique_ptr<DIR, CloseDirectory> directory(::fdopendir(fd.get()));
  if (!directory) return fail(errno_error("read directory", errno));
  fd.release();
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = ::readdir(directory.get())) {
    if (std::strcmp(entry->d_name, ".") != 0 && std::strcmp(entry->d_name, "..") != 0) {
      names.emplace_back(entry->d_name);
    }
  }
  if (errno != 0) return fail(errno_error("read directory", errno));
  std::sort(names.begin(), names.end());
  return names;
}

Result<std::string> read_link(int directory, const char* name) {
  std::string target(PATH_MAX, '\0');
  const ssize_t size = ::readlinkat(directory, name, target.data(), target.size());
  if (size < 0) return fail(errno_error("readlink", errno));
  target.resize(static_cast<std::size_t>(size));
  return target;
}

class Scanner {
 public:
  explicit Scanner(const Limits& limits) : limits_(limits) {}

  Result<void> add(Entry entry) {
    bytes_ += entry.size;
    if (bytes_ > limits_.max_bytes) {
      return fail(Code::ResourceExhausted,
                  "the artifact holds more than " + std::to_string(limits_.max_bytes) + " bytes");
    }
    scan_.tree.entries.push_back(std::move(entry));
    if (scan_.tree.entries.size() > limits_.max_entries) {
      return fail(Code::ResourceExhausted, "the artifact holds more than " +
                                               std::to_string(limits_.max_entries) + " entries");
    }
    return {};
  }

  Result<void> walk(int directory, const std::string& path, int depth) {
    if (depth > limits_.max_depth) {
      return fail(Code::ResourceExhausted, "directories are nested too deeply at " + path);
    }
    auto listed = open_beneath(directory, "", O_RDONLY | O_DIRECTORY);
    if (!listed) return fail(std::move(listed.error()).wrap(path));
    auto names = names_in(std::move(*listed));
    if (!names) return fail(std::move(names.error()).wrap(path));
    for (const std::string& name : *names) {
      auto added = visit(directory, name, path.empty() ? name : path + "/" + name, depth);
      if (!added) return added;
    }
    return {};
  }

  Scan take() { return std::move(scan_); }

 private:
  Result<void> visit(int directory, const std::string& name, std::string path, int depth) {
    struct stat info {};
    if (::fstatat(directory, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
      return fail(errno_error("stat " + path, errno));
    }
    Entry entry{.path = std::move(path), .mode = info.st_mode & 0777, .mtime = info.st_mtime};
    if (S_ISREG(info.st_mode)) {
      entry.size = static_cast<std::uint64_t>(info.st_size);
      return add(std::move(entry));
    }
    if (S_ISLNK(info.st_mode)) {
      auto target = read_link(directory, name.c_str());
      if (!target) return fail(std::move(target.error()).wrap(entry.path));
      entry.kind = Kind::Link;
      entry.target = std::move(*target);
      return add(std::move(entry));
    }
    if (!S_ISDIR(info.st_mode)) {
      ++scan_.left_out;
      return {};
    }
    entry.kind = Kind::Directory;
    const std::string below = entry.path;
    auto added = add(std::move(entry));
    if (!added) return added;
    auto child = open_beneath(directory, name, O_PATH | O_DIRECTORY);
    if (!child) return fail(std::move(child.error()).wrap(below));
    return walk(child->get(), below, depth + 1);
  }

  const Limits& limits_;
  Scan scan_;
  std::uint64_t bytes_ = 0;
};

}  // namespace

std::uint64_t Tree::size() const {
  std::uint64_t bytes = 0;
  for (const Entry& entry : entries) bytes += entry.size;
  return bytes;
}

std::uint64_t Tree::files() const {
  return static_cast<std::uint64_t>(std::count_if(
      entries.begin(), entries.end(), [](const Entry& e) { return e.kind != Kind::Directory; }));
}

Result<Tree> Tree::below(std::string_view path) const {
  while (path.ends_with('/')) path.remove_suffix(1);
  while (path.starts_with('/')) path.remove_prefix(1);
  if (path.empty()) return *this;
  Tree part;
  for (const Entry& entry : entries) {
    std::string_view rest = entry.path;
    if (!rest.starts_with(path)) continue;
    rest.remove_prefix(path.size());
    if (!rest.empty() && rest.front() != '/') continue;
    part.entries.push_back(entry);
    part.entries.back().path = rest.empty() ? "" : rest.substr(1);
  }
  if (part.entries.empty() || part.entries.front().kind == Kind::Link) {
    return fail(Code::NotFound, "there is no file or directory " + std::string(path) + " in it");
  }
  return part;
}

Result<Staged> Staged::open(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_PATH | O_CLOEXEC));
  if (!fd.valid()) return fail(errno_error(path, errno));
  std::string_view name = path;
  while (name.ends_with('/')) name.remove_suffix(1);
  return Staged{std::move(fd), std::string(name.substr(name.rfind('/') + 1))};
}

Result<Scan> scan(const Staged& staged, const Limits& limits) {
  struct stat info {};
  if (::fstat(staged.fd.get(), &info) != 0) return fail(errno_error("stat " + staged.name, errno));
  if (!S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode)) {
    return fail(Code::InvalidArgument, staged.name + " is not a regular file or directory");
  }
  const bool file = S_ISREG(info.st_mode);
  Scanner scanner(limits);
  auto done = scanner.add({.kind = file ? Kind::File : Kind::Directory,
                           .mode = info.st_mode & 0777,
                           .mtime = info.st_mtime,
                           .size = file ? static_cast<std::uint64_t>(info.st_size) : 0});
  if (done && !file) done = scanner.walk(staged.fd.get(), "", 1);
  if (!done) return fail(std::move(done.error()));
  return scanner.take();
}

OpenContent staged_content(const Staged& staged) {
  return [root = staged.fd.get()](const Entry& entry) -> Result<UniqueFd> {
    // O_NONBLOCK: a pipe that took the file's place does not hold us up.
    auto fd = entry.path.empty() ? reopen(root, O_RDONLY | O_NONBLOCK)
                                 : open_beneath(root, entry.path, O_RDONLY | O_NONBLOCK);
    if (!fd) return fd;
    struct stat info {};
    if (::fstat(fd->get(), &info) != 0 || !S_ISREG(info.st_mode)) {
      return fail(Code::Aborted, entry.path + " was replaced while it was being read");
    }
    return fd;
  };
}

}  // namespace gantry::artifacts
