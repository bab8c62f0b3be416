#include "daemon/simulate/report.h"

#include <gmock/gmock.h>

#include "daemon/simulate/usage.h"
#include "tests/unit/simulate/fixture.h"
#include "workflow/document.h"

namespace gantry::simulate {
namespace {

using std::chrono::seconds;
using ::testing::AllOf;
using ::testing::HasSubstr;

class ReportTest : public ::testing::Test {
 protected:
  Host host_ = host(2);
  Durations durations_ = durations("compile: 60s\nunit: 30s\nlint: 10s\npackage: 10s\n");
  workflow::Compiled workflow_ = compile(kDiamond);
  Played played_ = simulate(workflow_, host_, durations_, 1);
};

TEST_F(ReportTest, TellsHowLongItTookAndWhatOfTheHostWasUsed) {
  const std::string text = report(played_, host_);
  EXPECT_THAT(text, AllOf(HasSubstr("Result:       Succeeded\n"), HasSubstr("Makespan:     1m40s\n"),
                          HasSubstr("Pods:         4, at most 2 at once, 1.1 on average\n"),
                          HasSubstr("CPU:          55 % of 2.0 requested on average, at most 100 %\n")));
  EXPECT_THAT(text, HasSubstr("Critical path:\n  0s            ci.compile  1m00s\n  1m00s         ci.unit  30s\n"
                              "  1m30s         ci.package  10s\n"));
}

TEST_F(ReportTest, UsageIsExact) {
  const auto used = usage(played_);
  ASSERT_EQ(used.size(), 5u) << "the four starts fall on three moments; lint ends, all end";
  EXPECT_EQ(used[0].amounts.slots, 1);
  EXPECT_EQ(used[1].at - played_.begin, seconds(60));
  EXPECT_EQ(used[1].amounts.slots, 2);
  EXPECT_EQ(used[2].at - played_.begin, seconds(70));
  EXPECT_EQ(used[2].amounts.cpu_milli, 1000);
  EXPECT_EQ(used.back().amounts.slots, 0);
  const UsageSum summed = sum(used, played_.begin, played_.end, 10);
  EXPECT_DOUBLE_EQ(summed.pods, 1.1);
  EXPECT_DOUBLE_EQ(summed.pods_over_time[5], 1);
  EXPECT_DOUBLE_EQ(summed.pods_over_time[6], 2);
  EXPECT_DOUBLE_EQ(summed.pods_over_time[9], 1);
}

TEST_F(ReportTest, TheTraceIsJsonThatPerfettoReads) {
  const std::string json = trace(played_);
  workflow::Diagnostics diagnostics;
  const auto document = workflow::Document::parse_json(json, {}, diagnostics);
  ASSERT_FALSE(diagnostics.has_errors()) << json;
  const workflow::Node* events = document.roots().front()->find("traceEvents");
  ASSERT_NE(events, nullptr);
  std::map<std::string, int> kinds;
  const workflow::Node* unit = nullptr;
  const workflow::Node* lint = nullptr;
  for (const workflow::Node* event : events->items) {
    ++kinds[std::string(event->find("ph")->text)];
    if (event->find("name")->text == "unit") unit = event;
    if (event->find("name")->text == "lint") lint = event;
  }
  EXPECT_EQ(kinds["X"], 4);
  EXPECT_EQ(kinds["C"], 3 * 5);
  ASSERT_TRUE(unit != nullptr && lint != nullptr);
  EXPECT_EQ(unit->find("ts")->text, "60000000");
  EXPECT_EQ(unit->find("dur")->text, "30000000");
  EXPECT_NE(unit->find("tid")->text, lint->find("tid")->text) << "they ran at once";
}

}  // namespace
}  // namespace gantry::simulate
