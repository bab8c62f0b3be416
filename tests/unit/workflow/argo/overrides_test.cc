#include "workflow/argo/overrides.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/workflows.h"

namespace gantry::workflow {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char* kTemplates =
    "  templates:\n  - {name: main, container: {image: busybox}}\n  - {name: other, container: "
    "{image: busybox}}\n";

TEST(Overrides, ParametersAreReplacedOrAdded) {
  const auto outcome = compile_yaml(
      workflow_yaml("  entrypoint: main\n  arguments:\n    parameters: [{name: a, value: 1}, "
                    "{name: b}, {name: c, value: 3}]\n" +
                    std::string(kTemplates)),
      {.parameters = {{"b", "two"}, {"d", "012"}, {"d", "yes"}}, .entrypoint = "other"});
  ASSERT_THAT(outcome.diagnostics, IsEmpty());
  const Plan& plan = *outcome.compiled[0].plan;
  EXPECT_EQ(plan.templates[plan.entrypoint].name, "other");
  std::string arguments;
  for (const InputParameter& argument : plan.arguments)
    arguments += argument.name + "=" + argument.value->source() + " ";
  EXPECT_EQ(arguments, "a=1 b=two c=3 d=yes ");
  EXPECT_THAT(
      outcome.compiled[0].spec_json,
      HasSubstr(
          R"({"entrypoint":"other","arguments":{"parameters":[{"name":"a","value":"1"},)"
          R"({"name":"b","value":"two"},{"name":"c","value":"3"},{"name":"d","value":"yes"}]})"));
}

TEST(Overrides, WorkWithoutAnythingToReplace) {
  const auto outcome =
      compile_yaml(workflow_yaml(kTemplates), {.parameters = {{"a", "b"}}, .entrypoint = "main"});
  EXPECT_THAT(outcome.diagnostics, IsEmpty());
  ASSERT_EQ(outcome.compiled.size(), 1u);
  EXPECT_EQ(outcome.compiled[0].plan->arguments.size(), 1u);
}

TEST(Overrides, AnEnumStillHolds) {
  EXPECT_THAT(
      errors_of_spec(
          "  entrypoint: main\n  arguments: {parameters: [{name: a, value: b, enum: [b, c]}]}\n" +
              std::string(kTemplates),
          {.parameters = {{"a", "d"}}}),
      ElementsAre(
          HasSubstr("spec.arguments.a.value should be present in spec.arguments.a.enum list")));
}

TEST(Overrides, MalformedArgumentsAreStillReported) {
  for (const char* arguments : {"  arguments: 7\n", "  arguments: {parameters: 7}\n"}) {
    EXPECT_THAT(errors_of_spec("  entrypoint: main\n" + std::string(arguments) + kTemplates,
                               {.parameters = {{"a", "d"}}}),
                ElementsAre(HasSubstr("found a number")));
  }
}

}  // namespace
}  // namespace gantry::workflow
