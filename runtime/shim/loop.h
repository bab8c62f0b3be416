#pragma once

// The shim's event loop: descriptors, timers, and what other threads post. All state of the shim belongs to the thread
// that runs it; only post() may be called from others.

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/unique_fd.h"

namespace gantry::shim {

class Loop {
 public:
  using Ready = std::function<void(std::uint32_t events)>;
  using Timer = std::uint64_t;  ///< 0 is none

  Loop();
  Loop(const Loop&) = delete;

  /// Calls `ready` with EPOLLIN, EPOLLOUT, … whenever `fd` is; a second call for the same descriptor changes both.
  void watch(int fd, std::uint32_t events, Ready ready);
  /// Before the descriptor is closed. What was reported already for it is not called any more.
  void forget(int fd);

  Timer after(Duration delay, std::function<void()> task);
  void cancel(Timer timer);  ///< nothing, if it has run or is 0

  void post(std::function<void()> task);

  /// Until stop().
  void run();
  void stop() { running_ = false; }

 private:
  using Clock = std::chrono::steady_clock;
  struct Watch {
    std::uint32_t generation;
    Ready ready;
  };

  int next_timeout() const;  ///< milliseconds for epoll_wait
  void run_timers();
  void run_posted();

  UniqueFd epoll_, wake_;
  std::unordered_map<int, std::shared_ptr<Watch>> watches_;
  std::uint32_t generation_ = 0;
  std::map<std::pair<Clock::time_point, Timer>, std::function<void()>> timers_;
  Timer last_timer_ = 0;
  std::mutex mutex_;
  std::vector<std::function<void()>> posted_;  // guarded by mutex_
  bool running_ = true;
};

}  // namespace gantry::shim
