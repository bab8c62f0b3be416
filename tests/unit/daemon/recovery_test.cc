// A daemon that begins: after a reboot of the host, and with a run that kills it.

#include <filesystem>
#include <fstream>

#include "tests/unit/daemon/daemon_fixture.h"

namespace gantry {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr const char* kRetried = R"(
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: retried}
spec:
  entrypoint: main
  templates:
  - name: main
    retryStrategy: {limit: 2, retryPolicy: OnError}
    container: {image: busybox, command: [echo], args: [hi]}
)";

class RecoveryTest : public DaemonTest {
 protected:
  /// The next life finds that an earlier one lived in `boot`.
  void start_after(const std::string& boot) {
    std::ofstream(directory_.file("boot")) << boot << "\n";
    boot_ = *BootRecord::open(directory_.file("boot"));
    start();
  }
  std::string stored_boot() {
    std::string id;
    std::ifstream(directory_.file("boot")) >> id;
    return id;
  }
  Json node(const std::string& run, const std::string& display_name) {
    const Json workflow = get(run).value();
    for (const auto& one : workflow["status"]["nodes"]) {
      if (one["displayName"] == display_name) return one;
    }
    return nullptr;
  }
};

TEST_F(RecoveryTest, ARebootEndsWhatRan) {
  ASSERT_TRUE(create(kEcho));
  daemon_->on_started(only_pod(), now_);
  settle();
  start_after("the boot before");
  settle();
  EXPECT_THAT(runtime_.calls, Not(Contains(HasSubstr("adopt"))));
  EXPECT_THAT(runtime_.calls, Not(Contains(HasSubstr("start"))));
  EXPECT_EQ(phase("echo"), "Error");
  EXPECT_THAT(node("echo", "echo")["message"].get<std::string>(), HasSubstr("HostRebooted: "));
  EXPECT_NE(stored_boot(), "the boot before");
}

TEST_F(RecoveryTest, WhatMayHaveBeenStartedIsNotStartedAgain) {
  ASSERT_TRUE(create(kEcho));  // stored as about to be started
  settle();
  start_after("the boot before");
  settle();
  EXPECT_EQ(phase("echo"), "Error");
}

TEST_F(RecoveryTest, TheRetryStrategySeesARebootAsAnError) {
  ASSERT_TRUE(create(kRetried));
  const std::string first = only_pod();
  daemon_->on_started(first, now_);
  settle();
  start_after("the boot before");
  settle();
  EXPECT_EQ(node("retried", "retried(0)")["phase"], "Error");
  const std::string second = only_pod();
  EXPECT_NE(second, first);
  // The same life of the host again: nothing is ended a second time.
  boot_ = *BootRecord::open(directory_.file("boot"));
  EXPECT_FALSE(boot_->rebooted());
  start();
  settle();
  exit(second, 0);
  settle();
  EXPECT_EQ(phase("retried"), "Succeeded");
}

TEST_F(RecoveryTest, WithoutARebootWhatRanIsTakenOver) {
  ASSERT_TRUE(create(kEcho));
  const std::string pod = only_pod();
  daemon_->on_started(pod, now_);
  settle();
  boot_ = *BootRecord::open(directory_.file("boot"));
  start();
  settle();
  EXPECT_THAT(runtime_.calls, ElementsAre("adopt " + pod));
  EXPECT_THAT(stored_boot(), Not(IsEmpty()));
}

TEST_F(RecoveryTest, ARunThatKillsTheDaemonTwiceIsParked) {
  ASSERT_TRUE(create(kEcho, {.name = "good"}));
  ASSERT_TRUE(create(kEcho, {.name = "deadly"}));
  settle();
  const auto uid = [&](const std::string& name) {
    return get(name).value()["metadata"]["uid"].get<std::string>();
  };
  const std::string good = uid("good"), deadly = uid("deadly");
  // What lives leave that end in the middle.
  const auto die = [&] {
    RecoveryLog log(directory_.file("taking-up"));
    log.begin(good);
    log.end(good);
    log.begin(deadly);
  };
  die();
  die();
  EXPECT_EQ(RecoveryLog(directory_.file("taking-up")).deaths(deadly), 2);
  EXPECT_EQ(RecoveryLog(directory_.file("taking-up")).deaths(good), 0);
  start();
  settle();
  EXPECT_EQ(phase("good"), "Running");
  EXPECT_EQ(phase("deadly"), "Error");
  EXPECT_THAT(get("deadly").value()["status"]["message"].get<std::string>(), HasSubstr("RecoveryFailed: "));
  EXPECT_FALSE(std::filesystem::exists(directory_.file("taking-up")));
  start();
  EXPECT_EQ(recovered_, 1u);
}

TEST_F(RecoveryTest, OneDeathIsForgivenOnceTheRunIsTakenUp) {
  ASSERT_TRUE(create(kEcho));
  settle();
  for (int life = 0; life < 3; ++life) {
    RecoveryLog(directory_.file("taking-up")).begin(get("echo").value()["metadata"]["uid"]);
    start();
    settle();
    EXPECT_EQ(phase("echo"), "Running");
  }
}

}  // namespace gantry
