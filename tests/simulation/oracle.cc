#include "tests/simulation/oracle.h"

#include <cstdlib>

#include "workflow/when.h"

namespace gantry::testing {

using workflow::Graph;
using workflow::Index;
using workflow::kNone;
using workflow::Phase;
using workflow::Task;
using workflow::TaskResult;
using workflow::Template;

namespace {

class Oracle {
 public:
  Oracle(const workflow::Plan& plan, const Ending& ending) : plan_(plan), ending_(ending) {}

  Phase call(Index index, const std::string& name) {
    const Template& t = plan_.templates[index];
    return phases_[name] = t.retry ? retry(t, name) : once(t, name);
  }
  Phases phases_;

 private:
  Phase once(const Template& t, const std::string& name) {
    if (t.kind == Template::Kind::Pod) return phases_[name] = ending_(name);
    const Graph& graph = plan_.graphs[t.body];
    return phases_[name] = graph.kind == Graph::Kind::Steps ? steps(graph, name) : dag(graph, name);
  }

  Phase retry(const Template& t, const std::string& name) {
    using Policy = workflow::RetryStrategy::Policy;
    int limit = std::atoi(t.retry->limit->source().c_str());
    for (int attempt = 0;; ++attempt) {
      Phase phase = once(t, name + "(" + std::to_string(attempt) + ")");
      bool again = (phase == Phase::Failed && t.retry->policy != Policy::OnError) ||
                   (phase == Phase::Error && t.retry->policy != Policy::OnFailure);
      if (!again || attempt >= limit) return phase;
    }
  }

  /// The plans of the tests only ask for the status of one task: `{{steps.a.status}} == X`.
  bool wanted(const Task& task, const std::map<std::string, std::string>& names) {
    if (!task.when) return true;
    struct StatusScope : workflow::Scope {
      const Oracle* oracle;
      const std::map<std::string, std::string>* names;
      std::optional<std::string> lookup(std::string_view name) const override {
        std::string task(name.substr(6, name.rfind('.') - 6));
        return std::string(workflow::phase_name(oracle->phases_.at(names->at(task))));
      }
    } scope;
    scope.oracle = this;
    scope.names = &names;
    return workflow::evaluate_when(task.when->render(scope).value()).value();
  }

  Phase steps(const Graph& graph, const std::string& name) {
    std::map<std::string, std::string> names;
    for (Index barrier = 0; barrier < graph.tasks.size(); ++barrier) {
      if (graph.tasks[barrier].kind != Task::Kind::Barrier || graph.tasks[barrier].group == kNone) continue;
      std::string group = name + "[" + std::to_string(graph.tasks[barrier].group) + "]";
      bool failed = false;
      for (Index i = barrier + 1; graph.tasks[i].kind == Task::Kind::Call; ++i) {
        const Task& task = graph.tasks[i];
        std::string full = group + "." + task.name;
        Phase phase = wanted(task, names) ? call(task.callee, full) : (phases_[full] = Phase::Skipped);
        names[task.name] = full;
        failed |= (phase == Phase::Failed && !task.continue_on.failed) ||
                  (phase == Phase::Error && !task.continue_on.error);
      }
      phases_[group] = failed ? Phase::Failed : Phase::Succeeded;
      if (failed) return Phase::Failed;
    }
    return Phase::Succeeded;
  }

  Phase dag(const Graph& graph, const std::string& name) {
    std::map<std::string, std::string> names;
    std::vector<Phase> own(graph.tasks.size()), branch(graph.tasks.size());
    auto ask = [&](Index task, TaskResult result) {
      switch (result) {
        case TaskResult::Succeeded: return own[task] == Phase::Succeeded;
        case TaskResult::Failed: return own[task] == Phase::Failed;
        case TaskResult::Errored: return own[task] == Phase::Error;
        case TaskResult::Skipped: return own[task] == Phase::Skipped;
        case TaskResult::Omitted: return own[task] == Phase::Omitted;
        default: return false;
      }
    };
    for (Index i = 0; i < graph.tasks.size(); ++i) {  // tasks depend on earlier ones only
      const Task& task = graph.tasks[i];
      std::string full = name + "." + task.name;
      names[task.name] = full;
      if (!task.depends.evaluate(ask)) {
        own[i] = phases_[full] = Phase::Omitted;
      } else if (!wanted(task, names)) {
        own[i] = phases_[full] = Phase::Skipped;
      } else {
        own[i] = call(task.callee, full);
      }
      branch[i] = own[i];
      if (workflow::is_completed(own[i])) continue;
      branch[i] = Phase::Succeeded;
      for (Index from : task.depends.tasks()) {
        if (workflow::is_failed_or_error(branch[from])) {
          branch[i] = branch[from];
          break;
        }
      }
    }
    for (Index target : graph.targets) {
      if (workflow::is_failed_or_error(branch[target])) return branch[target];
    }
    return Phase::Succeeded;
  }

  const workflow::Plan& plan_;
  const Ending& ending_;
};

}  // namespace

Phases expected_phases(const workflow::Plan& plan, const std::string& run_name, const Ending& ending) {
  Oracle oracle(plan, ending);
  oracle.call(plan.entrypoint, run_name);
  if (const auto* exit = plan.exit_hook()) oracle.call(exit->callee, run_name + ".onExit");
  return oracle.phases_;
}

}  // namespace gantry::testing
