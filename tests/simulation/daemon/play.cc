#include "tests/simulation/daemon/play.h"

#include <algorithm>

#include "tests/simulation/daemon/lives.h"

namespace gantry::testing::whole {

using Kind = Mishap::Kind;

std::string to_string(const Mishap& mishap) {
  constexpr const char* kNames[] = {"kill", "kill at an effect", "kill at a change of the disk", "power", "power at an effect",
                                    "power at a change of the disk", "SIGTERM", "disk full", "disk fails", "containerd dies",
                                    "a task is forgotten", "reboot", "clock forward", "clock back", "stop", "terminate", "suspend",
                                    "resume", "retry", "delete"};
  return "step " + std::to_string(mishap.step) + ": " + kNames[static_cast<std::size_t>(mishap.kind)] +
         (is_of_client(mishap.kind) ? " wf" + std::to_string(mishap.run) : ", roll " + std::to_string(mishap.roll));
}

namespace {

constexpr int kCpuMilli = 4000;

/// What the daemon takes: the simulation keeps no bytes, so nothing is handed on as an artifact; and what never fits on the
/// host is refused.
model::Workflow acceptable(model::Workflow workflow) {
  for (model::Template& t : workflow.templates) {
    t.gives_artifact = t.takes_artifact = false;
    t.cpu_milli = std::min(t.cpu_milli, kCpuMilli);
    for (auto& group : t.groups) {
      for (model::Call& call : group) call.artifact.reset();
    }
  }
  return workflow;
}

constexpr std::size_t kMostSteps = 100'000;

/// Of these the oracle, which thinks in times and knows how pods end, can say nothing.
bool is_beyond_oracle(Kind kind) {
  return kind == Kind::TaskForgotten || kind == Kind::Reboot || kind == Kind::ClockForward || kind == Kind::ClockBack;
}

}  // namespace

Play make_play(std::uint64_t seed) {
  Dice dice(mix(seed, 99));
  Play play;
  play.seed = seed;
  const std::size_t runs = dice.chance(70) ? 1 : 2;
  for (std::size_t i = 0; i < runs; ++i) play.workflows.push_back(acceptable(random_workflow(mix(seed, 500 + i))));
  const auto sometimes = [&](std::size_t percent, std::size_t most) {
    return dice.chance(percent) ? 1 + static_cast<int>(dice.below(most)) : 0;
  };
  play.temper.late = sometimes(30, 20);
  play.temper.doubled = sometimes(40, 40);
  play.temper.slow = sometimes(20, 10);
  play.temper.merged = sometimes(60, 70);
  const auto disturb = [&](std::size_t percent, std::size_t most, const std::vector<Kind>& kinds) {
    if (!dice.chance(percent)) return;
    for (std::size_t count = 1 + dice.below(most); count > 0; --count) {
      const std::size_t step = dice.chance(70) ? dice.below(120) : dice.below(400);
      const Kind kind = dice.pick(kinds);
      play.mishaps.push_back({step, kind, dice.below(runs), dice.below(1'000'000'000)});
    }
  };
  disturb(75, 4, {Kind::Kill, Kind::KillAtEffect, Kind::KillAtEffect, Kind::KillAtDisk, Kind::Power, Kind::PowerAtEffect,
                  Kind::PowerAtDisk, Kind::PowerAtDisk, Kind::Terminate});
  disturb(25, 3, {Kind::DiskFull, Kind::DiskFails});
  disturb(20, 2, {Kind::ContainerdDies});
  disturb(15, 2, {Kind::TaskForgotten, Kind::TaskForgotten, Kind::Reboot});
  disturb(10, 2, {Kind::ClockForward, Kind::ClockBack});
  disturb(50, 4, {Kind::RunStopped, Kind::RunTerminated, Kind::RunSuspended, Kind::RunResumed, Kind::RunRetried, Kind::RunRetried,
                  Kind::RunDeleted});
  std::stable_sort(play.mishaps.begin(), play.mishaps.end(), [](const Mishap& a, const Mishap& b) { return a.step < b.step; });
  return play;
}

Outcome play(const Play& play, bool tells) {
  Machine machine(play.seed, play.temper, tells);
  SimulatedContainerd containerd(machine);
  engine::Settings settings;
  const bool daemons = std::any_of(play.workflows.begin(), play.workflows.end(), has_daemons);
  settings.host.capacity = {.cpu_milli = kCpuMilli, .memory_bytes = 1 << 30, .slots = daemons ? 1000 : 3};
  settings.termination_grace = Duration(50);
  Lives lives(machine, containerd, settings);
  lives.begin();
  for (const model::Workflow& workflow : play.workflows) lives.clients.submit(workflow);

  std::size_t step = 0;
  auto next = play.mishaps.begin();
  bool calmed = false, swept = false;
  for (; step < kMostSteps && machine.problems.empty(); ++step) {
    for (; next != play.mishaps.end() && next->step <= step; ++next) lives.disturb(*next);
    if (machine.pods.step()) continue;
    if (next != play.mishaps.end()) {
      lives.disturb(*next++);  // nothing happens any more before that
    } else if (!std::exchange(calmed, true)) {
      lives.calm();
    } else if (lives.clients.resume_all()) {
    } else if (!std::exchange(swept, true)) {
      lives.sweep();
    } else {
      break;
    }
  }
  if (step == kMostSteps) machine.problem("it does not come to rest");
  if (machine.problems.empty()) {
    lives.promises.at_rest(*lives.life());
    lives.end();
    while (machine.pods.step()) {
    }
    const bool exact = std::none_of(play.mishaps.begin(), play.mishaps.end(), [](const Mishap& m) { return is_beyond_oracle(m.kind); });
    const bool disturbed = play.temper.late + play.temper.slow + play.temper.doubled > 0 ||
                           std::any_of(play.mishaps.begin(), play.mishaps.end(), [](const Mishap& m) { return !is_of_client(m.kind); });
    lives.promises.in_the_end(play.seed, settings.host.capacity, exact, disturbed);
  }
  return {machine.problems, std::move(machine.story), step};
}

}  // namespace gantry::testing::whole
