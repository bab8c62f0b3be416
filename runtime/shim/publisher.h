#pragma once

// Tells containerd what happens: service containerd.services.events.ttrpc.v1.Events on its ttrpc socket, one event
// after the other (event_queue.h), without blocking. Loop thread.
// Source: containerd 1.6, runtime/v2/shim/publisher.go.

#include <google/protobuf/message_lite.h>

#include <functional>
#include <string>

#include "base/unique_fd.h"
#include "runtime/shim/event_queue.h"
#include "runtime/shim/frame.h"
#include "runtime/shim/loop.h"

namespace gantry::shim {

class Publisher {
 public:
  /// `address`: the path of the socket; empty: nobody is told.
  Publisher(Loop& loop, std::string address, std::string name_space);
  ~Publisher();
  Publisher(const Publisher&) = delete;

  /// `topic` as "/tasks/exit"; the message is one of containerd.events.
  void publish(const char* topic, const google::protobuf::MessageLite& event);
  /// `done` once all have arrived, or after `limit`. Once.
  void flush(Duration limit, std::function<void()> done);

 private:
  void send();
  bool connect();
  void write_some();
  void readable();
  void disconnected();
  void answered(const std::string& message);
  void try_again(Duration pause);

  Loop& loop_;
  const std::string address_, name_space_;
  EventQueue queue_;
  UniqueFd socket_;
  FrameReader reader_;
  std::string unwritten_;
  std::uint32_t stream_ = 0;  // of the request that is out; odd
  bool waiting_ = false;      // for an answer
  Loop::Timer retry_ = 0, limit_ = 0;
  std::function<void()> flushed_;
};

}  // namespace gantry::shim
