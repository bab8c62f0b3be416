#include "daemon/artifacts/trees.h"

#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <utility>
#include <vector>

#include "base/boot.h"
#include "daemon/artifacts/digest.h"
#include "daemon/artifacts/files.h"

namespace gantry::artifacts {
namespace {

std::vector<std::string> names_in(const std::string& directory) {
  std::vector<std::string> names;
  std::error_code error;
  for (std::filesystem::directory_iterator it(directory, error), end; !error && it != end;
       it.increment(error)) {
    names.push_back(it->path().filename().string());
  }
  return names;
}

}  // namespace

Trees::Trees(std::string directory, std::string temporary)
    : directory_(std::move(directory)), temporary_(std::move(temporary)) {}

Result<std::shared_ptr<Trees>> Trees::open(const std::string& directory, std::string temporary) {
  auto boot = boot_id();
  if (!boot) return fail(std::move(boot.error()));
  auto made = make_directories(directory + "/" + *boot);
  if (!made) return fail(std::move(made.error()));
  for (const std::string& other : names_in(directory)) {
    if (other == *boot) continue;
    auto removed = remove_tree(directory + "/" + other);
    if (!removed) return fail(std::move(removed.error()));
  }
  return std::shared_ptr<Trees>(new Trees(directory + "/" + *boot, std::move(temporary)));
}

Result<void> Trees::build_if_missing(const std::string& id,
                                     const std::function<Result<void>(const std::string&)>& build) {
  const std::string path = directory_ + "/" + id;
  struct stat info {};
  if (::lstat(path.c_str(), &info) == 0) return {};
  if (!build) return fail(Code::NotFound, "there is no tree " + id);
  auto scratch = ScratchDirectory::create(temporary_);
  if (!scratch) return fail(std::move(scratch.error()));
  auto done = build(scratch->file("tree"));
  if (done) done = rename_path(scratch->file("tree"), path);
  return done;
}

Result<Materialised> Trees::get(const std::string& id,
                                const std::function<Result<void>(const std::string&)>& build) {
  bool builder = false;
  {
    std::unique_lock lock(mutex_);
    // Who waits has no use of it yet, so the entry may be gone or made again meanwhile.
    built_.wait(lock, [&] {
      const auto use = uses_.find(id);
      return use == uses_.end() || !use->second.building;
    });
    Use& use = uses_[id];
    builder = ++use.count == 1;
    use.building = builder;
  }
  // Only the first user builds; remove_idle() leaves the tree alone from here on.
  Result<void> done{};
  if (builder) {
    done = build_if_missing(id, build);
    const std::lock_guard lock(mutex_);
    uses_[id].building = false;
    if (!done) uses_.erase(id);
    built_.notify_all();
  }
  if (!done) return fail(std::move(done.error()));
  Materialised result;
  result.id_ = id;
  result.path_ = directory_ + "/" + id;
  result.use_ =
      std::shared_ptr<void>(nullptr, [self = shared_from_this(), id](void*) { self->release(id); });
  struct stat info {};
  if (::lstat(result.path_.c_str(), &info) != 0) {
    return fail(errno_error("stat " + result.path_, errno));
  }
  result.is_directory_ = S_ISDIR(info.st_mode);
  return result;
}

Result<Materialised> Trees::hold(const std::string& id) {
  if (!Digest::parse(id)) return fail(Code::InvalidArgument, "not the id of a tree: " + id);
  return get(id, nullptr);
}

void Trees::release(const std::string& id) {
  const std::lock_guard lock(mutex_);
  const auto use = uses_.find(id);
  if (--use->second.count == 0) uses_.erase(use);
}

Result<void> Trees::remove_idle() {
  // Nothing new is made for it, so that it works on a full disk.
  for (const std::string& id : names_in(directory_)) {
    const std::string grave = temporary_ + "/idle-" + id;
    {
      const std::lock_guard lock(mutex_);
      if (uses_.contains(id)) continue;
      auto moved = rename_path(directory_ + "/" + id, grave);
      // Two at once are after the same tree.
      if (!moved && moved.error().code == Code::NotFound) continue;
      if (!moved && moved.error().code != Code::AlreadyExists) return moved;
    }
    auto removed = remove_tree(grave);
    if (!removed) return removed;
  }
  return {};
}

}  // namespace gantry::artifacts
