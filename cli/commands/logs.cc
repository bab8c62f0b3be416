#include "cli/commands/commands.h"
#include "cli/render/age.h"
#include "cli/render/status.h"
#include "cli/watch.h"

namespace gantry::cli {
namespace {

using Query = std::vector<std::pair<std::string, std::string>>;

struct LogsOptions {
  std::string workflow, pod, container = "main", since, since_time, grep, selector;
  bool follow = false, timestamps = false;
  std::optional<int> tail;
};

/// Pods are awkward to type: a step's name stands for its pod, a retried step's for its last
/// attempt.
Result<std::string> pod_of(Session& session, const std::string& workflow,
                           const std::string& given) {
  Result<Json> object = session.get_workflow(workflow);
  if (!object) return fail(object.error());
  std::string name = text_at(*object, {"metadata", "name"});
  const Json& nodes = at(*object, {"status", "nodes"});
  const Json* found = nullptr;
  for (const Json& node : nodes) {
    bool pod = text_at(node, {"type"}) == "Pod";
    if (pod && pod_name(name, node) == given) return given;
    bool named = text_at(node, {"displayName"}) == given || text_at(node, {"name"}) == given ||
                 text_at(node, {"id"}) == given;
    if (named && (pod || text_at(node, {"type"}) == "Retry")) found = &node;
  }
  if (found && text_at(*found, {"type"}) == "Retry") {
    const Json& attempts = at(*found, {"children"});
    std::string last = attempts.empty() || !attempts.back().is_string() ? "" : attempts.back();
    const Json& attempt = at(nodes, {last});
    found = attempt.is_object() ? &attempt : nullptr;
  }
  if (!found)
    return fail(Code::NotFound, "workflow " + name + " has no pod or step '" + given + "'");
  return pod_name(name, *found);
}

int show_logs(Session& session, const std::string& workflow, Query query, bool resumable) {
  const Terminal& out = session.out;
  LogStream stream(session, workflow, std::move(query), resumable, [&](const LogLine& line) {
    std::string content = out.interactive ? sanitize_line(line.content, out.color) : line.content;
    std::string pod = out.interactive ? flatten(line.pod) : line.pod;
    // The content's own colours would be lost in ours: colour the name alone then.
    bool colored = content.find('\x1b') != std::string::npos;
    print_line(colored ? paint(pod + ":", color_of(line.pod), out.color) + " " + content
                       : paint(pod + ": " + content, color_of(line.pod), out.color));
  });
  while (!stream.ended() && !stream.error()) {
    std::fflush(stdout);
    session.client->poll(1000);
    stream.tick();
    if (!stream.ended() || !resumable) continue;
    // The daemon also ends its streams when it restarts: then there is more to come.
    Result<Json> object = session.get_workflow(workflow);
    bool away = !object && object.error().code == Code::Unavailable;
    if (away || (object && !finished(*object))) stream.resume();
  }
  return stream.error() ? report(*stream.error()) : 0;
}

int logs(Session& session, const LogsOptions& options) {
  Query query{{"logOptions.container", options.container}};
  if (!options.since.empty() && !options.since_time.empty()) {
    return report("--since-time and --since cannot be used together");
  }
  if (!options.since.empty()) {
    auto since = parse_duration(options.since);
    if (!since) return report("--since " + options.since + ": not a duration (as 5s, 2m or 3h)");
    query.emplace_back("logOptions.sinceSeconds",
                       std::to_string(std::chrono::floor<std::chrono::seconds>(*since).count()));
  }
  if (!options.since_time.empty()) {
    if (!parse_rfc3339(options.since_time)) {
      return report("--since-time " + options.since_time +
                    ": not a time (as 2006-01-02T15:04:05Z)");
    }
    query.emplace_back("logOptions.sinceTime", options.since_time);
  }
  if (options.tail && *options.tail >= 0) {
    query.emplace_back("logOptions.tailLines", std::to_string(*options.tail));
  }
  if (options.follow) query.emplace_back("logOptions.follow", "true");
  if (options.timestamps) query.emplace_back("logOptions.timestamps", "true");
  if (!options.grep.empty()) query.emplace_back("grep", options.grep);
  if (!options.selector.empty()) query.emplace_back("selector", options.selector);
  if (!options.pod.empty()) {
    Result<std::string> pod = pod_of(session, options.workflow, options.pod);
    if (!pod) return report(pod.error());
    query.emplace_back("podName", *pod);
  }
  bool resumable = options.follow && !options.tail && options.since.empty();
  return show_logs(session, options.workflow, std::move(query), resumable);
}

}  // namespace

int follow_logs(Session& session, const std::string& name) {
  return show_logs(session, name, {{"logOptions.container", "main"}, {"logOptions.follow", "true"}},
                   true);
}

void add_logs(Command& root, Session& session) {
  auto options = std::make_shared<LogsOptions>();
  root.add("logs", "Print the log of a workflow", "Workflows")
      .argument("WORKFLOW", options->workflow, "Its name; @latest is the newest")
      .optional_argument("POD", options->pod, "Only of this pod or step")
      .flag("-f,--follow", options->follow, "Go on until the workflow is over")
      .option("-c,--container", options->container, "Of this container")
      .option("--since", options->since, "Only newer than 5s, 2m, 3h")
      .option("--since-time", options->since_time, "Only after this time (RFC 3339)")
      .option("--tail", options->tail, "Only so many last lines")
      .flag("--timestamps", options->timestamps, "With the time of each line")
      .option("--grep", options->grep, "Only lines that match")
      .option("-l,--selector", options->selector, "Only of pods with these labels")
      .action([&session, options] { return logs(session, *options); });
}

}  // namespace gantry::cli
