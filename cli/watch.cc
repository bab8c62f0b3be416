#include "cli/watch.h"

#include <algorithm>

#include "cli/render/status.h"

namespace gantry::cli {
namespace {

constexpr auto kFirstWord = std::chrono::seconds(1);

}  // namespace

bool Retry::again(Steady::time_point now) {
  if (!failing_since_) failing_since_ = now;
  if (now - *failing_since_ > kPatience) return false;
  at_ = now + delay_;
  delay_ = std::min<Duration>(delay_ * 2, kLongest);
  return true;
}

bool Retry::due(Steady::time_point now) {
  if (!at_ || now < *at_) return false;
  at_.reset();
  return true;
}

WorkflowWatch::WorkflowWatch(Session& session, std::string name,
                             std::function<void(const Json&)> on_change, bool exists)
    : session_(session),
      name_(std::move(name)),
      on_change_(std::move(on_change)),
      had_state_(exists) {
  read();
}

WorkflowWatch::~WorkflowWatch() { stop(); }

void WorkflowWatch::stop() {
  stopped_ = true;
  session_.client->cancel(exchange_);
}

void WorkflowWatch::tick() {
  if (stopped_ || error_) return;
  // A watch begins with the object as it is. When it does not, the workflow went away in between.
  bool silent = silent_since_ && Steady::now() - *silent_since_ > kFirstWord;
  if (silent) {
    silent_since_.reset();
    session_.client->cancel(exchange_);
  }
  if (silent || retry_.due(Steady::now())) read();
}

// The workflow is read before it is watched, each time: a watch of what is not there would say
// nothing for ever.
void WorkflowWatch::read() {
  exchange_ = session_.client->start(
      {.path = session_.workflow(name_)}, nullptr, [this](const Result<std::string>& body) {
        if (!body) {
          if (had_state_ && body.error().code == Code::Unavailable) return lost(body.error());
          error_ = body.error();
          if (had_state_ && error_->code == Code::NotFound) {
            error_->message = "workflow " + name_ + " was deleted";
          }
          return;
        }
        std::optional<Json> workflow = parse_json(*body);
        if (!workflow || !workflow->is_object()) {
          error_ = Error{Code::Internal, "gantryd's answer is not a workflow"};
          return;
        }
        if (std::string real = text_at(*workflow, {"metadata", "name"}); !real.empty())
          name_ = real;
        had_state_ = true;
        retry_.worked();
        on_change_(*workflow);
        if (!stopped_) watch();
      });
}

void WorkflowWatch::watch() {
  Request request{.path = session_.collection("workflow-events"),
                  .query = {{"listOptions.fieldSelector", "metadata.name=" + name_},
                            {"listOptions.resourceVersion", "0"}}};
  silent_since_ = Steady::now();
  exchange_ = session_.client->start(
      std::move(request),
      [this](const Json& event) {
        silent_since_.reset();
        if (stopped_ || error_) return;
        if (text_at(event, {"type"}) == "DELETED") {
          error_ = Error{Code::NotFound, "workflow " + name_ + " was deleted"};
          return;
        }
        const Json& workflow = at(event, {"object"});
        if (workflow.is_object()) on_change_(workflow);
      },
      [this](const Result<std::string>& end) {
        silent_since_.reset();
        if (!stopped_ && !error_) lost(end ? Error{Code::Unavailable, ""} : end.error());
      });
}

void WorkflowWatch::lost(const Error& error) {
  if (error.code != Code::Unavailable || !retry_.again(Steady::now())) error_ = error;
}

LogStream::LogStream(Session& session, std::string name,
                     std::vector<std::pair<std::string, std::string>> query, bool resumable,
                     std::function<void(LogLine)> on_line)
    : session_(session),
      name_(std::move(name)),
      query_(std::move(query)),
      resumable_(resumable),
      on_line_(std::move(on_line)) {
  open();
}

LogStream::~LogStream() { session_.client->cancel(exchange_); }

void LogStream::tick() {
  if (!ended_ && !error_ && retry_.due(Steady::now())) open();
}

void LogStream::resume() {
  if (!resumable_ || error_) return;
  ended_ = false;
  retry_.later(Steady::now());
}

void LogStream::open() {
  for (auto& [pod, count] : pods_) count.to_skip = count.shown;
  exchange_ = session_.client->start(
      {.path = session_.workflow(name_) + "/log", .query = query_},
      [this](const Json& entry) {
        opened_ = true;
        retry_.worked();
        LogLine line{text_at(entry, {"podName"}), text_at(entry, {"content"})};
        Count& count = pods_[line.pod];
        if (count.to_skip > 0) {
          --count.to_skip;
          return;
        }
        ++count.shown;
        on_line_(std::move(line));
      },
      [this](const Result<std::string>& end) {
        if (end) {
          ended_ = true;
          opened_ = true;
        } else if (!resumable_ || !opened_ || end.error().code != Code::Unavailable ||
                   !retry_.again(Steady::now())) {
          error_ = end.error();
        }
      });
}

}  // namespace gantry::cli
