#include "daemon/node_selector.h"

#include <gtest/gtest.h>

namespace gantry {
namespace {

TEST(NodeSelector, Matches) {
  engine::Node node{.id = "wf-1",
                    .name = "wf[0].approve",
                    .display_name = "approve",
                    .template_name = "gate",
                    .phase = engine::Phase::Running,
                    .inputs = {.parameters = {{"env", "a=b,c"}}, .artifacts = {}}};
  struct Case {
    const char* selector;
    bool matches;
  };
  const Case cases[] = {
      {"", true},
      {"displayName=approve", true},
      {"displayName==approve", true},
      {"displayName!=approve", false},
      {"displayName=other", false},
      {"templateName=gate,phase=Running,name=wf[0].approve,id=wf-1", true},
      {"templateName=gate,phase=Failed", false},
      {"phase!=Failed", true},
      {"inputs.parameters.env.value=a\\=b\\,c", true},
      {"inputs.parameters.env.value=a=b\\,c", true},
      {"inputs.parameters.none.value=", true},
      {"inputs.parameters..value=x", false},
      {"nothing=x", false},
      {"nothing!=x", true},
      {",displayName=approve,", true},
  };
  for (const Case& c : cases) {
    auto selector = NodeSelector::parse(c.selector);
    ASSERT_TRUE(selector) << c.selector;
    EXPECT_EQ(selector->matches(node), c.matches) << c.selector;
    EXPECT_EQ(selector->empty(), *c.selector == '\0');
  }
}

TEST(NodeSelector, Errors) {
  EXPECT_EQ(NodeSelector::parse("a=b,approve").error().message,
            "unable to parse node field selector 'a=b,approve': invalid selector: 'a=b,approve'; "
            "can't understand 'approve'");
  EXPECT_FALSE(NodeSelector::parse("a=\\x"));
  EXPECT_FALSE(NodeSelector::parse("a=b\\"));
}

}  // namespace
}  // namespace gantry
