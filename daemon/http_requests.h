#pragma once

// Makes the requests of `http` templates. Loop thread; the requests are a worker's.

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>

#include "base/executor.h"
#include "base/unique_fd.h"
#include "daemon/engine/engine.h"
#include "daemon/job_queue.h"
#include "daemon/objects.h"

namespace gantry {

class HttpRequests {
 public:
  using Done = std::function<void(Result<engine::Engine::HttpAnswer>)>;

  /// Both outlive it.
  HttpRequests(const Objects& objects, Executor& executor);

  /// `done` comes later, once; not after cancel(). Without a timeout a request has 30 s (argo-workflows
  /// docs/http-template.md).
  void send(const engine::SendRequest& request, Done done);
  void cancel(const std::string& id);

 private:
  JobQueue queue_;
  const Objects& objects_;
  Executor& executor_;
  std::unordered_map<std::string, std::shared_ptr<UniqueFd>> running_;  ///< id → readable: cancelled
};

}  // namespace gantry
