#include "daemon/audit_log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <deque>
#include <fstream>
#include <utility>

#include "base/json_text.h"
#include "base/unique_fd.h"

namespace gantry {
namespace {

/// All of `text` or nothing: half a line would take the next one with it. Worker thread.
Result<void> append(const AuditLog::Settings& settings, const std::string& text) {
  struct stat info {};
  if (settings.max_size > 0 && ::stat(settings.file.c_str(), &info) == 0 && info.st_size > 0 &&
      info.st_size + static_cast<std::int64_t>(text.size()) > settings.max_size &&
      std::rename(settings.file.c_str(), (settings.file + ".1").c_str()) != 0) {
    return fail(errno_error("rotate the audit log " + settings.file, errno));
  }
  UniqueFd fd(::open(settings.file.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640));
  if (!fd.valid()) return fail(errno_error("open the audit log " + settings.file, errno));
  if (::fstat(fd.get(), &info) != 0) return fail(errno_error("open the audit log " + settings.file, errno));
  std::string_view rest = text;
  while (!rest.empty()) {
    const ssize_t count = ::write(fd.get(), rest.data(), rest.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      Error error = errno_error("write the audit log " + settings.file, errno);
      if (::ftruncate(fd.get(), info.st_size) != 0) error.message += "; half a line is left in it";
      return fail(std::move(error));
    }
    rest.remove_prefix(static_cast<std::size_t>(count));
  }
  return {};
}

/// The last lines of a file, before those that are there. Worker thread.
void read_last(const std::string& file, std::size_t most, std::deque<std::string>& lines) {
  std::ifstream in(file);
  std::deque<std::string> found;
  const std::size_t room = most - lines.size();
  for (std::string line; std::getline(in, line);) {
    found.push_back(std::move(line));
    if (found.size() > room) found.pop_front();
  }
  lines.insert(lines.begin(), std::make_move_iterator(found.begin()), std::make_move_iterator(found.end()));
}

}  // namespace

api::Json audit_json(const api::AuditRecord& record) {
  api::Json line{{"time", rfc3339_millis(record.at)}, {"uid", record.caller.uid}, {"gid", record.caller.gid},
                 {"pid", record.caller.pid},          {"method", record.method},  {"path", record.path},
                 {"status", record.status}};
  if (!record.object.empty()) line["object"] = record.object;
  if (!record.error.empty()) line["error"] = record.error;
  return line;
}

struct AuditLog::State {
  Settings settings;
  Executor& executor;
  std::function<void(const std::string&)> log;
  std::string lines;  ///< not written yet
  std::vector<std::function<void()>> waiters;
  bool writing = false, failing = false;
};

AuditLog::AuditLog(Settings settings, Executor& executor, std::function<void(const std::string&)> log)
    : state_(std::make_shared<State>(State{std::move(settings), executor, std::move(log), {}, {}})) {}

AuditLog::~AuditLog() = default;

void AuditLog::write(const api::AuditRecord& record) {
  state_->lines += json_text(audit_json(record)) + '\n';
  send(state_);
}

void AuditLog::flush(std::function<void()> done) {
  if (!state_->writing && state_->lines.empty()) return done();
  state_->waiters.push_back(std::move(done));
}

void AuditLog::send(const std::shared_ptr<State>& state) {
  if (state->writing) return;
  if (state->lines.empty()) {
    for (auto& waiter : std::exchange(state->waiters, {})) waiter();
    return;
  }
  state->writing = true;
  struct Work {
    std::string text;
    Result<void> result;
  };
  auto work = std::make_shared<Work>(Work{std::exchange(state->lines, {}), {}});
  // Held strongly: what is on its way is written whatever becomes of the log.
  state->executor.offload([work, settings = state->settings] { work->result = append(settings, work->text); },
                          [work, state] {
                            state->writing = false;
                            const bool failed = !work->result;
                            if (failed != std::exchange(state->failing, failed) && state->log) {
                              state->log(failed ? work->result.error().message + "; what is done is not recorded"
                                                : "the audit log is written again");
                            }
                            send(state);
                          });
}

void AuditLog::read(std::size_t lines, std::function<void(Result<std::vector<api::Json>>)> done) {
  flush([state = state_, lines, done = std::move(done)] {
    auto found = std::make_shared<std::vector<api::Json>>();
    state->executor.offload(
        [found, lines, file = state->settings.file] {
          std::deque<std::string> texts;
          read_last(file, lines, texts);
          if (texts.size() < lines) read_last(file + ".1", lines, texts);
          for (const std::string& text : texts) {
            api::Json line = api::Json::parse(text, nullptr, false);
            // A line that was torn by a power cut is shown as it is.
            found->push_back(line.is_object() ? std::move(line) : api::Json{{"torn", text}});
          }
        },
        [found, done] { done(std::move(*found)); });
  });
}

}  // namespace gantry
