#include "daemon/engine/retry_run.h"

#include <algorithm>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "daemon/engine/daemon_template.h"

namespace gantry::engine {
namespace {

using workflow::Index;
using workflow::kNone;

bool is_failed(const Node& node) { return workflow::is_failed_or_error(node.phase); }

bool is_graph(const Node& node) { return node.type == NodeType::Steps || node.type == NodeType::Dag; }

/// Whether the node belongs to the run's exit handler.
bool is_of_exit_handler(const RunInfo& info, std::string_view name) {
  const std::string handler = info.name + ".onExit";
  if (!name.starts_with(handler)) return false;
  name.remove_prefix(handler.size());
  return name.empty() || name.front() == '.' || name.front() == '[' || name.front() == '(';
}

class Retrier {
 public:
  Retrier(const workflow::Plan& plan, const RetryRequest& request, std::vector<Node> nodes)
      : plan_(plan), request_(request), nodes_(std::move(nodes)) {
    std::unordered_map<std::string_view, Index> by_id;
    by_id.reserve(nodes_.size());
    for (Index i = 0; i < nodes_.size(); ++i) by_id.emplace(nodes_[i].id, i);
    const auto find = [&](std::string_view id) {
      const auto found = by_id.find(id);
      return found == by_id.end() ? kNone : found->second;
    };
    children_.resize(nodes_.size());
    parents_.resize(nodes_.size());
    boundary_.resize(nodes_.size(), kNone);
    fate_.resize(nodes_.size(), Fate::Stays);
    has_lent_.resize(nodes_.size());
    for (Index i = 0; i < nodes_.size(); ++i) {
      boundary_[i] = find(nodes_[i].boundary_id);
      for (const SharedText& id : nodes_[i].children) {
        const Index child = find(id);
        if (child == kNone) continue;
        children_[i].push_back(child);
        parents_[child].push_back(i);
      }
    }
  }

  void decide() {
    std::vector<Index> again = select();
    const std::vector<bool> succeeded_below = find_successes(again);
    for (Index i = 0; i < nodes_.size(); ++i) {
      if (is_failed_leaf(i) && !succeeded_below[attempts_of(i) == kNone ? i : attempts_of(i)]) again.push_back(i);
    }
    // In order of creation, so that a node comes before what came after it.
    std::sort(again.begin(), again.end());
    for (Index i : again) {
      if (fate_[i] != Fate::Goes) run_again(i);
    }
    for (Index i = 0; i < nodes_.size(); ++i) {
      if (failed_by_itself(i)) go_on(i);
    }
    forget_hooks();
    if (request_.new_parameters) expand_anew();
    delete_unreachable();
    restart_daemons();
  }

  void delete_exit_handler(const RunInfo& info) {
    for (Index i = 0; i < nodes_.size(); ++i) {
      if (is_of_exit_handler(info, nodes_[i].name)) fate_[i] = Fate::Goes;
    }
  }

  RetriedRun result(Time now) && {
    keep_reachable();
    RetriedRun out;
    std::unordered_map<std::string_view, bool> goes;
    for (Index i = 0; i < nodes_.size(); ++i) {
      if (fate_[i] == Fate::Goes) goes.emplace(nodes_[i].id, true);
    }
    for (Index i = 0; i < nodes_.size(); ++i) {
      Node& node = nodes_[i];
      if (fate_[i] == Fate::Goes) continue;
      const bool goes_on = fate_[i] == Fate::GoesOn;
      bool changed = goes_on || has_lent_[i];
      if (goes_on) reset(node, now);
      for (auto* ids : {&node.children, &node.outbound_nodes}) {
        changed |= std::erase_if(*ids, [&](const SharedText& id) { return goes.contains(id); }) > 0;
      }
      if (changed) out.changed.push_back(node.id);
    }
    for (Index i = 0; i < nodes_.size(); ++i) {
      if (fate_[i] != Fate::Goes) out.nodes.push_back(std::move(nodes_[i]));
    }
    for (Index i = 0; i < nodes_.size(); ++i) {
      if (fate_[i] == Fate::Goes) out.deleted.push_back(std::move(nodes_[i]));
    }
    return out;
  }

 private:
  enum class Fate : std::uint8_t { Stays, GoesOn, Goes };

  std::vector<Index> select() {
    std::vector<Index> selected;
    if (!request_.restart_successful || !request_.selected) return selected;
    for (Index i = 0; i < nodes_.size(); ++i) {
      if (!request_.selected(nodes_[i]) || is_in_given_up(i)) continue;
      // A container runs again with its pod.
      const bool container = nodes_[i].type == NodeType::Container && boundary_[i] != kNone;
      selected.push_back(container ? boundary_[i] : i);
    }
    return selected;
  }

  /// Whether something that is not to run again succeeded after the node. What a hook did does not count, nor what the containers
  /// of the node's own pod did.
  std::vector<bool> find_successes(const std::vector<Index>& again) {
    std::vector<bool> excepted(nodes_.size()), below(nodes_.size());
    for (Index i : again) excepted[i] = true;
    std::vector<Index> todo;
    const auto tell_parents = [&](Index i) {
      if (nodes_[i].hooked) return;
      for (Index parent : parents_[i]) {
        if (below[parent]) continue;
        below[parent] = true;
        todo.push_back(parent);
      }
    };
    for (Index i = 0; i < nodes_.size(); ++i) {
      if (nodes_[i].phase == Phase::Succeeded && nodes_[i].type != NodeType::Container && !excepted[i]) tell_parents(i);
    }
    while (!todo.empty()) {
      const Index i = todo.back();
      todo.pop_back();
      tell_parents(i);
    }
    return below;
  }

  /// The Retry node that the node is an attempt of.
  [[nodiscard]] Index attempts_of(Index i) const {
    if (!nodes_[i].retried) return kNone;
    for (Index parent : parents_[i]) {
      if (nodes_[parent].type == NodeType::Retry && nodes_[i].name.starts_with(nodes_[parent].name + "(")) return parent;
    }
    return kNone;
  }

  /// An attempt that is a graph and had others after it.
  [[nodiscard]] bool is_given_up(Index i) const {
    const Index retry = is_graph(nodes_[i]) ? attempts_of(i) : kNone;
    if (retry == kNone) return false;
    const auto& attempts = children_[retry];
    const auto last = std::find_if(attempts.rbegin(), attempts.rend(), [&](Index a) { return nodes_[a].retried; });
    return last != attempts.rend() && *last != i;
  }

  [[nodiscard]] bool is_in_given_up(Index i) const {
    for (; i != kNone; i = boundary_[i]) {
      if (is_given_up(i)) return true;
    }
    return false;
  }

  [[nodiscard]] bool is_failed_leaf(Index i) const {
    const Node& node = nodes_[i];
    const bool leaf = node.type == NodeType::Pod || node.type == NodeType::Suspend || node.type == NodeType::Skipped;
    return leaf && is_failed(node) && !is_in_given_up(i);
  }

  /// Nodes that the node consists of, and that came after it.
  template <class Visit>
  void each_below(Index from, Visit visit) const {
    std::vector<bool> seen(nodes_.size());
    std::vector<Index> todo{from};
    while (!todo.empty()) {
      const Index i = todo.back();
      todo.pop_back();
      for (Index child : children_[i]) {
        if (seen[child]) continue;
        seen[child] = true;
        visit(child);
        todo.push_back(child);
      }
    }
  }

  void remove_below(Index from) {
    std::vector<Index> todo{from};
    while (!todo.empty()) {
      const Index i = todo.back();
      todo.pop_back();
      if (fate_[i] == Fate::Goes) continue;
      fate_[i] = Fate::Goes;
      for (Index child : children_[i]) todo.push_back(child);
    }
  }

  void reset_fate(Index i) {
    if (fate_[i] == Fate::Stays) fate_[i] = Fate::GoesOn;
  }

  void reset_groups(Index i) {
    for (Index parent : parents_[i]) {
      const NodeType type = nodes_[parent].type;
      const bool group = type == NodeType::TaskGroup || (type == NodeType::StepGroup && nodes_[i].type != type);
      // What follows an empty group of other steps is below it, too.
      if (group && boundary_[parent] == boundary_[i]) reset_fate(parent);
    }
  }

  /// What encloses the node goes on: its Retry, step group and loop, the graph it is in, and so on.
  void reset_around(Index i) {
    for (;;) {
      if (const Index retry = attempts_of(i); retry != kNone) {
        reset_fate(retry);
        i = retry;
      }
      reset_groups(i);
      // A group waits for the hooks of what is in it.
      if (nodes_[i].hooked) {
        for (Index parent : parents_[i]) reset_groups(parent);
      }
      i = boundary_[i];
      if (i == kNone) return;
      reset_fate(i);
    }
  }

  /// An attempt takes the later ones with it: they came after it.
  void run_again(Index i) {
    reset_around(i);
    remove_below(i);
    const Index retry = attempts_of(i);
    if (retry == kNone) return;
    const auto& attempts = children_[retry];
    for (auto next = std::find(attempts.begin(), attempts.end(), i); next != attempts.end(); ++next) {
      if (nodes_[*next].retried) remove_below(*next);
    }
  }

  [[nodiscard]] bool is_inside(Index i, Index graph) const {
    for (i = boundary_[i]; i != kNone; i = boundary_[i]) {
      if (i == graph) return true;
    }
    return false;
  }

  /// A failed graph, group or Retry with no failed node in it that would run again.
  [[nodiscard]] bool failed_by_itself(Index i) const {
    const Node& node = nodes_[i];
    const bool group = is_graph(node) || node.type == NodeType::StepGroup || node.type == NodeType::TaskGroup ||
                       node.type == NodeType::Retry;
    if (!group || !is_failed(node) || fate_[i] != Fate::Stays || is_in_given_up(i)) return false;
    bool by_itself = true;
    const auto look = [&](Index other) { by_itself &= !is_failed(nodes_[other]) || nodes_[other].hooked; };
    if (is_graph(node)) {
      for (Index other = 0; other < nodes_.size() && by_itself; ++other) {
        if (boundary_[other] == i) look(other);
      }
    } else {
      for (Index child : children_[i]) look(child);
    }
    if (!by_itself || !is_graph(node)) return by_itself;
    // When others went on after its failure, that is settled.
    each_below(i, [&](Index other) {
      const bool beside = boundary_[other] == boundary_[i] && !nodes_[other].hooked;
      if (beside && nodes_[other].phase == Phase::Succeeded) by_itself = false;
    });
    return by_itself;
  }

  /// It keeps what it consists of; what came after it goes.
  void go_on(Index i) {
    reset_fate(i);
    reset_around(i);
    if (!is_graph(nodes_[i])) return;
    std::vector<Index> after;
    each_below(i, [&](Index other) {
      if (!is_inside(other, i)) after.push_back(other);
    });
    for (Index other : after) remove_below(other);
  }

  /// A hook that would go on waits for its turn again, when what it belongs to goes on: it may get other arguments then.
  void forget_hooks() {
    for (Index i = 0; i < nodes_.size(); ++i) {
      if (!nodes_[i].hooked || fate_[i] != Fate::GoesOn) continue;
      const auto& of = parents_[i];
      if (std::any_of(of.begin(), of.end(), [&](Index parent) { return fate_[parent] == Fate::GoesOn; })) remove_below(i);
    }
  }

  void expand_anew() {
    for (Index i = 0; i < nodes_.size(); ++i) {
      const bool group = nodes_[i].type == NodeType::TaskGroup || nodes_[i].type == NodeType::StepGroup;
      if (!group || fate_[i] != Fate::GoesOn) continue;
      for (Index child : children_[i]) remove_below(child);
    }
  }

  /// Nodes of graphs that go on, to which no way leads any more: they are found again when it is their turn.
  void delete_unreachable() {
    std::vector<bool> reached(nodes_.size());
    std::vector<Index> todo;
    for (Index i = 0; i < nodes_.size(); ++i) {
      if (boundary_[i] == kNone && fate_[i] != Fate::Goes) todo.push_back(i);
    }
    while (!todo.empty()) {
      const Index i = todo.back();
      todo.pop_back();
      if (reached[i]) continue;
      reached[i] = true;
      for (Index child : children_[i]) {
        if (fate_[child] != Fate::Goes) todo.push_back(child);
      }
    }
    for (Index i = 0; i < nodes_.size(); ++i) {
      if (!reached[i] && boundary_[i] != kNone && fate_[boundary_[i]] != Fate::Stays) remove_below(i);
    }
  }

  void restart_daemons() {
    for (Index i = 0; i < nodes_.size(); ++i) {
      if (fate_[i] != Fate::Stays || !was_daemon(nodes_[i]) || boundary_[i] == kNone) continue;
      if (fate_[boundary_[i]] != Fate::GoesOn) continue;
      // What it served stays; what is to begin again waits for it, as the first time.
      reset_around(i);
      fate_[i] = Fate::Goes;
      for (Index child : children_[i]) {
        if (fate_[child] == Fate::GoesOn && !keeps_something(child)) remove_below(child);
      }
    }
  }

  /// What was skipped is skipped again.
  [[nodiscard]] bool keeps_something(Index i) const {
    bool keeps = false;
    each_below(i, [&](Index other) { keeps |= fate_[other] == Fate::Stays && nodes_[other].type != NodeType::Skipped; });
    return keeps;
  }

  /// What came after a daemon that is started again stands below its graph until it is the daemon's child again, which it never is
  /// when that does not come up.
  void keep_reachable() {
    for (Index i = 0; i < nodes_.size(); ++i) {
      if (fate_[i] == Fate::Goes || boundary_[i] == kNone || parents_[i].empty() || fate_[boundary_[i]] == Fate::Goes) continue;
      const auto& above = parents_[i];
      if (!std::all_of(above.begin(), above.end(), [&](Index parent) { return fate_[parent] == Fate::Goes; })) continue;
      nodes_[boundary_[i]].children.push_back(nodes_[i].id);
      has_lent_[boundary_[i]] = true;
    }
  }

  [[nodiscard]] bool was_daemon(const Node& node) const {
    if (node.type != NodeType::Pod || node.phase != Phase::Succeeded || node.ip.empty()) return false;
    return is_daemon(plan_, node);
  }

  static void reset(Node& node, Time now) {
    node.phase = Phase::Running;
    node.message.clear();
    node.started = now;
    node.finished.reset();
    node.outputs.reset();
    node.outbound_nodes.clear();
    node.daemoned = false;
    node.locked = false;
    if (node.memo->hit) node.memo.edit().hit = false;
  }

  const workflow::Plan& plan_;
  const RetryRequest& request_;
  std::vector<Node> nodes_;
  std::vector<std::vector<Index>> children_, parents_;
  std::vector<Index> boundary_;
  std::vector<Fate> fate_;
  std::vector<bool> has_lent_;  ///< graphs that have children of others for a while
};

}  // namespace

Result<void> check_retry(RunPhase phase, const RetryRequest& request) {
  if (phase == RunPhase::Failed || phase == RunPhase::Error) return {};
  if (phase != RunPhase::Succeeded) {
    return fail(Code::InvalidArgument, "Cannot retry a workflow in phase " + std::string(run_phase_name(phase)));
  }
  if (request.restart_successful && request.selected) return {};
  return fail(Code::InvalidArgument,
              "To retry a succeeded workflow, set the options restartSuccessful and nodeFieldSelector");
}

Result<RetriedRun> retry_run(const RunInfo& info, const workflow::Plan& plan, const RunStatus& status,
                             std::vector<Node> nodes, const RetryRequest& request, Time now) {
  if (auto possible = check_retry(status.phase, request); !possible) return fail(possible.error());
  Retrier retrier(plan, request, std::move(nodes));
  retrier.delete_exit_handler(info);
  retrier.decide();
  RetriedRun out = std::move(retrier).result(now);
  out.status = status;
  out.status.phase = plan.locks.empty() ? RunPhase::Running : RunPhase::Pending;  // it has to get its locks again
  out.status.message.clear();
  out.status.started = now;
  out.status.finished.reset();
  out.status.shutdown = Shutdown::None;
  ++out.status.retries;
  return out;
}

}  // namespace gantry::engine
