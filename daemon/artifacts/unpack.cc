#include "daemon/artifacts/unpack.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/unique_fd.h"
#include "daemon/artifacts/files.h"

namespace gantry::artifacts {
namespace {

struct FreeReader {
  void operator()(struct archive* a) const { ::archive_read_free(a); }
};
using Reader = std::unique_ptr<struct archive, FreeReader>;

Error archive_error(struct archive* a, std::string_view doing) {
  const char* text = ::archive_error_string(a);
  return {Code::InvalidArgument,
          std::string(doing) + ": " + (text != nullptr ? text : "not an archive")};
}

Result<Reader> open_reader(int fd, Archive::Format format) {
  Reader reader(::archive_read_new());
  if (!reader) return fail(Code::ResourceExhausted, "out of memory");
  if (format == Archive::Format::Zip) {
    ::archive_read_support_format_zip_seekable(reader.get());  // by its directory, as Go reads it
  } else {
    ::archive_read_support_filter_gzip(reader.get());
    ::archive_read_support_format_tar(reader.get());
  }
  if (::archive_read_open_fd(reader.get(), fd, 256 << 10) != ARCHIVE_OK) {
    return fail(archive_error(reader.get(), "open the archive"));
  }
  return reader;
}

/// Gzip's first bytes, as Go's gzip.NewReader wants them.
bool is_gzip(int fd) {
  unsigned char head[3] = {};
  return ::pread(fd, head, sizeof(head), 0) == sizeof(head) && head[0] == 0x1f && head[1] == 0x8b &&
         head[2] == 8;
}

/// Whether it is a tar.gz whose first header can be read (Argo's isTarball).
bool is_tarball(int fd) {
  if (!is_gzip(fd)) return false;
  auto copy = reopen(fd, O_RDONLY);
  if (!copy) return false;
  auto reader = open_reader(copy->get(), Archive::Format::Tar);
  struct archive_entry* entry = nullptr;
  if (!reader) return false;
  const int status = ::archive_read_next_header(reader->get(), &entry);
  return status == ARCHIVE_OK || status == ARCHIVE_WARN;
}

/// The plain path that an archive's name means; empty for the root itself, nothing when it leads
/// out.
std::optional<std::string> clean_name(std::string_view name) {
  if (name.starts_with('/')) return std::nullopt;
  std::vector<std::string_view> parts;
  while (!name.empty()) {
    const auto slash = name.find('/');
    const std::string_view part = name.substr(0, slash);
    name.remove_prefix(slash == std::string_view::npos ? name.size() : slash + 1);
    if (part.empty() || part == ".") continue;
    if (part != "..") {
      parts.push_back(part);
    } else if (parts.empty()) {
      return std::nullopt;
    } else {
      parts.pop_back();
    }
  }
  std::string path;
  for (const auto& part : parts) path.append(path.empty() ? "" : "/").append(part);
  return path;
}

std::string parent_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}

std::string_view top_of(std::string_view path) { return path.substr(0, path.find('/')); }

/// Unpacks one archive below one directory.
class Unpacker {
 public:
  Unpacker(Reader reader, int root, std::uint64_t packed_size, const Limits& limits)
      : reader_(std::move(reader)), root_(root), packed_size_(packed_size), limits_(limits) {}

  /// A link from one thing at the top to another: out of the tree, when there is but one thing.
  [[nodiscard]] const std::string& crossing_link() const { return crossing_link_; }

  Result<void> run() {
    for (;;) {
      struct archive_entry* entry = nullptr;
      const int status = ::archive_read_next_header(reader_.get(), &entry);
      if (status == ARCHIVE_EOF) return {};
      if (status < ARCHIVE_WARN) return fail(archive_error(reader_.get(), "read the archive"));
      if (++entries_ > limits_.max_entries) {
        return fail(Code::ResourceExhausted, "the archive holds more than " +
                                                 std::to_string(limits_.max_entries) + " entries");
      }
      auto done = take(entry);
      if (!done) return done;
    }
  }

 private:
  Result<void> take(struct archive_entry* entry) {
    const char* raw = ::archive_entry_pathname(entry);
    if (raw == nullptr) raw = ::archive_entry_pathname_utf8(entry);
    const std::string name = raw != nullptr ? raw : "";
    const auto path = clean_name(name);
    if (!path) return fail(Code::InvalidArgument, "illegal file path: " + name);
    if (std::count(path->begin(), path->end(), '/') >= limits_.max_depth) {
      return fail(Code::ResourceExhausted, "directories are nested too deeply at " + name);
    }
    if (const char* target = ::archive_entry_hardlink(entry)) return hard_link(*path, target);
    switch (::archive_entry_filetype(entry)) {
      case AE_IFDIR:
        return directory(*path);
      case AE_IFREG:
        return path->empty() ? fail(Code::InvalidArgument, "illegal file path: " + name)
                             : file(*path, entry);
      case AE_IFLNK: {
        const char* target = ::archive_entry_symlink(entry);
        return link(*path, target != nullptr ? target : "");
      }
      default:
        return fail(Code::InvalidArgument,
                    "the archive holds a device node, pipe or socket: " + name);
    }
  }

  /// Opens a directory below the root, making what is missing. Links on the way must stay below it.
  Result<UniqueFd> open_directory(const std::string& path) {
    auto fd = open_beneath(root_, path, O_PATH | O_DIRECTORY, 0, true);
    if (fd || fd.error().code != Code::NotFound) return refused(std::move(fd), path);
    auto parent = open_directory(parent_of(path));
    if (!parent) return parent;
    const std::string name = path.substr(path.rfind('/') + 1);
    // chmod: whatever the umask is.
    if (::mkdirat(parent->get(), name.c_str(), 0755) == 0) {
      if (::fchmodat(parent->get(), name.c_str(), 0755, 0) != 0) {
        return fail(errno_error("chmod " + path, errno));
      }
    } else if (errno != EEXIST) {
      return fail(errno_error("mkdir " + path, errno));
    }
    if (++entries_ > limits_.max_entries) {
      return fail(Code::ResourceExhausted, "the archive makes too many directories");
    }
    return refused(open_beneath(root_, path, O_PATH | O_DIRECTORY, 0, true), path);
  }

  /// EXDEV is openat2's word for leading out.
  static Result<UniqueFd> refused(Result<UniqueFd> fd, const std::string& path) {
    if (fd || fd.error().code == Code::ResourceExhausted) return fd;
    return fail(Code::InvalidArgument,
                "illegal file path: " + path + " (" + fd.error().message + ")");
  }

  Result<void> directory(const std::string& path) {
    if (path.empty()) return {};
    auto fd = open_directory(path);
    if (!fd) return fail(std::move(fd.error()));
    return {};
  }

  Result<void> file(const std::string& path, struct archive_entry* entry) {
    auto parent = open_directory(parent_of(path));
    if (!parent) return fail(std::move(parent.error()));
    const std::string name = path.substr(path.rfind('/') + 1);
    // As in tar, the later one of a name stands; a link of that name is replaced, not followed.
    if (::unlinkat(parent->get(), name.c_str(), 0) != 0 && errno != ENOENT) {
      return fail(Code::InvalidArgument, "illegal file path: " + path + " is a directory already");
    }
    UniqueFd fd(::openat(parent->get(), name.c_str(),
                         O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!fd.valid()) return fail(errno_error("create " + path, errno));
    auto written = content(fd.get(), path, entry);
    if (!written) return written;
    const timespec times[] = {{0, UTIME_OMIT}, {::archive_entry_mtime(entry), 0}};
    if (::fchmod(fd.get(), ::archive_entry_perm(entry) & 0777) != 0 ||
        (::archive_entry_mtime_is_set(entry) != 0 && ::futimens(fd.get(), times) != 0)) {
      return fail(errno_error("chmod " + path, errno));
    }
    return {};
  }

  Result<void> content(int fd, const std::string& path, struct archive_entry* entry) {
    std::uint64_t end = 0;
    for (;;) {
      const void* data = nullptr;
      std::size_t size = 0;
      la_int64_t offset = 0;
      const int status = ::archive_read_data_block(reader_.get(), &data, &size, &offset);
      if (status == ARCHIVE_EOF) break;
      if (status < ARCHIVE_WARN) return fail(archive_error(reader_.get(), "unpack " + path));
      // A hole of a sparse file is not written, but it counts.
      const auto begin = static_cast<std::uint64_t>(offset);
      auto counted = count(begin + size - std::min(end, begin + size));
      if (!counted) return counted;
      end = begin + size;
      if (::lseek(fd, offset, SEEK_SET) < 0) return fail(errno_error("seek", errno));
      auto put = write_all(fd, {static_cast<const char*>(data), size});
      if (!put) return put;
    }
    // A hole at the end.
    const auto size = archive_entry_size_is_set(entry) != 0
                          ? static_cast<std::uint64_t>(::archive_entry_size(entry))
                          : end;
    auto counted = count(size - std::min(end, size));
    if (!counted) return counted;
    if (::ftruncate(fd, static_cast<off_t>(std::max(size, end))) != 0)
      return fail(errno_error("truncate", errno));
    return {};
  }

  Result<void> count(std::uint64_t bytes) {
    bytes_ += bytes;
    if (bytes_ > limits_.max_bytes) {
      return fail(Code::ResourceExhausted,
                  "the archive holds more than " + std::to_string(limits_.max_bytes) + " bytes");
    }
    if (bytes_ > limits_.ratio_from && bytes_ / limits_.max_ratio > packed_size_) {
      return fail(Code::ResourceExhausted, "the archive unpacks to more than " +
                                               std::to_string(limits_.max_ratio) +
                                               " times its size");
    }
    return {};
  }

  Result<void> link(const std::string& path, const std::string& target) {
    // Where it points, by its text alone, as Argo looks at it: strictly below the root.
    const std::string parent_path = parent_of(path);
    const auto points_at = clean_name(
        parent_path.empty() || target.starts_with('/') ? target : parent_path + "/" + target);
    if (path.empty() || target.empty() || !points_at || points_at->empty()) {
      return fail(Code::InvalidArgument, "illegal symlink target: " + path + " -> " + target);
    }
    if (top_of(*points_at) != top_of(path)) crossing_link_ = path + " -> " + target;
    auto parent = open_directory(parent_path);
    if (!parent) return fail(std::move(parent.error()));
    const std::string name = path.substr(path.rfind('/') + 1);
    ::unlinkat(parent->get(), name.c_str(), 0);
    if (::symlinkat(target.c_str(), parent->get(), name.c_str()) != 0) {
      return fail(errno_error("symlink " + path, errno));
    }
    return {};
  }

  Result<void> hard_link(const std::string& path, const std::string& target) {
    const auto from = clean_name(target);
    if (path.empty() || !from || from->empty()) {
      return fail(Code::InvalidArgument, "illegal hard link target: " + path + " -> " + target);
    }
    auto source = refused(open_beneath(root_, *from, O_PATH | O_NOFOLLOW, 0, true), *from);
    if (!source) return fail(std::move(source.error()));
    struct stat info {};
    if (::fstat(source->get(), &info) != 0 || !S_ISREG(info.st_mode)) {
      return fail(Code::InvalidArgument, "illegal hard link target: " + path + " -> " + target);
    }
    auto parent = open_directory(parent_of(path));
    if (!parent) return fail(std::move(parent.error()));
    const std::string name = path.substr(path.rfind('/') + 1);
    ::unlinkat(parent->get(), name.c_str(), 0);
    const std::string link = "/proc/self/fd/" + std::to_string(source->get());
    if (::linkat(AT_FDCWD, link.c_str(), parent->get(), name.c_str(), AT_SYMLINK_FOLLOW) != 0) {
      return fail(errno_error("link " + path, errno));
    }
    return {};
  }

  Reader reader_;
  int root_;
  std::uint64_t packed_size_;
  const Limits& limits_;
  std::uint64_t entries_ = 0;
  std::uint64_t bytes_ = 0;
  std::string crossing_link_;
};

/// Argo's unpack(): the only thing at the top becomes the destination.
Result<void> settle(const std::string& directory, const std::string& crossing_link,
                    const std::string& destination) {
  std::error_code error;
  std::filesystem::directory_iterator it(directory, error), end;
  if (error) return fail(errno_error("read " + directory, error.value()));
  if (it == end) return rename_path(directory, destination);
  const std::string first = it->path().string();
  const bool is_link = it->is_symlink(error);
  it.increment(error);
  if (error) return fail(errno_error("read " + directory, error.value()));
  if (it != end) return rename_path(directory, destination);
  if (is_link || !crossing_link.empty()) {
    return fail(Code::InvalidArgument,
                "illegal symlink target: " + (is_link ? "the artifact is a link" : crossing_link));
  }
  return rename_path(first, destination);
}

}  // namespace

Result<void> unpack(const std::string& packed, const Archive& archive, const Limits& limits,
                    const std::string& destination) {
  struct Consume {
    const std::string& path;
    ~Consume() { ::unlink(path.c_str()); }
  } consume{packed};
  UniqueFd fd(::open(packed.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return fail(errno_error("open " + packed, errno));
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return fail(errno_error("stat " + packed, errno));

  const bool zip = archive.specified && archive.format == Archive::Format::Zip;
  const bool as_it_is =
      archive.specified ? archive.format == Archive::Format::None : !is_tarball(fd.get());
  if (as_it_is) {
    if (::fchmod(fd.get(), 0644) != 0) return fail(errno_error("chmod " + packed, errno));
    return rename_path(packed, destination);
  }
  if (!zip && !is_gzip(fd.get())) {
    return fail(Code::InvalidArgument, "the artifact is not a gzipped tar");
  }
  const auto slash = destination.rfind('/');
  auto scratch = ScratchDirectory::create(destination.substr(0, slash));
  if (!scratch) return fail(std::move(scratch.error()));
  const std::string content = scratch->file("content");
  if (::mkdir(content.c_str(), 0755) != 0 || ::chmod(content.c_str(), 0755) != 0) {
    return fail(errno_error("mkdir " + content, errno));
  }
  UniqueFd root(::open(content.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root.valid()) return fail(errno_error("open " + content, errno));
  auto reader = open_reader(fd.get(), zip ? Archive::Format::Zip : Archive::Format::Tar);
  if (!reader) return fail(std::move(reader.error()));
  Unpacker unpacker(*std::move(reader), root.get(), static_cast<std::uint64_t>(info.st_size),
                    limits);
  auto done = unpacker.run();
  if (!done) return done;
  return settle(content, unpacker.crossing_link(), destination);
}

Result<void> change_mode(const std::string& path, unsigned mode, bool recurse) {
  std::error_code error;
  std::vector<std::string> paths{path};
  if (recurse && std::filesystem::symlink_status(path, error).type() ==
                     std::filesystem::file_type::directory) {
    for (std::filesystem::recursive_directory_iterator it(path, error), end; !error && it != end;
         it.increment(error)) {
      paths.push_back(it->path().string());
    }
    if (error) return fail(errno_error("read " + path, error.value()));
  }
  // The deepest first: a directory's new mode must not lock us out.
  for (auto it = paths.rbegin(); it != paths.rend(); ++it) {
    struct stat info {};
    if (::lstat(it->c_str(), &info) != 0) return fail(errno_error("stat " + *it, errno));
    if (S_ISLNK(info.st_mode)) continue;
    if (::chmod(it->c_str(), mode) != 0) return fail(errno_error("chmod " + *it, errno));
  }
  return {};
}

}  // namespace gantry::artifacts
