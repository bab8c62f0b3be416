// check_workflow_references(): the walk over a workflow's texts, each with the names that are in
// scope there.

#include <unordered_map>
#include <utility>

#include "workflow/argo/references.h"
#include "workflow/depends.h"

namespace gantry::workflow::argo {
namespace {

constexpr std::size_t kNowhere = ~std::size_t{0};

std::string concat(std::initializer_list<std::string_view> parts) {
  std::string out;
  for (const std::string_view part : parts) out += part;
  return out;
}

/// Which tasks a DAG task depends on, directly or not.
class Ancestry {
 public:
  explicit Ancestry(const std::vector<DagTask>& tasks)
      : dependencies_(tasks.size()), seen_(tasks.size(), 0) {
    for (std::size_t i = 0; i < tasks.size(); ++i) numbers_.emplace(tasks[i].name.value, i);
    for (std::size_t i = 0; i < tasks.size(); ++i) {
      if (tasks[i].depends.empty()) {
        for (const Str& name : tasks[i].dependencies.value) {
          if (const std::size_t task = find(name.value); task != kNowhere)
            dependencies_[i].push_back(task);
        }
        continue;
      }
      // One name that does not exist is no reason to forget the others, which come after it in the
      // source.
      const auto depends = Depends::parse(tasks[i].depends.value, [&](std::string_view name) {
        const std::size_t task = find(name);
        if (task != kNowhere) dependencies_[i].push_back(task);
        return static_cast<std::uint32_t>(task == kNowhere ? i : task);
      });
      broken_ |= !depends;
    }
  }

  [[nodiscard]] std::size_t find(std::string_view name) const {
    const auto found = numbers_.find(name);
    return found == numbers_.end() ? kNowhere : found->second;
  }

  /// A `depends` that cannot be read may mean any task.
  [[nodiscard]] bool broken() const { return broken_; }

  bool is_ancestor(std::size_t ancestor, std::size_t task) {
    const auto& direct = dependencies_[task];
    if (std::find(direct.begin(), direct.end(), ancestor) != direct.end()) return true;
    ++round_;
    std::vector<std::size_t> open = {task};
    while (!open.empty()) {
      const std::size_t at = open.back();
      open.pop_back();
      for (const std::size_t dependency : dependencies_[at]) {
        if (dependency == ancestor) return true;
        if (std::exchange(seen_[dependency], round_) != round_) open.push_back(dependency);
      }
    }
    return false;
  }

 private:
  std::unordered_map<std::string_view, std::size_t> numbers_;
  std::vector<std::vector<std::size_t>> dependencies_;
  std::vector<std::uint64_t> seen_;  ///< the last search that came by
  std::uint64_t round_ = 0;
  bool broken_ = false;
};

class ReferenceCheck {
 public:
  ReferenceCheck(const Workflow& workflow, const Resolution& resolution, bool lint, Diagnostics& diagnostics)
      : workflow_(workflow),
        resolution_(resolution),
        lint_(lint),
        diagnostics_(diagnostics),
        everywhere_(workflow_names(workflow)),
        handler_(&everywhere_) {
    add_exit_handler_names(handler_);
    add_global_outputs(resolution, everywhere_);
    for (const Template& tmpl : workflow.spec.templates.value)
      templates_.emplace(tmpl.name.value, &tmpl);
  }

  void run() {
    const WorkflowSpec& spec = workflow_.spec;
    for (const Parameter& argument : spec.arguments.parameters.value) {
      check(argument.value, everywhere_, concat({"spec.arguments.", argument.name.value}));
    }
    for (const Artifact& argument : spec.arguments.artifacts.value) {
      artifact(argument, everywhere_, concat({"spec.arguments.", argument.name.value}));
    }
    // The volumes of the spec are filled in where a pod uses them, so names of every kind of place
    // may stand there.
    NameSet anywhere(&everywhere_);
    for (const char* prefix : {"inputs.", "steps.", "tasks.", "item.", "pod."})
      anywhere.add_prefix(prefix);
    volumes(spec.volumes, anywhere, "spec.volumes");

    mark_main(find(spec.entrypoint.value));
    std::unordered_set<const Template*> checked;
    for (const Template* tmpl : resolution_.templates) {
      if (checked.insert(tmpl).second) check_template(*tmpl);
    }
  }

 private:
  [[nodiscard]] const Template* find(std::string_view name) const {
    const auto found = templates_.find(name);
    return found == templates_.end() ? nullptr : found->second;
  }

  /// Marks what the entrypoint reaches: workflow.failures is for the other templates.
  void mark_main(const Template* entry) {
    std::vector<const Template*> open;
    const auto reach = [&](const Template* tmpl) {
      if (tmpl != nullptr && main_.insert(tmpl).second) open.push_back(tmpl);
    };
    const auto call = [&](const Call& written) {
      reach(callee(written));
      reach(resolved(&written.on_exit));
      for (const NamedHook& hook : written.hooks.value) reach(hook_callee(hook.value));
    };
    reach(entry);
    while (!open.empty()) {
      const Template* tmpl = open.back();
      open.pop_back();
      for (const StepGroup& group : tmpl->steps.value) {
        for (const Step& step : group.steps) call(step);
      }
      for (const DagTask& task : tmpl->dag.tasks.value) call(task);
    }
  }

  void check_template(const Template& tmpl) {
    const bool has_handler = !workflow_.spec.on_exit.empty() || !workflow_.spec.hooks.value.empty();
    const bool handler = has_handler && !main_.contains(&tmpl);
    const bool retried = workflow_.spec.retry_strategy.set;
    const NameSet own = template_names(tmpl, handler ? handler_ : everywhere_, retried);
    const std::string where = concat({"templates.", tmpl.name.value, ":"});
    for (const Parameter& input : tmpl.inputs.parameters.value) {
      check(input.value, own, where);
      check(input.default_value, own, where);
    }
    for (const Artifact& input : tmpl.inputs.artifacts.value) artifact(input, own, where);
    location(tmpl.archive_location, own, where);
    for (const KeyValue& annotation : tmpl.annotations.value) check(annotation.value, own, where);
    check(tmpl.active_deadline_seconds, own, where);
    check(tmpl.timeout, own, where);
    check(tmpl.retry_strategy.limit, own, where);
    for (const Str* text : {static_cast<const Str*>(&tmpl.retry_strategy.backoff.duration),
                            static_cast<const Str*>(&tmpl.retry_strategy.backoff.factor),
                            static_cast<const Str*>(&tmpl.retry_strategy.backoff.cap),
                            &tmpl.retry_strategy.backoff.max_duration, &tmpl.memoize.key, &tmpl.memoize.max_age,
                            &tmpl.memoize.cache.config_map.name, static_cast<const Str*>(&tmpl.suspend.duration)}) {
      check(*text, own, where);
    }
    for (const MutexRef& mutex : tmpl.synchronization.mutexes.value) check(mutex.name, own, where);
    for (const SemaphoreRef& semaphore : tmpl.synchronization.semaphores.value)
      selector(semaphore.config_map_key_ref, own, where);
    volumes(tmpl.volumes, own, where);
    container(tmpl.container, own, where);
    container(tmpl.script, own, where);
    check(tmpl.script.source, own, where);
    http(tmpl.http, own, where);
    location(tmpl.data.source.artifact_paths, own, where);
    for (const Node* node : tmpl.unread) items(*node, own, where);
    if (tmpl.steps.set) {
      steps(tmpl, own);
    } else if (tmpl.dag.set) {
      dag(tmpl, own);
    } else {
      outputs(tmpl, own, where);
    }
  }

  void steps(const Template& tmpl, const NameSet& own) {
    struct Place {
      std::size_t group, step;
    };
    std::unordered_map<std::string_view, Place> places;
    std::size_t current = 0, current_step = 0;
    NameSet names(&own);
    names.set_nodes("steps", [&](std::string_view step) -> std::optional<NameSet::Reason> {
      const auto [group, number] = places.at(step);
      if (group < current) return std::nullopt;
      if (group > current) return NameSet::Reason{concat({"step '", step, "' comes later"})};
      return NameSet::Reason{concat({"step '", step, "' is in the same group"}), number >= current_step};
    });
    const auto& groups = tmpl.steps.value;
    for (std::size_t i = 0; i < groups.size(); ++i) {
      for (const Step& step : groups[i].steps) {
        places.emplace(step.name.value, Place{i, places.size()});
        names.add_node(step.name.value, callee(step));
      }
    }
    const std::string where = concat({"templates.", tmpl.name.value, ".steps"});
    for (; current < groups.size(); ++current) {
      for (const Step& step : groups[current].steps) {
        current_step = places.at(step.name.value).step;
        NameSet with_item(&names);
        with_item.add_items(step);
        loop(step, names, where);
        check(step.when, with_item, where);
        for (const Parameter& argument : step.arguments.parameters.value)
          check(argument.value, with_item, where);
        for (const Artifact& argument : step.arguments.artifacts.value) artifact(argument, with_item, where);
      }
    }
    outputs(tmpl, names, concat({"templates.", tmpl.name.value, ".outputs"}));
  }

  void dag(const Template& tmpl, const NameSet& own) {
    const auto& tasks = tmpl.dag.tasks.value;
    Ancestry ancestry(tasks);
    std::size_t current = kNowhere;
    NameSet names(&own);
    names.set_nodes("tasks", [&](std::string_view name) -> std::optional<NameSet::Reason> {
      if (current == kNowhere || ancestry.broken()) return std::nullopt;
      const std::size_t task = ancestry.find(name);
      if (task == current) return NameSet::Reason{"a task does not know itself", false};
      if (ancestry.is_ancestor(task, current)) return std::nullopt;
      return NameSet::Reason{concat({"'", tasks[current].name.value, "' does not depend on '", name, "'"}), false};
    });
    for (const DagTask& task : tasks) names.add_node(task.name.value, callee(task));
    for (current = 0; current < tasks.size(); ++current) {
      const DagTask& task = tasks[current];
      const std::string where = concat({"templates.", tmpl.name.value, ".tasks.", task.name.value});
      NameSet with_item(&names);
      with_item.add_items(task);
      loop(task, names, where);
      check(task.when, with_item, where);
      for (const Parameter& argument : task.arguments.parameters.value) {
        if (!missing_dependency(argument.value, "parameter", argument.name, names, where))
          check(argument.value, with_item, where);
      }
      for (const Artifact& argument : task.arguments.artifacts.value) {
        if (!missing_dependency(argument.from, "artifact", argument.name, names, where))
          artifact(argument, with_item, where);
      }
    }
    current = kNowhere;
    const std::string where = concat({"templates.", tmpl.name.value, ".outputs"});
    check(tmpl.dag.target, names, concat({"templates.", tmpl.name.value, ".targets"}));
    outputs(tmpl, names, where);
  }

  void loop(const Call& written, const NameSet& names, std::string_view where) {
    if (written.with_items != nullptr) items(*written.with_items, names, where);
    check(written.with_param, names, where);
    check(written.with_sequence.count, names, where);
    check(written.with_sequence.start, names, where);
    check(written.with_sequence.end, names, where);
    check(written.with_sequence.format, names, where);
  }

  void items(const Node& node, const NameSet& names, std::string_view where) {
    if (node.is_scalar()) {
      Str text;
      text.value = node.text;
      text.at = node.at;
      check(text, names, where);
    }
    for (const Node* item : node.items) items(*item, names, where);
    for (const Node::Entry& entry : node.entries) items(*entry.value, names, where);
  }

  /// Argo has words of its own for an argument that begins with another task's output.
  bool missing_dependency(const Str& value, std::string_view kind, const Str& argument, const NameSet& names,
                          std::string_view where) {
    if (!value.value.starts_with("{{tasks.")) return false;
    const auto text = Text::parse(value.value);
    if (!text) return false;
    bool first = true;
    bool missing = false;
    text->for_each_reference([&](std::string_view name) {
      if (!std::exchange(first, false)) return;
      const auto reference = names.node_of(name);
      // Of a status, it says that it cannot be resolved, as everywhere else.
      if (!reference || !reference->hidden || name.ends_with(".status")) return;
      missing = true;
      diagnostics_.error(value.at, concat({where, " missing dependency '", reference->node, "' for ", kind, " '",
                                           argument.value, "'"}));
    });
    return missing;
  }

  void outputs(const Template& tmpl, const NameSet& names, const std::string& where) {
    for (const Parameter& output : tmpl.outputs.parameters.value) {
      check(output.value, names, where);
      check(output.value_from.path, names, where);
      check(output.value_from.parameter, names, where);
      check(output.value_from.default_value, names, where);
    }
    for (const Artifact& output : tmpl.outputs.artifacts.value) artifact(output, names, where);
  }

  void artifact(const Artifact& written, const NameSet& names, std::string_view where) {
    check(written.name, names, where);
    check(written.path, names, where);
    check(written.from, names, where);
    check(written.sub_path, names, where);
    location(written, names, where);
  }

  void location(const ArtifactLocation& written, const NameSet& names, std::string_view where) {
    if (written.node != nullptr) items(*written.node, names, where);
  }

  void container(const Container& written, const NameSet& names, const std::string& where) {
    if (!written.set) return;
    check(written.image, names, where);
    check(written.working_dir, names, where);
    for (const Str& word : written.command.value) check(word, names, where);
    for (const Str& word : written.args.value) check(word, names, where);
    for (const EnvVar& env : written.env.value) {
      check(env.value, names, where);
      selector(env.value_from.config_map_key_ref, names, where);
      selector(env.value_from.secret_key_ref, names, where);
    }
    for (const EnvFromSource& from : written.env_from.value) {
      check(from.config_map_ref.name, names, where);
      check(from.secret_ref.name, names, where);
    }
    for (const VolumeMount& mount : written.volume_mounts.value) {
      check(mount.name, names, where);
      check(mount.mount_path, names, where);
      check(mount.sub_path, names, where);
    }
    for (const auto* amounts : {&written.resources.requests, &written.resources.limits}) {
      for (const KeyQuantity& amount : amounts->value) check(amount.value, names, where);
    }
  }

  void http(const HttpTemplate& written, const NameSet& names, const std::string& where) {
    for (const Str* one : {&written.method, &written.url, &written.body, &written.success_condition}) {
      check(*one, names, where);
    }
    for (const HttpRequestHeader& header : written.headers.value) {
      check(header.name, names, where);
      check(header.value, names, where);
      selector(header.value_from.secret_key_ref, names, where);
    }
  }

  void selector(const KeySelector& written, const NameSet& names, const std::string& where) {
    check(written.name, names, where);
    check(written.key, names, where);
  }

  void volumes(const List<Volume>& written, const NameSet& names, const std::string& where) {
    for (const Volume& volume : written.value) {
      check(volume.name, names, where);
      check(volume.empty_dir.size_limit, names, where);
      check(volume.host_path.path, names, where);
      check(volume.secret.name, names, where);
      check(volume.config_map.name, names, where);
      check(volume.claim.claim_name, names, where);
    }
  }

  [[nodiscard]] const Template* callee(const Call& call) const { return resolved(&call); }
  [[nodiscard]] const Template* hook_callee(const LifecycleHook& hook) const { return resolved(&hook); }
  [[nodiscard]] const Template* resolved(const void* written) const {
    const auto found = resolution_.callees.find(written);
    return found == resolution_.callees.end() ? nullptr : found->second;
  }

  void check(const Str& written, const NameSet& names, std::string_view where) {
    if (written.value.find("{{") == std::string_view::npos) return;
    if (const auto text = Text::parse(written.value))
      check_references(*text, names, written.at, where, lint_, diagnostics_);
  }

  const Workflow& workflow_;
  const Resolution& resolution_;
  const bool lint_;
  Diagnostics& diagnostics_;
  NameSet everywhere_;
  NameSet handler_;
  std::unordered_map<std::string_view, const Template*> templates_;
  std::unordered_set<const Template*> main_;
};

}  // namespace

void check_workflow_references(const Workflow& workflow, const Resolution& resolution, bool lint,
                               Diagnostics& diagnostics) {
  ReferenceCheck(workflow, resolution, lint, diagnostics).run();
}

}  // namespace gantry::workflow::argo
