#pragma once

// The service containerd.task.v2.Task for one container. Loop thread.
//
// While the container is being created, requests wait for the outcome (but for Connect); afterwards they are carried
// out as they come. Checkpoint and Stats are Unimplemented.

#include <functional>
#include <string>
#include <vector>

#include "runtime/shim/container.h"
#include "runtime/shim/server.h"

namespace gantry::shim {

class TaskService {
 public:
  /// `shut_down` is called when there is nothing more to serve.
  TaskService(Loop& loop, Children& children, std::string name_space, Container::Tell tell,
              std::function<void()> shut_down);

  void handle(Request request, Reply reply);
  /// It has no container, not yet or not any more.
  [[nodiscard]] bool idle() const {
    return stage_ == Stage::None || (stage_ == Stage::There && container_->deleted());
  }

 private:
  void create(const Request& request, Reply reply);
  void created(bool success);
  void dispatch(const Request& request, Reply reply);
  void with_container(const Request& request, Reply reply);
  void state(const api::StateRequest& request, const Reply& reply);
  void pids(const Request& request, Reply reply);

  Loop& loop_;
  Children& children_;
  const std::string name_space_;
  Container::Tell tell_;
  std::function<void()> shut_down_;
  std::unique_ptr<Container> container_;  // stays once it was created
  enum class Stage { None, Creating, There } stage_ = Stage::None;
  std::vector<std::function<void()>> waiting_;
};

}  // namespace gantry::shim
