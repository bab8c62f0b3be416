#include "daemon/gantryd.h"

#include <fcntl.h>
#include <mimalloc.h>
#include <spdlog/spdlog.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <system_error>

#include "api/server.h"
#include "base/ids.h"
#include "base/unique_fd.h"
#include "daemon/audit_log.h"
#include "daemon/backend.h"
#include "daemon/containerd_side.h"
#include "daemon/daemon.h"
#include "daemon/directory_watch.h"
#include "daemon/disk_watch.h"
#include "daemon/loop.h"
#include "daemon/notify.h"
#include "daemon/store_set_aside.h"
#include "daemon/sweeper.h"
#include "daemon/wall_clock.h"

namespace gantry {
namespace {

// When we stop: for clients, and for what has ended to be cleared away.
constexpr Duration kPatience = std::chrono::seconds(2);
constexpr Duration kClearing = std::chrono::seconds(10);
constexpr Duration kStatusEvery = std::chrono::seconds(5);
constexpr Duration kSweepEvery = std::chrono::minutes(5);

Result<void> make_directory(const std::string& path, mode_t mode) {
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), error);
  if (::mkdir(path.c_str(), mode) != 0 && errno != EEXIST) {
    return fail(errno_error("create " + path, errno));
  }
  if (::access(path.c_str(), W_OK | X_OK) != 0) {
    return fail(errno_error("the directory " + path + " is not writable", errno));
  }
  return {};
}

/// Held for the life of the process: two daemons on one store would start everything twice.
Result<UniqueFd> lock_state(const std::string& state_dir) {
  std::string path = state_dir + "/gantryd.lock";
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd.valid()) return fail(errno_error("open " + path, errno));
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return fail(errno_error("lock " + path, errno));
    return fail(Code::AlreadyExists, "another gantryd runs on the state directory " + state_dir);
  }
  return fd;
}

/// The daemon's id, made at its first start.
Result<std::string> instance_id(const std::string& state_dir) {
  std::string path = state_dir + "/instance";
  std::ifstream in(path);
  std::string id;
  if (in >> id && !id.empty()) return id;
  id = random_uuid();
  std::ofstream out(path);
  if (!(out << id << '\n' << std::flush)) return fail(errno_error("write " + path, errno));
  return id;
}

api::Json version_json(const ContainerdSide& containerd) {
  struct utsname host {};
  ::uname(&host);
  std::string machine = host.machine;
  if (machine == "x86_64") machine = "amd64";
  if (machine == "aarch64") machine = "arm64";
  return {{"version", "v" GANTRY_VERSION},
          {"buildDate", ""},
          {"gitCommit", ""},
          {"gitTag", "v" GANTRY_VERSION},
          {"gitTreeState", ""},
          {"goVersion", ""},
          {"compiler", "g++ " __VERSION__},
          {"platform", "linux/" + machine},
          {"containerd", containerd.description()},
          {"runtime", containerd.runtime_name()},
          {"shim", containerd.shim_name()}};
}

class Gantryd {
 public:
  explicit Gantryd(DaemonConfig config) : config_(std::move(config)) {}
  Result<void> run();

 private:
  Result<void> prepare();
  void connected(const Result<void>& result);
  void sweep();
  Result<void> serve();
  void turn_ended();
  void stop();
  void finish_stop();
  void end();
  void stop_with(const Error& error) {
    failure_ = error;
    loop_.stop();
  }
  void clock_was_set(Duration by) {
    spdlog::warn("the wall clock was set by {:+.3f} s", std::chrono::duration<double>(by).count());
    if (daemon_) daemon_->clock_was_set(by);
  }
  void report_status();
  Result<void> open_store(const std::string& path, bool used_before);
  Result<void> set_aside_owned();
  void check_large_store();

  DaemonConfig config_;
  UniqueFd lock_;
  Loop loop_;  // goes last: everything below posts to it
  std::unique_ptr<Store> store_;
  std::unique_ptr<AuditLog> audit_;
  WallClock clock_{now, [] { return Time(std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch())); },
                   [this](Duration by) { clock_was_set(by); }};
  std::unique_ptr<Daemon> daemon_;
  std::unique_ptr<ContainerdSide> containerd_;
  std::unique_ptr<DaemonBackend> backend_;
  std::unique_ptr<api::Server> server_;
  std::unique_ptr<DiskWatch> disk_watch_;
  std::unique_ptr<Sweeper> sweeper_;
  std::unique_ptr<Loop::Timer> server_timer_, watchdog_timer_, status_timer_, sweep_timer_;
  bool server_due_ = false;
  enum class Stage { Serving, Draining, Ending } stage_ = Stage::Serving;
  std::string status_;
  std::optional<std::string> disk_trouble_;
  Time stop_since_{};
  std::optional<Error> failure_;
};

Result<void> Gantryd::run() {
  if (auto ready = prepare(); !ready) return ready;
  loop_.run();
  if (failure_) return fail(std::move(*failure_));
  return {};
}

Result<void> Gantryd::prepare() {
  const std::string& state = config_.state_dir;
  const std::string log_root = state + "/logs";
  const std::string spool = state + "/spool";
  if (auto made = make_directory(state, 0711); !made) return made;
  auto lock = lock_state(state);
  if (!lock) return fail(std::move(lock.error()));
  lock_ = std::move(*lock);
  std::error_code ignored;
  std::filesystem::remove_all(spool, ignored);  // nobody waits for what an earlier life spooled
  const bool used_before = std::filesystem::exists(state + "/instance", ignored);
  auto instance = instance_id(state);
  if (!instance) return fail(std::move(instance.error()));
  if (auto opened = open_store(state + "/gantry.db", used_before); !opened) return opened;
  if (auto made = make_directory(log_root, 0700); !made) return made;
  if (auto made = make_directory(spool, 0700); !made) return made;

  auto log = [](const std::string& text) { spdlog::info("{}", text); };
  Daemon::Settings settings;
  engine::Host& host = settings.engine.host;
  host.capacity = {config_.cpu_milli, config_.memory_bytes, config_.slots, config_.pids};
  for (const engine::NamedResource& resource : config_.resources) {
    if (auto offered = host.offer(resource); !offered) return offered;
  }
  host.default_pids = containerd::Config().default_pids;
  settings.engine.network = config_.network;
  settings.engine.termination_grace = config_.termination_grace;
  settings.engine.archive_logs = config_.archive_logs;
  settings.artifact_gc = config_.artifact_gc;
  settings.policy = {config_.host_path_allow, config_.allow_privileged,
                     config_.allow_host_network || config_.network == runtime::Network::Host};
  settings.limits = config_.limits;
  settings.instance = *instance;
  auto boot = BootRecord::open(state + "/boot");
  if (!boot) return fail(std::move(boot.error()));
  settings.boot = std::move(*boot);
  settings.recovery_log = state + "/taking-up";
  settings.log_root = log_root;
  daemon_ = std::make_unique<Daemon>(
      std::move(settings),
      Daemon::Environment{.store = *store_, .executor = loop_, .now = [this] { return clock_.now(); }, .log = log});
  auto opened = daemon_->open_artifacts(
      {.directory = state + "/artifacts", .log_root = log_root, .fallback = config_.artifact_repository, .limits = {}});
  if (!opened) return opened;
  containerd_ = std::make_unique<ContainerdSide>(
      loop_, ContainerdSide::Settings{.containerd = config_.containerd,
                                      .runtime = config_.runtime,
                                      .shim = config_.shim,
                                      .state_dir = state,
                                      .log_root = log_root,
                                      .registry_user = config_.registry_user,
                                      .parallel_pulls = config_.parallel_pulls,
                                      .bridge = config_.bridge,
                                      .seccomp_profiles = config_.seccomp_profiles,
                                      .log = log});
  for (int signal : {SIGTERM, SIGINT}) {
    if (auto watched = loop_.on_signal(signal, [this] { stop(); }); !watched) return watched;
  }
  loop_.on_turn_end([this] { turn_ended(); });
  if (auto interval = notify::watchdog_interval()) {
    watchdog_timer_ = loop_.timer([this, interval] {
      notify::alive();
      watchdog_timer_->set(*interval);
    });
    watchdog_timer_->set(*interval);
  }
  containerd_->start(*daemon_, [this](const Result<void>& result) { connected(result); });
  return {};
}

Result<void> Gantryd::open_store(const std::string& path, bool used_before) {
  std::error_code missing;
  bool anew = used_before && (std::filesystem::file_size(path, missing) == 0 || missing);
  auto store = Store::open(path, loop_);
  if (store && anew) {
    spdlog::warn("{} was used before, but its store {} was not there or empty: gantryd begins with a new one",
                 config_.state_dir, path);
  }
  if (!store && store.error().code == Code::DataLoss && config_.set_aside_corrupt_store) {
    auto aside = set_aside_store(path, now());
    if (!aside) return fail(std::move(aside.error()).wrap(store.error().message));
    spdlog::critical("the store {} is damaged and was set aside as {}; gantryd goes on with an empty one ({})", path,
                     *aside, store.error().message);
    anew = true;
    store = Store::open(path, loop_);
  }
  if (!store) return fail(std::move(store.error()));
  store_ = std::move(*store);
  return anew ? set_aside_owned() : Result<void>();
}

/// What belongs to no stored workflow is swept away; here it may belong to one of the store that is gone.
Result<void> Gantryd::set_aside_owned() {
  for (const char* name : {"/logs", "/volumes/claims"}) {
    auto aside = set_aside_directory(config_.state_dir + name, now());
    if (!aside) return fail(std::move(aside.error()));
    if (!aside->empty()) spdlog::warn("what the workflows of the earlier store left is kept in {}", *aside);
  }
  return {};
}

/// What was not read before the start is read now.
void Gantryd::check_large_store() {
  if (!store_->is_large()) return;
  store_->check_pages([this](const Result<void>& sound) {
    if (sound || sound.error().code == Code::Cancelled) return;
    spdlog::critical("the store is damaged ({}): restore it from a backup", sound.error().message);
    daemon_->admission().store_damage("the store is damaged: " + sound.error().message);
  });
}

void Gantryd::connected(const Result<void>& result) {
  if (!result) return stop_with(result.error());
  daemon_->set_runtime(containerd_->runtime());
  daemon_->recover([this](const Result<std::size_t>& runs) {
    if (!runs) return stop_with(runs.error());
    if (*runs > 0) spdlog::info("took up {} unfinished workflow(s)", *runs);
    if (auto served = serve(); !served) return stop_with(served.error());
    sweeper_ = std::make_unique<Sweeper>(
        *daemon_, Sweeper::Host{
                      .find = [this](auto done) { containerd_->find(std::move(done)); },
                      .owners = [this](auto done) { containerd_->owners(std::move(done)); },
                      .remove_idle_cgroup = [this](const auto& owner) { containerd_->remove_idle_cgroup(owner); }});
    sweep_timer_ = loop_.timer([this] { sweep(); });
    sweep();
    check_large_store();
  });
}

void Gantryd::sweep() {
  sweeper_->sweep();
  sweep_timer_->set(kSweepEvery);
}

Result<void> Gantryd::serve() {
  auto inherited = notify::inherited_socket();
  if (!inherited) return fail(std::move(inherited.error()));
  if (config_.audit) {
    const std::string file = config_.audit_file.empty() ? config_.state_dir + "/audit.log" : config_.audit_file;
    audit_ = std::make_unique<AuditLog>(AuditLog::Settings{.file = file, .max_size = config_.audit_max_size}, loop_,
                                        [](const std::string& text) { spdlog::error("{}", text); });
  }
  disk_watch_ = std::make_unique<DiskWatch>(
      config_.state_dir, config_.disk_reserve, loop_, [this](std::optional<std::string> trouble) {
        if (trouble != disk_trouble_) {
          if (trouble) spdlog::warn("{}: no new workflows are taken", *trouble);
          else spdlog::info("the disk has room again");
        }
        disk_trouble_ = trouble;
        daemon_->admission().disk_trouble(std::move(trouble));
      });
  backend_ = std::make_unique<DaemonBackend>(
      *daemon_, &containerd_->images(),
      [this](const std::string& path, std::function<void()> changed) {
        return watch_directory(loop_.uv(), path, std::move(changed));
      },
      DaemonBackend::Settings{.spool_directory = config_.state_dir + "/spool",
                              .version = version_json(*containerd_),
                              .ttl = config_.ttl,
                              .history = config_.history,
                              .audit = audit_.get(),
                              .leave_free = config_.disk_reserve.bytes});
  api::Config config;
  config.listen_fd = std::move(*inherited);
  config.socket_path = config_.socket_path;
  config.mode = config_.socket_mode;
  config.group = config_.socket_group;
  config.executor = &loop_;
  config.wake = [this] { server_due_ = true; };
  if (audit_) config.audit = [this](const api::AuditRecord& record) { audit_->write(record); };
  config.log = [](std::string_view text) { spdlog::debug("http: {}", text); };
  if (!config.listen_fd.valid()) {
    std::error_code ignored;  // binding says what is wrong
    std::filesystem::create_directories(std::filesystem::path(config_.socket_path).parent_path(),
                                        ignored);
  }
  auto server = api::Server::open(std::move(config), *backend_);
  if (!server) return fail(std::move(server.error()));
  server_ = std::move(*server);
  backend_->start();
  server_timer_ = loop_.timer([this] { server_->turn(); });
  if (auto watched = loop_.on_readable(server_->epoll_fd(), [this] { server_->turn(); });
      !watched) {
    return watched;
  }
  status_timer_ = loop_.timer([this] { report_status(); });
  status_timer_->set(kStatusEvery);
  spdlog::info("serving {} (containerd {}, {})", config_.socket_path,
               containerd_->description()["version"].get<std::string>(),
               containerd_->runtime_name());
  notify::ready("Serving " + config_.socket_path);
  return {};
}

void Gantryd::turn_ended() {
  daemon_->end_turn();
  if (!server_) return;
  if (server_due_ || server_->timeout() == Duration::zero()) {
    server_due_ = false;
    server_->turn();
    daemon_->end_turn();
    // What that has set off is the next turn's; an empty task keeps the loop from sleeping before.
    if (server_due_) loop_.post([] {});
  }
  server_timer_->set(server_->timeout());
  if (stage_ != Stage::Draining) return;
  const bool talks = server_->connections() > 0 && now() < stop_since_ + kPatience;
  // When nothing runs, what has ended is cleared away first, so that no shim is left without its containerd.
  const bool clears = daemon_->load().runs == 0 && daemon_->busy() && now() < stop_since_ + kClearing;
  if (!talks && !clears) finish_stop();
}

void Gantryd::report_status() {
  Daemon::Load load = daemon_->load();
  std::string text = std::to_string(load.runs) + " workflows, " + std::to_string(load.steps) +
                     " steps" + (daemon_->connected() ? "" : "; no connection to containerd");
  if (auto admitted = daemon_->admission().check(); !admitted) text += "; " + admitted.error().message;
  if (text != status_) notify::status(text);
  status_ = std::move(text);
  // What the store's thread has freed of a great batch goes back only when this one, which made it, looks after its heap.
  mi_collect(true);
  status_timer_->set(kStatusEvery);
}

/// Orderly: no new work, what was decided is stored, clients get their answers. Steps go on under
/// containerd.
void Gantryd::stop() {
  if (stage_ != Stage::Serving) return loop_.stop();  // a second signal does not wait
  stage_ = Stage::Draining;
  spdlog::info("stopping");
  notify::stopping();
  stop_since_ = now();
  for (const Duration limit : {kPatience, kClearing}) loop_.after(limit, [] {});  // so that a turn ends then
  if (server_) server_->quiesce();
  if (!server_) finish_stop();
}

void Gantryd::finish_stop() {
  stage_ = Stage::Ending;
  daemon_->stop([this] {
    if (audit_) return audit_->flush([this] { end(); });
    end();
  });
}

void Gantryd::end() {
  auto stop_loop = [this] { loop_.stop(); };
  // A containerd of ours has nothing to do once no run needs it and no pod is left to be cleared away.
  if (daemon_->load().runs > 0 || daemon_->busy()) return stop_loop();
  containerd_->stop_containerd(stop_loop);
}

}  // namespace

Result<void> run_gantryd(DaemonConfig config) {
  Gantryd gantryd(std::move(config));
  return gantryd.run();
}

}  // namespace gantry
