// Pods of several containers, their network, probes and artifacts, on a real containerd of the
// test's own. Root, containerd, ctr, runc, tini, busybox-static, iptables and
// containernetworking-plugins are needed; without one of them the tests fail.

#include "runtime/containerd/child_process.h"
#include "runtime/containerd/pod_network.h"
#include "tests/support/runtime_fixture.h"

namespace gantry::containerd {
namespace {

using runtime::Role;

class PodsTest : public ContainerdRuntimeTest {
 protected:
  /// A pod without containers of its own.
  PodSpec empty_pod() {
    PodSpec spec = pod("true");
    spec.containers.clear();
    return spec;
  }
  runtime::ContainerSpec& add(PodSpec& spec, const std::string& name, const std::string& script,
                              Role role = Role::Main) {
    runtime::ContainerSpec container = pod(script).containers[0];
    container.name = name;
    container.role = role;
    spec.containers.push_back(std::move(container));
    return spec.containers.back();
  }
  static std::string log_of(const PodSpec& spec, const std::string& container) {
    return read(logs() + "/" + spec.log_directory + "/" + container + ".stdout");
  }
  void share(PodSpec& spec) {
    spec.volumes.push_back({"shared", runtime::EmptyDir{}});
    for (auto& container : spec.containers)
      container.mounts.push_back({"shared", "/shared", "", false});
  }
  /// A directory of the host that a container waits for a file in.
  std::string gate(PodSpec& spec) {
    const std::string path = containerd->directory() + "/gate-" + spec.id;
    spec.volumes.push_back({"gate", runtime::HostPath{path, "DirectoryOrCreate"}});
    for (auto& container : spec.containers)
      container.mounts.push_back({"gate", "/gate", "", false});
    return path;
  }
  static std::string wait_for(const std::string& file) {
    return "while [ ! -e " + file + " ]; do sleep 0.02; done; ";
  }
};

TEST_F(PodsTest, RunsInitContainersOneAfterTheOther) {
  auto spec = empty_pod();
  add(spec, "main", "cat /shared/log /one");
  add(spec, "first", "echo first >> /shared/log; echo made > /shared/file", Role::Init);
  add(spec, "second", "cat /shared/file; echo second >> /shared/log", Role::Init);
  share(spec);
  // Made by an init container: mounted when it is there.
  spec.containers[0].mounts.push_back({"shared", "/one", "file", false});
  const auto exit = run(spec);
  EXPECT_EQ(exit.containers.at("main").exit_code, 0);
  EXPECT_EQ(log_of(spec, "main"), "first\nsecond\nmade\n");
  EXPECT_EQ(log_of(spec, "second"), "made\n");
  EXPECT_THAT(recorder.changes[spec.id],
              ElementsAre("first started", "first exited 0", "second started", "second exited 0",
                          "main started", "main exited 0"));
  EXPECT_THAT(recorder.events[spec.id],
              ElementsAre("prepared", "started", "ready", "exited", "removed"));
}

TEST_F(PodsTest, StartsNothingAfterAFailedInitContainer) {
  auto spec = empty_pod();
  add(spec, "first", "exit 3", Role::Init);
  add(spec, "main", "true");
  const auto exit = run(spec);
  EXPECT_EQ(exit.containers.at("first").exit_code, 3);
  EXPECT_TRUE(exit.containers.at("main").never_started);
  EXPECT_EQ(exit.containers.at("main").reason,
            "init container \"first\" exited with non-zero code: 3");
  EXPECT_THAT(recorder.events[spec.id], ElementsAre("prepared", "exited", "removed"));
}

TEST_F(PodsTest, CanBeRemovedWhileAnInitContainerRuns) {
  auto spec = empty_pod();
  add(spec, "first", "sleep 100", Role::Init);
  add(spec, "main", "true");
  runtime->prepare(spec);
  runtime->start(spec.id);
  wait([&] { return !recorder.changes[spec.id].empty(); });
  remove(spec.id);
  EXPECT_FALSE(recorder.over(spec.id));

  auto ended = empty_pod();
  add(ended, "first", "trap 'exit 143' TERM; echo ready; while :; do sleep 0.02; done", Role::Init);
  add(ended, "main", "true");
  runtime->prepare(ended);
  runtime->start(ended.id);
  // Before its init has set itself up, the first process of a namespace does not hear signals.
  wait([&] {
    loop.post([] {});
    return log_of(ended, "first") == "ready\n";
  });
  runtime->signal(ended.id, SIGTERM, false);
  wait([&] { return recorder.over(ended.id); });
  EXPECT_EQ(recorder.exits[ended.id].containers.at("first").exit_code, 143);
  EXPECT_TRUE(recorder.exits[ended.id].containers.at("main").never_started);
  remove(ended.id);
}

TEST_F(PodsTest, EndsSidecarsAfterTheGracePeriod) {
  auto spec = empty_pod();
  add(spec, "main", wait_for("/shared/up"));
  add(spec, "side", "trap 'echo told; exit 0' TERM; touch /shared/up; while :; do sleep 0.02; done",
      Role::Sidecar);
  add(spec, "stubborn", "trap '' TERM; while :; do sleep 0.02; done", Role::Sidecar);
  share(spec);
  spec.termination_grace = 300ms;
  const auto exit = run(spec);
  EXPECT_EQ(exit.containers.at("main").exit_code, 0);
  EXPECT_EQ(exit.containers.at("side").exit_code, 0);
  EXPECT_EQ(exit.containers.at("stubborn").exit_code, 137);
  EXPECT_EQ(log_of(spec, "side"), "told\n");
}

TEST_F(PodsTest, FollowsDependenciesAndTriesAgain) {
  auto spec = empty_pod();
  // The file system of the attempt before is still there.
  add(spec, "a", "echo try >> /tries; cat /tries; test $(wc -l < /tries) = 2").attempts = 3;
  spec.containers[0].retry_pause = 10ms;
  add(spec, "b", "exit 2").dependencies = {"a"};
  add(spec, "c", "true").dependencies = {"b"};
  add(spec, "main", "echo done").dependencies = {"a"};
  spec.capture_stdout = true;
  const auto exit = run(spec);
  EXPECT_EQ(exit.containers.at("a").exit_code, 0);
  EXPECT_EQ(exit.containers.at("a").attempts, 2);
  EXPECT_EQ(log_of(spec, "a"), "try\ntry\ntry\n");
  EXPECT_EQ(exit.containers.at("b").exit_code, 2);
  EXPECT_TRUE(exit.containers.at("c").never_started);
  EXPECT_EQ(exit.containers.at("c").reason, "dependency \"b\" exited with non-zero code: 2");
  EXPECT_EQ(exit.stdout_tail, "done\n");
  EXPECT_GE(exit.containers.at("b").started, exit.containers.at("a").finished);

  for (const auto& wrong : {"itself", "nobody"}) {
    auto circle = empty_pod();
    add(circle, "main", "true").dependencies = {wrong == std::string("itself") ? "main" : "nobody"};
    add(circle, "other", "true");
    EXPECT_THAT(run(circle).containers.at("main").reason,
                HasSubstr("container \"main\" depends on"));
  }
}

TEST_F(PodsTest, TheOnlyContainerTriesAgainToo) {
  auto spec = empty_pod();
  add(spec, "a", "echo try >> /tries; cat /tries; test $(wc -l < /tries) = 2").attempts = 3;
  spec.containers[0].retry_pause = 10ms;
  spec.capture_stdout = true;
  const auto exit = run(spec);
  EXPECT_EQ(exit.containers.at("a").exit_code, 0);
  EXPECT_EQ(exit.containers.at("a").attempts, 2);
  EXPECT_EQ(log_of(spec, "a"), "try\ntry\ntry\n");
  EXPECT_EQ(exit.stdout_tail, "try\ntry\ntry\n");

  auto hopeless = empty_pod();
  add(hopeless, "main", "exit 3").attempts = 2;
  const auto failed = run(hopeless);
  EXPECT_EQ(failed.containers.at("main").exit_code, 3);
  EXPECT_EQ(failed.containers.at("main").attempts, 2);
}

TEST_F(PodsTest, SignalsOneContainer) {
  auto spec = empty_pod();
  add(spec, "a", "exec sleep 100");
  add(spec, "b", wait_for("/gate/go"));
  add(spec, "c", "true").dependencies = {"b"};
  const auto path = gate(spec);
  start(spec);
  runtime->signal_container(spec.id, "a", SIGKILL);
  runtime->signal_container(spec.id, "c", SIGTERM);
  wait([&] { return recorder.changes[spec.id].size() >= 4; });
  EXPECT_FALSE(recorder.over(spec.id));
  std::ofstream(path + "/go") << "";
  wait([&] { return recorder.over(spec.id); });
  const auto& exit = recorder.exits[spec.id];
  EXPECT_EQ(exit.containers.at("a").exit_code, 137);
  EXPECT_EQ(exit.containers.at("b").exit_code, 0);
  EXPECT_TRUE(exit.containers.at("c").never_started);
  remove(spec.id);
}

TEST_F(PodsTest, RunsProgramsInAContainer) {
  auto spec = pod("exec sleep 100");
  spec.containers[0].env = {{"WHO", "the step"}};
  start(spec);
  std::optional<Result<runtime::ExecResult>> result;
  const auto exec = [&](runtime::ExecSpec what) {
    result.reset();
    runtime->exec(spec.id, std::move(what), [&](auto answer) { result = std::move(answer); });
    wait([&] { return result.has_value(); });
  };
  exec({.arguments = {"sh", "-c", "echo $WHO $MORE; pwd; echo err >&2; exit 5"},
        .env = {{"MORE", "more"}},
        .working_dir = "/etc"});
  ASSERT_TRUE(*result) << result->error().message;
  EXPECT_EQ((*result)->exit_code, 5);
  EXPECT_EQ((*result)->output, "the step more\n/etc\nerr\n");
  exec({.arguments = {"sleep", "100"}, .timeout = 50ms});
  EXPECT_EQ(result->error().code, Code::DeadlineExceeded);
  exec({.arguments = {"no-such-program"}});
  EXPECT_FALSE(*result);
  exec({.container = "nobody", .arguments = {"true"}});
  EXPECT_EQ(result->error().code, Code::NotFound);
  remove(spec.id);
}

TEST_F(PodsTest, IsReadyWhenItsProbesPass) {
  auto spec =
      pod(wait_for("/gate/listen") +
          "mkdir /www; echo yes > /www/ok; /bin/busybox httpd -f -p 127.0.0.1:18471 -h /www");
  const auto path = gate(spec);
  auto& main = spec.containers[0];
  main.readiness_probe = runtime::Probe{
      .action = runtime::HttpGetAction{.path = "/ok", .port = 18471}, .period = 20ms};
  main.startup_probe = runtime::Probe{
      .action = runtime::TcpSocketAction{18471, ""}, .period = 20ms, .failure_threshold = 1000};
  start(spec);
  EXPECT_FALSE(recorder.has(spec.id, "ready"));
  std::ofstream(path + "/listen") << "";
  wait([&] { return recorder.has(spec.id, "ready"); });
  EXPECT_FALSE(recorder.addresses[spec.id].empty());
  remove(spec.id);

  auto other = pod("exec sleep 100");
  const auto door = gate(other);
  other.containers[0].readiness_probe = runtime::Probe{
      .action = runtime::ExecAction{{"sh", "-c", "test -e /gate/up"}}, .period = 20ms};
  start(other);
  std::ofstream(door + "/up") << "";
  wait([&] { return recorder.has(other.id, "ready"); });
  remove(other.id);
}

TEST_F(PodsTest, KillsWhatIsNotAlive) {
  auto spec = pod("exec sleep 100");
  spec.containers[0].liveness_probe =
      runtime::Probe{.action = runtime::ExecAction{{"sh", "-c", "echo sick; exit 1"}},
                     .period = 10ms,
                     .failure_threshold = 2};
  const auto exit = run(spec);
  EXPECT_EQ(exit.containers.at("main").exit_code, 143);
  EXPECT_THAT(exit.containers.at("main").reason, StartsWith("Liveness probe failed: sick"));
}

TEST_F(PodsTest, RunsHooks) {
  auto spec = empty_pod();
  add(spec, "main", wait_for("/shared/hooked"));
  spec.containers[0].lifecycle.post_start = runtime::ExecAction{{"touch", "/shared/hooked"}};
  add(spec, "side", "exec sleep 100", Role::Sidecar).lifecycle.pre_stop =
      runtime::ExecAction{{"sh", "-c", "echo bye > /proc/1/fd/1"}};
  share(spec);
  EXPECT_EQ(run(spec).containers.at("main").exit_code, 0);
  EXPECT_EQ(log_of(spec, "side"), "bye\n");

  auto failing = pod("exec sleep 100");
  failing.containers[0].lifecycle.post_start = runtime::ExecAction{{"false"}};
  EXPECT_THAT(run(failing).containers.at("main").reason, StartsWith("PostStartHook failed"));
}

TEST_F(PodsTest, HasATerminal) {
  auto spec = pod("test -t 1 && test -t 0 && echo terminal; echo err >&2");
  spec.containers[0].tty = true;
  const auto exit = run(spec);
  EXPECT_EQ(exit.containers.at("main").exit_code, 0);
  EXPECT_EQ(log(spec, "stdout"), "terminal\r\nerr\r\n");
}

TEST_F(PodsTest, SharesAnEmptyNetwork) {
  auto spec = empty_pod();
  spec.network = runtime::Network::None;
  spec.sysctls = {{"net.ipv4.ip_unprivileged_port_start", "77"}};
  add(spec, "first", "cat /proc/sys/net/ipv4/ip_unprivileged_port_start", Role::Init);
  add(spec, "main", wait_for("/shared/up") + "/bin/busybox nc 127.0.0.1 80 < /dev/null");
  add(spec, "side", "touch /shared/up; echo hello | /bin/busybox nc -l -p 80", Role::Sidecar);
  share(spec);
  auto& main = spec.containers[1];
  main.command = {
      "/bin/sh", "-c",
      wait_for("/shared/up") + "until /bin/busybox nc 127.0.0.1 80 </dev/null; do :; done"};
  EXPECT_EQ(run(spec).containers.at("main").exit_code, 0);
  EXPECT_EQ(log_of(spec, "main"), "hello\n");
  EXPECT_EQ(log_of(spec, "first"), "77\n");

  auto wrong = pod("true");
  wrong.sysctls = {{"kernel.panic", "1"}};
  EXPECT_EQ(run(wrong).containers.at("main").reason, "sysctl \"kernel.panic\" is not namespaced");
  auto host = pod("true");
  host.sysctls = {{"net.ipv4.ip_forward", "1"}};
  EXPECT_EQ(run(host).containers.at("main").reason,
            "sysctl \"net.ipv4.ip_forward\" is the host's with its network");
}

TEST_F(PodsTest, PlacesInputsAndStagesOutputs) {
  const std::string store = containerd->directory() + "/store",
                    staged = containerd->directory() + "/staged";
  fs::create_directories(store + "/tree/sub");
  fs::create_directories(staged);
  std::ofstream(store + "/tree/a") << "a\n";
  std::ofstream(store + "/tree/sub/b") << "b\n";
  std::ofstream(store + "/file") << "file\n";
  auto spec = empty_pod();
  add(spec, "main",
      "cat /in/tree/a /in/file /work/deep/file; echo more >> /in/tree/a; rm -r /in/tree/sub; echo "
      "new > /in/tree/new;"
      "echo more >> /in/file; stat -c %a /in/file; mkdir -p /out/d; echo x > /out/d/x; ln -s x "
      "/out/d/link;"
      "ln -s /../../etc/passwd /out/d/escape; /bin/busybox mkfifo /out/d/pipe; echo v > /work/v; "
      "chmod 640 /out/d/x;"
      "ln -s /out/d/x /linked");
  add(spec, "side", "while :; do sleep 0.02; done", Role::Sidecar);
  spec.volumes.push_back({"work", runtime::EmptyDir{}});
  spec.containers[0].mounts.push_back({"work", "/work", "", false});
  spec.input_artifacts = {{{"main", "side"}, "/in/tree", store + "/tree", {}, false},
                          {{"main"}, "/in/file", store + "/file", 0755, false},
                          {{"main"}, "/work/deep/file", store + "/file", {}, false}};
  for (const char* path : {"/out", "/in/tree", "/work", "/linked", "/nothing", "/in/file"}) {
    std::string name = path + 1;
    std::replace(name.begin(), name.end(), '/', '-');
    spec.output_artifacts.push_back({name, "main", path, staged + "/" + name});
  }
  spec.output_artifacts.push_back({"mirrored", "side", "/in/tree/new", staged + "/mirrored"});
  const auto exit = run(spec);
  ASSERT_EQ(exit.containers.at("main").exit_code, 0)
      << read(logs() + "/" + spec.log_directory + "/main.stderr");
  EXPECT_EQ(log_of(spec, "main"), "a\nfile\nfile\n755\n");
  for (const auto& [name, result] : exit.artifacts) {
    if (name == "nothing") continue;
    EXPECT_TRUE(result) << name << ": " << result.error().message;
  }
  EXPECT_EQ(exit.artifacts.at("nothing").error().code, Code::NotFound);
  EXPECT_EQ(read(staged + "/out/d/x"), "x\n");
  struct stat info {};
  ASSERT_EQ(::stat((staged + "/out/d/x").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0640u);
  EXPECT_EQ(fs::read_symlink(staged + "/out/d/link"), "x");
  EXPECT_EQ(fs::read_symlink(staged + "/out/d/escape"), "/../../etc/passwd");
  EXPECT_FALSE(fs::exists(fs::symlink_status(staged + "/out/d/pipe")));
  EXPECT_EQ(read(staged + "/in-tree/a"), "a\nmore\n");
  EXPECT_EQ(read(staged + "/in-tree/new"), "new\n");
  EXPECT_FALSE(fs::exists(staged + "/in-tree/sub"));
  EXPECT_EQ(read(staged + "/in-file"), "file\nmore\n");
  EXPECT_EQ(read(staged + "/work/v"), "v\n");
  EXPECT_EQ(read(staged + "/work/deep/file"), "file\n");
  EXPECT_EQ(read(staged + "/linked"), "x\n");
  EXPECT_EQ(read(staged + "/mirrored"), "new\n");
  // The store was not written to.
  EXPECT_EQ(read(store + "/tree/a"), "a\n");
  EXPECT_EQ(read(store + "/tree/sub/b"), "b\n");
  EXPECT_EQ(read(store + "/file"), "file\n");
  EXPECT_FALSE(fs::exists(store + "/tree/new"));
}

TEST_F(PodsTest, GoesOnAfterTheDaemonWasKilled) {
  // One pod in its init container, one in the middle of its dependencies, one between init and
  // main.
  auto init = empty_pod();
  add(init, "first", wait_for("/gate/go") + "exit 0", Role::Init);
  add(init, "second", "true", Role::Init);
  add(init, "main", "echo main");
  const auto init_gate = gate(init);
  auto set = empty_pod();
  add(set, "a", "exit 0");
  add(set, "b", wait_for("/gate/go") + "exit 4").dependencies = {"a"};
  add(set, "c", "true").dependencies = {"a", "b"};
  add(set, "d", "echo d").dependencies = {"a"};
  set.containers[3].dependencies = {"a"};
  add(set, "side", "exec sleep 100", Role::Sidecar);
  const auto set_gate = gate(set);
  auto prepared = empty_pod();
  add(prepared, "first", "echo once >> /gate/count", Role::Init);
  add(prepared, "main", "true");
  const auto count = gate(prepared);
  auto again = empty_pod();
  add(again, "a",
      "echo try >> /gate/tries; " + wait_for("/gate/go") + "test $(wc -l < /gate/tries) = 2")
      .attempts = 2;
  add(again, "b", "true");
  const auto again_gate = gate(again);

  for (const auto* spec : {&init, &set, &again}) {
    runtime->prepare(*spec);
    runtime->start(spec->id);
  }
  runtime->prepare(prepared);
  wait([&] {
    return !recorder.changes[init.id].empty() && recorder.changes[set.id].size() >= 6 &&
           recorder.changes[again.id].size() >= 3 && recorder.has(prepared.id, "prepared");
  });
  reopen();
  wait([&] { return recorder.connected; });
  std::map<std::string, bool> found;
  runtime->find([&](auto pods) {
    for (const auto& one : *pods) found[one.id] = one.started;
  });
  wait([&] { return found.size() == 4; });
  EXPECT_TRUE(found[init.id]);
  EXPECT_TRUE(found[set.id]);
  EXPECT_FALSE(found[prepared.id]);

  for (const auto* spec : {&init, &set}) runtime->adopt(*spec);
  // One that runs, of which the daemon had not heard before it died, and one that was only
  // prepared.
  for (const auto* spec : {&again, &prepared}) {
    runtime->prepare(*spec);
    runtime->start(spec->id);
  }
  for (const auto& path : {init_gate, set_gate, again_gate}) std::ofstream(path + "/go") << "";
  for (const auto* spec : {&init, &set, &again, &prepared}) {
    wait([&] { return recorder.over(spec->id); });
    EXPECT_TRUE(recorder.has(spec->id, "exited")) << recorder.errors[spec->id].message;
  }
  EXPECT_EQ(recorder.exits[init.id].containers["main"].exit_code, 0);
  EXPECT_EQ(log_of(init, "main"), "main\n");
  EXPECT_EQ(recorder.exits[set.id].containers["a"].exit_code, 0);
  EXPECT_EQ(recorder.exits[set.id].containers["b"].exit_code, 4);
  EXPECT_TRUE(recorder.exits[set.id].containers["c"].never_started);
  EXPECT_EQ(log_of(set, "d"), "d\n") << "and only once";
  EXPECT_EQ(recorder.exits[set.id].containers["side"].exit_code, 143);
  EXPECT_EQ(recorder.exits[again.id].containers["a"].exit_code, 0);
  EXPECT_EQ(read(again_gate + "/tries"), "try\ntry\n");
  EXPECT_EQ(read(count + "/count"), "once\n");
  for (const auto* spec : {&init, &set, &again, &prepared}) remove(spec->id);
}

TEST_F(PodsTest, SweepsWhatNeverCameToAContainer) {
  fs::create_directories(state() + "/pods/forgotten/empty/v");
  bool done = false;
  wait([&] { return recorder.connected; });
  runtime->find([&](auto) { done = true; });
  wait([&] { return done; });
  EXPECT_FALSE(fs::exists(state() + "/pods/forgotten"));
}

// ---- the bridge ----

class BridgeTest : public PodsTest {
 protected:
  static std::string bridge() { return "gt" + std::to_string(::getpid() % 100000); }
  void configure(Config& config) override {
    config.bridge.enabled = true;
    config.bridge.name = bridge();
  }
  void TearDown() override {
    PodsTest::TearDown();
    // What is prepared stays for the next daemon; the test's own directory goes.
    std::ifstream file(state() + "/network/subnet");
    std::string subnet;
    file >> subnet;
    BridgeConfig config;
    config.enabled = true;
    config.name = bridge();
    auto network =
        PodNetwork::open(state(), config, [](const std::string& text) { ADD_FAILURE() << text; });
    network->drain();
    EXPECT_TRUE(fs::is_empty(state() + "/network/pool"));
    for (const auto& entry : fs::directory_iterator(state() + "/network/leases/gantry")) {
      const std::string name = entry.path().filename();
      EXPECT_TRUE(name == "lock" || name.starts_with("last_reserved")) << "leased: " << name;
    }
    for (const char* direction : {"-s", "-d"}) {
      run_program({"iptables", "-D", "FORWARD", direction, subnet, "-j", "ACCEPT"}, 5s, -1).value();
    }
    run_program({"iptables", "-t", "nat", "-D", "POSTROUTING", "-s", subnet, "!", "-d", subnet,
                 "-j", "MASQUERADE"},
                5s, -1)
        .value();
    run_program({"ip", "link", "del", bridge()}, 5s, -1).value();
  }
};

TEST_F(BridgeTest, GivesAPodAnAddress) {
  auto spec = empty_pod();
  spec.network = runtime::Network::Bridge;
  spec.dns.searches = {"example.test"};
  spec.dns.options = {{"ndots", "3"}};
  spec.host_aliases = {{"192.0.2.77", {"alias", "other"}}};
  add(spec, "first", "ls /sys/class/net", Role::Init);
  add(spec, "main",
      "grep step-host /etc/hosts | head -1; grep alias /etc/hosts; grep -E 'search|options' "
      "/etc/resolv.conf;" +
          wait_for("/shared/up") + "sleep 0.1; /bin/busybox wget -q -O - http://127.0.0.1:8080/ok");
  add(spec, "side",
      "mkdir /www; echo served > /www/ok; /bin/busybox httpd -p 8080 -h /www; touch /shared/up; "
      "exec sleep 100",
      Role::Sidecar)
      .readiness_probe =
      runtime::Probe{.action = runtime::HttpGetAction{.path = "/ok", .port = 8080}, .period = 10ms};
  share(spec);
  const auto exit = run(spec);
  EXPECT_EQ(exit.containers.at("main").exit_code, 0)
      << read(logs() + "/" + spec.log_directory + "/main.stderr");
  const std::string address = recorder.addresses[spec.id];
  EXPECT_THAT(address, StartsWith("10.88."));
  EXPECT_EQ(
      log_of(spec, "main"),
      address +
          "\tstep-host\n192.0.2.77\talias other\nsearch example.test\noptions ndots:3\nserved\n");
  EXPECT_THAT(log_of(spec, "first"), HasSubstr("eth0\n"));
}

TEST_F(BridgeTest, PodsReachEachOtherAndTheHostReachesThem) {
  auto server = pod("mkdir /www; echo served > /www/ok; exec /bin/busybox httpd -f -p 80 -h /www");
  server.network = runtime::Network::Bridge;
  server.containers[0].readiness_probe =
      runtime::Probe{.action = runtime::TcpSocketAction{80, ""}, .period = 10ms};
  start(server);
  wait([&] { return recorder.has(server.id, "ready"); });
  auto client = pod("/bin/busybox wget -q -O - http://" + recorder.addresses[server.id] + "/ok");
  client.network = runtime::Network::Bridge;
  EXPECT_EQ(run_for_output(client), "served\n");
  EXPECT_NE(recorder.addresses[client.id], recorder.addresses[server.id]);
  remove(server.id);
}

TEST_F(BridgeTest, KeepsTheAddressWhenTheDaemonWasKilled) {
  auto spec = pod(wait_for("/gate/go") + "grep step-host /etc/hosts");
  spec.network = runtime::Network::Bridge;
  const auto path = gate(spec);
  start(spec);
  wait([&] { return recorder.has(spec.id, "ready"); });
  const auto address = recorder.addresses[spec.id];
  reopen();
  runtime->adopt(spec);
  std::ofstream(path + "/go") << "";
  wait([&] { return recorder.over(spec.id); });
  EXPECT_EQ(recorder.addresses[spec.id], address);
  EXPECT_EQ(log(spec, "stdout"), address + "\tstep-host\n");
  remove(spec.id);
  // One of a daemon that was killed before the pod came to a container.
  bool done = false;
  fs::rename(fs::directory_iterator(state() + "/network/pool")->path(),
             state() + "/network/pods/forgotten");
  runtime->find([&](auto) { done = true; });
  wait([&] { return done; });
  EXPECT_FALSE(fs::exists(state() + "/network/pods/forgotten"));
}

TEST_F(PodsTest, SaysWhyThereIsNoBridge) {
  auto spec = pod("true");
  spec.network = runtime::Network::Bridge;
  EXPECT_EQ(run(spec).containers.at("main").reason,
            "network: bridge is not set in gantryd's configuration");
}

}  // namespace
}  // namespace gantry::containerd
