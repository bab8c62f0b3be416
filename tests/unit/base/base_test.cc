#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "base/clock.h"
#include "base/error.h"
#include "base/ids.h"

namespace gantry {
namespace {

TEST(Clock, PrintsAndReadsRfc3339) {
  struct Case { const char* text; long long millis; };
  for (auto [text, millis] : {Case{"1970-01-01T00:00:00Z", 0}, Case{"2024-02-29T12:34:56Z", 1709210096000},
                              Case{"2024-02-29T14:34:56+02:00", 1709210096000},
                              Case{"2024-02-29T12:34:56.789Z", 1709210096789},
                              Case{"2024-02-29T12:34:56.123456789Z", 1709210096123}}) {
    auto time = parse_rfc3339(text);
    ASSERT_TRUE(time) << text;
    EXPECT_EQ(time->time_since_epoch().count(), millis) << text;
  }
  EXPECT_EQ(rfc3339(Time(Duration(1709210096789))), "2024-02-29T12:34:56Z");
  EXPECT_EQ(rfc3339_millis(Time(Duration(1709210096789))), "2024-02-29T12:34:56.789Z");
  for (const char* bad : {"", "2024-02-29", "2024-02-29T12:34:56", "2024-02-29T12:34:56Zx", "x"}) {
    EXPECT_FALSE(parse_rfc3339(bad)) << bad;
  }
}

TEST(Ids, HashIsGosFnv32a) {
  EXPECT_EQ(fnv32a(""), 2166136261u);
  EXPECT_EQ(fnv32a("a"), 0xe40c292cu);
  EXPECT_EQ(fnv32a("foobar"), 0xbf9cf968u);
}

TEST(Ids, TheHashOfTextsKnowsWhereOneEnds) {
  const auto of = [](std::initializer_list<std::string_view> texts) {
    TextsHash hash;
    for (std::string_view text : texts) hash.add(text);
    return hash.text();
  };
  EXPECT_EQ(of({}), "cbf29ce484222325");
  EXPECT_EQ(of({"a"}), "089be207b544f1e4") << "FNV-1a of \"a\\0\"";
  EXPECT_NE(of({"ab", "c"}), of({"a", "bc"}));
  EXPECT_NE(of({"a"}), of({"a", ""}));
}

TEST(Ids, RandomNamesHaveTheirFormAndDiffer) {
  std::set<std::string> uuids, suffixes;
  for (int i = 0; i < 200; ++i) {
    uuids.insert(random_uuid());
    suffixes.insert(random_suffix(5));
  }
  EXPECT_EQ(uuids.size(), 200u);
  EXPECT_GT(suffixes.size(), 190u);
  EXPECT_THAT(*uuids.begin(), ::testing::MatchesRegex("[0-9a-f]+-[0-9a-f]+-4[0-9a-f]+-[89ab][0-9a-f]+-[0-9a-f]+"));
  EXPECT_THAT(*suffixes.begin(), ::testing::MatchesRegex("[bcdfghjklmnpqrstvwxz2456789]+"));
}

TEST(Error, WrapPutsTheContextInFront) {
  Error error = errno_error("open /x", ENOENT).wrap("read config");
  EXPECT_EQ(error.code, Code::NotFound);
  EXPECT_EQ(error.message, "read config: open /x: No such file or directory");
}

}  // namespace
}  // namespace gantry
