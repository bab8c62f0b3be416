// Gantry's own shim under a real containerd, where the suites that run pods through it do not look: other clients, the
// wrong bytes, runtimes that fail and hang, and its own end.

#include <sys/socket.h>
#include <sys/un.h>

#include "base/unique_fd.h"
#include "tests/support/runtime_fixture.h"

namespace gantry::containerd {
namespace {

/// What a shell command prints; its exit status is the last line.
std::string shell(const std::string& command) {
  FILE* pipe = ::popen(("{ " + command + "\n} 2>&1; echo \"status $?\"").c_str(), "r");
  std::string output;
  char buffer[4096];
  while (const std::size_t got = ::fread(buffer, 1, sizeof(buffer), pipe)) output.append(buffer, got);
  ::pclose(pipe);
  return output;
}

class ShimTest : public ContainerdRuntimeTest {
 protected:
  // ctr hands SIGTERM on to the container. In the foreground: timeout(1) gives its command a process group of its own
  // otherwise, which the terminal stops if a shell stands between them.
  static std::string ctr_command() {
    return "timeout --foreground -k 5 20 ctr -a " + containerd->socket() + " -n gantry ";
  }
  static std::string ctr(const std::string& words) {
    return shell(ctr_command() + words);
  }
  /// With this shim, as anybody may start a container.
  static std::string ctr_run(const std::string& flags, const std::string& id, const std::string& command) {
    return ctr_command() + "run --runtime " GANTRY_SHIM " " + flags + " " + kImage + " " + id + " " + command;
  }
  static std::string id() { return "shim" + std::to_string(::getpid()) + "-" + std::to_string(++number); }
  static std::string bundle(const std::string& id) {
    return containerd->state() + "/io.containerd.runtime.v2.task/gantry/" + id;
  }
  std::string wrapper(const std::string& body) {
    const auto path = gantry::testing::write_file(containerd->directory(), "runtime" + std::to_string(++number),
                                                  "#!/bin/sh\n" + body + "\n");
    ::chmod(path.c_str(), 0755);
    return path;
  }
  void configure(Config& config) override {
    if (!binary.empty()) config.runtime_binary = binary;
  }

  /// For what nobody tells the loop.
  void look_for(const std::function<bool()>& ready) {
    const auto looking = std::make_shared<bool>(true);
    look_again(looking);
    wait(ready);
    *looking = false;
  }
  void look_again(const std::shared_ptr<bool>& looking) {
    loop.after(5ms, [this, looking] {
      if (*looking) look_again(looking);
    });
  }

  std::string binary;
};

TEST_F(ShimTest, ServesOtherClients) {
  EXPECT_EQ(shell(ctr_run("--rm", id(), "/bin/sh -c 'echo out; echo err >&2; exit 3'") + " | sort"), "err\nout\nstatus 0\n");
  // (ctr may not tell that its input has ended, whatever the shim.)
  EXPECT_EQ(shell("echo input | " + ctr_run("--rm", id(), "/bin/head -n 1")), "input\nstatus 0\n");
  EXPECT_THAT(shell(ctr_run("--rm", id(), "/bin/sh -c 'exit 3'")), HasSubstr("status 3"));
  EXPECT_THAT(shell(ctr_run("--rm", id(), "/no/such")), HasSubstr("no such file or directory"));
  const std::string log = containerd->directory() + "/both.log";
  EXPECT_EQ(shell(ctr_run("--rm --log-uri file://" + log, id(), "/bin/sh -c 'echo a; echo b >&2; echo c >/dev/stderr'")),
            "status 0\n");
  EXPECT_EQ(shell("sort " + log), "a\nb\nc\nstatus 0\n");
  EXPECT_THAT(shell(ctr_run("--rm --log-uri binary:///bin/cat", id(), "/bin/true")), HasSubstr("no logging binaries"));
}

TEST_F(ShimTest, GivesATerminal) {
  // script(1) is a terminal for ctr, which closes its end once it hears of the exit: what was said before has come by then.
  for (int i = 0; i < 10; ++i) {
    const std::string run = ctr_run("--rm -t", id(), "/bin/sh -c \"stty size; [ -t 0 ] && [ -t 1 ] && echo terminal\"");
    EXPECT_THAT(shell("SHELL=/bin/sh script -qec '" + run + "' /dev/null < /dev/null"), HasSubstr("terminal"));
  }
}

TEST_F(ShimTest, ExecsPausesUpdatesAndLists) {
  const std::string name = id();
  ASSERT_EQ(shell(ctr_run("-d", name, "/bin/sleep 600")), "status 0\n");
  EXPECT_EQ(ctr("tasks exec --exec-id one " + name + " /bin/sh -c 'echo here; exit 5'"),
            "here\nstatus 5\n");
  EXPECT_EQ(shell("echo typed | " + ctr_command() + "tasks exec --exec-id two " + name + " /bin/head -n 1"),
            "typed\nstatus 0\n");
  EXPECT_THAT(ctr("tasks exec --exec-id three " + name + " /no/such"), HasSubstr("OCI runtime exec failed: exec failed"));
  EXPECT_THAT(ctr("tasks ps " + name), HasSubstr(read(bundle(name) + "/init.pid")));
  EXPECT_EQ(ctr("tasks pause " + name), "status 0\n");
  EXPECT_THAT(ctr("tasks ls"), HasSubstr("PAUSED"));
  EXPECT_THAT(ctr("tasks pause " + name), HasSubstr("cannot pause a paused container"));
  EXPECT_EQ(ctr("tasks resume " + name), "status 0\n");
  EXPECT_THAT(ctr("tasks metrics " + name), HasSubstr("no metrics"));
  EXPECT_THAT(ctr("tasks checkpoint " + name), HasSubstr("makes no checkpoints"));
  EXPECT_THAT(ctr("tasks rm " + name), HasSubstr("must be stopped"));
  // Frozen, and killed nevertheless.
  EXPECT_EQ(ctr("tasks pause " + name), "status 0\n");
  EXPECT_THAT(ctr("tasks rm -f " + name), HasSubstr("status 0\n"));
  EXPECT_THAT(ctr("tasks rm " + name), HasSubstr("not found"));
  EXPECT_FALSE(fs::exists(bundle(name)));
  EXPECT_EQ(ctr("containers rm " + name), "status 0\n");
}

TEST_F(ShimTest, IsNotEndedByTheWrongBytes) {
  auto spec = pod("sleep 600");
  start(spec);
  const std::string path = read(bundle(spec.id) + "/address").substr(7);
  for (const std::string& bytes : {std::string("GET / HTTP/1.1\r\n\r\n"), std::string(1 << 20, '\xff'),
                                   std::string("\0\0\0\3\0\0\0\1\1\0abc", 13), std::string(100'000, '\0')}) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof(address.sun_path) - 1);
    const UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM, 0));
    ASSERT_EQ(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    ASSERT_EQ(::send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
  }
  EXPECT_THAT(containerd->ctr({"tasks", "ls"}), HasSubstr("RUNNING"));
  runtime->signal(spec.id, SIGKILL, true);
  wait([&] { return recorder.over(spec.id); });
  EXPECT_EQ(recorder.exits[spec.id].containers["main"].exit_code, 137);
  remove(spec.id);
}

TEST_F(ShimTest, TellsWhatTheRuntimeSays) {
  binary = wrapper("case \"$*\" in *\" create \"*) "
                   "echo '{\"level\":\"error\",\"msg\":\"no luck today\"}' > \"$4\"; exit 1;; esac; exec runc \"$@\"");
  reopen();
  EXPECT_THAT(run(pod("true")).containers.at("main").reason, HasSubstr("OCI runtime create failed: no luck today"));
  binary = wrapper("case \"$*\" in *\" start \"*) echo silent failure; exit 4;; esac; exec runc \"$@\"");
  reopen();
  EXPECT_THAT(run(pod("true")).containers.at("main").reason,
              HasSubstr("OCI runtime start failed: " + binary +
                        " did not terminate successfully: exit status 4: silent failure"));
  binary = "/no/such/runtime";
  reopen();
  EXPECT_THAT(run(pod("true")).containers.at("main").reason,
              HasSubstr("OCI runtime create failed: exec /no/such/runtime: No such file or directory"));
}

// A runtime that hangs keeps nobody from killing the container, and its deletion by containerd's cleaning up.
TEST_F(ShimTest, KillsBesideARuntimeThatHangs) {
  const std::string gate = containerd->directory() + "/hang";
  binary = wrapper("case \"$*\" in *\" start \"*) touch " + gate + "; exec sleep 600;; esac; exec runc \"$@\"");
  reopen();
  auto spec = pod("sleep 600");
  runtime->prepare(spec);
  runtime->start(spec.id);
  look_for([&] { return fs::exists(gate); });
  EXPECT_EQ(ctr("tasks kill -s KILL " + spec.id), "status 0\n");
  wait([&] { return recorder.over(spec.id); });
  remove(spec.id);
}

TEST_F(ShimTest, LeavesNothingWhenItIsKilled) {
  const std::string name = id();
  ASSERT_EQ(shell(ctr_run("-d", name, "/bin/sh -c '/bin/sleep 600 & /bin/sleep 600'")), "status 0\n");
  const std::string socket = read(bundle(name) + "/address").substr(7);
  EXPECT_TRUE(fs::exists(socket));
  const std::string init = read(bundle(name) + "/init.pid");
  const std::string stat = read("/proc/" + init + "/stat");
  ASSERT_EQ(::kill(std::stoi(stat.substr(stat.rfind(')') + 4)), SIGKILL), 0);
  look_for([&] { return !fs::exists(bundle(name)); });
  EXPECT_EQ(read("/proc/" + init + "/cmdline"), "") << "gone, or waiting for the host's init";
  EXPECT_FALSE(fs::exists(socket));
  EXPECT_FALSE(fs::exists("/run/containerd/runc/gantry/" + name));
  EXPECT_THAT(gantry::testing::mounts_with(bundle(name)), IsEmpty());
  EXPECT_THAT(containerd->ctr_words({"tasks", "ls", "-q"}), IsEmpty());
  EXPECT_EQ(ctr("containers rm " + name), "status 0\n");
}

TEST_F(ShimTest, DoesNotOutliveABundleWithoutAContainer) {
  const std::string directory = containerd->directory() + "/forgotten", name = id();
  fs::create_directories(directory);
  std::ofstream(directory + "/config.json") << "{}";
  const std::string started = shell("cd " + directory + " && " GANTRY_SHIM " -namespace gantry -address /no -id " + name + " start < /dev/null");
  const std::string socket = started.substr(7, started.find("status") - 7);
  ASSERT_TRUE(fs::exists(socket)) << started;
  fs::remove_all(directory);
  look_for([&] { return !fs::exists(socket); });
}

// What /dev/stderr is on a log file would empty it.
TEST_F(ShimTest, AppendsWhateverAProgramOpens) {
  auto spec = pod("echo one >&2; echo two > /dev/stderr; echo three >> /dev/stderr; echo four > /dev/stdout");
  EXPECT_EQ(run(spec).containers.at("main").exit_code, 0);
  EXPECT_EQ(log(spec, "stderr"), "one\ntwo\nthree\n");
  EXPECT_EQ(log(spec, "stdout"), "four\n");
}

// The stock shim gives an exit up after some 20 seconds without containerd; the rules of order are the unit test's.
TEST_F(ShimTest, TellsOfAnExitDuringAnOutage) {
  auto spec = pod("while [ ! -e /gate/go ]; do sleep 0.02; done; exit 6");
  fs::create_directories(containerd->directory() + "/gate");
  spec.volumes = {{"gate", runtime::HostPath{containerd->directory() + "/gate", ""}}};
  spec.containers[0].mounts = {{"gate", "/gate", "", false}};
  start(spec);
  const std::string init = read(bundle(spec.id) + "/init.pid");
  containerd->kill();
  std::ofstream(containerd->directory() + "/gate/go");
  look_for([&] { return !fs::exists("/proc/" + init); });
  containerd->start();
  wait([&] { return recorder.over(spec.id); });
  EXPECT_EQ(recorder.exits[spec.id].containers["main"].exit_code, 6);
  remove(spec.id);
}

}  // namespace
}  // namespace gantry::containerd
