#pragma once

// Unix sockets of the shim. Paths longer than the kernel's limit are InvalidArgument.

#include <string>

#include "base/error.h"
#include "base/unique_fd.h"

namespace gantry::shim {

/// Not blocking, as all that comes from here. A path that begins with "unix://" is taken without that.
Result<UniqueFd> connect_to(const std::string& path);
/// Listens at `path`, only for our own user. AlreadyExists.
Result<UniqueFd> listen_at(const std::string& path);
/// As listen_at, at a path made from the words: the same for the same words, unless another lives there.
Result<UniqueFd> listen_for(const std::string& words, std::string& path);

/// Takes the terminal that an OCI runtime has sent to its console socket. Unavailable: none came.
Result<UniqueFd> receive_console(int listener);

}  // namespace gantry::shim
