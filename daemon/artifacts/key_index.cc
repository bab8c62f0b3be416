#include "daemon/artifacts/key_index.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <memory>
#include <sstream>

#include "base/ids.h"
#include "daemon/artifacts/files.h"
#include "daemon/artifacts/manifest.h"

namespace gantry::artifacts {
namespace {

constexpr std::size_t kLongestKey = 1024;  // S3's bound
constexpr std::size_t kLongestPart = 254;  // a file name is 255 bytes, one is '='
constexpr std::string_view kNames[] = {"tar", "none", "zip"};

/// One part of a key as a file name: never empty, never "." or "..".
std::string encode_part(std::string_view part) {
  if (part.empty()) return "%";
  if (part == ".") return "%2E";
  if (part == "..") return "%2E%2E";
  return percent_encode(part, "");
}

std::string encode_record(const KeyRecord& record) {
  return "gantry-key 1 " + record.manifest.hex() + " " + std::to_string(record.bytes) + " " +
         std::to_string(record.files) + " " +
         std::string(kNames[static_cast<std::size_t>(record.format)]) + " " +
         percent_encode(record.name, "") + "\n";
}

std::optional<KeyRecord> decode_record(const std::string& text) {
  std::istringstream in(text);
  std::string magic, version, manifest, format, name;
  KeyRecord record;
  in >> magic >> version >> manifest >> record.bytes >> record.files >> format >> name;
  const auto digest = Digest::parse(manifest);
  const auto decoded = percent_decode(name);
  if (!in || !text.ends_with('\n') || magic != "gantry-key" || version != "1" || !digest ||
      !decoded) {
    return std::nullopt;
  }
  record.manifest = *digest;
  record.name = *decoded;
  for (std::size_t i = 0; i < std::size(kNames); ++i) {
    if (format != kNames[i]) continue;
    record.format = static_cast<Archive::Format>(i);
    return record;
  }
  return std::nullopt;
}

}  // namespace

Result<KeyIndex> KeyIndex::open(const std::string& directory, std::string temporary) {
  auto made = make_directories(directory);
  if (!made) return fail(std::move(made.error()));
  return KeyIndex(directory, std::move(temporary));
}

Result<std::string> KeyIndex::path_of(std::string_view key) const {
  if (key.empty() || key.size() > kLongestKey) {
    return fail(Code::InvalidArgument, "an artifact's key has 1 to 1024 bytes");
  }
  std::string path = directory_;
  for (;;) {
    const auto slash = key.find('/');
    const std::string part = encode_part(key.substr(0, slash));
    if (part.size() > kLongestPart) {
      return fail(Code::InvalidArgument, "a part of the key is too long: " + std::string(key));
    }
    if (slash == std::string_view::npos) return path + "/=" + part;
    path += "/" + part;
    key.remove_prefix(slash + 1);
  }
}

Result<void> KeyIndex::write(const std::string& key, const KeyRecord& record) const {
  auto path = path_of(key);
  if (!path) return fail(std::move(path.error()));
  const std::string temporary = temporary_ + "/key-" + random_uuid();
  UniqueFd fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd.valid()) return fail(errno_error("create " + temporary, errno));
  auto done = write_all(fd.get(), encode_record(record));
  if (done && ::fsync(fd.get()) != 0) done = fail(errno_error("sync " + temporary, errno));
  const std::string parent = path->substr(0, path->rfind('/'));
  // remove() may take an empty directory away between the two.
  for (int attempt = 0; done && attempt < 100; ++attempt) {
    done = make_directories(parent);
    if (!done && done.error().code == Code::NotFound) {
      done = {};
      continue;
    }
    if (!done) break;
    if (::rename(temporary.c_str(), path->c_str()) == 0) {
      // Up to the root: the directories may be new.
      for (std::string d = parent; done && d.size() >= directory_.size(); d.resize(d.rfind('/'))) {
        done = sync_path(d);
      }
      return done;
    }
    if (errno != ENOENT) done = fail(errno_error("write key " + key, errno));
  }
  ::unlink(temporary.c_str());
  if (done) return fail(Code::Aborted, "key " + key + " could not be written");
  return done;
}

Result<KeyRecord> KeyIndex::read(const std::string& key) const {
  auto path = path_of(key);
  if (!path) return fail(std::move(path.error()));
  UniqueFd fd(::open(path->c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) {
    if (errno == ENOENT) return fail(Code::NotFound, "there is no artifact with key " + key);
    return fail(errno_error("read key " + key, errno));
  }
  auto text = read_all(fd.get(), 4096);
  if (!text) return fail(std::move(text.error()).wrap("key " + key));
  auto record = decode_record(*text);
  if (!record) return fail(Code::DataLoss, "the record of key " + key + " is damaged");
  return *std::move(record);
}

Result<void> KeyIndex::remove(const std::string& key) const {
  auto path = path_of(key);
  if (!path) return fail(std::move(path.error()));
  if (::unlink(path->c_str()) != 0) {
    if (errno == ENOENT) return fail(Code::NotFound, "there is no artifact with key " + key);
    return fail(errno_error("remove key " + key, errno));
  }
  for (std::string parent = path->substr(0, path->rfind('/')); parent.size() > directory_.size();
       parent.resize(parent.rfind('/'))) {
    if (::rmdir(parent.c_str()) != 0) break;  // others are in it
  }
  return {};
}

Result<void> KeyIndex::each(const std::string& prefix,
                            const std::function<Result<void>(std::string key)>& visit) const {
  std::string directory = directory_;
  if (!prefix.empty()) {
    auto path = path_of(prefix.substr(0, prefix.size() - 1));
    if (!path) return fail(std::move(path.error()));
    directory = path->erase(path->rfind('/') + 1, 1);  // without the '='
  }
  return walk(directory, prefix, visit);
}

Result<void> KeyIndex::walk(const std::string& directory, const std::string& prefix,
                            const std::function<Result<void>(std::string key)>& visit) {
  const std::unique_ptr<DIR, int (*)(DIR*)> open(::opendir(directory.c_str()), ::closedir);
  if (!open) {
    // remove() takes empty directories away while we look.
    if (errno == ENOENT) return {};
    return fail(errno_error("read " + directory, errno));
  }
  errno = 0;
  while (const dirent* entry = ::readdir(open.get())) {
    const std::string name = entry->d_name;
    if (name == "." || name == "..") continue;
    const bool key = name.front() == '=';
    const std::string encoded = key ? name.substr(1) : name;
    const std::string part = encoded == "%" ? "" : percent_decode(encoded).value_or(encoded);
    auto done =
        key ? visit(prefix + part) : walk(directory + "/" + name, prefix + part + "/", visit);
    if (!done) return done;
    errno = 0;
  }
  if (errno != 0) return fail(errno_error("read " + directory, errno));
  return {};
}

}  // namespace gantry::artifacts
