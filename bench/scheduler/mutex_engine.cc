// The same frames and topology with a mutex, a deque and a condition variable: what the lock-free parts must beat.

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "bench/scheduler/engine.h"

namespace gantry::bench {
namespace {

using Clock = std::chrono::steady_clock;

class MutexAndDeque final : public Engine {
 public:
  MutexAndDeque(const Shape& shape, unsigned threads) : threads_(threads), topology_(shape.topology) {
    plan_bytes = shape.plan_bytes();
  }

  std::chrono::nanoseconds run(std::chrono::nanoseconds work) override {
    const auto before = Clock::now();
    std::vector<Index> waiting = topology_.dependency_count;
    build_seconds = std::chrono::duration<double>(Clock::now() - before).count();
    std::mutex mutex;
    std::condition_variable changed;
    std::deque<Index> ready(topology_.roots().begin(), topology_.roots().end());
    Index ends_left = topology_.ends;
    const auto work_loop = [&] {
      std::unique_lock lock(mutex);
      while (true) {
        changed.wait(lock, [&] { return !ready.empty() || ends_left == 0; });
        if (ends_left == 0) return;
        const Index task = ready.front();
        ready.pop_front();
        lock.unlock();
        work_for(work);
        lock.lock();
        const auto successors = topology_.successors_of(task);
        if (successors.empty() && --ends_left == 0) changed.notify_all();
        std::size_t made_ready = 0;
        for (const Index successor : successors) {
          if (--waiting[successor] > 0) continue;
          ready.push_back(successor);
          ++made_ready;
        }
        if (made_ready > 1) changed.notify_all();  // one of them is this thread's
      }
    };
    std::vector<std::thread> others;
    const auto begin = Clock::now();
    for (unsigned i = 1; i < threads_; ++i) others.emplace_back(work_loop);
    work_loop();
    const auto end = Clock::now();
    for (auto& thread : others) thread.join();
    run_bytes = waiting.capacity() * sizeof(Index);
    return end - begin;
  }

 private:
  unsigned threads_;
  const workflow::Topology& topology_;
};

}  // namespace

std::unique_ptr<Engine> mutex_and_deque(const Shape& shape, unsigned threads) {
  return std::make_unique<MutexAndDeque>(shape, threads);
}

}  // namespace gantry::bench
