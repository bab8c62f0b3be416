#include "tests/features/view.h"

#include <algorithm>

#include "base/ids.h"
#include "daemon/workflow_json.h"
#include "tests/features/case.h"

namespace gantry::features {

namespace {

std::string seconds(Time time, Time begin) {
  const auto since = (time - begin).count();
  std::string text = std::to_string(since / 1000);
  if (since % 1000 != 0) {
    std::string digits = std::to_string(1000 + since % 1000).substr(1);
    while (digits.back() == '0') digits.pop_back();
    text += "." + digits;
  }
  return text + "s";
}

/// `[{name: x, value: v}]` as `{x: v}`; things without a value as they are, by name.
Json by_name(const Json& list) {
  Json map = Json::object();
  for (const Json& one : list) {
    const std::string name = one.at("name").get<std::string>();
    if (one.contains("value")) {
      map[name] = one["value"];
    } else {
      map[name] = one;
      map[name].erase("name");
    }
  }
  return map;
}

void name_values(Json& values) {
  for (const char* kind : {"parameters", "artifacts"}) {
    if (values.contains(kind)) values[kind] = by_name(values[kind]);
  }
}

std::string node_id(const std::string& run, const std::string& name) {
  return name == run ? run : run + "-" + std::to_string(fnv32a(name));
}

std::string with_ids(std::string text, const std::string& run) {
  for (const auto& [open, whole] : {std::pair{"<id of ", true}, std::pair{"<hash of ", false}}) {
    for (auto at = text.find(open); at != std::string::npos; at = text.find(open)) {
      const auto close = text.find('>', at);
      if (close == std::string::npos) break;
      const auto begin = at + std::string_view(open).size();
      const auto name = text.substr(begin, close - begin);
      text.replace(at, close - at + 1, whole ? node_id(run, name) : std::to_string(fnv32a(name)));
    }
  }
  return text;
}

/// `Type Phase | message`
std::string summary(const Json& node) {
  std::string text = node.at("type").get<std::string>() + " " + node.at("phase").get<std::string>();
  if (node.contains("message")) text += " | " + node["message"].get<std::string>();
  return text;
}

std::vector<std::string> sorted(const Json& list) {
  std::vector<std::string> out;
  for (const Json& one : list) out.push_back(text_of(one));
  std::sort(out.begin(), out.end());
  return out;
}

void compare(const Json& expected, const Json& seen, const std::string& at, const std::string& run,
             std::vector<std::string>& out) {
  if (expected.is_object()) {
    if (!seen.is_object()) return out.push_back(at + ": expected a map, seen " + seen.dump());
    for (const auto& [key, value] : expected.items()) {
      const std::string below = at + (at.empty() ? "" : " ") + key;
      if (key == "is") {
        const std::string wanted = with_ids(text_of(value), run);
        if (summary(seen) != wanted) out.push_back(at + ":\n  expected " + wanted + "\n      seen " + summary(seen));
      } else if (value.is_null()) {
        if (seen.contains(key)) out.push_back(below + ": expected nothing, seen " + seen[key].dump());
      } else if (!seen.contains(key)) {
        out.push_back(below + ": expected " + value.dump() + ", seen nothing");
      } else if ((key == "children" || key == "outboundNodes") && value.is_array()) {
        if (sorted(value) != sorted(seen[key])) {
          out.push_back(below + ":\n  expected " + Json(sorted(value)).dump() + "\n      seen " + Json(sorted(seen[key])).dump());
        }
      } else {
        compare(value, seen[key], below, run, out);
      }
    }
  } else if (expected.is_array()) {
    if (!seen.is_array() || seen.size() != expected.size()) {
      return out.push_back(at + ":\n  expected " + expected.dump() + "\n      seen " + seen.dump());
    }
    for (std::size_t i = 0; i < expected.size(); ++i) {
      compare(expected[i], seen[i], at + "[" + std::to_string(i) + "]", run, out);
    }
  } else if (seen.is_object() && seen.contains("type") && seen.contains("phase")) {
    compare(Json{{"is", expected}}, seen, at, run, out);
  } else if (with_ids(text_of(expected), run) != text_of(seen)) {
    out.push_back(at + ":\n  expected " + with_ids(text_of(expected), run) + "\n      seen " + text_of(seen));
  }
}

}  // namespace

Json view(const testing::World::StoredRun& run, Time begin) {
  engine::Run whole;
  whole.info = run.info;
  whole.status = run.status;
  for (const std::string& name : run.order) whole.nodes.push_back(run.nodes.at(name));
  const Json object = workflow_json(whole);
  Json seen = object.at("status");
  seen["labels"] = object["metadata"].value("labels", Json::object());
  seen["annotations"] = object["metadata"].value("annotations", Json::object());
  seen["suspended"] = object["spec"].value("suspend", false);
  if (seen.contains("outputs")) name_values(seen["outputs"]);
  std::map<std::string, std::string> names;
  for (const engine::Node& node : whole.nodes) names[node.id] = node.name;
  const auto name_of = [&](const Json& id) { return Json(names.contains(id) ? names[id] : id.get<std::string>()); };
  Json nodes = Json::object();
  for (const engine::Node& node : whole.nodes) {
    Json one = seen.at("nodes").at(node.id);
    for (const char* values : {"inputs", "outputs"}) {
      if (one.contains(values)) name_values(one[values]);
    }
    for (const char* list : {"children", "outboundNodes"}) {
      if (!one.contains(list)) continue;
      for (Json& id : one[list]) id = name_of(id);
    }
    if (one.contains("boundaryID")) one["boundaryID"] = name_of(one["boundaryID"]);
    one.erase("startedAt");
    one.erase("finishedAt");
    if (node.started) one["startedAt"] = seconds(*node.started, begin);
    if (node.finished) one["finishedAt"] = seconds(*node.finished, begin);
    one["pod"] = engine::pod_name(run.info.name, node);
    nodes[node.name] = std::move(one);
  }
  seen["nodes"] = std::move(nodes);
  return seen;
}

std::vector<std::string> differences(const Json& expected, const Json& seen, const std::string& run) {
  std::vector<std::string> out;
  Json rest = expected;
  const Json& nodes = seen.at("nodes");
  if (rest.contains("nodes")) {
    for (const auto& [name, node] : nodes.items()) {
      if (!rest["nodes"].contains(name)) out.push_back(name + ": not expected, seen " + summary(node));
    }
  }
  if (rest.contains("some-nodes")) {
    compare(Json{{"nodes", rest["some-nodes"]}}, seen, "", run, out);
    rest.erase("some-nodes");
  }
  for (const Json& name : rest.value("no-nodes", Json::array())) {
    if (nodes.contains(name)) out.push_back(text_of(name) + ": not expected, seen " + summary(nodes[text_of(name)]));
  }
  rest.erase("no-nodes");
  // A run whose message is not mentioned has none.
  if (rest.contains("phase") && !rest.contains("message")) rest["message"] = Json();
  compare(rest, seen, "", run, out);
  return out;
}

std::string story(const Json& seen) {
  std::string text = "  phase: " + text_of(seen["phase"]) + "\n";
  if (seen.contains("message")) text += "  message: " + text_of(seen["message"]) + "\n";
  if (seen.contains("progress")) text += "  progress: " + text_of(seen["progress"]) + "\n";
  text += "  nodes:\n";
  for (const auto& [name, node] : seen.at("nodes").items()) {
    text += "    " + name + ": {is: '" + summary(node) + "'";
    for (const char* key : {"startedAt", "finishedAt", "inputs", "outputs", "children"}) {
      if (node.contains(key)) text += std::string(", ") + key + ": " + node[key].dump();
    }
    text += "}\n";
  }
  return text;
}

}  // namespace gantry::features
