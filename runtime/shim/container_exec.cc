#include <sys/ioctl.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "base/json_text.h"
#include "github.com/containerd/containerd/api/events/task.pb.h"
#include "runtime/shim/container.h"
#include "runtime/shim/socket.h"
#include "runtime/shim/timestamp.h"

namespace gantry::shim {
namespace {

namespace events = ::containerd::events;

constexpr Duration kOutputLimit = std::chrono::seconds(2);
/// What a shell says of a program that it cannot run; nobody waits for it who has seen that it did not start.
constexpr int kNotStarted = 126;

}  // namespace

/// What a process is started with: its streams, or the socket to which the runtime sends its terminal.
struct Container::Launch {
  ProcessIo io;
  UniqueFd console_socket;
  std::string console_path;
  ~Launch() {
    if (console_socket.valid()) ::unlink(console_path.c_str());
  }
};

Result<std::shared_ptr<Container::Launch>> Container::open(Process& process) {
  auto launch = std::make_shared<Launch>();
  if (process.stdio.terminal) {
    auto listener = listen_for("console\n" + bundle_.path() + "\n" + process.id, launch->console_path);
    if (!listener) return fail(std::move(listener.error()));
    launch->console_socket = std::move(*listener);
    return launch;
  }
  auto io = open_io(process.stdio, options_.io_uid(), options_.io_gid());
  if (!io) return fail(std::move(io.error()));
  launch->io = std::move(*io);
  return launch;
}

void Container::launch(Process& process, std::vector<std::string> arguments, const std::string& pid_file,
                       const Limit& limit, std::shared_ptr<Launch> launch, Done<pid_t> done) {
  arguments.insert(arguments.end(), {"--pid-file", pid_file});
  if (launch->console_socket.valid()) {
    arguments.insert(arguments.end(), {"--console-socket", launch->console_path});
  }
  arguments.push_back(id_);
  OciRuntime::Call call{.arguments = std::move(arguments), .limit = limit};
  if (!process.stdio.terminal) {
    call.io = Children::Io{launch->io.in.get(), launch->io.out.get(), launch->io.err.get()};
  }
  children_.hold();
  process.stdin_keeper = std::move(launch->io.stdin_keeper);
  runtime_->call(std::move(call), [this, &process, pid_file, launch, done](Result<std::string> answer) {
    const auto held = std::shared_ptr<void>(nullptr, [this](void*) { children_.release(); });
    if (!answer) return done(fail(std::move(answer.error())));
    if (launch->console_socket.valid()) {
      auto console = receive_console(launch->console_socket.get());
      if (!console) return done(fail(std::move(console.error())));
      process.console = std::move(*console);
      auto io = open_terminal_io(process.stdio, process.console.get());
      if (!io) return done(fail(std::move(io.error())));
      process.stdin_keeper = std::move(io->stdin_keeper);
      process.copies.start(std::move(io->jobs));
    }
    process.pid = read_pid(pid_file);
    if (process.pid <= 0) return done(fail(Code::Unknown, "failed to retrieve OCI runtime container pid"));
    process.copies.when_open([done, held, pid = process.pid] { done(pid); });
  });
  // The process's ends are the runtime's now; without ours the copies see its end.
  launch->io.in.reset();
  launch->io.out.reset();
  launch->io.err.reset();
  process.copies.start(std::exchange(launch->io.jobs, {}));
}

Result<void> Container::add_exec(const api::ExecProcessRequest& request) {
  const std::string& id = request.exec_id();
  if (execs_.contains(id)) return fail(Code::AlreadyExists, "id " + id + ": already exists");
  if (id.empty() || id.find('/') != std::string::npos || id[0] == '.') {
    return fail(Code::InvalidArgument, "invalid exec id " + id);
  }
  switch (init_->phase) {
    case Phase::Created:
    case Phase::Running: break;
    case Phase::Deleted: return fail(Code::Unknown, "cannot exec in a deleted state");
    default: return fail(Code::Unknown, std::string("cannot exec in a ") + phase_name(init_->phase) + " state");
  }
  auto spec = nlohmann::json::parse(request.spec().value(), nullptr, false);
  if (!spec.is_object()) return fail(Code::InvalidArgument, "the process of an exec is no JSON object");
  spec["terminal"] = request.terminal();
  auto process = std::make_shared<Process>(
      id, Stdio{request.stdin(), request.stdout(), request.stderr(), request.terminal()}, loop_);
  process->spec = json_text(spec);
  execs_[id] = std::move(process);
  events::TaskExecAdded event;
  event.set_container_id(id_);
  event.set_exec_id(id);
  tell_("/tasks/exec-added", event);
  return {};
}

void Container::start_exec(Process& process, const Limit& limit, Done<pid_t> done) {
  if (process.phase != Phase::Created || process.starting) {
    const char* phase = process.starting ? "running" : phase_name(process.phase);
    return done(fail(Code::Unknown, std::string("cannot start a ") + phase + " process"));
  }
  const std::string spec_file = process.id + ".process.json", pid_file = bundle_.file((process.id + ".pid").c_str());
  if (auto written = bundle_.write(spec_file.c_str(), process.spec); !written) {
    return done(fail(std::move(written.error())));
  }
  auto opened = open(process);
  if (!opened) return done(fail(std::move(opened.error()).wrap("failed to create init process I/O")));
  process.starting = true;
  const std::string spec_path = bundle_.file(spec_file.c_str());
  launch(process, {"exec", "--process", spec_path, "--detach"}, pid_file, limit, std::move(*opened),
         [this, shared = execs_.at(process.id), spec_path, done](Result<pid_t> pid) {
           ::unlink(spec_path.c_str());
           shared->starting = false;
           if (!pid) {
             const Exit none{kNotStarted, std::chrono::system_clock::now()};
             shared->exit = none;
             shared->phase = Phase::Stopped;
             for (const auto& waiter : std::exchange(shared->waiters, {})) waiter(none);
             return done(fail(Error{pid.error().code, "OCI runtime exec failed: " + pid.error().message}));
           }
           shared->phase = Phase::Running;
           events::TaskExecStarted event;
           event.set_container_id(id_);
           event.set_exec_id(shared->id);
           event.set_pid(static_cast<std::uint32_t>(*pid));
           tell_("/tasks/exec-started", event);
           follow(shared);
           done(*pid);
         });
}

void Container::remove_exec(Process& process, Done<api::DeleteResponse> done) {
  if (process.starting || (process.phase != Phase::Created && process.phase != Phase::Stopped)) {
    return done(fail(Code::Unknown, "cannot delete a running process"));
  }
  const auto shared = execs_.at(process.id);
  shared->copies.when_done(kOutputLimit, [this, shared, done] {
    ::unlink(bundle_.file((shared->id + ".pid").c_str()).c_str());
    execs_.erase(shared->id);
    api::DeleteResponse response;
    response.set_pid(static_cast<std::uint32_t>(shared->pid));
    if (shared->exit) {
      response.set_exit_status(static_cast<std::uint32_t>(shared->exit->status));
      set_time(*response.mutable_exited_at(), shared->exit->at);
    }
    done(std::move(response));
  });
}

Result<void> Container::resize(const std::string& exec, unsigned width, unsigned height) {
  const auto found = process(exec);
  if (!found) return fail(found.error());
  if (!(*found)->console.valid()) return {};
  winsize size{};
  size.ws_col = static_cast<unsigned short>(width);
  size.ws_row = static_cast<unsigned short>(height);
  if (::ioctl((*found)->console.get(), TIOCSWINSZ, &size) != 0) return fail(errno_error("resize", errno));
  return {};
}

Result<void> Container::close_input(const std::string& exec) {
  const auto found = process(exec);
  if (!found) return fail(found.error());
  (*found)->stdin_keeper.reset();
  return {};
}

}  // namespace gantry::shim
