#include "daemon/simulate/usage.h"

#include <algorithm>
#include <utility>

namespace gantry::simulate {

std::vector<Usage> usage(const Played& played) {
  // Ends before beginnings: at one moment room is given back before it is taken.
  std::vector<std::pair<Time, const PodRun*>> begins, ends;
  for (const PodRun& pod : played.pods) {
    begins.emplace_back(pod.admitted, &pod);
    ends.emplace_back(pod.finished, &pod);
  }
  const auto by_time = [](const auto& a, const auto& b) { return a.first < b.first; };
  std::stable_sort(begins.begin(), begins.end(), by_time);
  std::stable_sort(ends.begin(), ends.end(), by_time);
  std::vector<Usage> changes;
  scheduler::Amounts now{0, 0, 0};
  const auto change = [&](Time at) {
    if (changes.empty() || changes.back().at != at) changes.push_back({at, now});
    changes.back().amounts = now;
  };
  auto end = ends.begin();
  for (const auto& [at, pod] : begins) {
    for (; end != ends.end() && end->first <= at && end->second->admitted < at; ++end) {
      now -= *end->second->wanted;
      change(end->first);
    }
    now += *pod->wanted;
    change(at);
  }
  for (; end != ends.end(); ++end) {
    now -= *end->second->wanted;
    change(end->first);
  }
  return changes;
}

UsageSum sum(const std::vector<Usage>& usage, Time begin, Time end, std::size_t parts) {
  UsageSum sum;
  sum.pods_over_time.assign(parts, 0);
  const auto whole = static_cast<double>((end - begin).count());
  for (std::size_t i = 0; i < usage.size(); ++i) {
    const scheduler::Amounts& amounts = usage[i].amounts;
    sum.peak.raise_to(amounts);
    const Time until = i + 1 < usage.size() ? usage[i + 1].at : end;
    if (whole <= 0 || until <= usage[i].at) continue;
    const double share = static_cast<double>((until - usage[i].at).count()) / whole;
    sum.cpu_milli += share * static_cast<double>(amounts.cpu_milli);
    sum.memory_bytes += share * static_cast<double>(amounts.memory_bytes);
    for (std::size_t place = 0; place < amounts.named.size(); ++place) {
      sum.named[place] += share * static_cast<double>(amounts.named[place]);
    }
    sum.pods += share * static_cast<double>(amounts.slots);
    const double from = static_cast<double>((usage[i].at - begin).count()) / whole * static_cast<double>(parts);
    const double to = static_cast<double>((until - begin).count()) / whole * static_cast<double>(parts);
    for (auto part = static_cast<std::size_t>(from); part < parts && static_cast<double>(part) < to; ++part) {
      const double overlap = std::min(to, static_cast<double>(part + 1)) - std::max(from, static_cast<double>(part));
      sum.pods_over_time[part] += overlap * static_cast<double>(amounts.slots);
    }
  }
  return sum;
}

}  // namespace gantry::simulate
