#include <algorithm>

#include "tests/simulation/generator/generator.h"

namespace gantry::testing {

std::optional<model::Retry> Generator::retry() {
  static const std::vector<std::string> kPolicies = {"", "OnFailure", "OnError", "Always", "OnTransientError"};
  model::Retry retry;
  if (dice_.chance(85)) retry.limit = static_cast<int>(dice_.below(3));
  retry.policy = dice_.pick(kPolicies);
  if (dice_.chance(20)) retry.expression = dice_.chance(50) ? "exitCode" : "status";
  if (dice_.chance(30)) {
    retry.backoff = model::Backoff{1 + static_cast<int>(dice_.below(2)), 0, 0};
    if (dice_.chance(50)) retry.backoff->factor = 2;
    if (dice_.chance(30)) retry.backoff->cap = 2;
  }
  return retry;
}

std::vector<model::Lock> Generator::leaf_locks() {
  std::vector<model::Lock> locks;
  if (!dice_.chance(22)) return locks;
  for (const char* name : {"m0", "m1"}) {
    if (dice_.chance(40)) locks.push_back({true, name});
  }
  for (const char* name : {"s1", "s2"}) {
    if (dice_.chance(40)) locks.push_back({false, name});
  }
  return locks;
}

void Generator::add(Template t) {
  if (!cost_.contains(t.name)) {
    cost_[t.name] = 1 + static_cast<int>(t.containers.size()) + (t.retry ? t.retry->limit.value_or(1) + 1 : 0);
  }
  workflow_.templates.push_back(std::move(t));
}

model::Workflow Generator::workflow() {
  daemons_ = dice_.chance(20);
  workflow_.claim = dice_.chance(25);
  workflow_.claim_gc_always = dice_.chance(30);
  Template plain = pod(0);
  plain.cpu_milli = 0;
  plain.memo_key.reset();
  plain.input_default = "none";
  plain.locks.clear();
  add(std::move(plain));
  const int pods = 1 + static_cast<int>(dice_.below(3));
  for (int i = 1; i <= pods; ++i) add(pod(i));
  if (daemons_) add(daemon());
  if (dice_.chance(25)) add(container_set());
  if (dice_.chance(25)) add(suspend());
  if (dice_.chance(15)) add(recursion());
  const int graphs = 1 + static_cast<int>(dice_.below(4));
  for (int i = 0; i < graphs; ++i) add(dice_.chance(50) ? steps(i) : dag(i));

  Template& entry = workflow_.templates.back();
  if (dice_.chance(4)) {
    workflow_.entrypoint = workflow_.templates[1].name;  // a single pod
    workflow_.templates[1].input_default = "none";
  } else {
    workflow_.entrypoint = entry.name;
    entry.input_default = "none";
  }
  model::Call whole;
  whole.callee = workflow_.templates.front().name;
  const auto run_hook = [&](const std::string& name) {
    model::Hook hook = this->hook(name, whole);
    if (!find(hook.callee).input_default) hook.argument = Value{Value::Kind::Literal, "h", ""};
    if (hook.argument && hook.argument->kind != Value::Kind::Literal) hook.argument.reset();
    workflow_.hooks.push_back(std::move(hook));
  };
  if (dice_.chance(35)) run_hook("exit");
  if (dice_.chance(15)) run_hook("watch");
  if (!daemons_ && dice_.chance(25)) workflow_.parallelism = 1 + static_cast<int>(dice_.below(3));
  if (dice_.chance(5)) workflow_.deadline_seconds = static_cast<int>(dice_.below(4));
  if (dice_.chance(20)) workflow_.priority = static_cast<int>(dice_.below(11)) - 5;
  if (dice_.chance(12)) workflow_.locks.push_back({true, "w0"});
  if (dice_.chance(8)) workflow_.locks.push_back({false, "w1"});
  workflow_.suspended = dice_.chance(6);
  return std::move(workflow_);
}

model::Workflow random_workflow(std::uint64_t seed) {
  Dice dice(seed);
  return Generator(dice).workflow();
}

bool has_daemons(const model::Workflow& workflow) {
  return std::any_of(workflow.templates.begin(), workflow.templates.end(),
                     [](const model::Template& t) { return t.kind == model::Template::Kind::Daemon; });
}

}  // namespace gantry::testing
