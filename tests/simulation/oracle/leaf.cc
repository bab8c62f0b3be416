#include <algorithm>

#include "tests/simulation/oracle/impl.h"

namespace gantry::testing {

Verdict Oracle::leaf(const Template& tmpl, const Node& node, const std::string& input, Role role) {
  switch (tmpl.kind) {
    case Template::Kind::Set: return container_set(tmpl, node, role);
    case Template::Kind::Suspend: return suspend(tmpl, node);
    default: return pod(tmpl, node, input);
  }
}

/// Whether one of the template's own limits ended the pod. Those that count the waiting depend on timing.
bool Oracle::was_killed_by_time(const Template& tmpl, const Node& node, const Fate& fate) {
  const auto longer = [&](int seconds) { return seconds > 0 && fate.run > std::chrono::seconds(seconds); };
  const bool cut = !fate.no_image && (longer(tmpl.deadline_seconds) || longer(tmpl.timeout_seconds));
  // Whoever hears of the start no sooner than of the end cuts nothing.
  if (cut && (!case_.interference.late || node.phase == Phase::Failed)) return true;
  if (node.phase != Phase::Failed || !node.started || !node.finished) return false;
  const auto since = [&](int seconds) { return seconds > 0 && *node.finished >= *node.started + std::chrono::seconds(seconds); };
  if (node.message == "timeout") return since(tmpl.timeout_seconds) || since(tmpl.pending_timeout_seconds);
  if (!node.message.starts_with("Pod was active on the node longer")) return false;
  // What ended in time is late when nobody hears of it in time.
  return since(tmpl.timeout_seconds) || (case_.interference.late && since(tmpl.deadline_seconds));
}

Verdict Oracle::pod(const Template& tmpl, const Node& node, const std::string& input) {
  if (tmpl.cpu_milli > case_.capacity.cpu_milli) return Verdict::of(Phase::Error);
  const Fate fate = fate_of(case_.seed, node.id, node.life);
  if (tmpl.kind == Template::Kind::Daemon) return Verdict::of(fate.no_image ? Phase::Error : Phase::Succeeded);
  if (was_killed_by_time(tmpl, node, fate)) {
    Verdict verdict = Verdict::of(Phase::Failed);
    verdict.natural = false;
    return verdict;
  }
  if (fate.no_image || fate.lost) return Verdict::of(Phase::Error);
  Verdict verdict = Verdict::of(fate.exit_code == 0 ? Phase::Succeeded : Phase::Failed);
  verdict.exit_code = std::to_string(fate.exit_code);
  verdict.result = fate.number;
  bool missing = false;
  if (tmpl.gives_x) {
    if (!fate.loses_x) {
      verdict.parameters["x"] = x_of(fate, input);
    } else if (tmpl.x_default) {
      verdict.parameters["x"] = *tmpl.x_default;
    } else {
      missing = true;
    }
  }
  if (tmpl.gives_list) verdict.parameters["list"] = fate.list;
  if (tmpl.gives_artifact) {
    if (!fate.loses_artifact) {
      verdict.artifacts.insert("a");
    } else if (!tmpl.artifact_optional) {
      missing = true;
    }
  }
  if (missing && fate.exit_code == 0) verdict.phases = {Phase::Error};
  return verdict;
}

/// Its containers are nodes of their own.
Verdict Oracle::container_set(const Template& tmpl, const Node& node, Role role) {
  const Fate fate = fate_of(case_.seed, node.id, node.life);
  const bool gone = fate.no_image || fate.lost;
  std::map<std::string, int> codes;
  bool good = true;
  for (const model::Container& container : tmpl.containers) {
    const auto waits_for_failed = [&](const std::string& on) { return codes.at(on) != 0; };
    const bool never = std::any_of(container.dependencies.begin(), container.dependencies.end(), waits_for_failed);
    int code = 143;
    for (int attempt = 0; !never && attempt < tmpl.container_attempts; ++attempt) {
      code = container_exit_code(case_.seed, node.id, node.life, container.name, attempt);
      if (code == 0) break;
    }
    codes[container.name] = code;
    good &= code == 0;
    const std::string name = node.name + "." + container.name;
    const Node* part = find(name);
    if (part == nullptr && !node.has_pod && is_cut(node, role.in_exit)) continue;  // it still waited for its locks
    if (part == nullptr) {
      complain(name + " is missing");
      continue;
    }
    seen_.insert(name);
    Phase phase = code == 0 ? Phase::Succeeded : code == 64 || code == 143 ? Phase::Error : Phase::Failed;
    if (gone) phase = Phase::Failed;
    Verdict verdict = Verdict::of(phase);
    verdict.natural = false;
    if (is_cut(node, role.in_exit)) verdict.phases = {Phase::Succeeded, Phase::Failed, Phase::Error};
    check(*part, verdict);
  }
  if (gone) return Verdict::of(Phase::Error);
  return Verdict::of(good ? Phase::Succeeded : Phase::Failed);
}

Verdict Oracle::suspend(const Template& tmpl, const Node& node) {
  const Interference& done = case_.interference;
  const bool given = done.supplied.contains(node.name);
  if (auto set = done.set.find(node.name); set != done.set.end() && set->second != Phase::Succeeded) {
    Verdict verdict = Verdict::of(set->second);
    if (given) verdict.parameters["x"] = "given";
    return verdict;
  }
  if (!tmpl.supplied) return Verdict::of(Phase::Succeeded);
  if (!given && !tmpl.x_default) return Verdict::of(Phase::Failed);
  Verdict verdict = Verdict::of(Phase::Succeeded);
  verdict.parameters["x"] = given ? "given" : *tmpl.x_default;
  return verdict;
}

}  // namespace gantry::testing
