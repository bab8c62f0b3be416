#include "daemon/sweeper.h"

#include <filesystem>

#include "tests/unit/daemon/daemon_fixture.h"

namespace gantry {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Not;

class SweeperTest : public DaemonTest {
 protected:
  void sweep() {
    sweeper_ = std::make_unique<Sweeper>(
        *daemon_, Sweeper::Host{.find = [this](auto done) { done(pods_); },
                                .owners = [this](auto done) { done(owners_); },
                                .remove_idle_cgroup = [this](const auto& owner) { cgroups_.push_back(owner); }});
    sweeper_->sweep();
    ASSERT_TRUE(run_until([&] { return !sweeper_->sweeping(); }));
    settle();
  }
  std::string uid(const std::string& name) { return get(name).value()["metadata"]["uid"]; }
  std::string make_logs(const std::string& owner) {
    std::filesystem::create_directories(directory_.file(owner + "/pod"));
    return directory_.file(owner);
  }

  std::vector<runtime::FoundPod> pods_;
  std::vector<std::string> owners_, cgroups_;
  std::unique_ptr<Sweeper> sweeper_;
};

TEST_F(SweeperTest, WhatIsOfALiveRunStays) {
  ASSERT_TRUE(create(kEcho));
  const std::string live = uid("echo");
  owners_ = {live};
  pods_ = {{only_pod(), {{kInstanceLabel, "me"}}, true}};
  const std::string logs = make_logs(live);
  sweep();
  EXPECT_THAT(runtime_.calls, Not(Contains("claims " + live)));
  EXPECT_THAT(runtime_.calls, Not(Contains("remove " + only_pod())));
  EXPECT_TRUE(cgroups_.empty());
  EXPECT_TRUE(std::filesystem::exists(logs));
}

TEST_F(SweeperTest, OfARunThatIsOverOnlyTheCgroupGoes) {
  ASSERT_TRUE(create(kEcho));
  const std::string pod = only_pod(), over = uid("echo");
  exit(pod, 1);
  settle();
  daemon_->on_removed(pod);
  settle();
  runtime_.calls.clear();
  owners_ = {over};
  const std::string logs = make_logs(over);
  sweep();
  EXPECT_TRUE(runtime_.calls.empty());
  EXPECT_THAT(cgroups_, ElementsAre(over));
  EXPECT_TRUE(std::filesystem::exists(logs));
}

TEST_F(SweeperTest, OfADeletedRunNothingStays) {
  owners_ = {"with-claims"};
  pods_ = {{"left", {{kInstanceLabel, "me"}}, false}};
  const std::string logs = make_logs("with-logs");
  sweep();
  EXPECT_THAT(runtime_.calls, ElementsAre("remove left", "claims with-claims", "claims with-logs"));
  EXPECT_THAT(cgroups_, ElementsAre("with-claims"));
  EXPECT_FALSE(std::filesystem::exists(logs));
}

}  // namespace gantry
