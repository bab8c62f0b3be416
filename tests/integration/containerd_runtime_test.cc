// Pods on a real containerd of the test's own. Root, containerd, ctr, runc, tini and busybox-static
// are needed; without one of them the tests fail.

#include "tests/support/runtime_fixture.h"

namespace gantry::containerd {
namespace {

TEST_F(ContainerdRuntimeTest, ReportsTheExitCodeAndTheStreams) {
  auto spec = pod("echo out; echo err >&2; exit 7");
  spec.capture_stdout = true;
  const auto exit = run(spec);
  EXPECT_EQ(exit.containers.at("main").exit_code, 7);
  EXPECT_EQ(exit.containers.at("main").reason, "");
  EXPECT_FALSE(exit.containers.at("main").oom_killed);
  EXPECT_LE(exit.containers.at("main").started, exit.containers.at("main").finished);
  EXPECT_EQ(exit.stdout_tail, "out\n");
  EXPECT_EQ(log(spec, "stdout"), "out\n");
  EXPECT_EQ(log(spec, "stderr"), "err\n");
  EXPECT_THAT(recorder.events[spec.id],
              ElementsAre("prepared", "started", "ready", "exited", "removed"));
}

TEST_F(ContainerdRuntimeTest, KeepsTheEndOfALongOutput) {
  // Whatever the shim still has to copy when the exit comes is in the tail.
  const auto tail = run_for_output(
      pod("i=0; while [ $i -lt 40000 ]; do echo 0123456789; i=$((i+1)); done; echo end"));
  EXPECT_EQ(tail.size(), 256u << 10);
  EXPECT_TRUE(tail.ends_with("0123456789\nend\n"));
}

TEST_F(ContainerdRuntimeTest, GivesTheProcessItsSurroundings) {
  auto spec = pod("pwd; echo $FROM_IMAGE $WHO $HOME $HOSTNAME; hostname; echo $PPID");
  spec.containers[0].working_dir = "/work/here";
  spec.containers[0].env = {{"WHO", "the step"}};
  EXPECT_EQ(run_for_output(spec), "/work/here\nyes the step /root step-host\nstep-host\n1\n");
}

TEST_F(ContainerdRuntimeTest, RunsAnInitAsProcessOne) {
  // Signals have their default actions, so a program may end itself; what it left behind ends with it. (In an argument
  // `$$` would be Kubernetes' escape of `$`.)
  auto spec = pod("");
  spec.containers[0].command = {"/bin/sh"};
  spec.containers[0].script = "sleep 600 &\nkill $$\nsleep 600\n";
  EXPECT_EQ(run(spec).containers.at("main").exit_code, 143);
  EXPECT_EQ(run_for_output(pod("(sleep 600; echo late) & echo $PPID")), "1\n");
}

TEST_F(ContainerdRuntimeTest, TakesLongArguments) {
  auto spec = pod("");
  spec.containers[0].command = {"/bin/sh", "-c", "echo ${#0}", std::string(120 << 10, 'x')};
  EXPECT_EQ(run_for_output(spec), "122880\n");
}

TEST_F(ContainerdRuntimeTest, RunsScripts) {
  auto spec = pod("");
  spec.containers[0].command = {"/bin/sh"};
  spec.containers[0].script = "echo from $0\necho $#\nstat -c %a $0\n";
  EXPECT_EQ(run_for_output(spec), "from /argo/staging/script\n0\n755\n");
}

TEST_F(ContainerdRuntimeTest, ReadsNothingFromStandardInput) {
  EXPECT_EQ(run_for_output(pod("cat; echo done")), "done\n");
}

struct Missing {
  std::vector<std::string> command;
  std::string reason;
};
TEST_F(ContainerdRuntimeTest, TellsWhyAProgramCannotRun) {
  const std::vector<Missing> cases = {
      {{"nope"}, "exec: \"nope\": executable file not found in $PATH"},
      {{"/x/y"}, "exec: \"/x/y\": stat /x/y: no such file or directory"},
      {{"/etc/plain"}, "exec: \"/etc/plain\": permission denied"},
      {{"/etc"}, "exec: \"/etc\": is a directory"},
  };
  for (const Missing& item : cases) {
    auto spec = pod("");
    spec.containers[0].command = item.command;
    const auto exit = run(spec);
    EXPECT_EQ(exit.containers.at("main").exit_code, 64) << item.reason;
    EXPECT_EQ(exit.containers.at("main").reason, "failed to find name in PATH: " + item.reason);
  }
  for (const int code : {126, 127}) {
    const auto exit = run(pod("exit " + std::to_string(code)));
    EXPECT_EQ(exit.containers.at("main").exit_code, code) << "its own exit code";
  }
}

TEST_F(ContainerdRuntimeTest, DoesNotPullWhatMustNotBePulled) {
  auto spec = pod("true");
  spec.containers[0].image = "no-such-image:1";
  spec.containers[0].pull_policy = runtime::PullPolicy::Never;
  EXPECT_EQ(run(spec).containers.at("main").reason,
            "Container image \"no-such-image:1\" is not present with pull policy of Never");
  EXPECT_THAT(recorder.events[spec.id], ElementsAre("failed", "removed"));
}

TEST_F(ContainerdRuntimeTest, SeesThatMemoryRanOut) {
  auto spec = pod("tail /dev/zero");
  spec.containers[0].resources.memory_limit_bytes = 16 << 20;
  const auto exit = run(spec);
  EXPECT_EQ(exit.containers.at("main").exit_code, 137);
  EXPECT_TRUE(exit.containers.at("main").oom_killed);
}

TEST_F(ContainerdRuntimeTest, LimitsProcesses) {
  auto spec = pod("for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14; do sleep 5 & done; echo forked");
  spec.containers[0].resources.pids_limit = 8;
  const auto exit = run(spec);
  EXPECT_NE(exit.containers.at("main").exit_code, 0);
  EXPECT_THAT(log(spec, "stderr"), HasSubstr("fork"));
}

TEST_F(ContainerdRuntimeTest, RunsAsWhomThePodSays) {
  auto spec = pod("id; echo $HOME");
  spec.containers[0].security.run_as_user = 1000;
  spec.containers[0].security.supplemental_groups = {77};
  EXPECT_EQ(run_for_output(spec),
            "uid=1000(builder) gid=1000(builder) groups=77,998(docker),1000(builder)\n"
            "/home/builder\n");
  auto root = pod("true");
  root.containers[0].security.run_as_non_root = true;
  EXPECT_THAT(run(root).containers.at("main").reason,
              StartsWith("container has runAsNonRoot and image will run as root (pod: \""));
}

TEST_F(ContainerdRuntimeTest, ConfinesTheProcess) {
  const char* look =
      "grep -E '^(CapEff|NoNewPrivs|Seccomp):' /proc/self/status | tr -d '\\t'; "
      "touch /new 2>/dev/null && echo writable || echo read-only";
  EXPECT_EQ(run_for_output(pod(look)),
            "CapEff:00000000a80425fb\nNoNewPrivs:0\nSeccomp:2\nwritable\n");
  auto spec = pod(look);
  auto& security = spec.containers[0].security;
  security.capabilities_drop = {"ALL"};
  security.allow_privilege_escalation = false;
  security.read_only_root_filesystem = true;
  security.seccomp_unconfined = true;
  EXPECT_EQ(run_for_output(spec), "CapEff:0000000000000000\nNoNewPrivs:1\nSeccomp:0\nread-only\n");

  auto mounter = pod("/bin/busybox unshare -m true && echo unshared");
  EXPECT_NE(run(mounter).containers.at("main").exit_code, 0);
}

TEST_F(ContainerdRuntimeTest, MountsVolumes) {
  const std::string host = containerd->directory() + "/host";
  fs::create_directories(host + "/sub");
  std::ofstream(host + "/sub/file") << "from the host\n";
  auto spec =
      pod("cat /host/file; echo x > /host/denied && echo wrote; cat /config/a/key /one; "
          "stat -c %a /config/a/key /scratch /memory; cat /config/secret; "
          "stat -f -c %T /memory /config; echo r > /config/new || echo refused");
  spec.volumes = {
      {"host", runtime::HostPath{host, "Directory"}},
      {"config", runtime::Files{.files = {{"a/key", "value\n", 0600}, {"secret", "s3\n", 0444}}}},
      {"scratch", runtime::EmptyDir{}},
      {"memory", runtime::EmptyDir{.memory = true, .size_limit_bytes = 1 << 20}}};
  spec.containers[0].mounts = {{"host", "/host", "sub", true},
                               {"config", "/config", "", false},
                               {"config", "/one", "secret", false},
                               {"scratch", "/scratch", "", false},
                               {"memory", "/memory", "", false}};
  EXPECT_EQ(run_for_output(spec),
            "from the host\nvalue\ns3\n600\n777\n777\ns3\ntmpfs\ntmpfs\nrefused\n");
  auto wrong = pod("true");
  wrong.volumes = {{"host", runtime::HostPath{host, "File"}}};
  EXPECT_THAT(run(wrong).containers.at("main").reason, HasSubstr("is not a file"));
}

TEST_F(ContainerdRuntimeTest, SharesAClaimBetweenPods) {
  const auto with_claim = [&](const std::string& script) {
    auto spec = pod(script);
    spec.volumes = {{"work", runtime::Claim{"owner", "work", false}}};
    spec.containers[0].mounts = {{"work", "/work", "deep/er", false}};
    return spec;
  };
  EXPECT_EQ(run_for_output(with_claim("echo kept > /work/file")), "");
  EXPECT_EQ(run_for_output(with_claim("cat /work/file")), "kept\n");
  runtime->remove_claims("owner");
  wait([&] { return !fs::exists(state() + "/claims/owner"); });
}

TEST_F(ContainerdRuntimeTest, KeepsASubPathInItsVolume) {
  auto spec = pod("ln -s / /work/out; ln -s /etc /work/deep");
  spec.volumes = {{"work", runtime::Claim{"owner", "links", false}}};
  spec.containers[0].mounts = {{"work", "/work", "", false}};
  run(spec);
  auto escape = pod("ls /in | wc -l; cat /in/plain /in/etc/passwd");
  escape.volumes = spec.volumes;
  escape.containers[0].mounts = {{"work", "/in", "out", false}};
  escape.capture_stdout = true;
  const auto exit = run(escape);
  // `out` leads to the volume's own root, and never to the host's.
  EXPECT_EQ(exit.stdout_tail, "2\n");
  EXPECT_NE(exit.containers.at("main").exit_code, 0);
  runtime->remove_claims("owner");
  wait([&] { return !fs::exists(state() + "/claims/owner"); });
}

TEST_F(ContainerdRuntimeTest, ReadsOutputFiles) {
  auto spec =
      pod("echo root > /tmp-out; mkdir /results; echo volume > /work/file; ln -s /etc/hostname "
          "/work/out;"
          "ln -s /results/real /linked; echo real > /results/real; ln -s /proc/self/environ /magic;"
          "head -c 2000000 /dev/zero > /big");
  spec.volumes = {{"work", runtime::EmptyDir{}}};
  spec.containers[0].mounts = {{"work", "/work", "", false}};
  for (const char* path : {"/tmp-out", "/work/file", "/work/out", "/linked", "/magic", "/nothing",
                           "/results", "/big", "/work/../work/file", "/../../../../etc/hostname"}) {
    spec.outputs.push_back({path, "main", path});
  }
  auto exit = run(spec);
  ASSERT_EQ(exit.containers.at("main").exit_code, 0);
  const auto value = [&](const std::string& name) {
    const auto& output = exit.outputs.at(name);
    return output ? *output : std::string(code_name(output.error().code));
  };
  EXPECT_EQ(value("/tmp-out"), "root\n");
  EXPECT_EQ(value("/work/file"), "volume\n");
  EXPECT_EQ(value("/linked"), "real\n");
  EXPECT_EQ(value("/work/out"), "NotFound") << "the host's /etc/hostname must not be seen";
  EXPECT_EQ(value("/../../../../etc/hostname"), "NotFound");
  EXPECT_EQ(value("/magic"), "NotFound");
  EXPECT_EQ(value("/nothing"), "NotFound");
  EXPECT_EQ(value("/results"), "FailedPrecondition");
  EXPECT_EQ(value("/big"), "ResourceExhausted");
}

TEST_F(ContainerdRuntimeTest, SendsSignals) {
  auto spec = pod("trap 'echo caught; exit 9' TERM; echo ready; while :; do sleep 0.05; done");
  start(spec);
  wait([&] {
    loop.post([] {});
    return log(spec, "stdout") == "ready\n";
  });
  runtime->signal(spec.id, SIGTERM, false);
  wait([&] { return recorder.over(spec.id); });
  EXPECT_EQ(recorder.exits[spec.id].containers.at("main").exit_code, 9);
  EXPECT_EQ(log(spec, "stdout"), "ready\ncaught\n");
  remove(spec.id);

  auto plain = pod("echo ready; exec sleep 100");
  start(plain);
  // Until it executes the program the OCI runtime's init takes the signal itself, and ends with 2 (Go's way as process 1).
  wait([&] {
    loop.post([] {});
    return log(plain, "stdout") == "ready\n";
  });
  runtime->signal(plain.id, SIGTERM, false);
  wait([&] { return recorder.over(plain.id); });
  EXPECT_EQ(recorder.exits[plain.id].containers.at("main").exit_code, 128 + SIGTERM);
  remove(plain.id);

  auto stubborn = pod("trap '' TERM; sleep 100");
  runtime->prepare(stubborn);
  runtime->start(stubborn.id);
  runtime->signal(stubborn.id, SIGKILL, true);  // before it has started
  wait([&] { return recorder.over(stubborn.id); });
  EXPECT_EQ(recorder.exits[stubborn.id].containers.at("main").exit_code, 128 + SIGKILL);
  remove(stubborn.id);
}

TEST_F(ContainerdRuntimeTest, RemovesAtAnyTime) {
  auto running = pod("sleep 100");
  start(running);
  remove(running.id);
  auto prepared = pod("true");
  runtime->prepare(prepared);
  wait([&] { return recorder.has(prepared.id, "prepared"); });
  remove(prepared.id);
  for (int i = 0; i < 6; ++i) {
    // After some steps of preparing, whichever they are.
    auto spec = pod("true");
    runtime->prepare(spec);
    int steps = i * 2;
    loop.run_until([&] { return steps-- == 0; });
    remove(spec.id);
    EXPECT_FALSE(recorder.has(spec.id, "started"));
  }
  remove("never-heard-of");
}

TEST_F(ContainerdRuntimeTest, RunsManyPodsAtOnce) {
  std::vector<std::string> ids;
  for (int i = 0; i < 20; ++i) {
    auto spec = pod("echo " + std::to_string(i) + "; exit " + std::to_string(i));
    spec.capture_stdout = true;
    ids.push_back(spec.id);
    runtime->prepare(spec);
    runtime->start(spec.id);
  }
  wait([&] {
    return std::all_of(ids.begin(), ids.end(), [&](auto& id) { return recorder.over(id); });
  });
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(recorder.exits[ids[i]].containers.at("main").exit_code, i);
    EXPECT_EQ(recorder.exits[ids[i]].stdout_tail, std::to_string(i) + "\n");
    runtime->remove(ids[i]);
  }
  wait([&] {
    return std::all_of(ids.begin(), ids.end(),
                       [&](auto& id) { return recorder.has(id, "removed"); });
  });
}

TEST_F(ContainerdRuntimeTest, SurvivesADeadContainerd) {
  const auto gate = [&](const std::string& name) {
    auto spec = pod("while [ ! -e /gate/" + name + " ]; do sleep 0.02; done; exit 5");
    spec.volumes = {{"gate", runtime::HostPath{containerd->directory() + "/gate", ""}}};
    spec.containers[0].mounts = {{"gate", "/gate", "", false}};
    return spec;
  };
  auto during = gate("during"), after = gate("after"), later = pod("exit 3");
  start(during);
  start(after);
  containerd->kill();
  wait([&] { return !recorder.connected; });
  std::ofstream(containerd->directory() + "/gate/during") << "";
  runtime->prepare(later);  // waits for containerd
  runtime->start(later.id);
  containerd->start();
  wait([&] { return recorder.over(during.id) && recorder.over(later.id); });
  EXPECT_EQ(recorder.exits[during.id].containers.at("main").exit_code, 5);
  EXPECT_EQ(recorder.exits[later.id].containers.at("main").exit_code, 3);
  EXPECT_FALSE(recorder.over(after.id));
  std::ofstream(containerd->directory() + "/gate/after") << "";
  wait([&] { return recorder.over(after.id); });
  EXPECT_EQ(recorder.exits[after.id].containers.at("main").exit_code, 5);
  for (const auto* spec : {&during, &after, &later}) remove(spec->id);
  fs::remove_all(containerd->directory() + "/gate");
}

TEST_F(ContainerdRuntimeTest, SurvivesAContainerdThatDiesInTheMiddleOfEverything) {
  std::vector<std::string> ids;
  for (int i = 0; i < 12; ++i) {
    auto spec = pod("exit " + std::to_string(i));
    ids.push_back(spec.id);
    runtime->prepare(spec);
    runtime->start(spec.id);
  }
  for (int round = 1; round <= 2; ++round) {
    const int connections = recorder.connections;
    wait([&] {
      return std::count_if(ids.begin(), ids.end(),
                           [&](auto& id) { return recorder.has(id, "prepared"); }) >= round * 3;
    });
    containerd->kill();
    containerd->start();
    wait([&] { return recorder.connections >= connections + 2 && recorder.connected; });
  }
  wait([&] {
    return std::all_of(ids.begin(), ids.end(), [&](auto& id) { return recorder.over(id); });
  });
  int cut_off = 0;
  for (int i = 0; i < 12; ++i) {
    // A start that was cut off may have run or not: lost, but never a wrong exit code.
    if (recorder.has(ids[i], "lost") && recorder.errors[ids[i]].code == Code::Aborted) {
      ++cut_off;
    } else {
      EXPECT_TRUE(recorder.has(ids[i], "exited"))
          << ids[i] << ": " << recorder.errors[ids[i]].message;
      EXPECT_EQ(recorder.exits[ids[i]].containers["main"].exit_code, i) << ids[i];
    }
    remove(ids[i]);
  }
  EXPECT_LE(cut_off, 4);
}

TEST_F(ContainerdRuntimeTest, TellsThatAContainerVanished) {
  const auto bundle = [&](const PodSpec& spec) {
    return containerd->state() + "/io.containerd.runtime.v2.task/gantry/" + spec.id;
  };
  const auto parent = [](pid_t pid) {
    const std::string stat = read("/proc/" + std::to_string(pid) + "/stat");
    return std::stoi(stat.substr(stat.rfind(')') + 4));
  };
  for (const bool containerd_is_away : {false, true}) {
    auto spec = pod("sleep 100");
    start(spec);
    const pid_t init = std::stoi(read(bundle(spec) + "/init.pid"));
    const pid_t shim = parent(init);
    if (containerd_is_away) containerd->kill();
    ASSERT_EQ(::kill(shim, SIGKILL), 0);
    ::kill(init, SIGKILL);
    if (containerd_is_away) containerd->start();
    wait([&] { return recorder.over(spec.id); });
    EXPECT_TRUE(recorder.has(spec.id, "lost"));
    EXPECT_EQ(recorder.errors[spec.id].message,
              "container " + spec.id + " is gone without an exit code");
    remove(spec.id);
  }
  // Adopted, but nothing of it is there.
  auto absent = pod("true");
  runtime->adopt(absent);
  wait([&] { return recorder.over(absent.id); });
  EXPECT_THAT(recorder.events[absent.id], ElementsAre("lost"));
  remove(absent.id);
}

TEST_F(ContainerdRuntimeTest, AdoptsWhatAnEarlierLifeStarted) {
  auto running = pod("while [ ! -e /gate/go ]; do sleep 0.02; done; echo late; exit 6");
  running.volumes = {{"gate", runtime::HostPath{containerd->directory() + "/gate", ""}}};
  running.containers[0].mounts = {{"gate", "/gate", "", false}};
  running.capture_stdout = true;
  auto ended = pod("echo value > /out; exit 4");
  ended.outputs = {{"out", "main", "/out"}};
  auto created = pod("exit 2");
  auto again = pod("exit 8");
  auto missing = pod("");
  missing.containers[0].command = {"nope"};
  auto orphan = pod("sleep 100");
  for (const auto* spec : {&running, &ended, &missing, &orphan}) start(*spec);
  wait([&] { return recorder.over(ended.id) && recorder.over(missing.id); });
  for (const auto* spec : {&created, &again}) {
    runtime->prepare(*spec);
    wait([&] { return recorder.has(spec->id, "prepared"); });
  }
  reopen();
  std::vector<runtime::FoundPod> found;
  wait([&] { return recorder.connected; });
  runtime->find([&](auto pods) { found = *pods; });
  wait([&] { return !found.empty(); });
  std::set<std::string> started;
  for (const auto& one : found) {
    EXPECT_EQ(one.labels.at("gantry.io/run"), "r");
    if (one.started) started.insert(one.id);
  }
  EXPECT_EQ(found.size(), 6u);
  EXPECT_EQ(started, (std::set{running.id, ended.id, missing.id, orphan.id}));

  for (const auto* spec : {&running, &ended, &created, &missing}) runtime->adopt(*spec);
  runtime->prepare(again);  // an id that exists is taken over
  runtime->start(again.id);
  std::ofstream(containerd->directory() + "/gate/go") << "";
  for (const auto* spec : {&running, &ended, &created, &again, &missing}) {
    wait([&] { return recorder.over(spec->id); });
    EXPECT_TRUE(recorder.has(spec->id, "exited")) << recorder.errors[spec->id].message;
  }
  EXPECT_EQ(recorder.exits[running.id].containers["main"].exit_code, 6);
  EXPECT_EQ(recorder.exits[running.id].stdout_tail, "late\n");
  EXPECT_EQ(recorder.exits[ended.id].containers["main"].exit_code, 4);
  EXPECT_EQ(recorder.exits[ended.id].outputs.at("out").value_or(""), "value\n");
  EXPECT_EQ(recorder.exits[created.id].containers["main"].exit_code, 2);
  EXPECT_EQ(recorder.exits[again.id].containers["main"].exit_code, 8);
  EXPECT_EQ(recorder.exits[missing.id].containers["main"].exit_code, 64);
  for (const auto* spec : {&running, &ended, &created, &again, &missing, &orphan}) {
    remove(spec->id);
  }
  fs::remove_all(containerd->directory() + "/gate");
}

TEST_F(ContainerdRuntimeTest, TellsWhatAWatchedFileHoldsWhileThePodRuns) {
  auto spec = pod("echo 1/3 > /said; while [ ! -e /gate/go ]; do sleep 0.02; done; mkfifo /pipe; mv /pipe /said; "
                  "while [ ! -e /gate/end ]; do sleep 0.02; done; rm /said; echo 3/3 > /said");
  spec.volumes = {{"gate", runtime::HostPath{containerd->directory() + "/gate", ""}}};
  spec.containers[0].mounts = {{"gate", "/gate", "", false}};
  spec.outputs = {{"said", "main", "/said", true}, {"only at the end", "main", "/said"}};
  start(spec);
  wait([&] { return !recorder.outputs[spec.id].empty(); });
  EXPECT_THAT(recorder.outputs[spec.id], ElementsAre("said=1/3\n"));
  // The next life tells it anew, and a named pipe in its place holds nobody up.
  reopen();
  wait([&] { return recorder.connected; });
  recorder.outputs.clear();
  runtime->adopt(spec);
  wait([&] { return !recorder.outputs[spec.id].empty(); });
  std::ofstream(containerd->directory() + "/gate/go") << "";
  std::ofstream(containerd->directory() + "/gate/end") << "";
  wait([&] { return recorder.over(spec.id); });
  EXPECT_THAT(recorder.outputs[spec.id], ::testing::Contains("said=1/3\n"));
  EXPECT_EQ(recorder.exits[spec.id].outputs.at("said").value_or(""), "3/3\n");
  EXPECT_EQ(recorder.exits[spec.id].outputs.at("only at the end").value_or(""), "3/3\n");
  remove(spec.id);
  fs::remove_all(containerd->directory() + "/gate");
}

TEST_F(ContainerdRuntimeTest, HasItsOwnNetworkWhenThePodWantsNone) {
  auto spec = pod("ls /sys/class/net; grep -c step-host /etc/hosts");
  spec.network = runtime::Network::None;
  EXPECT_EQ(run_for_output(spec), "lo\n1\n");
  const auto host = run_for_output(pod("ls /sys/class/net | wc -l; grep -c step-host /etc/hosts"));
  const auto count = std::distance(fs::directory_iterator("/sys/class/net"), {});
  EXPECT_EQ(host, std::to_string(count) + "\n1\n");
}

TEST_F(ContainerdRuntimeTest, RunsTheContainersOfAPodTogether) {
  auto spec = pod("while [ ! -e /shared/hello ]; do sleep 0.02; done; cat /shared/hello");
  spec.network = runtime::Network::None;
  spec.volumes = {{"shared", runtime::EmptyDir{}}};
  spec.containers[0].mounts = {{"shared", "/shared", "", false}};
  auto sidecar = spec.containers[0];
  sidecar.name = "side";
  sidecar.role = runtime::Role::Sidecar;
  sidecar.command = {"/bin/sh", "-c", "echo from the side > /shared/hello; sleep 100"};
  spec.containers.push_back(sidecar);
  spec.capture_stdout = true;
  const auto exit = run(spec);
  EXPECT_EQ(exit.containers.at("main").exit_code, 0);
  EXPECT_EQ(exit.stdout_tail, "from the side\n");
  EXPECT_EQ(exit.containers.at("side").exit_code, 128 + SIGTERM);
}

TEST_F(ContainerdRuntimeTest, RefusesPathsMadeOfIds) {
  for (const auto& [field, value] :
       std::vector<std::pair<std::string, std::string>>{{"id", "../x"},
                                                        {"cgroup", "../x"},
                                                        {"cgroup", "/x"},
                                                        {"log", "a/../b"},
                                                        {"container", "a/b"},
                                                        {"volume", ".."},
                                                        {"owner", "../.."}}) {
    auto spec = pod("true");
    if (field == "id") spec.id = value;
    if (field == "cgroup") spec.cgroup = value;
    if (field == "log") spec.log_directory = value;
    if (field == "container") spec.containers[0].name = value;
    if (field == "volume") spec.volumes = {{value, runtime::EmptyDir{}}};
    if (field == "owner") spec.volumes = {{"v", runtime::Claim{value, "c", false}}};
    const std::string id = spec.id;
    start(spec);
    EXPECT_TRUE(recorder.has(id, "failed")) << field;
    EXPECT_EQ(recorder.errors[id].code, Code::InvalidArgument) << recorder.errors[id].message;
    if (field != "id") remove(id);
  }
}

}  // namespace
}  // namespace gantry::containerd
