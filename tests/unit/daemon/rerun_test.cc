// `retry` and `resubmit` from the backend to the store (see daemon_fixture.h).

#include <filesystem>

#include "daemon/engine/node.h"
#include "tests/unit/daemon/daemon_fixture.h"

namespace gantry {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr const char* kPair = R"(
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: pair}
spec:
  entrypoint: main
  arguments: {parameters: [{name: text, value: hello}, {name: other, value: same}]}
  templates:
  - name: main
    steps:
    - - {name: a, template: echo}
    - - {name: b, template: echo}
  - name: echo
    container: {image: busybox, command: [echo], args: ["{{workflow.parameters.text}}"]}
)";

class RerunTest : public DaemonTest {
 protected:
  Result<Json> command(api::Command command, const std::string& name = "pair") {
    return DaemonTest::command(name, std::move(command));
  }
  Result<Json> retry(api::Command options = {}) {
    options.verb = api::Verb::Retry;
    return command(std::move(options));
  }
  /// The pod that is prepared last ends.
  void end_newest(int code) {
    const std::string pod = newest();
    exit(pod, code);
    settle();
    daemon_->on_removed(pod);
    settle();
  }
  std::string newest() {
    for (auto it = runtime_.calls.rbegin(); it != runtime_.calls.rend(); ++it) {
      if (it->starts_with("prepare ")) return it->substr(8);
    }
    return "";
  }
  /// `pair`, whose first step succeeded and whose second failed.
  void fail_pair() {
    ASSERT_TRUE(create(kPair));
    end_newest(0);
    end_newest(1);
    ASSERT_EQ(phase("pair"), "Failed");
    ASSERT_EQ(daemon_->engine().find("argo", "pair"), nullptr);
  }
  std::vector<std::string> node_names() {
    std::vector<std::string> names;
    const Json json = get("pair").value();
    for (const auto& [id, node] : json["status"]["nodes"].items()) names.push_back(node["name"]);
    std::sort(names.begin(), names.end());
    return names;
  }
};

TEST_F(RerunTest, WhatFailedRunsAgainUnderANewPod) {
  fail_pair();
  const std::string old_pod = newest();
  const std::string logs = runtime_.pods[old_pod].log_directory;
  std::filesystem::create_directories(directory_.path() + "/" + logs);
  auto answer = retry();
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ((*answer)["status"]["phase"], "Running");
  EXPECT_FALSE((*answer)["status"].contains("message"));
  EXPECT_EQ((*answer)["metadata"]["labels"]["workflows.argoproj.io/completed"], "false");
  EXPECT_NE(newest(), old_pod);
  EXPECT_NE(runtime_.pods[newest()].log_directory, logs);
  EXPECT_EQ(runtime_.pods[newest()].hostname, runtime_.pods[old_pod].hostname)
      << "Argo's name of it is the same";
  settle();
  EXPECT_FALSE(std::filesystem::exists(directory_.path() + "/" + logs));
  EXPECT_THAT(runtime_.calls, Contains("start " + newest()));
  end_newest(0);
  EXPECT_EQ(phase("pair"), "Succeeded");
  EXPECT_THAT(node_names(), ElementsAre("pair", "pair[0]", "pair[0].a", "pair[1]", "pair[1].b"));
}

TEST_F(RerunTest, WhileOldPodsAreStillBeingRemoved) {
  ASSERT_TRUE(create(kPair));
  end_newest(0);
  const std::string old_pod = newest();
  exit(old_pod, 1);
  settle();
  ASSERT_NE(daemon_->engine().find("argo", "pair"), nullptr);
  ASSERT_TRUE(retry());
  const std::string pod = newest();
  EXPECT_NE(pod, old_pod);
  daemon_->on_removed(old_pod);
  settle();
  EXPECT_EQ(phase("pair"), "Running");
  end_newest(0);
  EXPECT_EQ(phase("pair"), "Succeeded");
  EXPECT_EQ(daemon_->engine().find("argo", "pair"), nullptr) << "the store has it";
}

TEST_F(RerunTest, AcrossRestarts) {
  fail_pair();
  start();
  EXPECT_EQ(recovered_, 0u) << "it is over";
  ASSERT_TRUE(retry());
  settle();
  const std::string pod = newest();
  start();
  EXPECT_EQ(recovered_, 1u);
  settle();
  EXPECT_EQ(newest(), pod) << "it is taken up under the id that it was given";
  EXPECT_THAT(node_names(), ElementsAre("pair", "pair[0]", "pair[0].a", "pair[1]", "pair[1].b"));
  end_newest(1);
  EXPECT_EQ(phase("pair"), "Failed");
  start();
  ASSERT_TRUE(retry());
  EXPECT_NE(newest(), pod);
  end_newest(0);
  EXPECT_EQ(phase("pair"), "Succeeded");
}

TEST_F(RerunTest, WithOtherArguments) {
  fail_pair();
  auto answer = retry({.parameters = {{"text", "bye"}}});
  ASSERT_TRUE(answer) << answer.error().message;
  const Json& parameters = (*answer)["spec"]["arguments"]["parameters"];
  EXPECT_EQ(parameters.size(), 2u);
  EXPECT_EQ(runtime_.pods[newest()].containers[0].args, std::vector<std::string>{"bye"});
  settle();
  start();
  settle();
  EXPECT_EQ(runtime_.pods[newest()].containers[0].args, std::vector<std::string>{"bye"})
      << "it is stored";
}

TEST_F(RerunTest, OnlyWhatIsOverAndFailed) {
  ASSERT_TRUE(create(kPair));
  auto running = retry();
  ASSERT_FALSE(running);
  EXPECT_EQ(running.error().code, Code::InvalidArgument);
  EXPECT_EQ(running.error().message, "Cannot retry a workflow in phase Running");
  end_newest(0);
  end_newest(0);
  EXPECT_EQ(
      retry().error().message,
      "To retry a succeeded workflow, set the options restartSuccessful and nodeFieldSelector");
  auto again = retry({.node_selector = "displayName=b", .restart_successful = true});
  ASSERT_TRUE(again) << again.error().message;
  end_newest(0);
  EXPECT_EQ(phase("pair"), "Succeeded");
  EXPECT_EQ(command({.verb = api::Verb::Retry}, "none").error().code, Code::NotFound);
}

TEST_F(RerunTest, TwoRetriesAtOnceAndADeletedRun) {
  fail_pair();
  std::optional<Result<api::Document>> first, second;
  backend_->command("argo", "pair", {.verb = api::Verb::Retry},
                    [&](auto r) { first = std::move(r); });
  backend_->command("argo", "pair", {.verb = api::Verb::Retry},
                    [&](auto r) { second = std::move(r); });
  run_until([&] { return first && second; });
  EXPECT_NE(first->has_value(), second->has_value()) << "one of them";
  end_newest(1);
  first.reset();
  std::optional<Result<Json>> removed;
  backend_->command("argo", "pair", {.verb = api::Verb::Retry},
                    [&](auto r) { first = std::move(r); });
  backend_->remove("argo", "pair", [&](auto r) { removed = std::move(r); });
  run_until([&] { return first && removed; });
  settle_all();
  EXPECT_EQ(get("pair").error().code, Code::NotFound);
  EXPECT_EQ(daemon_->engine().find("argo", "pair"), nullptr);
}

TEST_F(RerunTest, AMemoizedResubmissionBeginsWithWhatSucceeded) {
  fail_pair();
  auto created = command({.verb = api::Verb::Resubmit, .memoized = true});
  ASSERT_TRUE(created) << created.error().message;
  const std::string name = (*created)["metadata"]["name"];
  EXPECT_THAT(name, HasSubstr("pair-"));
  EXPECT_EQ((*created)["metadata"]["labels"]["workflows.argoproj.io/previous-workflow-name"],
            "pair");
  start();
  settle();
  end_newest(0);
  const Json json = get(name).value();
  EXPECT_EQ(json["status"]["phase"], "Succeeded");
  EXPECT_EQ(json["status"]["progress"], "1/1") << "only what ran";
  std::size_t kept = 0;
  for (const auto& [id, node] : json["status"]["nodes"].items()) {
    if (node["type"] != "Skipped") continue;
    ++kept;
    EXPECT_EQ(node["name"], name + "[0].a");
    EXPECT_THAT(node["message"].get<std::string>(), HasSubstr("original pod: pair-"));
  }
  EXPECT_EQ(kept, 1u);
  EXPECT_EQ(command({.verb = api::Verb::Resubmit, .memoized = true}, name).error().message,
            "workflow must be Failed/Error to resubmit in memoized mode");
}

}  // namespace
}  // namespace gantry
