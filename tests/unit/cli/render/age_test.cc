#include "cli/render/age.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace gantry::cli {
namespace {

using namespace std::chrono_literals;

Time at_second(int seconds) { return Time(std::chrono::seconds(1'704'067'200 + seconds)); }  // 2024

TEST(Age, Short) {
  struct Case {
    Duration duration;
    const char* text;
  } const cases[] = {{0ms, "0s"},    {999ms, "0s"},        {5s, "5s"},           {59'999ms, "59s"},
                     {60s, "1m"},    {119s, "1m"},         {59min + 59s, "59m"}, {60min, "1h"},
                     {119min, "1h"}, {23h + 59min, "23h"}, {24h, "1d"},          {24h * 30, "30d"}};
  for (const Case& c : cases) EXPECT_EQ(short_duration(c.duration), c.text);
}

TEST(Age, ShortFromTimes) {
  EXPECT_EQ(short_duration(std::nullopt, std::nullopt, at_second(9)), "0s");
  EXPECT_EQ(short_duration(at_second(0), std::nullopt, at_second(9)), "9s");
  EXPECT_EQ(short_duration(at_second(0), at_second(3), at_second(9)), "3s");
}

TEST(Age, Long) {
  struct Case {
    Duration duration;
    const char* text;
  } const cases[] = {{300ms, "0 seconds"},
                     {1s, "1 second"},
                     {5s, "5 seconds"},
                     {60s, "1 minute 0 seconds"},
                     {90s, "1 minute 30 seconds"},
                     {2h + 5min, "2 hours 5 minutes"},
                     {24h * 3 + 4h, "3 days 4 hours"},
                     {24h * 8, "1 week 0 hours"}};
  for (const Case& c : cases) EXPECT_EQ(long_duration(c.duration), c.text);
}

TEST(Age, Timestamps) {
  ::setenv("TZ", "UTC", 1);
  ::tzset();
  EXPECT_EQ(timestamp(at_second(0), at_second(5)), "Mon Jan 01 00:00:00 +0000 (5 seconds ago)");
  EXPECT_EQ(timestamp(at_second(0), at_second(0)), "Mon Jan 01 00:00:00 +0000 (now)");
  EXPECT_EQ(timestamp(at_second(61), at_second(0)),
            "Mon Jan 01 00:01:01 +0000 (1 minute from now)");
  EXPECT_EQ(go_time(at_second(3)), "2024-01-01 00:00:03 +0000 UTC");
}

TEST(Age, Running) {
  EXPECT_EQ(running_time(-1s), "0.0s");
  EXPECT_EQ(running_time(12'349ms), "12.3s");
  EXPECT_EQ(running_time(65s), "1m05s");
  EXPECT_EQ(running_time(2h + 7min), "2h07m");
}

TEST(Age, ParseDuration) {
  EXPECT_EQ(parse_duration("10m"), 10min);
  EXPECT_EQ(parse_duration("1d"), 24h);
  EXPECT_EQ(parse_duration("1h30m"), 90min);
  for (const char* bad : {"", "m", "10", "10x", "-1m", "1.5h", "99999999999s"}) {
    EXPECT_EQ(parse_duration(bad), std::nullopt) << bad;
  }
}

}  // namespace
}  // namespace gantry::cli
