// Taskflow, where its headers are: -DGANTRY_TASKFLOW=DIRECTORY (it is not in Debian).

#include "bench/scheduler/engine.h"

#ifdef GANTRY_TASKFLOW
#include <taskflow/taskflow.hpp>
#endif

namespace gantry::bench {

#ifdef GANTRY_TASKFLOW
namespace {

using Clock = std::chrono::steady_clock;

class Taskflow final : public Engine {
 public:
  Taskflow(const Shape& shape, unsigned threads) : executor_(threads) {
    const std::size_t heap = resident_bytes();
    const auto begin = Clock::now();
    std::vector<tf::Task> tasks;
    tasks.reserve(shape.count);
    for (Index i = 0; i < shape.count; ++i) tasks.push_back(flow_.emplace([this] { work_for(work_); }));
    for (const auto& [from, to] : shape.edges) tasks[from].precede(tasks[to]);
    build_seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    run_bytes = resident_bytes() - heap - tasks.capacity() * sizeof(tf::Task);
  }

  std::chrono::nanoseconds run(std::chrono::nanoseconds work) override {
    work_ = work;
    const auto begin = Clock::now();
    executor_.run(flow_).wait();
    return Clock::now() - begin;
  }

 private:
  tf::Executor executor_;
  tf::Taskflow flow_;
  std::chrono::nanoseconds work_{};
};

}  // namespace

std::unique_ptr<Engine> taskflow(const Shape& shape, unsigned threads) {
  return std::make_unique<Taskflow>(shape, threads);
}
#else
std::unique_ptr<Engine> taskflow(const Shape&, unsigned) { return nullptr; }
#endif

}  // namespace gantry::bench
