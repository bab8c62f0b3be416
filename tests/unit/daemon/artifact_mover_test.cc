// What is put into pods and taken out, without pods: the runtime's part is played by hand.

#include "daemon/artifact_mover.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "tests/unit/daemon/queue_executor.h"
#include "tests/unit/daemon/temporary_directory.h"

namespace gantry {
namespace {

using engine::Artifact;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
namespace fs = std::filesystem;

std::string key(const std::string& key) { return R"({"s3":{"key":")" + key + "\"}}"; }

class ArtifactMoverTest : public ::testing::Test {
 protected:
  void SetUp() override { open(); }
  void open() {
    mover_.reset();
    auto opened = ArtifactMover::open({.directory = directory_.file("artifacts"),
                                       .log_root = directory_.file("logs"),
                                       .fallback = {},
                                       .limits = {}},
                                      objects_, executor_);
    ASSERT_TRUE(opened) << opened.error().message;
    mover_ = std::move(*opened);
  }

  static runtime::PodSpec pod(const std::string& id) {
    runtime::PodSpec spec;
    spec.id = id;
    spec.log_directory = "run/" + id;
    return spec;
  }
  static engine::PodArtifacts input(Artifact artifact) {
    engine::PodArtifacts artifacts;
    artifacts.inputs.push_back({std::move(artifact), {"main"}});
    return artifacts;
  }
  Result<runtime::PodSpec> load(const engine::PodArtifacts& artifacts, runtime::PodSpec spec, bool adopt = false) {
    std::optional<Result<runtime::PodSpec>> answer;
    auto done = [&](Result<runtime::PodSpec> result) { answer = std::move(result); };
    if (adopt) {
      mover_->adopt(artifacts, "ns", std::move(spec), done);
    } else {
      mover_->load(artifacts, "ns", std::move(spec), done);
    }
    EXPECT_TRUE(executor_.run_until([&] { return answer.has_value(); }));
    return std::move(*answer);
  }
  /// Saves `content` as the output `name` of a pod.
  Result<void> save(const std::string& id, const Artifact& artifact, const std::string& content) {
    engine::PodArtifacts artifacts;
    artifacts.outputs.push_back(artifact);
    runtime::PodSpec spec = pod(id);
    spec.output_artifacts.push_back({artifact.name, "main", artifact.path, ""});
    auto ready = load(artifacts, std::move(spec));
    if (!ready) return fail(ready.error());
    std::ofstream(ready->output_artifacts.front().staged) << content;
    runtime::PodExit exit;
    exit.artifacts[artifact.name] = {};
    EXPECT_TRUE(mover_->has_outputs(id));
    return save(id, std::move(exit)).artifacts.at(artifact.name);
  }
  runtime::PodExit save(const std::string& id, runtime::PodExit exit) {
    std::optional<runtime::PodExit> saved;
    mover_->save(id, std::move(exit), [&](runtime::PodExit result) { saved = std::move(result); });
    EXPECT_TRUE(executor_.run_until([&] { return saved.has_value(); }));
    return std::move(*saved);
  }
  std::string read(const Artifact& artifact) {
    std::optional<Result<UniqueFd>> file;
    mover_->read(artifact, "ns", {}, [&](Result<UniqueFd> result) { file = std::move(result); });
    EXPECT_TRUE(executor_.run_until([&] { return file.has_value(); }));
    if (!*file) return "error: " + file->error().message;
    std::string text(1000, '\0');
    text.resize(static_cast<std::size_t>(::read((*file)->get(), text.data(), text.size())));
    return text;
  }
  static std::string content(const std::string& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  std::vector<std::string> pods() {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(directory_.file("artifacts") + "/pods")) names.push_back(entry.path().filename());
    return names;
  }

  TemporaryDirectory directory_;
  Objects objects_;
  QueueExecutor executor_;
  std::unique_ptr<ArtifactMover> mover_;
};

TEST_F(ArtifactMoverTest, FromOnePodToTheNext) {
  const Artifact out{.name = "out", .path = "/tmp/out.txt", .location = key("wf/a/out.tgz")};
  ASSERT_TRUE(save("a", out, "hello"));
  mover_->removed("a");
  executor_.drain();
  EXPECT_THAT(pods(), IsEmpty());

  Artifact in = out;
  in.path = "/in";
  auto ready = load(input(in), pod("b"));
  ASSERT_TRUE(ready) << ready.error().message;
  ASSERT_EQ(ready->input_artifacts.size(), 1u);
  EXPECT_EQ(ready->input_artifacts[0].path, "/in");
  EXPECT_THAT(ready->input_artifacts[0].containers, ElementsAre("main"));
  EXPECT_EQ(content(ready->input_artifacts[0].source), "hello");
}

TEST_F(ArtifactMoverTest, TextsOfTheWorkflow) {
  auto ready = load(input({.name = "t", .path = "/t", .location = R"({"raw":{"data":"a \"text\""}})"}), pod("a"));
  ASSERT_TRUE(ready) << ready.error().message;
  EXPECT_EQ(content(ready->input_artifacts[0].source), "a \"text\"");
}

TEST_F(ArtifactMoverTest, PathsMayHoldAnyBytes) {
  auto ready = load(input({.name = "t", .path = "/\xff", .location = R"({"raw":{"data":"x"}})"}), pod("a"));
  ASSERT_TRUE(ready) << ready.error().message;
  EXPECT_EQ(ready->input_artifacts[0].path, "/\xff");
}

TEST_F(ArtifactMoverTest, WhatIsNotThere) {
  Artifact artifact{.name = "gone", .path = "/in", .location = key("no/such/key")};
  auto ready = load(input(artifact), pod("a"));
  ASSERT_FALSE(ready);
  EXPECT_THAT(ready.error().message, HasSubstr("init: Error (exit code 64): artifact gone failed to load: "));
  artifact.optional = true;
  ready = load(input(artifact), pod("b"));
  ASSERT_TRUE(ready) << ready.error().message;
  EXPECT_THAT(ready->input_artifacts, IsEmpty());
  // A Secret that is missing is no artifact that is missing.
  artifact.location = R"({"s3":{"bucket":"b","key":"k","accessKeySecret":{"name":"none","key":"k"}}})";
  ready = load(input(artifact), pod("c"));
  ASSERT_FALSE(ready);
  EXPECT_THAT(ready.error().message, HasSubstr("secret \"none\" not found"));
}

TEST_F(ArtifactMoverTest, TheNextLifeFindsWhatThePodWasGiven) {
  const Artifact out{.name = "out", .path = "/out", .location = key("k")};
  ASSERT_TRUE(save("a", out, "old"));
  auto first = load(input(out), pod("b"));
  ASSERT_TRUE(first);
  const std::string source = first->input_artifacts[0].source;

  open();
  ASSERT_TRUE(save("c", out, "new"));
  // Collecting may be quicker than whoever takes the pod up.
  mover_->keep_only([](const std::string& pod) { return pod == "b"; });
  executor_.drain();
  EXPECT_EQ(content(source), "old");
  auto adopted = load(input(out), pod("b"), true);
  ASSERT_TRUE(adopted);
  ASSERT_EQ(adopted->input_artifacts.size(), 1u);
  EXPECT_EQ(adopted->input_artifacts[0].source, source);
  EXPECT_EQ(content(source), "old");
  // Whatever else is let go of, and also when nobody knows whether the pod was started.
  mover_->removed("c");
  mover_->keep_only([](const std::string& pod) { return pod == "b"; });
  executor_.drain();
  EXPECT_EQ(content(source), "old");
  auto again = load(input(out), pod("b"));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->input_artifacts[0].source, source);
  EXPECT_THAT(pods(), ElementsAre("b"));

  mover_->removed("b");
  executor_.drain();
  mover_->collect_garbage();
  executor_.drain();
  EXPECT_FALSE(fs::exists(source));
}

TEST_F(ArtifactMoverTest, LogsAreArtifacts) {
  engine::PodArtifacts artifacts;
  const Artifact log{.name = "main-logs", .location = key("wf/a/main.log"), .archive = R"({"none":{}})"};
  artifacts.logs.push_back({"main", log});
  artifacts.logs.push_back({"other", {.name = "other-logs", .location = key("wf/a/other.log")}});
  ASSERT_TRUE(load(artifacts, pod("a")));
  fs::create_directories(directory_.file("logs") + "/run/a");
  std::ofstream(directory_.file("logs") + "/run/a/main.stdout") << "out\n";
  std::ofstream(directory_.file("logs") + "/run/a/main.stderr") << "err\n";
  const runtime::PodExit exit = save("a", {});
  EXPECT_TRUE(exit.artifacts.at("main-logs"));
  EXPECT_FALSE(exit.artifacts.at("other-logs")) << "it never ran";
  EXPECT_EQ(read(log), "out\nerr\n");
}

TEST_F(ArtifactMoverTest, DownloadAndErase) {
  const Artifact plain{.name = "p", .path = "/p", .location = key("wf/p"), .archive = R"({"none":{}})"};
  const Artifact packed{.name = "q", .path = "/q", .location = key("wf/q.tgz")};
  ASSERT_TRUE(save("a", plain, "plain"));
  ASSERT_TRUE(save("b", packed, "packed"));
  EXPECT_EQ(read(plain), "plain");
  EXPECT_THAT(read(packed), HasSubstr("\x1f\x8b")) << "gzip";
  std::vector<std::string> log;
  mover_->erase({plain, packed, {.name = "x", .location = R"({"http":{"url":"http://x"}})"}}, "ns", {},
                [&](const std::string& text) { log.push_back(text); });
  executor_.drain();
  EXPECT_THAT(log, IsEmpty());
  EXPECT_THAT(read(plain), HasSubstr("error: "));
}

TEST_F(ArtifactMoverTest, RepositoriesOfConfigMaps) {
  ArtifactLocations locations(objects_, R"({"s3":{"bucket":"host","endpoint":"h"}})");
  const auto bucket = [&](const workflow::RepositoryRef& ref) {
    auto location = locations.resolve(key("k"), "ns", ref);
    if (!location) return "error: " + location.error().message;
    const auto& s3 = std::get<artifacts::S3>(*location);
    return s3.bucket + " " + s3.endpoint + " " + s3.key;
  };
  EXPECT_EQ(bucket({}), "host h k");
  objects_.put(api::ObjectKind::ConfigMap, {.name_space = "ns",
                                            .name = "artifact-repositories",
                                            .data = {{"team", "s3:\n  bucket: b\n  endpoint: e:9000\n"}, {"bad", "gcs: {}"}},
                                            .labels = {}});
  EXPECT_EQ(bucket({"", "team"}), "b e:9000 k");
  EXPECT_THAT(bucket({"", "none"}), HasSubstr("does not have the key 'none'"));
  EXPECT_THAT(bucket({"mine", "team"}), HasSubstr("configmaps \"mine\" not found"));
  EXPECT_THAT(bucket({"", "bad"}), HasSubstr("cannot be read"));
}

}  // namespace
}  // namespace gantry
