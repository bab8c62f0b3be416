#include "tests/simulation/shrink.h"

#include <algorithm>
#include <functional>
#include <set>
#include <utility>

#include "tests/simulation/manifest.h"

namespace gantry::testing {

using model::Call;
using model::Depends;
using model::Template;
using model::Workflow;

namespace {

}  // namespace

std::string kind_of(const std::string& problem) {
  std::string kind, word;
  for (const char c : problem + " ") {
    if (c != ' ') {
      if (c < '0' || c > '9') word += c;
      continue;
    }
    if (!word.starts_with("wf") && !word.starts_with("'wf") && !word.starts_with("(")) kind += word + " ";
    word.clear();
  }
  return kind;
}

namespace {

/// Smaller plays of the same kind of failure; another one might be the shrinking's own.
class Shrinker {
 public:
  explicit Shrinker(const Play& failing) : kind_(kind_of(play(failing).problems.front())) {}
  [[nodiscard]] bool fails(const Play& candidate) const {
    bool refused = false;
    const auto problems = play(candidate, &refused).problems;
    return !refused && std::any_of(problems.begin(), problems.end(),
                                   [&](const std::string& problem) { return kind_of(problem) == kind_; });
  }

 private:
  std::string kind_;
};

bool mentions(const model::Value& value, const std::string& task) { return value.task == task; }

/// Without what names the task; false when nothing is left.
bool drop_from(Depends& depends, const std::string& task) {
  if (depends.kind == Depends::Kind::Task) return depends.task != task;
  std::erase_if(depends.parts, [&](Depends& part) { return !drop_from(part, task); });
  return !depends.parts.empty();
}

void drop_references(Template& t, const std::string& task) {
  for (auto& group : t.groups) {
    for (Call& call : group) {
      if (!drop_from(call.depends, task)) call.depends = {};
      if (call.argument && mentions(*call.argument, task)) call.argument = model::Value{model::Value::Kind::Literal, "a", ""};
      if (call.artifact == task) call.artifact.reset();
      if (call.when && mentions(call.when->left, task)) call.when.reset();
      if (call.loop && mentions(call.loop->list, task)) call.loop.reset();
    }
  }
  std::erase_if(t.outputs, [&](const model::GraphOutput& output) { return mentions(output.from, task); });
  std::erase(t.targets, task);
}

}  // namespace

std::vector<Simplification> simplifications(const Workflow& of) {
  std::vector<Simplification> changes;
  const auto on = [&](const Simplification& change) { changes.push_back(change); };
  on([](Workflow& x) { return !std::exchange(x.hooks, {}).empty(); });
  on([](Workflow& x) { return std::exchange(x.parallelism, std::nullopt).has_value(); });
  on([](Workflow& x) { return std::exchange(x.deadline_seconds, std::nullopt).has_value(); });
  on([](Workflow& x) { return std::exchange(x.priority, std::nullopt).has_value(); });
  on([](Workflow& x) { return !std::exchange(x.locks, {}).empty(); });
  on([](Workflow& x) { return std::exchange(x.suspended, false); });
  const auto& templates = of.templates;
  for (std::size_t t = 0; t < templates.size(); ++t) {
    const auto in = [&](const std::function<bool(Template&)>& change) {
      on([t, change](Workflow& x) { return change(x.templates[t]); });
    };
    for (std::size_t g = 0; g < templates[t].groups.size(); ++g) {
      for (std::size_t c = 0; c < templates[t].groups[g].size(); ++c) {
        in([g, c](Template& x) {
          if (c >= x.groups[g].size()) return false;
          const std::string name = x.groups[g][c].name;
          x.groups[g].erase(x.groups[g].begin() + static_cast<std::ptrdiff_t>(c));
          drop_references(x, name);
          return x.kind == Template::Kind::Steps || !x.groups[g].empty();
        });
        const auto at = [&](const std::function<bool(Call&)>& change) {
          in([g, c, change](Template& x) { return c < x.groups[g].size() && change(x.groups[g][c]); });
        };
        at([](Call& x) { return !std::exchange(x.hooks, {}).empty(); });
        at([](Call& x) { return std::exchange(x.loop, std::nullopt).has_value(); });
        at([](Call& x) { return std::exchange(x.when, std::nullopt).has_value(); });
        at([](Call& x) { return std::exchange(x.argument, std::nullopt).has_value(); });
        at([](Call& x) { return std::exchange(x.artifact, std::nullopt).has_value(); });
        at([](Call& x) { return std::exchange(x.depends, {}).kind != Depends::Kind::None; });
        at([first = templates.front().name](Call& x) { return std::exchange(x.callee, first) != first; });
      }
    }
    in([](Template& x) { return std::exchange(x.retry, std::nullopt).has_value(); });
    in([](Template& x) { return x.retry && std::exchange(x.retry->backoff, std::nullopt).has_value(); });
    in([](Template& x) { return !std::exchange(x.locks, {}).empty(); });
    in([](Template& x) { return std::exchange(x.parallelism, std::nullopt).has_value(); });
    in([](Template& x) { return std::exchange(x.memo_key, std::nullopt).has_value(); });
    in([](Template& x) { return std::exchange(x.fail_fast, false); });
    in([](Template& x) { return !std::exchange(x.outputs, {}).empty(); });
    in([](Template& x) { return !std::exchange(x.targets, {}).empty(); });
    in([](Template& x) { return std::exchange(x.cpu_milli, 0) + std::exchange(x.memory_mib, 0) > 0; });
    in([](Template& x) { return std::exchange(x.deadline_seconds, 0) > 0; });
    in([](Template& x) { return std::exchange(x.timeout_seconds, 0) + std::exchange(x.pending_timeout_seconds, 0) > 0; });
    in([](Template& x) { return std::exchange(x.takes_artifact, false); });
    in([](Template& x) { return std::exchange(x.gives_artifact, false); });
    in([](Template& x) { return std::exchange(x.gives_list, false); });
    in([](Template& x) { return std::exchange(x.gives_x, false); });
  }
  return changes;
}

namespace {

using Change = std::function<bool(Play&)>;  ///< false: there is nothing to change

std::vector<Change> changes_of(const Play& play) {
  std::vector<Change> changes;
  for (std::size_t d = play.disturbances.size(); d-- > 0;) {
    changes.push_back([d](Play& p) {
      if (d >= p.disturbances.size()) return false;
      p.disturbances.erase(p.disturbances.begin() + static_cast<std::ptrdiff_t>(d));
      return true;
    });
  }
  for (std::size_t w = 0; w < play.workflows.size(); ++w) {
    for (const Simplification& change : simplifications(play.workflows[w])) {
      changes.push_back([w, change](Play& p) { return change(p.workflows[w]); });
    }
  }
  return changes;
}

}  // namespace

void sweep(Workflow& workflow) {
  std::set<std::string> called{workflow.entrypoint};
  for (const model::Hook& hook : workflow.hooks) called.insert(hook.callee);
  for (std::size_t before = 0; before != called.size();) {
    before = called.size();
    for (const Template& t : workflow.templates) {
      if (!called.contains(t.name)) continue;
      for (const auto& group : t.groups) {
        for (const Call& call : group) {
          called.insert(call.callee);
          for (const model::Hook& hook : call.hooks) called.insert(hook.callee);
        }
      }
    }
  }
  std::erase_if(workflow.templates, [&](const Template& t) { return !called.contains(t.name); });
}

Play shrink(const Play& failing) {
  const Shrinker shrinker(failing);
  Play best = failing;
  while (best.workflows.size() > 1) {
    Play fewer = best;
    fewer.workflows.pop_back();
    std::erase_if(fewer.disturbances, [&](const Disturbance& d) { return d.run >= fewer.workflows.size(); });
    if (!shrinker.fails(fewer)) break;
    best = std::move(fewer);
  }
  for (bool smaller = true; smaller;) {
    smaller = false;
    for (const Change& change : changes_of(best)) {
      Play candidate = best;
      if (!change(candidate) || !shrinker.fails(candidate)) continue;
      best = std::move(candidate);
      smaller = true;
    }
  }
  Play swept = best;
  for (Workflow& workflow : swept.workflows) sweep(workflow);
  return shrinker.fails(swept) ? swept : best;
}

std::string report(const Play& failing) {
  const Verdicts verdicts = play(failing);
  std::string text = "the smallest of it that still fails:\n";
  for (const Workflow& workflow : failing.workflows) text += manifest(workflow) + "---\n";
  for (const Disturbance& disturbance : failing.disturbances) text += to_string(disturbance) + "\n";
  for (const std::string& problem : verdicts.problems) text += "PROBLEM " + problem + "\n";
  return text + verdicts.story;
}

}  // namespace gantry::testing
