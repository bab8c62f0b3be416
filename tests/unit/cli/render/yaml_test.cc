#include "cli/render/yaml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gantry::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

TEST(Yaml, PrintsAsKubernetesDoes) {
  Json value =
      Json::parse(R"({"kind":"Workflow","spec":{"args":["echo","a: b"],"empty":[],"none":{},
    "num":3,"t":true,"nil":null,"script":"line 1\nline 2\n"}})");
  EXPECT_EQ(to_yaml(value), R"(kind: Workflow
spec:
  args:
  - echo
  - 'a: b'
  empty: []
  nil: null
  none: {}
  num: 3
  script: |
    line 1
    line 2
  t: true
)");
}

TEST(Yaml, QuotesWhatWouldReadAsAnotherType) {
  for (const char* text : {"true", "No", "null", "~", "", "1", "1.5", "-3", "0x1f", "1e3",
                           "2024-01-01", "2024-01-01T00:00:00Z", ".5", "12:30"}) {
    EXPECT_EQ(to_yaml(Json{{"k", text}}), "k: \"" + std::string(text) + "\"\n");
  }
  EXPECT_EQ(to_yaml(Json{{"k", "v1.2-rc"}}), "k: v1.2-rc\n");
  EXPECT_EQ(to_yaml(Json{{"k", "alpine:3.20"}}), "k: alpine:3.20\n");
}

TEST(Yaml, ParameterFile) {
  auto parsed =
      parse_parameter_file("a: hello\nb: 3\nc: true\nd: [1, 'x', {y: z}]\ne: ''\n", "p.yaml");
  ASSERT_TRUE(parsed);
  EXPECT_THAT(*parsed, ElementsAre(Pair("a", "hello"), Pair("b", "3"), Pair("c", "true"),
                                   Pair("d", R"([1,"x",{"y":"z"}])"), Pair("e", "")));
  ASSERT_TRUE(parse_parameter_file(R"({"a": "json"})", "p.json"));
  EXPECT_TRUE(parse_parameter_file("", "p.yaml")->empty());
}

TEST(Yaml, ParameterFileErrorsCarryThePlace) {
  struct Case {
    const char *text, *message;
  } const cases[] = {{"- a\n- b\n", "p.yaml:1:1: a parameter file is a mapping"},
                     {"a: 1\nb: [1\n", "p.yaml:3:1: "},
                     {"a: 1\n? [x]\n: 2\n", "p.yaml:2:3: a parameter's name is a text"}};
  for (const Case& c : cases) {
    auto parsed = parse_parameter_file(c.text, "p.yaml");
    ASSERT_FALSE(parsed) << c.text;
    EXPECT_THAT(parsed.error().message, HasSubstr(c.message));
  }
}

}  // namespace
}  // namespace gantry::cli
