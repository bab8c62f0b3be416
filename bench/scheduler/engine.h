#pragma once

// What is measured: an engine builds a graph once and runs it as often as it is asked.

#include <chrono>
#include <cstddef>
#include <memory>

#include "bench/scheduler/shapes.h"

namespace gantry::bench {

class Engine {
 public:
  virtual ~Engine() = default;
  /// From "its roots are ready" to "all its tasks are done". Each task works for `work`.
  virtual std::chrono::nanoseconds run(std::chrono::nanoseconds work) = 0;
  /// Seconds from a compiled graph to one that is ready to run: the frame, the flow graph, the taskflow.
  double build_seconds = 0;
  /// Bytes on the heap, of what describes the graph and of what one run of it needs.
  std::size_t plan_bytes = 0, run_bytes = 0;
};

/// What a task does.
inline void work_for(std::chrono::nanoseconds work) {
  if (work.count() == 0) return;
  const auto end = std::chrono::steady_clock::now() + work;
  while (std::chrono::steady_clock::now() < end) {
  }
}

// The shape must outlive its engine.
std::unique_ptr<Engine> gantry_plain(const Shape& shape, unsigned threads);
/// Priorities, critical path, and each task admitted by the ledger.
std::unique_ptr<Engine> gantry_full(const Shape& shape, unsigned threads);
/// The same with a mutex, a deque and a condition variable.
std::unique_ptr<Engine> mutex_and_deque(const Shape& shape, unsigned threads);
/// No graph at all: the most that further threads can bring.
std::unique_ptr<Engine> bare_threads(const Shape& shape, unsigned threads);
std::unique_ptr<Engine> tbb_flow_graph(const Shape& shape, unsigned threads);
/// Null when the benchmark was built without it (-DGANTRY_TASKFLOW=DIRECTORY).
std::unique_ptr<Engine> taskflow(const Shape& shape, unsigned threads);

/// Resident memory of the process, in bytes.
std::size_t resident_bytes();

}  // namespace gantry::bench
