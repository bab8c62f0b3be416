#include "runtime/simulated/simulated_runtime.h"

#include <algorithm>
#include <csignal>
#include <utility>

namespace gantry::runtime {

void SimulatedRuntime::at(Time when, std::function<void()> task) {
  add({std::max(when, now_), next_order_++, 0, std::move(task), {}});
}

void SimulatedRuntime::add(Event event) {
  events_.push_back(std::move(event));
  std::push_heap(events_.begin(), events_.end(), std::greater<>());
}

bool SimulatedRuntime::step() {
  if (events_.empty()) return false;
  std::pop_heap(events_.begin(), events_.end(), std::greater<>());
  const Event event = std::move(events_.back());
  events_.pop_back();
  now_ = event.when;
  if (event.life == 0) {
    event.task();
  } else if (const auto found = by_life_.find(event.life); found != by_life_.end()) {
    event.of_pod(*found->second);
  }
  return true;
}

void SimulatedRuntime::after(Duration delay, const Pod& pod, std::function<void(Pod&)> what) {
  add({now_ + std::max(delay, Duration(0)), next_order_++, pod.life, {}, std::move(what)});
}

void SimulatedRuntime::sweep(const std::set<std::string>& keep) {
  std::erase_if(pods_, [&](const auto& pod) {
    if (keep.contains(pod.first)) return false;
    by_life_.erase(pod.second.life);
    return true;
  });
}

// ---- the pod as a whole ----

void SimulatedRuntime::prepare(PodSpec spec) {
  std::string id = spec.id;
  // Made by an earlier life of the daemon for something else, and not started: it is made anew.
  const auto old = pods_.find(id);
  const bool started = old != pods_.end() && old->second.state != State::Preparing && old->second.state != State::Prepared;
  if (old != pods_.end() && !started && old->second.spec.labels != spec.labels) {
    by_life_.erase(old->second.life);
    pods_.erase(old);
  }
  auto [it, added] = pods_.try_emplace(id);
  Pod& pod = it->second;
  if (!added) {  // taken over: what has happened already is told again
    pod.start_wanted = false;
    if (pod.state == State::Prepared || pod.state == State::Failed) {
      after(Duration(0), pod, [this](Pod& p) { prepared(p); });
    }
    return;
  }
  pod.script = author_(spec);
  pod.spec = std::move(spec);
  pod.life = next_life_++;
  by_life_[pod.life] = &pod;
  for (const ContainerSpec& container : pod.spec.containers) {
    Container made;
    made.spec = &container;
    if (container.role == Role::Sidecar) made.script.run.reset();
    if (container.role == Role::Main) {
      made.script = {pod.script.run, pod.script.exit_code, {}, pod.script.oom_killed, pod.script.disk_full,
                     pod.script.ignores_sigterm};
    }
    if (auto named = pod.script.containers.find(container.name); named != pod.script.containers.end()) {
      made.script = named->second;
    }
    pod.containers.push_back(std::move(made));
  }
  after(pod.script.prepare, pod, [this](Pod& p) { prepared(p); });
}

void SimulatedRuntime::prepared(Pod& pod) {
  if (!pod.script.prepare_error.empty()) {
    pod.state = State::Failed;
    if (listener_ != nullptr) listener_->on_failed(pod.spec.id, Error{Code::Unknown, pod.script.prepare_error});
    return;
  }
  pod.state = State::Prepared;
  if (listener_ != nullptr) listener_->on_prepared(pod.spec.id);
  if (pod.start_wanted) begin_start(pod);
}

void SimulatedRuntime::start(const std::string& id) {
  auto it = pods_.find(id);
  if (it == pods_.end()) return;
  Pod& pod = it->second;
  if (pod.state == State::Preparing) {
    pod.start_wanted = true;
  } else if (pod.state == State::Prepared) {
    begin_start(pod);
  } else if (pod.state != State::Starting && pod.state != State::Failed) {
    after(Duration(0), pod, [this](Pod& p) { tell(p); });  // taken over after it was started
  }
}

void SimulatedRuntime::begin_start(Pod& pod) {
  pod.state = State::Starting;
  after(pod.script.start, pod, [this](Pod& p) { started(p); });
}

void SimulatedRuntime::started(Pod& pod) {
  pod.state = State::Running;
  if (counts_starts_) ++starts_[pod.spec.id];
  if (pod.address.empty()) pod.address = address_of(pod.spec.network);
  advance(pod);
}

void SimulatedRuntime::adopt(PodSpec spec) {
  std::string id = spec.id;
  at(now_, [this, id] {
    if (auto it = pods_.find(id); it != pods_.end()) {
      tell(it->second);
    } else if (listener_ != nullptr) {
      listener_->on_lost(id, Error{Code::NotFound, "container not found"});
    }
  });
}

void SimulatedRuntime::remove(const std::string& id) {
  at(now_, [this, id] {
    if (const auto found = pods_.find(id); found != pods_.end()) {
      by_life_.erase(found->second.life);
      pods_.erase(found);
    }
    if (listener_ != nullptr) listener_->on_removed(id);
  });
}

std::size_t SimulatedRuntime::running() const {
  return static_cast<std::size_t>(
      std::count_if(pods_.begin(), pods_.end(), [](auto& p) { return p.second.state == State::Running; }));
}

std::string SimulatedRuntime::address_of(Network network) {
  if (network == Network::None) return {};
  if (network == Network::Host) return "192.0.2.1";
  const std::uint32_t host = next_address_++;
  return "10.88." + std::to_string(host >> 8 & 255) + "." + std::to_string(host & 255);
}

// ---- its containers ----

/// Starts what is due and sees whether the pod has ended. Called after everything that happens to a container.
void SimulatedRuntime::advance(Pod& pod) {
  if (pod.state != State::Running) return;
  for (std::size_t i = 0; i < pod.containers.size(); ++i) {
    Container& init = pod.containers[i];
    if (init.spec->role != Role::Init || (init.exit && init.exit->exit_code == 0)) continue;
    if (init.running) return;
    if (!init.exit && !pod.ending) return run(pod, i);
    pod.ending = true;
    const std::string reason = "init container \"" + init.spec->name + "\" did not succeed";
    for (Container& other : pod.containers) {
      if (!other.exit) never_start(pod, other, reason);
    }
    break;
  }
  begin_mains(pod);
  const bool mains_over = std::all_of(pod.containers.begin(), pod.containers.end(), [](const Container& c) {
    return c.spec->role != Role::Main || c.exit;
  });
  if (!mains_over) return;
  pod.ending = true;
  const bool told_sidecars = std::exchange(pod.told_sidecars, true);
  bool over = true;
  for (std::size_t i = 0; i < pod.containers.size(); ++i) {
    if (pod.containers[i].exit) continue;
    over = false;
    if (told_sidecars) continue;
    kill(pod, i, SIGTERM);
    after(pod.spec.termination_grace, pod, [this, i](Pod& p) { kill(p, i, SIGKILL); });
  }
  if (!over) return;
  pod.state = pod.script.lost ? State::Lost : State::Exited;
  tell(pod);
}

void SimulatedRuntime::begin_mains(Pod& pod) {
  // A container that never starts decides about those that wait for it, so look until nothing changes.
  for (bool changed = true; changed;) {
    changed = false;
    for (std::size_t i = 0; i < pod.containers.size(); ++i) {
      Container& container = pod.containers[i];
      if (container.spec->role == Role::Init || container.running || container.exit || container.pausing) continue;
      std::string reason = pod.ending ? "the pod was ended" : "";
      bool waits = false;
      for (const std::string& name : container.spec->dependencies) {
        auto on = std::find_if(pod.containers.begin(), pod.containers.end(),
                               [&](const Container& c) { return c.spec->name == name; });
        if (on == pod.containers.end() || !on->exit) {
          waits = true;
        } else if (on->exit->exit_code != 0 && reason.empty()) {
          reason = "dependency \"" + name + "\" exited with non-zero code: " + std::to_string(on->exit->exit_code);
        }
      }
      if (reason.empty() && waits) continue;
      changed = true;
      if (reason.empty()) {
        run(pod, i);
      } else {
        never_start(pod, container, reason);
      }
    }
  }
}

void SimulatedRuntime::never_start(Pod& pod, Container& container, const std::string& reason) {
  container.exit =
      ContainerExit{.exit_code = 128 + SIGTERM, .finished = now_, .reason = reason, .never_started = true, .attempts = 0};
  tell_container(pod, container);
}

void SimulatedRuntime::run(Pod& pod, std::size_t index) {
  Container& container = pod.containers[index];
  container.running = true;
  container.started = now_;
  const int attempt = ++container.attempt;
  if (container.script.run) {
    const auto& earlier = container.script.earlier_exit_codes;
    const auto number = static_cast<std::size_t>(attempt);
    const int code = number <= earlier.size() ? earlier[number - 1] : container.script.exit_code;
    after(*container.script.run, pod, [this, index, attempt, code](Pod& p) {
      if (p.containers[index].running && p.containers[index].attempt == attempt) ended(p, index, code);
    });
  }
  if (container.spec->role == Role::Main && !std::exchange(pod.told_started, true)) {
    pod.started = now_;
    if (listener_ != nullptr) listener_->on_started(pod.spec.id, now_);
    const bool probed = std::any_of(pod.spec.containers.begin(), pod.spec.containers.end(), [](const ContainerSpec& c) {
      return c.readiness_probe || c.startup_probe;
    });
    if (!probed) {
      tell_ready(pod);
    } else if (pod.script.ready) {
      after(*pod.script.ready, pod, [this](Pod& p) { tell_ready(p); });
    }
  }
  tell_container(pod, container);
}

void SimulatedRuntime::ended(Pod& pod, std::size_t index, int exit_code) {
  if (pod.state != State::Running) return;
  Container& container = pod.containers[index];
  container.running = false;
  ContainerExit exit;
  exit.exit_code = exit_code;
  exit.oom_killed = container.script.oom_killed;
  exit.disk_full = container.script.disk_full;
  exit.started = container.started;
  exit.finished = now_;
  exit.attempts = container.attempt;
  container.exit = exit;
  tell_container(pod, container);
  if (exit_code != 0 && container.attempt < container.spec->attempts && !pod.ending) {
    container.exit.reset();
    container.pausing = true;
    after(container.spec->retry_pause, pod, [this, index, exit](Pod& p) {
      Container& again = p.containers[index];
      if (!std::exchange(again.pausing, false)) return;
      if (!p.ending) return run(p, index);
      again.exit = exit;
      advance(p);
    });
  }
  advance(pod);
}

void SimulatedRuntime::kill(Pod& pod, std::size_t index, int signal) {
  const Container& container = pod.containers[index];
  if (!container.running || (signal == SIGTERM && container.script.ignores_sigterm)) return;
  // A signal ends the program a moment later, with the code that a shell gives.
  after(Duration(1), pod, [this, index, signal, attempt = container.attempt](Pod& p) {
    if (!p.containers[index].running || p.containers[index].attempt != attempt) return;
    p.script.lost = false;
    ended(p, index, 128 + signal);
  });
}

void SimulatedRuntime::signal(const std::string& id, int signal, bool everything) {
  auto it = pods_.find(id);
  if (it == pods_.end() || it->second.state != State::Running) return;
  Pod& pod = it->second;
  if (signal != SIGTERM && signal != SIGKILL && signal != SIGINT) return;
  // What waits (for a dependency, or between two attempts) never starts. That is seen once something has ended.
  const bool nothing_runs =
      std::none_of(pod.containers.begin(), pod.containers.end(), [](const Container& c) { return c.running; });
  pod.ending = true;
  for (std::size_t i = 0; i < pod.containers.size(); ++i) {
    if (everything || pod.containers[i].spec->role != Role::Sidecar) kill(pod, i, signal);
  }
  if (nothing_runs) after(Duration(0), pod, [this](Pod& p) { advance(p); });
}

void SimulatedRuntime::signal_container(const std::string& id, const std::string& name, int signal) {
  auto it = pods_.find(id);
  if (it == pods_.end() || it->second.state != State::Running) return;
  Pod& pod = it->second;
  for (std::size_t i = 0; i < pod.containers.size(); ++i) {
    Container& container = pod.containers[i];
    if (container.spec->name != name) continue;
    if (container.running) return kill(pod, i, signal);
    if (container.exit) return;
    container.pausing = false;
    never_start(pod, container, "it was ended before it started");
    after(Duration(0), pod, [this](Pod& p) { advance(p); });
  }
}

// ---- what is told ----

/// Tells how far a started pod is. Called again when a new daemon takes it over.
void SimulatedRuntime::tell(Pod& pod) {
  if (listener_ == nullptr) return;
  if (pod.state == State::Running) {
    if (pod.told_started) listener_->on_started(pod.spec.id, pod.started);
    if (pod.ready) listener_->on_ready(pod.spec.id, pod.address);
    for (const Container& container : pod.containers) {
      if (container.running || container.exit) tell_container(pod, container);
    }
  } else if (pod.state == State::Lost) {
    listener_->on_lost(pod.spec.id, Error{Code::NotFound, "task not found"});
  } else if (pod.state == State::Exited) {
    PodExit exit;
    for (const Container& container : pod.containers) exit.containers[container.spec->name] = *container.exit;
    exit.stdout_tail = pod.script.stdout_text;
    for (const OutputFile& file : pod.spec.outputs) {
      auto it = pod.script.outputs.find(file.name);
      exit.outputs[file.name] = it != pod.script.outputs.end()
                                    ? Result<std::string>(it->second)
                                    : fail(Code::NotFound, "open " + file.path + ": no such file or directory");
    }
    for (const OutputArtifact& artifact : pod.spec.output_artifacts) {
      if (pod.script.missing_artifacts.contains(artifact.name)) {
        exit.artifacts[artifact.name] = fail(Code::NotFound, "open " + artifact.path + ": no such file or directory");
      } else {
        exit.artifacts[artifact.name] = {};
      }
    }
    listener_->on_exited(pod.spec.id, std::move(exit));
  }
}

void SimulatedRuntime::tell_container(Pod& pod, const Container& container) {
  if (listener_ == nullptr || pod.containers.size() == 1) return;
  ContainerChange change;
  change.attempt = container.attempt;
  change.at = container.exit ? container.exit->finished : container.started;
  change.exit = container.exit;
  listener_->on_container(pod.spec.id, container.spec->name, change);
}

void SimulatedRuntime::tell_ready(Pod& pod) {
  if (pod.state != State::Running || std::exchange(pod.ready, true)) return;
  if (listener_ != nullptr) listener_->on_ready(pod.spec.id, pod.address);
}

}  // namespace gantry::runtime
