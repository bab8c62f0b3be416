#include "cli/render/tree.h"

#include <gtest/gtest.h>

#include "../sample.h"

namespace gantry::cli {
namespace {

/// The tree as `prefix name`, a line each; the exit handler's after an empty line.
std::string drawn(const Json& workflow, const TreeOptions& options = {}) {
  Tree tree = node_tree(workflow, options);
  std::string out;
  for (const TreeRow& row : tree.main)
    out += row.prefix + text_at(*row.node, {"displayName"}) + "\n";
  if (!tree.on_exit.empty()) out += "\n";
  for (const TreeRow& row : tree.on_exit)
    out += row.prefix + text_at(*row.node, {"displayName"}) + "\n";
  return out;
}

Json steps() {
  return sample_workflow(
      "w", "Running",
      {{"w", "Steps", "Running", "", "main", 0, -1, {"w[0]"}},
       {"w[0]", "StepGroup", "Succeeded", "w", "", 0, 3, {"w[0].hello1"}},
       {"w[0].hello1", "Pod", "Succeeded", "w", "print", 0, 3, {"w[1]"}},
       {"w[1]", "StepGroup", "Running", "w", "", 3, -1, {"w[1].a", "w[1].b", "w[1].c"}},
       {"w[1].b", "Pod", "Running", "w", "print", 3},
       {"w[1].a", "Pod", "Running", "w", "print", 3},
       {"w[1].c", "Pod", "Running", "w", "print", 4}});
}

TEST(Tree, StepsAndTheirGroups) {
  EXPECT_EQ(drawn(steps()),
            " w\n"
            " ├───hello1\n"
            " └─┬─a\n"
            "   ├─b\n"
            "   └─c\n");
  EXPECT_EQ(drawn(steps(), {.utf8 = false}),
            " w\n"
            " |---hello1\n"
            " `-+-a\n"
            "   |-b\n"
            "   `-c\n");
}

TEST(Tree, DagUnderItsBoundary) {
  Json dag = sample_workflow("w", "Running",
                             {{"w", "DAG", "Running", "", "main", 0, -1, {"w.a"}},
                              {"w.a", "Pod", "Succeeded", "w", "t", 0, 1, {"w.b", "w.c"}},
                              {"w.b", "Pod", "Succeeded", "w", "t", 2, 3, {"w.d"}},
                              {"w.c", "DAG", "Running", "w", "inner", 2, -1, {"w.c.x"}},
                              {"w.c.x", "Pod", "Running", "w.c", "t", 2},
                              {"w.d", "Pod", "Pending", "w", "t", 5}});
  EXPECT_EQ(drawn(dag),
            " w\n"
            " ├─a\n"
            " ├─b\n"
            " ├─c\n"
            " │ └─x\n"
            " └─d\n");
}

TEST(Tree, RetriesWithOneAttemptAreNotDrawn) {
  std::vector<NodeSpec> nodes{{"w", "DAG", "Running", "", "main", 0, -1, {"w.r"}},
                              {"w.r", "Retry", "Running", "w", "t", 0, -1, {"w.r(0)"}},
                              {"w.r(0)", "Pod", "Failed", "w", "t", 0, 1}};
  EXPECT_EQ(drawn(sample_workflow("w", "Running", nodes)), " w\n └─r(0)\n");
  nodes[1].children.emplace_back("w.r(1)");
  nodes.push_back({"w.r(1)", "Pod", "Running", "w", "t", 1});
  EXPECT_EQ(drawn(sample_workflow("w", "Running", nodes)), " w\n └─r\n   ├─r(0)\n   └─r(1)\n");
}

TEST(Tree, OmittedAndOtherPhasesPullTheirChildrenUp) {
  Json dag = sample_workflow("w", "Failed",
                             {{"w", "DAG", "Failed", "", "main"},
                              {"w.a", "Pod", "Failed", "w"},
                              {"w.b", "Skipped", "Omitted", "w"}});
  // Omitted is not drawn but keeps its place among its siblings, as in argo.
  EXPECT_EQ(drawn(dag), " w\n ├─a\n");
  EXPECT_EQ(drawn(steps(), {.status = "Succeeded"}), " ──hello1\n");
}

TEST(Tree, LoopItemsSortByIndex) {
  Json dag = sample_workflow("w", "Running", {{"w", "DAG", "Running", "", "main"}});
  for (int i : {10, 2, 0, 1}) {
    std::string name = "s(" + std::to_string(i) + ":v)";
    std::string id = "w-" + name;
    dag["status"]["nodes"][id] = {
        {"id", id},           {"name", "w." + name}, {"displayName", name},        {"type", "Pod"},
        {"phase", "Running"}, {"boundaryID", "w"},   {"startedAt", sample_time(1)}};
  }
  EXPECT_EQ(drawn(dag), " w\n ├─s(0:v)\n ├─s(1:v)\n ├─s(2:v)\n └─s(10:v)\n");
}

TEST(Tree, ExitHandler) {
  Json workflow = sample_workflow(
      "w", "Failed",
      {{"w", "Pod", "Failed", "", "main"},
       {"w.onExit", "Steps", "Succeeded", "", "exit"},
       {"w.onExit[0]", "StepGroup", "Succeeded", "w.onExit", "", 0, 1, {"w.onExit[0].cry"}},
       {"w.onExit[0].cry", "Pod", "Succeeded", "w.onExit"}});
  EXPECT_EQ(drawn(workflow), " w\n\n w.onExit\n └───cry\n");
}

TEST(Tree, MalformedMapsDoNotLoop) {
  EXPECT_EQ(drawn(Json::object()), "");
  EXPECT_EQ(drawn(Json::parse(R"({"metadata":{"name":"w"},"status":{"nodes":[]}})")), "");
  EXPECT_EQ(
      drawn(sample_workflow("w", "Running",
                            {{"w", "DAG", "Running", "w", "main"},
                             {"w.a", "DAG", "Running", "w.b"},
                             {"w.b", "DAG", "Running", "w.a"},
                             {"w.r", "Retry", "Running", "w", "", 0, -1, {"w.r", "w", "gone"}}})),
      " w\n └─r\n");
}

}  // namespace
}  // namespace gantry::cli
