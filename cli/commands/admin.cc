// The daemon itself, for root: its state, draining, checks and copies of its store, its audit log.

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <thread>

#include "base/durable.h"
#include "base/json_text.h"
#include "base/unique_fd.h"
#include "cli/commands/commands.h"
#include "cli/render/age.h"
#include "cli/render/table.h"
#include "workflow/quantity.h"

namespace gantry::cli {
namespace {

// ---- status ----

int print_status(const Json& status, bool json) {
  if (json) {
    print_json(status);
    return 0;
  }
  const bool accepting = at(status, {"accepting"}) == true;
  print_line("Workflows:  " + std::to_string(status.value("workflows", 0)));
  print_line("Steps:      " + std::to_string(status.value("steps", 0)));
  print_line(std::string("Accepting:  ") + (accepting ? "yes" : "no"));
  if (at(status, {"draining"}) == true) {
    print_line(std::string("Draining:   ") + (at(status, {"drained"}) == true ? "done" : "under way"));
  }
  if (const std::string reason = text_at(status, {"reason"}); !reason.empty()) print_line("Reason:     " + reason);
  if (at(status, {"containerd"}) == false) print_line("containerd: no connection");
  return 0;
}

int show_status(Session& session, const std::string& output) {
  Result<Json> status = session.client->call({.path = "/api/v1/admin/status"});
  if (!status) return report(status.error());
  return print_status(*status, output == "json");
}

// ---- drain ----

struct DrainOptions {
  bool stop = false, terminate = false, resume = false, no_wait = false;
  std::string timeout;
};

/// 0 once nothing runs any more, 1 when the time is over.
int wait_until_drained(Session& session, std::optional<Duration> timeout) {
  const auto until = std::chrono::steady_clock::now() + timeout.value_or(Duration::zero());
  while (true) {
    Result<Json> status = session.client->call({.path = "/api/v1/admin/status"});
    if (!status) return report(status.error());
    if (at(*status, {"draining"}) != true) return report("somebody ended the draining");
    if (at(*status, {"drained"}) == true) {
      print_line("drained: nothing runs any more");
      return 0;
    }
    if (timeout && std::chrono::steady_clock::now() >= until) {
      return report(std::to_string(status->value("workflows", 0)) +
                    " workflow(s) still run; gantryd goes on draining (--resume ends that)");
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  }
}

int drain(Session& session, const DrainOptions& options) {
  if (options.resume) {
    Result<Json> status = session.client->call({.method = "POST", .path = "/api/v1/admin/resume"});
    if (!status) return report(status.error());
    print_line("gantryd takes workflows again");
    return 0;
  }
  if (options.stop && options.terminate) return report("--stop and --terminate are two different things");
  std::optional<Duration> timeout;
  if (!options.timeout.empty()) {
    auto parsed = workflow::parse_duration_or_seconds(options.timeout);
    if (!parsed) return report("--timeout: " + parsed.error().message);
    timeout = *parsed;
  }
  Request request{.method = "POST", .path = "/api/v1/admin/drain"};
  request.query.emplace_back("mode", options.stop ? "stop" : options.terminate ? "terminate" : "finish");
  Result<Json> status = session.client->call(std::move(request));
  if (!status) return report(status.error());
  print_line("gantryd takes no new workflows; " + std::to_string(status->value("workflows", 0)) + " run");
  return options.no_wait ? 0 : wait_until_drained(session, timeout);
}

// ---- check ----

/// gantryd knows what a store is; the one of this installation first.
int check_file(const std::string& file) {
  std::error_code ignored;
  const auto here = std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path();
  const std::string path = std::filesystem::absolute(file, ignored).string();
  for (const auto& gantryd : {here / "gantryd", here / "../sbin/gantryd", std::filesystem::path("gantryd")}) {
    ::execlp(gantryd.c_str(), "gantryd", "--check-store", path.c_str(), nullptr);
    if (errno != ENOENT) return report(errno_error("run " + gantryd.string(), errno));
  }
  return report("gantryd, which checks files, is not installed");
}

int check(Session& session) {
  Json found;
  auto done = session.client->stream({.method = "POST", .path = "/api/v1/admin/check"},
                                     [&](Json result) { found = std::move(result); });
  if (!done) return report(done.error());
  for (const Json& problem : at(found, {"problems"})) print_line(problem.get<std::string>());
  if (at(found, {"more"}) == true) print_line("… and more");
  if (at(found, {"ok"}) != true) return report("something is wrong with the store");
  print_line("the store is sound: " + std::to_string(found.value("workflows", 0)) + " workflows, " +
             std::to_string(found.value("nodes", 0)) + " nodes, " + std::to_string(found.value("bytes", std::int64_t{0}) >> 20) + " MiB");
  return 0;
}

// ---- backup ----

/// Into a file beside it, which gets the name once all of it is on the disk: under `to` there is
/// a whole backup or nothing, and never another file than the one that was there.
Result<void> download_to(Session& session, const std::string& to) {
  if (::access(to.c_str(), F_OK) == 0) return fail(Code::AlreadyExists, to + " is there already");
  const std::string part = to + ".part";
  UniqueFd fd(::open(part.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd.valid()) return fail(errno_error("create " + part, errno));
  std::FILE* file = ::fdopen(fd.get(), "wb");
  if (file == nullptr) return fail(errno_error("write " + part, errno));
  (void)fd.release();
  auto done = session.client->download({.method = "POST", .path = "/api/v1/admin/backup"}, file);
  if (done && (std::fflush(file) != 0 || ::fsync(::fileno(file)) != 0)) done = fail(errno_error("write " + part, errno));
  if (std::fclose(file) != 0 && done) done = fail(errno_error("write " + part, errno));
  if (done && ::link(part.c_str(), to.c_str()) != 0) done = fail(errno_error("create " + to, errno));
  ::unlink(part.c_str());
  if (done) done = sync_directory_of(to);
  return done;
}

int backup(Session& session, const std::string& file) {
  if (auto done = download_to(session, file); !done) return report(done.error());
  struct stat info {};
  const auto size = ::stat(file.c_str(), &info) == 0 ? info.st_size : 0;
  print_line("wrote " + file + " (" + std::to_string(size) + " bytes). It holds Secrets: keep it as you keep them");
  return 0;
}

// ---- audit ----

int audit(Session& session, const std::string& output, std::optional<int> lines) {
  Request request{.path = "/api/v1/admin/audit"};
  if (lines) request.query.emplace_back("lines", std::to_string(*lines));
  Result<Json> answer = session.client->call(std::move(request));
  if (!answer) return report(answer.error());
  Table table(3);
  table.row({"TIME", "UID", "PID", "METHOD", "STATUS", "WHAT"});
  for (const Json& line : at(*answer, {"items"})) {
    if (output == "json") {
      print_line(json_text(line));
      continue;
    }
    std::string what = text_at(line, {"path"});
    if (const std::string object = text_at(line, {"object"}); !object.empty()) what += " " + object;
    if (const std::string error = text_at(line, {"error"}); !error.empty()) what += ": " + error;
    table.row({text_at(line, {"time"}), std::to_string(line.value("uid", -1)), std::to_string(line.value("pid", 0)),
               text_at(line, {"method"}), std::to_string(line.value("status", 0)), what});
  }
  if (output != "json") print(table.text());
  return 0;
}

}  // namespace

void add_admin(Command& root, Session& session) {
  Command admin = root.add("admin", "Look after gantryd: state, draining, backups, checks, the audit log", "Daemon");
  admin.needs_subcommand();

  auto output = std::make_shared<std::string>();
  admin.add("status", "Show what gantryd does and whether it takes workflows")
      .choice("-o,--output", *output, {"json"})
      .action([&session, output] { return show_status(session, *output); });

  auto drained = std::make_shared<DrainOptions>();
  admin.add("drain", "Take no new workflows and wait until nothing runs, before an upgrade or a reboot")
      .flag("--stop", drained->stop, "Stop what runs (exit handlers still run)")
      .flag("--terminate", drained->terminate, "Terminate what runs")
      .option("--timeout", drained->timeout, "Wait no longer (30s, 5m, 1h); exit status 1 when something still runs")
      .flag("--no-wait", drained->no_wait, "Do not wait")
      .flag("--resume", drained->resume, "Take workflows again")
      .action([&session, drained] { return drain(session, *drained); });

  auto file = std::make_shared<std::string>();
  admin.add("backup", "Copy the store to a new file while gantryd works")
      .argument("FILE", *file, "Must not be there yet")
      .action([&session, file] { return backup(session, *file); });

  auto checked = std::make_shared<std::string>();
  admin.add("check", "Read the whole store and say what is wrong with it; exit status 1 when something is")
      .optional_argument("FILE", *checked, "A backup or another store, without a daemon")
      .action([&session, checked] { return checked->empty() ? check(session) : check_file(*checked); });

  auto lines = std::make_shared<std::optional<int>>();
  admin.add("audit", "Show who changed what, and who was refused")
      .option("--lines", *lines, "The newest so many [100]")
      .choice("-o,--output", *output, {"json"})
      .action([&session, output, lines] { return audit(session, *output, *lines); });
}

}  // namespace gantry::cli
