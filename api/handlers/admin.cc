// The daemon itself: its state, draining, checks and copies of its store, its audit log. Whoever may
// write to the socket may run workflows; these are for root and the daemon's own user only, because a
// backup has the Secrets in it.

#include <unistd.h>

#include <charconv>

#include "api/handlers/handlers.h"

namespace gantry::api {
namespace {

/// False when the caller may not, who then has his answer.
bool admitted(const Request& request, const AnswerPtr& answer) {
  if (request.caller.uid == 0 || request.caller.uid == ::geteuid()) return true;
  answer->fail(Error{Code::PermissionDenied,
                     "uid " + std::to_string(request.caller.uid) +
                         " may not administer gantryd: that is for root and the user that it runs as"});
  return false;
}

constexpr std::size_t kDefaultLines = 100, kMaxLines = 10'000;

Result<std::size_t> lines_of(const std::string& text) {
  if (text.empty()) return kDefaultLines;
  std::size_t lines = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), lines);
  if (parsed.ec == std::errc() && parsed.ptr == text.data() + text.size() && lines <= kMaxLines) return lines;
  return fail(Code::InvalidArgument,
              "lines is \"" + text + "\", not a whole number up to " + std::to_string(kMaxLines));
}

Result<DrainMode> mode_of(const std::string& text) {
  if (text.empty() || text == "finish") return DrainMode::Finish;
  if (text == "stop") return DrainMode::Stop;
  if (text == "terminate") return DrainMode::Terminate;
  return fail(Code::InvalidArgument, "mode is \"" + text + "\", not finish, stop or terminate");
}

Json items(std::vector<Json> list) { return {{"items", std::move(list)}}; }

}  // namespace

void daemon_status(Backend& backend, Request&, AnswerPtr answer) { answer->object(backend.status()); }

void drain_daemon(Backend& backend, Request& request, AnswerPtr answer) {
  if (!admitted(request, answer)) return;
  auto mode = mode_of(request.query.text("mode"));
  if (!mode) return answer->fail(std::move(mode.error()));
  backend.drain(*mode, request.caller, reply_with_object(answer));
}

void resume_daemon(Backend& backend, Request& request, AnswerPtr answer) {
  if (!admitted(request, answer)) return;
  backend.resume(request.caller, reply_with_object(answer));
}

void check_store(Backend& backend, Request& request, AnswerPtr answer) {
  if (!admitted(request, answer)) return;
  backend.check_store(answer->stream({}));
}

void backup_store(Backend& backend, Request& request, AnswerPtr answer) {
  if (!admitted(request, answer)) return;
  backend.backup([answer](Result<std::shared_ptr<ArtifactFile>> file) {
    if (!file) return answer->fail(std::move(file.error()));
    answer->file(std::move((*file)->content), (*file)->name, "application/vnd.sqlite3");
  });
}

void read_audit_log(Backend& backend, Request& request, AnswerPtr answer) {
  if (!admitted(request, answer)) return;
  auto lines = lines_of(request.query.text("lines"));
  if (!lines) return answer->fail(std::move(lines.error()));
  backend.audit_log(*lines, reply_with<std::vector<Json>>(answer, items));
}

void workflow_history(Backend& backend, Request& request, AnswerPtr answer) {
  backend.events(request.name_space(), request.name(), reply_with<std::vector<Json>>(answer, items));
}

}  // namespace gantry::api
