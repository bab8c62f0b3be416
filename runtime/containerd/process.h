#pragma once

// What a container runs and with which environment: the image's configuration and the pod's
// specification put together. Pure functions.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "runtime/containerd/image_config.h"
#include "runtime/pod.h"

namespace gantry::containerd {

/// Where a script is seen in its container (Argo's common.ExecutorScriptSourcePath).
inline constexpr char kScriptPath[] = "/argo/staging/script";
inline constexpr char kDefaultPath[] =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The program and its arguments. Kubernetes' table: a command replaces the image's ENTRYPOINT and
/// CMD, arguments alone replace CMD. FailedPrecondition: neither the container nor the image names
/// a program.
/// `$(NAME)` in a command or an argument of the container (not of the image) is expanded.
Result<std::vector<std::string>> arguments_of(const runtime::ContainerSpec& container,
                                              const ImageConfig& image);

/// NAME=value: PATH, HOSTNAME, HOME, TERM (with a terminal), then the image's, then the
/// container's; a later one replaces an earlier one in its place.
std::vector<std::string> environment_of(const runtime::ContainerSpec& container,
                                        const ImageConfig& image, const std::string& hostname,
                                        const std::string& home);

/// Kubernetes' expansion (third_party/forked/golang/expansion): `$(NAME)` becomes the value of a
/// variable that is in `variables` and stays as it is otherwise; `$$` is one `$`.
std::string expand(std::string_view text, const std::map<std::string, std::string>& variables);

/// The value of `name` in a list of NAME=value; empty if it is not there.
std::string environment_value(const std::vector<std::string>& environment, std::string_view name);

}  // namespace gantry::containerd
