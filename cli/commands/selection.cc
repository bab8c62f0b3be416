#include "cli/commands/selection.h"

#include <algorithm>

#include "cli/commands/commands.h"
#include "cli/render/age.h"
#include "cli/render/workflow_list.h"

namespace gantry::cli {
namespace {

// What the table shows, and no node: a list of many workflows stays small.
constexpr const char* kTableFields =
    "metadata,items.metadata,items.spec,items.status.phase,items.status.message,"
    "items.status.finishedAt,items.status.startedAt,items.status.estimatedDuration,"
    "items.status.progress";

std::string label_selector(const Selection& selection) {
  std::string out = selection.labels;
  auto term = [&](const std::string& text) { out += (out.empty() ? "" : ",") + text; };
  if (!selection.status.empty()) {
    std::string phases;
    for (const std::string& phase : selection.status) phases += (phases.empty() ? "" : ",") + phase;
    term("workflows.argoproj.io/phase in (" + phases + ")");
  }
  if (selection.completed) term("workflows.argoproj.io/completed=true");
  if (selection.running) term("workflows.argoproj.io/completed!=true");
  return out;
}

Result<std::optional<Time>> ago(const std::string& text, const char* option) {
  if (text.empty()) return std::optional<Time>();
  std::optional<Duration> duration = parse_duration(text);
  if (!duration) {
    return fail(Code::InvalidArgument,
                std::string(option) + " " + text + ": not a duration (as 30s, 10m, 2h or 1d)");
  }
  return std::optional<Time>(wall_clock() - *duration);
}

}  // namespace

void add_selection(Command& command, Selection& selection) {
  command.flag("-A,--all-namespaces", selection.all_namespaces, "In all namespaces")
      .flag("--completed", selection.completed, "Only those that are over")
      .list("--status", selection.status, "Only in these phases")
      .option("--prefix", selection.prefix, "Only names that begin so")
      .option("--older", selection.older, "Only those that ended longer ago than 10m, 2h, 1d")
      .option("-l,--selector", selection.labels, "Only with these labels: a=b,c!=d")
      .option("--field-selector", selection.fields, "Only with these fields: metadata.name=x");
}

Result<std::vector<Json>> select_workflows(Session& session, const Selection& selection) {
  if (selection.completed && selection.running) {
    return fail(Code::InvalidArgument, "--completed and --running cannot be used together");
  }
  auto since = ago(selection.since, "--since");
  if (!since) return fail(since.error());
  auto older = ago(selection.older, "--older");
  if (!older) return fail(older.error());

  Request request{.path = selection.all_namespaces ? "/api/v1/workflows/"
                                                   : session.collection("workflows")};
  auto add = [&](const char* key, const std::string& value) {
    if (!value.empty()) request.query.emplace_back(key, value);
  };
  add("listOptions.labelSelector", label_selector(selection));
  add("listOptions.fieldSelector", selection.fields);
  if (!selection.with_nodes) add("fields", kTableFields);

  std::vector<Json> workflows;
  for (std::string page;;) {
    Request next = request;
    if (!page.empty()) next.query.emplace_back("listOptions.continue", page);
    Result<Json> answer = session.client->call(std::move(next));
    if (!answer) return fail(answer.error());
    for (const Json& item : at(*answer, {"items"})) {
      auto created = time_at(item, {"metadata", "creationTimestamp"});
      auto ended = time_at(item, {"status", "finishedAt"});
      if (!text_at(item, {"metadata", "name"}).starts_with(selection.prefix)) continue;
      if (*since && !(created && *created > **since)) continue;
      if (*older && !(ended && *ended < **older)) continue;
      workflows.push_back(item);
    }
    std::string after = text_at(*answer, {"metadata", "continue"});
    if (after.empty() || after == page) break;
    page = after;
  }
  sort_workflows(workflows);
  return workflows;
}

Result<std::vector<Target>> select_targets(Session& session, const Selection& selection,
                                           const std::vector<std::string>& names) {
  if (names.empty() && !selection.narrows()) {
    return fail(Code::InvalidArgument, "requires either selector or workflow");
  }
  std::vector<Target> targets;
  auto add = [&](Target target) {
    if (std::find(targets.begin(), targets.end(), target) == targets.end()) {
      targets.push_back(std::move(target));
    }
  };
  if (selection.narrows()) {
    auto found = select_workflows(session, selection);
    if (!found) return fail(found.error());
    for (const Json& item : *found) {
      add({text_at(item, {"metadata", "namespace"}), text_at(item, {"metadata", "name"})});
    }
  }
  for (const std::string& name : names) add({session.name_space, name});
  return targets;
}

Result<Json> command_workflow(Session& session, const Target& target, const std::string& verb,
                              Json body) {
  session.name_space = target.first;
  body["namespace"] = target.first;
  body["name"] = target.second;
  return session.client->call({.method = "PUT",
                               .path = session.workflow(target.second) + "/" + verb,
                               .body = body.dump(),
                               .content_type = "application/json"});
}

}  // namespace gantry::cli
