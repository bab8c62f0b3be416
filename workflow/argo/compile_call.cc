// Which template a call means, and what the call gives to it: steps, tasks, hooks.

#include <algorithm>

#include "workflow/argo/compiler.h"
#include "workflow/suggestion.h"

namespace gantry::workflow::argo {
Index Compiler::declare(Source& source, const argo::Template& written, std::string where) {
  const Index index = static_cast<Index>(templates_.size());
  workflow::Template& out = templates_.emplace_back();
  out.scope = source.scope;
  inputs(written, out, where);
  pending_.push_back({&source, &written, index, std::move(where)});
  resolution_.templates.push_back(&written);
  return index;
}

std::optional<Index> Compiler::find_template(Source& source, std::string_view name) {
  if (const auto found = source.declared.find(name); found != source.declared.end()) return found->second;
  const auto written = source.written.find(name);
  if (written == source.written.end()) return std::nullopt;
  const Index index = declare(source, source.spec->templates.value[written->second], "templates." + std::string(name));
  source.declared.emplace(written->first, index);
  return index;
}

std::string Compiler::suggest_template(const Source& source, std::string_view name) const {
  std::vector<std::string_view> names;
  for (const argo::Template& one : source.spec->templates.value) names.push_back(one.name.value);
  return did_you_mean(name, names);
}

Index Compiler::referenced(const TemplateRef& ref, const std::string& where) {
  const std::string name = std::string(ref.name.value) + "." + std::string(ref.template_name.value);
  if (ref.name.empty() || ref.template_name.empty()) {
    if (!ref.flawed) {
      error(ref.at, where + (ref.name.empty() ? " resource name is required" : " template name is required"));
    }
    return kNone;
  }
  if (options_.lint && (ref.name.value.find("{{") != std::string_view::npos ||
                        ref.template_name.value.find("{{") != std::string_view::npos)) {
    diagnostics_.note(ref.at, where + " template reference " + name + ": known only while it runs, so a run is refused");
    return kNone;
  }
  Libraries::Loaded* loaded = libraries_.load(ref.name.value, ref.cluster_scope.value);
  if (loaded == nullptr) {
    const std::string kind = ref.cluster_scope.value ? "clusterworkflowtemplates" : "workflowtemplates";
    error(ref.name.at, where + " template reference " + name + " not found: " + kind + ".argoproj.io \"" +
                           std::string(ref.name.value) + "\" not found");
    return kNone;
  }
  if (!loaded->error.empty()) {
    error(ref.name.at, where + " template reference " + name + ": " + loaded->error);
    return kNone;
  }
  auto [entry, fresh] = sources_.try_emplace(loaded->scope);
  Source& source = entry->second;
  if (fresh) {
    source.spec = &loaded->object.spec;
    source.scope = loaded->scope;
    const auto& templates = source.spec->templates.value;
    for (std::size_t i = 0; i < templates.size(); ++i) source.written.emplace(templates[i].name.value, i);
  }
  if (const auto found = find_template(source, ref.template_name.value)) return *found;
  error(ref.template_name.at, where + " template reference " + name + " not found" +
                                  suggest_template(source, ref.template_name.value));
  return kNone;
}

Index Compiler::callee(Source& source, const Str& name, const TemplateRef& ref, const std::string& where) {
  if (name.empty()) return ref.set ? referenced(ref, where) : kNone;
  if (ref.set) error(name.at, where + " template name cannot be specified with templateRef");
  if (const auto found = find_template(source, name.value)) return *found;
  error(name.at, where + " template name '" + std::string(name.value) + "' undefined" +
                     suggest_template(source, name.value));
  return kNone;
}

std::optional<ConfigMapKey> Compiler::config_map_key(const ConfigMapKeySelector& written, std::string_view where) {
  if (!written.set) return std::nullopt;
  const OwnChecks own(*this);
  const std::string path = std::string(where) + ".configMapKeyRef";
  if (!written.flawed && (written.name.empty() || written.key.empty())) {
    error(written.at, path + " needs name and key");
  }
  return ConfigMapKey{text(written.name, path + ".name"), text(written.key, path + ".key"), written.optional.value};
}

std::vector<Argument> Compiler::arguments_of(const Arguments& written, const std::string& prefix) {
  std::vector<Argument> out;
  check_names(written.parameters.value, prefix + "parameters", true);
  for (const Parameter& parameter : written.parameters.value) {
    const std::string name = prefix + std::string(parameter.name.value);
    const ValueFrom& from = parameter.value_from;
    if (from.set) {
      const bool good = from.config_map_key_ref.set || from.supplied;
      if (!from.flawed && (!good || !from.path.empty() || !from.parameter.empty() || !from.expression.empty())) {
        error(from.at, name + ".valueFrom only allows: default, configMapKeyRef and supplied");
      }
    } else if (!parameter.value.set && !parameter.flawed) {
      error(parameter.at, name + ".value or " + name + ".valueFrom is required");
    }
    if (parameter.allowed.set && parameter.allowed.value.empty()) {
      error(parameter.allowed.at, name + ".enum should contain at least one value");
    } else if (parameter.allowed.set && parameter.value.set &&
               std::none_of(parameter.allowed.value.begin(), parameter.allowed.value.end(),
                            [&](const AnyStr& one) { return one.value == parameter.value.value; })) {
      error(parameter.value.at, name + ".value should be present in " + name + ".enum list");
    }
    Argument argument{.name = std::string(parameter.name.value),
                      .value = text(parameter.value, name),
                      .config_map_key = std::nullopt,
                      .at = parameter.at};
    if (!parameter.value.set) argument.config_map_key = config_map_key(from.config_map_key_ref, name + ".valueFrom");
    out.push_back(std::move(argument));
  }
  return out;
}

void Compiler::supplied(Mark at, bool flawed, const std::vector<Argument>& arguments, Index callee,
                        const std::string& where, bool workflow_arguments_too) {
  if (callee == kNone || flawed) return;
  const workflow::Template& called = templates_[callee];
  for (const InputParameter& input : called.inputs) {
    if (input.value || input.default_value || input.config_map_key) continue;
    const auto named = [&](const auto& one) { return one.name == input.name; };
    if (std::any_of(arguments.begin(), arguments.end(), named)) continue;
    if (workflow_arguments_too && std::any_of(plan_.arguments.begin(), plan_.arguments.end(), named)) continue;
    error(at, where + " templates." + called.name + " inputs.parameters." + input.name + " was not supplied");
  }
}

void Compiler::sequence(const Sequence& written, Loop& out, const std::string& where) {
  out.kind = Loop::Kind::Sequence;
  out.count = optional_text(written.count, where + ".count");
  out.start = optional_text(written.start, where + ".start");
  out.end = optional_text(written.end, where + ".end");
  if (!written.format.empty()) out.format = text(written.format, where + ".format");
  if (written.count.set && written.end.set) {
    error(written.at, where + " only one of count or end can be defined in withSequence");
  } else if (!written.count.set && !written.end.set && !written.flawed) {
    own_error(written.at, where + " must have count or end: withSequence needs one of them");
  }
  for (const IntOrStr* number : {&written.count, &written.start, &written.end}) {
    if (number->set && number->value.find("{{") == std::string_view::npos && !is_integer(number->value)) {
      own_error(number->at, where + ": expected a number, found \"" + std::string(number->value) + "\"");
    }
  }
}

std::optional<Loop> Compiler::loop(const Call& written, const std::string& where) {
  const bool items = written.with_items != nullptr;
  const int kinds = items + !written.with_param.empty() + written.with_sequence.set;
  if (kinds > 1) {
    error(written.at, where + " multiple loop types specified. choose one of: withItems, withParam, withSequence");
  }
  if (!written.is_loop()) return std::nullopt;
  Loop out;
  if (items && holds_tags(*written.with_items)) {
    out.items_template = JsonTemplate::of(*written.with_items, [&](Mark at, const Error& bad) {
      error(at, where + ".withItems: " + bad.message);
    });
  } else if (items) {
    out.items.reserve(written.with_items->items.size());
    for (const Node* item : written.with_items->items) {
      if (item->is_null()) {
        error(item->at, where + ".withItems: expected string, number, list, or map, found null");
      }
      out.items.push_back(make_item(*item));
    }
  } else if (!written.with_param.empty()) {
    out.kind = Loop::Kind::Param;
    out.param = text(written.with_param, where + ".withParam");
    if (out.param->is_literal()) {
      if (auto parsed = parse_items(written.with_param.value); !parsed) {
        own_error(written.with_param.at, where + " withParam value could not be parsed as a JSON list: " +
                                         std::string(written.with_param.value) + ": " + parsed.error().message);
      }
    }
  } else {
    sequence(written.with_sequence, out, where + ".withSequence");
  }
  return out;
}

std::vector<Hook> Compiler::hooks(Source& source, const Hooks& written, const Str& on_exit, const std::string& where) {
  std::vector<Hook> out;
  const bool of_workflow = where == "spec";
  // Of hooks, Argo looks at the expressions and at the workflow's onExit.
  std::optional<OwnChecks> own(std::in_place, *this);
  for (const NamedHook& named : written.value) {
    const std::string path = where + ".hooks." + std::string(named.key);
    const LifecycleHook& hook = named.value;
    Hook made;
    made.name = named.key;
    made.at = hook.set ? hook.at : named.at;
    if (hook.template_name.empty() && !hook.template_ref.set && !hook.flawed) {
      error(named.at, path + " template name is required");
    }
    made.callee = callee(source, hook.template_name, hook.template_ref, path);
    if (made.callee != kNone) resolution_.callees.emplace(&hook, resolution_.templates[made.callee]);
    made.arguments = arguments_of(hook.arguments, path + ".arguments.");
    made.artifacts = artifact_arguments(hook.arguments, path + ".arguments.");
    made.expression = formula(hook.expression, path + ".expression");
    if (!made.is_exit() && !made.expression && !hook.flawed) {
      diagnostics_.error(named.at, path + ": Expression required for hook " + made.name);
    }
    supplied(named.at, hook.arguments.flawed, made.arguments, made.callee, path, made.is_exit());
    artifacts_supplied(named.at, hook.arguments.flawed,
                       made.is_exit() && made.artifacts.empty() ? plan_.artifacts : made.artifacts, made.callee,
                       path + " ");
    out.push_back(std::move(made));
  }
  const bool has_exit = std::any_of(out.begin(), out.end(), [](const Hook& hook) { return hook.is_exit(); });
  if (on_exit.empty() || has_exit) return out;
  if (of_workflow) own.reset();
  Hook made;
  made.name = "exit";
  made.at = on_exit.at;
  if (const auto found = find_template(source, on_exit.value)) {
    made.callee = *found;
    resolution_.callees.emplace(&on_exit, resolution_.templates[made.callee]);
    for (const InputParameter& input : templates_[made.callee].inputs) {
      if (input.value || input.default_value || input.config_map_key) continue;
      if (std::any_of(plan_.arguments.begin(), plan_.arguments.end(),
                      [&](const InputParameter& argument) { return argument.name == input.name; })) {
        continue;
      }
      const std::string message = "templates." + templates_[made.callee].name + " inputs.parameters." + input.name +
                                  " was not supplied";
      if (of_workflow && options_.lint) {
        error(input.at, message);
      } else {
        diagnostics_.warning(input.at, message + ", the exit handler will fail");
      }
    }
  } else {
    error(on_exit.at, where + (of_workflow ? "." : " ") + "onExit template name '" + std::string(on_exit.value) +
                          "' undefined" + suggest_template(source, on_exit.value));
  }
  out.push_back(std::move(made));
  return out;
}

Task Compiler::call(Source& source, const Call& written, const std::string& where) {
  Task task;
  task.name = written.name.value;
  task.at = written.at;
  if (written.inline_template != nullptr) {
    if (!written.template_name.empty() || written.template_ref.set) {
      error(written.at, where + " inline template cannot be used together with template or templateRef");
    }
    task.callee = declare(source, *written.inline_template, where + ".inline");
  } else if (written.template_name.empty() && !written.template_ref.set) {
    if (!written.flawed) error(written.at, where + " template name is required");
  } else {
    task.callee = callee(source, written.template_name, written.template_ref, where);
    if (written.template_ref.set) {
      task.template_ref = workflow::TemplateRef{std::string(written.template_ref.name.value),
                                                std::string(written.template_ref.template_name.value),
                                                written.template_ref.cluster_scope.value};
    }
  }
  if (task.callee != kNone) resolution_.callees.emplace(&written, resolution_.templates[task.callee]);
  if (!written.when.empty()) task.when = text(written.when, where + " when");
  task.continue_on = {.failed = written.continue_on.failed.value, .error = written.continue_on.error.value};
  task.loop = loop(written, where);
  task.arguments = arguments_of(written.arguments, where + ".arguments.");
  task.artifacts = artifact_arguments(written.arguments, where + ".arguments.");
  supplied(written.at, written.arguments.flawed, task.arguments, task.callee, where, false);
  artifacts_supplied(written.at, written.arguments.flawed, task.artifacts, task.callee, where + " ");
  task.hooks = hooks(source, written.hooks, written.on_exit, where);
  return task;
}

}  // namespace gantry::workflow::argo
