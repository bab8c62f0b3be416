#include "cli/render/diagnostic.h"

#include <gtest/gtest.h>

namespace gantry::cli {
namespace {

constexpr const char* kSource = "apiVersion: x\nkind: Workflow\n  foo: bar\n";

TEST(Diagnostic, SplitsMessages) {
  EXPECT_EQ(message_lines("a\n\nb \n"), (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(message_lines("").empty());
}

TEST(Diagnostic, ShowsThePlace) {
  EXPECT_EQ(excerpt("w.yaml:3:8: unknown", "w.yaml", kSource, Terminal{}),
            "     3 │   foo: bar\n"
            "       │        ^\n");
}

TEST(Diagnostic, ShowsNothingWhenThereIsNoPlace) {
  for (const char* line :
       {"unknown field", "other.yaml:3:5: x", "w.yaml: x", "w.yaml:3: x", "w.yaml:9:1: x",
        "w.yaml:0:0: x", "w.yaml:3:99: x", "w.yaml:3:", "w.yaml"}) {
    EXPECT_EQ(excerpt(line, "w.yaml", kSource, Terminal{}), "") << line;
  }
}

}  // namespace
}  // namespace gantry::cli
