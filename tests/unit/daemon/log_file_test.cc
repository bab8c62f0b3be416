#include "daemon/log_file.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/unit/daemon/temporary_directory.h"

namespace gantry {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class LogFileTest : public ::testing::Test {
 protected:
  void append(const std::string& text) { std::ofstream(path_, std::ios::app) << text; }
  static std::vector<std::string> read(LogFile& file, std::size_t budget = 1 << 30) {
    std::vector<std::string> lines;
    EXPECT_TRUE(file.read(budget, lines));
    return lines;
  }

  TemporaryDirectory directory_;
  std::string path_ = directory_.file("main.stdout");
};

TEST_F(LogFileTest, GivesWholeLinesAsTheFileGrows) {
  LogFile file(path_);
  EXPECT_THAT(read(file), IsEmpty());  // not there yet
  append("one\ntw");
  EXPECT_THAT(read(file), ElementsAre("one"));
  append("o\n\nthree");
  EXPECT_THAT(read(file), ElementsAre("two", ""));
  std::vector<std::string> rest;
  file.finish(rest);
  EXPECT_THAT(rest, ElementsAre("three"));
  file.finish(rest);
  EXPECT_THAT(rest, ElementsAre("three"));
}

// Whoever follows a workflow of thousands of steps follows twice as many files.
TEST_F(LogFileTest, HoldsNoDescriptorBetweenTwoReads) {
  const auto open_files = [] {
    return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), std::filesystem::directory_iterator());
  };
  append("one\ntwo\n");
  const auto before = open_files();
  LogFile file(path_);
  EXPECT_TRUE(file.last_written());
  EXPECT_EQ(file.seek_tail(1).value(), 1u);
  EXPECT_THAT(read(file), ElementsAre("two"));
  EXPECT_EQ(open_files(), before);
  append("three\n");
  EXPECT_THAT(read(file), ElementsAre("three"));
}

TEST_F(LogFileTest, ABudgetLeavesTheRestForLater) {
  for (int i = 0; i < 30'000; ++i) append("0123456789\n");
  LogFile file(path_);
  std::vector<std::string> lines;
  auto more = file.read(100'000, lines);
  ASSERT_TRUE(more && *more);
  EXPECT_LT(lines.size(), 30'000u);
  while (*file.read(100'000, lines)) {
  }
  EXPECT_EQ(lines.size(), 30'000u);
}

TEST_F(LogFileTest, CutsLinesThatAreTooLong) {
  append(std::string(2 * kLongestLine + 5, 'x') + "\n" + std::string(kLongestLine, 'y') + "\nz\n");
  LogFile file(path_);
  std::vector<std::size_t> sizes;
  for (const std::string& line : read(file)) sizes.push_back(line.size());
  EXPECT_THAT(sizes, ElementsAre(kLongestLine, kLongestLine, 5, kLongestLine, 1));
}

TEST_F(LogFileTest, Tail) {
  struct Case {
    std::string text;
    std::size_t lines;
    std::vector<std::string> tail;
  };
  const std::string long_line(200'000, 'x');
  const Case cases[] = {
      {"", 3, {}},
      {"a\nb\nc\n", 2, {"b", "c"}},
      {"a\nb\nc\n", 3, {"a", "b", "c"}},
      {"a\nb\nc\n", 9, {"a", "b", "c"}},
      {"a\nb\nc\n", 0, {}},
      {"a\nb\nc", 2, {"b", "c"}},
      {"\n\n\n", 2, {"", ""}},
      {"a\n" + long_line + "\nc\n", 2, {long_line, "c"}},
  };
  for (const Case& c : cases) {
    std::ofstream(path_, std::ios::trunc) << c.text;
    LogFile file(path_);
    EXPECT_EQ(file.seek_tail(c.lines).value(), c.tail.size()) << c.text.substr(0, 20);
    std::vector<std::string> lines = read(file);
    file.finish(lines);
    EXPECT_EQ(lines, c.tail) << c.text.substr(0, 20) << " " << c.lines;
  }
}

TEST_F(LogFileTest, ALinkIsNotFollowed) {
  std::filesystem::create_symlink("/etc/passwd", path_);
  LogFile file(path_);
  std::vector<std::string> lines;
  EXPECT_FALSE(file.read(100, lines));
  EXPECT_THAT(lines, IsEmpty());
}

TEST_F(LogFileTest, TellsWhenItWasWritten) {
  LogFile file(path_);
  EXPECT_EQ(file.last_written(), std::nullopt);
  append("x");
  EXPECT_TRUE(file.last_written().has_value());
}

}  // namespace
}  // namespace gantry
