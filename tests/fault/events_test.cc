// The containerd runtime when what containerd says is late, doubled, out of order, lost, or wrong: a fake containerd
// (tests/support/fake_containerd.h) says it, a thousand pods, each with luck of its own, and their ends are compared
// with what their programs did. GANTRY_SEED=N for other luck.

#include <gtest/gtest.h>

#include <sys/mount.h>

#include <cstdlib>
#include <filesystem>
#include <random>

#include "tests/support/fake_containerd.h"
#include "tests/support/runtime_fixture.h"

namespace gantry::containerd {
namespace {

using gantry::testing::FakeContainerd;

constexpr int kPods = 1000, kAtOnce = 125;

class EventsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = "/tmp/gantry-events.XXXXXX";
    directory = ::mkdtemp(pattern.data());
    if (const char* given = std::getenv("GANTRY_SEED")) seed = std::strtoull(given, nullptr, 10);
    std::printf("GANTRY_SEED=%llu\n", static_cast<unsigned long long>(seed));
    fake = std::make_unique<FakeContainerd>(directory + "/c.sock", kImage, seed);
    open();
  }
  void TearDown() override {
    close();
    fake.reset();
    for (const auto& line : gantry::testing::mounts_with(directory)) {
      std::istringstream words(line);
      std::string path;
      for (int i = 0; i < 5; ++i) words >> path;
      ::umount2(path.c_str(), MNT_DETACH);
    }
    fs::remove_all(directory);
  }

  void open() {
    channel = std::make_unique<Channel>(directory + "/c.sock", loop);
    Images::Settings settings;
    settings.socket = directory + "/c.sock";
    images = std::make_unique<Images>(*channel, loop, settings);
    Config config;
    config.socket = directory + "/c.sock";
    config.containerd_state = directory + "/containerd";
    config.state_dir = directory + "/state";
    config.log_root = directory + "/logs";
    config.cgroup_root = "/gantry-events-" + std::to_string(::getpid());
    config.max_concurrent_prepares = kAtOnce;
    config.log = [](const std::string& text) { ADD_FAILURE() << text; };
    auto opened = ContainerdRuntime::open(config, *channel, *images, loop, recorder);
    ASSERT_TRUE(opened) << opened.error().message;
    runtime = std::move(*opened);
  }
  void close() {
    runtime.reset();
    images.reset();
    channel.reset();
  }

  struct Story {
    PodSpec spec;
    FakeContainerd::Script main;
  };

  Story story(int number) {
    std::mt19937_64 die(seed + static_cast<std::uint64_t>(number));
    Story made;
    made.spec.id = "e" + std::to_string(::getpid()) + "-" + std::to_string(number);
    made.spec.cgroup = made.spec.log_directory = "run/" + made.spec.id;
    made.spec.labels = {{"gantry.io/run", "r"}};
    runtime::ContainerSpec main;
    main.name = "main";
    main.image = kImage;
    main.pull_policy = runtime::PullPolicy::IfNotPresent;
    main.command = {"/program"};
    made.spec.containers.push_back(main);
    made.main.exit_code = static_cast<int>(die() % 4) * 7;
    made.main.runs = std::chrono::microseconds(die() % 3 == 0 ? 0 : die() % 400000);
    made.main.vanishes = die() % 8 == 0;
    fake->script(made.spec.id, made.main);
    if (die() % 3 == 0) {
      main.name = "beside";
      main.role = runtime::Role::Sidecar;
      made.spec.containers.push_back(main);
      fake->script(made.spec.id + ".1", {.exit_code = 0, .for_ever = true});
    }
    return made;
  }

  /// As the engine does it after a restart.
  void take_up(const Story& one) {
    const std::string& id = one.spec.id;
    if (recorder.has(id, "removed")) return;
    if (recorder.over(id)) return runtime->remove(id);
    if (recorder.has(id, "started")) return runtime->adopt(one.spec);
    // Its task may have vanished before this life began and after the last one heard of anything: nobody can know.
    if (one.main.vanishes) doubtful.insert(id);
    runtime->prepare(one.spec);
    runtime->start(id);
  }

  void check(const Story& one) {
    SCOPED_TRACE("pod " + one.spec.id + (one.spec.containers.size() > 1 ? " with a sidecar" : ""));
    // A life that takes a pod over tells again what was so before.
    std::vector<std::string> events;
    for (const std::string& event : recorder.events[one.spec.id]) {
      const bool again = event == "prepared" || event == "started";
      if (event != "ready" && !(again && std::find(events.begin(), events.end(), event) != events.end())) {
        events.push_back(event);
      }
    }
    // What vanishes before the answer to its start may never have been seen running.
    if (!one.main.vanishes) {
      EXPECT_THAT(events, ElementsAre("prepared", "started", "exited", "removed"));
      const auto exit = recorder.exits.find(one.spec.id);
      ASSERT_TRUE(exit != recorder.exits.end());
      EXPECT_EQ(exit->second.containers.at("main").exit_code, one.main.exit_code);
    } else {
      std::erase(events, "started");
      EXPECT_THAT(events, ElementsAre("prepared", "lost", "removed"));
    }
  }

  std::set<std::string> doubtful;
  std::string directory;
  std::uint64_t seed = 1;
  TestLoop loop;
  Recorder recorder;
  std::unique_ptr<FakeContainerd> fake;
  std::unique_ptr<Channel> channel;
  std::unique_ptr<Images> images;
  std::unique_ptr<ContainerdRuntime> runtime;
};

TEST_F(EventsTest, EachPodEndsAsItsProgramDid) {
  std::mt19937_64 die(seed);
  for (int first = 0; first < kPods && !HasFailure(); first += kAtOnce) {
    std::vector<Story> stories;
    for (int i = 0; i < kAtOnce; ++i) stories.push_back(story(first + i));
    for (const Story& one : stories) {
      runtime->prepare(one.spec);
      runtime->start(one.spec.id);
    }
    std::set<std::string> removing;
    // Once in each batch, at any moment of it, the connection breaks, and once the daemon is another.
    std::size_t breaks = die() % kAtOnce, restarts = die() % kAtOnce, over = 0;
    const auto count = [&] {
      over = 0;
      for (const Story& one : stories) {
        if (recorder.over(one.spec.id) && removing.insert(one.spec.id).second) runtime->remove(one.spec.id);
        over += recorder.has(one.spec.id, "removed");
      }
      if (over >= breaks) {
        breaks = stories.size() + 1;
        fake->break_connections();
      }
      return over >= std::min(restarts, stories.size());
    };
    ASSERT_TRUE(loop.run_until(count)) << fake->left();
    restarts = stories.size();
    close();
    fake->await_idle();
    open();
    for (const Story& one : stories) take_up(one);
    ASSERT_TRUE(loop.run_until(count)) << fake->left();
    for (const Story& one : stories) check(one);
    for (const auto& [id, starts] : fake->starts()) {
      EXPECT_LE(starts, doubtful.contains(id) ? 2 : 1) << id << " was started again";
    }
    EXPECT_EQ(fake->left(), "");
    loop.join_workers();
  }
}

}  // namespace
}  // namespace gantry::containerd
