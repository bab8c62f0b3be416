#include "runtime/containerd/supervisor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <optional>

#include "runtime/containerd/child_process.h"
#include "tests/support/image_builder.h"
#include "tests/support/test_loop.h"

namespace gantry::containerd {
namespace {

using ::testing::HasSubstr;
using namespace std::chrono_literals;

class SupervisorTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char pattern[] = "/tmp/gantry-sup-XXXXXX";
    directory = ::mkdtemp(pattern);
    ASSERT_TRUE(find_program("containerd")) << "install containerd";
  }
  void TearDown() override {
    supervisor.reset();
    if (const pid_t left = pid(); left > 1 && ::kill(left, 0) == 0) ::kill(left, SIGKILL);
    std::filesystem::remove_all(directory);
  }

  Supervisor::Settings settings() {
    Supervisor::Settings result;
    result.directory = directory + "/c";
    result.log = [this](const std::string& what) { logged += what + "\n"; };
    return result;
  }
  Result<std::string> start(Supervisor::Settings with) {
    supervisor = std::make_unique<Supervisor>(loop, std::move(with));
    supervisor->on_restart([this] { ++restarts; });
    std::optional<Result<std::string>> socket;
    supervisor->start([&](Result<std::string> result) { socket = std::move(result); });
    EXPECT_TRUE(loop.run_until([&] { return socket.has_value(); }));
    return socket.value_or(fail(Code::Unknown, "no answer"));
  }
  void stop() {
    bool stopped = false;
    supervisor->stop([&] { stopped = true; });
    EXPECT_TRUE(loop.run_until([&] { return stopped; }));
  }
  [[nodiscard]] pid_t pid() const {
    std::ifstream in(directory + "/c/containerd.pid");
    pid_t result = -1;
    in >> result;
    return result;
  }
  /// Ended, or a zombie that its parent has not collected yet.
  static bool is_gone(pid_t process) {
    std::ifstream in("/proc/" + std::to_string(process) + "/stat");
    std::string text;
    return !std::getline(in, text) || text.find(") Z ") != std::string::npos;
  }

  std::string directory, logged;
  int restarts = 0;
  gantry::testing::TestLoop loop;
  std::unique_ptr<Supervisor> supervisor;
};

TEST_F(SupervisorTest, StartsAndStops) {
  const auto socket = start(settings());
  ASSERT_TRUE(socket) << socket.error().message;
  EXPECT_EQ(*socket, directory + "/c/containerd.sock");
  const auto version = containerd_version(*socket, 2s);
  ASSERT_TRUE(version) << version.error().message;
  const pid_t process = pid();
  ASSERT_GT(process, 1);
  EXPECT_EQ(::getsid(process), process);  // a session of its own

  const auto choice = resolve_containerd("unix://" + *socket);
  ASSERT_TRUE(choice) << choice.error().message;
  EXPECT_EQ(choice->socket, *socket);
  EXPECT_EQ(choice->version, *version);

  stop();
  EXPECT_TRUE(is_gone(process));
  EXPECT_FALSE(std::filesystem::exists(directory + "/c/containerd.pid"));
  EXPECT_FALSE(containerd_version(*socket, 1s));
  stop();  // again: answered, nothing to do
  EXPECT_EQ(restarts, 0);
}

TEST_F(SupervisorTest, ComesBackAfterItWasKilled) {
  const auto socket = start(settings());
  ASSERT_TRUE(socket) << socket.error().message;
  for (int i = 1; i <= 2; ++i) {
    const pid_t before = pid();
    ASSERT_EQ(::kill(before, SIGKILL), 0);
    ASSERT_TRUE(loop.run_until([&] { return restarts == i; }));
    EXPECT_NE(pid(), before);
    EXPECT_TRUE(containerd_version(*socket, 2s));
  }
  EXPECT_THAT(logged, HasSubstr("was killed by signal 9; starting it again in 100 ms"));
  EXPECT_THAT(logged, HasSubstr("is back"));
  EXPECT_THAT(gantry::testing::read_file(directory + "/c/containerd.log"),
              HasSubstr("was killed by signal 9"));
  stop();
}

TEST_F(SupervisorTest, IsTakenOverByTheNextDaemon) {
  ASSERT_TRUE(start(settings()));
  const pid_t first = pid();
  supervisor.reset();  // without stop(): as if the daemon had been killed
  EXPECT_FALSE(is_gone(first));
  ASSERT_TRUE(start(settings()));
  EXPECT_EQ(pid(), first);
  EXPECT_THAT(logged, HasSubstr("took over containerd " + std::to_string(first)));
  // It is watched as one of our own.
  ASSERT_EQ(::kill(first, SIGKILL), 0);
  ASSERT_TRUE(loop.run_until([&] { return restarts == 1; }));
  const pid_t second = pid();
  EXPECT_NE(second, first);
  stop();
  EXPECT_TRUE(is_gone(second));
}

TEST_F(SupervisorTest, LeavesOtherProcessesAlone) {
  std::filesystem::create_directories(directory + "/c");
  // A number that was given to somebody else since, with the wrong and with the right start time.
  std::ifstream in("/proc/self/stat");
  std::string stat;
  std::getline(in, stat);
  std::istringstream fields(stat.substr(stat.rfind(')') + 2));
  std::string start_time;
  for (int i = 3; i <= 22; ++i) fields >> start_time;
  for (const std::string& line :
       {std::to_string(::getpid()) + " 1", std::to_string(::getpid()) + " " + start_time,
        std::string("nonsense"), std::string("-1 1"), std::string("1 0")}) {
    gantry::testing::write_file(directory + "/c", "containerd.pid", line);
    const auto socket = start(settings());
    ASSERT_TRUE(socket) << line << ": " << socket.error().message;
    EXPECT_NE(pid(), ::getpid());
    stop();
  }
  EXPECT_THAT(logged, ::testing::Not(HasSubstr("took over")));
}

TEST_F(SupervisorTest, ReplacesOneThatHangs) {
  std::filesystem::create_directories(directory + "/c");
  // Right program name, right start time, but it does not answer.
  std::filesystem::copy_file("/bin/sleep", directory + "/containerd");
  auto hung = spawn({directory + "/containerd", "600"}, 1, 2, true);
  ASSERT_TRUE(hung);
  std::ifstream in("/proc/" + std::to_string(*hung) + "/stat");
  std::string stat;
  std::getline(in, stat);
  std::istringstream fields(stat.substr(stat.rfind(')') + 2));
  std::string start_time;
  for (int i = 3; i <= 22; ++i) fields >> start_time;
  gantry::testing::write_file(directory + "/c", "containerd.pid",
                              std::to_string(*hung) + " " + start_time);

  auto with = settings();
  with.start_timeout = 300ms;
  supervisor = std::make_unique<Supervisor>(loop, with);
  std::optional<Result<std::string>> socket;
  supervisor->start([&](Result<std::string> result) { socket = std::move(result); });
  ASSERT_TRUE(loop.run_until([&] { return socket.has_value(); }));
  EXPECT_THAT(logged, HasSubstr("runs but does not answer; replacing it"));
  EXPECT_TRUE(is_gone(*hung));
  ::waitpid(*hung, nullptr, WNOHANG);
  stop();
}

TEST_F(SupervisorTest, BacksOffWhileItCannotStart) {
  // A program of the same name that can be broken and mended.
  const auto program = [&](const std::string& body) {
    gantry::testing::write_file(directory, "new", "#!/bin/sh\n" + body + "\n");
    ::chmod((directory + "/new").c_str(), 0755);
    std::filesystem::rename(directory + "/new", directory + "/containerd");
  };
  program("exec " + *find_program("containerd") + " \"$@\"");
  auto with = settings();
  with.program = directory + "/containerd";
  ASSERT_TRUE(start(with));
  program("echo level=error it is broken >&2; exit 3");
  ASSERT_EQ(::kill(pid(), SIGKILL), 0);
  ASSERT_TRUE(loop.run_until([&] { return logged.find("again in 400 ms") != std::string::npos; }));
  EXPECT_THAT(logged, HasSubstr("signal 9; starting it again in 100 ms"));
  EXPECT_THAT(
      logged,
      HasSubstr("exited with status 3: level=error it is broken; starting it again in 200 ms"));
  EXPECT_EQ(restarts, 0);
  program("exec " + *find_program("containerd") + " \"$@\"");
  ASSERT_TRUE(loop.run_until([&] { return restarts == 1; }));
  stop();
}

TEST_F(SupervisorTest, SaysWhyItCannotStart) {
  auto with = settings();
  with.directory = directory + "/" + std::string(100, 'x');
  auto socket = start(with);
  ASSERT_FALSE(socket);
  EXPECT_EQ(socket.error().code, Code::InvalidArgument);
  EXPECT_THAT(socket.error().message, HasSubstr("too long for containerd's sockets"));
  EXPECT_FALSE(std::filesystem::exists(with.directory));
  stop();  // of what does not run: answered

  with = settings();
  with.directory = "relative";
  EXPECT_EQ(start(with).error().code, Code::InvalidArgument);

  with = settings();
  with.program = "no-such-containerd";
  socket = start(with);
  EXPECT_EQ(socket.error().code, Code::NotFound);
  EXPECT_THAT(socket.error().message, HasSubstr("no-such-containerd is not installed"));

  with = settings();
  with.program = "false";
  socket = start(with);
  EXPECT_EQ(socket.error().code, Code::Unavailable);
  EXPECT_THAT(socket.error().message, HasSubstr("containerd exited with status 1"));

  with = settings();
  with.program = "sleep";  // ends too: it does not know --config
  EXPECT_EQ(start(with).error().code, Code::Unavailable);

  gantry::testing::write_file(directory, "file", "");
  with = settings();
  with.directory = directory + "/file/c";
  EXPECT_FALSE(start(with));
}

TEST_F(SupervisorTest, AnAddressMustAnswer) {
  EXPECT_EQ(resolve_containerd("private")->socket, "");
  EXPECT_EQ(resolve_containerd("containerd.sock").error().code, Code::InvalidArgument);
  const auto dead = resolve_containerd(directory + "/none.sock");
  ASSERT_FALSE(dead);
  EXPECT_THAT(dead.error().message, HasSubstr(directory + "/none.sock"));
  const auto automatic = resolve_containerd("auto");
  ASSERT_TRUE(automatic);  // the host's if one runs, otherwise none; never an error
  EXPECT_TRUE(automatic->socket.empty() || automatic->socket == "/run/containerd/containerd.sock");
}

TEST(ChildProcess, RunsAndStopsPrograms) {
  std::vector<std::string> lines;
  const auto ended = run_program({"sh", "-c", "echo a; echo b >&2; printf 'c\\rd'; exit 7"}, 10s,
                                 -1, [&](std::string_view line) { lines.emplace_back(line); });
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->exit_code, 7);
  EXPECT_EQ(ended->output, "a\nb\nc\rd");
  EXPECT_THAT(lines, ::testing::ElementsAre("a", "b", "c", "d"));
  EXPECT_EQ(run_program({"sh", "-c", "kill -9 $$"}, 10s, -1)->exit_code, 137);
  EXPECT_EQ(run_program({"sleep", "60"}, 50ms, -1).error().code, Code::DeadlineExceeded);
  EXPECT_EQ(run_program({"no-such-program"}, 1s, -1).error().code, Code::NotFound);
  // The end counts, not a grandchild that keeps the output open.
  EXPECT_EQ(run_program({"sh", "-c", "sleep 5 & exit 4"}, 3s, -1)->exit_code, 4);
  const auto big = run_program({"sh", "-c", "head -c 1000000 /dev/zero; echo end"}, 20s, -1);
  ASSERT_TRUE(big);
  EXPECT_EQ(big->output.size(), 64u * 1024);
  EXPECT_TRUE(big->output.ends_with("end\n"));
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  ASSERT_EQ(::write(ends[1], "x", 1), 1);
  EXPECT_EQ(run_program({"sleep", "60"}, 60s, ends[0]).error().code, Code::Cancelled);
  ::close(ends[0]);
  ::close(ends[1]);
}

}  // namespace
}  // namespace gantry::containerd
