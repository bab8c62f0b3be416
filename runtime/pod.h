#pragma once

// A pod as the runtime gets it: every string final (but for Kubernetes' `$(NAME)`), every reference resolved. No
// workflow, plan or node in here, only ids and labels.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/clock.h"

namespace gantry::runtime {

struct EnvVar {
  std::string name;
  /// May refer to other variables of the container as `$(NAME)`, which the runtime expands as the kubelet does; so may
  /// ContainerSpec::command and args.
  std::string value;
  bool literal = false;  ///< from a Secret or ConfigMap: not expanded
};

/// A key of a Secret or ConfigMap; the daemon replaces it with its value before the runtime sees the pod.
struct ObjectKey {
  enum class Kind : std::uint8_t { Secret, ConfigMap };
  Kind kind = Kind::Secret;
  std::string name;
  std::string key;
  bool optional = false;
};
/// An environment variable whose value is kept out of the engine and the store.
struct EnvReference {
  std::string name;
  ObjectKey from;  ///< an empty key: all keys of the object, `name` is their prefix
};

struct VolumeMount {
  std::string volume;      ///< Volume::name
  std::string mount_path;  ///< absolute, in the container
  std::string sub_path;    ///< below the volume's root; empty: the root
  bool read_only = false;
};

/// A device of the host that the container gets: the node is made in its /dev (or wherever `inside` says), and its cgroup
/// lets it through. A path that is no device on the host when the container is made is an error of the pod.
struct Device {
  std::string path;            ///< absolute, on the host; symbolic links are followed
  std::string inside;          ///< absolute, in the container
  std::string access = "rwm";  ///< r: read, w: write, m: make nodes of it
  bool operator==(const Device&) const = default;
};

struct Resources {
  std::int64_t cpu_request_milli = 0;   ///< thousandths of a CPU
  std::int64_t cpu_limit_milli = 0;     ///< 0: no limit
  std::int64_t memory_request_bytes = 0;
  std::int64_t memory_limit_bytes = 0;  ///< 0: no limit
  std::int64_t pids_limit = 0;          ///< 0: the runtime's default
  /// Extended resources by name. The runtime makes nothing of them; what they are is in ContainerSpec::devices and env.
  std::map<std::string, std::int64_t> extended;
};

struct Security {
  std::optional<std::int64_t> run_as_user, run_as_group, fs_group;
  std::vector<std::int64_t> supplemental_groups;
  bool run_as_non_root = false;
  bool privileged = false;
  std::optional<bool> allow_privilege_escalation;
  bool read_only_root_filesystem = false;
  std::vector<std::string> capabilities_add, capabilities_drop;  ///< without CAP_; "ALL" possible
  bool seccomp_unconfined = false;
  std::string seccomp_profile;  ///< seccompProfile Localhost: a file below the runtime's directory for them
};

enum class PullPolicy : std::uint8_t { Always, IfNotPresent, Never };

// What a probe or a lifecycle hook does. `host` empty: the pod's address (with Network::Host, the loopback address).
struct ExecAction { std::vector<std::string> command; };  ///< in the container; exit code 0 is success
/// Status 200 to 399 is success; certificates are not verified, redirects are not followed.
struct HttpGetAction {
  std::string path = "/";
  int port = 0;
  std::string host;
  bool https = false;
  std::vector<std::pair<std::string, std::string>> headers;
};
struct TcpSocketAction { int port = 0; std::string host; };  ///< success: something accepts
/// grpc.health.v1.Health/Check without TLS; SERVING is success. Not with Network::None.
struct GrpcAction { int port = 0; std::string service; };
struct SleepAction { Duration duration{0}; };

/// Kubernetes' defaults (core/v1 Probe).
struct Probe {
  std::variant<ExecAction, HttpGetAction, TcpSocketAction, GrpcAction> action;
  Duration initial_delay{0};
  Duration period = std::chrono::seconds(10);
  Duration timeout = std::chrono::seconds(1);
  int success_threshold = 1;
  int failure_threshold = 3;
};
using Handler = std::variant<ExecAction, HttpGetAction, TcpSocketAction, SleepAction>;
struct Lifecycle {
  /// Runs beside the program once it is started; the container is ready after it. When it fails the container is killed.
  std::optional<Handler> post_start;
  /// Runs before the runtime's or the caller's SIGTERM is sent, at most as long as the pod's termination grace.
  std::optional<Handler> pre_stop;
};

/// What a container is in its pod.
enum class Role : std::uint8_t {
  Main,     ///< the pod has ended when all of its main containers have
  Init,     ///< they run one after the other, in the order of the list, before all others; an exit code but 0 ends the pod
  Sidecar,  ///< started with the main containers; after their end SIGTERM, after the grace period SIGKILL
};

struct ContainerSpec {
  std::string name;
  std::string image;  ///< as the user wrote it; the runtime normalises it
  PullPolicy pull_policy = PullPolicy::IfNotPresent;
  std::optional<std::vector<std::string>> command;  ///< absent: the image's ENTRYPOINT (and CMD unless args are given)
  std::optional<std::vector<std::string>> args;
  std::optional<std::string> script;  ///< written to /argo/staging/script (0755); that path is appended to the command
  std::string working_dir;            ///< empty: the image's
  std::vector<EnvVar> env;
  std::vector<EnvReference> env_references;
  std::vector<VolumeMount> mounts;
  Resources resources;
  std::vector<Device> devices;  ///< besides those that every container has
  Security security;
  bool tty = false;  ///< a terminal: both streams go to <container>.stdout. Standard input is /dev/null otherwise

  Role role = Role::Main;
  /// Names of main containers: it starts when all of them have ended with 0. When one ended otherwise, or never ran, it
  /// never runs. Only for main containers.
  std::vector<std::string> dependencies;
  /// Attempts in all, in place: the root file system, the volumes and the logs of the attempts before are kept. Argo's
  /// containerSet.retryStrategy.retries counts this way (workflow/…/container_set_template_types.go). Only for main containers.
  int attempts = 1;
  Duration retry_pause{0};  ///< between two attempts: containerSet.retryStrategy.duration
  std::optional<Probe> readiness_probe, liveness_probe, startup_probe;  ///< not for init containers
  Lifecycle lifecycle;                                                  ///< not for init containers
};

struct EmptyDir { bool memory = false; std::int64_t size_limit_bytes = 0; };
/// A directory or file of the host. The daemon has checked it against its allow-list. `type` as in Kubernetes ("",
/// DirectoryOrCreate, Directory, FileOrCreate, File, Socket).
struct HostPath { std::string path; std::string type; };
/// Files made for this pod, on a tmpfs; filled from `from` by the daemon before the runtime sees the pod.
struct Files {
  struct File { std::string path; std::string content; std::uint32_t mode = 0644; };
  std::vector<File> files;
  ObjectKey from;  ///< key unused; `optional` as in the file
  struct Item { std::string key, path; std::optional<std::uint32_t> mode; };
  std::vector<Item> items;  ///< empty: all keys
  std::uint32_t default_mode = 0644;
};
/// Several sources in one volume; a path that comes again replaces what came before. The downward API is Files with the
/// content filled in; an ephemeral volume is an EmptyDir.
struct Projected { std::vector<Files> sources; };
/// A directory that is shared by the pods of one owner and outlives them. Created when first used.
struct Claim { std::string owner; std::string name; bool read_only = false; };

struct Volume {
  std::string name;
  std::variant<EmptyDir, HostPath, Files, Claim, Projected> source;
};

enum class Network : std::uint8_t {
  None,    ///< one of its own with nothing but a loopback interface
  Host,    ///< the host's
  Bridge,  ///< one of its own, joined to the host's by a bridge; the pod has an address
};

/// /etc/resolv.conf of the pod.
struct Dns {
  bool from_host = true;  ///< dnsPolicy: false for None; every other policy means the host's here
  // dnsConfig: appended to the host's.
  std::vector<std::string> nameservers, searches;
  struct Option { std::string name; std::optional<std::string> value; };
  std::vector<Option> options;
};

struct HostAlias { std::string ip; std::vector<std::string> hostnames; };

/// A file that is read once the pod has ended.
struct OutputFile {
  std::string name;       ///< how the result calls it
  std::string container;
  std::string path;       ///< absolute, in the container; below a volume mount or in the root file system
  bool watched = false;   ///< read every few seconds while the pod runs, too: Listener::on_output
};

/// A file or directory that is at `path` of the containers before any of them starts. All of them see the same copy and
/// may write to it; `source` is never written to (it may be hard links into a store). Missing parent directories are
/// made. Below a volume mount of the first of the containers it is copied into the volume; elsewhere a directory is not
/// copied (an overlay), a file is.
struct InputArtifact {
  std::vector<std::string> containers;  ///< ContainerSpec::name, at least one
  std::string path;                     ///< absolute, in the containers
  std::string source;                   ///< absolute, on the host
  std::optional<std::uint32_t> mode;    ///< of the file, or of the directory itself
  bool recurse_mode = false;            ///< of everything below it too
};

/// A file or directory that is put at `staged` once the pod has ended, with modes, times, owners and symbolic links as
/// they are; sockets, pipes and devices are left out, and nothing leads out of the container.
struct OutputArtifact {
  std::string name;       ///< how the result calls it
  std::string container;
  std::string path;       ///< absolute, in the container: the root file system, a volume, an input artifact
  std::string staged;     ///< absolute, on the host; must not exist, its directory must
};

/// Credentials of a registry. `server` is as Docker's configuration has it: "registry:5000", "https://host/path",
/// "*.example.com".
struct RegistryLogin { std::string server, user, password; };

struct PodSpec {
  std::string id;          ///< unique, `run-node-attempt`; [A-Za-z0-9._-], at most 76 characters
  std::string hostname;
  std::string cgroup;      ///< below the daemon's root, "<run>/<node>"
  std::map<std::string, std::string> labels;
  std::string log_directory;  ///< relative to the log root; files are <container>.stdout and <container>.stderr
  Network network = Network::Host;
  std::vector<Volume> volumes;
  std::vector<ContainerSpec> containers;  ///< names are unique; at least one main
  std::vector<OutputFile> outputs;
  bool capture_stdout = false;  ///< read the last 256 KiB of main's stdout into the result. `main` is the main container
                                ///< of that name, or else the first one
  std::vector<InputArtifact> input_artifacts;
  std::vector<OutputArtifact> output_artifacts;
  Duration termination_grace = std::chrono::seconds(30);  ///< of sidecars, preStop and failed liveness probes
  std::vector<std::string> image_pull_secrets;  ///< names of Secrets; the daemon makes logins of them
  std::vector<RegistryLogin> logins;
  Dns dns;
  std::vector<HostAlias> host_aliases;
  std::map<std::string, std::string> sysctls;  ///< "net.ipv4.…": of the pod's own network; "kernel.shm…", "fs.mqueue.…"
  bool host_pid = false, host_ipc = false;
};

}  // namespace gantry::runtime
