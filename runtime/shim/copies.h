#pragma once

// The copying of a process's output: a thread a stream, because both ends may block (a disk that is busy, a FIFO that
// nobody reads), and the loop must not. Loop thread, but for the threads themselves.

#include <functional>
#include <memory>
#include <vector>

#include "runtime/shim/loop.h"
#include "runtime/shim/stdio.h"

namespace gantry::shim {

class Copies {
 public:
  explicit Copies(Loop& loop);

  /// Each goes on until its source is at its end. What cannot be written is read all the same and dropped, so that the
  /// process does not hang on it.
  void start(std::vector<CopyJob> jobs);
  /// `done` from the loop once somebody reads each FIFO that output goes to. A client stops waiting for its FIFOs when
  /// the process is over, and would get nothing of one that was quicker than the copies.
  void when_open(std::function<void()> done);
  /// `done` from the loop once all output is written, or after `limit`: a process that was left behind may hold its
  /// pipe open for ever, and goes on being copied.
  void when_done(Duration limit, std::function<void()> done);

 private:
  struct State;
  std::shared_ptr<State> state_;  // shared with the threads' last words
};

}  // namespace gantry::shim
