#include "workflow/quantity.h"

#include <gmock/gmock.h>

#include <cstdint>
#include <limits>
#include <optional>
#include <random>
#include <string>

namespace gantry::workflow {
namespace {

using testing::HasSubstr;

constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();

TEST(Quantity, CpuInMillis) {
  const std::pair<const char*, std::int64_t> cases[] = {
      {"0", 0},     {"1", 1000},        {"500m", 500},     {"0.5", 500},       {".5", 500},
      {"2.", 2000}, {"+1", 1000},       {"1.5", 1500},     {"1e3", 1'000'000}, {"1E3", 1'000'000},
      {"1e-3", 1},  {"1.2345", 1235},   {"0.0001", 1},     {"100u", 1},        {"1000u", 1},
      {"1001u", 2}, {"1n", 1},          {"2k", 2'000'000}, {"0m", 0},          {"000500m", 500},
      {"-0", 0},    {"1Ki", 1'024'000}, {"1e+2", 100'000}, {"0.1", 100},
  };
  for (const auto& [text, expected] : cases) EXPECT_EQ(parse_cpu_milli(text), expected) << text;
}

TEST(Quantity, WholeNumbers) {
  const std::pair<const char*, std::int64_t> cases[] = {{"0", 0}, {"3", 3}, {"2.0", 2}, {"1k", 1000}, {"1500e-2", 15}, {"2000m", 2}};
  for (const auto& [text, expected] : cases) EXPECT_EQ(parse_whole(text), expected) << text;
  for (const char* text : {"1.5", "500m", "15e-1"}) {
    ASSERT_FALSE(parse_whole(text)) << text;
    EXPECT_THAT(parse_whole(text).error().message, HasSubstr("must be an integer")) << text;
  }
  EXPECT_FALSE(parse_whole("-1"));
  EXPECT_FALSE(parse_whole("two"));
}

TEST(Quantity, Bytes) {
  const std::pair<const char*, std::int64_t> cases[] = {
      {"0", 0},
      {"128974848", 128974848},
      {"64Mi", 67108864},
      {"1Ki", 1024},
      {"1Gi", 1073741824},
      {"1.5Gi", 1610612736},
      {"0.1Ki", 103},  // 102.4, rounded up
      {"1Ti", 1LL << 40},
      {"1Pi", 1LL << 50},
      {"7Ei", 7LL << 60},
      {"500M", 500'000'000},
      {"1k", 1000},
      {"2G", 2'000'000'000},
      {"3T", 3'000'000'000'000},
      {"4P", 4'000'000'000'000'000},
      {"1E", 1'000'000'000'000'000'000},
      {"1e3", 1000},
      {"1.5e3", 1500},
      {"123456789e-2", 1234568},
      {"1e18", 1'000'000'000'000'000'000},
      {"100m", 1},
      {"1e-999999", 1},
      {"9223372036854775807", kMax},
      {"9223372036854775806.5", kMax},
      {"0000000000000000000000000000001", 1},
      {"0.00000000000000000000000000000001", 1},
      {"1.0000000000000000000000000000000000001", 2},
      {"1.0000000000000000000000000000000000000", 1},
  };
  for (const auto& [text, expected] : cases) {
    const auto bytes = parse_bytes(text);
    ASSERT_TRUE(bytes) << text << ": " << bytes.error().message;
    EXPECT_EQ(*bytes, expected) << text;
  }
}

TEST(Quantity, Refused) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "a number is expected"},       {" 1", "a number is expected"},
      {"Mi", "a number is expected"},     {".", "a number is expected"},
      {"-", "a number is expected"},      {"{{x}}", "a number is expected"},
      {"1 ", "unknown suffix ' '"},       {"64mi", "unknown suffix 'mi'"},
      {"64MB", "unknown suffix 'MB'"},    {"64Mib", "unknown suffix 'Mib'"},
      {"1K", "unknown suffix 'K'"},       {"1e", "unknown suffix 'e'"},
      {"1e+", "unknown suffix 'e+'"},     {"1e+-3", "unknown suffix 'e+-3'"},
      {"1e1.5", "unknown suffix 'e1.5'"}, {"1.2.3", "unknown suffix '.3'"},
      {"1,5", "unknown suffix ',5'"},     {"-1", "must not be negative"},
      {"-500m", "must not be negative"},  {"1e99999999999", "unknown suffix"},
  };
  for (const auto& [text, expected] : cases) {
    for (const auto& result : {parse_bytes(text), parse_cpu_milli(text)}) {
      ASSERT_FALSE(result) << text;
      EXPECT_EQ(result.error().code, Code::InvalidArgument) << text;
      EXPECT_THAT(result.error().message,
                  HasSubstr("invalid quantity '" + std::string(text) + "'"));
      EXPECT_THAT(result.error().message, HasSubstr(expected));
    }
  }
  for (const char* text : {"8Ei", "10E", "9223372036854775808", "1e19", "1e999999",
                           "99999999999999999999999999", "9223372036854775807.1"}) {
    const auto result = parse_bytes(text);
    ASSERT_FALSE(result) << text << " " << *result;
    EXPECT_EQ(result.error().code, Code::OutOfRange) << text;
    EXPECT_EQ(result.error().message, "quantity '" + std::string(text) + "' is too large");
  }
  EXPECT_EQ(parse_cpu_milli("9223372036854775807").error().code, Code::OutOfRange);
  EXPECT_FALSE(parse_bytes(std::string(1'000'000, '9')));
}

TEST(Duration, AsGoReadsIt) {
  const std::pair<const char*, std::int64_t> cases[] = {
      {"0", 0},
      {"+0", 0},
      {"0s", 0},
      {"5s", 5'000},
      {"30s", 30'000},
      {"1h2m3.5s", 3'723'500},
      {"1.5h", 5'400'000},
      {".5s", 500},
      {"5.s", 5'000},
      {"300ms", 300},
      {"2m30s", 150'000},
      {"30s2m", 150'000},
      {"1s1s", 2'000},
      {"-1.5h", -5'400'000},
      {"+5s", 5'000},
      {"1ns", 1},  // never 0
      {"1us", 1},
      {"1500\u00b5s", 2},
      {"1000\u03bcs", 1},
      {"999999ns", 1},
      {"-1ns", -1},
      {"0.3333333333333333333h", 1'200'000},
      {"0.100000000000000000000h", 360'000},
      {"2562047h47m16.854s", 9'223'372'036'854},
      {"9223372036854775807ns", 9'223'372'036'855},
      {"-9223372036854775808ns", -9'223'372'036'855},
  };
  for (const auto& [text, expected] : cases) {
    const auto duration = parse_go_duration(text);
    ASSERT_TRUE(duration) << text << ": " << duration.error().message;
    EXPECT_EQ(duration->count(), expected) << text;
  }
}

TEST(Duration, RefusedAsGoRefusesIt) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "time: invalid duration \"\""},
      {"-", "time: invalid duration \"-\""},
      {"3", "time: missing unit in duration \"3\""},
      {"1.5", "time: missing unit in duration \"1.5\""},
      {"1h3", "time: missing unit in duration \"1h3\""},
      {"s", "time: invalid duration \"s\""},
      {".", "time: invalid duration \".\""},
      {".s", "time: invalid duration \".s\""},
      {" 1s", "time: invalid duration \" 1s\""},
      {"1s ", "time: unknown unit \"s \" in duration \"1s \""},
      {"1d", "time: unknown unit \"d\" in duration \"1d\""},
      {"1H", "time: unknown unit \"H\" in duration \"1H\""},
      {"1h-5m", "time: unknown unit \"h-\" in duration \"1h-5m\""},
      {"9223372036854775808ns", "time: invalid duration \"9223372036854775808ns\""},
      {"2562047h47m16.855s", "time: invalid duration \"2562047h47m16.855s\""},
      {"3000000h", "time: invalid duration \"3000000h\""},
      {"99999999999999999999s", "time: invalid duration \"99999999999999999999s\""},
  };
  for (const auto& [text, expected] : cases) {
    const auto duration = parse_go_duration(text);
    ASSERT_FALSE(duration) << text;
    EXPECT_EQ(duration.error().code, Code::InvalidArgument);
    EXPECT_EQ(duration.error().message, expected);
  }
}

TEST(Duration, BareNumbersAreSeconds) {
  EXPECT_EQ(parse_duration_or_seconds("10")->count(), 10'000);
  EXPECT_EQ(parse_duration_or_seconds("+10")->count(), 10'000);
  EXPECT_EQ(parse_duration_or_seconds("-1")->count(), -1'000);
  EXPECT_EQ(parse_duration_or_seconds("0")->count(), 0);
  EXPECT_EQ(parse_duration_or_seconds("010")->count(), 10'000);
  EXPECT_EQ(parse_duration_or_seconds("2m")->count(), 120'000);
  EXPECT_EQ(parse_duration_or_seconds("1.5").error().message,
            "unable to parse 1.5 as a duration: time: missing unit in duration \"1.5\"");
  EXPECT_FALSE(parse_duration_or_seconds(""));
  EXPECT_FALSE(parse_duration_or_seconds("+-1"));
  EXPECT_EQ(parse_duration_or_seconds("9223372037").error().code, Code::OutOfRange);
}

TEST(Quantity, RandomTextsDoNoHarm) {
  std::mt19937 random(19);
  constexpr std::string_view kAlphabet = "0123456789019.+-eEinumkKMGTPsh \xb5";
  int good = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string text;
    for (std::size_t length = random() % 24; length > 0; --length)
      text += kAlphabet[random() % kAlphabet.size()];
    const auto bytes = parse_bytes(text);
    const auto cpu = parse_cpu_milli(text);
    if (bytes) {
      EXPECT_GE(*bytes, 0) << text;
    }
    if (bytes && cpu) {
      EXPECT_GE(*cpu, *bytes) << text;
    }
    good += bytes.has_value() + parse_go_duration(text).has_value() +
            parse_duration_or_seconds(text).has_value();
  }
  EXPECT_GT(good, 200);
}

}  // namespace
}  // namespace gantry::workflow
