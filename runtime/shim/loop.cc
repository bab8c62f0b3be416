#include "runtime/shim/loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <array>
#include <utility>

namespace gantry::shim {
namespace {

constexpr int kEventsAtATime = 16;

std::uint64_t key_of(int fd, std::uint32_t generation) {
  return static_cast<std::uint64_t>(generation) << 32 | static_cast<std::uint32_t>(fd);
}

}  // namespace

Loop::Loop() : epoll_(::epoll_create1(EPOLL_CLOEXEC)), wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  watch(wake_.get(), EPOLLIN, [this](std::uint32_t) {
    std::uint64_t count = 0;
    [[maybe_unused]] const auto got = ::read(wake_.get(), &count, sizeof(count));
    run_posted();
  });
}

void Loop::watch(int fd, std::uint32_t events, Ready ready) {
  auto& watch = watches_[fd];
  const int operation = watch ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
  watch = std::make_shared<Watch>(Watch{++generation_, std::move(ready)});
  epoll_event event{};
  event.events = events;
  event.data.u64 = key_of(fd, watch->generation);
  ::epoll_ctl(epoll_.get(), operation, fd, &event);
}

void Loop::forget(int fd) {
  if (watches_.erase(fd) > 0) ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

Loop::Timer Loop::after(Duration delay, std::function<void()> task) {
  timers_.emplace(std::pair(Clock::now() + delay, ++last_timer_), std::move(task));
  return last_timer_;
}

void Loop::cancel(Timer timer) {
  if (timer == 0) return;
  const auto found = std::find_if(timers_.begin(), timers_.end(),
                                  [&](const auto& entry) { return entry.first.second == timer; });
  if (found != timers_.end()) timers_.erase(found);
}

void Loop::post(std::function<void()> task) {
  {
    const std::lock_guard lock(mutex_);
    posted_.push_back(std::move(task));
  }
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(wake_.get(), &one, sizeof(one));
}

void Loop::run() {
  while (running_) {
    std::array<epoll_event, kEventsAtATime> events{};
    const int count = ::epoll_wait(epoll_.get(), events.data(), kEventsAtATime, next_timeout());
    for (int i = 0; i < count && running_; ++i) {
      const auto fd = static_cast<int>(events[static_cast<std::size_t>(i)].data.u64);
      const auto found = watches_.find(fd);
      if (found == watches_.end()) continue;
      const auto watch = found->second;  // it may forget itself
      if (key_of(fd, watch->generation) != events[static_cast<std::size_t>(i)].data.u64) continue;
      watch->ready(events[static_cast<std::size_t>(i)].events);
    }
    run_timers();
  }
}

int Loop::next_timeout() const {
  if (timers_.empty()) return -1;
  const auto left = std::chrono::ceil<Duration>(timers_.begin()->first.first - Clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000));
}

void Loop::run_timers() {
  while (running_ && !timers_.empty() && timers_.begin()->first.first <= Clock::now()) {
    const auto task = std::move(timers_.begin()->second);
    timers_.erase(timers_.begin());
    task();
  }
}

void Loop::run_posted() {
  std::vector<std::function<void()>> tasks;
  {
    const std::lock_guard lock(mutex_);
    tasks.swap(posted_);
  }
  for (const auto& task : tasks) task();
}

}  // namespace gantry::shim
