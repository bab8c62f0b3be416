#include "runtime/shim/event_queue.h"

#include <gtest/gtest.h>

namespace gantry::shim {
namespace {

TEST(EventQueueTest, KeepsTheOrder) {
  EventQueue queue;
  EXPECT_TRUE(queue.empty());
  for (const char* event : {"create", "start", "exit"}) queue.push(event);
  std::string order;
  for (; !queue.empty(); queue.sent()) order += queue.front() + " ";
  EXPECT_EQ(order, "create start exit ");
}

TEST(EventQueueTest, WaitsForContainerdForEver) {
  EventQueue queue;
  queue.push("exit");
  Duration before{}, waited{};
  while (waited < std::chrono::hours(1)) {
    const Duration pause = queue.unreachable();
    EXPECT_GE(pause, before);
    EXPECT_LE(pause, std::chrono::seconds(1)) << "containerd is told soon after it is back";
    before = pause;
    waited += pause;
    ASSERT_EQ(queue.front(), "exit");
  }
  queue.sent();
  queue.push("delete");
  EXPECT_LT(queue.unreachable(), std::chrono::milliseconds(100)) << "the next begins anew";
}

TEST(EventQueueTest, DropsWhatIsRefusedAgainAndAgain) {
  EventQueue queue;
  queue.push("bad");
  queue.push("good");
  int refusals = 0;
  while (queue.front() == "bad") {
    queue.refused();
    ASSERT_LT(++refusals, 100);
  }
  EXPECT_GT(refusals, 1);
  EXPECT_EQ(queue.front(), "good");
}

}  // namespace
}  // namespace gantry::shim
