#pragma once

// What is still to be told to containerd, in order: the next is sent once the one before has arrived, however long
// containerd is away. (The stock shim gives an event up after five attempts, some 20 seconds.) Pure.

#include <deque>
#include <string>

#include "base/clock.h"

namespace gantry::shim {

class EventQueue {
 public:
  void push(std::string event) { events_.push_back(std::move(event)); }
  [[nodiscard]] bool empty() const { return events_.empty(); }
  [[nodiscard]] const std::string& front() const { return events_.front(); }

  /// The first has arrived.
  void sent();
  /// containerd could not be reached; after how long to try again. The first stays.
  Duration unreachable();
  /// containerd has refused the first; after how long to try again. After some times it is dropped, lest it hold up
  /// those behind it for ever.
  Duration refused();

 private:
  Duration pause();

  std::deque<std::string> events_;
  Duration pause_{};  // of the last attempt
  int refusals_ = 0;  // of the first
};

}  // namespace gantry::shim
