#include "tests/support/plans.h"

#include <algorithm>
#include <cstdlib>

namespace gantry::testing {

using workflow::Depends;
using workflow::Graph;
using workflow::kNone;
using workflow::Plan;
using workflow::Task;
using workflow::Template;
using workflow::Text;

Index PlanBuilder::add_template(const std::string& name, Template::Kind kind, Index body) {
  Template& t = plan_.templates.emplace_back();
  t.name = name;
  t.kind = kind;
  t.body = body;
  return static_cast<Index>(plan_.templates.size() - 1);
}

Index PlanBuilder::pod(const std::string& name) {
  workflow::PodTemplate& pod = plan_.pods.emplace_back();
  pod.main.name = "main";
  pod.main.image = Text::literal("busybox");
  return add_template(name, Template::Kind::Pod, static_cast<Index>(plan_.pods.size() - 1));
}

static Task call_task(const PlanBuilder::Call& call) {
  Task task;
  task.name = call.name;
  task.callee = call.callee;
  task.continue_on = call.continue_on;
  if (!call.when.empty()) task.when = Text::parse(call.when).value();
  return task;
}

Index PlanBuilder::steps(const std::string& name, const std::vector<std::vector<Call>>& groups) {
  Graph graph;
  graph.kind = Graph::Kind::Steps;
  std::vector<std::pair<Index, Index>> edges;
  Index barrier = kNone;
  std::vector<Index> members;
  for (Index g = 0; g <= groups.size(); ++g) {
    Index next = static_cast<Index>(graph.tasks.size());
    Task& b = graph.tasks.emplace_back();
    b.kind = Task::Kind::Barrier;
    b.group = g < groups.size() ? g : kNone;
    b.name = g < groups.size() ? "[" + std::to_string(g) + "]" : "";
    for (Index member : members) edges.push_back({member, next});
    if (barrier != kNone && members.empty()) edges.push_back({barrier, next});
    members.clear();
    barrier = next;
    if (g == groups.size()) break;
    for (const Call& call : groups[g]) {
      members.push_back(static_cast<Index>(graph.tasks.size()));
      edges.push_back({barrier, members.back()});
      graph.tasks.push_back(call_task(call));
      graph.tasks.back().group = g;
    }
  }
  graph.connect(edges);
  plan_.graphs.push_back(std::move(graph));
  return add_template(name, Template::Kind::Graph, static_cast<Index>(plan_.graphs.size() - 1));
}

Index PlanBuilder::dag(const std::string& name, const std::vector<Call>& calls) {
  Graph graph;
  graph.kind = Graph::Kind::Dag;
  std::vector<std::pair<Index, Index>> edges;
  auto resolve = [&](std::string_view task) {
    auto it = std::find_if(calls.begin(), calls.end(), [&](auto& call) { return call.name == task; });
    return it == calls.end() ? kNone : static_cast<Index>(it - calls.begin());
  };
  std::vector<bool> has_successor(calls.size());
  for (Index i = 0; i < calls.size(); ++i) {
    Task task = call_task(calls[i]);
    if (!calls[i].depends.empty()) {
      auto depends = Depends::parse(calls[i].depends, resolve);
      if (!depends) std::abort();
      task.depends = *depends;
      for (Index from : task.depends.tasks()) edges.push_back({from, i}), has_successor[from] = true;
    }
    graph.tasks.push_back(std::move(task));
  }
  graph.connect(edges);
  for (Index i = 0; i < calls.size(); ++i) {
    if (!has_successor[i]) graph.targets.push_back(i);
  }
  plan_.graphs.push_back(std::move(graph));
  return add_template(name, Template::Kind::Graph, static_cast<Index>(plan_.graphs.size() - 1));
}

workflow::PlanPtr PlanBuilder::finish(Index entrypoint) {
  plan_.entrypoint = entrypoint;
  return std::make_shared<const Plan>(std::move(plan_));
}

namespace {

class Randomly {
 public:
  explicit Randomly(std::mt19937_64& random) : random_(random) {}

  workflow::PlanPtr plan() {
    for (int i = 0; i < 2; ++i) {
      Index pod = builder_.pod("pod" + std::to_string(i));
      if (i == 1) builder_.tmpl(pod).retry = workflow::RetryStrategy{Text::literal(std::to_string(below(3))), policy()};
      callable_.push_back(pod);
    }
    int graphs = 1 + static_cast<int>(below(4));
    for (int i = 0; i < graphs; ++i) {
      Index graph = below(2) == 0 ? steps(i) : dag(i);
      if (below(5) == 0) builder_.tmpl(graph).parallelism = 1 + static_cast<Index>(below(3));
      if (below(6) == 0) builder_.tmpl(graph).retry = workflow::RetryStrategy{Text::literal("1"), policy()};
      callable_.push_back(graph);
    }
    if (below(4) == 0) builder_.plan().parallelism = 1 + static_cast<Index>(below(3));
    if (below(3) == 0) {
      workflow::Hook& exit = builder_.plan().hooks.emplace_back();
      exit.name = "exit";
      exit.callee = callable_[below(callable_.size())];
    }
    return builder_.finish(callable_.back());
  }

 private:
  std::size_t below(std::size_t n) { return random_() % n; }

  workflow::RetryStrategy::Policy policy() {
    using Policy = workflow::RetryStrategy::Policy;
    constexpr Policy kPolicies[] = {Policy::OnFailure, Policy::OnError, Policy::Always};
    return kPolicies[below(3)];
  }

  PlanBuilder::Call call(const std::string& name) {
    PlanBuilder::Call c{name, callable_[below(callable_.size())], "", "", {}};
    c.continue_on = {below(6) == 0, below(6) == 0};
    return c;
  }

  Index steps(int number) {
    std::vector<std::vector<PlanBuilder::Call>> groups(1 + below(3));
    std::vector<std::string> earlier;
    for (std::size_t g = 0; g < groups.size(); ++g) {
      std::vector<std::string> names;
      std::size_t members = below(8) == 0 ? 0 : 1 + below(3);
      for (std::size_t m = 0; m < members; ++m) {
        auto c = call("s" + std::to_string(g) + "-" + std::to_string(m));
        if (!earlier.empty() && below(3) == 0) {
          c.when = "{{steps." + earlier[below(earlier.size())] + ".status}} == " + (below(2) ? "Succeeded" : "Failed");
        }
        names.push_back(c.name);
        groups[g].push_back(c);
      }
      earlier.insert(earlier.end(), names.begin(), names.end());
    }
    return builder_.steps("steps" + std::to_string(number), groups);
  }

  Index dag(int number) {
    static const char* kResults[] = {"", ".Succeeded", ".Failed", ".Errored", ".Skipped", ".Omitted"};
    std::vector<PlanBuilder::Call> tasks;
    std::size_t count = 1 + below(6);
    for (std::size_t i = 0; i < count; ++i) {
      auto c = call("t" + std::to_string(i));
      c.continue_on = {};
      for (std::size_t from = 0; from < i; ++from) {
        if (below(3) != 0) continue;
        if (!c.depends.empty()) c.depends += below(2) ? " && " : " || ";
        if (below(6) == 0) c.depends += "!";
        c.depends += tasks[from].name + kResults[below(3) == 0 ? below(6) : 0];
        if (c.when.empty() && below(5) == 0) {
          c.when = "{{tasks." + tasks[from].name + ".status}} == " + (below(2) ? "Succeeded" : "Failed");
        }
      }
      tasks.push_back(c);
    }
    return builder_.dag("dag" + std::to_string(number), tasks);
  }

  std::mt19937_64& random_;
  PlanBuilder builder_;
  std::vector<Index> callable_;
};

}  // namespace

workflow::PlanPtr random_plan(std::mt19937_64& random) { return Randomly(random).plan(); }

}  // namespace gantry::testing
