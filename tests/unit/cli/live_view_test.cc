#include "cli/live_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/render/terminal.h"
#include "sample.h"

namespace gantry::cli {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

const Time kNow = *parse_rfc3339("2024-01-01T00:00:10Z");
const Steady::time_point kStart{};  // the spinner's first frame

Json dag(const char* phase_of_b) {
  return sample_workflow("w", "Running",
                         {{"w", "DAG", "Running", "", "main", 0},
                          {"w.a", "Pod", "Succeeded", "w", "t", 0, 3},
                          {"w.b", "Pod", phase_of_b, "w", "t", 3}});
}

TEST(LiveView, TreeWithTimes) {
  LiveView view;
  view.observe(dag("Running"), kStart);
  EXPECT_THAT(view.lines(dag("Running"), Terminal{}, kStart, kNow, ""),
              ElementsAre("", " ⠋ w    10.0s  0/1", " ├─✔ a     3s", " └─⠋ b   7.0s"));
  EXPECT_THAT(
      view.lines(dag("Running"), Terminal{.utf8 = false}, kStart, kNow, "a note"),
      ElementsAre("", " | w            10.0s  0/1", " |-Succeeded a     3s", testing::_, " a note"))
      << "ASCII";
}

TEST(LiveView, TimesWhatItSeesToTheTenth) {
  LiveView view;
  view.observe(dag("Pending"), kStart);
  view.observe(dag("Running"), kStart + 1s);
  auto running = view.lines(dag("Running"), Terminal{}, kStart + 1500ms, kNow, "");
  EXPECT_THAT(running[3], HasSubstr("b   0.5s"));
  view.observe(dag("Succeeded"), kStart + 2340ms);
  auto ended = view.lines(dag("Succeeded"), Terminal{}, kStart + 9s, kNow, "");
  EXPECT_THAT(ended[3], HasSubstr("b   1.3s"));
}

TEST(LiveView, BeforeTheFirstNode) {
  Json workflow = sample_workflow("w", "Pending", {});
  workflow["status"]["message"] = "waiting for a slot";
  EXPECT_THAT(LiveView().lines(workflow, Terminal{}, kStart, kNow, ""),
              ElementsAre("", " ⠋ w  Pending  waiting for a slot"));
}

TEST(LiveView, FitsTheTerminal) {
  std::vector<NodeSpec> nodes{{"w", "DAG", "Running", "", "main"}};
  for (int i = 0; i < 50; ++i) {
    nodes.push_back({"w.done" + std::to_string(i), "Pod", "Succeeded", "w", "t", i, i + 1});
  }
  nodes.push_back({"w.running", "Pod", "Running", "w", "t", 55});
  nodes.push_back({"w.failed", "Pod", "Failed", "w", "t", 5, 6, {}, std::string(200, 'x')});
  Json workflow = sample_workflow("w", "Running", nodes);
  auto lines =
      LiveView().lines(workflow, Terminal{.columns = 40, .rows = 12}, kStart, kNow, "note");
  EXPECT_LE(lines.size(), 8u);
  std::string text;
  for (const std::string& line : lines) {
    EXPECT_LT(visible_width(line), 40) << line;
    text += line + "\n";
  }
  EXPECT_THAT(text, HasSubstr("running"));
  EXPECT_THAT(text, HasSubstr("failed"));
  EXPECT_THAT(text, HasSubstr("done49"));
  EXPECT_THAT(text, HasSubstr("48 more:  48 ✔"));
}

}  // namespace
}  // namespace gantry::cli
