#include "runtime/containerd/oci_spec.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <set>

#include "base/json_text.h"
#include "runtime/containerd/seccomp.h"

namespace gantry::containerd {
namespace {

using nlohmann::json;

/// On the container's own /dev, so that nothing of it is seen in the root file system.
constexpr char kInitPath[] = "/dev/gantry-init";
/// Steps go before the host's services when memory runs out. Never negative: that would need a
/// privilege.
constexpr int kOomScoreAdjust = 500;
constexpr std::uint64_t kOpenFiles = 1048576;  // Docker's

// In the order of their numbers (linux/capability.h).
constexpr std::array kCapabilities = {"CHOWN",
                                      "DAC_OVERRIDE",
                                      "DAC_READ_SEARCH",
                                      "FOWNER",
                                      "FSETID",
                                      "KILL",
                                      "SETGID",
                                      "SETUID",
                                      "SETPCAP",
                                      "LINUX_IMMUTABLE",
                                      "NET_BIND_SERVICE",
                                      "NET_BROADCAST",
                                      "NET_ADMIN",
                                      "NET_RAW",
                                      "IPC_LOCK",
                                      "IPC_OWNER",
                                      "SYS_MODULE",
                                      "SYS_RAWIO",
                                      "SYS_CHROOT",
                                      "SYS_PTRACE",
                                      "SYS_PACCT",
                                      "SYS_ADMIN",
                                      "SYS_BOOT",
                                      "SYS_NICE",
                                      "SYS_RESOURCE",
                                      "SYS_TIME",
                                      "SYS_TTY_CONFIG",
                                      "MKNOD",
                                      "LEASE",
                                      "AUDIT_WRITE",
                                      "AUDIT_CONTROL",
                                      "SETFCAP",
                                      "MAC_OVERRIDE",
                                      "MAC_ADMIN",
                                      "SYSLOG",
                                      "WAKE_ALARM",
                                      "BLOCK_SUSPEND",
                                      "AUDIT_READ",
                                      "PERFMON",
                                      "BPF",
                                      "CHECKPOINT_RESTORE"};
constexpr std::array kDefaultCapabilities = {
    "CHOWN",   "DAC_OVERRIDE", "FSETID",           "FOWNER",
    "MKNOD",   "NET_RAW",      "SETGID",           "SETUID",
    "SETFCAP", "SETPCAP",      "NET_BIND_SERVICE", "SYS_CHROOT",
    "KILL",    "AUDIT_WRITE"};

const std::vector<const char*> kMaskedPaths = {"/proc/acpi",
                                               "/proc/asound",
                                               "/proc/kcore",
                                               "/proc/keys",
                                               "/proc/latency_stats",
                                               "/proc/timer_list",
                                               "/proc/timer_stats",
                                               "/proc/sched_debug",
                                               "/proc/scsi",
                                               "/sys/firmware",
                                               "/sys/devices/virtual/powercap"};
const std::vector<const char*> kReadonlyPaths = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
                                                 "/proc/sysrq-trigger"};

json mount(const std::string& destination, const std::string& type, const std::string& source,
           std::vector<const char*> options) {
  return {{"destination", destination}, {"type", type}, {"source", source}, {"options", options}};
}

json bind(const BindMount& bind) {
  return mount(bind.destination, "bind", bind.source,
               {"rbind", "rprivate", bind.read_only ? "ro" : "rw"});
}

// "/a//b/" → "/a/b"; empty if it is not absolute or goes up.
std::string clean_path(const std::string& path) {
  if (!path.starts_with('/')) return {};
  std::string result;
  std::string_view rest = path;
  while (!rest.empty()) {
    const auto slash = rest.find('/');
    const std::string_view part = rest.substr(0, slash);
    rest = slash == std::string_view::npos ? std::string_view{} : rest.substr(slash + 1);
    if (part.empty() || part == ".") continue;
    if (part == "..") return {};
    result += "/";
    result += part;
  }
  return result.empty() ? "/" : result;
}

Result<json> mounts_of(const SpecInput& input, const HostFacts& host) {
  const bool privileged = input.container.security.privileged;
  const char* access = privileged ? "rw" : "ro";
  std::vector<json> defaults = {
      mount("/proc", "proc", "proc", {"nosuid", "noexec", "nodev"}),
      mount("/dev", "tmpfs", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=65536k"}),
      mount("/dev/pts", "devpts", "devpts",
            {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}),
      mount("/dev/shm", "tmpfs", "shm", {"nosuid", "noexec", "nodev", "mode=1777", "size=65536k"}),
      mount("/dev/mqueue", "mqueue", "mqueue", {"nosuid", "noexec", "nodev"}),
      mount("/sys", "sysfs", "sysfs", {"nosuid", "noexec", "nodev", access}),
      mount("/sys/fs/cgroup", "cgroup", "cgroup",
            {"nosuid", "noexec", "nodev", "relatime", access}),
      bind({host.init, kInitPath, true}),
  };
  if (input.pod.host_ipc) {
    for (json& item : defaults) {
      const std::string destination = item["destination"];
      if (destination == "/dev/shm" || destination == "/dev/mqueue") {
        item = bind({destination, destination, false});
      }
    }
  }
  std::vector<BindMount> own;
  if (!input.resolv_conf.empty()) {
    own.push_back({input.resolv_conf, "/etc/resolv.conf", true});
  } else if (!host.resolv_conf.empty() && input.pod.network == runtime::Network::Host) {
    own.push_back({host.resolv_conf, "/etc/resolv.conf", true});
  }
  if (!input.hosts_file.empty()) own.push_back({input.hosts_file, "/etc/hosts", true});

  std::vector<BindMount> users;
  std::set<std::string> taken;
  for (BindMount user : input.mounts) {
    const std::string destination = clean_path(user.destination);
    if (destination.empty() || destination == "/") {
      return fail(Code::InvalidArgument,
                  "mountPath \"" + user.destination + "\" must be an absolute path below /");
    }
    if (!taken.insert(destination).second) {
      return fail(Code::InvalidArgument, "mountPath \"" + destination + "\" is used twice");
    }
    user.destination = destination;
    users.push_back(std::move(user));
  }
  // What is mounted above hides what is below: parents come first.
  const auto depth = [](const BindMount& item) {
    return std::count(item.destination.begin(), item.destination.end(), '/');
  };
  std::stable_sort(users.begin(), users.end(),
                   [&](const auto& a, const auto& b) { return depth(a) < depth(b); });

  json result = json::array();
  for (json& item : defaults) {
    // The user's mount replaces ours, as in Kubernetes (a memory emptyDir at /dev/shm).
    if (!taken.contains(item["destination"])) result.push_back(std::move(item));
  }
  for (const BindMount& item : own) {
    if (!taken.contains(item.destination)) result.push_back(bind(item));
  }
  for (const BindMount& item : users) result.push_back(bind(item));
  return result;
}

// Kubernetes: pkg/kubelet/cm/helpers_linux.go MilliCPUToShares, MilliCPUToQuota.
json resources_of(const SpecInput& input, const HostFacts& host) {
  const runtime::ContainerSpec& container = input.container;
  const runtime::Resources& want = container.resources;
  json cpu = json::object();
  const std::int64_t request =
      want.cpu_request_milli > 0 ? want.cpu_request_milli : want.cpu_limit_milli;
  if (request > 0) {
    cpu["shares"] = std::clamp<std::int64_t>(request * 1024 / 1000, 2, 262144);
  }
  if (want.cpu_limit_milli > 0) {
    cpu["period"] = 100000;
    cpu["quota"] = std::max<std::int64_t>(want.cpu_limit_milli * 100, 1000);
  }
  json memory = json::object();
  if (want.memory_limit_bytes > 0) {
    memory["limit"] = want.memory_limit_bytes;
    // Memory and swap together: equal means that nothing is swapped.
    if (host.swap_accounting) memory["swap"] = want.memory_limit_bytes;
  }
  const bool privileged = container.security.privileged;
  json devices = {{{"allow", privileged}, {"access", "rwm"}}};
  for (const GivenDevice& device : input.devices) {
    devices.push_back({{"allow", true},
                       {"type", device.node.block ? "b" : "c"},
                       {"major", device.node.major},
                       {"minor", device.node.minor},
                       {"access", device.access}});
  }
  json resources = {
      {"devices", std::move(devices)},
      {"pids", {{"limit", want.pids_limit > 0 ? want.pids_limit : host.default_pids}}}};
  if (!cpu.empty()) resources["cpu"] = std::move(cpu);
  if (!memory.empty()) resources["memory"] = std::move(memory);
  return resources;
}

// The nodes that are made besides the usual ones.
Result<json> devices_of(const SpecInput& input, const HostFacts& host) {
  json result = json::array();
  std::set<std::string> taken;
  const auto add = [&](const DeviceNode& device) {
    result.push_back({{"path", device.path},
                      {"type", device.block ? "b" : "c"},
                      {"major", device.major},
                      {"minor", device.minor},
                      {"fileMode", device.mode},
                      {"uid", device.uid},
                      {"gid", device.gid}});
  };
  for (const GivenDevice& device : input.devices) {
    if (!taken.insert(device.node.path).second) {
      return fail(Code::InvalidArgument, "two devices are given at " + device.node.path);
    }
    add(device.node);
  }
  if (input.container.security.privileged) {
    for (const DeviceNode& device : host.devices) {
      if (!taken.contains(device.path)) add(device);
    }
  }
  return result;
}

json process_of(const SpecInput& input, const HostFacts& host,
                const std::vector<std::string>& capabilities) {
  const runtime::Security& security = input.container.security;
  // -g: a signal reaches the whole process group of the step, not only its first process. -s: it
  // reaps where it is not process 1.
  std::vector<std::string> arguments = {kInitPath, input.pod.host_pid ? "-gs" : "-g", "--"};
  arguments.insert(arguments.end(), input.arguments.begin(), input.arguments.end());
  const std::uint64_t files = std::min(kOpenFiles, host.open_files);
  json process = {
      {"terminal", input.container.tty},
      {"user",
       {{"uid", input.identity.uid},
        {"gid", input.identity.gid},
        {"additionalGids", input.identity.additional_gids}}},
      {"args", std::move(arguments)},
      {"env", input.environment},
      {"cwd", input.working_dir.empty() ? "/" : input.working_dir},
      {"capabilities",
       {{"bounding", capabilities}, {"effective", capabilities}, {"permitted", capabilities}}},
      // Kubernetes: unset means that escalation is allowed.
      {"noNewPrivileges", !security.allow_privilege_escalation.value_or(true)},
      {"oomScoreAdj", kOomScoreAdjust}};
  if (files > 0) {
    process["rlimits"] = {{{"type", "RLIMIT_NOFILE"}, {"hard", files}, {"soft", files}}};
  }
  return process;
}

json namespaces_of(const SpecInput& input) {
  json result = json::array();
  if (!input.pod.host_pid) result.push_back({{"type", "pid"}});
  if (!input.pod.host_ipc) result.push_back({{"type", "ipc"}});
  for (const char* own : {"uts", "mount", "cgroup"}) result.push_back({{"type", own}});
  if (input.pod.network != runtime::Network::Host) {
    json network = {{"type", "network"}};
    if (!input.network_namespace.empty()) network["path"] = input.network_namespace;
    result.push_back(std::move(network));
  }
  return result;
}

// Those that a namespace of the pod has a value of its own for; any other would be the host's.
// (Kubernetes: pkg/kubelet/sysctl/namespace.go)
Result<json> sysctls_of(const runtime::PodSpec& pod) {
  json result = json::object();
  for (const auto& [name, value] : pod.sysctls) {
    const bool net = name.starts_with("net.");
    const bool ipc = name.starts_with("kernel.shm") || name.starts_with("kernel.msg") ||
                     name == "kernel.sem" || name.starts_with("fs.mqueue.");
    if (!net && !ipc) {
      return fail(Code::InvalidArgument, "sysctl \"" + name + "\" is not namespaced");
    }
    if (net && pod.network == runtime::Network::Host) {
      return fail(Code::InvalidArgument, "sysctl \"" + name + "\" is the host's with its network");
    }
    if (ipc && pod.host_ipc) {
      return fail(Code::InvalidArgument, "sysctl \"" + name + "\" is the host's with hostIPC");
    }
    result[name] = value;
  }
  return result;
}

}  // namespace

Result<std::vector<std::string>> capabilities_of(const runtime::Security& security,
                                                 int last_capability) {
  const auto known = std::min(kCapabilities.size(), static_cast<std::size_t>(last_capability) + 1);
  const std::set<std::string> all(kCapabilities.begin(), kCapabilities.begin() + known);
  const auto normalise = [](std::vector<std::string> names) -> Result<std::set<std::string>> {
    std::set<std::string> result;
    for (std::string& name : names) {
      for (char& c : name) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
      if (name.starts_with("CAP_")) name.erase(0, 4);
      if (name != "ALL" &&
          std::find(kCapabilities.begin(), kCapabilities.end(), name) == kCapabilities.end()) {
        return fail(Code::InvalidArgument, "unknown capability \"CAP_" + name + "\"");
      }
      result.insert(name);
    }
    return result;
  };
  const auto add = normalise(security.capabilities_add);
  if (!add) return fail(add.error());
  const auto drop = normalise(security.capabilities_drop);
  if (!drop) return fail(drop.error());

  // The order of containerd's CRI plugin: ALL of either list before the single names, drop last.
  std::set<std::string> have(kDefaultCapabilities.begin(), kDefaultCapabilities.end());
  if (security.privileged || add->contains("ALL")) have = all;
  if (!security.privileged) {
    if (drop->contains("ALL")) have.clear();
    for (const std::string& name : *add) {
      if (all.contains(name)) have.insert(name);
    }
    for (const std::string& name : *drop) have.erase(name);
  }
  std::vector<std::string> result;
  for (const std::string& name : have) result.push_back("CAP_" + name);
  return result;
}

Result<std::string> build_spec(const SpecInput& input, const HostFacts& host) {
  const runtime::Security& security = input.container.security;
  auto capabilities = capabilities_of(security, host.last_capability);
  if (!capabilities) return fail(capabilities.error());
  auto mounts = mounts_of(input, host);
  if (!mounts) return fail(mounts.error());

  auto sysctls = sysctls_of(input.pod);
  if (!sysctls) return fail(sysctls.error());
  auto devices = devices_of(input, host);
  if (!devices) return fail(devices.error());

  json linux_part = {{"cgroupsPath", input.cgroups_path},
                     {"namespaces", namespaces_of(input)},
                     {"resources", resources_of(input, host)}};
  if (!sysctls->empty()) linux_part["sysctl"] = std::move(*sysctls);
  if (!devices->empty()) linux_part["devices"] = std::move(*devices);
  if (!security.privileged) {
    linux_part["maskedPaths"] = kMaskedPaths;
    linux_part["readonlyPaths"] = kReadonlyPaths;
    if (!security.seccomp_profile.empty()) {
      json profile = json::parse(input.seccomp_profile, nullptr, false);
      if (!profile.is_object() || !profile.contains("defaultAction")) {
        return fail(Code::InvalidArgument, "seccomp profile \"" + security.seccomp_profile +
                                               "\" is not a JSON object with a defaultAction");
      }
      linux_part["seccomp"] = std::move(profile);
    } else if (!security.seccomp_unconfined) {
      linux_part["seccomp"] = default_seccomp({capabilities->begin(), capabilities->end()});
    }
  }
  const json spec = {
      {"ociVersion", "1.0.2"},
      {"process", process_of(input, host, *capabilities)},
      {"root", {{"path", "rootfs"}, {"readonly", security.read_only_root_filesystem}}},
      {"hostname", input.pod.hostname},
      {"mounts", std::move(*mounts)},
      {"annotations", input.annotations},
      {"linux", std::move(linux_part)}};
  // Bytes that are not UTF-8 (an environment variable may hold them) become U+FFFD: JSON has no
  // other way.
  return json_text(spec);
}

}  // namespace gantry::containerd
