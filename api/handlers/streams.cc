#include <regex>

#include "api/handlers/handlers.h"
#include "api/selector.h"

namespace gantry::api {
namespace {

tl::unexpected<Error> pass(Error error) { return tl::unexpected<Error>(std::move(error)); }

Result<WatchQuery> read_watch(const Request& request) {
  WatchQuery watch;
  watch.name_space = request.name_space();
  auto labels = parse_label_selector(request.query.text("listOptions.labelSelector"));
  if (!labels) return pass(std::move(labels.error()));
  watch.labels = std::move(*labels);
  auto name = parse_name_selector(request.query.text("listOptions.fieldSelector"));
  if (!name) return pass(std::move(name.error()));
  watch.name = std::move(*name);
  return watch;
}

Result<LogQuery> read_logs(const Request& request) {
  const Query& query = request.query;
  LogQuery logs;
  logs.name_space = request.name_space();
  logs.name = request.name();
  logs.pod = request.param("podName").empty() ? query.text("podName") : request.param("podName");
  if (!logs.pod.empty() && !is_dns_subdomain(logs.pod)) {
    return fail(Code::InvalidArgument,
                "query parameter podName: \"" + logs.pod + "\" is not a pod's name");
  }
  logs.container = query.text("logOptions.container");
  if (!logs.container.empty() && !is_dns_label(logs.container)) {
    return fail(Code::InvalidArgument, "query parameter logOptions.container: \"" + logs.container +
                                           "\" is not a container's name");
  }
  for (const char* unsupported : {"selector", "logOptions.limitBytes"}) {
    if (!query.text(unsupported).empty()) {
      return fail(Code::Unimplemented, std::string("not supported yet: ") + unsupported);
    }
  }
  auto previous = query.boolean("logOptions.previous");
  if (!previous) return pass(std::move(previous.error()));
  if (*previous) return fail(Code::Unimplemented, "not supported yet: logOptions.previous");
  auto follow = query.boolean("logOptions.follow"),
       timestamps = query.boolean("logOptions.timestamps");
  if (!follow) return pass(std::move(follow.error()));
  if (!timestamps) return pass(std::move(timestamps.error()));
  logs.follow = *follow;
  logs.timestamps = *timestamps;
  auto tail = query.number("logOptions.tailLines"),
       seconds = query.number("logOptions.sinceSeconds");
  if (!tail) return pass(std::move(tail.error()));
  if (!seconds) return pass(std::move(seconds.error()));
  if (*tail) logs.tail_lines = **tail;
  auto since = query.time("logOptions.sinceTime");
  if (!since) return pass(std::move(since.error()));
  logs.since = *since;
  if (*seconds) {
    if (logs.since) {
      return fail(Code::InvalidArgument,
                  "at most one of logOptions.sinceTime or logOptions.sinceSeconds");
    }
    // More seconds than since the epoch mean "all".
    auto age =
        std::chrono::duration_cast<std::chrono::seconds>(request.received.time_since_epoch());
    if (**seconds < static_cast<std::uint64_t>(age.count())) {
      logs.since = request.received - std::chrono::seconds(static_cast<std::int64_t>(**seconds));
    }
  }
  logs.grep = query.text("grep");
  try {
    std::regex check(logs.grep);
  } catch (const std::regex_error& e) {
    return fail(Code::InvalidArgument, "query parameter grep: \"" + logs.grep + "\": " + e.what());
  }
  return logs;
}

}  // namespace

void watch_workflows(Backend& backend, Request& request, AnswerPtr answer) {
  auto watch = read_watch(request);
  if (!watch) return answer->fail(std::move(watch.error()));
  backend.watch(std::move(*watch), answer->stream(Fields(request.query.text("fields"))));
}

void workflow_logs(Backend& backend, Request& request, AnswerPtr answer) {
  auto logs = read_logs(request);
  if (!logs) return answer->fail(std::move(logs.error()));
  backend.logs(std::move(*logs), answer->stream(Fields()));
}

}  // namespace gantry::api
