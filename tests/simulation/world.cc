#include "tests/simulation/world.h"

#include <algorithm>

#include "daemon/engine/carry_over.h"

namespace gantry::testing {

World::World(Options options)
    : options_(std::move(options)), random_(options_.seed), runtime_(Time(std::chrono::hours(1)), options_.author) {
  boot();
}

World::~World() { runtime_.set_listener(nullptr); }

static std::vector<engine::Node> nodes_of(const World::StoredRun& run) {
  std::vector<engine::Node> nodes;
  for (const std::string& name : run.order) nodes.push_back(run.nodes.at(name));
  return nodes;
}

void World::boot() {
  ++life_;
  // The sweep comes first: a pod that no stored node stands for may get a new life under the same id.
  std::set<std::string> wanted;
  for (const auto& [uid, run] : stored_) {
    for (const auto& [name, node] : run.nodes) {
      if (node.start_intended && !workflow::is_fulfilled(node.phase)) wanted.insert(engine::pod_id(run.info, node));
    }
  }
  runtime_.sweep(wanted);
  engine_ = std::make_unique<engine::Engine>(options_.settings);
  runtime_.set_listener(this);
  for (const engine::Memo& memo : memos_) engine_->remember(memo);
  for (const auto& [uid, run] : stored_) {
    if (engine::is_ended(run.status.phase)) continue;
    carry_out(engine_->restore(run.info, plans_.at(uid), run.status, nodes_of(run), now()));
  }
  carry_out(engine_->restored(now()));
}

void World::crash() {
  runtime_.set_listener(nullptr);
  engine_.reset();
  if (options_.crashed) options_.crashed();
  boot();
}

void World::submit(const std::string& name, workflow::PlanPtr plan) {
  engine::RunInfo info;
  info.uid = info.name = name;
  info.name_space = "default";
  submit(std::move(info), std::move(plan));
}

void World::submit(engine::RunInfo info, workflow::PlanPtr plan) {
  info.created = now();
  plans_[info.uid] = plan;
  carry_out(engine_->submit(std::move(info), std::move(plan), now()));
}

void World::shut_down(const std::string& uid, engine::Shutdown how) {
  if (auto output = engine_->shut_down(uid, how, now())) carry_out(std::move(*output));
}

void World::forget(const std::string& uid) {
  carry_out(engine_->forget(uid, now()), uid);
}

void World::carry_out(engine::Output output, const std::string& deleted) {
  if (options_.watch) options_.watch(output);
  for (const engine::Effect& effect : output.now) perform(effect);
  std::vector<Row> rows;
  for (const engine::Changed& changed : output.changed) {
    rows.push_back({{}, changed.deleted});
    StoredRun& row = rows.back().run;
    row.info = changed.run->info;
    row.status = changed.run->status;
    for (const engine::Node* node : changed.nodes) {
      row.order.push_back(node->name);
      row.nodes[node->name] = *node;
    }
  }
  Time done = runtime_.now() + Duration(random_() % static_cast<std::uint64_t>(options_.slowest_commit.count() + 1));
  last_commit_ = done = std::max(done, last_commit_);
  runtime_.at(done, [this, life = life_, rows = std::move(rows), memos = std::move(output.memos),
                     effects = std::move(output.durable), deleted] {
    if (life != life_) return;
    commit(rows);
    memos_.insert(memos_.end(), memos.begin(), memos.end());
    stored_.erase(deleted);
    for (const engine::Effect& effect : effects) perform(effect);
  });
}

void World::commit(const std::vector<Row>& rows) {
  for (const auto& [row, deleted] : rows) {
    StoredRun& run = stored_[row.info.uid];
    run.info = row.info;
    run.status = row.status;
    std::erase_if(run.order, [&](const std::string& name) {
      return std::find(deleted.begin(), deleted.end(), run.nodes.at(name).id) != deleted.end() && run.nodes.erase(name) > 0;
    });
    for (const std::string& name : row.order) {
      if (run.nodes.insert_or_assign(name, row.nodes.at(name)).second) run.order.push_back(name);
    }
  }
}

std::string World::retry(const std::string& uid, const engine::RetryRequest& request) {
  const StoredRun& run = stored_.at(uid);
  auto retried = engine::retry_run(run.info, *plans_.at(uid), run.status, nodes_of(run), request, now());
  if (!retried) return retried.error().message;
  carry_out(engine_->retry(run.info, plans_.at(uid), std::move(*retried), now()));
  return {};
}

std::string World::resubmit(const std::string& uid, const std::string& name) {
  const StoredRun& run = stored_.at(uid);
  if (auto possible = engine::check_memoized(run.status.phase); !possible) return possible.error().message;
  engine::RunInfo info = run.info;
  info.uid = info.name = name;
  info.created = now();
  plans_[name] = plans_.at(uid);
  auto carried = engine::carry_over(run.info.name, nodes_of(run), name, *plans_.at(uid), now());
  carry_out(engine_->submit(std::move(info), plans_.at(uid), std::move(carried), now()));
  return {};
}

void World::perform(const engine::Effect& effect) {
  struct Visitor {
    World& world;
    void operator()(const engine::PreparePod& e) {
      if (world.options_.on_prepare) world.options_.on_prepare(e);
      world.runtime_.prepare(e.pod);
    }
    void operator()(const engine::AdoptPod& e) { world.runtime_.adopt(e.pod); }
    void operator()(const engine::StartPod& e) { world.runtime_.start(e.pod); }
    void operator()(const engine::SignalPod& e) { world.runtime_.signal(e.pod, e.signal, e.everything); }
    void operator()(const engine::RemovePod& e) { world.runtime_.remove(e.pod); }
    void operator()(const engine::RemoveArtifacts&) {}  // the simulation keeps no bytes
    void operator()(const engine::SendRequest& e) {
      world.requests.push_back(e);
      if (!world.options_.server) return;  // it never answers
      world.runtime_.at(world.runtime_.now(), [this_world = &world, life = world.life_, e] {
        if (life != this_world->life_) return;
        this_world->carry_out(this_world->engine_->request_ended(e.id, this_world->options_.server(e), this_world->now()));
      });
    }
    void operator()(const engine::ListArtifacts& e) {
      world.runtime_.at(world.runtime_.now(), [this_world = &world, life = world.life_, e] {
        if (life != this_world->life_) return;
        this_world->carry_out(this_world->engine_->artifacts_listed(e.id, this_world->options_.keys, this_world->now()));
      });
    }
    void operator()(const engine::CancelRequest& e) {
      std::erase_if(world.requests, [&](const auto& request) { return request.id == e.id; });
    }
    void operator()(const engine::RemoveClaims& e) { world.runtime_.remove_claims(e.run_uid); }
    void operator()(const engine::SetTimer& e) {
      world.runtime_.at(e.at - world.ahead_, [this_world = &world, life = world.life_, token = e.token, at = e.at] {
        if (life == this_world->life_) this_world->carry_out(this_world->engine_->timer_due(token, std::max(at, this_world->now())));
      });
    }
  };
  std::visit(Visitor{*this}, effect);
}

std::size_t World::run_to_rest(std::size_t most) {
  std::size_t steps = 0;
  while (steps < most && step()) ++steps;
  return steps;
}

}  // namespace gantry::testing
