// Task-graph engines on the same graphs in the same run: million tasks a second, and ratios.
//
//   bench_scheduler [--benchmark_filter=REGEX] [Google Benchmark's options]
//
// Names are SHAPE/TASKS/ENGINE/THREADS/WORK. Each is run several times, all in random order; medians
// count. So what else the machine does meanwhile comes to all alike; and all runs of a shape share its plan, because on the same
// machine the same graph may take half as long again in other memory.

#include <benchmark/benchmark.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <functional>
#include <map>

#include "bench/scheduler/engine.h"

namespace gantry::bench {

std::size_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::size_t size = 0, resident = 0;
  file >> size >> resident;
  return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

namespace {

using Make = std::function<std::unique_ptr<Engine>(const Shape&, unsigned)>;
using std::chrono::microseconds;
using std::chrono::nanoseconds;

struct Case {
  std::string shape;
  Index tasks;
  std::string engine;
  unsigned threads;
  nanoseconds work;

  [[nodiscard]] std::string name() const {
    return shape + "/" + std::to_string(tasks) + "/" + engine + "/" + std::to_string(threads) + "T/" +
           std::to_string(work.count()) + "ns";
  }
};

/// Kept, because it takes longer to make one than to run it; but not the largest.
std::shared_ptr<const Shape> shape_of(const Case& c) {
  static std::map<std::pair<std::string, Index>, std::shared_ptr<const Shape>> kept;
  if (c.tasks > 1'000'000) return std::make_shared<const Shape>(make_shape(c.shape, c.tasks));
  auto& shape = kept[{c.shape, c.tasks}];
  if (shape == nullptr) shape = std::make_shared<const Shape>(make_shape(c.shape, c.tasks));
  return shape;
}

void measure(benchmark::State& state, const Case& c, const Make& make) {
  const auto kept_shape = shape_of(c);
  const Shape& shape = *kept_shape;
  const std::unique_ptr<Engine> engine = make(shape, c.threads);
  if (engine == nullptr) {
    state.SkipWithError("built without it");
    return;
  }
  engine->run(nanoseconds(0));  // warm
  for (auto _ : state) state.SetIterationTime(std::chrono::duration<double>(engine->run(c.work)).count());
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) * shape.count);
  state.counters["build_ms"] = engine->build_seconds * 1e3;
  state.counters["plan_B"] = static_cast<double>(engine->plan_bytes) / shape.count;
  state.counters["run_B"] = static_cast<double>(engine->run_bytes) / shape.count;
}

/// Keeps medians for the ratios at the end.
class Ratios final : public benchmark::ConsoleReporter {
 public:
  void ReportRuns(const std::vector<Run>& runs) override {
    ConsoleReporter::ReportRuns(runs);
    for (const Run& run : runs) {
      if (run.error_occurred || run.run_type != Run::RT_Aggregate || run.aggregate_name != "median") continue;
      const std::string& name = run.run_name.function_name;
      speed_[name] = run.counters.at("items_per_second");
      build_[name] = run.counters.at("build_ms");
    }
  }

  void Finalize() override {
    ConsoleReporter::Finalize();
    std::printf("\nRatios of tasks a second, 1,000,000 tasks that take nothing, 2 threads (build: of milliseconds):\n");
    for (const char* shape : {"chain", "fan", "grid", "layered"}) {
      for (const char* engine : {"gantry", "gantry-full"}) {
        for (const char* peer : {"taskflow", "tbb", "mutex"}) ratio({shape, 1'000'000, engine, 2, {}}, {shape, 1'000'000, peer, 2, {}});
        ratio({shape, 1'000'000, engine, 2, {}}, {shape, 1'000'000, engine, 1, {}});
        ratio({shape, 1'000'000, engine, 4, {}}, {shape, 1'000'000, engine, 2, {}});
      }
    }
    std::printf("\nTasks that work:\n");
    for (const char* shape : {"fan", "grid", "layered"}) {
      for (const nanoseconds work : {nanoseconds(1000), nanoseconds(10'000)}) {
        for (const char* engine : {"gantry", "gantry-full"}) {
          ratio({shape, 100'000, engine, 2, work}, {shape, 100'000, engine, 1, work});
          ratio({shape, 100'000, engine, 4, work}, {shape, 100'000, engine, 2, work});
        }
      }
    }
  }

 private:
  void ratio(const Case& a, const Case& b) const {
    const auto one = speed_.find(a.name()), other = speed_.find(b.name());
    if (one == speed_.end() || other == speed_.end()) return;
    std::printf("  %-40s / %-40s %8.2f   (build %.3f)\n", a.name().c_str(), b.name().c_str(), one->second / other->second,
                build_.at(a.name()) / build_.at(b.name()));
  }
  std::map<std::string, double> speed_, build_;
};

void add(const Case& c, const Make& make, int repetitions) {
  benchmark::RegisterBenchmark(c.name().c_str(), [c, make](benchmark::State& state) { measure(state, c, make); })
      ->UseManualTime()
      ->Iterations(3)
      ->Repetitions(repetitions)
      ->ReportAggregatesOnly()
      ->Unit(benchmark::kMillisecond);
}

void add_all() {
  const std::vector<std::pair<std::string, Make>> engines = {{"gantry", gantry_plain},
                                                             {"gantry-full", gantry_full},
                                                             {"mutex", mutex_and_deque},
                                                             {"tbb", tbb_flow_graph},
                                                             {"taskflow", taskflow}};
  for (const std::string shape : {"chain", "fan", "grid", "layered"}) {
    for (const auto& [name, make] : engines) {
      const bool ours = name.starts_with("gantry");
      for (const unsigned threads : {1u, 2u, 4u}) {
        if (ours || threads == 2) add({shape, 1'000'000, name, threads, {}}, make, ours ? 25 : 7);
      }
      if (!ours) continue;
      for (const Index tasks : {1'000u, 100'000u, 10'000'000u}) add({shape, tasks, name, 1, {}}, make, 3);
      if (shape == "chain") continue;
      for (const microseconds work : {microseconds(1), microseconds(10)}) {
        for (const unsigned threads : {1u, 2u, 4u}) add({shape, 100'000, name, threads, work}, make, 7);
      }
    }
  }
}

}  // namespace
}  // namespace gantry::bench

int main(int argc, char** argv) {
  std::string in_random_order = "--benchmark_enable_random_interleaving=true";
  std::vector<char*> arguments(argv, argv + argc);
  arguments.insert(arguments.begin() + 1, in_random_order.data());
  arguments.push_back(nullptr);
  argc = static_cast<int>(arguments.size()) - 1;
  argv = arguments.data();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  gantry::bench::add_all();
  gantry::bench::Ratios reporter;
  benchmark::RunSpecifiedBenchmarks(&reporter);
}
