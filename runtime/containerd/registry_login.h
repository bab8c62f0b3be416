#pragma once

// Which credentials are for an image. Pure.

#include <string>
#include <vector>

#include "runtime/containerd/reference.h"
#include "runtime/pod.h"

namespace gantry::containerd {

/// `NAME:PASSWORD` of the login whose server fits the reference, the one with the longest path
/// first; empty: none does. As Kubernetes compares them (pkg/credentialprovider/keyring.go):
/// schemes and a trailing /v1/ or /v2/ mean nothing, a path must be the beginning of the image's,
/// `*` stands for letters of one part of the host's name, and Docker Hub has several names.
std::string user_for(const std::vector<runtime::RegistryLogin>& logins, const Reference& reference);

}  // namespace gantry::containerd
