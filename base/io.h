#pragma once

// Reading and writing that is whole, however often the kernel takes or gives a part only. Any thread; everything blocks.

#include <cstddef>
#include <string>
#include <string_view>

#include "base/error.h"

namespace gantry {

/// What a descriptor gives until its end. ResourceExhausted: more than `limit` bytes.
Result<std::string> read_all(int fd, std::size_t limit);

Result<void> write_all(int fd, std::string_view data);

}  // namespace gantry
