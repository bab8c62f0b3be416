// Templates, cron workflows, and what is done with workflows that there are.

#include "commands_fixture.h"
#include "sample.h"

namespace gantry::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::MatchesRegex;

Json object(const std::string& name) {
  return {{"metadata",
           {{"name", name}, {"namespace", "ci"}, {"creationTimestamp", "2024-01-01T00:00:00Z"}}}};
}

Json cron(const std::string& name) {
  Json out = object(name);
  out["spec"] = {
      {"schedules", {"0 2 * * *", "@every 1h"}},
      {"timezone", "UTC"},
      {"suspend", true},
      {"concurrencyPolicy", "Forbid"},
      {"startingDeadlineSeconds", 5},
      {"workflowSpec", {{"arguments", {{"parameters", {{{"name", "p"}, {"value", "v"}}}}}}}}};
  out["status"] = {
      {"active", {{{"name", "n-1"}}, {{"name", "n-2"}}}},
      {"lastScheduledTime", "2024-01-01T02:00:00Z"},
      {"conditions", {{{"type", "SubmissionError"}, {"status", "True"}, {"message", "no"}}}}};
  return out;
}

TEST_F(Commands, Template) {
  std::string path = file("t.yaml", "kind: WorkflowTemplate\n");
  Outcome outcome = against(200, items({object("t")}), {"template", "create", "-n", "ci", path});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_THAT(outcome.out,
              HasSubstr("Name:                t\nNamespace:           ci\nCreated:  "));
  EXPECT_THAT(asked_, ElementsAre("POST /api/v1/workflow-templates/ci"));
  EXPECT_EQ(last_.body, "kind: WorkflowTemplate\n");
  EXPECT_EQ(last_.headers["content-type"], "application/yaml");
  EXPECT_EQ(last_.one("file"), path);
  EXPECT_EQ(last_.one("strict"), "true");

  EXPECT_EQ(against(200, items({object("t")}), {"template", "update", "-o", "name", path}).out,
            "t\n");
  EXPECT_THAT(asked_, ElementsAre("PUT /api/v1/workflow-templates/default"));
  EXPECT_EQ(against(200, object("t").dump(), {"template", "get", "t", "-o", "name"}).out, "t\n");
  EXPECT_THAT(asked_, ElementsAre("GET /api/v1/workflow-templates/default/t"));
  EXPECT_EQ(against(200, items({object("a"), object("b")}), {"template", "list"}).out,
            "NAME\na\nb\n");
  EXPECT_EQ(against(200, items({object("a")}), {"template", "list", "-A", "-l", "x=y"}).out,
            "NAMESPACE   NAME\nci          a\n");
  EXPECT_THAT(asked_, ElementsAre("GET /api/v1/workflow-templates/"));
  EXPECT_EQ(last_.one("listOptions.labelSelector"), "x=y");
  EXPECT_EQ(against(200, "{}", {"template", "delete", "a", "b"}).out,
            "WorkflowTemplate 'a' deleted\nWorkflowTemplate 'b' deleted\n");
  EXPECT_EQ(against(200, "{}", {"template", "delete"}).status, 1);
  Outcome conflict =
      against(409, R"({"code":6,"message":"already exists"})", {"template", "create", path});
  EXPECT_EQ(conflict.status, 1);
  EXPECT_THAT(conflict.err, HasSubstr("already exists"));
  path = file("l.yaml",
              "kind: WorkflowTemplate\nmetadata: {name: t}\nspec: {templates: [{name: a, suspend: {}}]}\n---\n"
              "kind: Workflow\n");
  EXPECT_EQ(run({"template", "lint", "--offline", path}).status, 0);  // only of its kind
  EXPECT_EQ(run({"cron", "lint", "--offline", path}).status, 1);
}

TEST_F(Commands, ClusterTemplate) {
  EXPECT_EQ(against(200, items({object("a")}), {"cluster-template", "list"}).out, "NAME\na\n");
  EXPECT_THAT(asked_, ElementsAre("GET /api/v1/cluster-workflow-templates"));
  EXPECT_EQ(against(200, "{}", {"cluster-template", "delete", "a"}).out,
            "ClusterWorkflowTemplate 'a' deleted\n");
  EXPECT_THAT(asked_, ElementsAre("DELETE /api/v1/cluster-workflow-templates/a"));
}

TEST_F(Commands, Cron) {
  Outcome got = against(200, cron("nightly").dump(), {"cron", "get", "nightly"});
  EXPECT_EQ(got.status, 0) << got.err;
  for (const char* line :
       {"Name:                          nightly\n",
        "Schedules:                     0 2 * * *,@every 1h\n",
        "Suspended:                     true\n", "Timezone:                      UTC\n",
        "StartingDeadlineSeconds:       5\n", "ConcurrencyPolicy:             Forbid\n",
        "NextScheduledTime:             ", "Active Workflows:              n-1, n-2\n",
        "SubmissionError", "  p:                           v\n"}) {
    EXPECT_THAT(got.out, HasSubstr(line));
  }
  std::string table = against(200, items({cron("nightly")}), {"cron", "list"}).out;
  EXPECT_THAT(table, HasSubstr("NAME      AGE"));
  EXPECT_THAT(table, HasSubstr("SCHEDULES             TIMEZONE   SUSPENDED"));
  EXPECT_THAT(table, HasSubstr("0 2 * * *,@every 1h   UTC        true"));
  EXPECT_EQ(against(200, "{}", {"cron", "suspend", "a", "b"}).out,
            "CronWorkflow 'a' suspended\nCronWorkflow 'b' suspended\n");
  EXPECT_THAT(asked_, ElementsAre("PUT /api/v1/cron-workflows/default/a/suspend",
                                  "PUT /api/v1/cron-workflows/default/b/suspend"));
  EXPECT_EQ(against(200, "{}", {"cron", "resume", "a"}).out, "CronWorkflow 'a' resumed\n");
  EXPECT_EQ(against(200, "{}", {"cron", "delete", "a"}).out, "CronWorkflow 'a' deleted\n");
}

TEST_F(Commands, CronCreate) {
  std::string path = file("c.yaml", R"(kind: CronWorkflow
metadata: {name: nightly}
spec:
  schedule: "0 2 * * *"
  workflowSpec:
    entrypoint: main
    arguments: {parameters: [{name: a, value: old}, {name: b, value: kept}]}
)");
  Outcome plain = against(200, items({cron("nightly")}), {"cron", "create", "-o", "name", path});
  EXPECT_EQ(plain.out, "nightly\n") << plain.err;
  EXPECT_EQ(last_.headers["content-type"], "application/yaml");
  EXPECT_THAT(asked_, ElementsAre("POST /api/v1/cron-workflows/default"));

  Outcome changed = against(200, cron("other").dump(),
                            {"cron", "create", path, "--schedule", "@hourly", "-p", "a=new", "--name", "other",
                             "--entrypoint", "side", "--priority", "3", "-o", "name"});
  EXPECT_EQ(changed.out, "other\n") << changed.err;
  const Json sent = Json::parse(last_.body)["cronWorkflow"];
  EXPECT_EQ(sent["spec"]["schedules"], Json::array({"@hourly"}));
  EXPECT_FALSE(sent["spec"].contains("schedule"));
  EXPECT_EQ(sent["metadata"]["name"], "other");
  const Json& workflow = sent["spec"]["workflowSpec"];
  EXPECT_EQ(workflow["entrypoint"], "side");
  EXPECT_EQ(workflow["priority"], 3);
  ASSERT_EQ(workflow["arguments"]["parameters"].size(), 2u);
  EXPECT_EQ(workflow["arguments"]["parameters"][0]["value"], "new");
  EXPECT_EQ(workflow["arguments"]["parameters"][1]["value"], "kept");

  EXPECT_EQ(against(200, "{}", {"cron", "create", path, "-p", "nothing"}).status, 1);
  std::string broken = file("b.yaml", "a: [");
  Outcome refused = against(200, "{}", {"cron", "create", broken, "--name", "x"});
  EXPECT_EQ(refused.status, 1);
  EXPECT_THAT(refused.err, HasSubstr(broken + ":"));
  EXPECT_THAT(asked_, testing::IsEmpty());
}

TEST_F(Commands, SubmitFrom) {
  std::string body = sample_workflow("t-abcde", "Pending", {}).dump();
  Outcome outcome =
      against(200, body,
              {"submit", "--from", "wftmpl/t", "-p", "a=b", "-p", "c=d", "--generate-name", "g-",
               "-l", "x=y", "--serviceaccount", "s", "--priority", "3", "-o", "name"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(outcome.out, "t-abcde\n");
  EXPECT_THAT(asked_, ElementsAre("POST /api/v1/workflows/default/submit"));
  Json sent = Json::parse(last_.body);
  EXPECT_EQ(sent["resourceKind"], "wftmpl");
  EXPECT_EQ(sent["resourceName"], "t");
  EXPECT_EQ(sent["submitOptions"],
            Json::parse(R"({"parameters":["a=b","c=d"],"generateName":"g-","labels":"x=y",
                            "serviceAccount":"s","priority":3})"));
  Outcome dry = against(200, body, {"submit", "--from", "cronwf/t", "--dry-run", "-o", "name"});
  EXPECT_EQ(dry.status, 0) << dry.err;
  EXPECT_EQ(Json::parse(last_.body)["submitOptions"]["dryRun"], true);
  EXPECT_EQ(against(200, body, {"submit", "--from", "t"}).status, 1);
  EXPECT_EQ(against(200, body, {"submit"}).status, 1);
  EXPECT_EQ(against(200, body, {"submit", "--from", "wftmpl/t", "f.yaml"}).status, 1);
}

TEST_F(Commands, SuspendResumeAndSet) {
  std::string body = sample_workflow("real", "Running", {}).dump();
  EXPECT_EQ(against(200, body, {"suspend", "@latest"}).out, "workflow real suspended\n");
  EXPECT_THAT(asked_, ElementsAre("PUT /api/v1/workflows/default/@latest/suspend"));
  EXPECT_EQ(against(200, body, {"resume", "w", "--node-field-selector", "displayName=a"}).out,
            "workflow real resumed\n");
  EXPECT_EQ(Json::parse(last_.body)["nodeFieldSelector"], "displayName=a");
  Outcome failed = against(404, R"({"code":5,"message":"w not found"})", {"suspend", "w"});
  EXPECT_EQ(failed.status, 1);
  EXPECT_EQ(failed.err, "Error: failed to suspend w: w not found\n");

  Outcome set = against(200, body,
                        {"node", "set", "w", "--node-field-selector", "displayName=a", "--phase",
                         "Succeeded", "-m", "done", "-p", "k=v", "-p", "q=\"two words\""});
  EXPECT_EQ(set.out, "workflow values set\n") << set.err;
  EXPECT_THAT(asked_, ElementsAre("PUT /api/v1/workflows/default/w/set"));
  Json sent = Json::parse(last_.body);
  EXPECT_EQ(sent["phase"], "Succeeded");
  EXPECT_EQ(sent["message"], "done");
  EXPECT_EQ(sent["outputParameters"], R"({"k":"v","q":"two words"})");
  EXPECT_EQ(against(200, body, {"node", "set", "w", "-p", "k"}).status, 1);
}

TEST_F(Commands, RetryAndResubmit) {
  std::string body = sample_workflow("w", "Running", {}).dump();
  Outcome retry = against(200, body,
                          {"retry", "w", "--restart-successful", "--node-field-selector", "id=5",
                           "-p", "a=b", "-o", "name"});
  EXPECT_EQ(retry.out, "w\n") << retry.err;
  EXPECT_THAT(asked_, ElementsAre("PUT /api/v1/workflows/default/w/retry"));
  Json sent = Json::parse(last_.body);
  EXPECT_EQ(sent["restartSuccessful"], true);
  EXPECT_EQ(sent["nodeFieldSelector"], "id=5");
  EXPECT_EQ(sent["parameters"], Json::parse(R"(["a=b"])"));
  EXPECT_EQ(against(200, body, {"resubmit", "w", "--memoized", "-o", "name"}).out, "w\n");
  EXPECT_EQ(Json::parse(last_.body)["memoized"], true);
  EXPECT_EQ(against(200, body, {"retry"}).status, 1);
  EXPECT_EQ(
      against(200, items({sample_workflow("a", "Failed", {}), sample_workflow("b", "Failed", {})}),
              {"resubmit", "-l", "x=y", "-o", "name"})
          .status,
      0);
  EXPECT_THAT(asked_, ElementsAre("GET /api/v1/workflows/default",
                                  "PUT /api/v1/workflows/default/a/resubmit",
                                  "PUT /api/v1/workflows/default/b/resubmit"));
}

}  // namespace
}  // namespace gantry::cli
