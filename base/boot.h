#pragma once

#include <string>

#include "base/error.h"

namespace gantry {

/// The kernel's id of this boot of the host. Blocks for the moment of reading a file of /proc.
Result<std::string> boot_id();

}  // namespace gantry
