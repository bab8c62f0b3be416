// Templates, CronWorkflows and times to live, with the daemon around them (see daemon_fixture.h).

#include "daemon/config.h"
#include "daemon/event_binding.h"
#include "tests/unit/daemon/daemon_fixture.h"

namespace gantry {
namespace {

using api::ResourceKind;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* kTemplate = R"(
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata: {name: build, labels: {team: core}}
spec:
  entrypoint: main
  templates:
  - name: main
    container: {image: busybox, command: [echo], args: [hi]}
)";

std::string cron(const std::string& fields, const std::string& name = "tick") {
  return "apiVersion: argoproj.io/v1alpha1\nkind: CronWorkflow\nmetadata: {name: " + name +
         "}\nspec:\n  timezone: UTC\n  " + fields + R"(
  workflowMetadata: {labels: {from: cron}}
  workflowSpec:
    entrypoint: main
    templates:
    - name: main
      container: {image: busybox, command: [echo], args: [hi]}
)";
}

class ResourcesTest : public DaemonTest {
 protected:
  using Objects = Result<std::vector<Json>>;

  Objects make(ResourceKind kind, const std::string& yaml, bool dry_run = false) {
    return await<std::vector<Json>>([&](auto done) {
      backend_->create_resources({.kind = kind,
                                  .name_space = "argo",
                                  .document = yaml,
                                  .yaml = true,
                                  .file = "f.yaml",
                                  .dry_run = dry_run},
                                 done);
    });
  }
  Objects change(ResourceKind kind, const std::string& yaml, const std::string& name = "") {
    return await<std::vector<Json>>([&](auto done) {
      backend_->update_resources({.kind = kind,
                                  .name_space = "argo",
                                  .name = name,
                                  .document = yaml,
                                  .yaml = true,
                                  .file = "f.yaml"},
                                 done);
    });
  }
  Result<Json> look(ResourceKind kind, const std::string& name) {
    return await<Json>([&](auto done) { backend_->get_resource(kind, "argo", name, done); });
  }
  std::vector<std::string> names(ResourceKind kind, api::ListQuery query) {
    auto page = await<api::ListPage>(
        [&](auto done) { backend_->list_resources(kind, std::move(query), done); });
    std::vector<std::string> out;
    for (const Json& item : page->items) out.push_back(item["metadata"]["name"]);
    token_ = page->continue_token;
    return out;
  }
  Result<Json> drop(ResourceKind kind, const std::string& name) {
    return await<Json>([&](auto done) { backend_->remove_resource(kind, "argo", name, done); });
  }
  std::vector<std::string> runs() {
    auto page = await<api::ListPage>([&](auto done) { backend_->list({}, done); });
    std::vector<std::string> out;
    for (const Json& item : page->items) out.push_back(item["metadata"]["name"]);
    return out;
  }
  /// Moves the clock and lets everything that is due then happen.
  void pass(int seconds) {
    now_ += std::chrono::seconds(seconds);
    executor_.fire_timers();
    settle_all();
  }
  void end_newest(int code = 0) {
    constexpr std::string_view kPrepare = "prepare ";
    auto call = std::find_if(runtime_.calls.rbegin(), runtime_.calls.rend(),
                             [&](const std::string& c) { return c.starts_with(kPrepare); });
    ASSERT_NE(call, runtime_.calls.rend());
    const std::string pod = call->substr(kPrepare.size());
    exit(pod, code);
    settle();
    daemon_->on_removed(pod);
    settle_all();
  }

  std::string token_;
};

TEST_F(ResourcesTest, AreKeptOverRestarts) {
  auto made = make(ResourceKind::WorkflowTemplate, kTemplate);
  ASSERT_TRUE(made) << made.error().message;
  Json metadata = (*made)[0]["metadata"];
  EXPECT_EQ(metadata["namespace"], "argo");
  EXPECT_EQ(metadata["generation"], 1);
  EXPECT_EQ(metadata["creationTimestamp"], rfc3339(now_));
  EXPECT_EQ((*made)[0]["kind"], "WorkflowTemplate");
  start();
  Json object = look(ResourceKind::WorkflowTemplate, "build").value();
  EXPECT_EQ(object, (*made)[0]);
  EXPECT_EQ(object["spec"]["templates"][0]["container"]["image"], "busybox");
  EXPECT_NE(daemon_->resources().library("argo")->find("build", false), nullptr);
  EXPECT_EQ(daemon_->resources().library("argo")->find("build", true), nullptr);
  EXPECT_EQ(daemon_->resources().library("other")->find("build", false), nullptr);

  auto next = change(ResourceKind::WorkflowTemplate, kTemplate);
  ASSERT_TRUE(next) << next.error().message;
  EXPECT_EQ((*next)[0]["metadata"]["generation"], 1) << "the same spec";
  EXPECT_GT(std::stoi((*next)[0]["metadata"]["resourceVersion"].get<std::string>()),
            std::stoi(metadata["resourceVersion"].get<std::string>()));
  EXPECT_EQ((*next)[0]["metadata"]["uid"], metadata["uid"]);
}

TEST_F(ResourcesTest, ALibraryDoesNotChangeInTheHand) {
  ASSERT_TRUE(make(ResourceKind::WorkflowTemplate, kTemplate));
  auto before = daemon_->resources().library("argo");
  auto text = before->find("build", false);
  std::string other = kTemplate;
  other.replace(other.find("[hi]"), 4, "[ho]");
  ASSERT_TRUE(change(ResourceKind::WorkflowTemplate, other, "build"));
  EXPECT_EQ(before->find("build", false), text);
  EXPECT_THAT(*daemon_->resources().library("argo")->find("build", false), HasSubstr("ho"));
  ASSERT_TRUE(drop(ResourceKind::WorkflowTemplate, "build"));
  EXPECT_EQ(before->find("build", false), text);
  EXPECT_EQ(daemon_->resources().library("argo")->find("build", false), nullptr);
}

TEST_F(ResourcesTest, Errors) {
  ASSERT_TRUE(make(ResourceKind::WorkflowTemplate, kTemplate));
  struct Case {
    const char* what;
    Objects answer;
    Code code;
    const char* message;
  };
  auto edited = [](const char* from, const char* to) {
    std::string text = kTemplate;
    return text.replace(text.find(from), strlen(from), to);
  };
  const auto kind = ResourceKind::WorkflowTemplate;
  const Case cases[] = {
      {"twice", make(kind, kTemplate), Code::AlreadyExists,
       "workflowtemplates.argoproj.io \"build\" already exists"},
      {"unknown", change(kind, edited("name: build", "name: other")), Code::NotFound,
       "workflowtemplates.argoproj.io \"other\" not found"},
      {"another name", change(kind, kTemplate, "other"), Code::InvalidArgument,
       "metadata.name is \"build\", the path says \"other\""},
      {"another kind", make(ResourceKind::CronWorkflow, kTemplate), Code::InvalidArgument,
       "f.yaml:3:7: kind is WorkflowTemplate, wanted CronWorkflow"},
      {"old version", change(kind, edited("name: build", "name: build, resourceVersion: '0'")),
       Code::Aborted, "the object has been modified"},
      {"another namespace", make(kind, edited("name: build", "name: b, namespace: x")),
       Code::InvalidArgument, "does not match the namespace"},
      {"name", make(kind, edited("name: build", "name: Build")), Code::InvalidArgument,
       "WorkflowTemplate.argoproj.io \"Build\" is invalid"},
      {"no name", make(kind, edited("name: build", "x: y")), Code::InvalidArgument,
       "f.yaml:4:11: metadata.name or metadata.generateName is required"},
      {"cron", make(ResourceKind::CronWorkflow, cron("schedules: ['61 * * * *']")),
       Code::InvalidArgument,
       "f.yaml:6:15: cron schedule 61 * * * * is malformed: end of range (61) above maximum"},
      {"syntax", make(kind, "a: ["), Code::InvalidArgument, "f.yaml:"},
      {"nothing", make(kind, "# nothing"), Code::InvalidArgument, "the document is empty"},
  };
  for (const Case& c : cases) {
    ASSERT_FALSE(c.answer) << c.what;
    EXPECT_EQ(c.answer.error().code, c.code) << c.what << c.answer.error().message;
    EXPECT_THAT(c.answer.error().message, HasSubstr(c.message)) << c.what;
  }
  EXPECT_EQ(drop(kind, "other").error().code, Code::NotFound);
  EXPECT_EQ(look(kind, "other").error().code, Code::NotFound);
  EXPECT_TRUE(make(kind, edited("name: build", "generateName: b-"), true)) << "a dry run";
  EXPECT_THAT(names(kind, {}), ElementsAre("build"));
}

TEST_F(ResourcesTest, Lists) {
  for (const char* name : {"c", "a", "b-2"}) {
    std::string text = kTemplate;
    text.replace(text.find("name: build"), 11, std::string("name: ") + name);
    if (*name == 'a') text.replace(text.find("team: core"), 10, "team: web");
    ASSERT_TRUE(make(ResourceKind::WorkflowTemplate, text));
    text.replace(text.find("kind: "), 6, "kind: Cluster");
    ASSERT_TRUE(make(ResourceKind::ClusterWorkflowTemplate, text));
  }
  using Match = api::ListQuery::NameMatch;
  for (auto kind : {ResourceKind::WorkflowTemplate, ResourceKind::ClusterWorkflowTemplate}) {
    EXPECT_THAT(names(kind, {}), ElementsAre("a", "b-2", "c"));
    EXPECT_THAT(names(kind, {.name_filter = "-"}), ElementsAre("b-2"));
    EXPECT_THAT(names(kind, {.name_filter = "b", .name_match = Match::Exact}), IsEmpty());
    EXPECT_THAT(names(kind, {.labels = {{"team", api::LabelTerm::Operator::In, {"web"}}}}),
                ElementsAre("a"));
    EXPECT_THAT(names(kind, {.limit = 2}), ElementsAre("a", "b-2"));
    EXPECT_THAT(names(kind, {.limit = 2, .continue_token = token_}), ElementsAre("c"));
    EXPECT_EQ(token_, "");
  }
  EXPECT_THAT(names(ResourceKind::WorkflowTemplate, {.name_space = "other"}), IsEmpty());
}

TEST_F(ResourcesTest, ACronWorkflowRuns) {
  ASSERT_TRUE(make(ResourceKind::CronWorkflow, cron("schedules: ['@every 60s']")));
  settle();
  EXPECT_THAT(runs(), IsEmpty());
  pass(59);
  EXPECT_THAT(runs(), IsEmpty());
  pass(1);
  const std::string first = "tick-1700000060";
  ASSERT_THAT(runs(), ElementsAre(first));
  Json run = get(first).value();
  EXPECT_EQ(run["metadata"]["labels"]["workflows.argoproj.io/cron-workflow"], "tick");
  EXPECT_EQ(run["metadata"]["labels"]["from"], "cron");
  EXPECT_EQ(run["metadata"]["annotations"]["workflows.argoproj.io/scheduled-time"],
            "2023-11-14T22:14:20Z");
  Json status = look(ResourceKind::CronWorkflow, "tick").value()["status"];
  EXPECT_EQ(status["active"][0]["name"], first);
  EXPECT_EQ(status["lastScheduledTime"], "2023-11-14T22:14:20Z");
  EXPECT_EQ(status["phase"], "Active");
  end_newest();
  Json object = look(ResourceKind::CronWorkflow, "tick").value();
  EXPECT_THAT(object["status"]["active"], IsEmpty());
  EXPECT_EQ(object["status"]["succeeded"], 1);
  EXPECT_EQ(object["metadata"]["annotations"]["cronworkflows.argoproj.io/last-used-schedule"],
            "CRON_TZ=UTC @every 60s");

  start();  // another life
  EXPECT_EQ(look(ResourceKind::CronWorkflow, "tick").value()["status"], object["status"]);
  pass(60);
  EXPECT_THAT(runs(), ElementsAre("tick-1700000120", first));
}

TEST_F(ResourcesTest, ARunAndItsStatusAreOneTransaction) {
  ASSERT_TRUE(make(ResourceKind::CronWorkflow, cron("schedules: ['@every 60s']")));
  settle();
  now_ += std::chrono::seconds(60);
  executor_.fire_timers();
  // Turn by turn, a second look at the store: never one without the other.
  for (int turn = 0; turn < 20; ++turn) {
    daemon_->end_turn();
    auto stored = await<std::vector<StoredRun>>(
        [&](auto done) { daemon_->store().load("argo", "tick-1700000060", done); });
    auto resources =
        await<Store::Resources>([&](auto done) { daemon_->store().load_resources(done); });
    cron::Status status = cron::read_status(resources->resources.at(0).status);
    EXPECT_EQ(!stored->empty(), status.last_scheduled.has_value()) << turn;
    if (!stored->empty()) return;
  }
  FAIL() << "no run";
}

TEST_F(ResourcesTest, ACronWorkflowThatCannotRunSaysWhy) {
  std::string text = cron("schedules: ['@every 60s']");
  text.replace(text.find("entrypoint: main"), 16, "entrypoint: none");
  auto made = make(ResourceKind::CronWorkflow, text);
  if (!made) {  // refused at once is right as well
    EXPECT_THAT(made.error().message, HasSubstr("none"));
    return;
  }
  settle();
  pass(60);
  Json status = look(ResourceKind::CronWorkflow, "tick").value()["status"];
  ASSERT_THAT(status["conditions"], SizeIs(1));
  EXPECT_EQ(status["conditions"][0]["type"], "SpecError");
  EXPECT_THAT(status["conditions"][0]["message"].get<std::string>(), HasSubstr("none"));
  EXPECT_THAT(runs(), IsEmpty());
}

TEST_F(ResourcesTest, SuspendedAndResumed) {
  ASSERT_TRUE(make(ResourceKind::CronWorkflow, cron("schedules: ['@every 60s']")));
  auto suspend = [&](bool yes) {
    auto object =
        await<Json>([&](auto done) { backend_->suspend_cron("argo", "tick", yes, done); });
    EXPECT_EQ(object.value()["spec"]["suspend"], yes);
    settle();
  };
  suspend(true);
  pass(60);
  EXPECT_THAT(runs(), IsEmpty());
  start();
  pass(60);
  EXPECT_THAT(runs(), IsEmpty()) << "it is still suspended";
  suspend(false);
  pass(60);
  EXPECT_THAT(runs(), SizeIs(1));
  auto none = await<Json>([&](auto done) { backend_->suspend_cron("argo", "none", true, done); });
  EXPECT_EQ(none.error().message, "cronworkflows.argoproj.io \"none\" not found");
}

TEST_F(ResourcesTest, HistoryAndDeletion) {
  ASSERT_TRUE(make(ResourceKind::CronWorkflow,
                   cron("schedules: ['@every 60s']\n  successfulJobsHistoryLimit: 1")));
  settle();
  for (int i = 0; i < 3; ++i) {
    pass(60);
    end_newest();
  }
  EXPECT_THAT(runs(), ElementsAre("tick-1700000180"));
  pass(60);
  EXPECT_THAT(runs(), SizeIs(2));
  ASSERT_TRUE(drop(ResourceKind::CronWorkflow, "tick"));
  settle_all();
  EXPECT_THAT(runs(), IsEmpty()) << "its workflows go with it";
  pass(60);
  EXPECT_THAT(runs(), IsEmpty());
}

TEST_F(ResourcesTest, ReplaceTerminatesTheOldRun) {
  ASSERT_TRUE(make(ResourceKind::CronWorkflow,
                   cron("schedules: ['@every 60s']\n  concurrencyPolicy: Replace")));
  settle();
  pass(60);
  daemon_->on_started(only_pod(), now_);
  settle();
  pass(60);
  EXPECT_EQ(get("tick-1700000060").value()["spec"]["shutdown"], "Terminate");
  EXPECT_FALSE(get("tick-1700000120").value()["spec"].contains("shutdown"));
}

TEST_F(ResourcesTest, SubmitFromACronWorkflow) {
  ASSERT_TRUE(make(ResourceKind::CronWorkflow, cron("schedules: ['0 0 1 1 *']")));
  auto submit = [&](ResourceKind kind, const std::string& name, api::CreateRequest options) {
    options.name_space = "argo";
    return await<Json>([&](auto done) {
      backend_->submit({.kind = kind, .name = name, .options = std::move(options)}, done);
    });
  };
  auto made =
      submit(ResourceKind::CronWorkflow, "tick",
             {.service_account = "s", .labels = {{"x", "y"}}, .annotations = {{"n", "o p"}}});
  ASSERT_TRUE(made) << made.error().message;
  Json metadata = (*made)["metadata"];
  EXPECT_THAT(metadata["name"].get<std::string>(), testing::StartsWith("tick-"));
  EXPECT_EQ(metadata["labels"]["workflows.argoproj.io/cron-workflow"], "tick");
  EXPECT_EQ(metadata["labels"]["x"], "y");
  EXPECT_EQ(metadata["annotations"]["n"], "o p");
  EXPECT_EQ((*made)["spec"]["serviceAccountName"], "s");
  settle();
  EXPECT_THAT(look(ResourceKind::CronWorkflow, "tick").value()["status"]["active"], SizeIs(1));
  EXPECT_EQ(submit(ResourceKind::WorkflowTemplate, "none", {}).error().message,
            "workflowtemplates.argoproj.io \"none\" not found");
  EXPECT_EQ(submit(ResourceKind::ClusterWorkflowTemplate, "none", {}).error().message,
            "clusterworkflowtemplates.argoproj.io \"none\" not found");
}

TEST_F(ResourcesTest, ResubmitIsANewWorkflow) {
  ASSERT_TRUE(create(kEcho));
  auto again = command("echo", {.verb = api::Verb::Resubmit, .parameters = {{"a", "b"}}});
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_THAT((*again)["metadata"]["name"].get<std::string>(), testing::StartsWith("echo-"));
  EXPECT_EQ((*again)["metadata"]["labels"]["workflows.argoproj.io/resubmitted-from-workflow"],
            "echo");
  EXPECT_EQ((*again)["metadata"]["labels"]["team"], "core");
  EXPECT_EQ((*again)["spec"]["arguments"]["parameters"][0]["value"], "b");
}

TEST(EventBinding, Evaluates) {
  Resource binding{.kind = ResourceKind::WorkflowEventBinding, .name_space = "argo", .name = "b"};
  binding.json = std::make_shared<const std::string>(R"({"spec":{
    "event":{"selector":"payload.action == \"push\" && metadata[\"x-kind\"] == [\"git\"] && discriminator == \"hub\" && namespace == \"argo\""},
    "submit":{"workflowTemplateRef":{"name":"t","clusterScope":true},
      "metadata":{"generateName":"payload.repo + \"-\"","labels":{"branch":"payload.branch"}},
      "arguments":{"parameters":[
        {"name":"branch","valueFrom":{"event":"payload.branch"}},
        {"name":"count","valueFrom":{"event":"payload.n"}},
        {"name":"all","valueFrom":{"event":"payload.list"}},
        {"name":"none","valueFrom":{"event":"payload.nothing"}}]}}}})");
  api::Event event{.name_space = "argo",
                   .discriminator = "hub",
                   .payload = Json::parse(
                       R"({"action":"push","repo":"r","branch":"main","n":3,"list":[1,"a"]})"),
                   .metadata = {{"x-kind", {"git"}}}};
  ASSERT_TRUE(check_binding(*binding.json)) << check_binding(*binding.json).error().message;
  auto result = evaluate_binding(binding, event);
  ASSERT_TRUE(result) << result.error().message;
  ASSERT_TRUE(*result);
  const Triggered& t = **result;
  EXPECT_EQ(t.kind, ResourceKind::ClusterWorkflowTemplate);
  EXPECT_EQ(t.template_name, "t");
  EXPECT_EQ(t.generate_name, "r-");
  EXPECT_EQ(t.labels.at("branch"), "main");
  EXPECT_EQ(t.labels.at("workflows.argoproj.io/workflow-event-binding"), "b");
  using Pair = std::pair<std::string, std::string>;
  EXPECT_THAT(t.parameters, ElementsAre(Pair("branch", "main"), Pair("count", "3"),
                                        Pair("all", R"([1,"a"])"), Pair("none", "null")));
  event.discriminator = "other";
  EXPECT_FALSE(evaluate_binding(binding, event).value());
  event.payload = Json();
  event.discriminator = "hub";
  EXPECT_FALSE(evaluate_binding(binding, event) && evaluate_binding(binding, event).value());
}

TEST_F(ResourcesTest, Events) {
  ASSERT_TRUE(make(ResourceKind::WorkflowEventBinding, R"(
apiVersion: argoproj.io/v1alpha1
kind: WorkflowEventBinding
metadata: {name: b}
spec:
  event: {selector: 'payload.go'}
  submit: {workflowTemplateRef: {name: none}}
)"));
  auto send = [&](const char* payload) {
    return await<Json>([&](auto done) {
      backend_->dispatch_event({.name_space = "argo", .payload = Json::parse(payload)}, done);
    });
  };
  EXPECT_EQ(send(R"({"go":false})"), Json::object());
  EXPECT_EQ(send(R"({"go":true})").error().message,
            "failed to dispatch event: [failed to get workflow template: "
            "workflowtemplates.argoproj.io \"none\" not found]");
  EXPECT_THAT(send(R"({"go":7})").error().message, HasSubstr("expression"));
  auto bad = make(ResourceKind::WorkflowEventBinding, R"(
apiVersion: argoproj.io/v1alpha1
kind: WorkflowEventBinding
metadata: {name: c}
spec: {event: {selector: 'payload +'}}
)");
  EXPECT_THAT(bad.error().message, HasSubstr("f.yaml:5:7: spec.event.selector: "));
}

TEST_F(ResourcesTest, TimesToLive) {
  settings_.ttl = {.after_completion = std::chrono::seconds(100),
                   .after_success = std::chrono::seconds(10)};
  start();
  ASSERT_TRUE(create(kEcho));
  end_newest(0);
  runtime_.pods.clear();
  ASSERT_TRUE(create(kEcho, {.name = "bad"}));
  end_newest(1);
  pass(9);
  EXPECT_THAT(runs(), SizeIs(2));
  pass(1);
  EXPECT_THAT(runs(), ElementsAre("bad"));
  start();
  pass(89);
  EXPECT_THAT(runs(), ElementsAre("bad"));
  pass(1);
  EXPECT_THAT(runs(), IsEmpty());
}

TEST(Ttl, Strategies) {
  using engine::RunPhase;
  const Time end{std::chrono::seconds(1000)};
  auto after = [&](const Ttl& ttl, RunPhase phase) {
    auto at = ttl.expiry(phase, end);
    return at ? (*at - end).count() / 1000 : -1;
  };
  Ttl ttl = ttl_of_spec(
      R"({"ttlStrategy":{"secondsAfterCompletion":9,"secondsAfterSuccess":0,"secondsAfterFailure":5}})");
  EXPECT_EQ(after(ttl, RunPhase::Succeeded), 0);
  EXPECT_EQ(after(ttl, RunPhase::Failed), 5);
  EXPECT_EQ(after(ttl, RunPhase::Error), 9) << "secondsAfterFailure is for Failed only";
  EXPECT_EQ(after(ttl, RunPhase::Running), -1);
  EXPECT_EQ(read_ttl(to_text(ttl)), ttl);
  EXPECT_EQ(to_text(Ttl{}), "");
  EXPECT_TRUE(ttl_of_spec("{}").empty());
  EXPECT_TRUE(read_ttl("").empty());
  Ttl mixed = ttl_of_spec(R"({"ttlStrategy":{"secondsAfterSuccess":1}})")
                  .or_else({.after_completion = std::chrono::seconds(7),
                            .after_success = std::chrono::seconds(8)});
  EXPECT_EQ(after(mixed, RunPhase::Succeeded), 1);
  EXPECT_EQ(after(mixed, RunPhase::Failed), 7);
}

TEST(Ttl, Configuration) {
  DaemonConfig config;
  ASSERT_TRUE(
      read_config("workflow_ttl: {after_completion: 168h, after_success: 60}", "f", config));
  EXPECT_EQ(config.ttl.after_completion, std::chrono::hours(168));
  EXPECT_EQ(config.ttl.after_success, std::chrono::seconds(60));
  EXPECT_FALSE(config.ttl.after_failure);
  EXPECT_EQ(read_config("workflow_ttl: {after_success: -1s}", "f", config).error().message,
            "f:1:31: workflow_ttl.after_success: must not be negative");
}

}  // namespace
}  // namespace gantry
