#pragma once

#include "tests/simulation/oracle/oracle.h"

namespace gantry::testing {

using model::Call;
using model::Template;
using model::Value;

/// A text that was looked up.
struct Found {
  enum class State : std::uint8_t {
    Present,
    Absent,   ///< an output of a task that did not run and has no default
    Missing,  ///< nobody wrote it
  };
  State state = State::Missing;
  std::string text;
  static Found present(std::string text) { return {State::Present, std::move(text)}; }
  static Found absent() { return {State::Absent, {}}; }
  static Found missing() { return {State::Missing, {}}; }
  [[nodiscard]] bool is_present() const { return state == State::Present; }
};

/// What became of a call, a task or an item.
struct Outcome {
  const Node* node = nullptr;  ///< null: it was not begun, and did not have to be
  bool ran = false;            ///< neither skipped nor omitted
  bool serves = false;         ///< a daemon: it goes on until the graph ends
  bool carried = false;        ///< taken over from an earlier run
  [[nodiscard]] Phase phase() const { return node->phase; }
  [[nodiscard]] bool failed() const { return node != nullptr && workflow::is_failed_or_error(node->phase); }
  [[nodiscard]] bool succeeded() const {
    return node != nullptr && !serves && (carried || node->phase == Phase::Succeeded);
  }
};

struct Item {
  std::string text, suffix, key;  ///< {{item}}, what stands in names, {{item.k}}
};

/// One doing of a task, resolved.
struct Member {
  std::string name;
  bool skipped = false;
  std::optional<std::string> argument;
};

struct Done {
  const Call* call = nullptr;
  Outcome whole;  ///< its node; of a loop in a DAG the TaskGroup, of one in steps nothing
  std::vector<Outcome> members;
  [[nodiscard]] bool is_loop() const { return call->loop && !members.empty(); }
};

/// A Steps or DAG node while it is looked through.
struct Frame {
  const Template& tmpl;
  std::string name;     ///< full
  std::string input;    ///< the value of p
  bool in_exit = false; ///< part of an exit handler: only `terminate` ends it
  std::map<std::string, Done> done;
  bool incomplete = false;  ///< something was not begun
  bool any_failed = false;
};

/// What must be of a node.
struct Verdict {
  std::set<Phase> phases;
  bool natural = true;  ///< it ended as it does when it is left alone: its outputs are known
  std::map<std::string, std::string> parameters;
  std::set<std::string> artifacts;
  std::optional<std::string> result, exit_code;
  static Verdict of(Phase phase) { return {{phase}, true, {}, {}, {}, {}}; }
};

class Oracle {
 public:
  explicit Oracle(const Case& the_case) : case_(the_case) {}
  std::vector<std::string> judge();

 private:
  struct Role {
    bool in_exit = false;
    bool attempt = false;
    bool task = false;  ///< a step or task, not a hook nor the entry
  };

  // run.cc
  void judge_run();
  void judge_leftovers();
  Outcome begin(const Template& tmpl, const std::string& name, const std::string& input, Role role);
  void check(const Node& node, const Verdict& verdict);
  void complain(const std::string& what) { problems_.push_back(case_.run.info.name + ": " + what); }
  [[nodiscard]] const Node* find(const std::string& name) const;
  [[nodiscard]] bool never_began(const Node& node) const;
  /// When things outside (or inside) of exit handlers were told to end.
  [[nodiscard]] std::optional<Time> cut(bool in_exit) const;
  [[nodiscard]] bool is_cut(const Node& node, bool in_exit) const;
  [[nodiscard]] bool is_kept(const Node& node) const;
  void accept_below(const std::string& name);
  [[nodiscard]] Outcome outcome_of(const Node& node, const Template& tmpl, const Role& role) const;

  // leaf.cc
  Verdict leaf(const Template& tmpl, const Node& node, const std::string& input, Role role);
  Verdict pod(const Template& tmpl, const Node& node, const std::string& input);
  Verdict container_set(const Template& tmpl, const Node& node, Role role);
  Verdict suspend(const Template& tmpl, const Node& node);
  bool was_killed_by_time(const Template& tmpl, const Node& node, const Fate& fate);

  // retry.cc
  Verdict retry(const Template& tmpl, const Node& node, const std::string& input, Role role);
  bool wants_again(const Template& tmpl, const Node& last, int attempts);
  std::optional<Verdict> cached(const Template& tmpl, const Node& node, const std::string& input);

  // graph.cc
  using Resolved = std::vector<std::pair<const Call*, std::vector<Member>>>;  ///< the members of a step group
  bool cannot_begin(Frame& frame, const Resolved& resolved);
  [[nodiscard]] bool goes_on(const Frame& frame, const Resolved& resolved) const;
  static bool continues(const Call& call, Phase phase);
  Verdict graph(const Template& tmpl, const Node& node, const std::string& input, Role role);
  Phase steps(Frame& frame);
  bool open_group(Frame& frame, std::size_t number);
  Phase dag(Frame& frame);
  void dag_task(Frame& frame, const Call& call, std::map<std::string, Phase>& branches);
  bool outputs(Frame& frame, Verdict& verdict);

  // task.cc
  std::optional<std::vector<Member>> resolve(Frame& frame, const Call& call);
  void run_members(Frame& frame, const Call& call, const std::vector<Member>& members, const Node* group);
  Outcome skipped_node(Frame& frame, const std::string& name, Phase phase);
  void run_hooks(Frame& frame, const Call& call, const Outcome& of, bool is_item, bool is_group);
  bool ran_visibly(const Call& call, const Node& node, bool is_group, bool& sure);
  [[nodiscard]] std::string full_name(const Frame& frame, const std::string& task) const;
  [[nodiscard]] std::string full_name(const Frame& frame, const Call& call, const Member& member) const;
  [[nodiscard]] bool may_be_absent(const Frame& frame) const;

  // values.cc
  Found lookup(const Frame& frame, const Value& value, const Item* item);
  Found aggregated(const Done& done, const Value& value);
  std::optional<bool> holds(const Frame& frame, const model::Condition& condition, const Item* item);
  bool depends(const Frame& frame, const model::Depends& condition);
  bool has_result(const Frame& frame, const std::string& task, const std::string& result);
  std::optional<std::vector<Item>> items(const Frame& frame, const model::Loop& loop);

  const Case& case_;
  std::vector<std::string> problems_;
  std::set<std::string> seen_;              ///< nodes that were to be there
  std::vector<std::string> accepted_;       ///< what is below these is taken as it is
};

std::string phase_text(Phase phase);


}  // namespace gantry::testing
