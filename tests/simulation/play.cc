#include "tests/simulation/play.h"

#include <algorithm>
#include <optional>

#include "daemon/engine/carry_over.h"
#include "tests/simulation/generator/generator.h"
#include "tests/simulation/manifest.h"
#include "tests/simulation/oracle/oracle.h"
#include "tests/simulation/users.h"
#include "tests/simulation/watch.h"
#include "tests/simulation/world.h"
#include "workflow/parse.h"

namespace gantry::testing {

std::string_view mode_name(Mode mode) {
  constexpr std::string_view kNames[] = {"undisturbed", "crashes", "users", "everything"};
  return kNames[static_cast<std::size_t>(mode)];
}

Play make_play(Mode mode, std::uint64_t seed) {
  using Kind = Disturbance::Kind;
  Dice dice(mix(seed, 1 + static_cast<std::uint64_t>(mode)));
  Play play;
  play.seed = seed;
  const std::size_t runs = dice.chance(65) ? 1 : 2 + dice.below(2);
  for (std::size_t i = 0; i < runs; ++i) play.workflows.push_back(random_workflow(mix(seed, 100 + i)));
  const auto disturb = [&](std::size_t most, const std::vector<Kind>& kinds) {
    for (std::size_t count = 1 + dice.below(most); count > 0; --count) {
      const std::size_t step = dice.chance(70) ? dice.below(80) : dice.below(500);
      const Kind kind = dice.pick(kinds);
      play.disturbances.push_back({step, kind, dice.below(runs), dice.below(1'000'000)});
    }
  };
  const std::vector<Kind> users = {Kind::Stop,  Kind::Terminate, Kind::Suspend, Kind::Resume,   Kind::ResumeNodes, Kind::FailNodes,
                                   Kind::SetNodes, Kind::Retry,  Kind::Retry,   Kind::Resubmit, Kind::Delete};
  if (mode == Mode::Crashes || mode == Mode::Everything) disturb(4, {Kind::Crash});
  if (mode == Mode::Users || mode == Mode::Everything) disturb(6, users);
  std::stable_sort(play.disturbances.begin(), play.disturbances.end(),
                   [](const Disturbance& a, const Disturbance& b) { return a.step < b.step; });
  return play;
}

std::string to_string(const Disturbance& disturbance) {
  constexpr const char* kNames[] = {"crash",        "stop",       "terminate", "suspend", "resume",  "resume some nodes",
                                    "fail some nodes", "set nodes", "retry",     "resubmit", "delete"};
  const std::string what = kNames[static_cast<std::size_t>(disturbance.kind)];
  const bool of_daemon = disturbance.kind == Disturbance::Kind::Crash;
  return "step " + std::to_string(disturbance.step) + ": " + what +
         (of_daemon ? "" : " run " + std::to_string(disturbance.run) + ", roll " + std::to_string(disturbance.roll));
}

namespace {

/// Limits of semaphores.
class Locks : public engine::Objects {
 public:
  [[nodiscard]] Result<std::string> config_map(const std::string&, const std::string&, const std::string& key,
                                               bool) const override {
    return std::to_string(limit_of(key));
  }
};

Result<workflow::PlanPtr> compile(const std::string& text) {
  workflow::Diagnostics diagnostics;
  auto compiled = workflow::compile_workflows(text, workflow::Format::Yaml, {}, diagnostics);
  if (diagnostics.has_errors() || compiled.size() != 1) {
    std::string why;
    for (const auto& item : diagnostics.items()) why += workflow::to_string(item, "manifest") + "\n";
    return fail(Code::InvalidArgument, why);
  }
  return compiled.front().plan;
}

std::string story_of(const World& world) {
  std::string text;
  for (const auto& [uid, run] : world.stored()) {
    text += uid + ": " + std::string(engine::run_phase_name(run.status.phase)) + " " + run.status.message + "\n";
    for (const std::string& name : run.order) {
      const engine::Node& node = run.nodes.at(name);
      text += "  " + name + " " + std::string(engine::node_type_name(node.type)) + " " +
              std::string(workflow::phase_name(node.phase)) + " " + node.message;
      const auto at = [](std::optional<Time> time) {
        return time ? std::to_string(time->time_since_epoch().count() - 3'600'000) : std::string("?");
      };
      text += " [" + at(node.started) + ".." + at(node.finished) + "]";
      for (const engine::Parameter& p : node.outputs->parameters) text += " " + p.name + "=" + p.value;
      for (const SharedText& child : node.children) {
        const auto of = std::find_if(run.nodes.begin(), run.nodes.end(), [&](const auto& one) { return one.second.id == child; });
        text += of == run.nodes.end() ? " > nobody" : " > " + of->first;
      }
      text += "\n";
    }
  }
  return text;
}

/// Whether somebody who follows the children from there comes back.
bool has_circle(const std::map<std::string, const engine::Node*>& by_id, const std::string& id, std::map<std::string, int>& state) {
  const auto found = by_id.find(id);
  if (found == by_id.end()) return false;
  int& mine = state[id];
  if (mine != 0) return mine == 1;
  mine = 1;
  for (const SharedText& child : found->second->children) {
    if (has_circle(by_id, child, state)) return true;
  }
  state[id] = 2;
  return false;
}

/// The tree of nodes that users see: every node can be reached, nothing is above itself.
/// (What follows a DAG that failFast cut short stands apart, as upstream.)
void check_tree(const World::StoredRun& run, const model::Workflow& workflow, std::vector<std::string>& problems) {
  // What follows steps that failed before their last group had members hangs below nothing, as upstream has it.
  const bool without_end = std::any_of(run.nodes.begin(), run.nodes.end(), [](const auto& named) {
    const engine::Node& node = named.second;
    return node.type == engine::NodeType::Steps && workflow::is_failed_or_error(node.phase) && node.outbound_nodes.empty();
  });
  const bool cut_short = without_end || std::any_of(workflow.templates.begin(), workflow.templates.end(),
                                                    [](const model::Template& t) { return t.fail_fast; });
  std::map<std::string, const engine::Node*> by_id;
  std::map<std::string, int> state;
  for (const auto& [name, node] : run.nodes) by_id[node.id] = &node;
  for (const auto& [name, node] : run.nodes) {
    for (const SharedText& child : node.children) {
      if (!by_id.contains(child)) problems.push_back(name + " has a child that does not exist");
    }
  }
  if (has_circle(by_id, run.info.name, state)) problems.push_back(run.info.name + ": its nodes go round in a circle");
  for (const auto& [name, node] : run.nodes) {
    const bool apart = cut_short || engine::is_carried_over(node) || name.starts_with(run.info.name + ".onExit");  // it belongs to no other node
    if (!apart && !state.contains(node.id)) problems.push_back(name + " is nobody's child");
  }
}

/// What is left over when everything is at rest.
void check_at_rest(World& world, const Users& users, std::vector<std::string>& problems) {
  for (const auto& [uid, run] : world.stored()) {
    if (!engine::is_ended(run.status.phase)) problems.push_back(uid + " never ended");
    for (const auto& [name, node] : run.nodes) {
      if (!workflow::is_fulfilled(node.phase)) problems.push_back(name + " is " + std::string(workflow::phase_name(node.phase)));
    }
    check_tree(run, users.workflow_of(uid), problems);
    if (engine::is_ended(run.status.phase) && !world.engine().drop(uid)) problems.push_back(uid + " keeps pods");
  }
  if (world.runtime().pods() != 0) problems.push_back("pods are left over");
  if (!world.requests.empty()) problems.push_back("requests are left over");
  for (const auto& [pod, starts] : world.runtime().starts()) {
    if (starts > 1) problems.push_back("pod " + pod + " was started " + std::to_string(starts) + " times");
  }
}

void check_claims(World& world, const Users& users, std::vector<std::string>& problems) {
  const auto& removed = world.runtime().claims_removed();
  for (const auto& [uid, run] : world.stored()) {
    const model::Workflow& workflow = users.workflow_of(uid);
    const bool gone = removed.contains(uid);
    const bool wanted = workflow.claim && (workflow.claim_gc_always || run.status.phase == engine::RunPhase::Succeeded);
    if (gone && !workflow.claim) problems.push_back(uid + ": claims were removed that it has not");
    const bool succeeded_before = users.interference(uid).retries > 0;
    if (gone && !wanted && !workflow.claim_gc_always && !succeeded_before) problems.push_back(uid + ": its claims were removed");
    if (!gone && wanted && !users.interference(uid).crashed) problems.push_back(uid + ": its claims are left over");
  }
}

/// A run that wants everything that the others had: all locks at once, the whole host. What was not given back shows.
void check_by_probe(World& world, std::vector<std::string>& problems) {
  static const workflow::PlanPtr plan = compile(R"(
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: probe-}
spec:
  entrypoint: all
  synchronization: {mutexes: [{name: w0}], semaphores: [{configMapKeyRef: {name: locks, key: w1}}]}
  templates:
  - name: all
    dag:
      tasks:
      - {name: one, template: locks}
      - {name: half, template: half}
      - {name: host, template: host, depends: one.Failed || one.Succeeded}
  - name: locks
    suspend: {}
    synchronization:
      mutexes: [{name: m0}, {name: m1}, {name: g0}, {name: g1}, {name: g2}, {name: g3}]
      semaphores: [{configMapKeyRef: {name: locks, key: s1}}, {configMapKeyRef: {name: locks, key: s2}},
                   {configMapKeyRef: {name: locks, key: g0}}, {configMapKeyRef: {name: locks, key: g1}},
                   {configMapKeyRef: {name: locks, key: g2}}, {configMapKeyRef: {name: locks, key: g3}}]
  - name: half
    suspend: {}
    synchronization: {semaphores: [{configMapKeyRef: {name: locks, key: s2}}]}
  - name: host
    container: {image: busybox, command: [work], args: [none], resources: {requests: {cpu: "4", memory: 1Gi}}}
)").value();
  world.submit("probe", plan);
  world.run_to_rest();
  const auto& nodes = world.stored().at("probe").nodes;
  for (const char* name : {"probe.one", "probe.half"}) {
    if (!nodes.contains(name) || nodes.at(name).phase != workflow::Phase::Running) {
      problems.push_back("a lock is left over: " + (nodes.contains(name) ? nodes.at(name).message : "of a run"));
    }
  }
  world.apply(world.engine().resume("probe", {}, "", world.now()));
  world.run_to_rest();
  if (!nodes.contains("probe.host") || !workflow::is_fulfilled(nodes.at("probe.host").phase)) {
    problems.push_back("a part of the host is left over as taken");
  }
}

}  // namespace

Verdicts play(const Play& play, bool* refused) {
  static const Locks locks;
  Verdicts verdicts;
  World::Options options;
  options.seed = play.seed;
  options.author = author(play.seed);
  options.settings.objects = &locks;
  // Where daemons hold places until others have run, there is enough for all.
  const bool daemons = std::any_of(play.workflows.begin(), play.workflows.end(), has_daemons);
  const scheduler::Amounts capacity{.cpu_milli = 4000, .memory_bytes = 1 << 30, .slots = daemons ? 1000 : 3};
  options.settings.host.capacity = capacity;
  options.settings.termination_grace = Duration(50);
  Watch watch(capacity);
  options.watch = [&watch](const engine::Output& output) { watch.saw(output); };
  const World* told = nullptr;
  options.crashed = [&watch, &told] { watch.rebooted(*told); };
  World world(std::move(options));
  told = &world;
  Users users(world, watch, play.seed);
  for (std::size_t i = 0; i < play.workflows.size(); ++i) {
    auto plan = compile(manifest(play.workflows[i]));
    if (!plan) {
      if (refused != nullptr) *refused = true;
      verdicts.problems.push_back("it does not compile: " + plan.error().message);
      return verdicts;
    }
    users.submit("wf" + std::to_string(i), play.workflows[i], *plan);
  }
  users.live(play.disturbances);
  verdicts.problems = watch.problems;
  if (!users.gave_up()) check_at_rest(world, users, verdicts.problems);
  if (users.gave_up()) verdicts.problems.push_back("it does not come to rest");
  for (const auto& [uid, run] : world.stored()) {
    if (!engine::is_ended(run.status.phase)) continue;
    const Interference interference = users.interference(uid);
    auto found = judge({users.workflow_of(uid), play.seed, run, interference, world.memos(), capacity});
    verdicts.problems.insert(verdicts.problems.end(), found.begin(), found.end());
  }
  check_claims(world, users, verdicts.problems);
  if (!verdicts.problems.empty()) verdicts.story = story_of(world);
  if (verdicts.problems.empty()) check_by_probe(world, verdicts.problems);
  return verdicts;
}

}  // namespace gantry::testing
