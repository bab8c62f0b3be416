#include "daemon/simulate/simulation.h"

#include <algorithm>
#include <unordered_map>

#include "daemon/engine/fit.h"

namespace gantry::simulate {
namespace {

using namespace engine;

/// Carries the effects out as the daemon does, with a store that is done at once.
class Player final : public runtime::Listener {
 public:
  Player(const Host& host, const Durations& durations, std::uint64_t seed)
      : host_(host), durations_(durations), seed_(seed),
        runtime_(Time(std::chrono::sys_days(std::chrono::year(2000) / 1 / 1)),
                 [this](const runtime::PodSpec& pod) { return script_of(pod); }) {
    Settings settings;
    settings.host = host;
    played_.engine = std::make_unique<Engine>(settings);
    runtime_.set_listener(this);
    runtime_.set_counts_starts(false);
  }
  ~Player() override { runtime_.set_listener(nullptr); }
  Player(const Player&) = delete;
  Player& operator=(const Player&) = delete;

  Played play(const workflow::Compiled& workflow) {
    RunInfo info;
    info.name = workflow.metadata.name.empty() ? workflow.metadata.generate_name + "simulated" : workflow.metadata.name;
    info.uid = info.name;
    info.name_space = workflow.metadata.name_space.empty() ? "default" : workflow.metadata.name_space;
    info.labels = workflow.metadata.labels;
    info.annotations = workflow.metadata.annotations;
    info.spec_json = workflow.spec_json;
    info.created = played_.begin = now();
    const std::string uid = info.uid;
    carry_out(engine().restored(now()));
    carry_out(engine().submit(std::move(info), workflow.plan, now()));
    played_.run = engine().find_uid(uid);
    do {
      while (runtime_.step()) {
      }
    } while (resume(uid));
    played_.end = played_.run->status.finished.value_or(now());
    return std::move(played_);
  }

 private:
  Time now() const { return runtime_.now(); }
  Engine& engine() { return *played_.engine; }

  runtime::Script script_of(const runtime::PodSpec& pod) {
    const auto owner = engine().owner_of(pod.id);
    if (!owner) return {};
    const Node& node = *owner->node;
    runtime::Script script = durations_.script(step_of(node), node.template_name, node.name, seed_);
    script.prepare = host_.start_up;
    script.start = Duration(0);
    for (const auto& output : pod.outputs) script.outputs.try_emplace(output.name, "");
    return script;
  }

  /// The name of the step or task, without the item of a loop.
  static std::string_view step_of(const Node& node) {
    const std::string_view name = node.display_name;
    return name.substr(0, name.find('('));
  }

  /// What waits for a user goes on. True when there was something.
  bool resume(const std::string& uid) {
    if (is_ended(played_.run->status.phase)) return false;
    for (const Node& node : played_.run->nodes) {
      if (node.type == NodeType::Suspend && node.phase == Phase::Running) played_.waited.push_back(node.display_name);
    }
    auto output = engine().resume(uid, {}, "", now());
    if (!output) return false;
    const bool goes_on = !output->changed.empty();
    carry_out(std::move(*output));
    return goes_on;
  }

  void carry_out(Output output) {
    for (Effect& effect : output.now) perform(effect);
    for (Effect& effect : output.durable) perform(effect);
  }

  void perform(Effect& effect) {
    std::visit([this](auto& one) { carry_out_one(one); }, effect);
  }
  void carry_out_one(PreparePod& e) {
    admitted(e.pod);
    runtime_.prepare(std::move(e.pod));
  }
  void carry_out_one(const StartPod& e) { runtime_.start(e.pod); }
  void carry_out_one(const SignalPod& e) { runtime_.signal(e.pod, e.signal, e.everything); }
  void carry_out_one(const RemovePod& e) { runtime_.remove(e.pod); }
  void carry_out_one(const SetTimer& e) {
    runtime_.at(e.at, [this, token = e.token] { carry_out(engine().timer_due(token, now())); });
  }
  void carry_out_one(const SendRequest& e) {
    runtime_.at(now(), [this, id = e.id] { carry_out(engine().request_ended(id, Engine::HttpAnswer{200, {}, ""}, now())); });
  }
  void carry_out_one(const ListArtifacts& e) {
    runtime_.at(now(), [this, id = e.id] { carry_out(engine().artifacts_listed(id, std::vector<std::string>{}, now())); });
  }
  // No pod is of an earlier life, and there are no claims and artifacts; what is cancelled is answered all the same.
  void carry_out_one(const AdoptPod&) {}
  void carry_out_one(const RemoveClaims&) {}
  void carry_out_one(const RemoveArtifacts&) {}
  void carry_out_one(const CancelRequest&) {}

  void admitted(const runtime::PodSpec& pod) {
    const auto owner = engine().owner_of(pod.id);
    if (!owner) return;
    PodRun run;
    run.node = owner->node;
    if (const auto wanted = amounts_of(pod, engine().host())) wanted_.set(*wanted);
    run.wanted = wanted_;
    run.ready = owner->node->started.value_or(now());
    run.admitted = now();
    index_of_[pod.id] = played_.pods.size();
    played_.pods.push_back(run);
  }

  void over(const std::string& pod) {
    const auto found = index_of_.find(pod);
    if (found == index_of_.end()) return;
    played_.pods[found->second].finished = now();
    index_of_.erase(found);
  }

  void on_prepared(const std::string& pod) override { carry_out(engine().pod_prepared(pod, now())); }
  void on_failed(const std::string& pod, const Error& error) override {
    over(pod);
    carry_out(engine().pod_failed(pod, error, now()));
  }
  void on_started(const std::string& pod, Time at) override { carry_out(engine().pod_started(pod, at, now())); }
  void on_container(const std::string& pod, const std::string& container, const runtime::ContainerChange& change) override {
    carry_out(engine().pod_container(pod, container, change, now()));
  }
  void on_ready(const std::string& pod, const std::string& address) override {
    carry_out(engine().pod_ready(pod, address, now()));
  }
  void on_exited(const std::string& pod, runtime::PodExit exit) override {
    over(pod);
    carry_out(engine().pod_exited(pod, exit, now()));
  }
  void on_lost(const std::string& pod, const Error& error) override {
    over(pod);
    carry_out(engine().pod_lost(pod, error, now()));
  }
  void on_removed(const std::string& pod) override { carry_out(engine().pod_removed(pod, now())); }
  void on_progress(const std::string&, const std::string&) override {}
  void on_connected(bool) override {}

  const Host& host_;
  const Durations& durations_;
  std::uint64_t seed_;
  runtime::SimulatedRuntime runtime_;
  std::unordered_map<std::string, std::size_t> index_of_;  ///< of pods that run
  scheduler::Wanted wanted_;                               ///< by the pod that was admitted last
  Played played_;
};

}  // namespace

Played simulate(const workflow::Compiled& workflow, const Host& host, const Durations& durations, std::uint64_t seed) {
  return Player(host, durations, seed).play(workflow);
}

std::vector<std::size_t> critical_path(const Played& played) {
  // Backwards from the pod that ended last: before it came the pod whose end let it go on, which is the latest one that
  // had ended by the time it was ready, or, if it then waited for the host, by the time it was admitted.
  std::vector<std::size_t> by_end(played.pods.size());
  for (std::size_t i = 0; i < by_end.size(); ++i) by_end[i] = i;
  std::stable_sort(by_end.begin(), by_end.end(),
                   [&](std::size_t a, std::size_t b) { return played.pods[a].finished < played.pods[b].finished; });
  std::vector<std::size_t> path;
  std::size_t left = by_end.size();
  while (left > 0) {
    const std::size_t last = by_end[left - 1];
    path.push_back(last);
    const Time begin = played.pods[last].admitted;
    const auto first_after = std::upper_bound(by_end.begin(), by_end.begin() + static_cast<std::ptrdiff_t>(left - 1), begin,
                                              [&](Time time, std::size_t pod) { return time < played.pods[pod].finished; });
    left = static_cast<std::size_t>(first_after - by_end.begin());
    // Of those that ended at the same moment, one that led to it.
    for (std::size_t i = left; i-- > 0 && played.pods[by_end[i]].finished == played.pods[by_end[left - 1]].finished;) {
      const auto& children = played.pods[by_end[i]].node->children;
      if (std::find(children.begin(), children.end(), played.pods[last].node->id) == children.end()) continue;
      left = i + 1;
      break;
    }
  }
  std::reverse(path.begin(), path.end());
  return path;
}

}  // namespace gantry::simulate
