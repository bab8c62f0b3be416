#include "tests/simulation/generator/generator.h"

#include <algorithm>

namespace gantry::testing {

using model::Call;
using model::Hook;
using model::Loop;
using model::Value;

const std::string& Generator::callee(int budget) {
  for (int tries = 0; tries < 6; ++tries) {
    const Template& t = dice_.pick(workflow_.templates);
    if (cost_.at(t.name) <= budget) return t.name;
  }
  return workflow_.templates.front().name;
}

/// What a text may refer to. `plain`: single words only.
std::vector<Value> Generator::sources(const Earlier& earlier, bool plain) {
  std::vector<Value> found;
  for (const Call& call : earlier) {
    const Template& t = find(call.callee);
    if (t.kind == Template::Kind::Daemon || (plain && call.loop)) continue;
    if (t.kind == Template::Kind::Pod) found.push_back({Value::Kind::Result, "", call.name});
    if (t.gives_x || t.supplied) found.push_back({Value::Kind::Parameter, "x", call.name});
    if (plain) continue;
    for (const auto& output : t.outputs) found.push_back({Value::Kind::Parameter, output.name, call.name});
    if (t.gives_list && !call.loop) found.push_back({Value::Kind::Parameter, "list", call.name});
  }
  return found;
}

std::optional<Value> Generator::argument(const std::string& callee, const Earlier& earlier, const Loop* loop) {
  const Template& t = find(callee);
  if (t.name == "recurse") return Value{Value::Kind::Literal, std::to_string(dice_.below(3)), ""};
  if (t.input_default && dice_.chance(35)) return std::nullopt;
  if (loop != nullptr && dice_.chance(60)) {
    return Value{loop->kind == Loop::Kind::Maps ? Value::Kind::ItemKey : Value::Kind::Item, "", ""};
  }
  const auto from = sources(earlier, false);
  if (!from.empty() && dice_.chance(60)) return dice_.pick(from);
  switch (dice_.below(4)) {
    case 0: return Value{Value::Kind::Input, "", ""};
    case 1: return Value{Value::Kind::Workflow, "", ""};
    default: return Value{Value::Kind::Literal, dice_.chance(50) ? "a" : "7", ""};
  }
}

Loop Generator::loop(const Earlier& earlier) {
  static const std::vector<std::string> kItems = {"a", "b", "1", "2", "word"};
  Loop loop;
  std::vector<Value> lists;
  for (const Call& call : earlier) {
    const Template& t = find(call.callee);
    if (t.kind != Template::Kind::Pod) continue;
    if (call.loop) lists.push_back({Value::Kind::Result, "", call.name});
    if (call.loop && t.gives_x) lists.push_back({Value::Kind::Parameter, "x", call.name});
    if (!call.loop && t.gives_list) lists.push_back({Value::Kind::Parameter, "list", call.name});
  }
  if (!lists.empty() && dice_.chance(60)) {
    loop.kind = Loop::Kind::Param;
    loop.list = dice_.pick(lists);
    return loop;
  }
  loop.kind = static_cast<Loop::Kind>(dice_.below(4));
  if (loop.kind == Loop::Kind::Param) loop.list = {Value::Kind::Literal, dice_.chance(20) ? "[]" : "[4,5]", ""};
  if (loop.kind == Loop::Kind::Items || loop.kind == Loop::Kind::Maps) {
    const std::size_t count = 1 + dice_.below(3);
    for (std::size_t i = 0; i < count; ++i) loop.items.push_back(dice_.pick(kItems));
  }
  if (loop.kind == Loop::Kind::Sequence) {
    loop.start = static_cast<int>(dice_.below(3));
    loop.count = static_cast<int>(dice_.below(4));
    loop.formatted = dice_.chance(30);
  }
  return loop;
}

std::optional<model::Condition> Generator::when(const Earlier& earlier, const Loop* loop) {
  std::vector<model::Condition> choices;
  for (const Call& call : earlier) {
    const bool status = !call.loop && find(call.callee).kind != Template::Kind::Daemon;
    if (status) choices.push_back({{Value::Kind::Status, "", call.name}, "==", dice_.chance(65) ? "Succeeded" : "Failed"});
  }
  for (const Value& value : sources(earlier, true)) {
    choices.push_back({value, dice_.chance(50) ? "==" : "!=", value.kind == Value::Kind::Result ? "1" : "dx"});
  }
  if (loop != nullptr && loop->kind != Loop::Kind::Maps) {
    choices.push_back({{Value::Kind::Item, "", ""}, dice_.chance(70) ? "!=" : "==", dice_.chance(50) ? "a" : "1"});
  }
  choices.push_back({{Value::Kind::Literal, "1", ""}, dice_.chance(60) ? "==" : "!=", "1"});
  return dice_.pick(choices);
}

Hook Generator::hook(const std::string& name, const Call& of) {
  Hook hook;
  hook.name = name;
  hook.callee = callee(5);
  if (find(hook.callee).name == "recurse") hook.callee = workflow_.templates.front().name;
  const Template& parent = find(of.callee);
  const bool gives_x = parent.gives_x && !of.loop;
  if (name != "exit") {
    hook.status = dice_.chance(45) ? "Running" : dice_.chance(60) ? "Succeeded" : "Failed";
  } else if (dice_.chance(30)) {
    hook.status = dice_.chance(50) ? "Succeeded" : "Failed";
  }
  const bool needed = !find(hook.callee).input_default;
  // Only the exit hook can be sure that there are outputs.
  if (gives_x && name == "exit" && dice_.chance(60)) {
    hook.argument = {Value::Kind::Parameter, "x", of.name};
  } else if (needed || dice_.chance(20)) {
    hook.argument = {Value::Kind::Literal, "h", ""};
  }
  return hook;
}

Call Generator::call(const std::string& name, const Earlier& earlier, int& budget) {
  Call call;
  call.name = name;
  call.callee = callee(budget);
  const Template& t = find(call.callee);
  if (dice_.chance(22) && cost_.at(t.name) * 3 <= budget) call.loop = loop(earlier);
  const Loop* loop = call.loop ? &*call.loop : nullptr;
  call.argument = argument(call.callee, earlier, loop);
  if (t.takes_artifact && dice_.chance(70)) {
    std::vector<std::string> givers;
    for (const Call& other : earlier) {
      if (find(other.callee).gives_artifact && !other.loop) givers.push_back(other.name);
    }
    if (!givers.empty()) call.artifact = dice_.pick(givers);
    call.artifact_optional = dice_.chance(40);
  }
  if (dice_.chance(25)) call.when = when(earlier, loop);
  if (dice_.chance(16)) call.hooks.push_back(hook("exit", call));
  if (dice_.chance(16) && t.kind != Template::Kind::Daemon) call.hooks.push_back(hook("watch", call));
  budget -= cost_.at(t.name) * (call.loop ? 3 : 1);
  return call;
}

}  // namespace gantry::testing
