#include "daemon/simulate/report.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <queue>

#include "daemon/simulate/usage.h"
#include "workflow/document.h"
#include "workflow/phase.h"

namespace gantry::simulate {
namespace {

/// `1h02m03s`, `2m05s`, `1.250s`.
std::string text_of(Duration duration) {
  const auto count = duration.count();
  char text[64];
  if (count < 60'000) {
    std::snprintf(text, sizeof text, count % 1000 == 0 ? "%.0fs" : "%.3fs", static_cast<double>(count) / 1000);
  } else if (count < 3'600'000) {
    std::snprintf(text, sizeof text, "%ldm%02lds", static_cast<long>(count / 60'000), static_cast<long>(count / 1000 % 60));
  } else {
    std::snprintf(text, sizeof text, "%ldh%02ldm%02lds", static_cast<long>(count / 3'600'000),
                  static_cast<long>(count / 60'000 % 60), static_cast<long>(count / 1000 % 60));
  }
  return text;
}

std::string decimals(double value, int digits) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

std::string line(const std::string& name, const std::string& value) {
  return name + std::string(name.size() < 14 ? 14 - name.size() : 1, ' ') + value + "\n";
}

std::string percent(double part, double whole) { return whole <= 0 ? "0 %" : decimals(100 * part / whole, 0) + " %"; }

constexpr double kMebibyte = 1 << 20;
constexpr std::size_t kColumns = 60;

std::string bars(const std::vector<double>& values) {
  static constexpr const char* kBars[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  const double most = *std::max_element(values.begin(), values.end());
  std::string text;
  for (const double value : values) {
    text += kBars[most <= 0 ? 0 : static_cast<std::size_t>(std::ceil(value / most * 8))];
  }
  return text;
}

std::string path(const Played& played) {
  constexpr std::size_t kShown = 20;
  std::string text;
  const std::vector<std::size_t> path = critical_path(played);
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (path.size() > kShown && i == kShown / 2) {
      text += "  … " + std::to_string(path.size() - kShown) + " more\n";
      i = path.size() - kShown / 2;
    }
    const PodRun& pod = played.pods[path[i]];
    text += "  " + line(text_of(pod.admitted - played.begin), pod.node->name + "  " + text_of(pod.finished - pod.admitted) +
                            (pod.admitted > pod.ready ? "  (waited " + text_of(pod.admitted - pod.ready) + ")" : ""));
  }
  return text;
}

}  // namespace

std::string report(const Played& played, const Host& host) {
  const UsageSum used = sum(usage(played), played.begin, played.end, kColumns);
  Duration waited{0}, longest{0};
  const PodRun* longest_pod = nullptr;
  for (const PodRun& pod : played.pods) {
    waited += pod.admitted - pod.ready;
    if (pod.admitted - pod.ready > longest) longest = pod.admitted - pod.ready, longest_pod = &pod;
  }
  const engine::RunStatus& status = played.run->status;
  const auto cpus = static_cast<double>(host.capacity.cpu_milli);
  const auto memory = static_cast<double>(host.capacity.memory_bytes);
  std::string text = line("Result:", std::string(engine::run_phase_name(status.phase)) +
                                         (status.message.empty() ? "" : ": " + status.message));
  text += line("Makespan:", text_of(played.makespan()));
  text += line("Pods:", std::to_string(played.pods.size()) + ", at most " + std::to_string(used.peak.slots) + " at once, " +
                            decimals(used.pods, 1) + " on average");
  text += line("CPU:", percent(used.cpu_milli, cpus) + " of " + decimals(cpus / 1000, 1) + " requested on average, at most " +
                           percent(static_cast<double>(used.peak.cpu_milli), cpus));
  text += line("Memory:", percent(used.memory_bytes, memory) + " of " + decimals(memory / kMebibyte, 0) +
                              " MiB requested on average, at most " + percent(static_cast<double>(used.peak.memory_bytes), memory));
  for (std::size_t place = 0; place < host.resources.size(); ++place) {
    const engine::NamedResource& resource = host.resources[place];
    text += line(resource.name + ":", percent(used.named[place], static_cast<double>(resource.total)) + " of " +
                                          std::to_string(resource.total) + " requested on average, at most " +
                                          std::to_string(used.peak.named[place]));
  }
  if (longest_pod != nullptr) {
    text += line("Waiting:", text_of(waited) + " of all pods for the host, at most " + text_of(longest) + " (" +
                                 longest_pod->node->name + ")");
  }
  for (const std::string& name : played.waited) text += line("Suspended:", name + " waits for a user; here it went on at once");
  text += line("Pods at once:", bars(used.pods_over_time));
  if (!played.pods.empty()) text += "Critical path:\n" + path(played);
  return text;
}

std::string trace(const Played& played) {
  const auto microseconds = [&](Time time) { return std::to_string((time - played.begin).count() * 1000); };
  std::string json = R"({"displayTimeUnit":"ms","traceEvents":[{"ph":"M","pid":1,"name":"process_name","args":{"name":)";
  workflow::append_json_string(json, played.run->info.name);
  json += "}}";
  // Each pod takes the lowest lane that is free.
  std::vector<const PodRun*> by_begin;
  for (const PodRun& pod : played.pods) by_begin.push_back(&pod);
  std::stable_sort(by_begin.begin(), by_begin.end(), [](auto* a, auto* b) { return a->admitted < b->admitted; });
  using Busy = std::pair<Time, std::size_t>;
  std::priority_queue<Busy, std::vector<Busy>, std::greater<>> busy;
  std::priority_queue<std::size_t, std::vector<std::size_t>, std::greater<>> idle;
  std::size_t lanes = 0;
  for (const PodRun* pod : by_begin) {
    for (; !busy.empty() && busy.top().first <= pod->admitted; busy.pop()) idle.push(busy.top().second);
    if (idle.empty()) idle.push(++lanes);
    const std::size_t lane = idle.top();
    idle.pop();
    busy.emplace(pod->finished, lane);
    json += R"(,{"ph":"X","pid":1,"tid":)" + std::to_string(lane) + R"(,"ts":)" + microseconds(pod->admitted) + R"(,"dur":)" +
            std::to_string((pod->finished - pod->admitted).count() * 1000) + R"(,"name":)";
    workflow::append_json_string(json, pod->node->display_name);
    json += R"(,"args":{"node":)";
    workflow::append_json_string(json, pod->node->name);
    json += R"(,"template":)";
    workflow::append_json_string(json, pod->node->template_name);
    json += R"(,"phase":)";
    workflow::append_json_string(json, workflow::phase_name(pod->node->phase));
    json += R"(,"waited ms":)" + std::to_string((pod->admitted - pod->ready).count()) + "}}";
  }
  for (const Usage& at : usage(played)) {
    const auto counter = [&](const char* name, double value) {
      json += R"(,{"ph":"C","pid":1,"ts":)" + microseconds(at.at) + R"(,"name":")" + name + R"(","args":{"value":)" +
              decimals(value, 3) + "}}";
    };
    counter("CPU requested", static_cast<double>(at.amounts.cpu_milli) / 1000);
    counter("memory requested, MiB", static_cast<double>(at.amounts.memory_bytes) / kMebibyte);
    counter("pods", static_cast<double>(at.amounts.slots));
  }
  return json + "]}\n";
}

}  // namespace gantry::simulate
