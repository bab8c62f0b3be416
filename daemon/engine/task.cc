// One task of a graph: `when`, loops, arguments, and its members (argo-workflows workflow/controller/{steps,dag}.go,
// operator.go processItem, expandSequence).

#include <algorithm>

#include "daemon/engine/carry_over.h"
#include "daemon/engine/impl.h"
#include "workflow/go_format.h"
#include "workflow/when.h"

namespace gantry::engine {

using workflow::Graph;
using workflow::Item;
using workflow::Loop;
using workflow::Task;

std::string Engine::Impl::task_node_name(const Call& call, Index task) const {
  const Task& t = call.graph->graph->tasks[task];
  if (t.kind == Task::Kind::Barrier) return call.node->name + t.name;
  return member_node_name(call, task, t.name);
}

std::string Engine::Impl::member_node_name(const Call& call, Index task, const std::string& name) const {
  const Task& t = call.graph->graph->tasks[task];
  if (t.group != kNone) return call.node->name + "[" + std::to_string(t.group) + "]." + name;
  return call.node->name + "." + name;
}

// ---- resolving ----

/// A number of withSequence.
static Result<std::int64_t> number_of(const workflow::Text& text, const CallScope& scope) {
  auto rendered = render(text, scope);
  if (!rendered) return fail(rendered.error());
  char* end = nullptr;
  errno = 0;
  const std::int64_t value = std::strtoll(rendered->c_str(), &end, 10);
  if (rendered->empty() || *end != '\0') {
    return fail(Code::InvalidArgument, "strconv.Atoi: parsing \"" + *rendered + "\": invalid syntax");
  }
  if (errno == ERANGE) {
    return fail(Code::InvalidArgument, "strconv.Atoi: parsing \"" + *rendered + "\": value out of range");
  }
  return value;
}

/// What one loop may make: enough for any real one, and not so many that a typing error eats the host.
constexpr std::int64_t kMostItems = 1'000'000;

static Result<std::vector<Item>> sequence(const Loop& loop, const CallScope& scope) {
  std::int64_t start = 0, end = 0;
  if (loop.start) {
    auto value = number_of(*loop.start, scope);
    if (!value) return fail(value.error());
    start = *value;
  }
  if (loop.end) {
    auto value = number_of(*loop.end, scope);
    if (!value) return fail(value.error());
    end = *value;
  } else {
    auto count = number_of(*loop.count, scope);
    if (!count) return fail(count.error());
    if (*count == 0) return std::vector<Item>();
    end = start + *count - 1;
  }
  if (std::max(start, end) - std::min(start, end) >= kMostItems) {
    return fail(Code::InvalidArgument, "withSequence makes more than " + std::to_string(kMostItems) + " items");
  }
  std::string format = "%d";
  if (loop.format) {
    auto text = render(*loop.format, scope);
    if (!text) return fail(text.error());
    if (!text->empty()) format = std::move(*text);
  }
  std::vector<Item> items;
  const std::int64_t step = start <= end ? 1 : -1;
  for (std::int64_t i = start;; i += step) {
    items.push_back(workflow::text_item(workflow::go_format_integer(format, i)));
    if (i == end) break;
  }
  return items;
}

static std::string trimmed(const std::string& text) {
  const auto begin = text.find_first_not_of(" \t\r\n");
  return begin == std::string::npos ? "" : text.substr(begin, text.find_last_not_of(" \t\r\n") + 1 - begin);
}

/// `never_runs`: `when` is false whatever the item; then a list that cannot be resolved counts as empty.
Result<std::vector<Item>> Engine::Impl::items_of(Call& call, const Loop& loop, bool never_runs) {
  if (loop.kind == Loop::Kind::Items && !loop.items_template) return loop.items;
  const CallScope scope(*call.live, call, now_);
  const auto resolve = [&]() -> Result<std::vector<Item>> {
    if (loop.kind == Loop::Kind::Sequence) return sequence(loop, scope);
    const bool param = loop.kind == Loop::Kind::Param;
    auto text = param ? render(*loop.param, scope)
                      : loop.items_template->render([&](const workflow::Text& one) { return render(one, scope); });
    if (!text) return fail(text.error());
    auto items = workflow::parse_items(*text);
    if (items) return items;
    return fail(Code::InvalidArgument, std::string(param ? "withParam" : "withItems") +
                                           " value could not be parsed as a JSON list: " + trimmed(*text) + ": " +
                                           items.error().message);
  };
  auto items = resolve();
  if (!items && never_runs) return std::vector<Item>();
  return items;
}

Result<void> Engine::Impl::resolve_task(Call& call, Index task) {
  const Task& t = call.graph->graph->tasks[task];
  TaskRecord& record = call.graph->tasks[task];
  record.begun = true;
  if (!t.loop) {
    record.members.reserve(1);
    Member& member = record.members.emplace_back();
    member.name = t.name;
    record.unfinished = 1;
    return resolve_member(call, task, member, nullptr);
  }
  bool never_runs = false;
  if (t.when) {
    // It may name the item; then it says nothing yet.
    auto text = render(*t.when, CallScope(*call.live, call, now_));
    auto wanted = text ? workflow::evaluate_when(*text) : fail(text.error());
    never_runs = wanted && !*wanted;
  }
  auto items = items_of(call, *t.loop, never_runs);
  if (!items) return fail(items.error());
  record.unfinished = static_cast<Index>(items->size());
  record.members.reserve(items->size());
  for (std::size_t i = 0; i < items->size(); ++i) {
    const Item& item = (*items)[i];
    Member& member = record.members.emplace_back();
    member.name = workflow::expansion_name(t.name, i, item);
    if (auto resolved = resolve_member(call, task, member, &item); !resolved) return resolved;
  }
  return {};
}

/// `when`, then the arguments; they are left alone when `when` is false. In a loop, a `when` that cannot be evaluated
/// is the member's error.
Result<void> Engine::Impl::resolve_member(Call& call, Index task, Member& member, const Item* item) {
  const Task& t = call.graph->graph->tasks[task];
  Live& live = *call.live;
  member.resolved = std::make_unique<Member::Resolved>();
  if (const Node* stored = live.restored ? live.run.find(member_node_name(call, task, member.name)) : nullptr) {
    // An earlier life of the daemon looked at this; what it found stands. What went wrong goes wrong again, and then ends
    // more than itself.
    if (stored->type == NodeType::Skipped && stored->phase != Phase::Error && !is_carried_over(*stored)) {
      member.resolved->skip = stored->message;
      return {};
    }
  }
  const CallScope scope(live, call, now_, item);
  if (t.when) {
    auto text = render(*t.when, scope);
    if (!text) return fail(text.error());
    auto wanted = workflow::evaluate_when(*text);
    if (!wanted && item == nullptr) return fail(wanted.error());
    if (!wanted) {
      member.resolved->error = wanted.error().message;
      return {};
    }
    if (!*wanted) {
      member.resolved->skip = "when '" + *text + "' evaluated false";
      return {};
    }
  }
  auto arguments = resolve_arguments(call, t.arguments, t.artifacts, t.callee, scope);
  if (!arguments) return fail(arguments.error());
  member.resolved->arguments = std::move(*arguments);
  return {};
}

Result<Values> Engine::Impl::resolve_arguments(Call& call, const std::vector<workflow::Argument>& arguments,
                                               const std::vector<workflow::Artifact>& artifacts, Index callee,
                                               const workflow::Scope& scope) {
  Values values;
  std::vector<Parameter>& out = values.parameters;
  const workflow::Template& called = call.live->run.plan->templates[callee];
  const auto* tasks = dynamic_cast<const CallScope*>(&scope);
  for (const auto& argument : arguments) {
    const auto declared = std::find_if(called.inputs.begin(), called.inputs.end(),
                                       [&](auto& input) { return input.name == argument.name; });
    const bool has_default = declared != called.inputs.end() && (declared->value || declared->default_value);
    if (argument.config_map_key) {
      auto value = config_map_value(*call.live, *argument.config_map_key, scope);
      if (value) {
        out.push_back({argument.name, std::move(*value)});
      } else if (!has_default && !argument.config_map_key->optional) {
        return fail(value.error());
      }
      continue;
    }
    // An argument that is exactly one absent output is dropped, so that the input's default applies.
    const auto reference = argument.value.single_reference();
    if (reference && tasks != nullptr && tasks->is_absent(*reference)) {
      if (has_default) continue;
      if (call.graph != nullptr) {
        return fail(Code::NotFound, "inputs.parameters." + argument.name +
                                        ": argument references an absent optional (skipped/omitted node output with no "
                                        "default)");
      }
    }
    auto value = tasks != nullptr ? render(argument.value, *tasks) : argument.value.render(scope);
    if (!value) return fail(value.error());
    out.push_back({argument.name, std::move(*value)});
  }
  auto files = resolve_artifacts(artifacts, scope);
  if (!files) {
    // The words of steps.go; dag.go has none of its own.
    const bool steps = call.graph != nullptr && call.graph->graph->kind == Graph::Kind::Steps;
    return fail(steps ? std::move(files.error()).wrap("unable to resolve references") : std::move(files.error()));
  }
  values.artifacts = std::move(*files);
  return values;
}

// ---- running ----

/// The node of a task that does not run. It is type Skipped whatever its phase.
Node& Engine::Impl::make_skipped(Call& call, Index task, const std::string& name, Phase phase,
                                 const std::string& message) {
  const Task& t = call.graph->graph->tasks[task];
  Node& node = make_node(*call.live, member_node_name(call, task, name), name, NodeType::Skipped,
                         call.live->run.plan->templates[t.callee], call.node->id,
                         call.live->common_of(*call.tmpl).scope);
  if (!workflow::is_fulfilled(node.phase)) {
    node.phase = phase;
    node.message = message;
    node.finished = now_;
    mark(*call.live, node);
  }
  connect(call, task, node);
  return node;
}

/// Puts a node below its parents in the tree that users see.
void Engine::Impl::connect(Call& call, Index task, Node& node) {
  GraphCall& graph = *call.graph;
  Live& live = *call.live;
  TaskRecord& record = graph.tasks[task];
  const Task& t = graph.graph->tasks[task];
  if (!t.template_ref) {
    // called by its name
  } else if (node.template_ref.empty()) {
    node.template_ref = (t.template_ref->cluster_scope ? "cluster:" : "") + t.template_ref->name + "/" +
                        t.template_ref->template_name;
    mark(live, node);
  }
  if (graph.graph->kind == Graph::Kind::Steps) return add_child(live, *graph.group, node);
  if (record.node != nullptr && record.node->type == NodeType::TaskGroup && record.node != &node) {
    return add_child(live, *record.node, node);
  }
  const auto& dependencies = t.depends.tasks();
  if (dependencies.empty()) add_child(live, *call.node, node);
  for (Index dependency : dependencies) {
    for (const SharedText& id : outbound(live, *graph.tasks[dependency].node)) add_child(live, id, node);
  }
}

/// Begins what resolve_task() has found.
void Engine::Impl::begin_members(Call& call, Index task) {
  GraphCall& graph = *call.graph;
  const Task& t = graph.graph->tasks[task];
  TaskRecord& record = graph.tasks[task];
  if (record.members.empty()) {
    record.node = &make_skipped(call, task, t.name, Phase::Skipped, "Skipped, empty params");
    return task_done(call, task);
  }
  if (t.loop && graph.graph->kind == Graph::Kind::Dag) {
    Node& node = make_node(*call.live, task_node_name(call, task), t.name, NodeType::TaskGroup,
                           call.live->run.plan->templates[t.callee], call.node->id,
                         call.live->common_of(*call.tmpl).scope);
    connect(call, task, node);
    record.node = &node;
    run_hooks(call, task, kNone, false);
  }
  // A member may end the whole graph.
  for (Index m = 0; m < record.members.size() && graph.frame != nullptr; ++m) {
    Member& member = record.members[m];
    const bool stored = taking_up_ && call.live->is_stored(member_node_name(call, task, member.name));
    if (graph.halt != Halt::No && !stored) continue;
    const Member::Resolved& to = *member.resolved;
    if (to.error || to.skip) {
      const Phase phase = to.error ? Phase::Error : Phase::Skipped;
      member.node = &make_skipped(call, task, member.name, phase, to.error ? *to.error : *to.skip);
      if (to.error && graph.graph->kind == Graph::Kind::Steps) {
        graph.halt = Halt::Unmade;
        graph.error = *to.error;
        graph.held.clear();
      }
      member_done(call, task, m);
    } else {
      start_or_hold(call, task, m);
    }
  }
}

/// Starts it unless a parallelism limit is reached; stored nodes have passed the limits already.
void Engine::Impl::start_or_hold(Call& call, Index task, Index m) {
  GraphCall& graph = *call.graph;
  Live& live = *call.live;
  Member& member = graph.tasks[task].members[m];
  bool stored = live.is_stored(member_node_name(call, task, member.name));
  // What was begun counts first, wherever it stands.
  if (!stored && call.tmpl->parallelism && (taking_up_ || graph.active >= *call.tmpl->parallelism)) {
    if (taking_up_) graphs_with_room_.push_back(&call);
    member.state = Member::State::Held;
    graph.held.push_back({task, m});
  } else if (!stored && (live.run.status.suspended || is_full(live) || (taking_up_ && live.run.plan->parallelism))) {
    member.state = Member::State::Held;
    live.held.push_back({&call, task, m});
  } else {
    start_member(call, task, m);
  }
}

void Engine::Impl::start_member(Call& call, Index task, Index m) {
  GraphCall& graph = *call.graph;
  TaskRecord& record = graph.tasks[task];
  Member& member = record.members[m];
  const bool stored = taking_up_ && call.live->is_stored(member_node_name(call, task, member.name));
  if ((graph.halt != Halt::No && !stored) || graph.frame == nullptr) return;
  const Task& t = graph.graph->tasks[task];
  member.state = Member::State::Running;
  ++graph.active;
  member.call = make_call(*call.live, &call, Call::Role::Task, t.callee);
  member.call->task = task;
  member.call->member = m;
  member.call->height += graph.graph->height[task];
  // The node comes first, so that its parents have it before it can end.
  NodeType type = type_of(*member.call->tmpl, *call.live->run.plan, false);
  Node& node = make_node(*call.live, member_node_name(call, task, member.name), member.name, type,
                         *member.call->tmpl, call.node->id, call.live->common_of(*call.tmpl).scope);
  connect(call, task, node);
  member.node = &node;
  if (!t.loop) record.node = &node;
  const auto resolved = std::move(member.resolved);
  begin_call(*member.call, node.name, node.display_name, node.boundary_id, std::move(resolved->arguments));
  // Its hooks that run are taken up with it, and not when it changes next.
  if (taking_up_ && graph.frame != nullptr && member.state == Member::State::Running) run_hooks(call, task, m, false);
}

/// Its own call is over; its hooks come before whoever waits for the task.
void Engine::Impl::member_call_ended(Call& call, Index task, Index m) {
  GraphCall& graph = *call.graph;
  Member& member = graph.tasks[task].members[m];
  member.state = Member::State::Hooks;
  if (graph.graph->kind == Graph::Kind::Steps && never_began(*member.call) && graph.halt == Halt::No) {
    // No further member begins, nor a hook of this one (steps.go executeStepGroup).
    graph.halt = Halt::Unmade;
    graph.error = "step group deemed errored due to child " + member.node->name + " error: " + member.node->message;
    graph.held.clear();
    // Those that run already, or ran when the daemon ended, are waited for: they end the member.
    if (taking_up_) run_hooks(call, task, m, false);
    if (!any_runs(member.hooks)) member_done(call, task, m);
    return;
  }
  if (graph.graph->kind == Graph::Kind::Dag && never_began(*member.call)) {
    const std::string words = "task '" + member.node->name + "' errored: ";  // dag.go executeDAGTask
    if (!member.node->message.starts_with(words)) {
      member.node->message.insert(0, words);
      mark(*call.live, *member.node);
    }
  }
  run_hooks(call, task, m, true);
}

void Engine::Impl::member_done(Call& call, Index task, Index m) {
  GraphCall& graph = *call.graph;
  TaskRecord& record = graph.tasks[task];
  Member& member = record.members[m];
  if (member.state == Member::State::Running || member.state == Member::State::Hooks) --graph.active;
  member.state = Member::State::Done;
  if (member.call && member.call->daemon && !workflow::is_fulfilled(member.call->node->phase)) {
    graph.daemons.push_back(std::move(member.call));
  } else if (member.call) {
    bury(member.call);
  }
  if (!graph.graph->tasks[task].loop) record.node = member.node;
  const bool failed = member.node != nullptr && workflow::is_failed_or_error(member.node->phase);
  if (failed && call.tmpl->fail_fast && graph.halt == Halt::No) {
    graph.halt = Halt::FailFast;
    graph.held.clear();
  }
  const bool last = --record.unfinished == 0;
  if (!graph.held.empty() && (graphs_with_room_.empty() || graphs_with_room_.back() != &call)) {
    graphs_with_room_.push_back(&call);
  }
  if (last) {
    members_done(call, task);
  } else {
    finish_graph_when_idle(call);
  }
}

/// The last member of a task is done.
void Engine::Impl::members_done(Call& call, Index task) {
  TaskRecord& record = call.graph->tasks[task];
  Node* group = record.node;
  if (group == nullptr || group->type != NodeType::TaskGroup) return task_done(call, task);
  if (!workflow::is_fulfilled(group->phase)) {
    group->phase = Phase::Succeeded;
    for (const Member& member : record.members) {
      if (member.node != nullptr && workflow::is_failed_or_error(member.node->phase)) group->phase = member.node->phase;
    }
    group->finished = now_;
    mark(*call.live, *group);
  }
  run_hooks(call, task, kNone, true);
}

}  // namespace gantry::engine
