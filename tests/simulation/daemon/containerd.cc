#include "tests/simulation/daemon/containerd.h"

#include <algorithm>
#include <utility>

namespace gantry::testing::whole {

using runtime::Listener;

SimulatedContainerd::SimulatedContainerd(Machine& machine) : machine_(machine) { machine_.pods.set_listener(this); }

void SimulatedContainerd::attach(Client client) {
  client_ = std::move(client);
  ++connection_;
}

void SimulatedContainerd::detach() {
  client_.reset();
  ++connection_;
  held_.clear();
  for (auto& [id, pod] : pods_) {
    auto requests = std::exchange(pod.requests, {});
    if (down_ || requests.empty()) continue;
    const std::size_t heard = machine_.dice.below(requests.size() + 1);
    for (std::size_t i = 0; i < heard; ++i) requests[i]();
  }
}

void SimulatedContainerd::die(Duration down) {
  machine_.tell("containerd dies");
  down_ = true;
  if (client_) client_->tell([](Listener& listener) { listener.on_connected(false); });
  machine_.after(down, [this, death = ++death_] {
    if (death != death_) return;
    machine_.tell("containerd is back");
    down_ = false;
    if (client_) client_->tell([](Listener& listener) { listener.on_connected(true); });
    for (auto& what : std::exchange(held_, {})) what();
  });
}

void SimulatedContainerd::forget_task(const std::string& id, Pod& pod) {
  machine_.tell("containerd forgets the task of " + id);
  did_forget_ = pod.forgotten = pod.removing_silently = true;
  machine_.pods.remove(id);
  tell(id, "lost", [id](Listener& l) { l.on_lost(id, Error{Code::NotFound, "task not found"}); });
}

bool SimulatedContainerd::forget(std::uint64_t roll) {
  std::vector<std::string> running;
  for (const auto& [id, pod] : pods_) {
    if (pod.started && !pod.ended && !pod.forgotten) running.push_back(id);
  }
  if (running.empty()) return false;
  const std::string& id = running[roll % running.size()];
  forget_task(id, pods_.at(id));
  return true;
}

void SimulatedContainerd::forget_all() {
  for (auto& [id, pod] : pods_) {
    pod.requests.clear();  // nobody hears them
    if (!pod.exists || pod.forgotten) continue;
    if (pod.started) {
      forget_task(id, pod);
    } else {  // it can be prepared once more
      pod.exists = false;
      pod.removing_silently = true;
      machine_.pods.remove(id);
    }
  }
}

// ---- what it is asked ----

void SimulatedContainerd::ask(const std::string& pod, const std::string& what, std::function<void()> request) {
  if (!client_ || !client_->may_ask(what + " " + pod)) return;
  auto& requests = pods_[pod].requests;
  requests.push_back(std::move(request));
  if (requests.size() == 1) serve_later(pod);
}

void SimulatedContainerd::serve_later(const std::string& pod) {
  const bool hangs = machine_.dice.chance(static_cast<std::size_t>(machine_.temper.slow));
  const Duration delay = hangs ? Duration(1000) + machine_.a_while(40'000) : machine_.a_while(3);
  machine_.after(delay, [this, pod, connection = connection_] {
    if (connection != connection_) return;
    if (!down_) return serve(pod);
    held_.emplace_back([this, pod] { serve(pod); });
  });
}

/// The requests of one pod are carried out in their order.
void SimulatedContainerd::serve(const std::string& pod) {
  auto& requests = pods_.at(pod).requests;
  if (requests.empty()) return;  // of a machine that is being rebooted
  auto request = std::move(requests.front());
  requests.pop_front();
  request();
  if (!requests.empty()) serve_later(pod);
}

void SimulatedContainerd::prepare(runtime::PodSpec spec) {
  const std::string id = spec.id;
  ask(id, "prepare", [this, id, spec = std::move(spec)] {
    Pod& pod = pods_[id];
    if (pod.forgotten) return tell(id, "prepared", [id](Listener& l) { l.on_prepared(id); });
    pod.exists = true;
    pod.labels = spec.labels;
    for (const runtime::Volume& volume : spec.volumes) {
      if (const auto* claim = std::get_if<runtime::Claim>(&volume.source)) claims_.insert(claim->owner);
    }
    machine_.pods.prepare(spec);
  });
}

void SimulatedContainerd::start(const std::string& id) {
  ask(id, "start", [this, id] {
    Pod& pod = pods_[id];
    pod.started |= pod.exists;
    if (!pod.forgotten) return machine_.pods.start(id);
    tell(id, "lost", [id](Listener& l) { l.on_lost(id, Error{Code::NotFound, "task not found"}); });
  });
}

void SimulatedContainerd::adopt(runtime::PodSpec spec) {
  const std::string id = spec.id;
  ask(id, "adopt", [this, id, spec = std::move(spec)] {
    if (!pods_[id].forgotten) return machine_.pods.adopt(spec);
    tell(id, "lost", [id](Listener& l) { l.on_lost(id, Error{Code::NotFound, "task not found"}); });
  });
}

void SimulatedContainerd::signal(const std::string& id, int signal, bool everything) {
  ask(id, "signal " + std::to_string(signal), [this, id, signal, everything] { machine_.pods.signal(id, signal, everything); });
}

void SimulatedContainerd::signal_container(const std::string& id, const std::string& container, int signal) {
  ask(id, "signal a container of", [this, id, container, signal] { machine_.pods.signal_container(id, container, signal); });
}

void SimulatedContainerd::remove(const std::string& id) {
  ask(id, "remove", [this, id] { machine_.pods.remove(id); });
}

void SimulatedContainerd::remove_claims(const std::string& owner) {
  if (!client_ || !client_->may_ask("remove the claims of " + owner)) return;
  claims_.erase(owner);
  machine_.pods.remove_claims(owner);
}

void SimulatedContainerd::find(std::function<void(std::vector<runtime::FoundPod>)> done) {
  machine_.after(machine_.a_while(5), [this, done = std::move(done), connection = connection_] {
    if (connection != connection_) return;
    if (down_) {
      held_.emplace_back([this, done] { find(done); });
      return;
    }
    std::vector<runtime::FoundPod> found;
    for (const auto& [id, pod] : pods_) {
      if (pod.exists) found.push_back({.id = id, .labels = pod.labels, .started = pod.started});
    }
    client_->tell([done, found = std::move(found)](Listener&) { done(found); });
  });
}

void SimulatedContainerd::owners(std::function<void(std::vector<std::string>)> done) {
  machine_.after(machine_.a_while(5), [this, done = std::move(done), connection = connection_] {
    if (connection != connection_) return;
    client_->tell([done, owners = std::vector<std::string>(claims_.begin(), claims_.end())](Listener&) { done(owners); });
  });
}

// ---- what it tells ----

void SimulatedContainerd::tell(const std::string& pod, const std::string& what, std::function<void(Listener&)> event) {
  if (!client_) return;
  const bool late = machine_.dice.chance(static_cast<std::size_t>(machine_.temper.late));
  Pod& of = pods_[pod];
  of.told_until = std::max(of.told_until, machine_.now() + (late ? Duration(1000) + machine_.a_while(9000) : machine_.a_while(2)));
  const Duration delay = of.told_until - machine_.now();
  deliver(delay, pod + " is " + what, event);
  // A removal is told once: the same id may be prepared again after it.
  if (what == "removed" || !machine_.dice.chance(static_cast<std::size_t>(machine_.temper.doubled))) return;
  deliver(delay + machine_.a_while(machine_.dice.chance(50) ? 2 : 3000), pod + " is " + what + ", again", std::move(event));
}

void SimulatedContainerd::deliver(Duration delay, const std::string& what, std::function<void(Listener&)> event) {
  machine_.after(delay, [this, what, event = std::move(event), connection = connection_] {
    if (connection != connection_) return;
    auto now = [this, what, event] {
      machine_.tell("event: " + what);
      client_->tell(event);
    };
    if (!down_) return now();
    held_.emplace_back(now);
  });
}

void SimulatedContainerd::on_prepared(const std::string& pod) {
  tell(pod, "prepared", [pod](Listener& l) { l.on_prepared(pod); });
}

void SimulatedContainerd::on_failed(const std::string& pod, const Error& error) {
  tell(pod, "failed", [pod, error](Listener& l) { l.on_failed(pod, error); });
}

void SimulatedContainerd::on_started(const std::string& pod, Time at) {
  pods_[pod].started = true;
  tell(pod, "started", [pod, at = at + machine_.ahead()](Listener& l) { l.on_started(pod, at); });
}

void SimulatedContainerd::on_container(const std::string& pod, const std::string& container,
                                       const runtime::ContainerChange& change) {
  tell(pod, "changed", [pod, container, change](Listener& l) { l.on_container(pod, container, change); });
}

void SimulatedContainerd::on_ready(const std::string& pod, const std::string& address) {
  tell(pod, "ready", [pod, address](Listener& l) { l.on_ready(pod, address); });
}

void SimulatedContainerd::on_output(const std::string& pod, const std::string& output, const std::string& content) {
  tell(pod, "writing", [pod, output, content](Listener& l) { l.on_output(pod, output, content); });
}

void SimulatedContainerd::on_exited(const std::string& pod, runtime::PodExit exit) {
  pods_[pod].ended = true;
  std::string codes;
  for (auto& [name, container] : exit.containers) {
    codes += " " + name + "=" + std::to_string(container.exit_code);
    if (name == "main") exit_codes_[pod] = container.exit_code;
    if (container.started != Time{}) container.started += machine_.ahead();
    container.finished += machine_.ahead();
  }
  tell(pod, "exited" + codes, [pod, exit = std::move(exit)](Listener& l) { l.on_exited(pod, exit); });
}

void SimulatedContainerd::on_lost(const std::string& pod, const Error& error) {
  pods_[pod].ended = true;
  tell(pod, "lost", [pod, error](Listener& l) { l.on_lost(pod, error); });
}

void SimulatedContainerd::on_removed(const std::string& pod) {
  Pod& gone = pods_[pod];
  if (std::exchange(gone.removing_silently, false)) return;
  gone.exists = gone.started = gone.ended = gone.forgotten = false;
  tell(pod, "removed", [pod](Listener& l) { l.on_removed(pod); });
}

std::vector<std::string> SimulatedContainerd::pods_left() const {
  std::vector<std::string> left;
  for (const auto& [id, pod] : pods_) {
    if (pod.exists) left.push_back(id);
  }
  return left;
}

}  // namespace gantry::testing::whole
