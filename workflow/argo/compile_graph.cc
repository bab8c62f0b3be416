// Steps and DAG templates → graphs.

#include <algorithm>

#include "workflow/argo/compiler.h"

namespace gantry::workflow::argo {
namespace {

using Edges = std::vector<std::pair<Index, Index>>;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// The submitter's parameters, which are known before the workflow runs.
class ArgumentScope final : public Scope {
 public:
  explicit ArgumentScope(const std::vector<InputParameter>& arguments) : arguments_(arguments) {}

  [[nodiscard]] std::optional<std::string> lookup(std::string_view name) const override {
    constexpr std::string_view kPrefix = "workflow.parameters.";
    if (!name.starts_with(kPrefix)) return std::nullopt;
    name.remove_prefix(kPrefix.size());
    for (const InputParameter& argument : arguments_) {
      if (argument.name == name && argument.value && argument.value->is_literal())
        return argument.value->source();
    }
    return std::nullopt;
  }

 private:
  const std::vector<InputParameter>& arguments_;
};

/// The words of a DAG's `target`.
std::vector<std::string_view> split_words(std::string_view text) {
  std::vector<std::string_view> words;
  for (std::size_t start = 0; start < text.size();) {
    const std::size_t end = std::min(text.find(' ', start), text.size());
    if (end > start) words.push_back(text.substr(start, end - start));
    start = end + 1;
  }
  return words;
}

std::size_t count_of(std::string_view text, std::string_view word) {
  std::size_t count = 0;
  for (std::size_t at = text.find(word); at != std::string_view::npos;
       at = text.find(word, at + word.size()))
    ++count;
  return count;
}

}  // namespace

Graph Compiler::steps(Source& source, const argo::Template& written, const std::string& template_where) {
  const std::string where = template_where + ".steps";
  const auto& groups = written.steps.value;
  Graph graph;
  graph.kind = Graph::Kind::Steps;
  Edges edges;
  std::unordered_map<std::string_view, Mark> names;
  const auto add_barrier = [&](std::size_t group, Mark at) {
    const bool last = group == groups.size();
    graph.tasks.push_back({.kind = Task::Kind::Barrier,
                           .name = last ? std::string() : "[" + std::to_string(group) + "]",
                           .group = static_cast<Index>(group),
                           .at = at});
    return static_cast<Index>(graph.tasks.size() - 1);
  };

  Index barrier = add_barrier(0, groups.empty() ? written.at : groups.front().at);
  for (std::size_t g = 0; g < groups.size(); ++g) {
    const std::string group_where = where + "[" + std::to_string(g) + "]";
    const Index first = barrier + 1;
    for (const Step& step : groups[g].steps) {
      if (step.name.empty()) {
        if (!step.flawed) error(step.at, group_where + ".name is required");
      } else {
        const std::string bad = check_field_name(step.name.value);
        const std::string name = group_where + ".name '" + std::string(step.name.value) + "'";
        if (!bad.empty()) error(step.name.at, name + " is invalid: " + bad);
        const auto [other, fresh] = names.emplace(step.name.value, step.name.at);
        if (!fresh) {
          error(step.name.at,
                name + " is not unique, it is also at line " + std::to_string(other->second.line));
        }
      }
      Task task = call(source, step, group_where + "." + std::string(step.name.value));
      task.group = static_cast<Index>(g);
      edges.emplace_back(barrier, static_cast<Index>(graph.tasks.size()));
      graph.tasks.push_back(std::move(task));
    }
    const Index next = add_barrier(g + 1, g + 1 < groups.size() ? groups[g + 1].at : groups[g].at);
    for (Index member = first; member < next; ++member) edges.emplace_back(member, next);
    if (first == next) edges.emplace_back(barrier, next);
    barrier = next;
  }
  graph.connect(edges);
  return graph;
}

void Compiler::dag_names(const argo::Template& written, const std::string& where) {
  const auto& tasks = written.dag.tasks.value;
  check_names(tasks, where + ".tasks", false);
  const bool depends = std::any_of(tasks.begin(), tasks.end(),
                                   [](const DagTask& task) { return !task.depends.empty(); });
  const DagTask* mixed = nullptr;
  for (const DagTask& task : tasks) {
    const bool dependencies = !task.dependencies.value.empty();
    if ((depends || dependencies) && !task.name.empty() && is_digit(task.name.value.front())) {
      error(task.name.at,
            where + ".tasks." + std::string(task.name.value) +
                " name cannot begin with a digit when using either 'depends' or 'dependencies'");
    }
    if (depends && dependencies && mixed == nullptr) {
      mixed = &task;
      error(task.dependencies.at,
            where +
                " cannot use both 'depends' and 'dependencies' in the same DAG template");
    }
    if (depends && task.continue_on.set) {
      error(task.continue_on.at, where +
                                     " cannot use 'continueOn' when using 'depends'. Instead use "
                                     "'dep-task.Failed'/'dep-task.Errored'");
    }
  }
}

bool Compiler::has_cycle(const argo::Template& written, const std::string& where,
                         const std::vector<std::vector<Index>>& dependencies) {
  enum class State : std::uint8_t { New, Open, Done };
  std::vector<State> state(dependencies.size(), State::New);
  struct Visit {
    Index task;
    std::size_t next;
  };
  std::vector<Visit> path;  // not recursive: a chain may be as long as the file
  for (Index root = 0; root < dependencies.size(); ++root) {
    if (state[root] != State::New) continue;
    path.push_back({root, 0});
    state[root] = State::Open;
    while (!path.empty()) {
      Visit& top = path.back();
      if (top.next == dependencies[top.task].size()) {
        state[top.task] = State::Done;
        path.pop_back();
        continue;
      }
      const Index next = dependencies[top.task][top.next++];
      if (state[next] == State::New) {
        state[next] = State::Open;
        path.push_back({next, 0});
      } else if (state[next] == State::Open) {
        auto from = std::find_if(path.begin(), path.end(),
                                 [&](const Visit& visit) { return visit.task == next; });
        std::string cycle;
        constexpr std::ptrdiff_t kShown = 20;
        if (path.end() - from > kShown) {
          cycle = "…->";
          from = path.end() - kShown;
        }
        for (; from != path.end(); ++from) {
          cycle += std::string(written.dag.tasks.value[from->task].name.value) + "->";
        }
        error(written.dag.tasks.value[next].at,
              where +
                  ".tasks dependency cycle detected: " + cycle +
                  std::string(written.dag.tasks.value[next].name.value));
        return true;
      }
    }
  }
  return false;
}

std::vector<Index> Compiler::targets(const argo::Template& written, Graph& graph, const std::string& template_where,
                                     const std::vector<std::vector<Index>>& dependencies) {
  const auto& tasks = written.dag.tasks.value;
  std::vector<Index> out;
  const auto leaves = [&] {
    std::vector<bool> needed(tasks.size(), false);
    for (const auto& list : dependencies) {
      for (const Index task : list) needed[task] = true;
    }
    for (Index task = 0; task < tasks.size(); ++task) {
      if (!needed[task]) out.push_back(task);
    }
    // The first of them that went wrong gives the DAG its phase, and upstream asks them in this order
    // (argo-workflows workflow/controller/dag.go findLeafTaskNames).
    std::sort(out.begin(), out.end(), [&](Index a, Index b) { return tasks[a].name.value < tasks[b].name.value; });
    return out;
  };
  if (written.dag.target.empty()) return leaves();
  const Str& target = written.dag.target;
  const std::string where = template_where + ".targets";
  const Text source = text(target, where);
  const auto names = source.render(ArgumentScope(plan_.arguments));
  if (!names) {
    graph.target = source;
    return leaves();
  }
  for (const std::string_view name : split_words(*names)) {
    const auto found = std::find_if(tasks.begin(), tasks.end(),
                                    [&](const DagTask& task) { return task.name.value == name; });
    if (found == tasks.end()) {
      error(target.at, where + ": target '" + std::string(name) + "' is not defined");
      continue;
    }
    const Index task = static_cast<Index>(found - tasks.begin());
    if (std::find(out.begin(), out.end(), task) == out.end()) out.push_back(task);
  }
  return out;
}

Graph Compiler::dag(Source& source, const argo::Template& written, const std::string& where) {
  const auto& tasks = written.dag.tasks.value;
  Graph graph;
  graph.kind = Graph::Kind::Dag;
  graph.dag_fail_fast = !written.dag.fail_fast.set || written.dag.fail_fast.value;
  if (tasks.empty() && !written.dag.flawed)
    error(written.dag.at, where + " must have at least one task");
  dag_names(written, where);

  std::unordered_map<std::string_view, Index> by_name;
  std::vector<std::string_view> names;
  by_name.reserve(tasks.size());
  for (const DagTask& task : tasks) {
    by_name.emplace(task.name.value, static_cast<Index>(names.size()));
    names.push_back(task.name.value);
  }
  const auto find_task = [&](std::string_view name) {
    const auto found = by_name.find(name);
    return found == by_name.end() ? kNone : found->second;
  };

  // Every task's condition, in the numbers of the written tasks.
  std::vector<std::vector<Index>> dependencies(tasks.size());
  std::vector<Depends> conditions(tasks.size());
  const auto accepts = [&](Index task) {
    const argo::ContinueOn& on = tasks[task].continue_on;
    return Depends::Accepts{.failed = on.failed.value, .error = on.error.value};
  };
  bool complete = true;
  for (Index i = 0; i < tasks.size(); ++i) {
    const DagTask& task = tasks[i];
    const std::string task_where = where + ".tasks." + std::string(task.name.value);
    graph.tasks.push_back(call(source, task, task_where));
    if (!task.depends.empty()) {
      auto parsed = Depends::parse(task.depends.value, find_task, names);
      if (!parsed) {
        complete = false;
        error(task.depends.at, task_where + " " + parsed.error().message);
        continue;
      }
      for (const Index loop : parsed->items_tasks()) {
        if (tasks[loop].is_loop()) continue;
        error(task.depends.at,
              task_where + " dependency '" + std::string(names[loop]) +
                  "' uses an items-based condition such as .AnySucceeded or .AllFailed but does "
                  "not contain any items");
      }
      conditions[i] = std::move(*parsed);
      dependencies[i] = conditions[i].tasks();
    } else {
      for (const Str& name : task.dependencies.value) {
        const Index dependency = find_task(name.value);
        if (dependency == kNone) {
          complete = false;
          error(name.at, task_where + " dependency '" + std::string(name.value) + "' not defined");
        } else {
          dependencies[i].push_back(dependency);
        }
      }
      conditions[i] = Depends::all_of(dependencies[i], accepts);
    }
  }
  if (has_cycle(written, where, dependencies) || !complete) return graph;
  graph.targets = targets(written, graph, where, dependencies);

  // Only what the targets need runs at all, so nothing else gets into the plan.
  std::vector<Index> number(tasks.size(), kNone);
  std::vector<Index> written_number;
  if (written.dag.target.empty() || graph.target) {
    for (Index i = 0; i < tasks.size(); ++i) number[i] = i;
  } else {
    std::vector<Index> wanted = graph.targets;
    for (const Index task : wanted) number[task] = 0;
    while (!wanted.empty()) {
      const Index task = wanted.back();
      wanted.pop_back();
      for (const Index dependency : dependencies[task]) {
        if (number[dependency] == kNone) {
          number[dependency] = 0;
          wanted.push_back(dependency);
        }
      }
    }
    Index next = 0;
    std::vector<Task> kept;
    for (Index i = 0; i < tasks.size(); ++i) {
      if (number[i] == kNone) continue;
      number[i] = next++;
      written_number.push_back(i);
      kept.push_back(std::move(graph.tasks[i]));
    }
    graph.tasks = std::move(kept);
    for (Index& target : graph.targets) target = number[target];
  }

  Edges edges;
  const bool renumbered = graph.tasks.size() != tasks.size();
  for (Index i = 0; i < tasks.size(); ++i) {
    if (number[i] == kNone) continue;
    for (Index& dependency : dependencies[i]) {
      dependency = number[dependency];
      edges.emplace_back(dependency, number[i]);
    }
    if (renumbered && !tasks[i].depends.empty()) {
      const auto renamed = [&](std::string_view name) {
        const Index task = find_task(name);
        return task == kNone ? kNone : number[task];
      };
      conditions[i] = *Depends::parse(tasks[i].depends.value, renamed);
    } else if (renumbered) {
      conditions[i] = Depends::all_of(dependencies[i],
                                      [&](Index task) { return accepts(written_number[task]); });
    }
    graph.tasks[number[i]].depends = std::move(conditions[i]);
  }
  graph.connect(edges);
  return graph;
}

void Compiler::captured_results(const workflow::Template& owner, Graph& graph) {
  constexpr std::string_view kResult = ".outputs.result";
  const std::string_view kind = graph.kind == Graph::Kind::Steps ? "steps." : "tasks.";
  std::unordered_map<std::string_view, Task*> calls;
  for (Task& task : graph.tasks) {
    if (task.kind == Task::Kind::Call) calls.emplace(task.name, &task);
  }
  const auto look = [&](const Text& text) {
    if (text.is_literal()) return;
    auto mentions = static_cast<std::ptrdiff_t>(count_of(text.source(), kResult));
    text.for_each_reference([&](const Reference& reference) {
      const std::string_view name = reference.name;
      if (!name.starts_with(kind) || !name.ends_with(kResult)) return;
      --mentions;
      const auto found =
          calls.find(name.substr(kind.size(), name.size() - kind.size() - kResult.size()));
      if (found != calls.end()) found->second->captures_result = true;
    });
    // A name that is put together while the run goes on may mean any of them.
    if (mentions > 0) {
      for (const auto& [name, task] : calls) task->captures_result = true;
    }
  };
  const auto formula = [&](const std::optional<Formula>& written) {
    if (!written) return;
    if (written->text) return look(*written->text);
    written->parsed.for_each_path([&](const expr::Expression::PathUse& path) {
      if (!path.name.starts_with(kind)) return;
      const std::string_view node = path.name.substr(kind.size());
      for (const auto& [name, task] : calls) {
        // A path that ends early may read any of what is below it.
        if (node == std::string(name) + std::string(kResult) || node == std::string(name) + ".outputs" || node == name) {
          task->captures_result = true;
        }
      }
    });
  };
  const auto artifacts = [&](const std::vector<workflow::Artifact>& list) {
    for (const workflow::Artifact& artifact : list) {
      if (artifact.from) look(*artifact.from);
      if (artifact.sub_path) look(*artifact.sub_path);
      if (artifact.location) artifact.location->for_each_text(look);
      formula(artifact.from_expression);
    }
  };
  for (const Task& task : graph.tasks) {
    if (task.when) look(*task.when);
    for (const Argument& argument : task.arguments) look(argument.value);
    artifacts(task.artifacts);
    if (task.loop && task.loop->items_template) task.loop->items_template->for_each_text(look);
    if (task.loop && task.loop->param) look(*task.loop->param);
    if (task.loop) {
      for (const auto* number : {&task.loop->count, &task.loop->start, &task.loop->end}) {
        if (*number) look(**number);
      }
    }
    for (const Hook& hook : task.hooks) {
      for (const Argument& argument : hook.arguments) look(argument.value);
      artifacts(hook.artifacts);
      formula(hook.expression);
    }
  }
  for (const OutputParameter& output : owner.outputs) {
    if (output.parameter) look(*output.parameter);
    if (output.value) look(*output.value);
    formula(output.expression);
  }
  artifacts(owner.output_artifacts);
}

}  // namespace gantry::workflow::argo
