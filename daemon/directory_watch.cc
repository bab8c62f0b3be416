#include "daemon/directory_watch.h"

#include <utility>

namespace gantry {
namespace {

struct DirectoryWatch {
  uv_fs_event_t handle;
  std::function<void()> changed;

  void close() {
    changed = nullptr;
    uv_close(reinterpret_cast<uv_handle_t*>(&handle),
             [](uv_handle_t* closed) { delete static_cast<DirectoryWatch*>(closed->data); });
  }
};

}  // namespace

std::shared_ptr<void> watch_directory(uv_loop_t* loop, const std::string& path,
                                      std::function<void()> changed) {
  auto* watch = new DirectoryWatch{{}, std::move(changed)};
  uv_fs_event_init(loop, &watch->handle);
  watch->handle.data = watch;
  int status = uv_fs_event_start(
      &watch->handle,
      [](uv_fs_event_t* handle, const char*, int, int) {
        // A copy: the callback may let go of the watch.
        auto call = static_cast<DirectoryWatch*>(handle->data)->changed;
        if (call) call();
      },
      path.c_str(), 0);
  if (status != 0) {
    watch->close();
    return nullptr;
  }
  return {static_cast<void*>(watch),
          [](void* held) { static_cast<DirectoryWatch*>(held)->close(); }};
}

}  // namespace gantry
