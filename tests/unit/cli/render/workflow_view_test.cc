#include "cli/render/workflow_view.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "../sample.h"
#include "cli/render/status.h"
#include "cli/render/workflow_list.h"

namespace gantry::cli {
namespace {

/// Expectations mark the end of lines that end in spaces with `|`.
std::string unmarked(std::string text) {
  for (std::size_t at; (at = text.find("|\n")) != std::string::npos;) text.erase(at, 1);
  return text;
}

const Time kNow = *parse_rfc3339("2024-01-01T00:00:10Z");

class WorkflowView : public testing::Test {
 protected:
  WorkflowView() {
    ::setenv("TZ", "UTC", 1);
    ::tzset();
  }
};

Json failed_steps() {
  Json workflow = sample_workflow(
      "ci-x", "Failed",
      {{"ci-x", "Steps", "Failed", "", "main", 0, 6, {"ci-x[0]"}, "child 'ci-x-1' failed"},
       {"ci-x[0]", "StepGroup", "Failed", "ci-x", "", 0, 6, {"ci-x[0].build", "ci-x[0].test"}},
       {"ci-x[0].build", "Pod", "Succeeded", "ci-x", "build", 0, 3},
       {"ci-x[0].test", "Pod", "Failed", "ci-x", "test", 0, 5, {}, "main: Error\n(exit code 1)"}},
      6);
  workflow["spec"]["arguments"]["parameters"] = {{{"name", "message"}, {"value", "hi"}},
                                                 {{"name", "unset"}}};
  workflow["status"]["message"] = "child 'ci-x-1' failed";
  workflow["status"]["progress"] = "1/2";
  workflow["status"]["resourcesDuration"] = {{"cpu", 1}, {"memory", 62}};
  workflow["status"]["conditions"] = {{{"type", "PodRunning"}, {"status", "False"}},
                                      {{"type", "Completed"}, {"status", "True"}}};
  return workflow;
}

TEST_F(WorkflowView, AsArgoGet) {
  EXPECT_EQ(workflow_view(failed_steps(), {}, Terminal{}, kNow),
            unmarked(R"(Name:                ci-x
Namespace:           default
ServiceAccount:      unset (will run with the default ServiceAccount)
Status:              Failed
Message:             child 'ci-x-1' failed
Conditions:          |
 PodRunning          False
 Completed           True
Created:             Mon Jan 01 00:00:00 +0000 (10 seconds ago)
Started:             Mon Jan 01 00:00:00 +0000 (10 seconds ago)
Finished:            Mon Jan 01 00:00:06 +0000 (4 seconds ago)
Duration:            6 seconds
Progress:            1/2
ResourcesDuration:   1s*(1 cpu),1m2s*(100Mi memory)
Parameters:          |
  message:           hi

STEP          TEMPLATE  PODNAME                DURATION  MESSAGE
 ✖ ci-x       main                                       child 'ci-x-1' failed      |
 └─┬─✔ build  build     ci-x-build-4162463216  3s                                   |
   └─✖ test   test      ci-x-test-2422122196   5s        main: Error (exit code 1)  |
)"));
}

TEST_F(WorkflowView, NoTreeBeforeTheRootNode) {
  Json workflow = sample_workflow("w", "", {});
  workflow["status"] = Json::object();
  EXPECT_EQ(workflow_view(workflow, {}, Terminal{}, kNow),
            "Name:                w\n"
            "Namespace:           default\n"
            "ServiceAccount:      unset (will run with the default ServiceAccount)\n"
            "Status:              Pending\n"
            "Created:             Mon Jan 01 00:00:00 +0000 (10 seconds ago)\n"
            "Progress:            \n");
}

TEST_F(WorkflowView, WideAndShort) {
  Json workflow = sample_workflow("w", "Running", {{"w", "Pod", "Running", "", "main", 1}});
  workflow["status"]["nodes"]["w"]["hostNodeName"] = "host";
  workflow["status"]["nodes"]["w"]["outputs"]["artifacts"] = {{{"name", "a"}}, {{"name", "b"}}};
  EXPECT_EQ(workflow_view(workflow, {.detail = ViewOptions::Detail::Short}, Terminal{}, kNow),
            "STEP  TEMPLATE  PODNAME  DURATION  MESSAGE  NODENAME\n"
            " ● w  main      w        9s                 host\n");
  EXPECT_EQ(
      node_table(workflow, {.detail = ViewOptions::Detail::Wide}, Terminal{.utf8 = false}, kNow),
      "STEP        TEMPLATE  PODNAME  DURATION  ARTIFACTS  MESSAGE  RESOURCESDURATION  NODENAME\n"
      " Running w  main      w        9s        a,b                                    host\n");
}

TEST_F(WorkflowView, ExitHandlerAfterABlankRow) {
  Json workflow = sample_workflow("w", "Succeeded",
                                  {{"w", "Pod", "Succeeded", "", "main", 0, 1},
                                   {"w.onExit", "Pod", "Succeeded", "", "exit", 1, 2}},
                                  2);
  std::string table = node_table(workflow, {}, Terminal{}, kNow);
  EXPECT_NE(table.find("\n" + std::string(54, ' ') + "\n ✔ w.onExit  exit"), std::string::npos)
      << table;
}

TEST_F(WorkflowView, Status) {
  Json workflow = sample_workflow("w", "Running", {{"w", "Suspend", "Running"}});
  EXPECT_EQ(workflow_status(workflow), "Running (Suspended)");
  workflow["status"]["phase"] = "Failed";
  EXPECT_EQ(workflow_status(workflow), "Failed");
  workflow["spec"]["shutdown"] = "Stop";
  EXPECT_EQ(workflow_status(workflow), "Failed (Terminated)");
  EXPECT_EQ(workflow_status(Json::object()), "Unknown");
}

TEST_F(WorkflowView, PodNames) {
  EXPECT_EQ(pod_name("w", Json{{"name", "w"}, {"templateName", "t"}}), "w");
  EXPECT_EQ(
      pod_name("w", Json{{"name", "w.a"}, {"templateRef", {{"name", "r"}, {"template", "t"}}}}),
      "w-t-" + std::to_string(fnv32a("w.a")));
  std::string longest = pod_name(std::string(300, 'x'), Json{{"name", "n"}});
  EXPECT_EQ(longest, std::string(242, 'x') + "-" + std::to_string(fnv32a("n")));
}

TEST_F(WorkflowView, ListAsArgoList) {
  std::vector<Json> workflows{sample_workflow("old", "Succeeded", {}, 3), failed_steps(),
                              sample_workflow("now", "Running", {})};
  workflows[0]["spec"]["priority"] = 7;
  workflows[0]["spec"]["arguments"]["parameters"] = {
      {{"name", "p"}, {"value", std::string(40, 'a') + std::string(20, 'z')}}};
  sort_workflows(workflows);
  EXPECT_EQ(workflow_list(workflows, {}, kNow),
            "NAME   STATUS      AGE   DURATION   PRIORITY   MESSAGE\n"
            "now    Running     10s   10s        0          \n"
            "ci-x   Failed      10s   6s         0          child 'ci-x-1' failed\n"
            "old    Succeeded   10s   3s         7          \n");
  std::string wide = workflow_list(workflows, {.wide = true, .with_namespace = true}, kNow);
  EXPECT_NE(wide.find("NAMESPACE   NAME "), std::string::npos);
  EXPECT_NE(wide.find(" 0/0/2   message=hi\n"), std::string::npos) << wide;
  EXPECT_NE(wide.find("p=" + std::string(32, 'a') + "..." + std::string(15, 'z') + "\n"),
            std::string::npos);
  EXPECT_EQ(workflow_list({}, {.headers = false}, kNow), "");
}

}  // namespace
}  // namespace gantry::cli
