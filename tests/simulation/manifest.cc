#include "tests/simulation/manifest.h"

namespace gantry::testing {

using model::Call;
using model::Depends;
using model::Hook;
using model::Lock;
using model::Loop;
using model::Template;
using model::Value;
using model::Workflow;

std::string written(const Value& value, Template::Kind kind) {
  const std::string task = (kind == Template::Kind::Steps ? "steps." : "tasks.") + value.task;
  switch (value.kind) {
    case Value::Kind::Literal: return value.text;
    case Value::Kind::Item: return "{{item}}";
    case Value::Kind::ItemKey: return "{{item.k}}";
    case Value::Kind::Input: return "{{inputs.parameters.p}}";
    case Value::Kind::Less: return "{{=asInt(inputs.parameters.p) - 1}}";
    case Value::Kind::Workflow: return "{{workflow.parameters.w}}";
    case Value::Kind::Result: return "{{" + task + ".outputs.result}}";
    case Value::Kind::Parameter: return "{{" + task + ".outputs.parameters." + value.text + "}}";
    case Value::Kind::Status: return "{{" + task + ".status}}";
  }
  return {};
}

std::string written(const model::Condition& condition, Template::Kind kind) {
  return written(condition.left, kind) + " " + condition.op + " " + condition.right;
}

std::string written(const Depends& depends) {
  switch (depends.kind) {
    case Depends::Kind::None: return "";
    case Depends::Kind::Task: return depends.task + (depends.result.empty() ? "" : "." + depends.result);
    case Depends::Kind::Not: return "!(" + written(depends.parts.front()) + ")";
    case Depends::Kind::And:
    case Depends::Kind::Or: break;
  }
  // Without brackets where `&&` stands inside of `||`, so that the order of binding is put to the test.
  std::string text;
  for (const Depends& part : depends.parts) {
    if (!text.empty()) text += depends.kind == Depends::Kind::And ? " && " : " || ";
    const bool brackets = depends.kind == Depends::Kind::And && part.kind == Depends::Kind::Or;
    text += brackets ? "(" + written(part) + ")" : written(part);
  }
  return text;
}

namespace {

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

std::string items_of(const Loop& loop) {
  std::string list;
  for (const std::string& item : loop.items) {
    list += (list.empty() ? "" : ", ") + (loop.kind == Loop::Kind::Maps ? "{k: " + quoted(item) + ", m: 1}" : item);
  }
  return "[" + list + "]";
}

std::string loop_of(const Loop& loop, Template::Kind kind) {
  switch (loop.kind) {
    case Loop::Kind::Items:
    case Loop::Kind::Maps: return "withItems: " + items_of(loop);
    case Loop::Kind::Param: return "withParam: " + quoted(written(loop.list, kind));
    case Loop::Kind::Sequence: break;
  }
  return "withSequence: {start: \"" + std::to_string(loop.start) + "\", count: \"" + std::to_string(loop.count) + "\"" +
         (loop.formatted ? ", format: \"i%03d\"}" : "}");
}

std::string argument_of(const std::optional<Value>& value, Template::Kind kind) {
  if (!value) return "";
  return "parameters: [{name: p, value: " + quoted(written(*value, kind)) + "}]";
}

std::string hooks_of(const std::vector<Hook>& hooks, const std::string& task, Template::Kind kind) {
  std::string text;
  for (const Hook& hook : hooks) {
    const std::string subject =
        task.empty() ? "workflow.status" : std::string(kind == Template::Kind::Steps ? "steps" : "tasks") + "['" + task + "'].status";
    text += (text.empty() ? "" : ", ") + hook.name + ": {template: " + hook.callee;
    if (!hook.status.empty()) text += ", expression: " + quoted(subject + " == '" + hook.status + "'");
    if (hook.argument) text += ", arguments: {" + argument_of(hook.argument, kind) + "}";
    text += "}";
  }
  return "{" + text + "}";
}

void collect(const Depends& depends, std::string& list) {
  if (depends.kind == Depends::Kind::Task) list += (list.empty() ? "" : ", ") + depends.task;
  for (const Depends& part : depends.parts) collect(part, list);
}

std::string call_of(const Call& call, const Template& in) {
  std::string text = "{name: " + call.name + ", template: " + call.callee;
  std::string arguments = argument_of(call.argument, in.kind);
  if (call.artifact) {
    arguments += std::string(arguments.empty() ? "" : ", ") + "artifacts: [{name: f, from: \"{{" +
                 (in.kind == Template::Kind::Steps ? "steps." : "tasks.") + *call.artifact + ".outputs.artifacts.a}}\"" +
                 (call.artifact_optional ? ", optional: true}]" : "}]");
  }
  if (!arguments.empty()) text += ", arguments: {" + arguments + "}";
  if (call.when) text += ", when: " + quoted(written(*call.when, in.kind));
  if (call.loop) text += ", " + loop_of(*call.loop, in.kind);
  if (call.depends.kind != Depends::Kind::None) {
    if (in.uses_dependencies) {
      std::string list;
      collect(call.depends, list);
      text += ", dependencies: [" + list + "]";
    } else {
      text += ", depends: " + quoted(written(call.depends));
    }
  }
  if (call.continue_failed || call.continue_error) {
    text += std::string(", continueOn: {failed: ") + (call.continue_failed ? "true" : "false") +
            ", error: " + (call.continue_error ? "true" : "false") + "}";
  }
  if (!call.hooks.empty()) text += ", hooks: " + hooks_of(call.hooks, call.name, in.kind);
  return text + "}";
}

std::string locks_of(const std::vector<Lock>& locks) {
  std::string mutexes, semaphores;
  for (const Lock& lock : locks) {
    if (lock.mutex) {
      mutexes += (mutexes.empty() ? "" : ", ") + std::string("{name: ") + lock.name + "}";
    } else {
      semaphores += (semaphores.empty() ? "" : ", ") + std::string("{configMapKeyRef: {name: locks, key: ") + lock.name + "}}";
    }
  }
  std::string text;
  if (!mutexes.empty()) text = "mutexes: [" + mutexes + "]";
  if (!semaphores.empty()) text += (text.empty() ? "" : ", ") + std::string("semaphores: [") + semaphores + "]";
  return "synchronization: {" + text + "}";
}

std::string retry_of(const model::Retry& retry) {
  std::string text;
  const auto add = [&](const std::string& field) { text += (text.empty() ? "" : ", ") + field; };
  if (retry.limit) add("limit: \"" + std::to_string(*retry.limit) + "\"");
  if (!retry.policy.empty()) add("retryPolicy: " + retry.policy);
  if (retry.expression == "exitCode") add("expression: \"lastRetry.exitCode == '1'\"");
  if (retry.expression == "status") add("expression: \"lastRetry.status == 'Error'\"");
  if (retry.backoff) {
    std::string backoff = "duration: \"" + std::to_string(retry.backoff->seconds) + "\"";
    if (retry.backoff->factor > 0) backoff += ", factor: \"" + std::to_string(retry.backoff->factor) + "\"";
    if (retry.backoff->cap > 0) backoff += ", cap: \"" + std::to_string(retry.backoff->cap) + "\"";
    add("backoff: {" + backoff + "}");
  }
  return "retryStrategy: {" + text + "}";
}

class Writer {
 public:
  void line(int depth, const std::string& text) { text_ += std::string(static_cast<std::size_t>(depth) * 2, ' ') + text + "\n"; }
  std::string text_;
};

std::string parameter_output(const std::string& name, const std::string& source, const std::optional<std::string>& fallback) {
  return "{name: " + name + ", valueFrom: {" + source + (fallback ? ", default: " + quoted(*fallback) : "") + "}}";
}

void outputs_of(const Template& t, Writer& out) {
  std::string parameters, artifacts;
  const auto add = [](std::string& list, const std::string& one) { list += (list.empty() ? "" : ", ") + one; };
  if (t.kind == Template::Kind::Suspend && t.supplied) add(parameters, parameter_output("x", "supplied: {}", t.x_default));
  if (t.gives_x) add(parameters, parameter_output("x", "path: /tmp/x", t.x_default));
  if (t.gives_list) add(parameters, parameter_output("list", "path: /tmp/list", {}));
  if (t.gives_artifact) {
    add(artifacts, std::string("{name: a, path: /tmp/a") + (t.artifact_optional ? ", optional: true}" : "}"));
  }
  for (const model::GraphOutput& output : t.outputs) {
    add(parameters, parameter_output(output.name, "parameter: " + quoted(written(output.from, t.kind)), output.fallback));
  }
  std::string text;
  if (!parameters.empty()) text = "parameters: [" + parameters + "]";
  if (!artifacts.empty()) text += (text.empty() ? "" : ", ") + std::string("artifacts: [") + artifacts + "]";
  if (!text.empty()) out.line(2, "outputs: {" + text + "}");
}

void body_of(const Template& t, Writer& out) {
  switch (t.kind) {
    case Template::Kind::Pod:
    case Template::Kind::Daemon: {
      if (t.kind == Template::Kind::Daemon) out.line(2, "daemon: true");
      std::string body = std::string("container: {image: busybox, command: [") +
                         (t.kind == Template::Kind::Daemon ? "serve" : "work") + "], args: [\"{{inputs.parameters.p}}\"]";
      if (t.cpu_milli > 0 || t.memory_mib > 0) {
        body += ", resources: {requests: {cpu: " + std::to_string(t.cpu_milli) + "m, memory: " +
                std::to_string(t.memory_mib) + "Mi}}";
      }
      if (t.mounts_claim) body += ", volumeMounts: [{name: data, mountPath: /data}]";
      out.line(2, body + "}");
      break;
    }
    case Template::Kind::Set: {
      out.line(2, "containerSet:");
      if (t.container_attempts > 1) out.line(3, "retryStrategy: {retries: \"" + std::to_string(t.container_attempts) + "\"}");
      out.line(3, "containers:");
      for (const model::Container& container : t.containers) {
        std::string list;
        for (const std::string& on : container.dependencies) list += (list.empty() ? "" : ", ") + on;
        out.line(3, "- {name: " + container.name + ", image: busybox, command: [part]" +
                        (list.empty() ? "" : ", dependencies: [" + list + "]") + "}");
      }
      break;
    }
    case Template::Kind::Suspend:
      out.line(2, t.suspend_ms ? "suspend: {duration: \"" + std::to_string(*t.suspend_ms) + "ms\"}" : "suspend: {}");
      break;
    case Template::Kind::Steps:
      out.line(2, "steps:");
      for (const auto& group : t.groups) {
        if (group.empty()) out.line(2, "- []");
        for (std::size_t i = 0; i < group.size(); ++i) {
          out.line(2, (i == 0 ? "- - " : "  - ") + call_of(group[i], t));
        }
      }
      break;
    case Template::Kind::Dag: {
      out.line(2, "dag:");
      std::string targets;
      for (const std::string& target : t.targets) targets += (targets.empty() ? "" : " ") + target;
      if (!targets.empty()) out.line(3, "target: \"" + targets + "\"");
      if (t.dag_fail_fast) out.line(3, std::string("failFast: ") + (*t.dag_fail_fast ? "true" : "false"));
      out.line(3, "tasks:");
      for (const Call& task : t.groups.front()) out.line(3, "- " + call_of(task, t));
      break;
    }
  }
}

void template_of(const Template& t, Writer& out) {
  out.line(1, "- name: " + t.name);
  std::string inputs = "parameters: [{name: p" + (t.input_default ? ", default: " + quoted(*t.input_default) : "") + "}]";
  if (t.takes_artifact) {
    inputs += std::string(", artifacts: [{name: f, path: /tmp/f") +
              (t.takes_optional ? ", optional: true}]" : ", raw: {data: text}}]");
  }
  out.line(2, "inputs: {" + inputs + "}");
  outputs_of(t, out);
  if (t.parallelism) out.line(2, "parallelism: " + std::to_string(*t.parallelism));
  if (t.fail_fast) out.line(2, "failFast: true");
  if (t.deadline_seconds > 0) out.line(2, "activeDeadlineSeconds: " + std::to_string(t.deadline_seconds));
  if (t.timeout_seconds > 0) out.line(2, "timeout: " + std::to_string(t.timeout_seconds) + "s");
  if (t.pending_timeout_seconds > 0) out.line(2, "pendingTimeout: " + std::to_string(t.pending_timeout_seconds) + "s");
  if (t.memo_key) {
    out.line(2, "memoize: {key: " + quoted(*t.memo_key == "{p}" ? "{{inputs.parameters.p}}" : *t.memo_key) +
                    ", maxAge: 1h, cache: {configMap: {name: cache}}}");
  }
  if (t.retry) out.line(2, retry_of(*t.retry));
  if (!t.locks.empty()) out.line(2, locks_of(t.locks));
  body_of(t, out);
}

}  // namespace

std::string manifest(const Workflow& workflow) {
  Writer out;
  out.line(0, "apiVersion: argoproj.io/v1alpha1");
  out.line(0, "kind: Workflow");
  out.line(0, "metadata: {generateName: simulated-}");
  out.line(0, "spec:");
  out.line(1, "entrypoint: " + workflow.entrypoint);
  out.line(1, "arguments: {parameters: [{name: w, value: " + quoted(workflow.parameter) + "}]}");
  std::vector<Hook> hooks;
  for (const Hook& hook : workflow.hooks) {
    if (hook.name == "exit" && hook.status.empty() && !hook.argument) {
      out.line(1, "onExit: " + hook.callee);
    } else {
      hooks.push_back(hook);
    }
  }
  if (!hooks.empty()) out.line(1, "hooks: " + hooks_of(hooks, "", Template::Kind::Steps));
  if (workflow.parallelism) out.line(1, "parallelism: " + std::to_string(*workflow.parallelism));
  if (workflow.deadline_seconds) out.line(1, "activeDeadlineSeconds: " + std::to_string(*workflow.deadline_seconds));
  if (workflow.priority) out.line(1, "priority: " + std::to_string(*workflow.priority));
  if (!workflow.locks.empty()) out.line(1, locks_of(workflow.locks));
  if (workflow.suspended) out.line(1, "suspend: true");
  if (workflow.claim) {
    out.line(1, "volumeClaimTemplates: [{metadata: {name: data}, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}]");
    if (workflow.claim_gc_always) out.line(1, "volumeClaimGC: {strategy: OnWorkflowCompletion}");
  }
  out.line(1, "templates:");
  for (const Template& t : workflow.templates) template_of(t, out);
  return std::move(out.text_);
}

}  // namespace gantry::testing
