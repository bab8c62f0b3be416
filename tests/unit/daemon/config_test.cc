#include "daemon/config.h"

#include <gmock/gmock.h>

#include <fstream>

#include "tests/unit/daemon/temporary_directory.h"

namespace gantry {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Result<DaemonConfig> read(const std::string& text) {
  DaemonConfig config;
  if (auto done = read_config(text, "gantry.yaml", config); !done) return fail(done.error());
  return config;
}

std::string slurp(const std::string& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST(Config, EveryKey) {
  auto config = read(R"(
state_dir: /data/gantry//state/
socket: {path: /tmp/s, mode: 0600, group: ci}
containerd: /run/x.sock
runtime: crun
network: none
host_path_allow: [/srv/../srv/cache, /opt]
allow_privileged: true
capacity:
  cpu: 1500m
  memory: 2Gi
  slots: 7
  pids: 30000
  resources:
    example.com/licence: 3
    nvidia.com/gpu:
    - {devices: [/dev/nvidia0, "/dev//nvidiactl:/dev/ctl:rw"], env: {NVIDIA_VISIBLE_DEVICES: "0"}}
    - {devices: ["/dev/nvidia1:/dev/nvidia0"], env: {NVIDIA_VISIBLE_DEVICES: 1}}
termination_grace: 1m30s
store: {on_corruption: set-aside}
history: {max_age: 720h, max_workflows: 5000, max_size: 2Gi}
disk: {reserve_bytes: 1Gi, reserve_inodes: 0}
audit: {file: /var/log//gantry.jsonl, max_size: 0}
images: {user: "me:secret", parallel_pulls: 3}
limits: {document_bytes: 1Mi, document_depth: 9, document_nodes: 10, alias_nodes: 0}
log_level: debug
)");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->state_dir, "/data/gantry/state");
  EXPECT_EQ(config->socket_path, "/tmp/s");
  EXPECT_EQ(config->socket_mode, 0600u);
  EXPECT_EQ(config->socket_group, "ci");
  EXPECT_EQ(config->containerd, "/run/x.sock");
  EXPECT_EQ(config->runtime, "crun");
  EXPECT_EQ(config->network, runtime::Network::None);
  EXPECT_THAT(config->host_path_allow, ElementsAre("/srv/cache", "/opt"));
  EXPECT_TRUE(config->allow_privileged);
  EXPECT_EQ(config->cpu_milli, 1500);
  EXPECT_EQ(config->memory_bytes, 2ll << 30);
  EXPECT_EQ(config->slots, 7);
  EXPECT_EQ(config->pids, 30000);
  ASSERT_EQ(config->resources.size(), 2u);
  EXPECT_EQ(config->resources[0].name, "example.com/licence");
  EXPECT_EQ(config->resources[0].total, 3);
  EXPECT_TRUE(config->resources[0].units.empty());
  EXPECT_EQ(config->resources[1].total, 2);
  ASSERT_EQ(config->resources[1].units.size(), 2u);
  using runtime::Device;
  EXPECT_THAT(config->resources[1].units[0].devices,
              ElementsAre(Device{"/dev/nvidia0", "/dev/nvidia0", "rwm"}, Device{"/dev/nvidiactl", "/dev/ctl", "rw"}));
  EXPECT_THAT(config->resources[1].units[1].devices, ElementsAre(Device{"/dev/nvidia1", "/dev/nvidia0", "rwm"}));
  EXPECT_EQ(config->resources[1].units[1].env[0].name, "NVIDIA_VISIBLE_DEVICES");
  EXPECT_EQ(config->resources[1].units[1].env[0].value, "1");
  EXPECT_EQ(config->termination_grace, std::chrono::seconds(90));
  EXPECT_TRUE(config->set_aside_corrupt_store);
  EXPECT_EQ(config->history.max_age, std::chrono::hours(720));
  EXPECT_EQ(config->history.max_workflows, 5000);
  EXPECT_EQ(config->history.max_size, 2ll << 30);
  EXPECT_EQ(config->disk_reserve.bytes, 1 << 30);
  EXPECT_EQ(config->disk_reserve.inodes, 0);
  EXPECT_TRUE(config->audit);
  EXPECT_EQ(config->audit_file, "/var/log/gantry.jsonl");
  EXPECT_EQ(config->audit_max_size, 0);
  EXPECT_EQ(config->registry_user, "me:secret");
  EXPECT_EQ(config->parallel_pulls, 3);
  EXPECT_EQ(config->limits.bytes, 1u << 20);
  EXPECT_EQ(config->limits.depth, 9u);
  EXPECT_EQ(config->limits.alias_nodes, 0u);
  EXPECT_EQ(config->log_level, "debug");
}

TEST(Config, ModesQuotedAndNot) {
  EXPECT_EQ(read("socket: {mode: \"0640\"}")->socket_mode, 0640u);
  EXPECT_EQ(read("socket: {mode: 0640}")->socket_mode, 0640u);
}

TEST(Config, NoAuditLog) { EXPECT_FALSE(read("audit: {file: \"\"}")->audit); }

TEST(Config, NothingAndEmptySectionsAreTheDefaults) {
  for (const char* text : {"", "# only a comment\n", "socket:\ncapacity:\nnetwork:\n"}) {
    auto config = read(text);
    ASSERT_TRUE(config) << text << config.error().message;
    EXPECT_EQ(config->socket_path, "/run/gantry/gantry.sock");
    EXPECT_EQ(config->slots, 110);
    EXPECT_EQ(config->pids, 0) << "processes are not counted";
    EXPECT_FALSE(config->allow_privileged);
    EXPECT_FALSE(config->set_aside_corrupt_store);
    EXPECT_TRUE(config->audit);
    EXPECT_EQ(config->history.max_workflows + config->history.max_size + config->history.max_age.count(), 0)
        << "nothing is deleted that nobody asked to delete";
    EXPECT_TRUE(config->host_path_allow.empty());
  }
}

TEST(Config, WhatIsWrongIsNamedWithItsPlace) {
  struct Case {
    const char* text;
    const char* message;
  };
  const Case cases[] = {
      {"sockt:\n  path: /x\n", "gantry.yaml:1:1: unknown key 'sockt' (did you mean 'socket'?)"},
      {"socket:\n  pth: /x\n", "gantry.yaml:2:3: unknown key 'socket.pth' (did you mean"},
      {"socket: /x", "gantry.yaml:1:9: socket must be a map"},
      {"allow_privileged: maybe", "allow_privileged must be true or false, not 'maybe'"},
      {"bridge: {subnet: 10.88.0.1/24}", "bridge.subnet: '10.88.0.1/24' must be an IPv4 subnet"},
      {"bridge: {name: much-too-long-a-name}", "must be at most 15 letters"},
      {"network: cloud", "network must be one of host, none, bridge, not 'cloud'"},
      {"log_level: [info]", "log_level must be one of trace, debug, info, warn, error, not a list"},
      {"capacity: {slots: 0}", "capacity.slots must be a whole number from 1 up, not '0'"},
      {"capacity: {slots: many}", "capacity.slots must be a whole number"},
      {"capacity: {memory: 5 apples}", "capacity.memory: "},
      {"capacity: {pids: 0}", "capacity.pids must be a whole number from 1 up, not '0'"},
      {"capacity:\n  resources: {gpu: 1}", "gantry.yaml:2:15: capacity.resources: \"gpu\" must be a domain and a name"},
      {"capacity: {resources: [a.b/c]}", "capacity.resources must be a map of names, not a list"},
      {"capacity: {resources: {a.b/c: 1.5}}", "capacity.resources.a.b/c must be a whole number or a list of units, not '1.5'"},
      {"capacity: {resources: {a.b/c: [1]}}", "capacity.resources.a.b/c[0] must be a map of devices and env, not '1'"},
      {"capacity: {resources: {a.b/c: [{device: [/dev/x]}]}}",
       "unknown key 'capacity.resources.a.b/c[0].device' (did you mean 'devices'?)"},
      {"capacity: {resources: {a.b/c: [{devices: /dev/x}]}}", "capacity.resources.a.b/c[0].devices must be a list of devices"},
      {"capacity: {resources: {a.b/c: [{devices: [dev/x]}]}}", "'dev/x' must begin with an absolute path of the host"},
      {"capacity: {resources: {a.b/c: [{devices: ['/dev/x:rw']}]}}", "must have an absolute path after the colon"},
      {"capacity: {resources: {a.b/c: [{devices: ['/dev/x:/dev/y:rx']}]}}", "not rx"},
      {"capacity: {resources: {a.b/c: [{devices: [/dev/x, '/dev/y:/dev/x']}]}}", "there are two devices for /dev/x"},
      {"capacity: {resources: {a.b/c: [{env: [A=b]}]}}", "capacity.resources.a.b/c[0].env must be a map of texts, not a list"},
      {"capacity: {resources: {a.b/c: [{env: {A: [b]}}]}}", "capacity.resources.a.b/c[0].env.A must be a text, not a list"},
      {"capacity: {resources: {a.b/1: 1, a.b/2: 1, a.b/3: 1, a.b/4: 1, a.b/5: 1, a.b/6: 1, a.b/7: 1, a.b/8: 1, a.b/9: 1}}",
       "capacity.resources: at most 8 resources can be counted, a.b/9 is one too many"},
      {"state_dir: relative", "state_dir: 'relative' must be an absolute path"},
      {"host_path_allow: /srv", "host_path_allow must be a list of paths"},
      {"host_path_allow: [srv]", "host_path_allow: 'srv' must be an absolute path"},
      {"store: {on_corruption: overwrite}", "store.on_corruption must be one of refuse, set-aside, not 'overwrite'"},
      {"history: {max_age: -1h}", "history.max_age: must not be negative"},
      {"history: {max_workflows: -1}", "history.max_workflows must be a whole number from 0 up"},
      {"audit: {file: audit.log}", "audit.file: 'audit.log' must be an absolute path"},
      {"termination_grace: soon", "termination_grace: "},
      {"termination_grace: -1s", "termination_grace: must not be negative"},
      {"socket: {mode: 999}", "socket.mode must be an octal mode"},
      {"socket: {mode: '0999'}", "socket.mode must be an octal mode"},
      {"images: {user: me}", "images.user: must be NAME:PASSWORD"},
      {"containerd: {a: b}", "containerd must be a text"},
      {"a: b\n---\nc: d", "a configuration is one document"},
      {"a: [", "gantry.yaml:"},
  };
  for (const Case& c : cases) {
    auto config = read(c.text);
    ASSERT_FALSE(config) << c.text;
    EXPECT_EQ(config.error().code, Code::InvalidArgument);
    EXPECT_THAT(config.error().message, HasSubstr(c.message)) << c.text;
  }
  auto both = read("one: 1\ntwo: 2\n");
  EXPECT_THAT(both.error().message, HasSubstr(":1:1: unknown key 'one'"));
  EXPECT_THAT(both.error().message, HasSubstr(":2:1: unknown key 'two'"));
}

TEST(Config, TheShippedFileHoldsTheDefaultsEvenWithoutItsCommentSigns) {
  std::string shipped = slurp("systemd/gantry.yaml");
  ASSERT_TRUE(read(shipped)) << read(shipped).error().message;
  // Every `#key: value` line is a setting, and `#  key: value` below one; prose has one space behind
  // its sign, or three.
  std::string settings;
  std::istringstream lines(shipped);
  for (std::string line; std::getline(lines, line);) {
    bool setting = line.size() > 1 && line[0] == '#' &&
                   (line[1] != ' ' || (line.starts_with("#  ") && !line.starts_with("#   ") && !line.starts_with("#  - ")));
    if (setting) settings += line.substr(1) + '\n';
  }
  auto config = read(settings);
  ASSERT_TRUE(config) << config.error().message << '\n' << settings;
  DaemonConfig defaults;
  EXPECT_EQ(config->state_dir, defaults.state_dir);
  EXPECT_EQ(config->socket_path, defaults.socket_path);
  EXPECT_EQ(config->socket_mode, defaults.socket_mode);
  EXPECT_EQ(config->containerd, defaults.containerd);
  EXPECT_EQ(config->slots, defaults.slots);
  EXPECT_EQ(config->termination_grace, defaults.termination_grace);
  EXPECT_EQ(config->limits.bytes, defaults.limits.bytes);
  EXPECT_EQ(config->limits.alias_nodes, defaults.limits.alias_nodes);
  EXPECT_EQ(config->log_level, defaults.log_level);
}

Result<CommandLine> parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "gantryd");
  return parse_command_line(static_cast<int>(arguments.size()), arguments.data());
}

TEST(CommandLineTest, WinsOverTheFile) {
  TemporaryDirectory directory;
  std::string file = directory.file("c.yaml");
  std::ofstream(file)
      << "state_dir: /a\ncontainerd: /b\nsocket: {path: /c}\nimages: {user: 'n:p'}\n";
  auto line = parse({"--config", file.c_str(), "--state-dir", "/x/", "--runtime", "runc", "--shim", "gantry"});
  ASSERT_TRUE(line) << line.error().message;
  EXPECT_EQ(line->config.state_dir, "/x");
  EXPECT_EQ(line->config.containerd, "/b");
  EXPECT_EQ(line->config.socket_path, "/c");
  EXPECT_EQ(line->config.runtime, "runc");
  EXPECT_EQ(line->config.shim, "gantry");
  EXPECT_THAT(line->config.warnings, ElementsAre(HasSubstr("holds a password")));
}

TEST(CommandLineTest, Errors) {
  EXPECT_THAT(parse({"--config", "/nonexistent"}).error().message,
              HasSubstr("read the configuration /nonexistent: No such file"));
  EXPECT_EQ(parse({"--nonsense"}).error().code, Code::InvalidArgument);
  EXPECT_EQ(parse({"--log-level", "loud"}).error().code, Code::InvalidArgument);
  EXPECT_EQ(parse({"--help"}).error().code, Code::Cancelled);
  EXPECT_TRUE(parse({"--version"})->show_version);
}

TEST(HostCapacity, IsFilledOnlyWhereNothingWasSaid) {
  DaemonConfig config;
  config.cpu_milli = 5;
  fill_from_host(config);
  EXPECT_EQ(config.cpu_milli, 5);
  EXPECT_GT(config.memory_bytes, 64 << 20);
}

}  // namespace
}  // namespace gantry
