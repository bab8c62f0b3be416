#include "tests/features/case.h"

#include <fstream>
#include <set>
#include <sstream>

#include "workflow/document.h"
#include "workflow/quantity.h"

namespace gantry::features {

namespace {

tl::unexpected<Error> wrong(std::string what) { return fail(Code::InvalidArgument, std::move(what)); }

Result<void> check_keys(const Json& json, const std::string& where, const std::set<std::string>& known) {
  if (!json.is_object()) return wrong(where + " is no map");
  for (const auto& [key, value] : json.items()) {
    if (!known.contains(key)) return wrong(where + ": unknown key \"" + key + "\"");
  }
  return {};
}

const std::set<std::string> kPod = {"exit",    "run",         "stdout",        "files", "missing",      "lost",
                                    "ready",   "containers",  "prepare-error", "oom",   "ignores-term", "prepare"};
const std::set<std::string> kContainer = {"exit", "run", "earlier-exits", "oom", "ignores-term"};
const std::set<std::string> kAction = {"at",   "does",    "of",      "nodes",              "message", "phase",
                                       "name", "refused", "outputs", "restart-successful", "sees"};
const std::set<std::string> kDeeds = {"suspend", "resume", "stop",   "terminate", "retry",
                                      "resubmit", "set",   "delete", "restart-daemon"};
const std::set<std::string> kExpect = {"phase",    "message", "progress", "outputs", "nodes",       "some-nodes",
                                       "no-nodes", "starts",  "given",    "labels",  "annotations", "claims-removed",
                                       "suspended"};
const std::set<std::string> kErrors = {"refused", "lint", "cron"};
const std::set<std::string> kCase = {"case", "pods", "parameters", "submitted", "server",    "keys",
                                     "host", "user", "cron",       "expect",    "expect-of"};

Result<void> check_pod(const Json& pod, const std::string& where) {
  if (pod.is_array()) {
    for (const Json& life : pod) {
      if (auto good = check_pod(life, where); !good) return good;
    }
    return {};
  }
  if (auto good = check_keys(pod, where, kPod); !good) return good;
  for (const auto& [name, container] : map_at(pod, "containers").items()) {
    if (auto good = check_keys(container, where + " container " + name, kContainer); !good) return good;
  }
  return {};
}

Result<Action> read_action(const Json& json) {
  if (auto good = check_keys(json, "user", kAction); !good) return fail(good.error());
  Action action;
  auto at = read_duration(json.value("at", Json("0")));
  if (!at) return fail(at.error());
  action.at = *at;
  const auto text = [&](const char* key) { return json.contains(key) ? text_of(json.at(key)) : ""; };
  action.does = text("does");
  action.of = text("of");
  action.nodes = text("nodes");
  action.message = text("message");
  action.phase = text("phase");
  action.name = text("name");
  action.refused = text("refused");
  action.outputs = json.value("outputs", Json::object());
  action.restart_successful = json.value("restart-successful", false);
  action.sees = json.value("sees", Json());
  if (action.does.empty() && action.sees.is_null()) return wrong("user: somebody does nothing and sees nothing");
  if (!action.does.empty() && !kDeeds.contains(action.does)) return wrong("user: nobody can \"" + action.does + "\"");
  if (!action.sees.is_null()) {
    if (auto good = check_keys(action.sees, "sees", kExpect); !good) return fail(good.error());
  }
  return action;
}

Result<CronStory> read_cron(const Json& json) {
  if (auto good = check_keys(json, "cron", {"from", "until", "runs-take", "phases", "down"}); !good) return fail(good.error());
  CronStory story;
  const auto time = [](const Json& text) { return parse_rfc3339(text_of(text)); };
  const auto from = time(json.value("from", Json())), until = time(json.value("until", Json()));
  if (!from || !until) return wrong("cron: from and until are times");
  story.from = *from;
  story.until = *until;
  auto take = read_duration(json.value("runs-take", Json("0")));
  if (!take) return fail(take.error());
  story.runs_take = *take;
  for (const Json& phase : json.value("phases", Json::array())) story.phases.push_back(text_of(phase));
  if (json.contains("down")) {
    const auto begin = time(json["down"].at(0)), end = time(json["down"].at(1));
    if (!begin || !end) return wrong("cron: down is a list of two times");
    story.down = {*begin, *end};
  }
  return story;
}

Result<void> read_description(const Json& json, Case& out) {
  if (auto good = check_keys(json, "the description", kCase); !good) return good;
  out.what = json.value("case", "");
  if (out.what.empty()) return wrong("case: what is it about?");
  out.pods = json.value("pods", Json::object());
  for (const auto& [name, pod] : out.pods.items()) {
    if (auto good = check_pod(pod, "pods: " + name); !good) return good;
  }
  for (const auto& [name, value] : map_at(json, "parameters").items()) out.parameters[name] = text_of(value);
  for (const auto& [name, value] : map_at(json, "submitted").items()) {
    auto when = read_duration(value);
    if (!when) return fail(when.error());
    out.submitted[name] = *when;
  }
  out.server = json.value("server", Json::object());
  for (const auto& [url, answer] : out.server.items()) {
    if (auto good = check_keys(answer, "server: " + url, {"status", "body", "headers", "error"}); !good) return good;
  }
  for (const Json& key : json.value("keys", Json::array())) out.keys.push_back(text_of(key));
  out.host = json.value("host", Json::object());
  if (auto good = check_keys(out.host, "host", {"cpu", "memory", "slots", "resources"}); !good) return good;
  for (const Json& one : json.value("user", Json::array())) {
    auto action = read_action(one);
    if (!action) return fail(action.error());
    out.user.push_back(std::move(*action));
  }
  if (json.contains("cron")) {
    auto story = read_cron(json["cron"]);
    if (!story) return fail(story.error());
    out.cron = std::move(*story);
  }
  out.expect = json.value("expect", Json());
  for (const auto& [name, one] : map_at(json, "expect-of").items()) {
    if (auto good = check_keys(one, "expect-of: " + name, kExpect); !good) return good;
    out.expect_of[name] = one;
  }
  if (out.expect.is_null()) return out.expect_of.empty() ? Result<void>(wrong("nothing is expected")) : Result<void>();
  std::set<std::string> known = kExpect;
  known.insert(kErrors.begin(), kErrors.end());
  if (out.expect.empty()) return wrong("nothing is expected");
  return check_keys(out.expect, "expect", known);
}

}  // namespace

std::string text_of(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  return value.is_null() ? "" : value.dump();
}

const Json& map_at(const Json& json, const std::string& key) {
  static const Json empty = Json::object();
  const auto found = json.find(key);
  return found != json.end() && found->is_object() ? *found : empty;
}

Result<Duration> read_duration(const Json& value) { return workflow::parse_duration_or_seconds(text_of(value)); }

Result<Case> read_case(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::stringstream stream;
  stream << in.rdbuf();
  const std::string bytes = stream.str();
  const auto end = bytes.find("\n---\n");
  if (end == std::string::npos) return wrong("there is no manifest after the description");
  workflow::Diagnostics diagnostics;
  const auto document = workflow::Document::parse_yaml(bytes.substr(0, end + 1), {}, diagnostics);
  if (diagnostics.has_errors()) return wrong(workflow::to_string(diagnostics.items().front(), file.string()));
  if (document.roots().size() != 1) return wrong("there is no description");
  Case out;
  if (auto good = read_description(Json::parse(workflow::to_json(*document.roots().front())), out); !good) {
    return fail(good.error());
  }
  out.manifests = bytes.substr(end + 5);
  return out;
}

}  // namespace gantry::features
