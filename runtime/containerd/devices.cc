#include "runtime/containerd/devices.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cerrno>

namespace gantry::containerd {

Result<std::vector<GivenDevice>> find_devices(const runtime::ContainerSpec& container) {
  std::vector<GivenDevice> found;
  for (const runtime::Device& device : container.devices) {
    const std::string what = "container \"" + container.name + "\": device " + device.path;
    struct stat info {};
    if (::stat(device.path.c_str(), &info) != 0) {
      if (errno == ENOENT) return fail(Code::NotFound, what + " is not on this host");
      return fail(errno_error(what, errno));
    }
    if (!S_ISCHR(info.st_mode) && !S_ISBLK(info.st_mode)) {
      return fail(Code::InvalidArgument,
                  what + " is " + (S_ISDIR(info.st_mode) ? "a directory" : "a file") + ", no device");
    }
    found.push_back({{.path = device.inside,
                      .block = S_ISBLK(info.st_mode),
                      .major = major(info.st_rdev),
                      .minor = minor(info.st_rdev),
                      .mode = info.st_mode & 0777,
                      .uid = info.st_uid,
                      .gid = info.st_gid},
                     device.access});
  }
  return found;
}

}  // namespace gantry::containerd
