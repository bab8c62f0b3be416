#include "daemon/artifacts/s3_artifact.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "daemon/artifacts/files.h"
#include "daemon/artifacts/s3_client.h"

namespace gantry::artifacts {
namespace {

/// Go's path.Clean(key) + "/", or nothing for the whole bucket.
std::string directory_prefix(const std::string& key) {
  std::string prefix;
  for (std::size_t begin = 0; begin <= key.size();) {
    const auto end = std::min(key.find('/', begin), key.size());
    if (end > begin) prefix += key.substr(begin, end - begin) + "/";
    begin = end + 1;
  }
  return prefix;
}

Result<UniqueFd> create(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd.valid()) return fail(errno_error("create " + path, errno));
  return fd;
}

Result<void> get_to(S3Client& client, const std::string& key, const std::string& path) {
  auto fd = create(path);
  if (!fd) return fail(std::move(fd.error()));
  auto got = client.get(key, fd->get());
  if (got && ::fchmod(fd->get(), 0644) != 0) got = fail(errno_error("chmod " + path, errno));
  if (!got) ::unlink(path.c_str());
  return got;
}

/// Directories above `path` below `root`, with mode 0755 whatever the umask.
Result<void> make_parents(const std::string& root, const std::string& path) {
  for (auto slash = path.find('/'); slash != std::string::npos; slash = path.find('/', slash + 1)) {
    const std::string part = root + "/" + path.substr(0, slash);
    if (::mkdir(part.c_str(), 0755) == 0) {
      if (::chmod(part.c_str(), 0755) != 0) return fail(errno_error("chmod " + part, errno));
    } else if (errno != EEXIST) {
      return fail(errno_error("mkdir " + part, errno));
    }
  }
  return {};
}

Result<void> get_directory(S3Client& client, const std::string& prefix,
                           const std::vector<std::string>& keys, const std::string& destination,
                           const Context& context) {
  if (::mkdir(destination.c_str(), 0755) != 0 || ::chmod(destination.c_str(), 0755) != 0) {
    return fail(errno_error("mkdir " + destination, errno));
  }
  std::uint64_t bytes = 0;
  for (const std::string& key : keys) {
    const std::string path = key.substr(std::min(prefix.size(), key.size()));
    if (!key.starts_with(prefix) || !is_plain_path(path)) {
      return fail(Code::InvalidArgument, "illegal file path: " + key);
    }
    auto done = make_parents(destination, path);
    if (done) done = get_to(client, key, destination + "/" + path);
    if (!done) return done;
    struct stat info {};
    if (::stat((destination + "/" + path).c_str(), &info) == 0) {
      bytes += static_cast<std::uint64_t>(info.st_size);
    }
    if (bytes > context.limits.max_bytes) {
      return fail(Code::ResourceExhausted, "the artifact holds more than " +
                                               std::to_string(context.limits.max_bytes) + " bytes");
    }
  }
  return {};
}

}  // namespace

Result<void> load_s3(const S3& location, const std::string& destination, const Context& context) {
  S3Client client(location, context);
  auto got = get_to(client, location.key, destination);
  if (got || got.error().code != Code::NotFound) return got;
  const std::string prefix = directory_prefix(location.key);
  auto keys = client.list(prefix);
  if (!keys) return fail(std::move(keys.error()));
  if (keys->empty()) return got;
  return get_directory(client, prefix, *keys, destination, context);
}

Result<void> save_s3_file(const S3& location, int fd, std::uint64_t size, const Context& context) {
  S3Client client(location, context);
  if (location.create_bucket) {
    auto made = client.create_bucket();
    if (!made) return made;
  }
  return client.put(location.key, fd, size);
}

Result<void> save_s3_tree(const S3& location, const Tree& tree, const OpenContent& open,
                          const Context& context) {
  S3Client client(location, context);
  if (location.create_bucket) {
    auto made = client.create_bucket();
    if (!made) return made;
  }
  const std::string prefix = directory_prefix(location.key);
  for (const Entry& entry : tree.entries) {
    if (entry.kind != Kind::File) continue;
    auto fd = open(entry);
    if (!fd) return fail(std::move(fd.error()));
    auto put = client.put(prefix + entry.path, fd->get(), entry.size);
    if (!put) return put;
  }
  return {};
}

Result<std::vector<std::string>> list_s3(const S3& location, const Context& context) {
  S3Client client(location, context);
  auto keys = client.list(directory_prefix(location.key));
  if (!keys || !keys->empty()) return keys;
  auto exists = client.exists(location.key);
  if (!exists) return fail(std::move(exists.error()));
  if (!*exists) return fail(Code::NotFound, "no key found of name " + location.key);
  return keys;
}

Result<void> remove_s3(const S3& location, const Context& context) {
  S3Client client(location, context);
  if (!location.key.ends_with('/')) return client.remove(location.key);
  auto keys = client.list(directory_prefix(location.key));
  if (!keys) return fail(std::move(keys.error()));
  for (const std::string& key : *keys) {
    auto removed = client.remove(key);
    if (!removed) return removed;
  }
  return {};
}

}  // namespace gantry::artifacts
