// What a daemon does first: it takes up the runs that were not over when its last life ended (daemon.h).

#include <algorithm>
#include <memory>
#include <utility>

#include "daemon/daemon.h"
#include "daemon/node_json.h"
#include "daemon/stored_plan.h"

namespace gantry {
namespace {

/// How long containerd may take to undo the creates of a daemon that was killed.
constexpr Duration kUndoing = std::chrono::milliseconds(1500);
/// Lives that a run may end.
constexpr int kMostDeaths = 2;

/// The node stands for a program that may have run when the host went down. A daemon pod is left to the engine, which
/// knows who was served by it; it finds it lost.
bool was_under_way(const engine::Node& node) {
  return node.type == engine::NodeType::Pod && node.start_intended && !node.daemoned &&
         !workflow::is_fulfilled(node.phase);
}

void end_by_reboot(engine::Node& node, Time now) {
  node.phase = engine::Phase::Error;
  node.message = "HostRebooted: the host was rebooted before the step had ended";
  node.finished = now;
}

/// Ends what ran when the host went down; the retry strategies see it as any other error.
void end_by_reboot(StoredRun& run, Time now, StoreBatch& batch) {
  std::vector<std::string> pods;
  const auto end = [&](engine::Node& node) {
    end_by_reboot(node, now);
    batch.nodes.push_back({run.info.uid, node.id, node_json(node)});
  };
  for (engine::Node& node : run.nodes) {
    if (!was_under_way(node)) continue;
    pods.push_back(node.id);
    end(node);
  }
  for (engine::Node& node : run.nodes) {
    const bool of_pod = std::find(pods.begin(), pods.end(), node.boundary_id) != pods.end();
    if (of_pod && node.type == engine::NodeType::Container && !workflow::is_fulfilled(node.phase)) end(node);
  }
}

}  // namespace

struct Daemon::Recovered {
  StoredRun run;
  workflow::PlanPtr plan;
  std::string problem;  ///< why it cannot go on
};

struct Daemon::Recovery {
  std::vector<Recovered> runs;
  RecoveryLog log;
  std::function<void(Result<std::size_t>)> done;
};

void Daemon::restore(Recovered& recovered) {
  StoredRun& run = recovered.run;
  if (recovered.problem.empty()) {
    record(run.info.uid, "Recovered", "taken up after a restart of gantryd");
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
  record(run.info.uid, "RecoveryFailed", recovered.problem);
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
        auto recovery = std::make_shared<Recovery>();
        recovery->done = done;
        for (StoredRun& run : *runs) recovery->runs.push_back({.run = std::move(run)});
        survive_reboot(recovery);
      });
}

// What the reboot has ended is stored before the boot is written down, and both before anything is started: a life that
// ends in between leaves the same to the next one.
void Daemon::survive_reboot(const std::shared_ptr<Recovery>& recovery) {
  if (!settings_.boot) return compile(recovery);
  auto note_boot = [this, recovery] {
    auto written = std::make_shared<Result<void>>();
    environment_.executor.offload([written, boot = *settings_.boot] { *written = boot.write(); },
                                  [this, recovery, written] {
                                    if (!*written) return recovery->done(fail(std::move(written->error())));
                                    compile(recovery);
                                  });
  };
  StoreBatch batch;
  if (settings_.boot->rebooted()) {
    for (Recovered& one : recovery->runs) end_by_reboot(one.run, now(), batch);
  }
  if (batch.empty()) return note_boot();
  environment_.log("the host was rebooted; steps that ran then are over");
  store().write(std::make_shared<const StoreBatch>(std::move(batch)), [recovery, note_boot](const Result<void>& written) {
    if (!written) return recovery->done(fail(Error(written.error())));
    note_boot();
  });
}

void Daemon::compile(const std::shared_ptr<Recovery>& recovery) {
  auto work = [recovery, limits = settings_.limits, path = settings_.recovery_log] {
    recovery->log = RecoveryLog(path);
    for (Recovered& one : recovery->runs) {
      one.problem = one.run.damage;
      const std::string& uid = one.run.info.uid;
      if (const int deaths = recovery->log.deaths(uid); deaths >= kMostDeaths) {
        one.problem = "RecoveryFailed: the daemon died " + std::to_string(deaths) + " times while it took it up";
      }
      if (!one.problem.empty()) continue;
      recovery->log.begin(uid);
      auto compiled = compile_stored(one.run.info, one.run.origin, limits);
      recovery->log.end(uid);
      if (compiled) {
        one.plan = std::move(compiled->plan);
      } else {
        one.problem = compiled.error().message;
      }
    }
  };
  environment_.executor.offload(work, [this, recovery] { await_undoing(recovery); });
}

// A daemon that was killed in the middle of a create leaves containerd at undoing it, which would undo what this life
// creates under the same name.
void Daemon::await_undoing(const std::shared_ptr<Recovery>& recovery) {
  const bool unsure = std::any_of(recovery->runs.begin(), recovery->runs.end(), [](const Recovered& one) {
    return std::any_of(one.run.nodes.begin(), one.run.nodes.end(), [](const engine::Node& node) {
      return node.start_intended && node.phase == engine::Phase::Pending;
    });
  });
  if (!unsure) return take_up(*recovery);
  environment_.executor.after(kUndoing, [this, recovery] { take_up(*recovery); });
}

void Daemon::take_up(Recovery& recovery) {
  for (Recovered& one : recovery.runs) {
    if (!one.problem.empty()) {
      restore(one);  // it is parked, not taken up
      continue;
    }
    const std::string uid = one.run.info.uid;
    recovery.log.begin(uid);
    restore(one);
    recovery.log.end(uid);
  }
  effects_.apply(engine_.restored(now()));
  if (mover_) mover_->keep_only([this](const std::string& pod) { return engine_.owner_of(pod).has_value(); });
  // The runs that were parked are to be stored first.
  auto log = std::make_shared<RecoveryLog>(std::move(recovery.log));
  effects_.after_commit([log] { log->clear(); });
  recovery.done(recovery.runs.size());
}

}  // namespace gantry
