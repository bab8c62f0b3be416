#include "runtime/simulated/simulated_runtime.h"

#include <algorithm>
#include <csignal>

namespace gantry::runtime {

void SimulatedRuntime::at(Time when, std::function<void()> task) {
  events_.push({std::max(when, now_), next_order_++, std::move(task)});
}

bool SimulatedRuntime::step() {
  if (events_.empty()) return false;
  Event event = events_.top();
  events_.pop();
  now_ = event.when;
  event.task();
  return true;
}

void SimulatedRuntime::after(Duration delay, const std::string& id, void (SimulatedRuntime::*what)(Pod&)) {
  at(now_ + delay, [this, id, what, life = pods_.at(id).life] {
    auto it = pods_.find(id);
    if (it != pods_.end() && it->second.life == life) (this->*what)(it->second);
  });
}

void SimulatedRuntime::prepare(PodSpec spec) {
  std::string id = spec.id;
  auto [it, added] = pods_.try_emplace(id);
  Pod& pod = it->second;
  if (!added) {  // taken over: what has happened already is told again
    pod.start_wanted = false;
    if (pod.state == State::Prepared || pod.state == State::Failed) {
      after(Duration(0), id, &SimulatedRuntime::prepared);
    }
    return;
  }
  pod.script = author_(spec);
  pod.spec = std::move(spec);
  pod.life = next_life_++;
  after(pod.script.prepare, id, &SimulatedRuntime::prepared);
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
    after(Duration(0), id, &SimulatedRuntime::tell_exit);  // taken over after it was started
  }
}

void SimulatedRuntime::begin_start(Pod& pod) {
  pod.state = State::Starting;
  after(pod.script.start, pod.spec.id, &SimulatedRuntime::started);
}

void SimulatedRuntime::started(Pod& pod) {
  pod.state = State::Running;
  pod.started = now_;
  ++starts_[pod.spec.id];
  after(pod.script.run, pod.spec.id, &SimulatedRuntime::exited);
  if (listener_ != nullptr) listener_->on_started(pod.spec.id, now_);
}

void SimulatedRuntime::exited(Pod& pod) {
  if (pod.state != State::Running) return;
  pod.state = pod.script.lost ? State::Lost : State::Exited;
  pod.exit_code = pod.script.exit_code;
  tell_exit(pod);
}

/// Tells how far a started pod is. Called again when a new daemon takes it over.
void SimulatedRuntime::tell_exit(Pod& pod) {
  if (listener_ == nullptr) return;
  if (pod.state == State::Running) {
    listener_->on_started(pod.spec.id, pod.started);
  } else if (pod.state == State::Lost) {
    listener_->on_lost(pod.spec.id, Error{Code::NotFound, "task not found"});
  } else if (pod.state == State::Exited) {
    PodExit exit;
    ContainerExit& main = exit.containers[pod.spec.containers.front().name];
    main.exit_code = pod.exit_code;
    main.oom_killed = pod.script.oom_killed;
    main.started = pod.started;
    main.finished = now_;
    exit.stdout_tail = pod.script.stdout_text;
    for (const OutputFile& file : pod.spec.outputs) {
      auto it = pod.script.outputs.find(file.name);
      exit.outputs[file.name] = it != pod.script.outputs.end()
                                    ? Result<std::string>(it->second)
                                    : fail(Code::NotFound, "open " + file.path + ": no such file or directory");
    }
    listener_->on_exited(pod.spec.id, std::move(exit));
  }
}

void SimulatedRuntime::signal(const std::string& id, int signal, bool) {
  auto it = pods_.find(id);
  if (it == pods_.end() || it->second.state != State::Running) return;
  if (signal == SIGTERM && it->second.script.ignores_sigterm) return;
  // A signal ends the program a moment later, with the code that a shell gives.
  at(now_ + Duration(1), [this, id, signal, life = it->second.life] {
    auto found = pods_.find(id);
    if (found == pods_.end() || found->second.life != life || found->second.state != State::Running) return;
    found->second.state = State::Exited;
    found->second.exit_code = 128 + signal;
    tell_exit(found->second);
  });
}

void SimulatedRuntime::adopt(PodSpec spec) {
  std::string id = spec.id;
  at(now_, [this, id] {
    if (auto it = pods_.find(id); it != pods_.end()) {
      if (it->second.state != State::Running) tell_exit(it->second);
    } else if (listener_ != nullptr) {
      listener_->on_lost(id, Error{Code::NotFound, "container not found"});
    }
  });
}

void SimulatedRuntime::remove(const std::string& id) {
  at(now_, [this, id] {
    pods_.erase(id);
    if (listener_ != nullptr) listener_->on_removed(id);
  });
}

std::size_t SimulatedRuntime::running() const {
  return static_cast<std::size_t>(
      std::count_if(pods_.begin(), pods_.end(), [](auto& p) { return p.second.state == State::Running; }));
}

}  // namespace gantry::runtime
