#include "tests/simulation/daemon/promises.h"

#include <algorithm>

#include "daemon/store_check.h"
#include "daemon/store_rows.h"

namespace gantry::testing::whole {

using engine::Node;
using Submission = ClientRun::Submission;

std::map<std::string, StoredRun> Promises::read_store() {
  std::map<std::string, StoredRun> stored;
  auto database = Database::open(kStorePath, machine_.disk.name());
  if (!database) {
    machine_.problem("the store cannot be opened: " + database.error().message);
    return stored;
  }
  for (const ClientRun& client : clients_.runs) {
    auto found = rows::by_name(*database, kNameSpace, client.name);
    if (!found) {
      machine_.problem("the store cannot be read: " + found.error().message);
    } else if (!found->empty()) {
      if (!found->front().damage.empty()) machine_.problem(client.name + " is damaged: " + found->front().damage);
      stored.emplace(client.name, std::move(found->front()));
    }
  }
  if (auto memos = rows::memos(*database)) memos_ = std::move(*memos);
  return stored;
}

static std::vector<const Node*> pointers(const std::vector<Node>& nodes) {
  std::vector<const Node*> all;
  for (const Node& node : nodes) all.push_back(&node);
  return all;
}

void Promises::compare(const std::string& when, const std::string& uid, const engine::RunStatus& status,
                       const std::vector<const Node*>& nodes, std::map<std::string, Seen>& seen) {
  Seen& before = seen[uid];
  const bool ended = engine::is_ended(status.phase);
  if (before.retries != status.retries) before = {};
  if (before.ended && !ended) machine_.problem(when + ": a run that was over is not any more");
  before.retries = status.retries;
  before.ended = ended;
  std::size_t there = 0;
  for (const Node* node : nodes) {
    const auto had = before.results.find(node->id);
    // A daemon step counts as succeeded while it still runs.
    if (!workflow::is_fulfilled(node->phase) || node->daemoned) {
      if (had == before.results.end()) continue;
      ++there;
      machine_.problem(when + ": " + node->name + " was over and is not any more");
      continue;
    }
    ++there;
    const Outcome now{node->phase, node->outputs->exit_code};
    if (had == before.results.end()) {
      before.results.emplace(node->id, now);
    } else if (had->second != now) {
      machine_.problem(when + ": " + node->name + " was " + std::string(workflow::phase_name(had->second.phase)) +
                       " and is now " + std::string(workflow::phase_name(now.phase)));
      had->second = now;
    }
  }
  if (there < before.results.size()) machine_.problem(when + ": a step that was over is gone from " + uid);
}

void Promises::check_acknowledged(const std::map<std::string, StoredRun>& stored) {
  for (ClientRun& client : clients_.runs) {
    const auto found = stored.find(client.name);
    const bool there = found != stored.end();
    if (client.deleted && there) machine_.problem(client.name + " was deleted and is there");
    if (client.submission != Submission::Accepted || client.deleting) continue;
    if (!there || found->second.info.uid != client.uid) {
      machine_.problem(client.name + " was acknowledged and is not there");
      continue;
    }
    const engine::RunStatus& status = found->second.status;
    if (status.retries < client.retries_acknowledged) machine_.problem("an acknowledged retry of " + client.name + " is lost");
    if (client.stop_acknowledged == status.retries && status.shutdown == engine::Shutdown::None) {
      machine_.problem("an acknowledged stop of " + client.name + " is lost");
    }
    // What was not committed is void.
    client.lives.erase(client.lives.upper_bound(status.retries), client.lives.end());
    if (status.shutdown == engine::Shutdown::None) client.in_flight = {};
    client.landed(status.retries);
    Interference& life = client.lives[status.retries];
    if (status.shutdown == engine::Shutdown::None) life.stopped.reset();
    if (status.shutdown != engine::Shutdown::Terminate) life.terminated.reset();
  }
}

void Promises::store_opened() {
  const auto stored = read_store();
  check_acknowledged(stored);
  for (const auto& [name, run] : stored) compare("after a restart", run.info.uid, run.status, pointers(run.nodes), committed_);
  told_ = committed_;
}

void Promises::changed(const engine::Run& run) {
  std::vector<const Node*> nodes;
  for (const Node& node : run.nodes) nodes.push_back(&node);
  compare("now", run.info.uid, run.status, nodes, told_);
}

void Promises::at_rest(Life& life) {
  if (life.daemon().load().runs != 0) machine_.problem("runs have not ended");
  if (life.daemon().busy()) machine_.problem("the daemon is busy with nothing");
  for (const std::string& pod : containerd_.pods_left()) machine_.problem("the pod " + pod + " is left over");
  for (const ClientRun& run : clients_.runs) {
    if (run.submission == Submission::Asking) machine_.problem(run.name + ": its client never got an answer");
    if (run.deleting && !run.deleted) machine_.problem(run.name + ": its deletion was never answered");
  }
  for (const auto& [pod, starts] : machine_.pods.starts()) {
    if (starts > 1) machine_.problem("the pod " + pod + " was started " + std::to_string(starts) + " times");
  }
}

/// A step that has an exit code has that of its pod.
void Promises::check_exits(const StoredRun& run) {
  for (const Node& node : run.nodes) {
    if (node.type != engine::NodeType::Pod || !node.has_pod || !node.outputs->exit_code) continue;
    const auto truth = containerd_.exit_codes().find(engine::pod_id(run.info, node));
    if (truth == containerd_.exit_codes().end()) {
      machine_.problem(node.name + " has an exit code, and its pod never exited");
    } else if (std::to_string(truth->second) != *node.outputs->exit_code) {
      machine_.problem(node.name + " has the exit code " + *node.outputs->exit_code + " of a pod that exited with " +
                       std::to_string(truth->second));
    }
  }
}

void Promises::check_claims(const ClientRun& client, const StoredRun& run, bool disturbed) {
  const bool there = containerd_.claims().contains(run.info.uid);
  const bool gone = machine_.pods.claims_removed().contains(run.info.uid);
  const model::Workflow& workflow = *client.workflow;
  const bool wanted = workflow.claim_gc_always || run.status.phase == engine::RunPhase::Succeeded;
  if (gone && !wanted && run.status.retries == 0) machine_.problem(client.name + ": its claims were removed");
  if (there && wanted && !disturbed) machine_.problem(client.name + ": its claims are left over");
}

void Promises::in_the_end(std::uint64_t seed, const scheduler::Amounts& capacity, bool exact, bool disturbed) {
  const auto stored = read_store();
  check_acknowledged(stored);
  std::set<std::string> uids;
  for (const ClientRun& client : clients_.runs) {
    const auto found = stored.find(client.name);
    if (found == stored.end()) continue;
    const StoredRun& run = found->second;
    uids.insert(run.info.uid);
    compare("in the end", run.info.uid, run.status, pointers(run.nodes), committed_);
    if (!engine::is_ended(run.status.phase)) {
      machine_.problem(client.name + " never ended");
      continue;
    }
    for (const Node& node : run.nodes) {
      if (!workflow::is_fulfilled(node.phase)) machine_.problem(node.name + " is " + std::string(workflow::phase_name(node.phase)));
    }
    check_exits(run);
    check_claims(client, run, disturbed);
    if (!exact) continue;
    Interference interference;
    if (const auto life = client.lives.find(run.status.retries); life != client.lives.end()) interference = life->second;
    interference.crashed = interference.late = disturbed;
    interference.retries = run.status.retries;
    World::StoredRun judged{.info = run.info, .status = run.status, .nodes = {}, .order = {}};
    for (const Node& node : run.nodes) {
      judged.order.push_back(node.name);
      judged.nodes.emplace(node.name, node);
    }
    for (const std::string& wrong : judge({*client.workflow, seed, judged, interference, memos_, capacity, true})) {
      machine_.problem(wrong);
    }
  }
  for (const std::string& owner : containerd_.claims()) {
    if (!uids.contains(owner)) machine_.problem("claims of nobody are left over: " + owner);
  }
  auto database = Database::open(kStorePath, machine_.disk.name());
  if (!database) return;
  const auto report = rows::check(*database);
  if (!report) machine_.problem("the store is not sound: " + report.error().message);
  if (!report) return;
  for (const std::string& wrong : report->problems) machine_.problem("the store is not sound: " + wrong);
  if (report->runs != static_cast<std::int64_t>(stored.size())) machine_.problem("there are runs of nobody in the store");
}

}  // namespace gantry::testing::whole
