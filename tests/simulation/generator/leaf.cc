#include "tests/simulation/generator/generator.h"

namespace gantry::testing {

model::Template Generator::pod(int number) {
  Template t;
  t.name = "pod" + std::to_string(number);
  if (dice_.chance(70)) t.input_default = "none";
  t.gives_x = dice_.chance(50);
  if (t.gives_x && dice_.chance(40)) t.x_default = "dx";
  t.gives_list = dice_.chance(30);
  t.gives_artifact = dice_.chance(30);
  t.artifact_optional = dice_.chance(40);
  t.takes_artifact = dice_.chance(30);
  t.takes_optional = dice_.chance(50);
  if (dice_.chance(30)) t.cpu_milli = 500 + static_cast<int>(dice_.below(6)) * 500;
  if (dice_.chance(20)) t.memory_mib = 200 + static_cast<int>(dice_.below(4)) * 200;
  if (dice_.chance(2)) t.cpu_milli = 1'000'000;  // more than any host has
  if (dice_.chance(15)) t.deadline_seconds = 2;
  if (dice_.chance(8)) t.timeout_seconds = 1 + static_cast<int>(dice_.below(3));
  if (dice_.chance(8)) t.pending_timeout_seconds = 1 + static_cast<int>(dice_.below(3));
  t.mounts_claim = workflow_.claim && dice_.chance(50);
  if (dice_.chance(12)) t.memo_key = dice_.chance(50) ? "{p}" : "k" + std::to_string(dice_.below(2));
  if (dice_.chance(35)) t.retry = retry();
  if (t.retry && t.cpu_milli > 4000) t.retry->limit = 1;  // or it would be tried for ever
  t.locks = leaf_locks();
  return t;
}

model::Template Generator::daemon() {
  Template t;
  t.name = "daemon";
  t.kind = Template::Kind::Daemon;
  t.input_default = "none";
  if (dice_.chance(30)) {
    t.retry = model::Retry{};
    t.retry->limit = 1;
    t.retry->policy = "Always";
  }
  return t;
}

model::Template Generator::container_set() {
  Template t;
  t.name = "set";
  t.kind = Template::Kind::Set;
  t.input_default = "none";
  const std::size_t count = 2 + dice_.below(2);
  for (std::size_t i = 0; i < count; ++i) {
    model::Container& container = t.containers.emplace_back();
    container.name = "c" + std::to_string(i);
    for (std::size_t on = 0; on < i; ++on) {
      if (dice_.chance(40)) container.dependencies.push_back("c" + std::to_string(on));
    }
  }
  if (dice_.chance(40)) t.container_attempts = 2;
  if (dice_.chance(25)) t.retry = retry();
  t.locks = leaf_locks();
  return t;
}

model::Template Generator::suspend() {
  Template t;
  t.name = "wait";
  t.kind = Template::Kind::Suspend;
  t.input_default = "none";
  if (dice_.chance(60)) t.suspend_ms = 50 + static_cast<int>(dice_.below(400));
  t.supplied = dice_.chance(40);
  if (t.supplied && dice_.chance(60)) t.x_default = "dx";
  t.locks = leaf_locks();
  return t;
}

}  // namespace gantry::testing
