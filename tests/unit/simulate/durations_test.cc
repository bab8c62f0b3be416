#include "daemon/simulate/durations.h"

#include <gmock/gmock.h>

#include "tests/unit/simulate/fixture.h"

namespace gantry::simulate {
namespace {

using std::chrono::seconds;
using ::testing::HasSubstr;

Duration mean(std::string_view text, int draws = 20'000) {
  const auto distribution = Distribution::parse(text);
  if (!distribution) {
    ADD_FAILURE() << distribution.error().message;
    return {};
  }
  Duration sum{0};
  for (int i = 0; i < draws; ++i) sum += distribution->draw(static_cast<std::uint64_t>(i));
  return sum / draws;
}

TEST(Distribution, DrawsWhatItsNameSays) {
  EXPECT_EQ(mean("90s"), seconds(90));
  EXPECT_EQ(mean("2m"), seconds(120));
  EXPECT_EQ(mean("7"), seconds(7));
  EXPECT_NEAR(static_cast<double>(mean("uniform 10s 20s").count()), 15'000, 100);
  EXPECT_NEAR(static_cast<double>(mean("normal 60s 10s").count()), 60'000, 300);
  EXPECT_NEAR(static_cast<double>(mean("exponential 30s").count()), 30'000, 800);
  EXPECT_EQ(mean("normal 5s 0"), seconds(5));
}

TEST(Distribution, RefusesWhatIsNone) {
  for (const char* text : {"", "soon", "uniform 10s", "uniform 20s 10s", "normal", "-5s", "90s 1s", "exponential"}) {
    const auto parsed = Distribution::parse(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_THAT(parsed.error().message, HasSubstr("is no duration"));
  }
}

TEST(Durations, TheStepsNameComesBeforeTheTemplates) {
  const Durations known = durations("build: 10s\nwork: {duration: 20s, exitCode: 3, result: hi, outputs: {count: 5}}\n'*': 1s\n");
  EXPECT_EQ(known.script("build", "work", "x", 1).run, seconds(10));
  const auto work = known.script("test", "work", "x", 1);
  EXPECT_EQ(work.run, seconds(20));
  EXPECT_EQ(work.exit_code, 3);
  EXPECT_EQ(work.stdout_text, "hi");
  EXPECT_EQ(work.outputs.at("count"), "5");
  EXPECT_EQ(known.script("test", "other", "x", 1).run, seconds(1));
}

TEST(Durations, WhatIsDrawnDependsOnTheStepAndTheSeedAlone) {
  const Durations known = durations("'*': uniform 1s 1000s");
  EXPECT_EQ(known.script("a", "t", "wf.a", 1).run, known.script("a", "t", "wf.a", 1).run);
  EXPECT_NE(known.script("a", "t", "wf.a", 1).run, known.script("a", "t", "wf.b", 1).run);
  EXPECT_NE(known.script("a", "t", "wf.a", 1).run, known.script("a", "t", "wf.a", 2).run);
}

TEST(Durations, SayWhereAFileIsWrong) {
  workflow::Diagnostics diagnostics;
  Durations::parse("build: soon\ntest: {duraton: 1s}\nlint: {exitCode: x}\n", diagnostics);
  std::string all;
  for (const auto& one : diagnostics.items()) all += workflow::to_string(one, "d.yaml") + "\n";
  EXPECT_THAT(all, HasSubstr("d.yaml:1:8: "));
  EXPECT_THAT(all, HasSubstr("\"soon\" is no duration"));
  EXPECT_THAT(all, HasSubstr("did you mean 'duration'?"));
  EXPECT_THAT(all, HasSubstr("exitCode: expected a number"));
}

}  // namespace
}  // namespace gantry::simulate
