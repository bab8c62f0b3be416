// oneTBB's flow graph.

#include <tbb/flow_graph.h>
#include <tbb/global_control.h>
#include <tbb/task_arena.h>

#include <deque>

#include "bench/scheduler/engine.h"

namespace gantry::bench {
namespace {

using tbb::flow::continue_msg;
using Clock = std::chrono::steady_clock;

class Tbb final : public Engine {
 public:
  Tbb(const Shape& shape, unsigned threads)
      : control_(tbb::global_control::max_allowed_parallelism, threads), arena_(static_cast<int>(threads)) {
    const std::size_t heap = resident_bytes();
    const auto begin = Clock::now();
    arena_.execute([&] {
      graph_ = std::make_unique<tbb::flow::graph>();
      for (Index i = 0; i < shape.count; ++i) {
        nodes_.emplace_back(*graph_, [this](const continue_msg&) { work_for(work_); });
      }
    });
    std::vector<bool> has_dependency(shape.count);
    for (const auto& [from, to] : shape.edges) {
      tbb::flow::make_edge(nodes_[from], nodes_[to]);
      has_dependency[to] = true;
    }
    for (Index i = 0; i < shape.count; ++i) {
      if (!has_dependency[i]) roots_.push_back(i);
    }
    build_seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    run_bytes = resident_bytes() - heap;
  }

  std::chrono::nanoseconds run(std::chrono::nanoseconds work) override {
    work_ = work;
    const auto begin = Clock::now();
    arena_.execute([&] {
      for (const Index root : roots_) nodes_[root].try_put(continue_msg());
      graph_->wait_for_all();
    });
    return Clock::now() - begin;
  }

 private:
  tbb::global_control control_;
  tbb::task_arena arena_;
  std::unique_ptr<tbb::flow::graph> graph_;
  std::deque<tbb::flow::continue_node<continue_msg>> nodes_;
  std::vector<Index> roots_;
  std::chrono::nanoseconds work_{};
};

}  // namespace

std::unique_ptr<Engine> tbb_flow_graph(const Shape& shape, unsigned threads) {
  return std::make_unique<Tbb>(shape, threads);
}

}  // namespace gantry::bench
