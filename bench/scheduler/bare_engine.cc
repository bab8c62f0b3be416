// Threads that do the work of the tasks, an equal share each, and nothing else: what a second thread brings on this machine now.

#include <thread>
#include <vector>

#include "bench/scheduler/engine.h"

namespace gantry::bench {
namespace {

class BareThreads final : public Engine {
 public:
  BareThreads(const Shape& shape, unsigned threads) : tasks_(shape.count), threads_(threads) {}

  std::chrono::nanoseconds run(std::chrono::nanoseconds work) override {
    const auto work_loop = [&](Index tasks) {
      for (Index i = 0; i < tasks; ++i) work_for(work);
    };
    const Index share = tasks_ / threads_;
    std::vector<std::thread> others;
    const auto begin = std::chrono::steady_clock::now();
    for (unsigned i = 1; i < threads_; ++i) others.emplace_back(work_loop, share);
    work_loop(tasks_ - share * (threads_ - 1));
    for (auto& thread : others) thread.join();
    return std::chrono::steady_clock::now() - begin;
  }

 private:
  Index tasks_;
  unsigned threads_;
};

}  // namespace

std::unique_ptr<Engine> bare_threads(const Shape& shape, unsigned threads) { return std::make_unique<BareThreads>(shape, threads); }

}  // namespace gantry::bench
