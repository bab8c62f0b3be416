#include "runtime/containerd/host_facts.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

namespace gantry::containerd {
namespace {

namespace fs = std::filesystem;

// tini's names in Debian, and in Docker's and Moby's packages; catatonit takes the same options.
constexpr const char* kInits[] = {"/usr/bin/tini-static", "/usr/bin/docker-init",
                                  "/usr/libexec/docker/docker-init", "/usr/bin/catatonit"};

void collect_devices(const fs::path& directory, std::vector<DeviceNode>& devices) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(directory, ignored)) {
    const std::string path = entry.path();
    // What the OCI runtime makes itself, and what is a file system of its own.
    if (path == "/dev/pts" || path == "/dev/shm" || path == "/dev/mqueue" || path == "/dev/fd" ||
        path == "/dev/console") {
      continue;
    }
    struct stat info {};
    if (::lstat(path.c_str(), &info) != 0) continue;
    if (S_ISDIR(info.st_mode)) {
      collect_devices(entry.path(), devices);
    } else if (S_ISCHR(info.st_mode) || S_ISBLK(info.st_mode)) {
      devices.push_back({path, S_ISBLK(info.st_mode), major(info.st_rdev), minor(info.st_rdev),
                         info.st_mode & 0777});
    }
  }
}

}  // namespace

Result<HostFacts> find_host_facts(const Config& config, const CgroupLayout& cgroups) {
  HostFacts facts;
  utsname system{};
  int version = 0, patch = 0;
  if (::uname(&system) == 0 && std::sscanf(system.release, "%d.%d", &version, &patch) == 2 &&
      (version < 5 || (version == 5 && patch < 10))) {
    return fail(Code::FailedPrecondition,
                std::string("Linux 5.10 or later is needed; this is ") + system.release);
  }
  facts.init = config.init;
  for (const char* path : kInits) {
    if (facts.init.empty() && ::access(path, X_OK) == 0) facts.init = path;
  }
  if (facts.init.empty() || ::access(facts.init.c_str(), X_OK) != 0) {
    return fail(Code::FailedPrecondition, "no init for containers" +
                                              (facts.init.empty() ? "" : " at " + facts.init) +
                                              ": install tini (it brings /usr/bin/tini-static)");
  }
  if (::access(config.resolv_conf.c_str(), R_OK) == 0) facts.resolv_conf = config.resolv_conf;
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) facts.open_files = limit.rlim_max;
  facts.default_pids = config.default_pids;
  facts.swap_accounting = cgroups.swap_accounting();
  facts.cgroup_v2 = cgroups.unified_only();
  std::ifstream("/proc/sys/kernel/cap_last_cap") >> facts.last_capability;
  collect_devices("/dev", facts.devices);
  return facts;
}

}  // namespace gantry::containerd
