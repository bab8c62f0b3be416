#include "cli/log_prefix.h"

#include <gtest/gtest.h>

#include "cli/render/status.h"
#include "sample.h"

namespace gantry::cli {
namespace {

TEST(LogPrefix, NamesStepsAlignedAndStable) {
  Json workflow = sample_workflow("w", "Running",
                                  {{"w", "DAG", "Running", "", "main"},
                                   {"w.build", "Pod", "Running", "w", "t"},
                                   {"w.integration", "Pod", "Running", "w", "t"}});
  auto pod = [&](const char* name) {
    return pod_name("w", at(workflow, {"status", "nodes", node_id("w", name)}));
  };
  LogPrefix prefix;
  EXPECT_EQ(prefix.of("unknown", Terminal{}), "unknown │ ");
  prefix.learn(workflow);
  EXPECT_EQ(prefix.of(pod("w.build"), Terminal{}), "build       │ ");
  EXPECT_EQ(prefix.of(pod("w.integration"), Terminal{.utf8 = false}), "integration | ");
  EXPECT_EQ(prefix.of(pod("w.build"), Terminal{.color = true}),
            prefix.of(pod("w.build"), Terminal{.color = true}));
  EXPECT_NE(prefix.of(pod("w.build"), Terminal{.color = true}).substr(0, 5),
            prefix.of(pod("w.integration"), Terminal{.color = true}).substr(0, 5));
}

TEST(LogPrefix, SameNamesAreQualified) {
  Json workflow = sample_workflow("w", "Running",
                                  {{"w", "DAG", "Running", "", "main"},
                                   {"w.linux", "DAG", "Running", "w"},
                                   {"w.linux.test", "Pod", "Running", "w.linux", "t"},
                                   {"w.macos", "DAG", "Running", "w"},
                                   {"w.macos.test", "Pod", "Running", "w.macos", "t"}});
  LogPrefix prefix;
  prefix.learn(workflow);
  std::vector<std::string> labels;
  for (const char* name : {"w.linux.test", "w.macos.test"}) {
    labels.push_back(
        prefix.label(pod_name("w", at(workflow, {"status", "nodes", node_id("w", name)}))));
  }
  std::sort(labels.begin(), labels.end());
  EXPECT_TRUE((labels == std::vector<std::string>{"linux.test", "test"}) ||
              (labels == std::vector<std::string>{"macos.test", "test"}))
      << labels[0] << " " << labels[1];
}

}  // namespace
}  // namespace gantry::cli
