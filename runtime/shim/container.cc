#include "runtime/shim/container.h"

#include <signal.h>
#include <sys/stat.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <utility>

#include "github.com/containerd/containerd/api/events/task.pb.h"
#include "runtime/shim/log.h"
#include "runtime/shim/mounts.h"
#include "runtime/shim/runtime_log.h"
#include "runtime/shim/timestamp.h"

namespace gantry::shim {
namespace {

namespace events = ::containerd::events;

/// How long a deletion waits for output that is still on its way, as the stock shim does.
constexpr Duration kOutputLimit = std::chrono::seconds(2);
/// How long the news of an end wait for what is still on its way from a terminal: moments, on a busy machine more.
constexpr Duration kTerminalLimit = std::chrono::seconds(1);
/// How long after the end of the first process its start may still be under way.
constexpr Duration kStartLimit = std::chrono::seconds(2);
constexpr Duration kUnmountPause{20};
constexpr int kUnmountAttempts = 10;

Error because(const char* what, const Error& error) {
  return {error.code, std::string(what) + ": " + error.message};
}

bool says(const Error& error, const char* words) { return ::strcasestr(error.message.c_str(), words) != nullptr; }

/// The answer to a signal that the runtime could not deliver.
Error kill_error(const Error& error) {
  if (says(error, "process already finished") || says(error, "not running") || says(error, "no such process")) {
    return {Code::NotFound, "process already finished: not found"};
  }
  if (says(error, "does not exist")) return {Code::NotFound, "no such container: not found"};
  return because("unknown error after kill", error);
}

/// Whether the process is the first of a pid namespace: with it all others of the namespace end.
bool is_first(pid_t pid) {
  const std::string status = read_from("/proc/" + std::to_string(pid) + "/status", 0);
  const auto line = status.find("\nNSpid:");
  if (line == std::string::npos) return false;
  const auto end = status.find('\n', line + 1);
  return status.substr(line, end - line).ends_with("\t1");
}

}  // namespace

Container::Container(Loop& loop, Children& children, std::string name_space, Tell tell)
    : loop_(loop), children_(children), name_space_(std::move(name_space)), tell_(std::move(tell)) {}

Container::~Container() = default;

void Container::create(const api::CreateTaskRequest& request, const Limit& limit, Done<pid_t> done) {
  id_ = request.id();
  bundle_ = Bundle(request.bundle());
  init_ = std::make_shared<Process>(
      "", Stdio{request.stdin(), request.stdout(), request.stderr(), request.terminal()}, loop_);
  if (!request.checkpoint().empty()) return done(fail(Code::Unimplemented, "this shim restores no checkpoints"));
  if (request.has_options() && !options_.ParseFromString(request.options().value())) {
    return done(fail(Code::InvalidArgument, "the options are no " + options_.GetTypeName()));
  }
  for (const auto& [name, content] : {std::pair("options", options_.SerializeAsString()),
                                      std::pair("runtime", options_.binary_name())}) {
    if (auto written = bundle_.write(name, content); !written) return done(fail(std::move(written.error())));
  }
  runtime_ = std::make_unique<OciRuntime>(
      loop_, children_,
      OciRuntime::settings(options_.binary_name(), options_.root(), name_space_, bundle_.path(),
                           options_.systemd_cgroup()));
  std::vector<Mount> mounts;
  for (const auto& mount : request.rootfs()) {
    mounts.push_back({mount.type(), mount.source(), {mount.options().begin(), mount.options().end()}});
  }
  mounted_ = !mounts.empty();
  const auto failed = [this, done](Error error) {
    if (mounted_) unmount_all(bundle_.rootfs(), true);
    done(fail(std::move(error)));
  };
  if (mounted_) ::mkdir(bundle_.rootfs().c_str(), 0711);
  if (auto done_mounting = mount_all(mounts, bundle_.rootfs()); !done_mounting) {
    return failed({Code::Unknown, done_mounting.error().message});
  }
  auto opened = open(*init_);
  if (!opened) return failed(because("failed to create init process I/O", opened.error()));
  std::vector<std::string> arguments = {"create", "--bundle", bundle_.path()};
  if (options_.no_pivot_root()) arguments.emplace_back("--no-pivot");
  if (options_.no_new_keyring()) arguments.emplace_back("--no-new-keyring");
  events::TaskCreate event;
  event.set_container_id(id_);
  event.set_bundle(bundle_.path());
  *event.mutable_rootfs() = request.rootfs();
  event.mutable_io()->set_stdin(request.stdin());
  event.mutable_io()->set_stdout(request.stdout());
  event.mutable_io()->set_stderr(request.stderr());
  event.mutable_io()->set_terminal(request.terminal());
  launch(*init_, std::move(arguments), bundle_.file("init.pid"), limit, std::move(*opened),
         [this, failed, done, event](Result<pid_t> pid) mutable {
           if (!pid) return failed(because("OCI runtime create failed", pid.error()));
           kill_all_at_end_ = !is_first(*pid);
           event.set_pid(static_cast<std::uint32_t>(*pid));
           tell_("/tasks/create", event);
           follow(init_);
           done(*pid);
         });
}

void Container::start(const std::string& exec, const Limit& limit, Done<pid_t> done) {
  const auto found = process(exec);
  if (!found) return done(fail(found.error()));
  if (!exec.empty()) return start_exec(**found, limit, std::move(done));
  one_by_one([this, limit, done = std::move(done)](Next next) {
    start_init(limit, [next, done](Result<pid_t> pid) {
      done(std::move(pid));
      next();
    });
  });
}

void Container::start_init(const Limit& limit, Done<pid_t> done) {
  if (init_->phase != Phase::Created) {
    return done(fail(Code::Unknown, std::string("cannot start a ") + phase_name(init_->phase) + " process"));
  }
  init_->starting = true;
  runtime_->call({.arguments = {"start", id_}, .limit = limit}, [this, done](Result<std::string> answer) {
    init_->starting = false;
    if (!answer) {
      done(fail(because("OCI runtime start failed", answer.error())));
    } else {
      init_->phase = Phase::Running;
      events::TaskStart event;
      event.set_container_id(id_);
      event.set_pid(static_cast<std::uint32_t>(init_->pid));
      tell_("/tasks/start", event);
      done(init_->pid);
    }
    if (init_->ended) tell_end(*init_, *init_->ended);
  });
}

// ---- the end of a process ----

void Container::follow(const std::shared_ptr<Process>& process) {
  children_.adopt(process->pid, [this, process](Exit exit) { ended(*process, exit); });
}

void Container::ended(Process& process, Exit exit) {
  process.ended = exit;
  if (!process.starting) return tell_end(process, exit);
  // A runtime may wait for ever for a process that was killed before it opened the FIFO by which it is started. With
  // the FIFO gone it was started, and only the answer is late.
  loop_.after(kStartLimit, [this] {
    struct stat info {};
    const std::string fifo = runtime_->config().root + "/" + id_ + "/exec.fifo";
    if (init_->starting && ::stat(fifo.c_str(), &info) == 0) runtime_->abandon("start");
  });
}

void Container::tell_end(Process& process, Exit exit) {
  if (!process.id.empty() || !kill_all_at_end_) return finish(process, exit);
  // The others of its cgroup would outlive it.
  runtime_->call({.arguments = {"kill", "--all", id_, "KILL"}}, [this, &process, exit](const Result<std::string>& killed) {
    if (!killed) log_line("info", "kill what the first process has left: " + killed.error().message);
    finish(process, exit);
  });
}

// Who reads a terminal closes it once he hears of the end (so ctr does), and loses what is still on its way. The end of the
// session leader hangs the terminal up, so its output does end.
void Container::finish(Process& process, Exit exit) {
  if (!process.stdio.terminal) return tell_exit(process, exit);
  process.copies.when_done(kTerminalLimit, [this, &process, exit] { tell_exit(process, exit); });
}

void Container::tell_exit(Process& process, Exit exit) {
  process.exit = exit;
  process.phase = Phase::Stopped;
  events::TaskExit event;
  event.set_container_id(id_);
  event.set_id(process.id.empty() ? id_ : process.id);
  event.set_pid(static_cast<std::uint32_t>(process.pid));
  event.set_exit_status(static_cast<std::uint32_t>(exit.status));
  set_time(*event.mutable_exited_at(), exit.at);
  // The answer first: whoever waits for it is what a step's end costs.
  for (const auto& waiter : std::exchange(process.waiters, {})) waiter(exit);
  tell_("/tasks/exit", event);
}

void Container::wait(const std::string& exec, std::function<void(const Exit&)> done) {
  Process& found = **process(exec);
  if (found.exit) return done(*found.exit);
  found.waiters.push_back(std::move(done));
}

// ---- signals ----

void Container::kill(const std::string& exec, int signal, bool all, const Limit& limit, Done<void> done) {
  const auto found = process(exec);
  if (!found) return done(fail(found.error()));
  Process& target = **found;
  if (target.phase == Phase::Deleted) return done(fail(Code::NotFound, "cannot kill a deleted process: not found"));
  if (exec.empty() && all) {
    return runtime_->call({.arguments = {"kill", "--all", id_, std::to_string(signal)}, .limit = limit},
                          [done](Result<std::string> answer) {
                            done(answer ? Result<void>() : fail(kill_error(answer.error())));
                          });
  }
  // It is our child and not reaped, so its pid is nobody else's.
  if (target.ended || target.exit) return done(fail(Code::NotFound, "process already finished: not found"));
  if (target.pid == 0) return done(fail(Code::FailedPrecondition, "process not created: failed precondition"));
  if (::kill(target.pid, signal) != 0) {
    return done(fail(kill_error({Code::Unknown, errno == ESRCH ? "no such process" : std::strerror(errno)})));
  }
  // What is frozen dies only once it thaws.
  if (signal == SIGKILL && init_->phase == Phase::Paused) {
    runtime_->call({.arguments = {"resume", id_}}, [](const Result<std::string>&) {});
  }
  done({});
}

// ---- deletion ----

void Container::remove(const std::string& exec, const Limit& limit, Done<api::DeleteResponse> done) {
  const auto found = process(exec);
  if (!found) return done(fail(found.error()));
  if (!exec.empty()) return remove_exec(**found, std::move(done));
  one_by_one([this, limit, done = std::move(done)](Next next) {
    remove_init(limit, [next, done](Result<api::DeleteResponse> response) {
      done(std::move(response));
      next();
    });
  });
}

void Container::remove_init(const Limit& limit, Done<api::DeleteResponse> done) {
  if (init_->phase == Phase::Deleted) return done(fail(Code::NotFound, "cannot delete a deleted process: not found"));
  if (init_->phase != Phase::Created && init_->phase != Phase::Stopped) {
    return done(fail(Code::Unknown, std::string("cannot delete a ") + phase_name(init_->phase) + " process"));
  }
  const bool never_started = init_->phase == Phase::Created;
  init_->copies.when_done(never_started ? Duration(0) : kOutputLimit, [this, limit, done] {
    runtime_->call({.arguments = {"delete", id_}, .limit = limit}, [this, done](Result<std::string> deleted) {
      if (!deleted && !says(deleted.error(), "does not exist")) {
        return done(fail(because("failed to delete task", deleted.error())));
      }
      unmount(0, [this, done] {
        const Exit exit = init_->exit.value_or(Exit{128 + SIGKILL, std::chrono::system_clock::now()});
        init_->phase = Phase::Deleted;
        api::DeleteResponse response;
        response.set_pid(static_cast<std::uint32_t>(init_->pid));
        response.set_exit_status(static_cast<std::uint32_t>(exit.status));
        set_time(*response.mutable_exited_at(), exit.at);
        if (auto written = bundle_.write("deleted", response.SerializeAsString()); !written) {
          log_line("warning", written.error().message);
        }
        events::TaskDelete event;
        event.set_container_id(id_);
        event.set_pid(response.pid());
        event.set_exit_status(response.exit_status());
        *event.mutable_exited_at() = response.exited_at();
        tell_("/tasks/delete", event);
        done(std::move(response));
      });
    });
  });
}

// Whoever reads a file of the container that has ended is done soon.
void Container::unmount(int attempt, Next done) {
  if (!mounted_ || unmount_all(bundle_.rootfs(), attempt == kUnmountAttempts)) return done();
  loop_.after(kUnmountPause, [this, attempt, done = std::move(done)] { unmount(attempt + 1, done); });
}

// ---- the rest ----

void Container::pause(const Limit& limit, Done<void> done) {
  one_by_one([this, limit, done = std::move(done)](Next next) {
    if (init_->phase != Phase::Running) {
      done(fail(Code::Unknown, std::string("cannot pause a ") + phase_name(init_->phase) + " container"));
      return next();
    }
    init_->phase = Phase::Pausing;
    simple("pause", "OCI runtime pause failed", limit, [this, done, next](Result<void> paused) {
      if (init_->phase == Phase::Pausing) init_->phase = paused ? Phase::Paused : Phase::Running;
      if (paused) {
        events::TaskPaused event;
        event.set_container_id(id_);
        tell_("/tasks/paused", event);
      }
      done(std::move(paused));
      next();
    });
  });
}

void Container::resume(const Limit& limit, Done<void> done) {
  one_by_one([this, limit, done = std::move(done)](Next next) {
    if (init_->phase != Phase::Paused) {
      done(fail(Code::Unknown, std::string("cannot resume a ") + phase_name(init_->phase) + " container"));
      return next();
    }
    simple("resume", "OCI runtime resume failed", limit, [this, done, next](Result<void> resumed) {
      if (resumed) {
        if (init_->phase == Phase::Paused) init_->phase = Phase::Running;
        events::TaskResumed event;
        event.set_container_id(id_);
        tell_("/tasks/resumed", event);
      }
      done(std::move(resumed));
      next();
    });
  });
}

void Container::update(const std::string& resources, const Limit& limit, Done<void> done) {
  one_by_one([this, resources, limit, done = std::move(done)](Next next) {
    if (init_->phase == Phase::Stopped || init_->phase == Phase::Deleted) {
      done(fail(Code::Unknown, std::string("cannot update a ") + phase_name(init_->phase) + " container"));
      return next();
    }
    runtime_->call({.arguments = {"update", "--resources", "-", id_}, .input = resources, .limit = limit},
                   [done, next](Result<std::string> answer) {
                     done(answer ? Result<void>() : fail(std::move(answer.error())));
                     next();
                   });
  });
}

void Container::pids(const Limit& limit, Done<std::vector<pid_t>> done) {
  runtime_->call({.arguments = {"ps", "--format", "json", id_}, .limit = limit},
                 [done = std::move(done)](Result<std::string> answer) {
                   if (!answer) return done(fail(std::move(answer.error())));
                   std::vector<pid_t> found;
                   const char* at = answer->data();
                   const char* const end = at + answer->size();
                   while (at != end) {  // a list of numbers
                     pid_t pid = 0;
                     const auto [after, error] = std::from_chars(at, end, pid);
                     if (error == std::errc{}) found.push_back(pid);
                     at = error == std::errc{} ? after : at + 1;
                   }
                   done(std::move(found));
                 });
}

void Container::simple(const char* verb, const char* failed, const Limit& limit, Done<void> done) {
  runtime_->call({.arguments = {verb, id_}, .limit = limit}, [done = std::move(done), failed](Result<std::string> answer) {
    done(answer ? Result<void>() : fail(because(failed, answer.error())));
  });
}

Result<Process*> Container::process(const std::string& exec) {
  if (exec.empty()) return init_.get();
  const auto found = execs_.find(exec);
  if (found == execs_.end()) return fail(Code::NotFound, "process does not exist " + exec + ": not found");
  return found->second.get();
}

std::string Container::exec_of(pid_t pid) const {
  for (const auto& [id, process] : execs_) {
    if (process->pid == pid) return id;
  }
  return {};
}

void Container::one_by_one(std::function<void(Next)> task) {
  tasks_.push_back(std::move(task));
  if (!busy_) run_next();
}

void Container::run_next() {
  busy_ = !tasks_.empty();
  if (!busy_) return;
  const auto task = std::move(tasks_.front());
  tasks_.pop_front();
  task([this] { loop_.post([this] { run_next(); }); });
}

}  // namespace gantry::shim
