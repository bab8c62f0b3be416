#pragma once

// A pod as the runtime gets it: every string final (but for Kubernetes' `$(NAME)`), every reference resolved. No
// workflow, plan or node in here, only ids and labels.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

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

struct Resources {
  std::int64_t cpu_request_milli = 0;   ///< thousandths of a CPU
  std::int64_t cpu_limit_milli = 0;     ///< 0: no limit
  std::int64_t memory_request_bytes = 0;
  std::int64_t memory_limit_bytes = 0;  ///< 0: no limit
  std::int64_t pids_limit = 0;          ///< 0: the runtime's default
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
};

enum class PullPolicy : std::uint8_t { Always, IfNotPresent, Never };

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
  Security security;
  bool tty = false;
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
/// A directory that is shared by the pods of one owner and outlives them. Created when first used.
struct Claim { std::string owner; std::string name; bool read_only = false; };

struct Volume {
  std::string name;
  std::variant<EmptyDir, HostPath, Files, Claim> source;
};

enum class Network : std::uint8_t { None, Host };

/// A file that is read once `container` has ended.
struct OutputFile {
  std::string name;       ///< how the result calls it
  std::string container;
  std::string path;       ///< absolute, in the container; below a volume mount or in the root file system
};

struct PodSpec {
  std::string id;          ///< unique, `run-node-attempt`; [A-Za-z0-9._-], at most 76 characters
  std::string hostname;
  std::string cgroup;      ///< below the daemon's root, "<run>/<node>"
  std::map<std::string, std::string> labels;
  std::string log_directory;  ///< relative to the log root; files are <container>.stdout and <container>.stderr
  Network network = Network::Host;
  std::vector<Volume> volumes;
  std::vector<ContainerSpec> containers;  ///< start together; the pod has ended when the first one (`main`) has
  std::vector<OutputFile> outputs;
  bool capture_stdout = false;            ///< read the last 256 KiB of main's stdout into the result
};

}  // namespace gantry::runtime
