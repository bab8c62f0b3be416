#pragma once

// The OCI runtime (runc, crun, …) of one container: its calls, which do not block the loop. Loop thread.

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "runtime/shim/children.h"

namespace gantry::shim {

class OciRuntime {
 public:
  struct Settings {
    std::string binary = "runc";
    std::string root;  ///< where it keeps its state
    std::string log;   ///< the file that it logs to
    bool systemd_cgroup = false;
  };
  /// As the stock shim: `root` is /run/containerd/runc unless the options name one, and the namespace below it.
  static Settings settings(const std::string& binary, const std::string& root, const std::string& name_space,
                           const std::string& bundle, bool systemd_cgroup);

  OciRuntime(Loop& loop, Children& children, Settings settings);

  struct Call {
    std::vector<std::string> arguments;
    /// Standard descriptors of the call, which `create` and `exec` leave to the container's process. Without them its
    /// output is kept, for the answer or the error.
    std::optional<Children::Io> io;
    std::string input;               ///< standard input, where there is no io
    std::optional<Duration> limit;  ///< then it is killed
  };
  /// What it printed. Errors: Unknown with the last error of its log, or with how it ended; DeadlineExceeded.
  using Done = std::function<void(Result<std::string>)>;
  void call(Call call, Done done);
  /// Kills the calls whose first argument this is; they end with an error.
  void abandon(const std::string& verb);

  [[nodiscard]] const Settings& config() const { return settings_; }
  /// Its full command line.
  [[nodiscard]] std::vector<std::string> command(const std::vector<std::string>& arguments) const;

 private:
  Loop& loop_;
  Children& children_;
  Settings settings_;
  std::map<pid_t, std::string> running_;  ///< and the verbs
};

}  // namespace gantry::shim
