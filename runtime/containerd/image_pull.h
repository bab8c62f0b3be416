#pragma once

// An image from a registry, by the program `ctr`.
//
// containerd ≥ 1.7 pulls by itself (the Transfer service), but Debian 12's containerd is 1.6 and
// its API files do not have that service: this room could neither compile the call nor make it.
// `ctr` comes with every containerd, and a pull is rare and long, so one process start does not
// count. From containerd 2.0 on `ctr` itself uses Transfer.

#include <functional>
#include <string>

#include "base/error.h"
#include "runtime/containerd/images.h"
#include "runtime/containerd/reference.h"

namespace gantry::containerd {

/// Blocking; a worker. The content is complete, the image record made and the layers unpacked
/// afterwards. `cancel` is a descriptor that becomes readable when the pull is to end. The error is
/// one line, with ctr's reason; its code is NotFound, Unauthenticated or PermissionDenied where the
/// reason says so, otherwise Unavailable.
Result<void> pull_image(const Images::Settings& settings, const Reference& reference, int cancel,
                        const std::function<void(std::string)>& progress);

/// What ctr said last about its failure, out of all that it printed. Pure.
std::string ctr_failure(std::string_view output);

}  // namespace gantry::containerd
