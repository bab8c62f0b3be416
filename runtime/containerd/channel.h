#pragma once

// The connection to containerd: one gRPC channel, one completion queue, one thread ("grpc") that
// polls it.
//
// Owned by whoever talks to containerd, made and destroyed on the loop thread, and used from it.
// Results come back through the Executor on the loop thread; the grpc thread itself runs no code
// but call.h's. Every call carries the metadata `containerd-namespace`. The channel connects by
// itself, again and again (100 ms to 2 s apart); while there is no connection, calls fail with
// Unavailable unless they were told to wait.
//
// How to make a call: see call.h.

#include <grpcpp/grpcpp.h>

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_set>

#include "base/error.h"
#include "base/executor.h"

namespace gantry::containerd {

/// One thing in flight on the completion queue. Its address is the tag.
class Operation {
 public:
  virtual ~Operation() = default;
  /// The completion queue's answer. grpc thread.
  virtual void proceed(bool ok) = 0;
  /// Ends the call early; its answer still comes, as Cancelled. Any thread.
  virtual void cancel() = 0;
};

class Channel {
 public:
  /// `socket` is a path. `executor` must outlive the channel.
  Channel(const std::string& socket, Executor& executor, std::string name_space = "gantry");
  /// Cancels what is in flight, drains the queue and joins the thread. No callback runs afterwards.
  ~Channel();
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  [[nodiscard]] const std::shared_ptr<grpc::Channel>& grpc() const { return channel_; }
  [[nodiscard]] Executor& executor() const { return executor_; }
  [[nodiscard]] const std::string& name_space() const { return namespace_; }

  // What follows is for call.h.
  grpc::CompletionQueue* queue() { return &queue_; }
  /// Sets the metadata that every call carries.
  void decorate(grpc::ClientContext& context) const;
  void enter(Operation* operation);
  void leave(Operation* operation);
  /// Runs `task` on the loop unless the channel is gone by then. Any thread.
  void post(std::function<void()> task);

 private:
  void poll();

  Executor& executor_;
  std::string namespace_;
  std::shared_ptr<grpc::Channel> channel_;
  grpc::CompletionQueue queue_;
  std::mutex mutex_;  // guards in_flight_; held for a few instructions, and while the last calls
                      // are cancelled
  std::unordered_set<Operation*> in_flight_;
  std::condition_variable drained_;  // in_flight_ became empty
  /// Written and read on the loop only: posted callbacks look whether the channel is still there.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::thread thread_;
};

/// gRPC's status as our error: the code's number is the same.
Error to_error(const grpc::Status& status);

}  // namespace gantry::containerd
