#pragma once

// The API: Argo's REST interface as HTTP/1.1 + JSON on a Unix socket.
//
//   bytes ── libmicrohttpd ── Exchange ── Router ── handlers/ ── Backend (the daemon)
//                                 └──── StreamBody ◄─── Stream ────┘
//
// * `exchange.h`: one request and its answer; joins libmicrohttpd to the rest. Reads bodies,
//   suspends the connection while an answer is outstanding, feeds streams.
// * `router.h`: method + path → handler; 404, 405. `routes.cc` is the table of all that is served.
// * `handlers/`: a file for each family of endpoints; query and body → the Backend's structs, its
//   replies → JSON.
// * `stream.h`: server-sent events or newline-delimited JSON, bounded, with back-pressure.
// * `fields.h`, `selector.h`, `query.h`: Argo's and Kubernetes' small languages in the query.
//
// Threads: none of its own. Everything, the Backend's calls and replies included, happens on the
// thread that calls `turn()`: the daemon's loop. The daemon watches `epoll_fd()` for reading and
// sleeps at most `timeout()`.

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "api/audit.h"
#include "api/backend.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/executor.h"
#include "base/unique_fd.h"

namespace gantry::api {

/// Limits of the server. What is beyond them gets a clear error; nothing is cut off silently.
/// Fewer if the process may open few files; more wait in the socket's backlog.
inline constexpr unsigned kMaxConnections = 256;
inline constexpr std::size_t kMaxHeader = 16 * 1024;   ///< bytes of all header fields; else 431
inline constexpr std::size_t kMaxBody = 8 << 20;       ///< bytes of a JSON or YAML body; else 413
inline constexpr std::size_t kMaxBuffered = 16 << 20;  ///< bytes a stream keeps for a slow client
inline constexpr std::chrono::seconds kKeepAlive{15};  ///< between two comments of an event stream
/// How long a stream's status line waits for the backend's first word, so that an unknown workflow
/// can still be a 404.
inline constexpr std::chrono::milliseconds kHeaderGrace{100};
inline constexpr unsigned kIdleSeconds = 120;  ///< an idle connection is closed; streams never idle

using SteadyTime = std::chrono::steady_clock::time_point;

struct Config {
  /// Bound and removed by the server; at most 107 bytes.
  std::string socket_path;
  /// Instead of a path: a listening Unix socket that somebody else made (systemd); never removed.
  UniqueFd listen_fd;
  mode_t mode = 0660;  ///< of the socket file
  std::string group;   ///< of the socket file; empty: the process's own
  /// Writes spooled bodies on its workers. Null: `turn` writes them itself, and blocks as it does.
  Executor* executor = nullptr;
  /// Called when a turn is due because of what happened outside `turn`: a late reply, a message on
  /// a stream. Optional: `epoll_fd` becomes readable or `timeout` 0 as well, a little later.
  std::function<void()> wake;
  std::function<SteadyTime()> steady;  ///< default: std::chrono::steady_clock::now
  std::function<Time()> wall;          ///< default: gantry::now
  /// Hears of every change that was asked for and every refusal, once it is answered; may be empty.
  std::function<void(const AuditRecord&)> audit;
  /// What libmicrohttpd has to say, for a debug log; may be empty.
  std::function<void(std::string_view)> log;
};

class Server {
 public:
  /// Binds (or takes over) the socket and starts to listen. `backend` must outlive the server.
  /// Errors: InvalidArgument (path too long, no such group, not a listening socket), AlreadyExists
  /// (another gantryd is serving the path, or the path is not a socket), errno's otherwise. The
  /// socket file of a dead daemon is removed.
  static Result<std::unique_ptr<Server>> open(Config config, Backend& backend);

  /// Ends every connection: replies that come later are dropped, streams see `closed()`. Removes
  /// its socket file.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Readable when a turn is due. Owned by the server, the same one for its whole life.
  [[nodiscard]] int epoll_fd() const;
  /// How long until a turn is due although nothing becomes readable; 0: now; nothing: for ever.
  [[nodiscard]] std::optional<Duration> timeout() const;
  /// Does what is due, without blocking. Calls the Backend. Not re-entrant: the Backend must not
  /// call it.
  void turn();

  /// Takes no new connections and ends all streams; answers still outstanding are awaited. For an
  /// orderly stop: `quiesce()`, then turn until `connections()` is 0 or patience ends, then
  /// destroy.
  void quiesce();
  /// Requests under way: being received, answered or streamed.
  [[nodiscard]] std::size_t connections() const;

 private:
  class Core;
  explicit Server(std::unique_ptr<Core> core);
  std::unique_ptr<Core> core_;
};

}  // namespace gantry::api
