#include <algorithm>

#include "tests/simulation/generator/generator.h"

namespace gantry::testing {

using model::Call;
using model::Depends;
using model::Value;

constexpr int kBudget = 40;  ///< nodes of one graph, about

model::Template Generator::steps(int number) {
  Template t;
  t.name = "steps" + std::to_string(number);
  t.kind = Template::Kind::Steps;
  if (dice_.chance(80)) t.input_default = "none";
  int budget = kBudget;
  Earlier earlier;
  const std::size_t groups = 1 + dice_.below(3);
  for (std::size_t g = 0; g < groups; ++g) {
    auto& group = t.groups.emplace_back();
    const std::size_t members = dice_.chance(8) ? 0 : 1 + dice_.below(3);
    for (std::size_t m = 0; m < members; ++m) {
      Call c = call("s" + std::to_string(g) + "-" + std::to_string(m), earlier, budget);
      c.continue_failed = dice_.chance(20);
      c.continue_error = dice_.chance(20);
      group.push_back(std::move(c));
    }
    earlier.insert(earlier.end(), group.begin(), group.end());
  }
  surround_graph(t, number, earlier);
  return t;
}

Depends Generator::condition(const std::vector<std::string>& tasks, const Earlier& all) {
  static const std::vector<std::string> kResults = {"Succeeded", "Failed", "Errored", "Skipped", "Omitted"};
  if (tasks.size() == 1) {
    Depends leaf;
    leaf.kind = Depends::Kind::Task;
    leaf.task = tasks.front();
    const Call& of = *std::find_if(all.begin(), all.end(), [&](const Call& c) { return c.name == leaf.task; });
    if (dice_.chance(35)) leaf.result = dice_.pick(kResults);
    if (of.loop && dice_.chance(40)) leaf.result = dice_.chance(50) ? "AnySucceeded" : "AllFailed";
    if (find(of.callee).kind == Template::Kind::Daemon && dice_.chance(50)) leaf.result = "Daemoned";
    if (!dice_.chance(12)) return leaf;
    Depends negated;
    negated.kind = Depends::Kind::Not;
    negated.parts.push_back(std::move(leaf));
    return negated;
  }
  Depends joined;
  joined.kind = dice_.chance(50) ? Depends::Kind::And : Depends::Kind::Or;
  const std::size_t cut = 1 + dice_.below(tasks.size() - 1);
  joined.parts.push_back(condition({tasks.begin(), tasks.begin() + static_cast<std::ptrdiff_t>(cut)}, all));
  joined.parts.push_back(condition({tasks.begin() + static_cast<std::ptrdiff_t>(cut), tasks.end()}, all));
  return joined;
}

model::Template Generator::dag(int number) {
  Template t;
  t.name = "dag" + std::to_string(number);
  t.kind = Template::Kind::Dag;
  if (dice_.chance(80)) t.input_default = "none";
  t.uses_dependencies = dice_.chance(30);
  if (dice_.chance(20)) t.dag_fail_fast = dice_.chance(50);
  int budget = kBudget;
  Earlier all;
  const std::size_t count = 1 + dice_.below(6);
  for (std::size_t i = 0; i < count; ++i) {
    std::vector<std::string> on;
    Earlier ancestors;
    for (const Call& other : all) {
      if (!dice_.chance(35)) continue;
      on.push_back(other.name);
      ancestors.push_back(other);
    }
    Call c = call("t" + std::to_string(i), ancestors, budget);
    if (t.uses_dependencies) {
      for (const std::string& name : on) {
        Depends leaf;
        leaf.kind = Depends::Kind::Task;
        leaf.task = name;
        c.depends.kind = Depends::Kind::And;
        c.depends.parts.push_back(std::move(leaf));
      }
      c.continue_failed = dice_.chance(20);
      c.continue_error = dice_.chance(20);
    } else if (!on.empty()) {
      c.depends = condition(on, all);
    }
    all.push_back(std::move(c));
  }
  t.groups.push_back(all);
  if (dice_.chance(15)) {
    for (const Call& c : all) {
      if (dice_.chance(40)) t.targets.push_back(c.name);
    }
  }
  // What no target needs does not run, and so nothing may refer to it.
  surround_graph(t, number, t.targets.empty() ? all : Earlier());
  return t;
}

void Generator::surround_graph(Template& t, int number, const Earlier& calls) {
  int cost = 1;
  for (const auto& group : t.groups) {
    for (const Call& c : group) cost += cost_.at(c.callee) * (c.loop ? 3 : 1) + 2 * static_cast<int>(c.hooks.size());
  }
  cost_[t.name] = cost;
  const auto from = sources(calls, false);
  if (!from.empty() && dice_.chance(30)) {
    model::GraphOutput output;
    output.name = "x";
    output.from = dice_.pick(from);
    if (dice_.chance(60)) output.fallback = "dg";
    t.outputs.push_back(std::move(output));
  }
  if (dice_.chance(20)) t.parallelism = 1 + static_cast<int>(dice_.below(3));
  if (dice_.chance(10)) t.fail_fast = true;
  if (dice_.chance(12) && cost < 20) {
    t.retry = model::Retry{};
    t.retry->limit = 1;
    static const std::vector<std::string> kPolicies = {"", "OnError", "Always"};
    t.retry->policy = dice_.pick(kPolicies);
    cost_[t.name] *= 2;
  }
  if (dice_.chance(12)) t.locks.push_back({dice_.chance(50), "g" + std::to_string(number)});
}

/// Counts down to 0.
model::Template Generator::recursion() {
  Template t;
  t.name = "recurse";
  t.kind = Template::Kind::Steps;
  Call work;
  work.name = "work";
  work.callee = workflow_.templates.front().name;
  work.argument = Value{Value::Kind::Input, "", ""};
  work.continue_failed = work.continue_error = dice_.chance(70);
  Call again;
  again.name = "again";
  again.callee = t.name;
  again.argument = Value{Value::Kind::Less, "", ""};
  again.when = model::Condition{{Value::Kind::Input, "", ""}, ">", "0"};
  t.groups = {{work}, {again}};
  cost_[t.name] = 8;
  return t;
}

}  // namespace gantry::testing
