// The pure parts of the containerd runtime: the OCI specification, the process, the user, the
// cgroups, the layers.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "runtime/containerd/cgroup.h"
#include "runtime/containerd/devices.h"
#include "runtime/containerd/image_config.h"
#include "runtime/containerd/layers.h"
#include "runtime/containerd/oci_spec.h"
#include "runtime/containerd/process.h"
#include "runtime/containerd/user_lookup.h"
#include "runtime/containerd/volumes.h"

namespace gantry::containerd {
namespace {

using nlohmann::json;
using runtime::ContainerSpec;
using runtime::PodSpec;
using runtime::Security;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

using Strings = std::vector<std::string>;

// ---- image configuration, arguments, environment ----

TEST(ImageConfigTest, ReadsWhatIsThereAndTakesNullForAbsent) {
  const auto config = parse_image_config(
      R"({"config":{"Entrypoint":["/e"],"Cmd":null,"Env":["A=b"],"WorkingDir":"/w","User":"me:us"}})");
  ASSERT_TRUE(config);
  EXPECT_THAT(config->entrypoint, ElementsAre("/e"));
  EXPECT_THAT(config->command, IsEmpty());
  EXPECT_THAT(config->env, ElementsAre("A=b"));
  EXPECT_EQ(config->working_dir, "/w");
  EXPECT_EQ(config->user, "me:us");
  EXPECT_TRUE(parse_image_config("{}"));
  for (const char* bad : {"", "[]", "nonsense", R"({"config":[]})", R"({"config":{"Cmd":"x"}})",
                          R"({"config":{"Cmd":[1]}})", R"({"config":{"User":7}})"}) {
    EXPECT_FALSE(parse_image_config(bad)) << bad;
  }
}

TEST(ProcessTest, FollowsTheTableOfKubernetes) {
  struct Case {
    std::optional<Strings> command, args;
    std::optional<std::string> script;
    Strings want;
  };
  const ImageConfig image{.entrypoint = {"E"}, .command = {"C"}};
  const std::vector<Case> cases = {
      {{}, {}, {}, {"E", "C"}},
      {{{"c"}}, {}, {}, {"c"}},
      {{}, {{"a"}}, {}, {"E", "a"}},
      {{{"c"}}, {{"a", "b"}}, {}, {"c", "a", "b"}},
      {{{"sh"}}, {}, {"echo"}, {"sh", kScriptPath}},
      {{{"sh"}}, {{"-x"}}, {"echo"}, {"sh", "-x", kScriptPath}},
      {{}, {}, {"echo"}, {"E", kScriptPath}},
  };
  for (const Case& item : cases) {
    ContainerSpec container{.name = "main"};
    container.command = item.command;
    container.args = item.args;
    container.script = item.script;
    EXPECT_EQ(arguments_of(container, image).value(), item.want);
  }
  EXPECT_EQ(arguments_of({.name = "main"}, {}).error().code, Code::FailedPrecondition);
}

TEST(ProcessTest, TheContainersVariablesReplaceTheImages) {
  ContainerSpec container;
  container.tty = true;
  container.env = {{"B", "2=x"}, {"HOME", "/else"}, {"EMPTY", ""}};
  const auto env = environment_of(container, {.env = {"A=1", "B=1", "PATH=/p"}}, "host", "/root");
  EXPECT_THAT(env, ElementsAre("PATH=/p", "HOSTNAME=host", "HOME=/else", "TERM=xterm", "A=1",
                               "B=2=x", "EMPTY="));
  EXPECT_EQ(environment_value(env, "B"), "2=x");
  EXPECT_EQ(environment_value(env, "EMPTY"), "");
  EXPECT_EQ(environment_value(env, "PAT"), "");
}

TEST(ProcessTest, ExpandsAsTheKubeletDoes) {
  const std::map<std::string, std::string> variables = {{"A", "1"}, {"B", "$(A)"}, {"E", ""}};
  const std::vector<std::pair<const char*, const char*>> cases = {{"", ""},
                                                                  {"$", "$"},
                                                                  {"$(A)", "1"},
                                                                  {"x$(A)y$(A)", "x1y1"},
                                                                  {"$$(A)", "$(A)"},
                                                                  {"$$$(A)", "$1"},
                                                                  {"$(NO)", "$(NO)"},
                                                                  {"$(A", "$(A"},
                                                                  {"$A ${A}", "$A ${A}"},
                                                                  {"$(B)", "$(A)"},
                                                                  {"$(E)", ""},
                                                                  {"$()", "$()"},
                                                                  {"$$", "$"},
                                                                  {"a$", "a$"}};
  for (const auto& [text, want] : cases) EXPECT_EQ(expand(text, variables), want) << text;

  ContainerSpec container;
  container.command = {{"sh", "$(URL)"}};
  container.args = {{"$(SECRET)", "$(PATH)"}};
  container.env = {{"USER", "me"},
                   {"URL", "$(USER):$(SECRET)@$(LATER)"},
                   {"LATER", "x"},
                   {"SECRET", "p$(USER)$$", true}};
  EXPECT_EQ(arguments_of(container, {.env = {"PATH=/p"}}).value(),
            (Strings{"sh", "me:p$(USER)$$@$(LATER)", "p$(USER)$$", "$(PATH)"}))
      << "variables of the image are not known to the kubelet";
  const auto env = environment_of(container, {}, "h", "/");
  EXPECT_EQ(environment_value(env, "URL"), "me:p$(USER)$$@$(LATER)");
  EXPECT_EQ(environment_value(env, "SECRET"), "p$(USER)$$");
}

// ---- users ----

constexpr char kPasswd[] =
    "root:x:0:0:root:/root:/bin/sh\n# comment\nbroken\nbuild:x:1000:1001::/home/b:/bin/sh\n"
    "1234:x:55:56::/numeric:/bin/sh\nnohome:x:7:7:::\n";
constexpr char kGroup[] =
    "root:x:0:root\nwheel:x:10:root,build\nbuild:x:1001:\nuser:x:20:builder\n";

TEST(IdentityTest, ResolvesTheImagesUserAndThePods) {
  struct Case {
    const char* image_user;
    Security security;
    std::uint32_t uid, gid;
    std::vector<std::uint32_t> more;
    std::string home;
  };
  const std::vector<Case> cases = {
      {"", {}, 0, 0, {10}, "/root"},
      {"root", {}, 0, 0, {10}, "/root"},
      {"build", {}, 1000, 1001, {10}, "/home/b"},
      {"1000", {}, 1000, 1001, {10}, "/home/b"},
      {"build:wheel", {}, 1000, 10, {}, "/home/b"},
      {"4000", {}, 4000, 0, {}, "/"},
      {"4000:30", {}, 4000, 30, {}, "/"},
      {"1234", {}, 55, 56, {}, "/numeric"},  // a name before a number
      {"nohome", {}, 7, 7, {}, "/"},
      {"build:wheel", {.run_as_user = 0}, 0, 0, {10}, "/root"},
      {"", {.run_as_user = 1000}, 1000, 1001, {10}, "/home/b"},
      {"", {.run_as_user = 1000, .run_as_group = 5}, 1000, 5, {10}, "/home/b"},
      {"", {.run_as_user = 9, .fs_group = 8, .supplemental_groups = {7, 8}}, 9, 0, {7, 8}, "/"},
      {"1000", {.run_as_non_root = true}, 1000, 1001, {10}, "/home/b"},
      {"root", {.run_as_user = 3, .run_as_non_root = true}, 3, 0, {}, "/"},
  };
  for (const Case& item : cases) {
    const auto identity =
        resolve_identity(item.security, item.image_user, kPasswd, kGroup, "p", "main");
    ASSERT_TRUE(identity) << item.image_user << ": " << identity.error().message;
    EXPECT_EQ(identity->uid, item.uid) << item.image_user;
    EXPECT_EQ(identity->gid, item.gid) << item.image_user;
    auto gids = item.more;
    gids.insert(gids.begin(), item.gid);
    EXPECT_EQ(identity->additional_gids, gids) << item.image_user;
    EXPECT_EQ(identity->home, item.home) << item.image_user;
  }
}

TEST(IdentityTest, RefusesInKubernetesWords) {
  const std::string who = " (pod: \"p\", container: main)";
  const std::vector<std::tuple<const char*, Security, std::string>> cases = {
      {"",
       {.run_as_non_root = true},
       "container has runAsNonRoot and image will run as root" + who},
      {"0:5",
       {.run_as_non_root = true},
       "container has runAsNonRoot and image will run as root" + who},
      {"build",
       {.run_as_non_root = true},
       "container has runAsNonRoot and image has non-numeric user (build), cannot verify user is "
       "non-root" +
           who},
      {"1000",
       {.run_as_user = 0, .run_as_non_root = true},
       "container's runAsUser breaks non-root policy" + who},
      {"nobody", {}, "unable to find user nobody: no matching entries in passwd file"},
      {"0:nobody", {}, "unable to find group nobody: no matching entries in group file"},
  };
  for (const auto& [user, security, message] : cases) {
    const auto identity = resolve_identity(security, user, kPasswd, kGroup, "p", "main");
    ASSERT_FALSE(identity) << user;
    EXPECT_EQ(identity.error().message, message);
  }
}

// ---- the specification ----

struct Built {
  PodSpec pod;
  HostFacts host{
      .init = "/usr/bin/tini-static", .resolv_conf = "/etc/resolv.conf", .open_files = 20000};
  std::vector<BindMount> mounts;
  std::vector<GivenDevice> devices;
  std::string network_namespace, seccomp_profile;

  Built() { pod.containers.push_back({.name = "main"}); }
  ContainerSpec& main() { return pod.containers[0]; }
  Result<json> build() {
    pod.hostname = "h";
    const SpecInput input{.pod = pod,
                          .container = main(),
                          .arguments = {"sh", "-c", "true"},
                          .environment = {"A=b"},
                          .working_dir = "",
                          .identity = {.uid = 5, .gid = 6, .additional_gids = {7}},
                          .mounts = mounts,
                          .devices = devices,
                          .hosts_file = "/x/hosts",
                          .cgroups_path = "/gantry/run/node",
                          .network_namespace = network_namespace,
                          .seccomp_profile = seccomp_profile,
                          .annotations = {}};
    auto text = build_spec(input, host);
    if (!text) return fail(text.error());
    return json::parse(*text);
  }
};

Strings destinations(const json& spec) {
  Strings result;
  for (const auto& mount : spec["mounts"]) result.push_back(mount["destination"]);
  return result;
}
bool has_option(const json& spec, const std::string& destination, const std::string& option) {
  for (const auto& mount : spec["mounts"]) {
    if (mount["destination"] != destination) continue;
    return std::count(mount["options"].begin(), mount["options"].end(), option) > 0;
  }
  return false;
}
Strings namespaces(const json& spec) {
  Strings result;
  for (const auto& item : spec["linux"]["namespaces"]) result.push_back(item["type"]);
  return result;
}

TEST(OciSpecTest, Defaults) {
  const json spec = Built().build().value();
  const auto& process = spec["process"];
  EXPECT_EQ(process["args"], json({"/dev/gantry-init", "-g", "--", "sh", "-c", "true"}));
  EXPECT_EQ(process["cwd"], "/");
  EXPECT_EQ(process["user"], json({{"uid", 5}, {"gid", 6}, {"additionalGids", {7}}}));
  EXPECT_EQ(process["noNewPrivileges"], false);
  EXPECT_GE(process["oomScoreAdj"], 0);
  EXPECT_EQ(process["rlimits"][0]["hard"], 20000) << "never above our own limit";
  EXPECT_THAT(process["capabilities"]["bounding"], SizeIs(14));
  EXPECT_EQ(process["capabilities"]["bounding"], process["capabilities"]["effective"]);
  EXPECT_FALSE(process["capabilities"].contains("inheritable"));
  EXPECT_THAT(namespaces(spec), ElementsAre("pid", "ipc", "uts", "mount", "cgroup"));
  EXPECT_EQ(spec["linux"]["cgroupsPath"], "/gantry/run/node");
  EXPECT_EQ(spec["linux"]["resources"]["pids"]["limit"], 1024);
  EXPECT_FALSE(spec["linux"]["resources"].contains("memory"));
  EXPECT_FALSE(spec["linux"]["resources"].contains("cpu"));
  EXPECT_THAT(destinations(spec),
              ElementsAre("/proc", "/dev", "/dev/pts", "/dev/shm", "/dev/mqueue", "/sys",
                          "/sys/fs/cgroup", "/dev/gantry-init", "/etc/resolv.conf", "/etc/hosts"));
  for (const char* path : {"/sys", "/sys/fs/cgroup", "/dev/gantry-init", "/etc/resolv.conf"}) {
    EXPECT_TRUE(has_option(spec, path, "ro")) << path;
  }
  EXPECT_THAT(spec["linux"]["maskedPaths"], Contains("/proc/kcore"));
  EXPECT_THAT(spec["linux"]["readonlyPaths"], Contains("/proc/sys"));
  EXPECT_EQ(spec["linux"]["seccomp"]["defaultAction"], "SCMP_ACT_ALLOW");
}

TEST(OciSpecTest, Resources) {
  Built built;
  built.main().resources = {.cpu_request_milli = 500,
                            .cpu_limit_milli = 1500,
                            .memory_limit_bytes = 1 << 20,
                            .pids_limit = 9};
  EXPECT_EQ(built.build().value()["linux"]["resources"],
            json::parse(R"({"cpu":{"shares":512,"period":100000,"quota":150000},
                            "memory":{"limit":1048576,"swap":1048576},"pids":{"limit":9},
                            "devices":[{"allow":false,"access":"rwm"}]})"));
  built.host.swap_accounting = false;
  built.main().resources = {.cpu_limit_milli = 5, .memory_limit_bytes = 1 << 20};
  const json tiny = built.build().value()["linux"]["resources"];
  EXPECT_EQ(tiny["memory"], json({{"limit", 1048576}}));
  EXPECT_EQ(tiny["cpu"], json({{"shares", 5}, {"period", 100000}, {"quota", 1000}}))
      << "the request is the limit if there is none, the quota at least a millisecond";
}

TEST(OciSpecTest, MountsLieInEachOtherAndReplaceTheDefaults) {
  Built built;
  built.mounts = {{"/b", "/a/b//c/", true},
                  {"/a", "/a", false},
                  {"/shm", "/dev/shm", false},
                  {"/hosts", "/etc/hosts", true}};
  const json spec = built.build().value();
  const Strings list = destinations(spec);
  const auto at = [&](const char* path) {
    return std::find(list.begin(), list.end(), path) - list.begin();
  };
  EXPECT_LT(at("/a"), at("/a/b/c"));
  EXPECT_EQ(std::count(list.begin(), list.end(), "/dev/shm"), 1);
  EXPECT_EQ(std::count(list.begin(), list.end(), "/etc/hosts"), 1);
  EXPECT_TRUE(has_option(spec, "/a/b/c", "ro"));
  EXPECT_TRUE(has_option(spec, "/a", "rw"));
  EXPECT_TRUE(has_option(spec, "/a", "rprivate"));
  for (const char* bad : {"a", "", "/", "/x/../y"}) {
    built.mounts = {{"/a", bad, false}};
    EXPECT_EQ(built.build().error().code, Code::InvalidArgument) << bad;
  }
  built.mounts = {{"/a", "/x", false}, {"/b", "/x/", false}};
  EXPECT_THAT(built.build().error().message, HasSubstr("used twice"));
}

TEST(OciSpecTest, Security) {
  Built built;
  built.pod.network = runtime::Network::None;
  built.main().security = {.allow_privilege_escalation = false,
                           .read_only_root_filesystem = true,
                           .capabilities_drop = {"ALL"},
                           .seccomp_unconfined = true};
  const json strict = built.build().value();
  EXPECT_EQ(strict["process"]["noNewPrivileges"], true);
  EXPECT_EQ(strict["root"]["readonly"], true);
  EXPECT_THAT(strict["process"]["capabilities"]["effective"], IsEmpty());
  EXPECT_FALSE(strict["linux"].contains("seccomp"));
  EXPECT_THAT(namespaces(strict), Contains("network"));
  EXPECT_THAT(destinations(strict), Not(Contains("/etc/resolv.conf")));

  built.host.devices = {{"/dev/fuse", false, 10, 229, 0666}};
  built.main().security = {.privileged = true};
  const json privileged = built.build().value();
  EXPECT_THAT(privileged["process"]["capabilities"]["effective"], SizeIs(41));
  EXPECT_FALSE(privileged["linux"].contains("maskedPaths"));
  EXPECT_FALSE(privileged["linux"].contains("seccomp"));
  EXPECT_EQ(privileged["linux"]["devices"][0]["path"], "/dev/fuse");
  EXPECT_EQ(privileged["linux"]["resources"]["devices"][0]["allow"], true);
  EXPECT_TRUE(has_option(privileged, "/sys", "rw"));
}

TEST(OciSpecTest, DevicesAreMadeAndAllowed) {
  Built built;
  built.devices = {{{"/dev/board", false, 188, 3, 0660, 0, 20}, "rw"}, {{"/dev/disk", true, 8, 16, 0600}, "r"}};
  const json given = built.build().value()["linux"];
  EXPECT_EQ(given["devices"],
            json::parse(R"([{"path":"/dev/board","type":"c","major":188,"minor":3,"fileMode":432,"uid":0,"gid":20},
                            {"path":"/dev/disk","type":"b","major":8,"minor":16,"fileMode":384,"uid":0,"gid":0}])"));
  EXPECT_EQ(given["resources"]["devices"],
            json::parse(R"([{"allow":false,"access":"rwm"},
                            {"allow":true,"type":"c","major":188,"minor":3,"access":"rw"},
                            {"allow":true,"type":"b","major":8,"minor":16,"access":"r"}])"));

  built.host.devices = {{"/dev/fuse", false, 10, 229, 0666}, {"/dev/board", false, 1, 1, 0666}};
  built.main().security = {.privileged = true};
  const json privileged = built.build().value()["linux"]["devices"];
  EXPECT_THAT(privileged, SizeIs(3)) << "the given one takes the place of the host's";
  EXPECT_EQ(privileged[0]["major"], 188);

  built.devices.push_back(built.devices.front());
  EXPECT_THAT(built.build().error().message, HasSubstr("two devices are given at /dev/board"));
}

TEST(DevicesTest, AreLookedUpOnTheHost) {
  ContainerSpec container{.name = "main"};
  container.devices = {{"/dev/null", "/dev/board", "rw"}};
  const auto found = find_devices(container);
  ASSERT_TRUE(found) << found.error().message;
  ASSERT_EQ(found->size(), 1u);
  EXPECT_EQ(found->front().node.path, "/dev/board");
  EXPECT_EQ(found->front().node.major, 1);
  EXPECT_EQ(found->front().node.minor, 3);
  EXPECT_FALSE(found->front().node.block);
  EXPECT_EQ(found->front().access, "rw");

  container.devices = {{"/dev/there-is-no-such", "/dev/x", "rwm"}};
  EXPECT_EQ(find_devices(container).error().message, "container \"main\": device /dev/there-is-no-such is not on this host");
  EXPECT_EQ(find_devices(container).error().code, Code::NotFound);
  container.devices = {{"/dev", "/dev/x", "rwm"}};
  EXPECT_EQ(find_devices(container).error().message, "container \"main\": device /dev is a directory, no device");
}

TEST(OciSpecTest, SeccompFollowsTheCapabilities) {
  const auto refused = [](const Security& security) {
    Built built;
    built.main().security = security;
    std::set<std::string> names;
    const json spec = built.build().value();
    for (const auto& rule : spec["linux"]["seccomp"]["syscalls"]) {
      for (const auto& name : rule["names"]) names.insert(name);
    }
    return names;
  };
  EXPECT_THAT(refused({}), Contains("mount"));
  EXPECT_THAT(refused({}), Contains("clone3"));
  EXPECT_THAT(refused({}), Contains("keyctl"));
  EXPECT_THAT(refused({.capabilities_add = {"SYS_ADMIN"}}), Not(Contains("mount")));
  EXPECT_THAT(refused({.capabilities_add = {"SYS_ADMIN"}}), Contains("keyctl"));
}

TEST(OciSpecTest, Capabilities) {
  const auto of = [](Strings add, Strings drop, int last = 40) {
    return capabilities_of(
        {.capabilities_add = std::move(add), .capabilities_drop = std::move(drop)}, last);
  };
  EXPECT_THAT(*of({}, {}), SizeIs(14));
  EXPECT_THAT(*of({"CHOWN"}, {"ALL"}), ElementsAre("CAP_CHOWN"));
  EXPECT_THAT(*of({"cap_net_admin"}, {"all"}), ElementsAre("CAP_NET_ADMIN"));
  EXPECT_THAT(*of({"ALL"}, {"MKNOD"}), SizeIs(40));
  EXPECT_THAT(*of({}, {"MKNOD", "KILL"}), SizeIs(12));
  EXPECT_THAT(*of({"CHECKPOINT_RESTORE"}, {"ALL"}, 37), IsEmpty()) << "an older kernel";
  EXPECT_EQ(of({"MAGIC"}, {}).error().message, "unknown capability \"CAP_MAGIC\"");
  EXPECT_FALSE(of({}, {"MAGIC"}));
}

TEST(OciSpecTest, TakesAnyBytes) {
  Built built;
  built.pod.hostname = "h";
  const SpecInput input{.pod = built.pod,
                        .container = built.main(),
                        .arguments = {"\xff\xfe"},
                        .environment = {"A=\x80"},
                        .working_dir = "/",
                        .identity = {},
                        .mounts = {},
                        .hosts_file = "",
                        .cgroups_path = "/g",
                        .network_namespace = "",
                        .annotations = {}};
  EXPECT_TRUE(json::accept(build_spec(input, built.host).value()));
}

// ---- cgroups, layers, names ----

TEST(CgroupTest, FindsTheHierarchies) {
  const auto hybrid = CgroupLayout::parse(
      "24 1 0:22 / /sys/fs/cgroup ro - tmpfs tmpfs ro,mode=755\n"
      "25 24 0:23 / /sys/fs/cgroup/unified rw,nosuid - cgroup2 cgroup2 rw\n"
      "26 24 0:24 / /sys/fs/cgroup/cpu,cpuacct rw shared:9 - cgroup cgroup rw,cpu,cpuacct\n"
      "27 24 0:25 / /sys/fs/cgroup/mem\\040ory rw shared:10 - cgroup cgroup rw,memory\n"
      "28 24 0:26 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd\n");
  EXPECT_EQ(hybrid.memory_mount(), "/sys/fs/cgroup/mem ory");
  EXPECT_FALSE(hybrid.unified_only());
  EXPECT_THAT(hybrid.mounts(), SizeIs(4));
  const auto v2 = CgroupLayout::parse("30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
  EXPECT_EQ(v2.memory_mount(), "/sys/fs/cgroup");
  EXPECT_TRUE(v2.unified_only());
  EXPECT_TRUE(v2.swap_accounting());
  EXPECT_THAT(CgroupLayout::parse("nonsense\n\n1 2 3\n").mounts(), IsEmpty());
}

TEST(OciSpecTest, NamespacesOfTheHostAndOfThePod) {
  Built built;
  built.pod.host_pid = built.pod.host_ipc = true;
  built.main().tty = true;
  json spec = built.build().value();
  EXPECT_THAT(namespaces(spec), ElementsAre("uts", "mount", "cgroup"));
  EXPECT_EQ(spec["process"]["args"][1], "-gs");
  EXPECT_EQ(spec["process"]["terminal"], true);
  EXPECT_TRUE(has_option(spec, "/dev/shm", "rbind"));
  Built bridge;
  bridge.pod.network = runtime::Network::Bridge;
  bridge.network_namespace = "/x/ns";
  spec = bridge.build().value();
  EXPECT_EQ(spec["linux"]["namespaces"].back(), json({{"type", "network"}, {"path", "/x/ns"}}));
}

TEST(OciSpecTest, Sysctls) {
  Built built;
  built.pod.network = runtime::Network::None;
  built.pod.sysctls = {{"net.core.somaxconn", "77"}, {"kernel.shmmax", "1"}};
  EXPECT_EQ(built.build().value()["linux"]["sysctl"],
            json({{"net.core.somaxconn", "77"}, {"kernel.shmmax", "1"}}));
  built.pod.host_ipc = true;
  EXPECT_EQ(built.build().error().code, Code::InvalidArgument);
}

TEST(OciSpecTest, SeccompProfileOfTheHost) {
  Built built;
  built.main().security.seccomp_profile = "mine.json";
  EXPECT_EQ(built.build().error().message,
            "seccomp profile \"mine.json\" is not a JSON object with a defaultAction");
  built.seccomp_profile = R"({"defaultAction": "SCMP_ACT_ALLOW"})";
  EXPECT_EQ(built.build().value()["linux"]["seccomp"], json({{"defaultAction", "SCMP_ACT_ALLOW"}}));
}

TEST(CgroupTest, ReadsCounters) {
  EXPECT_EQ(counter("oom_kill_disable 0\nunder_oom 0\noom_kill 3\n", "oom_kill"), 3);
  EXPECT_EQ(counter("low 0\noom 9\noom_kill 12\noom_group_kill 0\n", "oom_kill"), 12);
  EXPECT_EQ(counter("", "oom_kill"), 0);
  EXPECT_EQ(counter("oom_kill", "oom_kill"), 0);
}

TEST(LayersTest, ReadsTheOptionsOfAMount) {
  EXPECT_THAT(layer_directories("overlay", "overlay",
                                {"index=off", "workdir=/w", "upperdir=/u", "lowerdir=/c:/b:/a"}),
              ElementsAre("/u", "/c", "/b", "/a"));
  EXPECT_THAT(layer_directories("bind", "/one", {"ro", "rbind"}), ElementsAre("/one"));
}

TEST(VolumesTest, NamesThatMayBecomePaths) {
  for (const char* good : {"a", "a-b_c.d", "..a", "0"}) EXPECT_TRUE(is_safe_name(good)) << good;
  for (const char* bad : {"", ".", "..", "a/b", "a b", "ä", "a\n"}) {
    EXPECT_FALSE(is_safe_name(bad)) << bad;
  }
}

}  // namespace
}  // namespace gantry::containerd
