#pragma once

// The daemon's settings: defaults, then the file of --config, then the command line.
//
// The file is YAML; systemd/gantry.yaml shows every key with its default. What is not a key, or not
// a value of its kind, is an error with its line: a setting that is misspelt must not be a setting
// that is off.

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "daemon/disk_watch.h"
#include "daemon/engine/host.h"
#include "daemon/store.h"
#include "daemon/ttl.h"
#include "runtime/containerd/config.h"
#include "runtime/pod.h"
#include "workflow/limits.h"

namespace gantry {

struct DaemonConfig {
  std::string state_dir = "/var/lib/gantry";
  std::string socket_path = "/run/gantry/gantry.sock";
  mode_t socket_mode = 0660;
  std::string socket_group;  ///< empty: the daemon's own

  std::string containerd = "auto";  ///< auto, private, or the address of one
  std::string runtime = "auto";     ///< auto (crun if it is there), runc, crun, or a path
  std::string shim = "auto";        ///< auto (Gantry's own if it is installed), gantry, runc, or a path
  runtime::Network network = runtime::Network::Host;
  containerd::BridgeConfig bridge;  ///< enabled when network is Bridge
  bool allow_host_network = false;  ///< for pods with hostNetwork where network is not Host

  std::vector<std::string> host_path_allow;  ///< normalised, absolute
  bool allow_privileged = false;
  std::string seccomp_profiles = "/etc/gantry/seccomp";  ///< directory

  std::int64_t cpu_milli = 0;     ///< 0: all that the host has
  std::int64_t memory_bytes = 0;  ///< 0: 90 % of what the host has
  std::int64_t slots = 110;       ///< pods at a time; Kubernetes' maxPods
  std::int64_t pids = 0;          ///< processes of all pods together; 0: they are not counted
  std::vector<engine::NamedResource> resources;
  Duration termination_grace = std::chrono::seconds(30);

  bool set_aside_corrupt_store = false;  ///< else gantryd does not start on one
  HistoryLimits history;                 ///< nothing is deleted by default
  DiskReserve disk_reserve;
  bool audit = true;
  std::string audit_file;                 ///< empty: audit.log in state_dir
  std::int64_t audit_max_size = 64 << 20;  ///< bytes, then it becomes FILE.1; 0: without end

  Ttl ttl;  ///< for workflows without a ttlStrategy of their own; empty: they are kept

  bool archive_logs = false;  ///< keep the logs of all pods as artifacts
  std::string artifact_gc = "OnWorkflowDeletion";  ///< of artifacts whose workflow and key name no strategy
  std::string artifact_repository;  ///< JSON, {"s3":{…}}; empty: below state_dir

  std::string registry_user;  ///< NAME:PASSWORD for pulls; empty: none
  int parallel_pulls = 2;
  workflow::Limits limits;         ///< of a document
  std::string log_level = "info";  ///< trace, debug, info, warn, error

  std::vector<std::string> warnings;  ///< for the operator; the settings stand
};

/// Reads `text` over `config`. Fails with InvalidArgument and one line for each thing that is
/// wrong: `FILE:LINE:COLUMN: unknown key 'sockt' (did you mean 'socket'?)`.
Result<void> read_config(std::string_view text, const std::string& file, DaemonConfig& config);

/// What the command line says. Exit status 0 and 2 are the caller's to carry out.
struct CommandLine {
  DaemonConfig config;
  bool show_version = false;
  std::optional<std::string> check_store;  ///< a file to check instead of running; "": the store
};
/// InvalidArgument for a wrong command line or file; Cancelled with the help text as message when
/// that was asked for.
Result<CommandLine> parse_command_line(int argc, const char* const* argv);

/// Fills what depends on the host: capacity that is 0.
void fill_from_host(DaemonConfig& config);

}  // namespace gantry
