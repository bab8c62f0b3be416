#include "runtime/shim/mounts.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string_view>

#include "base/unique_fd.h"

namespace gantry::shim {
namespace {

constexpr std::string_view kLower = "lowerdir=";

struct Word {
  std::string_view name;
  bool clears;
  unsigned long flag;
};
constexpr Word kWords[] = {
    {"async", true, MS_SYNCHRONOUS},     {"atime", true, MS_NOATIME},
    {"bind", false, MS_BIND},            {"defaults", false, 0},
    {"dev", true, MS_NODEV},             {"diratime", true, MS_NODIRATIME},
    {"dirsync", false, MS_DIRSYNC},      {"exec", true, MS_NOEXEC},
    {"mand", false, MS_MANDLOCK},        {"noatime", false, MS_NOATIME},
    {"nodev", false, MS_NODEV},          {"nodiratime", false, MS_NODIRATIME},
    {"noexec", false, MS_NOEXEC},        {"nomand", true, MS_MANDLOCK},
    {"norelatime", true, MS_RELATIME},   {"nostrictatime", true, MS_STRICTATIME},
    {"nosuid", false, MS_NOSUID},        {"private", false, MS_PRIVATE},
    {"rbind", false, MS_BIND | MS_REC},  {"relatime", false, MS_RELATIME},
    {"remount", false, MS_REMOUNT},      {"ro", false, MS_RDONLY},
    {"rprivate", false, MS_PRIVATE | MS_REC}, {"rshared", false, MS_SHARED | MS_REC},
    {"rslave", false, MS_SLAVE | MS_REC}, {"rw", true, MS_RDONLY},
    {"shared", false, MS_SHARED},        {"slave", false, MS_SLAVE},
    {"strictatime", false, MS_STRICTATIME}, {"suid", true, MS_NOSUID},
    {"sync", false, MS_SYNCHRONOUS},
};
constexpr unsigned long kPropagation = MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE;

std::vector<std::string_view> split(std::string_view text, char at) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto end = text.find(at);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

/// The deepest directory that all the paths are below, with its slash; empty if that is / or nothing.
std::string common_directory(const std::vector<std::string_view>& paths) {
  std::string_view common = paths.front();
  for (const std::string_view path : paths) {
    const auto [end, ignored] = std::mismatch(common.begin(), common.end(), path.begin(), path.end());
    common = common.substr(0, static_cast<std::size_t>(end - common.begin()));
  }
  const auto slash = common.rfind('/');
  return slash == std::string_view::npos || slash == 0 ? std::string() : std::string(common.substr(0, slash + 1));
}

Result<void> mount_one(const Mount& mount, const std::string& target) {
  const auto options = parse_mount_options(mount, static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)));
  if (!options) return fail(options.error());
  const std::string doing = "mount " + mount.type + " " + mount.source;
  UniqueFd before;
  if (!options->directory.empty()) {
    before.reset(::open(".", O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!before.valid() || ::chdir(options->directory.c_str()) != 0) return fail(errno_error(doing, errno));
  }
  const unsigned long flags = options->flags & ~kPropagation;
  const int failed = ::mount(mount.source.c_str(), target.c_str(), mount.type.c_str(), flags, options->data.c_str());
  const int error = errno;
  if (before.valid() && ::fchdir(before.get()) != 0) return fail(errno_error("chdir back", errno));
  if (failed != 0) return fail(errno_error(doing, error));
  const unsigned long propagation = options->flags & kPropagation;
  if (propagation != 0) {
    const unsigned long how = options->flags & (kPropagation | MS_REC);
    if (::mount("", target.c_str(), "", how, "") != 0) return fail(errno_error(doing, errno));
  }
  // A bind mount becomes read-only only when it is mounted once more.
  if ((flags & MS_BIND) != 0 && (flags & MS_RDONLY) != 0 &&
      ::mount("", target.c_str(), "", flags | MS_REMOUNT, "") != 0) {
    return fail(errno_error(doing + " read-only", errno));
  }
  return {};
}

}  // namespace

Result<MountOptions> parse_mount_options(const Mount& mount, std::size_t page_size) {
  MountOptions result;
  std::vector<std::string> data;
  std::size_t size = 0;
  for (const std::string& option : mount.options) {
    const auto* word = std::find_if(std::begin(kWords), std::end(kWords),
                                    [&](const Word& one) { return one.name == option; });
    if (word == std::end(kWords) || word->flag == 0) {
      if (option == "loop") return fail(Code::Unimplemented, "this shim mounts no loop devices");
      if (word != std::end(kWords)) continue;
      size += option.size() + 1;
      data.push_back(option);
    } else if (word->clears) {
      result.flags &= ~word->flag;
    } else {
      result.flags |= word->flag;
    }
  }
  const auto lower = std::find_if(data.begin(), data.end(),
                                  [](const std::string& option) { return option.starts_with(kLower); });
  if (size > page_size && mount.type == "overlay" && lower != data.end()) {
    const auto paths = split(std::string_view(*lower).substr(kLower.size()), ':');
    result.directory = common_directory(paths);
    std::string shorter(kLower);
    for (const std::string_view path : paths) {
      if (shorter.size() > kLower.size()) shorter += ':';
      shorter += path.substr(result.directory.size());
    }
    size = size - lower->size() + shorter.size();
    *lower = std::move(shorter);
  }
  if (size > page_size) return fail(Code::InvalidArgument, "mount options is too long");
  for (const std::string& option : data) {
    if (!result.data.empty()) result.data += ',';
    result.data += option;
  }
  return result;
}

Result<void> mount_all(const std::vector<Mount>& mounts, const std::string& target) {
  for (const Mount& mount : mounts) {
    if (auto done = mount_one(mount, target); !done) {
      return fail(std::move(done.error()).wrap("failed to mount rootfs component"));
    }
  }
  return {};
}

bool unmount_all(const std::string& target, bool lazily) {
  const int flags = UMOUNT_NOFOLLOW | (lazily ? MNT_DETACH : 0);
  while (::umount2(target.c_str(), flags) == 0) {
  }
  return errno != EBUSY;
}

}  // namespace gantry::shim
