#pragma once

// Who a container's program runs as, by number. The rules are Kubernetes' (kubelet
// pkg/kubelet/kuberuntime security_context.go) and containerd's (oci/spec_opts.go WithUser,
// WithAdditionalGIDs). Pure functions.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "runtime/pod.h"

namespace gantry::containerd {

struct Identity {
  std::uint32_t uid = 0, gid = 0;
  std::vector<std::uint32_t> additional_gids;  ///< gid first, then the others, sorted
  std::string home = "/";
};

/// `image_user` is the image's USER (`name`, `uid`, either with `:group`); `passwd` and `group` are
/// the texts of the image's files, empty if it has none. `container` and `pod` are for the
/// messages.
///
/// Errors: InvalidArgument, `unable to find user x: no matching entries in passwd file`;
/// FailedPrecondition in Kubernetes' words (`container has runAsNonRoot and image will run as root
/// (pod: "p", container: c)`).
Result<Identity> resolve_identity(const runtime::Security& security, std::string_view image_user,
                                  std::string_view passwd, std::string_view group,
                                  std::string_view pod, std::string_view container);

}  // namespace gantry::containerd
