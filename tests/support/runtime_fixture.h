#pragma once

// A ContainerdRuntime on a containerd of the test's own, with an image to run, and a listener that
// writes down what it hears. Whatever a test leaves behind is a failure.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "runtime/containerd/channel.h"
#include "runtime/containerd/containerd_runtime.h"
#include "runtime/containerd/images.h"
#include "tests/support/containerd_fixture.h"
#include "tests/support/image_builder.h"
#include "tests/support/test_loop.h"

namespace gantry::containerd {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using gantry::testing::ContainerdFixture;
using gantry::testing::TarEntry;
using gantry::testing::TestLoop;
using runtime::PodExit;
using runtime::PodSpec;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

inline constexpr char kImage[] = "docker.io/library/step:1";

inline std::string read(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

class Recorder final : public runtime::Listener {
 public:
  void on_prepared(const std::string& pod) override { note(pod, "prepared"); }
  void on_failed(const std::string& pod, const Error& error) override {
    note(pod, "failed");
    errors.insert_or_assign(pod, error);
  }
  void on_started(const std::string& pod, Time at) override {
    note(pod, "started");
    started.insert_or_assign(pod, at);
  }
  void on_exited(const std::string& pod, PodExit exit) override {
    note(pod, "exited");
    exits.insert_or_assign(pod, std::move(exit));
  }
  void on_container(const std::string& pod, const std::string& name,
                    const runtime::ContainerChange& change) override {
    changes[pod].push_back(
        name + (change.exit ? " exited " + std::to_string(change.exit->exit_code) : " started"));
  }
  void on_ready(const std::string& pod, const std::string& address) override {
    note(pod, "ready");
    addresses[pod] = address;
  }
  void on_output(const std::string& pod, const std::string& output, const std::string& content) override {
    outputs[pod].push_back(output + "=" + content);
  }
  void on_lost(const std::string& pod, const Error& error) override {
    note(pod, "lost");
    errors.insert_or_assign(pod, error);
  }
  void on_removed(const std::string& pod) override { note(pod, "removed"); }
  void on_progress(const std::string&, const std::string&) override {}
  void on_connected(bool now_connected) override {
    connected = now_connected;
    ++connections;
  }
  bool has(const std::string& pod, const std::string& event) {
    const auto& list = events[pod];
    return std::find(list.begin(), list.end(), event) != list.end();
  }
  bool over(const std::string& pod) {
    return has(pod, "exited") || has(pod, "failed") || has(pod, "lost");
  }

  std::map<std::string, std::vector<std::string>> events;
  std::map<std::string, std::vector<std::string>> changes;
  std::map<std::string, std::string> addresses;
  std::map<std::string, PodExit> exits;
  std::map<std::string, std::vector<std::string>> outputs;  ///< of watched files, in the order they were told
  std::map<std::string, Error> errors;
  std::map<std::string, Time> started;
  bool connected = false;
  int connections = 0;

 private:
  void note(const std::string& pod, const char* event) { events[pod].emplace_back(event); }
};

class ContainerdRuntimeTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    containerd = new ContainerdFixture();
    auto image = gantry::testing::busybox_image();
    std::vector<TarEntry> more = {
        {"etc/passwd", "root:x:0:0::/root:/bin/sh\nbuilder:x:1000:1000::/home/builder:/bin/sh\n"},
        {"etc/group", "root:x:0:\nbuilder:x:1000:\ndocker:x:998:builder\n"},
        {"etc/plain", "not a program\n", "", "", 0644}};
    for (const char* applet : {"id", "grep", "ls", "kill", "ln", "mkdir", "pwd", "env", "stat",
                               "tr", "head", "touch", "hostname", "wc", "tail", "chmod"}) {
      more.push_back({std::string("bin/") + applet, "", "busybox"});
    }
    image.layers.push_back(gantry::testing::make_tar(more));
    image.env = {"FROM_IMAGE=yes", "WHO=image"};
    const auto archive = gantry::testing::make_tar(gantry::testing::oci_layout(
        {gantry::testing::oci_image(image, "gzip", {{"io.containerd.image.name", kImage}})}));
    containerd->ctr({"images", "import",
                     gantry::testing::write_file(containerd->directory(), "step.tar", archive)});
  }
  static void TearDownTestSuite() {
    delete containerd;
    containerd = nullptr;
  }

  void SetUp() override { open(); }
  void TearDown() override {
    runtime.reset();
    images.reset();
    channel.reset();
    EXPECT_THAT(containerd->ctr_words({"tasks", "ls", "-q"}), IsEmpty());
    EXPECT_THAT(containerd->ctr_words({"containers", "ls", "-q"}), IsEmpty());
    for (const auto& line : snapshots()) ADD_FAILURE() << "left: " << line;
    for (const auto& line : gantry::testing::mounts_with("/pods/")) {
      if (line.find(containerd->directory()) != std::string::npos) ADD_FAILURE() << line;
    }
    std::error_code ignored;
    for (const auto& hierarchy : fs::directory_iterator("/sys/fs/cgroup", ignored)) {
      const std::string root = hierarchy.path().string() + cgroup_root();
      EXPECT_FALSE(fs::exists(root + "/run"));
      ::rmdir(root.c_str());
    }
    EXPECT_TRUE(fs::is_empty(state() + "/pods"));
    EXPECT_TRUE(fs::is_empty(state() + "/network/pods"));
    EXPECT_TRUE(fs::is_empty(state() + "/files"));
  }

  /// Ours; GANTRY_TEST_SHIM=PATH takes another, and empty containerd's own.
  static std::string shim() {
    const char* chosen = std::getenv("GANTRY_TEST_SHIM");
    return chosen != nullptr ? chosen : GANTRY_SHIM;
  }
  static std::string cgroup_root() { return "/gantry-test-" + std::to_string(::getpid()); }
  static std::string state() { return containerd->directory() + "/gantry"; }
  static std::string logs() { return containerd->directory() + "/logs"; }

  static std::vector<std::string> snapshots() {
    std::vector<std::string> active;
    std::istringstream lines(containerd->ctr({"snapshots", "ls"}));
    for (std::string line; std::getline(lines, line);) {
      if (line.find("Active") != std::string::npos) active.push_back(line);
    }
    return active;
  }

  /// Changes the settings of the runtime.
  virtual void configure(Config&) {}

  void open() {
    channel = std::make_unique<Channel>(containerd->socket(), loop);
    Images::Settings settings;
    settings.socket = containerd->socket();
    images = std::make_unique<Images>(*channel, loop, settings);
    Config config;
    config.containerd_state = containerd->state();
    config.state_dir = state();
    config.log_root = logs();
    config.cgroup_root = cgroup_root();
    configure(config);
    config.shim = shim();
    if (const char* binary = std::getenv("GANTRY_TEST_RUNTIME")) config.runtime_binary = binary;
    config.log = [](const std::string& text) { ADD_FAILURE() << text; };
    auto opened = ContainerdRuntime::open(config, *channel, *images, loop, recorder);
    ASSERT_TRUE(opened) << opened.error().message;
    runtime = std::move(*opened);
  }
  void reopen() {
    runtime.reset();
    images.reset();
    channel.reset();
    recorder = {};
    open();
  }

  PodSpec pod(const std::string& script) {
    PodSpec spec;
    // The OCI runtime keeps its state by id for the whole host, whichever containerd asks.
    spec.id = "t" + std::to_string(::getpid()) + "-" + std::to_string(++number);
    spec.hostname = "step-host";
    spec.cgroup = "run/" + spec.id;
    spec.log_directory = "run/" + spec.id;
    spec.labels = {{"gantry.io/run", "r"}};
    runtime::ContainerSpec main;
    main.name = "main";
    main.image = kImage;
    main.pull_policy = runtime::PullPolicy::IfNotPresent;
    main.command = {"/bin/sh", "-c", script};
    spec.containers.push_back(std::move(main));
    return spec;
  }
  void wait(const std::function<bool()>& ready) { ASSERT_TRUE(loop.run_until(ready)); }
  void start(PodSpec spec) {
    const std::string id = spec.id;
    runtime->prepare(std::move(spec));
    runtime->start(id);
    wait([&] { return recorder.has(id, "started") || recorder.over(id); });
  }
  void remove(const std::string& id) {
    runtime->remove(id);
    wait([&] { return recorder.has(id, "removed"); });
  }
  /// Runs a pod to its end and removes it.
  PodExit run(PodSpec spec) {
    const std::string id = spec.id;
    start(std::move(spec));
    wait([&] { return recorder.over(id); });
    remove(id);
    if (!recorder.errors.contains(id)) return recorder.exits[id];
    PodExit failed;
    failed.containers["main"].exit_code = -1;
    failed.containers["main"].reason = recorder.errors[id].message;
    return failed;
  }
  std::string run_for_output(PodSpec spec) {
    spec.capture_stdout = true;
    const auto exit = run(std::move(spec));
    EXPECT_EQ(exit.containers.at("main").exit_code, 0) << exit.containers.at("main").reason;
    return exit.stdout_tail;
  }
  static std::string log(const PodSpec& spec, const std::string& stream) {
    return read(logs() + "/" + spec.log_directory + "/main." + stream);
  }

  static inline ContainerdFixture* containerd = nullptr;
  static inline int number = 0;
  TestLoop loop;
  Recorder recorder;
  std::unique_ptr<Channel> channel;
  std::unique_ptr<Images> images;
  std::unique_ptr<ContainerdRuntime> runtime;
};

}  // namespace gantry::containerd
