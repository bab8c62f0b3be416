// How long a pod that does nothing takes through ContainerdRuntime, beside `ctr run` on the same
// containerd, in the same run and in turn. Root, containerd, ctr, runc, tini and busybox-static are
// needed.
//
//   pod_latency [--runtime runc|crun] [--shim PATH] [--bridge] [--pods 40] [--rounds 3]
//
// With --shim the same is measured with that shim as well, in turn with containerd's own.
//
// Three figures at each concurrency: the time from prepare() to the exit (what a step costs that
// nobody foresaw), from start() to the exit (what it costs on the critical path, when it was
// prepared ahead), and pods a second with all that belongs to them removed.

#include <spawn.h>
#include <sys/wait.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <deque>
#include <filesystem>
#include <thread>

#include "runtime/containerd/channel.h"
#include "runtime/containerd/containerd_runtime.h"
#include "runtime/containerd/images.h"
#include "tests/support/containerd_fixture.h"
#include "tests/support/image_builder.h"

extern char** environ;

namespace gantry {
namespace {

using Clock = std::chrono::steady_clock;
constexpr char kImage[] = "docker.io/library/bench:1";

double ms_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

struct Figures {
  std::vector<double> latencies;
  double seconds = 0;
  void print(const char* what, int concurrency) {
    std::sort(latencies.begin(), latencies.end());
    const auto at = [&](double q) {
      return latencies[static_cast<std::size_t>(q * static_cast<double>(latencies.size() - 1))];
    };
    std::printf("%-24s conc %d: median %7.1f ms  p90 %7.1f ms  min %7.1f ms  %6.1f pods/s\n", what,
                concurrency, at(0.5), at(0.9), at(0),
                static_cast<double>(latencies.size()) / seconds);
    std::fflush(stdout);
  }
};

/// The daemon's loop in small: one queue for the loop, four workers.
class PoolLoop final : public Executor {
 public:
  PoolLoop() {
    for (int i = 0; i < 4; ++i) workers_.emplace_back([this] { work(); });
  }
  ~PoolLoop() override {
    {
      std::lock_guard lock(mutex_);
      stop_ = true;
    }
    changed_.notify_all();
    for (auto& worker : workers_) worker.join();
  }
  void post(std::function<void()> task) override {
    std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
    changed_.notify_all();
  }
  void offload(std::function<void()> work, std::function<void()> done) override {
    std::lock_guard lock(mutex_);
    jobs_.emplace_back(std::move(work), std::move(done));
    changed_.notify_all();
  }
  void after(Duration delay, std::function<void()> task) override {
    std::lock_guard lock(mutex_);
    timers_.emplace(Clock::now() + delay, std::move(task));
  }
  void run_until(const std::function<bool()>& ready) {
    while (!ready()) {
      std::unique_lock lock(mutex_);
      while (!timers_.empty() && timers_.begin()->first <= Clock::now()) {
        tasks_.push_back(std::move(timers_.begin()->second));
        timers_.erase(timers_.begin());
      }
      if (tasks_.empty()) {
        changed_.wait_for(lock, std::chrono::milliseconds(50));
        continue;
      }
      auto task = std::move(tasks_.front());
      tasks_.pop_front();
      lock.unlock();
      task();
    }
  }

 private:
  void work() {
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [this] { return stop_ || !jobs_.empty(); });
      if (stop_) return;
      auto [job, done] = std::move(jobs_.front());
      jobs_.pop_front();
      lock.unlock();
      job();
      job = nullptr;
      lock.lock();
      tasks_.push_back(std::move(done));
      changed_.notify_all();
    }
  }
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> tasks_;
  std::deque<std::pair<std::function<void()>, std::function<void()>>> jobs_;
  std::multimap<Clock::time_point, std::function<void()>> timers_;
  std::vector<std::thread> workers_;
  bool stop_ = false;
};

class Bench final : public runtime::Listener {
 public:
  Bench(const testing::ContainerdFixture& containerd, const std::string& binary, const std::string& shim,
        bool unconfined, bool bridge)
      : shim_(!shim.empty()), channel_(containerd.socket(), loop_), unconfined_(unconfined), bridge_(bridge) {
    containerd::Images::Settings settings;
    settings.socket = containerd.socket();
    images_ = std::make_unique<containerd::Images>(channel_, loop_, settings);
    containerd::Config config;
    config.containerd_state = containerd.state();
    config.state_dir = containerd.directory() + "/gantry";
    config.log_root = containerd.directory() + "/logs";
    config.cgroup_root = "/gantry-bench-" + std::to_string(::getpid());
    config.runtime_binary = binary;
    config.shim = shim;
    config.bridge.enabled = bridge;
    config.bridge.name = "gantrybench0";
    config.log = [](const std::string& text) { std::fprintf(stderr, "%s\n", text.c_str()); };
    auto opened = containerd::ContainerdRuntime::open(config, channel_, *images_, loop_, *this);
    if (!opened) throw std::runtime_error(opened.error().message);
    runtime_ = std::move(*opened);
    loop_.run_until([&] { return connected_; });
  }

  /// Each of `concurrency` lanes runs one pod after the other; what has ended is removed beside it.
  Figures run(int pods, int concurrency, bool ahead) {
    Figures figures;
    ahead_ = ahead;
    figures_ = &figures;
    left_ = pods;
    removed_ = 0;
    prepared_ = 0;
    const auto begin = Clock::now();
    if (ahead) {
      // All are prepared first: only what comes after start() is timed.
      std::deque<std::string> ready;
      for (int i = 0; i < pods; ++i) ready.push_back(prepare());
      loop_.run_until([&] { return prepared_ == pods; });
      ready_ = ready;
      left_ = pods;
      const auto start = Clock::now();
      for (int i = 0; i < concurrency; ++i) start_next();
      loop_.run_until([&] { return static_cast<int>(figures.latencies.size()) == pods; });
      figures.seconds = ms_since(start) / 1000;
      loop_.run_until([&] { return removed_ == pods; });
      return figures;
    }
    for (int i = 0; i < concurrency; ++i) start_next();
    loop_.run_until([&] { return removed_ == pods; });
    figures.seconds = ms_since(begin) / 1000;
    return figures;
  }

  void on_prepared(const std::string&) override { ++prepared_; }
  void on_failed(const std::string& pod, const Error& error) override {
    throw std::runtime_error(pod + ": " + error.message);
  }
  void on_started(const std::string&, Time) override {}
  void on_exited(const std::string& pod, runtime::PodExit exit) override {
    if (exit.containers.at("main").exit_code != 0) throw std::runtime_error(pod + " failed");
    figures_->latencies.push_back(ms_since(begun_.at(pod)));
    if (!ahead_) runtime_->remove(pod);
    start_next();
    if (ahead_) ended_.push_back(pod);
    if (ahead_ && left_ == 0) {
      for (const auto& one : std::exchange(ended_, {})) runtime_->remove(one);
    }
  }
  void on_lost(const std::string& pod, const Error& error) override { on_failed(pod, error); }
  void on_removed(const std::string&) override { ++removed_; }
  void on_progress(const std::string&, const std::string&) override {}
  void on_connected(bool connected) override { connected_ = connected; }

 private:
  std::string prepare() {
    runtime::PodSpec pod;
    pod.id = (shim_ ? "s" : "b") + std::to_string(::getpid()) + "-" + std::to_string(++number_);
    pod.hostname = "bench";
    pod.cgroup = "run/" + pod.id;
    pod.log_directory = "run/" + pod.id;
    runtime::ContainerSpec main;
    main.name = "main";
    main.image = kImage;
    main.command = {"/bin/true"};
    main.security.seccomp_unconfined = unconfined_;
    if (bridge_) pod.network = runtime::Network::Bridge;
    pod.containers.push_back(std::move(main));
    const std::string id = pod.id;
    begun_[id] = Clock::now();
    runtime_->prepare(std::move(pod));
    return id;
  }
  void start_next() {
    if (left_ == 0) return;
    --left_;
    if (ahead_) {
      const std::string id = ready_.front();
      ready_.pop_front();
      begun_[id] = Clock::now();
      runtime_->start(id);
    } else {
      runtime_->start(prepare());
    }
  }

  const bool shim_;
  PoolLoop loop_;
  containerd::Channel channel_;
  std::unique_ptr<containerd::Images> images_;
  std::unique_ptr<containerd::ContainerdRuntime> runtime_;
  const bool unconfined_, bridge_;
  Figures* figures_ = nullptr;
  std::map<std::string, Clock::time_point> begun_;
  std::deque<std::string> ready_;
  std::vector<std::string> ended_;
  bool ahead_ = false, connected_ = false;
  int left_ = 0, removed_ = 0, prepared_ = 0, number_ = 0;
};

Figures run_ctr(const std::string& socket, const std::string& binary, int pods, int concurrency) {
  static int number = 0;
  Figures figures;
  std::mutex mutex;
  const auto begin = Clock::now();
  std::vector<std::thread> lanes;
  std::atomic<int> left = pods;
  for (int lane = 0; lane < concurrency; ++lane) {
    lanes.emplace_back([&] {
      while (left.fetch_sub(1) > 0) {
        std::unique_lock lock(mutex);
        const std::string id = "c" + std::to_string(++number);
        lock.unlock();
        const auto start = Clock::now();
        std::vector<std::string> words = {"ctr", "-a", socket, "-n", "gantry", "run", "--rm"};
        if (!binary.empty()) words.insert(words.end(), {"--runc-binary", binary});
        words.insert(words.end(), {kImage, id, "/bin/true"});
        std::vector<char*> arguments;
        for (auto& word : words) arguments.push_back(word.data());
        arguments.push_back(nullptr);
        pid_t pid = -1;
        int status = -1;
        if (::posix_spawnp(&pid, "ctr", nullptr, nullptr, arguments.data(), environ) != 0 ||
            ::waitpid(pid, &status, 0) != pid || status != 0) {
          std::fprintf(stderr, "ctr run failed\n");
          std::exit(1);
        }
        lock.lock();
        figures.latencies.push_back(ms_since(start));
      }
    });
  }
  for (auto& lane : lanes) lane.join();
  figures.seconds = ms_since(begin) / 1000;
  return figures;
}

int main(int argc, char** argv) {
  std::string binary;
  int pods = 40, rounds = 3;
  CLI::App app{"A pod that does nothing: Gantry's runtime beside ctr run"};
  app.add_option("--runtime", binary, "OCI runtime (runc if not given)");
  std::string shim;
  app.add_option("--shim", shim, "Shim that is measured beside containerd's own")->check(CLI::ExistingFile);
  bool unconfined = false;
  app.add_flag("--unconfined", unconfined, "without seccomp, as ctr run does it");
  bool bridge = false;
  app.add_flag("--bridge", bridge, "pods on a bridge; it and its iptables rules are left behind");
  app.add_option("--pods", pods, "pods in each measurement")->check(CLI::PositiveNumber);
  app.add_option("--rounds", rounds, "rounds, in turn")->check(CLI::PositiveNumber);
  CLI11_PARSE(app, argc, argv);
  testing::ContainerdFixture containerd;
  const auto archive = testing::make_tar(testing::oci_layout({testing::oci_image(
      testing::busybox_image(), "gzip", {{"io.containerd.image.name", kImage}})}));
  containerd.ctr(
      {"images", "import", testing::write_file(containerd.directory(), "image.tar", archive)});
  Bench bench(containerd, binary, "", unconfined, bridge);
  bench.run(4, 2, false);  // caches warm
  std::unique_ptr<Bench> with_shim;
  if (!shim.empty()) {
    shim = std::filesystem::absolute(shim);
    with_shim = std::make_unique<Bench>(containerd, binary, shim, unconfined, bridge);
    with_shim->run(4, 2, false);
  }
  run_ctr(containerd.socket(), binary, 4, 2);
  for (int round = 0; round < rounds; ++round) {
    for (const int concurrency : {1, 4, 8}) {
      run_ctr(containerd.socket(), binary, pods, concurrency).print("ctr run --rm", concurrency);
      bench.run(pods, concurrency, false).print("gantry", concurrency);
      bench.run(std::min(pods, 16), concurrency, true).print("gantry, prepared ahead", concurrency);
      if (!with_shim) continue;
      with_shim->run(pods, concurrency, false).print("gantry, --shim", concurrency);
      with_shim->run(std::min(pods, 16), concurrency, true).print("gantry, --shim, ahead", concurrency);
    }
  }
  return 0;
}

}  // namespace
}  // namespace gantry

int main(int argc, char** argv) {
  try {
    return gantry::main(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "pod_latency: %s\n", error.what());
    return 1;
  }
}
