// Task-graph engines on the same graphs in the same run: million tasks a second, and ratios.
//
//   bench_scheduler [--benchmark_filter=REGEX] [Google Benchmark's options]
//
// Names are SHAPE/TASKS/ENGINE/THREADS/WORK. Each is run several times, all in random order, on one plan a shape; medians count. What a
// further thread brings is measured by turns (THREADS is "turns"): one, two and four threads run the same graph one after the
// other, and the median of the ratios counts. For the same graph takes half as long again a moment later, or in other memory.

#include <benchmark/benchmark.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

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

constexpr unsigned kTurns = 0;  ///< for the threads of a case

struct Case {
  std::string shape;
  Index tasks;
  std::string engine;
  unsigned threads;
  nanoseconds work;

  [[nodiscard]] std::string name() const {
    return shape + "/" + std::to_string(tasks) + "/" + engine + "/" + (threads == kTurns ? "turns" : std::to_string(threads) + "T") +
           "/" + std::to_string(work.count()) + "ns";
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

double median(std::vector<double> numbers) {
  const auto middle = numbers.begin() + static_cast<std::ptrdiff_t>(numbers.size() / 2);
  std::nth_element(numbers.begin(), middle, numbers.end());
  return *middle;
}

constexpr std::array<unsigned, 3> kThreads = {1, 2, 4};

void measure_by_turns(benchmark::State& state, const Case& c, const Make& make) {
  const auto shape = shape_of(c);
  std::array<std::unique_ptr<Engine>, kThreads.size()> engines;
  std::array<std::vector<double>, kThreads.size()> seconds;
  for (std::size_t i = 0; i < kThreads.size(); ++i) {
    engines[i] = make(*shape, kThreads[i]);
    engines[i]->run(c.work);  // warm
  }
  std::vector<double> second, fourth;
  for (auto _ : state) {
    for (std::size_t i = 0; i < kThreads.size(); ++i) {
      seconds[i].push_back(std::chrono::duration<double>(engines[i]->run(c.work)).count());
    }
    second.push_back(seconds[0].back() / seconds[1].back());
    fourth.push_back(seconds[1].back() / seconds[2].back());
    state.SetIterationTime(seconds[0].back() + seconds[1].back() + seconds[2].back());
  }
  for (std::size_t i = 0; i < kThreads.size(); ++i) {
    state.counters["ms_" + std::to_string(kThreads[i]) + "T"] = median(seconds[i]) * 1e3;
  }
  state.counters["2T/1T"] = median(second);
  state.counters["4T/2T"] = median(fourth);
}

/// Keeps medians for the ratios at the end.
class Ratios final : public benchmark::ConsoleReporter {
 public:
  void ReportRuns(const std::vector<Run>& runs) override {
    ConsoleReporter::ReportRuns(runs);
    for (const Run& run : runs) {
      if (run.error_occurred) continue;
      const std::string& name = run.run_name.function_name;
      if (const auto second = run.counters.find("2T/1T"); second != run.counters.end()) {
        turns_[name] = {second->second, run.counters.at("4T/2T")};
      } else if (run.run_type == Run::RT_Aggregate && run.aggregate_name == "median") {
        speed_[name] = run.counters.at("items_per_second");
        build_[name] = run.counters.at("build_ms");
      }
    }
  }

  void Finalize() override {
    ConsoleReporter::Finalize();
    std::printf("\nRatios of tasks a second, 1,000,000 tasks that take nothing, 2 threads (build: of milliseconds):\n");
    for (const char* shape : {"chain", "fan", "grid", "layered"}) {
      for (const char* engine : {"gantry", "gantry-full"}) {
        for (const char* peer : {"taskflow", "tbb", "mutex"}) ratio({shape, 1'000'000, engine, 2, {}}, {shape, 1'000'000, peer, 2, {}});
      }
    }
    std::printf("\nRatios of tasks a second, by turns:                  2T/1T    4T/2T\n");
    for (const auto& [name, ratios] : turns_) std::printf("  %-50s %5.2f    %5.2f\n", name.c_str(), ratios.first, ratios.second);
  }

 private:
  void ratio(const Case& a, const Case& b) const {
    const auto one = speed_.find(a.name()), other = speed_.find(b.name());
    if (one == speed_.end() || other == speed_.end()) return;
    std::printf("  %-32s / %-32s %8.2f   (build %.3f)\n", a.name().c_str(), b.name().c_str(), one->second / other->second,
                build_.at(a.name()) / build_.at(b.name()));
  }
  std::map<std::string, double> speed_, build_;
  std::map<std::string, std::pair<double, double>> turns_;
};

void add(const Case& c, const Make& make, int repetitions) {
  benchmark::RegisterBenchmark(c.name().c_str(), [c, make](benchmark::State& state) { measure(state, c, make); })
      ->UseManualTime()
      ->Iterations(3)
      ->Repetitions(repetitions)
      ->ReportAggregatesOnly()
      ->Unit(benchmark::kMillisecond);
}

void add_turns(const Case& c, const Make& make, int turns) {
  benchmark::RegisterBenchmark(c.name().c_str(), [c, make](benchmark::State& state) { measure_by_turns(state, c, make); })
      ->UseManualTime()
      ->Iterations(turns)
      ->Unit(benchmark::kMillisecond);
}

void add_all() {
  const std::vector<std::pair<std::string, Make>> engines = {{"gantry", gantry_plain},
                                                             {"gantry-full", gantry_full},
                                                             {"mutex", mutex_and_deque},
                                                             {"tbb", tbb_flow_graph},
                                                             {"taskflow", taskflow}};
  for (const microseconds work : {microseconds(1), microseconds(10)}) add_turns({"fan", 100'000, "bare", kTurns, work}, bare_threads, 15);
  for (const std::string shape : {"chain", "fan", "grid", "layered"}) {
    for (const auto& [name, make] : engines) {
      add({shape, 1'000'000, name, 2, {}}, make, 9);
      if (!name.starts_with("gantry")) continue;
      for (const Index tasks : {1'000u, 100'000u, 1'000'000u, 10'000'000u}) add({shape, tasks, name, 1, {}}, make, 3);
      add_turns({shape, 1'000'000, name, kTurns, {}}, make, 25);
      if (shape == "chain") continue;
      for (const microseconds work : {microseconds(1), microseconds(10)}) {
        add_turns({shape, 100'000, name, kTurns, work}, make, 15);
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
