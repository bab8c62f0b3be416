#include "runtime/containerd/supervisor.h"

#include <fcntl.h>
#include <grpcpp/grpcpp.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

// glibc 2.36 (Debian 12) forgot that C++ may include it.
extern "C" {
#include <sys/pidfd.h>
}

#include "base/unique_fd.h"
#include "github.com/containerd/containerd/api/services/version/v1/version.grpc.pb.h"
#include "runtime/containerd/channel.h"
#include "runtime/containerd/child_process.h"

namespace gantry::containerd {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::string_view kSystemSocket = "/run/containerd/containerd.sock";
constexpr Duration kPollInterval{10};
/// A containerd that ran this long has not failed to start: the next failure begins with the
/// shortest backoff.
constexpr Duration kStable = std::chrono::seconds(10);
constexpr Duration kLogCheck = std::chrono::minutes(1);
constexpr std::uintmax_t kMaxLog = 64 << 20;

// Parts that a build host does not need and that cost start-up time or listen somewhere. Names that
// a version does not know are no error for it. From 2.0 on CRI is several plugins.
constexpr std::string_view kDisabledPlugins[] = {
    "io.containerd.grpc.v1.cri",
    "io.containerd.cri.v1.images",
    "io.containerd.cri.v1.runtime",
    "io.containerd.internal.v1.opt",
    "io.containerd.internal.v1.restart",
    "io.containerd.internal.v1.tracing",
    "io.containerd.tracing.processor.v1.otlp",
    "io.containerd.nri.v1.nri",
    "io.containerd.snapshotter.v1.aufs",
    "io.containerd.snapshotter.v1.blockfile",
    "io.containerd.snapshotter.v1.btrfs",
    "io.containerd.snapshotter.v1.devmapper",
    "io.containerd.snapshotter.v1.zfs",
};

struct Paths {
  std::string directory;
  [[nodiscard]] std::string config() const { return directory + "/config.toml"; }
  [[nodiscard]] std::string socket() const { return directory + "/containerd.sock"; }
  [[nodiscard]] std::string ttrpc_socket() const { return socket() + ".ttrpc"; }
  [[nodiscard]] std::string pid_file() const { return directory + "/containerd.pid"; }
  [[nodiscard]] std::string log() const { return directory + "/containerd.log"; }
};

/// A TOML basic string.
std::string quoted(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') result.push_back('\\');
    result.push_back(c);
  }
  return result + "\"";
}

std::string config_text(const Paths& paths) {
  std::ostringstream out;
  out << "# Written by gantryd at every start.\n"
      << "version = 2\n"
      << "root = " << quoted(paths.directory + "/root") << "\n"
      << "state = " << quoted(paths.directory + "/state") << "\n"
      << "disabled_plugins = [";
  const char* separator = "\n  ";
  for (const auto plugin : kDisabledPlugins) {
    out << std::exchange(separator, ",\n  ") << quoted(plugin);
  }
  out << "\n]\n\n[grpc]\n  address = " << quoted(paths.socket())
      << "\n\n[ttrpc]\n  address = " << quoted(paths.ttrpc_socket()) << "\n";
  return out.str();
}

Result<void> write_file(const std::string& path, const std::string& text) {
  // Renamed into place: a reader (the next daemon after a crash) sees the old file or the new one.
  const std::string temporary = path + ".new";
  {
    std::ofstream out(temporary, std::ios::trunc);
    out << text;
    out.flush();
    if (!out) return fail(errno_error("write " + temporary, errno));
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0)
    return fail(errno_error("write " + path, errno));
  return {};
}

/// When the process started, in clock ticks since boot (field 22 of /proc/PID/stat): with the
/// number it names one process for good. Nothing for a process that has ended, zombies included.
std::optional<std::string> process_start(pid_t pid) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  if (!std::getline(in, text)) return std::nullopt;
  const auto end_of_name = text.rfind(')');
  if (end_of_name == std::string::npos) return std::nullopt;
  std::istringstream fields(text.substr(end_of_name + 1));
  std::string field, state;
  fields >> state;
  if (state == "Z" || state == "X") return std::nullopt;
  for (int number = 4; number <= 22; ++number) fields >> field;
  if (!fields) return std::nullopt;
  return field;
}

/// The name of the program that the process runs; a package upgrade must not hide it.
std::string process_program(pid_t pid) {
  std::error_code error;
  std::string path =
      std::filesystem::read_symlink("/proc/" + std::to_string(pid) + "/exe", error).string();
  constexpr std::string_view kDeleted = " (deleted)";
  if (path.ends_with(kDeleted)) path.resize(path.size() - kDeleted.size());
  return std::filesystem::path(path).filename().string();
}

bool accepts_connections(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return false;
  path.copy(address.sun_path, path.size());
  const UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  return fd.valid() &&
         ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

/// The last line that containerd wrote for a person to read, without logrus's time stamp.
std::string last_log_line(const std::string& path) {
  std::ifstream in(path);
  in.seekg(0, std::ios::end);
  const auto size = static_cast<std::streamoff>(in.tellg());
  in.seekg(std::max<std::streamoff>(0, size - 4096));
  std::string line, last;
  while (std::getline(in, line)) {
    if (!line.empty() && line.find("level=info") == std::string::npos &&
        !line.starts_with("gantryd: ")) {
      last = line;
    }
  }
  return last;
}

std::string how_it_ended(int pidfd) {
  siginfo_t info{};
  // A containerd that an earlier daemon started is not our child: init reaps it and nobody tells us
  // how it ended.
  if (::waitid(P_PIDFD, static_cast<id_t>(pidfd), &info, WEXITED) != 0) return "ended";
  if (info.si_code == CLD_EXITED) return "exited with status " + std::to_string(info.si_status);
  return "was killed by signal " + std::to_string(info.si_status);
}

}  // namespace

// The thread runs run(); what it shares with the loop are the two atomics and the callbacks, which
// are called (and, but for their first setting, touched) on the loop only.
struct Supervisor::Impl : std::enable_shared_from_this<Supervisor::Impl> {
  struct Process {
    pid_t pid = -1;
    UniqueFd pidfd;
    bool taken_over = false;
  };
  enum class Order : int { None, Stop, Detach };

  Impl(Executor& executor_in, Settings settings_in)
      : executor(executor_in), settings(std::move(settings_in)), paths{settings.directory} {}

  // --- loop thread ---
  Executor& executor;
  const Settings settings;
  const Paths paths;
  std::function<void(Result<std::string>)> on_started;
  std::function<void()> on_restarted;
  std::vector<std::function<void()>> on_stopped;
  bool detached = false;  // no callback any more
  bool ended = false;     // the thread has nothing left to do
  std::thread thread;

  // --- both ---
  /// Stored before `wake` is written, loaded after it was read.
  std::atomic<Order> order{Order::None};
  UniqueFd wake{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};

  void command(Order what) {
    order.store(what, std::memory_order_release);
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(wake.get(), &one, sizeof one);
  }

  // --- the thread "containerd" ---
  Process process;

  template <class Task>
  void post(Task task) {
    executor.post([self = shared_from_this(), task = std::move(task)]() mutable {
      if (!self->detached) task(*self);
    });
  }

  void log(const std::string& what) {
    std::ofstream(paths.log(), std::ios::app)
        << "gantryd: " << rfc3339_millis(now()) << " " << what << "\n";
    post([what](Impl& self) {
      if (self.settings.log) self.settings.log(what);
    });
  }

  [[nodiscard]] bool ordered() const {
    return order.load(std::memory_order_acquire) != Order::None;
  }

  /// Waits until the process has ended (true), somebody gave an order, or the time is over.
  bool wait_for_end(Duration timeout) {
    const auto deadline = Clock::now() + timeout;
    while (!ordered()) {
      const auto left = std::chrono::duration_cast<Duration>(deadline - Clock::now()).count();
      if (left <= 0) return false;
      pollfd polled[] = {{process.pidfd.get(), POLLIN, 0}, {wake.get(), POLLIN, 0}};
      ::poll(polled, 2, static_cast<int>(left));
      if (polled[0].revents != 0) return true;
    }
    return false;
  }

  /// Every step adds a few lines. containerd holds the file open and appends, so it is copied and
  /// emptied; what is written in between is lost.
  void trim_log() {
    std::error_code error;
    if (std::filesystem::file_size(paths.log(), error) < kMaxLog || error) return;
    std::filesystem::copy_file(paths.log(), paths.log() + ".1",
                               std::filesystem::copy_options::overwrite_existing, error);
    if (!error) std::filesystem::resize_file(paths.log(), 0, error);
  }

  /// The containerd of an earlier life, if it is one and lives.
  bool find_running() {
    std::ifstream in(paths.pid_file());
    pid_t pid = 0;
    std::string start;
    if (!(in >> pid >> start) || pid <= 1) return false;
    // The descriptor first: what is checked after it was opened is checked of this process and no
    // other.
    auto pidfd = open_pidfd(pid);
    if (!pidfd || process_start(pid) != start) return false;
    if (process_program(pid) != std::filesystem::path(settings.program).filename()) return false;
    process = Process{pid, *std::move(pidfd), true};
    return true;
  }

  Result<void> launch() {
    const UniqueFd log_file(
        ::open(paths.log().c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640));
    if (!log_file.valid()) return fail(errno_error("open " + paths.log(), errno));
    auto pid =
        spawn({settings.program, "--config", paths.config()}, log_file.get(), log_file.get(), true);
    if (!pid) return fail(pid.error());
    auto pidfd = open_pidfd(*pid);
    if (!pidfd) return fail(pidfd.error());
    process = Process{*pid, *std::move(pidfd), false};
    return write_file(paths.pid_file(),
                      std::to_string(*pid) + " " + process_start(*pid).value_or("0") + "\n");
  }

  Result<void> wait_until_it_answers() {
    const auto deadline = Clock::now() + settings.start_timeout;
    for (;;) {
      if (accepts_connections(paths.socket())) {
        // It listens once its plugins are loaded; the call proves that it also serves.
        if (containerd_version(paths.socket(), std::chrono::seconds(2))) return {};
      }
      if (wait_for_end(kPollInterval)) {
        return fail(Code::Unavailable, "containerd " + how_it_ended(process.pidfd.get()) + ": " +
                                           last_log_line(paths.log()));
      }
      if (ordered()) return fail(Code::Cancelled, "containerd is being stopped");
      if (Clock::now() >= deadline) {
        return fail(Code::DeadlineExceeded,
                    "containerd " + std::to_string(process.pid) + " did not answer on " +
                        paths.socket() + " within " +
                        std::to_string(settings.start_timeout.count()) + " ms; see " + paths.log());
      }
    }
  }

  void end_process() {
    if (!process.pidfd.valid()) return;
    ::pidfd_send_signal(process.pidfd.get(), SIGTERM, nullptr, 0);
    pollfd polled{process.pidfd.get(), POLLIN, 0};
    if (::poll(&polled, 1, static_cast<int>(settings.stop_timeout.count())) == 0) {
      log("containerd " + std::to_string(process.pid) + " did not heed SIGTERM; killing it");
      ::pidfd_send_signal(process.pidfd.get(), SIGKILL, nullptr, 0);
      ::poll(&polled, 1, -1);
    }
    how_it_ended(process.pidfd.get());  // reaps it
    process = {};
    ::unlink(paths.pid_file().c_str());
  }

  Result<void> prepare_directory() {
    // sun_path holds 108 bytes with the final zero, and the longest of our sockets is the one for
    // ttrpc.
    constexpr std::size_t kLongest = sizeof(sockaddr_un::sun_path) - 1;
    if (paths.directory.empty() || paths.directory.front() != '/') {
      return fail(Code::InvalidArgument,
                  "containerd's directory \"" + paths.directory + "\" is not an absolute path");
    }
    if (paths.ttrpc_socket().size() > kLongest) {
      const auto most = kLongest - (paths.ttrpc_socket().size() - paths.directory.size());
      return fail(Code::InvalidArgument,
                  "the path " + paths.directory + " is too long for containerd's sockets (" +
                      std::to_string(paths.directory.size()) + " characters, " +
                      std::to_string(most) + " at most): choose a shorter state directory");
    }
    std::error_code error;
    std::filesystem::create_directories(paths.directory, error);
    if (error) return fail(errno_error("create " + paths.directory, error.value()));
    // Containers with a user namespace must be able to reach their root file system below it.
    ::chmod(paths.directory.c_str(), 0711);
    return write_file(paths.config(), config_text(paths));
  }

  Result<void> first_start() {
    if (find_running()) {
      if (wait_until_it_answers()) {
        log("took over containerd " + std::to_string(process.pid));
        return {};
      }
      if (ordered()) return fail(Code::Cancelled, "containerd is being stopped");
      log("containerd " + std::to_string(process.pid) + " runs but does not answer; replacing it");
      end_process();
    }
    if (auto ready = prepare_directory(); !ready) return ready;
    if (auto launched = launch(); !launched) return launched;
    return wait_until_it_answers();
  }

  void run() {
    if (auto started = first_start(); !started) {
      if (order.load(std::memory_order_acquire) != Order::Detach) end_process();
      post([error = started.error()](Impl& self) {
        if (auto done = std::exchange(self.on_started, nullptr)) done(fail(error));
      });
    } else {
      post([](Impl& self) {
        if (auto done = std::exchange(self.on_started, nullptr)) done(self.paths.socket());
      });
      watch();
    }
    if (order.load(std::memory_order_acquire) == Order::Stop) end_process();
    post([](Impl& self) {
      self.ended = true;
      for (auto& done : std::exchange(self.on_stopped, {})) done();
    });
  }

  /// Until there is an order: waits for the end, starts again.
  void watch() {
    Duration backoff = settings.backoff_min;
    auto up_since = Clock::now();
    while (!ordered()) {
      if (!wait_for_end(kLogCheck)) {
        trim_log();
        continue;
      }
      std::string why =
          "containerd " + std::to_string(process.pid) + " " + how_it_ended(process.pidfd.get());
      process = {};
      if (Clock::now() - up_since >= kStable) backoff = settings.backoff_min;
      // Until it answers again; `why` is the newest reason.
      while (!ordered()) {
        log(why + "; starting it again in " + std::to_string(backoff.count()) + " ms");
        wait_for_end(backoff);
        if (ordered()) return;
        backoff = std::min(backoff * 2, settings.backoff_max);
        auto result = launch();
        if (result) result = wait_until_it_answers();
        if (result) break;
        if (ordered()) return;
        why = result.error().message;
        end_process();
      }
      if (ordered()) return;
      up_since = Clock::now();
      log("containerd " + std::to_string(process.pid) + " is back");
      post([](Impl& self) {
        if (self.on_restarted) self.on_restarted();
      });
    }
  }
};

Supervisor::Supervisor(Executor& executor, Settings settings)
    : impl_(std::make_shared<Impl>(executor, std::move(settings))) {}

Supervisor::~Supervisor() {
  impl_->detached = true;
  if (!impl_->thread.joinable()) return;
  // A stop that is under way goes on to its end.
  if (impl_->order.load(std::memory_order_relaxed) == Impl::Order::None) {
    impl_->command(Impl::Order::Detach);
  }
  impl_->thread.join();
}

void Supervisor::start(std::function<void(Result<std::string>)> done) {
  if (impl_->thread.joinable()) {
    impl_->executor.post([done = std::move(done)] {
      done(fail(Code::FailedPrecondition, "containerd's supervisor was started before"));
    });
    return;
  }
  impl_->on_started = std::move(done);
  // The thread is joined before the last owner of Impl lets go of it, but for posted tasks, which
  // own it themselves.
  impl_->thread = std::thread([impl = impl_.get()] {
    pthread_setname_np(pthread_self(), "containerd");
    impl->run();
  });
}

void Supervisor::on_restart(std::function<void()> callback) {
  impl_->on_restarted = std::move(callback);
}

void Supervisor::stop(std::function<void()> done) {
  if (!impl_->thread.joinable() || impl_->ended) {
    impl_->executor.post(std::move(done));
    return;
  }
  impl_->on_stopped.push_back(std::move(done));
  impl_->command(Impl::Order::Stop);
}

Result<std::string> containerd_version(const std::string& socket, Duration timeout) {
  grpc::ChannelArguments arguments;
  arguments.SetString(GRPC_ARG_DEFAULT_AUTHORITY, "localhost");
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  auto channel =
      grpc::CreateCustomChannel("unix://" + socket, grpc::InsecureChannelCredentials(), arguments);
  const auto stub = ::containerd::services::version::v1::Version::NewStub(channel);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + timeout);
  ::containerd::services::version::v1::VersionResponse response;
  const auto status = stub->Version(&context, {}, &response);
  if (!status.ok()) return fail(to_error(status).wrap("containerd at " + socket));
  return response.version();
}

Result<ContainerdChoice> resolve_containerd(const std::string& setting) {
  if (setting == "private") return ContainerdChoice{};
  const bool automatic = setting.empty() || setting == "auto";
  std::string socket(automatic ? kSystemSocket : std::string_view(setting));
  if (socket.starts_with("unix://")) socket.erase(0, 7);
  if (socket.empty() || socket.front() != '/') {
    return fail(Code::InvalidArgument, "containerd's address \"" + setting +
                                           "\" is neither auto, private nor the path of a socket");
  }
  // Asked first because gRPC spends the whole second on a socket that is not there.
  if (automatic && !accepts_connections(socket)) return ContainerdChoice{};
  auto version = containerd_version(socket, std::chrono::seconds(1));
  if (!version) {
    if (automatic) return ContainerdChoice{};
    return fail(std::move(version.error()));
  }
  int major = 0, minor = 0;
  const char* text = version->c_str() + (version->starts_with("v") ? 1 : 0);
  if (std::sscanf(text, "%d.%d", &major, &minor) == 2 && (major < 1 || (major == 1 && minor < 6))) {
    return fail(Code::FailedPrecondition,
                "containerd at " + socket + " is version " + *version + "; 1.6 or later is needed");
  }
  return ContainerdChoice{socket, *std::move(version)};
}

}  // namespace gantry::containerd
