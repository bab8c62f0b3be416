// Runs, from a document to what is left of them (see daemon_fixture.h).

#include "daemon/daemon.h"

#include "tests/unit/daemon/daemon_fixture.h"

namespace gantry {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

TEST_F(DaemonTest, PreparesAtOnceAndStartsOnlyWhenStored) {
  std::optional<Result<std::vector<Json>>> answer;
  backend_->create({.name_space = "argo", .document = kEcho, .yaml = true},
                   [&](auto result) { answer = std::move(result); });
  run_until([&] { return !runtime_.calls.empty(); });
  // Prepared while the transaction syncs; neither started nor answered before it is committed.
  std::string pod = only_pod();
  EXPECT_THAT(runtime_.calls, ElementsAre("prepare " + pod));
  EXPECT_FALSE(answer);
  EXPECT_EQ(runtime_.pods[pod].labels.at(kInstanceLabel), "me");
  run_until([&] { return answer.has_value(); });
  EXPECT_THAT(runtime_.calls, ElementsAre("prepare " + pod, "start " + pod));
  ASSERT_TRUE(*answer) << answer->error().message;
  EXPECT_EQ((**answer)[0]["metadata"]["name"], "echo");
  EXPECT_EQ((**answer)[0]["status"]["phase"], "Running");
}

TEST_F(DaemonTest, ARunThatIsOverLeavesTheEngineAndIsReadFromTheStore) {
  ASSERT_TRUE(create(kEcho));
  std::string pod = only_pod();
  exit(pod, 0);
  settle();
  EXPECT_THAT(runtime_.calls, Contains("remove " + pod));
  EXPECT_NE(daemon_->engine().find("argo", "echo"), nullptr);
  daemon_->on_removed(pod);
  settle();
  EXPECT_EQ(daemon_->engine().find("argo", "echo"), nullptr);
  Json json = get("echo").value();
  EXPECT_EQ(json["status"]["phase"], "Succeeded");
  EXPECT_EQ(json["status"]["nodes"]["echo"]["phase"], "Succeeded");
  EXPECT_EQ(json["status"]["progress"], "1/1");
  EXPECT_EQ(json["metadata"]["labels"]["team"], "core");
  EXPECT_EQ(get("@latest").value()["metadata"]["name"], "echo");
}

TEST_F(DaemonTest, ANameIsTakenOnce) {
  ASSERT_TRUE(create(kEcho));
  auto live = create(kEcho);
  ASSERT_FALSE(live);
  EXPECT_EQ(live.error().code, Code::AlreadyExists);
  EXPECT_EQ(live.error().message, "workflows.argoproj.io \"echo\" already exists");
  exit(only_pod(), 0);
  settle();
  daemon_->on_removed(only_pod());
  settle();
  EXPECT_EQ(create(kEcho).error().code, Code::AlreadyExists) << "only the store knows it";
  auto twice = create(std::string(kEcho) + "---" + kEcho, {.name = "other"});
  EXPECT_EQ(twice.error().code, Code::AlreadyExists);
  EXPECT_EQ(get("other").error().code, Code::NotFound) << "all or nothing";
}

TEST_F(DaemonTest, WhatASubmitterMayChange) {
  auto objects = create(kEcho, {.generate_name = "gen-", .labels = {{"team", "web"}, {"x", "y"}}});
  ASSERT_TRUE(objects) << objects.error().message;
  EXPECT_FALSE(objects->front().at("status").contains("nodes")) << "Argo answers before there are any";
  Json metadata = (*objects)[0]["metadata"];
  EXPECT_THAT(metadata["name"].get<std::string>(), testing::StartsWith("gen-"));
  EXPECT_EQ(metadata["labels"]["team"], "web");
  EXPECT_EQ(metadata["labels"]["x"], "y");
  auto prioritised = create(kEcho, {.name = "p", .priority = 7});
  ASSERT_TRUE(prioritised);
  EXPECT_EQ((*prioritised)[0]["spec"]["priority"], 7);
}

TEST_F(DaemonTest, BadDocuments) {
  struct Case {
    const char* what;
    std::string document;
    const char* message;
  };
  std::string unnamed = kEcho;
  unnamed.replace(unnamed.find("name: echo, "), 12, "");
  std::string badly_named = kEcho;
  badly_named.replace(badly_named.find("name: echo"), 10, "name: Echo");
  std::string elsewhere = kEcho;
  elsewhere.replace(elsewhere.find("name: echo"), 10, "name: echo, namespace: other");
  std::string entry = kEcho;
  entry.replace(entry.find("entrypoint: main"), 16, "entrypoint: none");
  const Case cases[] = {
      {"syntax", "a: [", "f.yaml:"},
      {"nothing", "# nothing\n", "no Workflow found: the document is empty"},
      {"no name", unnamed, "f.yaml:4:11: metadata.name or metadata.generateName is required"},
      {"bad name", badly_named, "metadata.name: Invalid value: \"Echo\""},
      {"namespace", elsewhere, "does not match the namespace"},
      {"entrypoint", entry, "f.yaml:"},
  };
  for (const Case& c : cases) {
    auto answer = create(c.document);
    ASSERT_FALSE(answer) << c.what;
    EXPECT_EQ(answer.error().code, Code::InvalidArgument) << c.what;
    EXPECT_THAT(answer.error().message, HasSubstr(c.message)) << c.what;
  }
  EXPECT_THAT(runtime_.calls, IsEmpty());
  auto json = await<std::vector<Json>>([&](auto done) {
    backend_->create({.name_space = "argo", .document = "{\"kind\": \"Workflow\",\n \"spce\": {}}"},
                     done);
  });
  EXPECT_THAT(json.error().message, HasSubstr("(line 2, column "));
}

TEST_F(DaemonTest, DryRunStoresNothing) {
  auto objects = create(kEcho, {.dry_run = true});
  ASSERT_TRUE(objects);
  EXPECT_EQ((*objects)[0]["metadata"]["name"], "echo");
  EXPECT_FALSE((*objects)[0].contains("status"));
  EXPECT_EQ(get("echo").error().message, "workflows.argoproj.io \"echo\" not found");
}

TEST_F(DaemonTest, DeletionFreesTheNameAndClearsUp) {
  ASSERT_TRUE(create(kEcho));
  std::string pod = only_pod();
  std::string uid = daemon_->engine().find("argo", "echo")->info.uid;
  std::filesystem::create_directories(directory_.file(uid + "/echo"));
  auto removed = await<Json>([&](auto done) { backend_->remove("argo", "echo", done); });
  ASSERT_TRUE(removed);
  settle();
  EXPECT_THAT(runtime_.calls, Contains("remove " + pod));
  EXPECT_FALSE(std::filesystem::exists(directory_.file(uid)));
  daemon_->on_removed(pod);
  settle();
  EXPECT_THAT(runtime_.calls, Contains("claims " + uid));
  EXPECT_EQ(get("echo").error().code, Code::NotFound);
  EXPECT_TRUE(create(kEcho));
  auto again = await<Json>([&](auto done) { backend_->remove("argo", "none", done); });
  EXPECT_EQ(again.error().code, Code::NotFound);
}

TEST_F(DaemonTest, StopAndTerminate) {
  ASSERT_TRUE(create(kEcho));
  std::string pod = only_pod();
  daemon_->on_started(pod, now_);
  auto stopped = command("echo", {.verb = api::Verb::Stop});
  ASSERT_TRUE(stopped);
  EXPECT_EQ((*stopped)["spec"]["shutdown"], "Stop");
  EXPECT_THAT(runtime_.calls, Contains("signal " + pod + " 15"));
  exit(pod, 143);
  settle();
  EXPECT_EQ(phase("echo"), "Failed");
  daemon_->on_removed(pod);
  settle();
  auto late = command("echo", {.verb = api::Verb::Terminate});
  EXPECT_EQ(late.error().code, Code::FailedPrecondition);
}

TEST_F(DaemonTest, MissingSecretsAndForbiddenPathsAreErrorsOfTheNode) {
  struct Case {
    const char* name;
    const char* fields;
    const char* message;
  };
  const Case cases[] = {
      {"secret", "env: [{name: A, valueFrom: {secretKeyRef: {name: s, key: k}}}]",
       "secret \"s\" not found"},
      {"privileged", "securityContext: {privileged: true}", "needs allow_privileged: true"},
  };
  for (const Case& c : cases) {
    std::string yaml = kEcho;
    yaml.replace(yaml.find("args: [hi]"), 10, "args: [hi], " + std::string(c.fields));
    ASSERT_TRUE(create(yaml, {.name = c.name}));
    executor_.drain();
    settle();
    Json json = get(c.name).value();
    EXPECT_EQ(json["status"]["phase"], "Error") << json.dump(2);
    EXPECT_THAT(json["status"]["message"].get<std::string>(), HasSubstr(c.message));
  }
  // (A start may still be asked for; the runtime knows no such pod and starts nothing.)
  EXPECT_THAT(runtime_.calls, Not(Contains(HasSubstr("prepare"))));
}

TEST_F(DaemonTest, SecretsReachThePodAndNothingElse) {
  auto put = await<api::Object>([&](auto done) {
    backend_->put_object(api::ObjectKind::Secret,
                         {.name_space = "argo", .name = "s", .data = {{"k", "hush-hush"}}}, false,
                         done);
  });
  ASSERT_TRUE(put);
  EXPECT_EQ(put->data.at("k"), "") << "values never come out";
  std::string yaml = kEcho;
  yaml.replace(yaml.find("args: [hi]"), 10,
               "args: [hi], env: [{name: A, valueFrom: {secretKeyRef: {name: s, key: k}}}]");
  ASSERT_TRUE(create(yaml));
  EXPECT_THAT(runtime_.pods.begin()->second.containers[0].env,
              Contains(testing::Field(&runtime::EnvVar::value, "hush-hush")));
  EXPECT_THAT(get("echo").value().dump(), Not(HasSubstr("hush-hush")));
  auto listed = await<std::vector<api::Object>>(
      [&](auto done) { backend_->list_objects(api::ObjectKind::Secret, "argo", done); });
  EXPECT_EQ(listed->at(0).data.at("k"), "");
}

TEST_F(DaemonTest, AHostPathIsFollowedOnAWorkerBeforeThePodIsPrepared) {
  std::filesystem::create_directory(directory_.file("allowed"));
  std::filesystem::create_directory_symlink("/etc", directory_.file("allowed/out"));
  std::string root = std::filesystem::canonical(directory_.path()).string();
  start({.host_path_allow = {root + "/allowed"}});
  for (const char* name : {"in", "out"}) {
    std::string yaml = kEcho;
    yaml.replace(yaml.find("args: [hi]"), 10,
                 "args: [hi], volumeMounts: [{name: v, mountPath: /v}]");
    yaml += "    volumes: [{name: v, hostPath: {path: " + root + "/allowed/" + name + "}}]\n";
    ASSERT_TRUE(create(yaml, {.name = name}));
    executor_.drain();
    settle();
  }
  EXPECT_THAT(runtime_.pods, SizeIs(1));
  EXPECT_EQ(std::get<runtime::HostPath>(runtime_.pods.begin()->second.volumes[0].source).path,
            root + "/allowed/in");
  EXPECT_THAT(runtime_.calls, Contains("start " + runtime_.pods.begin()->first));
  EXPECT_THAT(get("out").value()["status"]["message"].get<std::string>(),
              HasSubstr("which leads to \"/etc\""));
}

TEST_F(DaemonTest, ARestartTakesOverWhatMayRun) {
  ASSERT_TRUE(create(kEcho));
  std::string pod = only_pod();
  daemon_->on_started(pod, now_);
  settle();
  start();  // the old daemon is gone without a word
  EXPECT_EQ(recovered_, 1u);
  settle();
  EXPECT_THAT(runtime_.calls, ElementsAre("adopt " + pod));
  exit(pod, 0);
  settle();
  EXPECT_EQ(phase("echo"), "Succeeded");
  daemon_->on_removed(pod);
  settle();
  start();
  EXPECT_EQ(recovered_, 0u);
  EXPECT_EQ(phase("echo"), "Succeeded");
}

TEST_F(DaemonTest, ARunThatCannotBeTakenUpHindersNoOther) {
  ASSERT_TRUE(create(kEcho, {.name = "good"}));
  StoreBatch batch;
  batch.runs.push_back({.created = true,
                        .info = {.uid = "u",
                                 .name_space = "argo",
                                 .name = "bad",
                                 .spec_json = R"({"entrypoint":"none"})"},
                        .status = {.phase = engine::RunPhase::Running}});
  (void)await<void>([&](auto done) { store_->write(std::make_shared<const StoreBatch>(batch), done); });
  start();
  EXPECT_EQ(phase("good"), "Running");
  settle();
  Json bad = get("bad").value();
  EXPECT_EQ(bad["status"]["phase"], "Error");
  EXPECT_THAT(bad["status"]["message"].get<std::string>(),
              HasSubstr("could not be taken up after a restart: "));
}

TEST_F(DaemonTest, StrangersAreRemovedButOnlyOurOwn) {
  ASSERT_TRUE(create(kEcho));
  daemon_->remove_strangers({{only_pod(), {{kInstanceLabel, "me"}}, true},
                             {"left", {{kInstanceLabel, "me"}}, true},
                             {"other", {{kInstanceLabel, "them"}}, true},
                             {"by-hand", {}, true}});
  EXPECT_THAT(runtime_.calls, Contains("remove left"));
  EXPECT_THAT(runtime_.calls, Not(Contains(HasSubstr("other"))));
  EXPECT_THAT(runtime_.calls, Not(Contains(HasSubstr("by-hand"))));
  EXPECT_THAT(runtime_.calls, Not(Contains("remove " + only_pod())));
}

TEST_F(DaemonTest, APodWaitsUntilTheStrangerThatHasItsIdIsRemoved) {
  ASSERT_TRUE(create(R"(
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: later}
spec:
  suspend: true
  entrypoint: main
  templates: [{name: main, container: {image: busybox, command: [echo]}}]
)"));
  engine::Node root;
  root.id = root.name = "later";
  const std::string pod = engine::pod_id(daemon_->engine().find("argo", "later")->info, root);
  // A life before has prepared it, and died before it had stored so.
  daemon_->remove_strangers({{pod, {{kInstanceLabel, "me"}}, false}});
  ASSERT_TRUE(command("later", {.verb = api::Verb::Resume}));
  settle();
  EXPECT_THAT(runtime_.calls, ElementsAre("remove " + pod));
  daemon_->on_removed(pod);
  settle();
  EXPECT_THAT(runtime_.calls, ElementsAre("remove " + pod, "prepare " + pod, "start " + pod));
  exit(pod, 0);
  settle();
  EXPECT_EQ(phase("later"), "Succeeded");
}

TEST_F(DaemonTest, AStopStoresWhatWasDecidedAndTakesNoMore) {
  ASSERT_TRUE(create(kEcho));
  std::string pod = only_pod();
  daemon_->on_started(pod, now_);
  bool stopped = false;
  daemon_->stop([&] { stopped = true; });
  exit(pod, 0);  // comes too late: the next life hears of it again
  run_until([&] { return stopped; });
  EXPECT_THAT(runtime_.calls, Not(Contains("remove " + pod)));
  start();
  settle();
  EXPECT_THAT(runtime_.calls, ElementsAre("adopt " + pod));
}

TEST_F(DaemonTest, ListHasLiveAndStoredRuns) {
  ASSERT_TRUE(create(kEcho, {.name = "old"}));
  exit(only_pod(), 0);
  settle();
  daemon_->on_removed(only_pod());
  settle();
  now_ += std::chrono::seconds(5);
  ASSERT_TRUE(create(kEcho, {.name = "new"}));
  auto list = [&](api::ListQuery query) {
    auto page = await<api::ListPage>([&](auto done) { backend_->list(query, done); }).value();
    std::vector<std::string> names;
    for (const Json& item : page.items) names.push_back(item["metadata"]["name"]);
    return names;
  };
  EXPECT_THAT(list({.name_space = "argo"}), ElementsAre("new", "old"));
  EXPECT_THAT(list({.labels = {{"workflows.argoproj.io/phase",
                                api::LabelTerm::Operator::In,
                                {"Succeeded"}}}}),
              ElementsAre("old"));
  EXPECT_THAT(list({.name_space = "other"}), IsEmpty());
}

TEST_F(DaemonTest, WatchersSeeEveryRunOnceATurn) {
  ASSERT_TRUE(create(kEcho));
  auto stream = std::make_shared<FakeStream>();
  backend_->watch({.name_space = "argo", .name = "@latest"}, stream);
  run_until([&] { return !stream->sent.empty(); });
  EXPECT_EQ(stream->sent[0]["type"], "ADDED");
  stream->sent.clear();
  exit(only_pod(), 0);  // two events, one turn
  settle();
  ASSERT_THAT(stream->sent, SizeIs(1));
  EXPECT_EQ(stream->sent[0]["type"], "MODIFIED");
  EXPECT_EQ(stream->sent[0]["object"]["status"]["phase"], "Succeeded");
  stream->sent.clear();
  ASSERT_TRUE(create(kEcho, {.name = "other"}));
  settle();
  EXPECT_THAT(stream->sent, IsEmpty()) << "only the run that was asked for";
  (void)await<Json>([&](auto done) { backend_->remove("argo", "echo", done); });
  ASSERT_THAT(stream->sent, SizeIs(1));
  EXPECT_EQ(stream->sent[0]["type"], "DELETED");
}

TEST_F(DaemonTest, AWatcherThatIsBehindGetsTheLastState) {
  ASSERT_TRUE(create(kEcho));
  auto stream = std::make_shared<FakeStream>();
  backend_->watch({.name_space = "argo"}, stream);
  run_until([&] { return !stream->sent.empty(); });
  stream->sent.clear();
  stream->behind = 1 << 20;
  exit(only_pod(), 0);
  settle();
  daemon_->on_removed(only_pod());
  settle();  // it is in the store only by now
  EXPECT_THAT(stream->sent, IsEmpty());
  stream->behind = 0;
  stream->on_drained();
  run_until([&] { return !stream->sent.empty(); });
  EXPECT_EQ(stream->sent[0]["object"]["status"]["phase"], "Succeeded");
}

TEST_F(DaemonTest, AWatchOfLabelsFollowsThem) {
  ASSERT_TRUE(create(kEcho));
  auto stream = std::make_shared<FakeStream>();
  backend_->watch(
      {.labels = {{"workflows.argoproj.io/completed", api::LabelTerm::Operator::In, {"false"}}}},
      stream);
  run_until([&] { return !stream->sent.empty(); });
  exit(only_pod(), 0);
  settle();
  ASSERT_THAT(stream->sent, SizeIs(2));
  EXPECT_EQ(stream->sent[1]["type"], "DELETED");
}

TEST_F(DaemonTest, LogsOfAFollowedRunEndWithIt) {
  ASSERT_TRUE(create(kEcho));
  std::string pod = only_pod();
  std::string base = directory_.file(runtime_.pods[pod].log_directory);
  std::filesystem::create_directories(base);
  std::ofstream(base + "/main.stdout") << "one\ntwo\n";
  std::ofstream(base + "/main.stderr") << "err";
  daemon_->on_started(pod, now_);
  auto stream = std::make_shared<FakeStream>();
  auto contents = [&] {
    std::vector<std::string> lines;
    for (const Json& message : stream->sent) {
      EXPECT_EQ(message["podName"], "echo");
      lines.push_back(message["content"]);
    }
    return lines;
  };
  backend_->logs({.name_space = "argo", .name = "echo", .container = "main", .follow = true},
                 stream);
  run_until([&] { return stream->sent.size() == 2; });
  EXPECT_THAT(contents(), ElementsAre("one", "two"));
  std::ofstream(base + "/main.stdout", std::ios::app) << "three\n";
  exit(pod, 0);
  settle();
  EXPECT_FALSE(stream->ended) << "the pod is still there: its last words may come";
  daemon_->on_removed(pod);
  executor_.fire_timers();  // nothing in the files says that the pod is gone
  run_until([&] { return stream->ended; });
  EXPECT_THAT(contents(), ElementsAre("one", "two", "three", "err"));

  struct Case {
    const char* what;
    api::LogQuery query;
    std::vector<std::string> lines;
  };
  settle();
  const Case cases[] = {
      {"all", {}, {"one", "two", "three", "err"}},
      {"tail", {.tail_lines = 2}, {"three", "err"}},
      {"grep", {.grep = "^t.o$"}, {"two"}},
      {"since", {.since = Time(std::chrono::sys_days(std::chrono::year(2100) / 1 / 1))}, {}},
      {"times", {.timestamps = true, .grep = "one"}, {"2023-11-14T22:13:20.000Z one"}},
      {"container", {.container = "side"}, {}},
      {"pod", {.pod = "other"}, {}},
  };
  for (const Case& c : cases) {
    stream = std::make_shared<FakeStream>();
    api::LogQuery query = c.query;
    query.name_space = "argo";
    query.name = "echo";
    backend_->logs(query, stream);
    run_until([&] { return stream->ended; });
    EXPECT_EQ(contents(), c.lines) << c.what;
  }
  stream = std::make_shared<FakeStream>();
  backend_->logs({.name_space = "argo", .name = "none"}, stream);
  run_until([&] { return stream->ended; });
  EXPECT_EQ(stream->error->code, Code::NotFound);
}

TEST_F(DaemonTest, AClientThatIsBehindGetsNoMoreLinesUntilItHasTakenThem) {
  ASSERT_TRUE(create(kEcho));
  std::string base = directory_.file(runtime_.pods[only_pod()].log_directory);
  std::filesystem::create_directories(base);
  std::ofstream(base + "/main.stdout") << std::string(1000, 'x') << "\n";
  auto stream = std::make_shared<FakeStream>();
  stream->behind = 64 << 20;
  backend_->logs({.name_space = "argo", .name = "echo"}, stream);
  executor_.drain();
  EXPECT_THAT(stream->sent, IsEmpty());
  stream->behind = 0;
  stream->on_drained();
  run_until([&] { return stream->ended; });
  EXPECT_THAT(stream->sent, SizeIs(1));
}

}  // namespace
}  // namespace gantry
