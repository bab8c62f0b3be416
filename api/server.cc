#include "api/server.h"

#include <microhttpd.h>
#include <sys/epoll.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "api/exchange.h"
#include "api/listen.h"

namespace gantry::api {
namespace {

/// libmicrohttpd's memory for a connection: the request line with its parameters, the header
/// fields, and a buffer.
constexpr std::size_t kConnectionMemory = 64 * 1024;

/// Of what the process may open, clients get a quarter: the rest is for the work that they ask for.
unsigned most_connections() {
  struct rlimit limit {};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return kMaxConnections;
  return static_cast<unsigned>(std::clamp<rlim_t>(limit.rlim_cur / 4, 1, kMaxConnections));
}

}  // namespace

// Two epoll sets, one in the other: libmicrohttpd's, and around it ours, which also watches the
// descriptors of suspended connections for hanging up. libmicrohttpd does not look at those, and a
// client that leaves while nothing is sent to it would be kept for ever.
class Server::Core final : public Host {
 public:
  Core(Config config, Backend& backend, Listener listener)
      : config_(std::move(config)), backend_(backend), listener_(std::move(listener)) {}

  Result<void> start() {
    epoll_.reset(epoll_create1(EPOLL_CLOEXEC));
    if (!epoll_.valid()) return gantry::fail(errno_error("epoll_create1", errno));
    const std::array<MHD_OptionItem, 7> options{{
        {MHD_OPTION_LISTEN_SOCKET, listener_.fd(), nullptr},
        {MHD_OPTION_CONNECTION_LIMIT, static_cast<std::intptr_t>(most_connections()), nullptr},
        {MHD_OPTION_CONNECTION_MEMORY_LIMIT, static_cast<std::intptr_t>(kConnectionMemory),
         nullptr},
        {MHD_OPTION_CONNECTION_TIMEOUT, static_cast<std::intptr_t>(kIdleSeconds), nullptr},
        {MHD_OPTION_NOTIFY_COMPLETED, reinterpret_cast<std::intptr_t>(&Core::on_completed), this},
        {MHD_OPTION_URI_LOG_CALLBACK, reinterpret_cast<std::intptr_t>(&Core::on_uri), this},
        {MHD_OPTION_END, 0, nullptr},
    }};
    daemon_ = MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0,
                               nullptr, nullptr, &Core::on_request, this,
                               // The logger must come first, before what it may have to log.
                               MHD_OPTION_EXTERNAL_LOGGER, &Core::on_log, this, MHD_OPTION_ARRAY,
                               options.data(), MHD_OPTION_END);
    if (daemon_ == nullptr) return gantry::fail(Code::Internal, "libmicrohttpd does not start");
    const auto* info = MHD_get_daemon_info(daemon_, MHD_DAEMON_INFO_EPOLL_FD);
    inner_ = info == nullptr ? -1 : info->epoll_fd;
    epoll_event event{.events = EPOLLIN, .data = {.fd = inner_}};
    if (inner_ < 0 || epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, inner_, &event) != 0) {
      return gantry::fail(errno_error("watch libmicrohttpd", errno));
    }
    return {};
  }

  ~Core() override {
    if (daemon_ == nullptr) return;
    quiesce();
    for (auto& [fd, exchange] : waiting_) exchange->abandon();
    waiting_.clear();
    MHD_stop_daemon(daemon_);  // completes every exchange
    notify();
  }

  [[nodiscard]] int epoll_fd() const { return epoll_.get(); }

  [[nodiscard]] std::optional<Duration> timeout() const {
    std::optional<Duration> wait;
    MHD_UNSIGNED_LONG_LONG millis = 0;
    if (MHD_get_timeout(daemon_, &millis) == MHD_YES) wait = Duration(millis);
    if (!notify_.empty()) return Duration(0);
    SteadyTime now = config_.steady();
    for (const Exchange* exchange : live_) {
      if (auto deadline = exchange->deadline()) {
        // Rounded up: a turn a moment too early would find nothing to do.
        auto left = std::max(std::chrono::ceil<Duration>(*deadline - now), Duration(0));
        wait = wait ? std::min(*wait, left) : left;
      }
    }
    return wait;
  }

  void turn() {
    in_run_ = true;
    drop_hung_up();
    SteadyTime now = config_.steady();
    due_.clear();
    for (Exchange* exchange : live_) {
      if (exchange->deadline() && *exchange->deadline() <= now) due_.push_back(exchange);
    }
    for (Exchange* exchange : due_) exchange->tick(now);
    // libmicrohttpd takes its listener out of its set at the beginning of a run when it has as many connections as it
    // may, and puts it back at the beginning of one when it has not: after one that ends some there must be another, or
    // those that wait for a place would wait for ever.
    for (unsigned before = open_connections(), after = 0; MHD_run(daemon_) == MHD_YES; before = after) {
      after = open_connections();
      if (after >= before) break;
    }
    in_run_ = false;
    notify();
  }

  void quiesce() {
    if (!quiesced_) {
      // libmicrohttpd would close the descriptor when it stops; this way it stays the listener's.
      MHD_quiesce_daemon(daemon_);
      quiesced_ = true;
    }
    for (Exchange* exchange : std::vector<Exchange*>(live_.begin(), live_.end()))
      exchange->end_stream();
  }

  [[nodiscard]] std::size_t live() const { return live_.size(); }

  Backend& backend() override { return backend_; }
  const Config& config() const override { return config_; }

  void suspended(const ExchangePtr& exchange, int fd) override {
    waiting_[fd] = exchange;
    // No events asked for: EPOLLHUP and EPOLLERR are always reported. A client that only shut its
    // sending side down (EPOLLRDHUP) still wants its answer.
    epoll_event event{.events = 0, .data = {.fd = fd}};
    epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event);
  }

  void resumed(int fd) override {
    waiting_.erase(fd);
    epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
    if (config_.wake) config_.wake();
  }

  void notify_later(std::shared_ptr<StreamBody> body) override {
    notify_.push_back(std::move(body));
    if (!in_run_ && config_.wake) config_.wake();
  }

 private:
  [[nodiscard]] unsigned open_connections() const {
    const auto* info = MHD_get_daemon_info(daemon_, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);
    return info == nullptr ? 0 : info->num_connections;
  }

  void drop_hung_up() {
    std::array<epoll_event, 64> events;
    int count = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), 0);
    for (int i = 0; i < count; ++i) {
      int fd = events[static_cast<std::size_t>(i)].data.fd;
      if (fd == inner_) continue;
      // It would be reported again in every turn until it is resumed, which may take a worker's
      // write.
      epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
      auto found = waiting_.find(fd);
      if (found == waiting_.end()) continue;
      ExchangePtr exchange = found->second;
      exchange->hung_up();
    }
  }

  /// Callbacks may cause further ones; those wait for the next turn, which `timeout` announces.
  void notify() {
    auto bodies = std::exchange(notify_, {});
    for (auto& body : bodies) body->notify();
  }

  static void* on_uri(void* self, const char* uri, MHD_Connection* connection) {
    auto& core = *static_cast<Core*>(self);
    auto* held = new ExchangePtr(std::make_shared<Exchange>(core, connection, uri));
    core.live_.insert(held->get());
    return held;
  }

  static MHD_Result on_request(void*, MHD_Connection*, const char*, const char* method, const char*,
                               const char* data, std::size_t* size, void** context) {
    auto* held = static_cast<ExchangePtr*>(*context);
    if (held == nullptr) return MHD_NO;
    ExchangePtr keep = *held;
    return keep->handle(method, data, size);
  }

  static void on_completed(void* self, MHD_Connection*, void** context,
                           MHD_RequestTerminationCode) {
    auto* held = static_cast<ExchangePtr*>(std::exchange(*context, nullptr));
    if (held == nullptr) return;
    static_cast<Core*>(self)->live_.erase(held->get());
    (*held)->completed();
    delete held;
  }

  static void on_log(void* self, const char* format, va_list arguments) {
    auto& core = *static_cast<Core*>(self);
    if (!core.config_.log) return;
    char text[512];
    int length = std::vsnprintf(text, sizeof text, format, arguments);
    std::string_view line(text, static_cast<std::size_t>(std::clamp(length, 0, 511)));
    while (line.ends_with('\n')) line.remove_suffix(1);
    // A client that leaves in the middle of a stream is nothing to report: Exchange::read_stream ends
    // the stream this way itself.
    if (line.starts_with("Closing connection (application error")) return;
    core.config_.log(line);
  }

  Config config_;
  Backend& backend_;
  Listener listener_;
  UniqueFd epoll_;
  MHD_Daemon* daemon_ = nullptr;
  int inner_ = -1;
  bool quiesced_ = false;
  bool in_run_ = false;                           ///< in the part of a turn that `notify` follows
  std::unordered_set<Exchange*> live_;            ///< between request line and completion
  std::unordered_map<int, ExchangePtr> waiting_;  ///< suspended connections by descriptor
  std::vector<std::shared_ptr<StreamBody>> notify_;  ///< streams with callbacks to make
  std::vector<Exchange*> due_;
};

Result<std::unique_ptr<Server>> Server::open(Config config, Backend& backend) {
  if (!config.steady) config.steady = [] { return std::chrono::steady_clock::now(); };
  if (!config.wall) config.wall = [] { return now(); };
  auto listener = config.listen_fd.valid()
                      ? Listener::inherit(std::move(config.listen_fd))
                      : Listener::bind(config.socket_path, config.mode, config.group);
  if (!listener) return tl::unexpected<Error>(std::move(listener.error()));
  auto core = std::make_unique<Core>(std::move(config), backend, std::move(*listener));
  if (auto ok = core->start(); !ok) return tl::unexpected<Error>(std::move(ok.error()));
  return std::unique_ptr<Server>(new Server(std::move(core)));
}

Server::Server(std::unique_ptr<Core> core) : core_(std::move(core)) {}
Server::~Server() = default;
int Server::epoll_fd() const { return core_->epoll_fd(); }
std::optional<Duration> Server::timeout() const { return core_->timeout(); }
void Server::turn() { core_->turn(); }
void Server::quiesce() { core_->quiesce(); }
std::size_t Server::connections() const { return core_->live(); }

}  // namespace gantry::api
