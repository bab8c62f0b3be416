#include "tests/support/plan_dump.h"

#include <sstream>

namespace gantry::workflow {
namespace {

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '\n') {
      out += "\\n";
    } else {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
  }
  return out + '"';
}

std::string quoted(const Text& text) {
  return (text.is_literal() ? "" : "t") + quoted(text.source());
}

class Dump {
 public:
  explicit Dump(const Plan& plan) : plan_(plan) {}

  std::string run() {
    out_ << "entrypoint " << name(plan_.entrypoint) << '\n';
    if (const auto* exit = plan_.exit_hook()) out_ << "onExit " << name(exit->callee) << '\n';
    if (plan_.parallelism) out_ << "parallelism " << *plan_.parallelism << '\n';
    if (plan_.active_deadline_seconds)
      out_ << "activeDeadlineSeconds " << *plan_.active_deadline_seconds << '\n';
    if (plan_.priority) out_ << "priority " << *plan_.priority << '\n';
    if (plan_.suspend) out_ << "suspend\n";
    if (!plan_.service_account_name.empty())
      out_ << "serviceAccountName " << plan_.service_account_name << '\n';
    for (const InputParameter& argument : plan_.arguments) input("argument", "", argument);
    security("", plan_.security);
    for (const Volume& one : plan_.volumes) volume("", one);
    for (const ClaimTemplate& claim : plan_.claim_templates) {
      out_ << "claim " << claim.name << ' ' << claim.storage << '\n';
    }
    for (const Template& one : plan_.templates) body(one);
    return out_.str();
  }

 private:
  std::string name(Index index) const { return index == kNone ? "-" : plan_.templates[index].name; }

  void input(const char* word, const char* indent, const InputParameter& input) {
    out_ << indent << word << ' ' << input.name;
    if (input.value) out_ << " = " << quoted(*input.value);
    if (input.default_value) out_ << " default " << quoted(*input.default_value);
    for (const std::string& one : input.allowed) out_ << " | " << quoted(one);
    out_ << '\n';
  }

  void body(const Template& one) {
    out_ << "\ntemplate " << one.name << " @" << one.at.line << '\n';
    for (const InputParameter& parameter : one.inputs) input("input", "  ", parameter);
    for (const OutputParameter& output : one.outputs) {
      out_ << "  output " << output.name;
      if (output.value) out_ << " = " << quoted(*output.value);
      if (output.path) out_ << " path " << quoted(*output.path);
      if (output.parameter) out_ << " parameter " << quoted(*output.parameter);
      if (output.default_value) out_ << " default " << quoted(*output.default_value);
      out_ << '\n';
    }
    if (one.retry) {
      constexpr const char* kPolicies[] = {"OnFailure", "OnError", "Always", "OnTransientError"};
      out_ << "  retry " << (one.retry->limit ? quoted(*one.retry->limit) : "without limit") << ' '
           << kPolicies[static_cast<int>(one.retry->policy)] << '\n';
    }
    if (one.active_deadline_seconds)
      out_ << "  deadline " << quoted(*one.active_deadline_seconds) << '\n';
    if (one.timeout) out_ << "  timeout " << quoted(*one.timeout) << '\n';
    if (one.parallelism) out_ << "  parallelism " << *one.parallelism << '\n';
    if (one.fail_fast) out_ << "  failFast\n";
    if (one.display_name) out_ << "  display name " << quoted(*one.display_name) << '\n';
    if (one.kind == Template::Kind::Suspend) {
      out_ << "  suspend\n";
    } else if (one.kind == Template::Kind::Graph) {
      graph(plan_.graphs[one.body]);
    } else {
      pod(plan_.pods[one.body]);
    }
  }

  void graph(const Graph& graph) {
    out_ << (graph.kind == Graph::Kind::Steps ? "  steps\n" : "  dag\n");
    if (!graph.dag_fail_fast) out_ << "    failFast false\n";
    for (Index i = 0; i < graph.tasks.size(); ++i) task(graph, i);
    if (!graph.targets.empty()) {
      out_ << "    targets";
      for (const Index target : graph.targets) out_ << ' ' << target;
      out_ << '\n';
    }
  }

  void task(const Graph& graph, Index i) {
    const Task& one = graph.tasks[i];
    out_ << "    " << i << ' ';
    if (one.kind == Task::Kind::Barrier) {
      out_ << "barrier " << quoted(one.name);
    } else {
      out_ << one.name << " calls " << name(one.callee);
    }
    if (one.group != kNone) out_ << " group " << one.group;
    out_ << " waits " << graph.dependency_count[i] << " height " << graph.height[i] << " then";
    for (const Index successor : graph.successors_of(i)) out_ << ' ' << successor;
    out_ << '\n';
    for (const Argument& argument : one.arguments) {
      out_ << "      argument " << argument.name << " = " << quoted(argument.value) << '\n';
    }
    if (one.when) out_ << "      when " << quoted(*one.when) << '\n';
    if (!one.depends.tasks().empty()) {
      out_ << "      depends on";
      for (const Index other : one.depends.tasks()) out_ << ' ' << other;
      out_ << '\n';
    }
    if (one.captures_result) out_ << "      captures result\n";
    if (one.continue_on.failed) out_ << "      continue on failed\n";
    if (one.continue_on.error) out_ << "      continue on error\n";
    if (const auto* exit = one.exit_hook()) out_ << "      onExit " << name(exit->callee) << '\n';
  }

  void texts(const char* word, const std::optional<std::vector<Text>>& list) {
    if (!list) return;
    out_ << "    " << word;
    for (const Text& text : *list) out_ << ' ' << quoted(text);
    out_ << '\n';
  }

  void amounts(const char* word, const Resources::Amounts& amounts) {
    if (amounts.cpu) out_ << "    " << word << " cpu " << quoted(*amounts.cpu) << '\n';
    if (amounts.memory) out_ << "    " << word << " memory " << quoted(*amounts.memory) << '\n';
    if (amounts.ephemeral_storage)
      out_ << "    " << word << " storage " << quoted(*amounts.ephemeral_storage) << '\n';
    for (const auto& [name, amount] : amounts.extended)
      out_ << "    " << word << ' ' << name << ' ' << quoted(amount) << '\n';
  }

  void pod(const PodTemplate& pod) {
    constexpr const char* kPull[] = {"Always", "IfNotPresent", "Never"};
    const Container& main = pod.main;
    out_ << "  pod\n    image " << quoted(main.image);
    if (main.pull_policy) out_ << " pull " << kPull[static_cast<int>(*main.pull_policy)];
    out_ << '\n';
    texts("command", main.command);
    texts("args", main.args);
    if (pod.script_source) out_ << "    script " << quoted(*pod.script_source) << '\n';
    if (!main.working_dir.empty()) out_ << "    in " << quoted(main.working_dir) << '\n';
    if (main.tty) out_ << "    tty\n";
    if (main.stdin_open) out_ << "    stdin\n";
    for (const EnvFrom& from : main.env_from) {
      out_ << "    env from " << object(from.kind) << ' ' << quoted(from.name) << ' ' << from.prefix
           << (from.optional ? " optional" : "") << '\n';
    }
    for (const EnvVar& variable : main.env) {
      out_ << "    env " << variable.name;
      if (variable.key_ref) {
        out_ << " from " << object(variable.key_ref->kind) << ' ' << quoted(variable.key_ref->name)
             << ' ' << quoted(variable.key_ref->key)
             << (variable.key_ref->optional ? " optional" : "");
      } else if (!variable.field_path.empty()) {
        out_ << " from field " << variable.field_path;
      } else {
        out_ << " = " << quoted(variable.value);
      }
      out_ << '\n';
    }
    for (const VolumeMount& mount : main.mounts) {
      out_ << "    mount " << quoted(mount.name) << " at " << quoted(mount.mount_path);
      if (!mount.sub_path.empty()) out_ << " sub " << quoted(mount.sub_path);
      out_ << (mount.read_only ? " read only\n" : "\n");
    }
    amounts("request", main.resources.requests);
    amounts("limit", main.resources.limits);
    security("    container ", main.security);
    security("    pod ", pod.security);
    for (const Volume& one : pod.volumes) volume("    ", one);
  }

  static const char* object(KeyRef::Kind kind) {
    return kind == KeyRef::Kind::Secret ? "secret" : "configMap";
  }

  void security(const char* indent, const SecurityContext& context) {
    const auto flag = [&](const char* word, const std::optional<bool>& value) {
      if (value) out_ << indent << word << ' ' << (*value ? "true" : "false") << '\n';
    };
    const auto number = [&](const char* word, const std::optional<std::int64_t>& value) {
      if (value) out_ << indent << word << ' ' << *value << '\n';
    };
    const auto list = [&](const char* word, const auto& values) {
      if (values.empty()) return;
      out_ << indent << word;
      for (const auto& value : values) out_ << ' ' << value;
      out_ << '\n';
    };
    number("runAsUser", context.run_as_user);
    number("runAsGroup", context.run_as_group);
    number("fsGroup", context.fs_group);
    list("supplementalGroups", context.supplemental_groups);
    flag("runAsNonRoot", context.run_as_non_root);
    flag("privileged", context.privileged);
    flag("allowPrivilegeEscalation", context.allow_privilege_escalation);
    flag("readOnlyRootFilesystem", context.read_only_root_filesystem);
    list("capabilities add", context.capabilities_add);
    list("capabilities drop", context.capabilities_drop);
    if (context.seccomp_type) out_ << indent << "seccomp " << *context.seccomp_type << '\n';
  }

  void volume(const char* indent, const Volume& volume) {
    out_ << indent << "volume " << quoted(volume.name) << ' ';
    if (const auto* empty = std::get_if<EmptyDirVolume>(&volume.source)) {
      out_ << "emptyDir" << (empty->memory ? " memory" : "");
      if (empty->size_limit) out_ << " limit " << quoted(*empty->size_limit);
    } else if (const auto* host = std::get_if<HostPathVolume>(&volume.source)) {
      out_ << "hostPath " << quoted(host->path) << ' ' << host->type;
    } else if (const auto* keys = std::get_if<ObjectVolume>(&volume.source)) {
      out_ << object(keys->kind) << ' ' << quoted(keys->name) << " mode " << keys->default_mode
           << (keys->optional ? " optional" : "");
      for (const auto& item : keys->items) {
        out_ << ' ' << item.key << "->" << item.path;
        if (item.mode) out_ << " mode " << *item.mode;
      }
    } else if (const auto* claim = std::get_if<ClaimVolume>(&volume.source)) {
      out_ << "claim " << quoted(claim->claim_name) << (claim->read_only ? " read only" : "");
    }
    out_ << '\n';
  }

  const Plan& plan_;
  std::ostringstream out_;
};

}  // namespace

std::string dump(const Plan& plan) { return Dump(plan).run(); }

}  // namespace gantry::workflow
