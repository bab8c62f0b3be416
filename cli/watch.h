#pragma once

// Keeping up with one workflow: its state and its log, through dropped connections and a daemon
// that restarts. Both run inside the Client's poll(); the owner calls `tick` after each poll. Main
// thread only.

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "cli/client.h"
#include "cli/session.h"

namespace gantry::cli {

using Steady = std::chrono::steady_clock;

/// When to try again: soon at first, then once a second, and not for ever.
class Retry {
 public:
  /// Schedules the next try. False once nothing has worked for half a minute.
  bool again(Steady::time_point now);
  /// Schedules a try although nothing failed.
  void later(Steady::time_point now) { at_ = now + kLongest / 2; }
  void worked() { failing_since_.reset(), delay_ = kFirst; }
  /// True once, when the scheduled try is due.
  bool due(Steady::time_point now);
  [[nodiscard]] bool waiting() const { return at_.has_value(); }

 private:
  static constexpr auto kFirst = std::chrono::milliseconds(50);
  static constexpr auto kLongest = std::chrono::milliseconds(1000);
  static constexpr auto kPatience = std::chrono::seconds(30);
  Duration delay_ = kFirst;
  std::optional<Steady::time_point> at_, failing_since_;
};

/// The state of one workflow. Reads it, then watches it; starts over when the stream ends.
class WorkflowWatch {
 public:
  /// `on_change` gets every state, the current one first. `exists`: the workflow was there a moment
  /// ago, so that a daemon that does not answer is waited for from the start.
  WorkflowWatch(Session& session, std::string name, std::function<void(const Json&)> on_change,
                bool exists = false);
  ~WorkflowWatch();
  WorkflowWatch(const WorkflowWatch&) = delete;
  WorkflowWatch& operator=(const WorkflowWatch&) = delete;

  void tick();
  /// Why there will be no more states: NotFound, deleted, or the daemon stays away.
  [[nodiscard]] const std::optional<Error>& error() const { return error_; }
  /// True while the connection is lost and comes back by itself.
  [[nodiscard]] bool reconnecting() const { return retry_.waiting() && had_state_; }
  /// No more of it: finished, for the owner.
  void stop();

 private:
  void read();
  void watch();
  void lost(const Error& error);

  Session& session_;
  std::string name_;  ///< `@latest` becomes the real name with the first answer
  std::function<void(const Json&)> on_change_;
  bool had_state_;
  bool stopped_ = false;
  Client::Id exchange_ = 0;
  Retry retry_;
  std::optional<Error> error_;
  std::optional<Steady::time_point> silent_since_;  ///< the watch was opened and has said nothing
};

struct LogLine {
  std::string pod;
  std::string content;
};

/// The log of one workflow. A stream that broke off is opened again, and the lines that were seen
/// are skipped.
class LogStream {
 public:
  /// `query` is the log endpoint's. It must not limit the log to its tail when `resumable`.
  LogStream(Session& session, std::string name,
            std::vector<std::pair<std::string, std::string>> query, bool resumable,
            std::function<void(LogLine)> on_line);
  ~LogStream();
  LogStream(const LogStream&) = delete;
  LogStream& operator=(const LogStream&) = delete;

  void tick();
  /// True once the daemon has said that this is all.
  [[nodiscard]] bool ended() const { return ended_; }
  [[nodiscard]] const std::optional<Error>& error() const { return error_; }
  /// After `ended`: asks for what has come since.
  void resume();

 private:
  void open();

  Session& session_;
  std::string name_;
  std::vector<std::pair<std::string, std::string>> query_;
  bool resumable_;
  std::function<void(LogLine)> on_line_;
  Client::Id exchange_ = 0;
  Retry retry_;
  std::optional<Error> error_;
  bool ended_ = false, opened_ = false;
  struct Count {
    std::uint64_t shown = 0, to_skip = 0;
  };
  std::map<std::string, Count> pods_;
};

}  // namespace gantry::cli
