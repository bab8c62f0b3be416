#include "daemon/daemon.h"

#include <algorithm>
#include <utility>

namespace gantry {

static engine::Settings with_objects(engine::Settings settings, const Objects& objects) {
  settings.objects = &objects;
  return settings;
}

Daemon::Daemon(Settings settings, Environment environment)
    : settings_(std::move(settings)),
      environment_(std::move(environment)),
      engine_(with_objects(settings_.engine, objects_)),
      effects_(engine_, environment_.store, objects_, settings_.policy, settings_.instance,
               environment_.executor,
               {.now = environment_.now,
                .changed = [this](const engine::Changed& news) { changed(news); },
                .log = environment_.log,
                .trouble =
                    [this](const std::optional<Error>& error) {
                      admission_.store_trouble(error ? std::optional("the store cannot write: " + error->message)
                                                     : std::nullopt);
                    }}) {}

void Daemon::set_runtime(runtime::Runtime& runtime) {
  runtime_ = &runtime;
  effects_.set_runtime(runtime);
}

Result<void> Daemon::open_artifacts(ArtifactMover::Settings settings) {
  auto mover = ArtifactMover::open(std::move(settings), objects_, environment_.executor);
  if (!mover) return fail(std::move(mover.error()));
  mover_ = std::move(*mover);
  effects_.set_artifacts(*mover_);
  return {};
}

void Daemon::changed(const engine::Changed& news) {
  const std::string& uid = news.run->info.uid;
  if (engine::is_ended(news.run->status.phase)) ended_[uid] = effects_.gathering();
  for (RunObserver* observer : observers_) observer->run_changed(uid);
}

void Daemon::end_turn() {
  effects_.end_turn();
  for (RunObserver* observer : observers_) observer->turn_ended();
  drop_ended();
}

/// The memory of a run that is over is let go of once the store has the last word of it.
void Daemon::drop_ended() {
  std::erase_if(ended_, [&](const auto& entry) {
    return entry.second <= effects_.committed() && engine_.drop(entry.first);
  });
}

void Daemon::stop(std::function<void()> done) {
  stopping_ = true;
  effects_.after_commit(std::move(done));
}

Daemon::Load Daemon::load() const {
  Load load;
  engine_.for_each([&](const engine::Run& run) {
    if (engine::is_ended(run.status.phase)) return;
    ++load.runs;
    for (const engine::Node& node : run.nodes) {
      load.steps += node.type == engine::NodeType::Pod && node.phase == engine::Phase::Running;
    }
  });
  return load;
}

void Daemon::remove_strangers(const std::vector<runtime::FoundPod>& pods) {
  for (const runtime::FoundPod& pod : pods) {
    auto label = pod.labels.find(kInstanceLabel);
    bool ours = label != pod.labels.end() && label->second == settings_.instance;
    if (!ours || engine_.owner_of(pod.id)) continue;
    environment_.log("removing pod " + pod.id + ", which belongs to no run");
    effects_.remove_stranger(pod.id);
  }
}

// ---- what the runtime tells ----

void Daemon::on_prepared(const std::string& pod) {
  if (!stopping_) effects_.apply(engine_.pod_prepared(pod, now()));
}
void Daemon::on_failed(const std::string& pod, const Error& error) {
  if (!stopping_) effects_.apply(engine_.pod_failed(pod, error, now()));
}
void Daemon::on_started(const std::string& pod, Time at) {
  if (!stopping_) effects_.apply(engine_.pod_started(pod, at, now()));
}
void Daemon::on_container(const std::string& pod, const std::string& container,
                          const runtime::ContainerChange& change) {
  if (!stopping_) effects_.apply(engine_.pod_container(pod, container, change, now()));
}
void Daemon::on_ready(const std::string& pod, const std::string& address) {
  if (!stopping_) effects_.apply(engine_.pod_ready(pod, address, now()));
}
void Daemon::on_output(const std::string& pod, const std::string& output, const std::string& content) {
  if (!stopping_) effects_.apply(engine_.pod_output(pod, output, content, now()));
}
void Daemon::on_exited(const std::string& pod, runtime::PodExit exit) {
  if (!stopping_) effects_.pod_exited(pod, std::move(exit));
}
void Daemon::on_lost(const std::string& pod, const Error& error) {
  if (!stopping_) effects_.apply(engine_.pod_lost(pod, error, now()));
}
void Daemon::on_removed(const std::string& pod) {
  if (effects_.pod_removed(pod) && !stopping_) effects_.apply(engine_.pod_removed(pod, now()));
}
void Daemon::on_progress(const std::string& pod, const std::string& what) {
  if (!stopping_) effects_.apply(engine_.pod_progress(pod, what, now()));
}
void Daemon::on_connected(bool connected) {
  if (connected != std::exchange(connected_, connected) && !stopping_) {
    environment_.log(connected ? "connected to containerd"
                               : "the connection to containerd is lost; running steps go on");
  }
}

}  // namespace gantry
