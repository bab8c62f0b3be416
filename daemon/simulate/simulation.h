#pragma once

// The first header of the room: a workflow played in virtual time, by the daemon's own engine, scheduler and admission.
// Only the containers are pretended (runtime/simulated). The same input and seed give the same run.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "daemon/engine/engine.h"
#include "daemon/simulate/durations.h"
#include "workflow/parse.h"

namespace gantry::simulate {

/// What is in the units of its resources is no matter here.
struct Host : engine::Host {
  Duration start_up{60};  ///< from "start it" to "its program runs", of each pod
};

/// A pod that ran.
struct PodRun {
  const engine::Node* node = nullptr;  ///< in Played::run
  scheduler::Wanted wanted;
  Time ready{};     ///< when it would have started had the host been free
  Time admitted{};
  Time finished{};
};

/// How it went. Owns what the pointers in it point to.
struct Played {
  std::unique_ptr<engine::Engine> engine;
  const engine::Run* run = nullptr;
  Time begin{}, end{};
  std::vector<PodRun> pods;         ///< in order of admission
  std::vector<std::string> waited;  ///< Suspend nodes that wait for a user, by name; they were resumed at once

  [[nodiscard]] Duration makespan() const { return end - begin; }
};

/// Plays until nothing more can happen. Answers of HTTP requests are 200 and empty, listed artifacts none.
Played simulate(const workflow::Compiled& workflow, const Host& host, const Durations& durations, std::uint64_t seed);

/// The pods on the way that decided how long it took, the first one first: each began when the one before it was over.
/// Indices of Played::pods.
std::vector<std::size_t> critical_path(const Played& played);

}  // namespace gantry::simulate
