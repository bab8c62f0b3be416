#pragma once

// The daemon with a real engine and a real store, a fake runtime, and a queue for a loop: nothing
// happens between two lines of a test unless the test lets it.

#include <gmock/gmock.h>

#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "daemon/backend.h"
#include "daemon/daemon.h"
#include "tests/unit/daemon/queue_executor.h"
#include "tests/unit/daemon/temporary_directory.h"

namespace gantry {

using api::Json;
using ::testing::SizeIs;

/// Records what it is asked for; the test says what happens.
class FakeRuntime : public runtime::Runtime {
 public:
  void prepare(runtime::PodSpec pod) override {
    calls.push_back("prepare " + pod.id);
    pods[pod.id] = std::move(pod);
  }
  void start(const std::string& pod) override { calls.push_back("start " + pod); }
  void signal(const std::string& pod, int signal, bool) override {
    calls.push_back("signal " + pod + " " + std::to_string(signal));
  }
  void adopt(runtime::PodSpec pod) override {
    calls.push_back("adopt " + pod.id);
    pods[pod.id] = std::move(pod);
  }
  void remove(const std::string& pod) override { calls.push_back("remove " + pod); }
  void remove_claims(const std::string& owner) override { calls.push_back("claims " + owner); }

  std::vector<std::string> calls;
  std::map<std::string, runtime::PodSpec> pods;
};

class FakeStream : public api::Stream {
 public:
  void send(const Json& result) override {
    if (!ended) sent.push_back(result);
  }
  void fail(const Error& e) override {
    error = e;
    end();
  }
  void end() override { ended = true; }
  [[nodiscard]] std::size_t buffered() const override { return behind; }
  [[nodiscard]] bool closed() const override { return ended; }

  std::vector<Json> sent;
  std::optional<Error> error;
  std::size_t behind = 0;
  bool ended = false;
};

inline constexpr const char* kEcho = R"(
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: echo, labels: {team: core}}
spec:
  entrypoint: main
  templates:
  - name: main
    container: {image: busybox, command: [echo], args: [hi]}
)";

class DaemonTest : public ::testing::Test {
 protected:
  void SetUp() override { start(); }

  void start(Policy policy = {}) {
    backend_.reset();
    daemon_.reset();
    store_.reset();
    executor_.drain();
    runtime_ = {};
    store_ = std::move(*Store::open(directory_.file("gantry.db"), executor_));
    daemon_ = std::make_unique<Daemon>(
        Daemon::Settings{.engine = {},
                         .policy = std::move(policy),
                         .instance = "me",
                         .log_root = directory_.path(),
                         .boot = boot_,
                         .recovery_log = directory_.file("taking-up")},
        Daemon::Environment{.store = *store_,
                            .executor = executor_,
                            .now = [this] { return now_; },
                            .log = [this](const std::string& t) { log_.push_back(t); }});
    daemon_->set_runtime(runtime_);
    daemon_->on_connected(true);
    backend_ = std::make_unique<DaemonBackend>(
        *daemon_, nullptr, [](const std::string&, const std::function<void()>&) { return nullptr; },
        settings_);
    std::optional<Result<std::size_t>> taken_up;
    daemon_->recover([&](Result<std::size_t> count) { taken_up = std::move(count); });
    while (!taken_up) {
      // It may wait for containerd to undo what a killed daemon began.
      if (auto timers = std::exchange(executor_.timers, {}); !timers.empty()) {
        for (auto& [delay, task] : timers) task();
      } else {
        ASSERT_TRUE(executor_.run_one());
      }
    }
    ASSERT_TRUE(*taken_up) << taken_up->error().message;
    recovered_ = **taken_up;
    backend_->start();
    settle_all();
  }

  /// Runs the loop, with its turn ends, until `true_now`.
  bool run_until(const std::function<bool()>& true_now) {
    daemon_->end_turn();
    while (!true_now()) {
      if (!executor_.run_one()) return false;
      daemon_->end_turn();
    }
    return true;
  }
  /// Until nothing is to be stored any more.
  void settle() {
    run_until([&] { return daemon_->effects().idle(); });
    executor_.drain();
    daemon_->end_turn();
  }
  /// Until what asks the store, and acts on its answer, and stores again, has come to its end.
  void settle_all() {
    for (int question = 0; question < 4; ++question) {
      (void)await<std::vector<std::string>>([&](auto done) { daemon_->store().load_missing({}, done); });
      settle();
    }
  }
  template <class T, class Start>
  Result<T> await(Start start) {
    std::optional<Result<T>> answer;
    start([&](Result<T> result) { answer = std::move(result); });
    run_until([&] { return answer.has_value(); });
    return *answer;
  }

  Result<std::vector<Json>> create(const std::string& yaml, api::CreateRequest request = {}) {
    request.name_space = "argo";
    request.document = yaml;
    request.yaml = true;
    if (request.file.empty()) request.file = "f.yaml";
    return await<std::vector<Json>>([&](auto done) { backend_->create(request, done); });
  }
  /// await() of an answer that is a document: all of it.
  template <class Ask>
  Result<Json> await_document(Ask ask) {
    Result<api::Document> document = await<api::Document>(std::move(ask));
    if (!document) return fail(std::move(document.error()));
    return std::move(*document).whole();
  }
  Result<Json> command(const std::string& name, api::Command command) {
    return await_document([&](auto done) { backend_->command("argo", name, std::move(command), done); });
  }
  Result<Json> get(const std::string& name) {
    return await_document([&](auto done) { backend_->get("argo", name, {}, done); });
  }
  std::string phase(const std::string& name) {
    auto json = get(name);
    return json ? (*json)["status"]["phase"].get<std::string>() : json.error().message;
  }
  std::string only_pod() {
    EXPECT_THAT(runtime_.pods, SizeIs(1));
    return runtime_.pods.begin()->first;
  }
  void exit(const std::string& pod, int code) {
    daemon_->on_started(pod, now_);
    runtime::PodExit exit;
    exit.containers["main"] = {.exit_code = code, .started = now_, .finished = now_};
    daemon_->on_exited(pod, exit);
  }

  TemporaryDirectory directory_;
  Time now_{std::chrono::seconds(1'700'000'000)};
  QueueExecutor executor_;
  FakeRuntime runtime_;
  std::vector<std::string> log_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Daemon> daemon_;
  std::unique_ptr<DaemonBackend> backend_;
  DaemonBackend::Settings settings_;
  std::optional<BootRecord> boot_;
  std::size_t recovered_ = 0;
};

}  // namespace gantry
