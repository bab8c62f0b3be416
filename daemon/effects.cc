#include "daemon/effects.h"

#include <algorithm>
#include <memory>
#include <type_traits>
#include <variant>

#include "daemon/node_json.h"

namespace gantry {

using engine::Effect;

// ---- gathering ----

void Effects::Gathered::add(StoreBatch::RunRow row) {
  auto [at, first] = run_at.try_emplace(row.info.uid, batch.runs.size());
  if (first) {
    batch.runs.push_back(std::move(row));
  } else {
    StoreBatch::RunRow& had = batch.runs[at->second];
    had.status = std::move(row.status);
    if (!row.respecified) return;
    had.respecified = true;
    had.info.spec_json = std::move(row.info.spec_json);
  }
}

void Effects::Gathered::add(StoreBatch::NodeRow row) {
  auto [at, first] = node_at.try_emplace({row.run_uid.str(), row.node_id.str()}, batch.nodes.size());
  if (first) {
    batch.nodes.push_back(std::move(row));
  } else {
    batch.nodes[at->second].json = std::move(row.json);
  }
}

void Effects::Gathered::add(ResourceStatus status) {
  std::erase_if(batch.statuses, [&](const ResourceStatus& old) { return old.uid == status.uid; });
  batch.statuses.push_back(std::move(status));
}

void Effects::Gathered::index_runs() {
  run_at.clear();
  for (std::size_t i = 0; i < batch.runs.size(); ++i) run_at[batch.runs[i].info.uid] = i;
}

void Effects::Gathered::index_nodes() {
  node_at.clear();
  for (std::size_t i = 0; i < batch.nodes.size(); ++i) {
    node_at[{batch.nodes[i].run_uid.str(), batch.nodes[i].node_id.str()}] = i;
  }
}

std::shared_ptr<const StoreBatch> Effects::Gathered::take_batch() {
  run_at = {};
  node_at = {};
  return std::make_shared<const StoreBatch>(std::exchange(batch, {}));
}

void Effects::Gathered::add_deleted(StoreBatch::NodeKey key) {
  if (node_at.contains({key.run_uid, key.node_id})) {
    std::erase_if(batch.nodes, [&](const auto& row) {
      return row.run_uid == key.run_uid && row.node_id == key.node_id;
    });
    index_nodes();
  }
  batch.deleted_nodes.push_back(std::move(key));
}

void Effects::Gathered::add_deleted(const std::string& uid) {
  std::erase_if(batch.runs, [&](const auto& row) { return row.info.uid == uid; });
  std::erase_if(batch.nodes, [&](const auto& row) { return row.run_uid == uid; });
  std::erase_if(batch.deleted_nodes, [&](const auto& key) { return key.run_uid == uid; });
  std::erase_if(batch.events, [&](const auto& event) { return event.run_uid == uid; });
  index_runs();
  index_nodes();
  batch.deleted_runs.push_back(uid);
}

Effects::Effects(engine::Engine& engine, Store& store, const Objects& objects, Policy policy,
                 std::string instance, Executor& executor, Hooks hooks)
    : engine_(engine),
      store_(store),
      objects_(objects),
      policy_(std::move(policy)),
      instance_(std::move(instance)),
      executor_(executor),
      hooks_(std::move(hooks)),
      requests_(objects, executor) {}

void Effects::gather(const engine::Changed& changed) {
  const engine::Run& run = *changed.run;
  if (changed.created) {
    gathered_.add({.created = true, .info = run.info, .status = run.status});
  } else if (changed.respecified) {
    gathered_.add({.respecified = true,
                   .info = {.uid = run.info.uid, .spec_json = run.info.spec_json},
                   .status = run.status});
  } else if (changed.status) {
    gathered_.add({.info = {.uid = run.info.uid}, .status = run.status});
  }
  for (const std::string& id : changed.deleted) gathered_.add_deleted({run.info.uid, id});
  const SharedText uid(run.info.uid);
  for (const engine::Node* node : changed.nodes) {
    gathered_.add(StoreBatch::NodeRow{uid, node->id, node_json(*node)});
  }
  if (hooks_.changed) hooks_.changed(changed);
}

void Effects::apply(engine::Output output) {
  // The changes are turned into texts first: their pointers end with the next call of the engine.
  // Nothing is written before the turn ends, so the order of now effects and changes holds.
  for (const engine::Changed& changed : output.changed) gather(changed);
  for (engine::Memo& memo : output.memos) gathered_.batch.memos.push_back(std::move(memo));
  for (Effect& effect : output.now) carry_out(std::move(effect));
  for (Effect& effect : output.durable) gathered_.effects.push_back(std::move(effect));
}

void Effects::submit(const std::string& uid, engine::Output output, RunOrigin origin,
                     Durable durable) {
  apply(std::move(output));
  if (auto at = gathered_.run_at.find(uid); at != gathered_.run_at.end()) {
    gathered_.batch.runs[at->second].origin = std::move(origin);
  }
  gathered_.waiters.push_back({uid, std::move(durable), false});
}

void Effects::erase(const std::string& uid, Durable durable) {
  apply(engine_.forget(uid, hooks_.now()));
  gathered_.add_deleted(uid);
  gathered_.waiters.push_back({"", std::move(durable), false});
}

void Effects::write_status(const std::string& uid, const engine::RunStatus& status) {
  gathered_.add({.info = {.uid = uid}, .status = status});
}

void Effects::record(StoreBatch::EventRow event) { gathered_.batch.events.push_back(std::move(event)); }

void Effects::write_status(ResourceStatus status) { gathered_.add(std::move(status)); }

void Effects::after_commit(std::function<void()> callback) {
  if (idle()) return callback();
  gathered_.waiters.push_back(
      {"", [callback = std::move(callback)](const Result<void>&) { callback(); }, false});
}

void Effects::after_news(std::function<void()> callback) {
  if (idle() || trouble_) return callback();
  gathered_.waiters.push_back(
      {"", [callback = std::move(callback)](const Result<void>&) { callback(); }, true});
}

// ---- one transaction after the other ----

void Effects::end_turn() {
  // What a finished transaction lets happen may gather more, so this is asked again until nothing
  // is left to do.
  while (!in_flight_ && !retry_waits_ && !gathered_.nothing()) {
    Gathered next = std::exchange(gathered_, {});
    std::uint64_t number = number_++;
    if (next.batch.empty()) {
      committed_ = number;
      finish(std::move(next));
      continue;
    }
    in_flight_ = true;
    sent_batch_ = next.take_batch();  // kept for another try
    sent_ = std::move(next);
    store_.write(sent_batch_, [this](const Result<void>& result) { written(result); });
  }
}

void Effects::written(const Result<void>& result) {
  in_flight_ = false;
  if (!result) return give_up_and_retry(result.error());
  if (trouble_) {
    trouble_.reset();
    if (hooks_.log) hooks_.log("the store can write again");
    if (hooks_.trouble) hooks_.trouble(trouble_);
  }
  committed_ = number_ - 1;
  sent_batch_.reset();
  finish(std::exchange(sent_, {}));
}

void Effects::finish(Gathered done) {
  for (Effect& effect : done.effects) carry_out(std::move(effect));
  for (auto& waiter : done.waiters) {
    if (waiter.durable) waiter.durable({});
  }
}

void Effects::give_up_and_retry(const Error& error) {
  // Once, not every second, for as long as the reason is the same.
  if (!trouble_ || trouble_->message != error.message) {
    trouble_ = error;
    if (hooks_.log) hooks_.log("the store cannot write: " + error.message + "; trying again every second");
    if (hooks_.trouble) hooks_.trouble(trouble_);
  }
  Gathered failed = std::exchange(sent_, {});
  Gathered later = std::exchange(gathered_, {});
  gathered_ = std::move(failed);
  gathered_.batch = *std::exchange(sent_batch_, {});
  gathered_.index_runs();
  gathered_.index_nodes();
  for (auto& row : later.batch.runs) gathered_.add(std::move(row));
  std::move(later.batch.events.begin(), later.batch.events.end(), std::back_inserter(gathered_.batch.events));
  std::move(later.batch.memos.begin(), later.batch.memos.end(), std::back_inserter(gathered_.batch.memos));
  for (auto& key : later.batch.deleted_nodes) gathered_.add_deleted(std::move(key));
  for (auto& row : later.batch.nodes) gathered_.add(std::move(row));
  for (auto& uid : later.batch.deleted_runs) gathered_.add_deleted(uid);
  for (auto& status : later.batch.statuses) gathered_.add(std::move(status));
  std::move(later.effects.begin(), later.effects.end(), std::back_inserter(gathered_.effects));
  std::vector<Gathered::Waiter> submitters, readers;
  auto waiters = std::exchange(gathered_.waiters, {});
  for (auto* list : {&waiters, &later.waiters}) {
    for (auto& waiter : *list) {
      auto& list_of = waiter.reads ? readers : waiter.created_uid.empty() ? gathered_.waiters : submitters;
      list_of.push_back(std::move(waiter));
    }
  }
  // A failed commit may have reached the disk all the same, so the run is deleted, not just left
  // out.
  for (auto& submitter : submitters) {
    erase(submitter.created_uid, {});
    if (submitter.durable) {
      submitter.durable(fail(Code::Unavailable, "the workflow was not accepted: " + error.message));
    }
  }
  for (auto& reader : readers) reader.durable({});
  retry_waits_ = true;
  executor_.after(std::chrono::seconds(1), [this] {
    retry_waits_ = false;
    end_turn();
  });
}

// ---- effects ----

bool Effects::is_wanted(const std::string& pod) const {
  auto owner = engine_.owner_of(pod);
  return owner && engine_.find_uid(owner->run->info.uid) != nullptr;
}

bool Effects::hold(const std::string& pod, Effect& effect) {
  auto held = held_.find(pod);
  if (held == held_.end()) return false;
  held->second.push_back(std::move(effect));
  return true;
}

void Effects::carry_out(Effect effect) {
  if (auto* prepare_pod = std::get_if<engine::PreparePod>(&effect)) {
    if (hold(prepare_pod->pod.id, effect)) return;
    prepare(std::move(*prepare_pod));
  } else if (auto* adopt_pod = std::get_if<engine::AdoptPod>(&effect)) {
    adopt(std::move(*adopt_pod));
  } else if (auto* start = std::get_if<engine::StartPod>(&effect)) {
    // The run may have been given up since: then nothing of it starts.
    if (!is_wanted(start->pod) || hold(start->pod, effect)) return;
    runtime_->start(start->pod);
  } else if (auto* signal = std::get_if<engine::SignalPod>(&effect)) {
    if (hold(signal->pod, effect)) return;
    runtime_->signal(signal->pod, signal->signal, signal->everything);
  } else if (auto* remove = std::get_if<engine::RemovePod>(&effect)) {
    if (mover_ != nullptr) mover_->cancel(remove->pod);
    if (hold(remove->pod, effect)) return;
    removing_.insert(remove->pod);
    runtime_->remove(remove->pod);
  } else if (auto* claims = std::get_if<engine::RemoveClaims>(&effect)) {
    runtime_->remove_claims(claims->run_uid);
  } else if (auto* request = std::get_if<engine::SendRequest>(&effect)) {
    requests_.send(*request, [this, id = request->id](const Result<engine::Engine::HttpAnswer>& answer) {
      apply(engine_.request_ended(id, answer, hooks_.now()));
    });
  } else if (auto* list = std::get_if<engine::ListArtifacts>(&effect)) {
    list_artifacts(*list);
  } else if (auto* cancelled = std::get_if<engine::CancelRequest>(&effect)) {
    requests_.cancel(cancelled->id);
  } else if (auto* artifacts = std::get_if<engine::RemoveArtifacts>(&effect)) {
    if (mover_ == nullptr) return;
    mover_->erase(artifacts->artifacts, artifacts->name_space, artifacts->repository, hooks_.log);
  } else if (auto* timer = std::get_if<engine::SetTimer>(&effect)) {
    Duration delay = std::max(Duration::zero(), timer->at - hooks_.now());
    executor_.after(delay, [this, at = timer->at, token = timer->token] {
      // The wall clock may have been set back meanwhile; the time that passed is what counts.
      apply(engine_.timer_due(token, std::max(at, hooks_.now())));
    });
  }
}

void Effects::pod_failed(const std::string& pod, Error error) {
  // Not at once: an output is being carried out, and the engine must not be called before it is
  // done.
  executor_.post([this, pod, error = std::move(error)] {
    apply(engine_.pod_failed(pod, error, hooks_.now()));
  });
}

void Effects::pod_exited(const std::string& pod, runtime::PodExit exit) {
  // What a deleted run leaves behind nobody could find again.
  if (mover_ == nullptr || !mover_->has_outputs(pod) || !is_wanted(pod)) {
    return apply(engine_.pod_exited(pod, exit, hooks_.now()));
  }
  mover_->save(pod, std::move(exit), [this, pod](const runtime::PodExit& saved) {
    apply(engine_.pod_exited(pod, saved, hooks_.now()));
  });
}

void Effects::list_artifacts(const engine::ListArtifacts& list) {
  auto done = [this, id = list.id](const Result<std::vector<std::string>>& keys) {
    apply(engine_.artifacts_listed(id, keys, hooks_.now()));
  };
  if (mover_ != nullptr) return mover_->list(list.location, list.name_space, list.repository, std::move(done));
  executor_.post([done = std::move(done)] { done(fail(Code::FailedPrecondition, "there is no artifact repository")); });
}

void Effects::remove_stranger(const std::string& pod) {
  if (!strangers_.insert(pod).second) return;
  held_[pod];
  runtime_->remove(pod);
}

bool Effects::pod_removed(const std::string& pod) {
  if (mover_ != nullptr) mover_->removed(pod);
  if (strangers_.erase(pod) > 0) {
    hand_over(pod, [] {});
    return false;
  }
  removing_.erase(pod);
  return true;
}

void Effects::prepare(engine::PreparePod effect) {
  runtime::PodSpec& pod = effect.pod;
  pod.labels.emplace(kInstanceLabel, instance_);
  if (auto allowed = check_policy(policy_, pod); !allowed) {
    return pod_failed(pod.id, std::move(allowed.error()));
  }
  if (auto resolved = objects_.resolve(pod, effect.name_space); !resolved) {
    return pod_failed(pod.id, std::move(resolved.error()));
  }
  if (!has_host_paths(pod) && effect.artifacts.empty()) return runtime_->prepare(std::move(pod));

  const std::string id = pod.id;
  held_[id];
  auto last = [this, id](Result<runtime::PodSpec> ready) {
    hand_over(id, [&] {
      if (ready) return runtime_->prepare(std::move(*ready));
      pod_failed(id, std::move(ready.error()));
    });
  };
  auto kept = std::make_shared<engine::PreparePod>(std::move(effect));
  look_at_host_paths(std::move(kept->pod), [this, kept, last](Result<runtime::PodSpec> looked) {
    if (!looked) return last(fail(std::move(looked.error())));
    kept->pod = std::move(*looked);
    load_artifacts(std::move(*kept), last);
  });
}

void Effects::look_at_host_paths(runtime::PodSpec pod, ArtifactMover::Loaded done) {
  if (!has_host_paths(pod)) return done(std::move(pod));
  struct Work {
    Policy policy;  // a copy: the worker may outlive us
    runtime::PodSpec pod;
    Result<void> result;
  };
  auto work = std::make_shared<Work>(Work{policy_, std::move(pod), {}});
  executor_.offload([work] { work->result = resolve_host_paths(work->policy, work->pod); },
                    [work, done = std::move(done)] {
                      if (!work->result) return done(fail(std::move(work->result.error())));
                      done(std::move(work->pod));
                    });
}

void Effects::load_artifacts(engine::PreparePod effect, ArtifactMover::Loaded done) {
  if (effect.artifacts.empty()) return done(std::move(effect.pod));
  if (mover_ == nullptr) return done(fail(Code::FailedPrecondition, "there is no artifact repository"));
  mover_->load(effect.artifacts, effect.name_space, std::move(effect.pod), std::move(done));
}

/// Gives a held pod to the runtime, then what came for it meanwhile.
void Effects::hand_over(const std::string& pod, std::function<void()> deliver) {
  std::vector<Effect> waiting = std::move(held_[pod]);
  held_.erase(pod);
  deliver();
  for (Effect& effect : waiting) carry_out(std::move(effect));
}

void Effects::adopt(engine::AdoptPod effect) {
  // The pod was checked, and its files were made, before it was started. An object that has gone
  // since does not harm it.
  runtime::PodSpec resolved = effect.pod;
  if (!objects_.resolve(resolved, effect.name_space)) {
    for (auto& container : effect.pod.containers) container.env_references.clear();
    effect.pod.image_pull_secrets.clear();
    resolved = std::move(effect.pod);
  }
  if (effect.artifacts.empty() || mover_ == nullptr) return runtime_->adopt(std::move(resolved));
  const std::string id = resolved.id;
  held_[id];
  mover_->adopt(effect.artifacts, effect.name_space, std::move(resolved), [this, id](Result<runtime::PodSpec> ready) {
    hand_over(id, [&] { runtime_->adopt(std::move(*ready)); });
  });
}

}  // namespace gantry
