#include <cstdio>

#include "tests/simulation/oracle/impl.h"

namespace gantry::testing {

using model::Depends;
using model::Loop;

std::string phase_text(Phase phase) { return std::string(workflow::phase_name(phase)); }

std::optional<std::string> parameter_of(const Node& node, const std::string& name) {
  for (const engine::Parameter& p : node.outputs->parameters) {
    if (p.name == name) return p.value;
  }
  return std::nullopt;
}

static std::string json_text(const std::string& text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

static std::string json_list(const std::vector<std::string>& items) {
  std::string out;
  for (const std::string& item : items) out += (out.empty() ? "" : ",") + item;
  return "[" + out + "]";
}

/// What stands in for an output of a task that did not run.
static std::optional<std::string> declared_default(const Template& tmpl, const std::string& name) {
  if (name == "x" && (tmpl.gives_x || tmpl.supplied)) return tmpl.x_default;
  for (const model::GraphOutput& output : tmpl.outputs) {
    if (output.name == name) return output.fallback;
  }
  return std::nullopt;
}

/// Of the items that succeeded, in order. Values that are lists stand as such when all of them are.
Found Oracle::aggregated(const Done& done, const Value& value) {
  std::vector<std::string> values, texts;
  bool structured = true;
  for (const Outcome& member : done.members) {
    if (member.node == nullptr || !(member.carried || member.node->phase == Phase::Succeeded)) continue;
    if (value.kind == Value::Kind::Result) {
      if (member.node->outputs->result) values.push_back(*member.node->outputs->result);
      continue;
    }
    const auto one = parameter_of(*member.node, value.text);
    if (!one) continue;
    values.push_back(*one);
    texts.push_back(json_text(*one));
    structured &= one->starts_with('[');
  }
  if (value.kind == Value::Kind::Result) return Found::present(json_list(values));
  if (values.empty()) return Found::missing();
  return Found::present(json_list(structured ? values : texts));
}

Found Oracle::lookup(const Frame& frame, const Value& value, const Item* item) {
  switch (value.kind) {
    case Value::Kind::Literal: return Found::present(value.text);
    case Value::Kind::Item: return item == nullptr ? Found::missing() : Found::present(item->text);
    case Value::Kind::ItemKey: return item == nullptr ? Found::missing() : Found::present(item->key);
    case Value::Kind::Input: return Found::present(frame.input);
    case Value::Kind::Less: return Found::present(std::to_string(std::atoi(frame.input.c_str()) - 1));
    case Value::Kind::Workflow: return Found::present(case_.workflow.parameter);
    case Value::Kind::Result:
    case Value::Kind::Parameter:
    case Value::Kind::Status: break;
  }
  const auto found = frame.done.find(value.task);
  if (found == frame.done.end()) return Found::missing();
  const Done& done = found->second;
  if (done.is_loop()) return aggregated(done, value);
  if (done.whole.node == nullptr) return Found::missing();
  const Node& node = *done.whole.node;
  if (value.kind == Value::Kind::Status) return Found::present(phase_text(node.phase));
  if (!done.whole.ran) {
    if (value.kind == Value::Kind::Result) return Found::absent();
    auto text = declared_default(*case_.workflow.find(done.call->callee), value.text);
    return text ? Found::present(*text) : Found::absent();
  }
  const auto text = value.kind == Value::Kind::Result ? node.outputs->result : parameter_of(node, value.text);
  return text ? Found::present(*text) : Found::missing();
}

/// Nothing: it cannot be resolved.
std::optional<bool> Oracle::holds(const Frame& frame, const model::Condition& condition, const Item* item) {
  const Found left = lookup(frame, condition.left, item);
  if (!left.is_present()) return std::nullopt;
  if (condition.op == ">") return std::atoi(left.text.c_str()) > std::atoi(condition.right.c_str());
  return (left.text == condition.right) == (condition.op == "==");
}

bool Oracle::has_result(const Frame& frame, const std::string& task, const std::string& result) {
  const Done& done = frame.done.at(task);
  const Outcome& whole = done.whole;
  const auto is = [&](Phase phase) { return !whole.serves && whole.node->phase == phase && !whole.carried; };
  if (result.empty()) return whole.succeeded() || is(Phase::Skipped) || whole.serves;
  if (result == "Succeeded") return whole.succeeded();
  if (result == "Failed") return is(Phase::Failed);
  if (result == "Errored") return is(Phase::Error);
  if (result == "Skipped") return is(Phase::Skipped) || whole.carried;
  if (result == "Omitted") return is(Phase::Omitted);
  if (result == "Daemoned") return whole.serves;
  bool any = false, all = !done.members.empty();
  for (const Outcome& member : done.members) {
    any |= member.succeeded();
    all &= member.node != nullptr && member.node->phase == Phase::Failed;
  }
  return result == "AnySucceeded" ? any : all;
}

bool Oracle::depends(const Frame& frame, const Depends& condition) {
  switch (condition.kind) {
    case Depends::Kind::None: return true;
    case Depends::Kind::Not: return !depends(frame, condition.parts.front());
    case Depends::Kind::And:
      for (const Depends& part : condition.parts) {
        if (!depends(frame, part)) return false;
      }
      return true;
    case Depends::Kind::Or:
      for (const Depends& part : condition.parts) {
        if (depends(frame, part)) return true;
      }
      return false;
    case Depends::Kind::Task: break;
  }
  const bool result = has_result(frame, condition.task, condition.result);
  if (!frame.tmpl.uses_dependencies || result) return result;
  // `dependencies`: what the task's own continueOn accepts is good, too.
  const Done& done = frame.done.at(condition.task);
  const Phase phase = done.whole.node->phase;
  return (phase == Phase::Failed && done.call->continue_failed) || (phase == Phase::Error && done.call->continue_error);
}

/// The items of a list as a program has written it; nothing: it is none.
static std::optional<std::vector<Item>> parse_list(const std::string& text) {
  if (!text.starts_with('[') || !text.ends_with(']')) return std::nullopt;
  std::vector<Item> items;
  std::string one;
  for (std::size_t i = 1; i < text.size(); ++i) {
    const bool end = i + 1 == text.size();
    if (!end && text[i] != ',') {
      if (text[i] != '"') one += text[i];
    } else if (!one.empty()) {
      items.push_back({one, one, ""});
      one.clear();
    }
  }
  return items;
}

std::optional<std::vector<Item>> Oracle::items(const Frame& frame, const Loop& loop) {
  std::vector<Item> items;
  switch (loop.kind) {
    case Loop::Kind::Items:
      for (const std::string& item : loop.items) items.push_back({item, item, ""});
      return items;
    case Loop::Kind::Maps:
      for (const std::string& item : loop.items) items.push_back({"", "k:" + item + ",m:1", item});
      return items;
    case Loop::Kind::Sequence:
      for (int i = 0; i < loop.count; ++i) {
        char text[32];
        std::snprintf(text, sizeof text, loop.formatted ? "i%03d" : "%d", loop.start + i);
        items.push_back({text, text, ""});
      }
      return items;
    case Loop::Kind::Param: break;
  }
  const Found list = lookup(frame, loop.list, nullptr);
  if (!list.is_present()) return std::nullopt;
  return parse_list(list.text);
}

}  // namespace gantry::testing
