#pragma once

// The audit log: one JSON object a line, appended to a file. Lines go to a worker, in order and many at
// a time; the file is opened for each write, so that whoever rotates it needs to tell nobody. At its
// largest size it becomes FILE.1, which replaces the one before. Loop thread.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "api/audit.h"
#include "base/error.h"
#include "base/executor.h"

namespace gantry {

class AuditLog {
 public:
  struct Settings {
    std::string file;
    std::int64_t max_size = 64 << 20;  ///< bytes; 0: without end
  };
  /// `executor` outlives it; `log` hears once when the file cannot be written, and when it can again.
  AuditLog(Settings settings, Executor& executor, std::function<void(const std::string&)> log);
  ~AuditLog();
  AuditLog(const AuditLog&) = delete;

  void write(const api::AuditRecord& record);
  /// Calls `done` once everything is written that was.
  void flush(std::function<void()> done);
  /// The newest `lines`, oldest first; of FILE.1 as well when FILE has fewer.
  void read(std::size_t lines, std::function<void(Result<std::vector<api::Json>>)> done);

 private:
  struct State;
  static void send(const std::shared_ptr<State>& state);
  std::shared_ptr<State> state_;
};

/// `{"time", "uid", "gid", "pid", "method", "path", "object", "status", "error"}`.
api::Json audit_json(const api::AuditRecord& record);

}  // namespace gantry
