// run, watch, wait and logs -f: the commands that live on streams, with streams that break.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "cli/render/status.h"
#include "fake_daemon.h"
#include "process.h"
#include "sample.h"

namespace gantry::cli {
namespace {

using testing::AllOf;
using testing::ContainsRegex;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

Json state(const char* phase, const char* build, const char* message = "") {
  bool over = fulfilled(phase);
  std::vector<NodeSpec> nodes;
  if (*build != '\0') {
    nodes = {{"w", "DAG", phase, "", "main", 0, over ? 3 : -1},
             {"w.build", "Pod", build, "w", "t", 0, fulfilled(build) ? 3 : -1, {}, message}};
  }
  return sample_workflow("w", phase, nodes, over ? 3 : -1);
}

std::string build_pod() { return "w-t-" + std::to_string(fnv32a("w.build")); }

std::string event(const char* type, const Json& object) {
  return Json{{"result", {{"type", type}, {"object", object}}}}.dump();
}
std::string log_line(const std::string& content) {
  return Json{{"result", {{"podName", build_pod()}, {"content", content}}}}.dump();
}

/// A daemon with one workflow, `w`. The test moves it; streams follow.
class OneWorkflow {
 public:
  OneWorkflow() : daemon([this](const Asked& asked, Answer& answer) { serve(asked, answer); }) {
    current_ = state("Pending", "");
  }
  ~OneWorkflow() {
    std::lock_guard lock(mutex_);
    closing_ = true;
    changed_.notify_all();
  }

  void move(const Json& next) {
    std::lock_guard lock(mutex_);
    current_ = next;
    ++version_;
    changed_.notify_all();
  }
  void log(const std::string& line) {
    std::lock_guard lock(mutex_);
    lines_.push_back(line);
    changed_.notify_all();
  }
  void remove() {
    std::lock_guard lock(mutex_);
    deleted_ = true;
    ++version_;
    changed_.notify_all();
  }
  /// Ends every open stream, in the middle.
  void cut() {
    std::lock_guard lock(mutex_);
    ++cuts_;
    changed_.notify_all();
  }
  bool wait_asked(const std::string& what, std::size_t times = 1) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(10),
                             [&] { return served_[what] >= times; });
  }

  std::function<void()> on_stop;

 private:
  void serve(const Asked& asked, Answer& answer) {
    std::unique_lock lock(mutex_);
    const int cuts = cuts_;
    ++served_[asked.method + " " + asked.path];
    changed_.notify_all();
    auto pause = [&] {
      changed_.wait_for(lock, std::chrono::milliseconds(20));
      return !closing_ && cuts == cuts_;
    };
    if (asked.method == "POST") return answer.json(200, Json{{"items", {current_}}}.dump());
    if (asked.method == "PUT") {
      lock.unlock();
      if (on_stop) on_stop();
      return answer.json(200, state("Running", "Running").dump());
    }
    if (asked.path.find("/workflow-events/") != std::string::npos) {
      answer.begin_stream();
      if (!deleted_) answer.line(event("ADDED", current_));
      for (int seen = version_;;) {
        if (seen != version_) answer.line(event(deleted_ ? "DELETED" : "MODIFIED", current_));
        seen = version_;
        if (!pause()) return;
        if (answer.hung_up(0)) return;
      }
    }
    if (asked.path.ends_with("/log")) {
      answer.begin_stream();
      for (std::size_t sent = 0;;) {
        while (sent < lines_.size()) answer.line(log_line(lines_[sent++]));
        if (finished(current_)) return answer.end();
        if (!pause() || answer.hung_up(0)) return;
      }
    }
    if (deleted_) return answer.json(404, R"({"code":5,"message":"no w"})");
    answer.json(200, current_.dump());
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  Json current_;
  std::vector<std::string> lines_;
  std::map<std::string, std::size_t> served_;  // requests whose handler looks at the state
  int version_ = 0, cuts_ = 0;
  bool closing_ = false, deleted_ = false;

 public:
  FakeDaemon daemon;  // last: its threads end before the rest goes
};

class Follow : public testing::Test {
 protected:
  Follow() {
    char name[] = "/tmp/gantry-cli-test-XXXXXX";
    directory_ = ::mkdtemp(name);
    file_ = directory_ + "/w.yaml";
    std::ofstream(file_) << "kind: Workflow\n";
  }
  ~Follow() override { std::filesystem::remove_all(directory_); }

  std::vector<std::string> words(std::vector<std::string> rest) {
    rest.insert(rest.begin(), {"--socket", workflow_.daemon.socket()});
    return rest;
  }

  std::string directory_, file_;
  OneWorkflow workflow_;
};

TEST_F(Follow, RunWithoutATerminal) {
  Process process(words({"run", file_}), {});
  workflow_.move(state("Running", "Running"));
  ASSERT_TRUE(process.read_until("● build  Running\n"));
  workflow_.log("compiling");
  workflow_.log("\x1b[31mraw\x1b[0m");
  ASSERT_TRUE(process.read_until("build │ compiling\nbuild │ \x1b[31mraw\x1b[0m\n"));
  workflow_.move(state("Succeeded", "Succeeded"));
  Outcome outcome = process.wait();
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.err, "");
  EXPECT_THAT(outcome.out, HasSubstr("● w  Running\n"));
  EXPECT_THAT(outcome.out, HasSubstr("✔ build  Succeeded  "));
  EXPECT_THAT(outcome.out, HasSubstr("\nSTEP        TEMPLATE"));
  EXPECT_THAT(outcome.out, ContainsRegex("\n✔ w Succeeded in [0-9.]+s\n$"));
}

TEST_F(Follow, RunFails) {
  workflow_.move(state("Failed", "Failed", "main: Error (exit code 2)"));
  workflow_.log("last words");
  Outcome outcome = run(words({"run", file_}));
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(
      outcome.out,
      AllOf(HasSubstr("build │ last words\n"),
            HasSubstr("✖ build  Failed  3s  main: Error (exit code 2)\n"),
            ContainsRegex("✖ w Failed in [0-9.]+s\n  build: main: Error \\(exit code 2\\)\n$")));
}

TEST_F(Follow, RunNamesWhatFailed) {
  Json workflow =
      sample_workflow("w", "Failed",
                      {{"w", "DAG", "Failed", "", "main", 0, 3, {}, "child 'w-1' failed"},
                       {"w.r", "Retry", "Failed", "w", "t", 0, 3, {"w.r(0)", "w.r(1)"}},
                       {"w.r(0)", "Pod", "Failed", "w", "t", 0, 1, {}, "first attempt"},
                       {"w.r(1)", "Pod", "Failed", "w", "t", 1, 2, {}, "second attempt"},
                       {"w.s", "Retry", "Succeeded", "w", "t", 0, 3, {"w.s(0)", "w.s(1)"}},
                       {"w.s(0)", "Pod", "Failed", "w", "t", 0, 1, {}, "flaky"},
                       {"w.s(1)", "Pod", "Succeeded", "w", "t", 1, 2}},
                      3);
  workflow["status"]["message"] = "child 'w-1' failed";
  workflow_.move(workflow);
  EXPECT_THAT(run(words({"run", file_})).out,
              ContainsRegex("\n✖ w Failed in [0-9.]+s\n  r\\(1\\): second attempt\n$"));
  workflow_.move(sample_workflow(
      "w", "Failed", {{"w", "Pod", "Failed", "", "main", 0, 3, {}, "main: Error (exit code 1)"}},
      3));
  Outcome single = run(words({"run", file_}));
  EXPECT_THAT(single.out, Not(HasSubstr("w  Failed  "))) << "told twice";
}

TEST_F(Follow, RunSurvivesADaemonThatBreaksOff) {
  Process process(words({"run", file_}), {});
  workflow_.move(state("Running", "Running"));
  workflow_.log("one");
  workflow_.log("two");
  ASSERT_TRUE(process.read_until("build │ two\n"));
  ASSERT_TRUE(workflow_.wait_asked("GET /api/v1/workflow-events/default"));
  workflow_.cut();
  ASSERT_TRUE(workflow_.wait_asked("GET /api/v1/workflow-events/default", 2));
  ASSERT_TRUE(workflow_.wait_asked("GET /api/v1/workflows/default/w/log", 2));
  workflow_.log("three");
  ASSERT_TRUE(process.read_until("build │ three\n"));
  workflow_.move(state("Succeeded", "Succeeded"));
  Outcome outcome = process.wait();
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.err, "");
  std::size_t first = outcome.out.find("build │ one\n");
  ASSERT_NE(first, std::string::npos);
  EXPECT_EQ(outcome.out.find("build │ one\n", first + 1), std::string::npos) << "a line came twice";
}

TEST_F(Follow, RunEndsWhenTheWorkflowIsDeleted) {
  Process process(words({"run", file_}), {});
  workflow_.move(state("Running", "Running"));
  ASSERT_TRUE(process.read_until("● build  Running\n"));
  workflow_.remove();
  Outcome outcome = process.wait();
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(outcome.err, HasSubstr("workflow w was deleted"));
}

TEST_F(Follow, CtrlCStopsAndGoesOn) {
  workflow_.on_stop = [this] { workflow_.move(state("Failed", "Failed", "stopped")); };
  Process process(words({"run", file_}), {});
  workflow_.move(state("Running", "Running"));
  ASSERT_TRUE(process.read_until("● build  Running\n"));
  process.signal(SIGINT);
  Outcome outcome = process.wait();
  EXPECT_EQ(outcome.status, 1);
  EXPECT_TRUE(workflow_.wait_asked("PUT /api/v1/workflows/default/w/stop"));
  EXPECT_THAT(outcome.err, HasSubstr("stopping w"));
  EXPECT_THAT(outcome.out, HasSubstr("✖ build  Failed"));
}

TEST_F(Follow, SecondCtrlCLetsGo) {
  Process process(words({"run", file_}), {});
  workflow_.move(state("Running", "Running"));
  ASSERT_TRUE(process.read_until("● build  Running\n"));
  process.signal(SIGINT);
  ASSERT_TRUE(workflow_.wait_asked("PUT /api/v1/workflows/default/w/stop"));
  process.signal(SIGINT);
  Outcome outcome = process.wait();
  EXPECT_EQ(outcome.status, 130);
  EXPECT_THAT(outcome.err, HasSubstr("gantry watch w"));
}

TEST_F(Follow, RunOnATerminal) {
  Process process(words({"run", file_}), {.terminal = true});
  workflow_.move(state("Running", "Running"));
  ASSERT_TRUE(process.read_until("build"));
  workflow_.log("\x1b[2Jcompiling\a");
  ASSERT_TRUE(process.read_until("compiling"));
  workflow_.move(state("Succeeded", "Succeeded"));
  Outcome outcome = process.wait();
  EXPECT_EQ(outcome.status, 0);
  EXPECT_THAT(outcome.out, StartsWith("\x1b[?25l"));
  EXPECT_THAT(outcome.out, HasSubstr("\x1b[36mbuild │\x1b[0m compiling\r\n"));
  EXPECT_THAT(outcome.out, Not(HasSubstr("\x1b[2J"))) << "an escape of the container came through";
  EXPECT_THAT(outcome.out, HasSubstr("\x1b[?25h"));
  EXPECT_THAT(outcome.out, ContainsRegex("Succeeded\x1b\\[0m in [0-9.]+s\r\n"));
}

TEST_F(Follow, NoColor) {
  workflow_.move(state("Succeeded", "Succeeded"));
  Outcome outcome =
      run(words({"get", "w"}), {.terminal = true, .environment = {{"NO_COLOR", "1"}}});
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("✔ w"), Not(HasSubstr("\x1b["))));
  EXPECT_THAT(run(words({"get", "w"}), {.terminal = true}).out, HasSubstr("\x1b[32m✔\x1b[0m w"));
  EXPECT_THAT(run(words({"get", "w", "--no-color"}), {.terminal = true}).out,
              Not(HasSubstr("\x1b[")));
}

TEST_F(Follow, WatchReopensAtTheEnd) {
  Process process(words({"watch", "w"}), {});
  workflow_.move(state("Running", "Running"));
  ASSERT_TRUE(process.read_until("● build"));
  ASSERT_TRUE(workflow_.wait_asked("GET /api/v1/workflow-events/default"));
  workflow_.cut();
  ASSERT_TRUE(workflow_.wait_asked("GET /api/v1/workflow-events/default", 2));
  workflow_.move(state("Failed", "Failed"));
  Outcome outcome = process.wait();
  EXPECT_EQ(outcome.status, 0) << "as argo watch";
  EXPECT_THAT(outcome.out, HasSubstr("✖ build"));
}

TEST_F(Follow, WatchPutsTheTerminalRight) {
  Process process(words({"watch", "w"}), {.terminal = true});
  ASSERT_TRUE(process.read_until("Progress:"));
  process.signal(SIGINT);
  Outcome outcome = process.wait();
  EXPECT_EQ(outcome.status, 130);
  EXPECT_THAT(outcome.out, EndsWith("\x1b[?25h"));
}

TEST_F(Follow, Wait) {
  Process process(words({"wait", "w"}), {});
  ASSERT_TRUE(workflow_.wait_asked("GET /api/v1/workflow-events/default"));
  workflow_.move(state("Failed", "Failed"));
  Outcome outcome = process.wait();
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(outcome.out, "w Failed at 2024-01-01 00:00:03 +0000 UTC\n");
  workflow_.move(state("Succeeded", "Succeeded"));
  EXPECT_EQ(run(words({"wait", "w", "@latest"})).status, 0);
}

TEST_F(Follow, WaitForWhatIsNotThere) {
  FakeDaemon daemon(
      [](const Asked&, Answer& answer) { answer.json(404, R"({"code":5,"message":"no w"})"); });
  Outcome outcome = run({"--socket", daemon.socket(), "wait", "w"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(outcome.err, "Error: no w\n");
  EXPECT_EQ(run({"--socket", daemon.socket(), "wait", "--ignore-not-found", "w"}).status, 0);
}

TEST_F(Follow, SubmitAndWait) {
  workflow_.move(state("Failed", "Failed"));
  Outcome outcome = run(words({"submit", file_, "--wait", "-o", "name"}));
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(outcome.out, "w\n") << "quiet with an output option";
  workflow_.log("a line");
  EXPECT_EQ(run(words({"submit", file_, "--log", "-o", "name"})).out,
            "w\n" + build_pod() + ": a line\n");
  EXPECT_EQ(run(words({"submit", file_, "--watch", "-o", "name"})).status, 0);
}

TEST_F(Follow, LogsGoOnAfterABreak) {
  workflow_.move(state("Running", "Running"));
  workflow_.log("one");
  Process process(words({"logs", "-f", "w"}), {});
  ASSERT_TRUE(process.read_until("one\n"));
  workflow_.cut();
  ASSERT_TRUE(workflow_.wait_asked("GET /api/v1/workflows/default/w/log", 2));
  workflow_.log("two");
  ASSERT_TRUE(process.read_until("two\n"));
  workflow_.move(state("Succeeded", "Succeeded"));
  Outcome outcome = process.wait();
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.out, build_pod() + ": one\n" + build_pod() + ": two\n");
}

TEST_F(Follow, LogsCutOffWithoutFollowing) {
  FakeDaemon daemon([](const Asked&, Answer& answer) {
    answer.begin_stream();
    answer.line(log_line("one"));
  });
  Outcome outcome = run({"--socket", daemon.socket(), "logs", "w"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(outcome.err, HasSubstr("broke off"));
}

}  // namespace
}  // namespace gantry::cli
