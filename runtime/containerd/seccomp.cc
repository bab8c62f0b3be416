#include "runtime/containerd/seccomp.h"

#include <sched.h>
#include <sys/socket.h>

#include <cerrno>

namespace gantry::containerd {
namespace {

using nlohmann::json;

struct Refusal {
  const char* capability;  ///< whoever has it may; nullptr: nobody may
  std::vector<const char*> names;
};

const std::vector<Refusal>& refusals() {
  static const std::vector<Refusal> table = {
      {"CAP_DAC_READ_SEARCH", {"open_by_handle_at"}},
      {"CAP_SYS_ADMIN", {"bpf",           "fanotify_init",    "fsconfig",       "fsmount",
                         "fsopen",        "fspick",           "lookup_dcookie", "mount",
                         "mount_setattr", "move_mount",       "open_tree",      "perf_event_open",
                         "quotactl",      "quotactl_fd",      "setdomainname",  "sethostname",
                         "setns",         "syslog",           "umount",         "umount2",
                         "unshare",       "name_to_handle_at"}},
      {"CAP_SYS_BOOT", {"reboot", "kexec_load", "kexec_file_load"}},
      {"CAP_SYS_MODULE", {"create_module", "delete_module", "finit_module", "init_module"}},
      {"CAP_SYS_NICE", {"mbind", "migrate_pages", "move_pages", "set_mempolicy"}},
      {"CAP_SYS_PACCT", {"acct"}},
      {"CAP_SYS_PTRACE", {"kcmp", "pidfd_getfd", "process_vm_readv", "process_vm_writev"}},
      {"CAP_SYS_RAWIO", {"ioperm", "iopl"}},
      {"CAP_SYS_TIME", {"clock_settime", "clock_settime64", "settimeofday", "stime"}},
      {"CAP_SYS_TTY_CONFIG", {"vhangup"}},
      {nullptr,
       {"add_key", "get_kernel_syms", "keyctl", "nfsservctl", "pivot_root", "query_module",
        "request_key", "swapoff", "swapon", "_sysctl", "sysfs", "uselib", "userfaultfd", "ustat",
        "vm86", "vm86old"}},
  };
  return table;
}

json rule(std::vector<const char*> names, int errnum, json args = json::array()) {
  return {{"names", names},
          {"action", "SCMP_ACT_ERRNO"},
          {"errnoRet", errnum},
          {"args", std::move(args)}};
}

}  // namespace

json default_seccomp(const std::set<std::string>& capabilities) {
  json rules = json::array();
  for (const auto& [capability, names] : refusals()) {
    if (capability != nullptr && capabilities.contains(capability)) continue;
    rules.push_back(rule(names, EPERM));
  }
  if (!capabilities.contains("CAP_SYS_ADMIN")) {
    // A filter cannot look into clone3's argument; ENOSYS makes C libraries fall back to clone.
    rules.push_back(rule({"clone3"}, ENOSYS));
    for (const std::uint64_t flag : {CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC,
                                     CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET}) {
      rules.push_back(rule(
          {"clone"}, EPERM,
          {{{"index", 0}, {"value", flag}, {"valueTwo", flag}, {"op", "SCMP_CMP_MASKED_EQ"}}}));
    }
  }
  // Too much of the kernel for a step to reach (Docker and containerd 2.0 refuse it too); programs
  // fall back.
  rules.push_back(rule({"io_uring_setup", "io_uring_enter", "io_uring_register"}, ENOSYS));
  rules.push_back(
      rule({"socket"}, EPERM, {{{"index", 0}, {"value", AF_VSOCK}, {"op", "SCMP_CMP_EQ"}}}));

  json seccomp = {{"defaultAction", "SCMP_ACT_ALLOW"}, {"syscalls", std::move(rules)}};
#if defined(__x86_64__)
  // All that the kernel runs: with only the first, a 32-bit program would be killed at its first
  // call.
  seccomp["architectures"] = {"SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"};
#elif defined(__aarch64__)
  seccomp["architectures"] = {"SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"};
#endif
  return seccomp;
}

}  // namespace gantry::containerd
