#pragma once

#include <uv.h>

#include <functional>
#include <memory>
#include <string>

namespace gantry {

/// Calls `changed` on the loop after something in the directory `path` was written, made or
/// removed, until the result is let go of. Null when the directory is not there or the kernel has
/// no watch left. Loop thread.
std::shared_ptr<void> watch_directory(uv_loop_t* loop, const std::string& path,
                                      std::function<void()> changed);

}  // namespace gantry
