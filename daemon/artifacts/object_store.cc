#include "daemon/artifacts/object_store.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <utility>

#include "daemon/artifacts/files.h"

namespace gantry::artifacts {
namespace {

constexpr std::size_t kBuffer = 1 << 20;
/// Up to so many new files are synced one by one; for more, one syncfs(2) is less work.
constexpr std::size_t kSyncOneByOne = 16;

/// Below objects/.
std::string path_of(const Digest& digest) {
  std::string hex = digest.hex();
  hex.insert(2, 1, '/');
  return hex;
}

/// Reads until the buffer is full or the file at its end.
Result<std::size_t> read_full(int fd, char* buffer, std::size_t size) {
  std::size_t used = 0;
  while (used < size) {
    const ssize_t got = ::read(fd, buffer + used, size - used);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(errno_error("read", errno));
    if (got == 0) break;
    used += static_cast<std::size_t>(got);
  }
  return used;
}

Result<UniqueFd> create_file(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd.valid()) return fail(errno_error("create " + path, errno));
  return fd;
}

Error too_large(std::uint64_t limit) {
  return {Code::ResourceExhausted, "is larger than " + std::to_string(limit) + " bytes"};
}

std::array<timespec, 2> times_of(std::int64_t mtime) {
  return {timespec{0, UTIME_OMIT}, timespec{static_cast<time_t>(mtime), 0}};
}

}  // namespace

ObjectStore::Session::~Session() { store_.unpin(pinned_); }

void ObjectStore::Session::pin(const Digest& digest) {
  const std::lock_guard lock(store_.pins_mutex_);
  ++store_.pins_[digest];
  pinned_.push_back(digest);
}

void ObjectStore::unpin(const std::vector<Digest>& digests) {
  const std::lock_guard lock(pins_mutex_);
  for (const Digest& digest : digests) {
    const auto pin = pins_.find(digest);
    if (--pin->second == 0) pins_.erase(pin);
    if (collecting_) kept_.insert(digest);
  }
}

ObjectStore::ObjectStore(std::string directory, UniqueFd objects)
    : directory_(std::move(directory)),
      temporary_(directory_ + "/tmp"),
      objects_(std::move(objects)) {}

Result<std::unique_ptr<ObjectStore>> ObjectStore::open(const std::string& directory) {
  const std::string objects = directory + "/objects";
  auto made = make_directories(objects);
  if (made) made = remove_tree(directory + "/tmp");
  if (made) made = make_directories(directory + "/tmp");
  if (!made) return fail(std::move(made.error()));
  UniqueFd fd(::open(objects.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) return fail(errno_error("open " + objects, errno));
  for (int byte = 0; byte < 256; ++byte) {
    char name[3];
    std::snprintf(name, sizeof(name), "%02x", byte);
    if (::mkdirat(fd.get(), name, 0700) != 0 && errno != EEXIST) {
      return fail(errno_error("mkdir " + objects + "/" + name, errno));
    }
  }
  return std::unique_ptr<ObjectStore>(new ObjectStore(directory, std::move(fd)));
}

bool ObjectStore::contains(const Digest& digest) const {
  return ::faccessat(objects_.get(), path_of(digest).c_str(), F_OK, 0) == 0;
}

std::string ObjectStore::next_temporary() {
  const std::lock_guard lock(pins_mutex_);
  return temporary_ + "/object-" + std::to_string(next_++);
}

Result<void> ObjectStore::publish(Session& session, const std::string& temporary,
                                  const Digest& digest) {
  const std::string path = path_of(digest);
  if (::renameat2(AT_FDCWD, temporary.c_str(), objects_.get(), path.c_str(), RENAME_NOREPLACE) ==
      0) {
    session.created_.push_back(digest);
    return {};
  }
  const int error = errno;
  ::unlink(temporary.c_str());
  if (error == EEXIST) return {};
  return fail(errno_error("store an object", error));
}

Result<ObjectStore::Put> ObjectStore::put(Session& session, std::string_view content) {
  const Digest digest = sha256(content);
  session.pin(digest);
  if (!contains(digest)) {
    const std::string temporary = next_temporary();
    auto fd = create_file(temporary);
    if (!fd) return fail(std::move(fd.error()));
    auto done = write_all(fd->get(), content);
    if (done) {
      done = publish(session, temporary, digest);
    } else {
      ::unlink(temporary.c_str());
    }
    if (!done) return fail(std::move(done.error()));
  }
  return Put{digest, content.size()};
}

Result<ObjectStore::Put> ObjectStore::put(Session& session, int fd, std::uint64_t limit) {
  if (!session.buffer_) session.buffer_ = std::make_unique<char[]>(kBuffer);
  auto got = read_full(fd, session.buffer_.get(), kBuffer);
  if (!got) return fail(std::move(got.error()));
  if (*got == kBuffer) return put_large(session, fd, *got, limit);
  if (*got > limit) return fail(too_large(limit));
  return put(session, std::string_view(session.buffer_.get(), *got));
}

Result<ObjectStore::Put> ObjectStore::put_large(Session& session, int fd, std::size_t buffered,
                                                std::uint64_t limit) {
  const std::string temporary = next_temporary();
  auto out = create_file(temporary);
  if (!out) return fail(std::move(out.error()));
  Sha256 sum;
  std::uint64_t size = 0;
  const auto write = [&]() -> Result<void> {
    for (;;) {
      const std::string_view data(session.buffer_.get(), buffered);
      size += buffered;
      if (size > limit) return fail(too_large(limit));
      sum.update(data);
      auto written = write_all(out->get(), data);
      if (!written || buffered < kBuffer) return written;
      auto got = read_full(fd, session.buffer_.get(), kBuffer);
      if (!got) return fail(std::move(got.error()));
      buffered = *got;
    }
  };
  auto done = write();
  if (!done) {
    ::unlink(temporary.c_str());
    return fail(std::move(done.error()));
  }
  const Digest digest = sum.finish();
  session.pin(digest);
  done = publish(session, temporary, digest);
  if (!done) return fail(std::move(done.error()));
  return Put{digest, size};
}

Result<void> ObjectStore::sync(const Session& session) {
  if (session.created_.size() > kSyncOneByOne) {
    if (::syncfs(objects_.get()) != 0) return fail(errno_error("sync the artifact store", errno));
    return {};
  }
  for (const Digest& digest : session.created_) {
    const std::string path = directory_ + "/objects/" + path_of(digest);
    auto synced = sync_path(path);
    if (synced) synced = sync_directory_of(path);
    if (!synced) return synced;
  }
  return {};
}

Result<UniqueFd> ObjectStore::open_content(const Digest& digest) const {
  UniqueFd fd(::openat(objects_.get(), path_of(digest).c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return fail(errno_error("object " + digest.hex(), errno));
  return fd;
}

Result<void> ObjectStore::link(const Digest& digest, Attributes attributes, int directory,
                               const std::string& name) {
  const std::string path = path_of(digest);
  {
    const std::lock_guard lock(attributes_mutex_[digest.bytes[0]]);
    struct stat info {};
    if (::fstatat(objects_.get(), path.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
      return fail(errno_error("object " + digest.hex(), errno));
    }
    bool fits = (info.st_mode & 07777) == attributes.mode && info.st_mtime == attributes.mtime;
    if (!fits && info.st_nlink == 1) {
      const auto times = times_of(attributes.mtime);
      fits = ::fchmodat(objects_.get(), path.c_str(), attributes.mode, 0) == 0 &&
             ::utimensat(objects_.get(), path.c_str(), times.data(), 0) == 0;
      if (!fits) return fail(errno_error("chmod object " + digest.hex(), errno));
    }
    if (fits) {
      if (::linkat(objects_.get(), path.c_str(), directory, name.c_str(), 0) == 0) return {};
      // A file system bounds the links of an inode (ext4: 65,000); empty files get there.
      if (errno != EMLINK) return fail(errno_error("link " + name, errno));
    }
  }
  return copy(digest, attributes, directory, name);
}

Result<void> ObjectStore::copy(const Digest& digest, Attributes attributes, int directory,
                               const std::string& name) const {
  auto from = open_content(digest);
  if (!from) return fail(std::move(from.error()));
  UniqueFd to(::openat(directory, name.c_str(),
                       O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!to.valid()) return fail(errno_error("create " + name, errno));
  auto copied = copy_content(from->get(), to.get());
  if (!copied) return fail(std::move(copied.error()).wrap(name));
  const auto times = times_of(attributes.mtime);
  if (::fchmod(to.get(), attributes.mode) != 0 || ::futimens(to.get(), times.data()) != 0) {
    return fail(errno_error("chmod " + name, errno));
  }
  return {};
}

bool ObjectStore::remove_unless_pinned(const Digest& digest, Swept& swept) {
  const std::lock_guard lock(pins_mutex_);
  if (pins_.contains(digest) || kept_.contains(digest)) return true;
  const std::string path = path_of(digest);
  struct stat info {};
  if (::fstatat(objects_.get(), path.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) return true;
  if (::unlinkat(objects_.get(), path.c_str(), 0) != 0) return false;
  ++swept.objects;
  swept.bytes += static_cast<std::uint64_t>(info.st_size);
  return true;
}

Result<ObjectStore::Swept> ObjectStore::collect(const std::function<Result<Digests>()>& mark) {
  const std::lock_guard one(collect_mutex_);
  {
    const std::lock_guard lock(pins_mutex_);
    collecting_ = true;
  }
  Swept swept;
  const auto sweep = [&]() -> Result<void> {
    auto live = mark();
    if (!live) return fail(std::move(live.error()));
    std::error_code error;
    std::filesystem::recursive_directory_iterator it(directory_ + "/objects", error), end;
    for (; !error && it != end; it.increment(error)) {
      if (it.depth() != 1) continue;
      const std::string path = it->path().string();
      const auto slash = path.rfind('/');
      const auto digest = Digest::parse(path.substr(slash - 2, 2) + path.substr(slash + 1));
      if (!digest || live->contains(*digest)) continue;
      if (!remove_unless_pinned(*digest, swept)) return fail(errno_error("remove " + path, errno));
    }
    if (error) return fail(errno_error("read " + directory_ + "/objects", error.value()));
    return {};
  };
  auto done = sweep();
  {
    const std::lock_guard lock(pins_mutex_);
    collecting_ = false;
    kept_.clear();
  }
  if (!done) return fail(std::move(done.error()));
  return swept;
}

Result<ObjectStore::Usage> ObjectStore::usage() const {
  Usage usage;
  std::error_code error;
  std::filesystem::recursive_directory_iterator it(directory_ + "/objects", error), end;
  for (; !error && it != end; it.increment(error)) {
    struct stat info {};
    if (it.depth() != 1 || ::lstat(it->path().c_str(), &info) != 0) continue;
    ++usage.objects;
    usage.bytes += static_cast<std::uint64_t>(info.st_size);
  }
  if (error) return fail(errno_error("read " + directory_ + "/objects", error.value()));
  return usage;
}

}  // namespace gantry::artifacts
