#include "daemon/daemon.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "daemon/stored_plan.h"

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
                .log = environment_.log}) {}

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

// ---- recovery ----

struct Daemon::Recovered {
  StoredRun run;
  workflow::PlanPtr plan;
  std::string problem;  ///< why it cannot go on
};

/// How long containerd may take to undo the creates of a daemon that was killed.
constexpr Duration kUndoing = std::chrono::milliseconds(1500);

void Daemon::restore(Recovered& recovered) {
  StoredRun& run = recovered.run;
  if (recovered.problem.empty()) {
    effects_.apply(engine_.restore(std::move(run.info), std::move(recovered.plan),
                                   std::move(run.status), std::move(run.nodes), now()));
    return;
  }
  engine::RunStatus status = run.status;
  status.phase = engine::RunPhase::Error;
  status.finished = now();
  status.message = "the run could not be taken up after a restart: " + recovered.problem;
  environment_.log("workflow " + run.info.name_space + "/" + run.info.name + ": " + status.message);
  effects_.write_status(run.info.uid, status);
  runtime_->remove_claims(run.info.uid);
}

void Daemon::recover(std::function<void(Result<std::size_t>)> done) {
  // The store answers in the order of the questions, so Secrets are there before the first run is
  // taken up.
  auto failure = std::make_shared<std::optional<Error>>();
  for (auto kind : {api::ObjectKind::Secret, api::ObjectKind::ConfigMap}) {
    store().load_objects(kind, [this, kind, failure](Result<std::vector<api::Object>> objects) {
      if (!objects) {
        *failure = std::move(objects.error());
        return;
      }
      for (api::Object& object : *objects) objects_.put(kind, std::move(object));
    });
  }
  store().load_memos([this, failure](Result<std::vector<engine::Memo>> memos) {
    if (!memos) {
      *failure = std::move(memos.error());
      return;
    }
    for (engine::Memo& memo : *memos) engine_.remember(std::move(memo));
  });
  store().load_resources([this, failure](Result<Store::Resources> stored) {
    if (!stored) {
      *failure = std::move(stored.error());
      return;
    }
    resources_.set_version(stored->version);
    for (Resource& resource : stored->resources) resources_.put(std::move(resource));
  });
  store().load_unfinished(
      [this, failure, done = std::move(done)](Result<std::vector<StoredRun>> runs) {
        if (!runs) return done(fail(std::move(runs.error())));
        if (*failure) return done(fail(std::move(**failure)));
        auto recovered = std::make_shared<std::vector<Recovered>>();
        for (StoredRun& run : *runs) recovered->push_back({.run = std::move(run)});
        auto compile = [recovered, limits = settings_.limits] {
          for (Recovered& one : *recovered) {
            one.problem = one.run.damage;
            if (!one.problem.empty()) continue;
            auto compiled = compile_stored(one.run.info, one.run.origin, limits);
            if (compiled) {
              one.plan = std::move(compiled->plan);
            } else {
              one.problem = compiled.error().message;
            }
          }
        };
        auto take_up = [this, recovered, done] {
          for (Recovered& one : *recovered) restore(one);
          effects_.apply(engine_.restored(now()));
          if (mover_) mover_->keep_only([this](const std::string& pod) { return engine_.owner_of(pod).has_value(); });
          done(recovered->size());
        };
        // A daemon that was killed in the middle of a create leaves containerd at undoing it, which would undo what
        // this life creates under the same name.
        const bool unsure = std::any_of(recovered->begin(), recovered->end(), [](const Recovered& one) {
          return std::any_of(one.run.nodes.begin(), one.run.nodes.end(), [](const engine::Node& node) {
            return node.start_intended && node.phase == engine::Phase::Pending;
          });
        });
        environment_.executor.offload(compile, [this, unsure, take_up] {
          if (unsure) return environment_.executor.after(kUndoing, take_up);
          take_up();
        });
      });
}

void Daemon::remove_strangers(const std::vector<runtime::FoundPod>& pods) {
  for (const runtime::FoundPod& pod : pods) {
    auto label = pod.labels.find(kInstanceLabel);
    bool ours = label != pod.labels.end() && label->second == settings_.instance;
    if (!ours || engine_.owner_of(pod.id)) continue;
    environment_.log("removing pod " + pod.id + ", which belongs to no run");
    runtime_->remove(pod.id);
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
  effects_.pod_removed(pod);
  if (!stopping_) effects_.apply(engine_.pod_removed(pod, now()));
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
