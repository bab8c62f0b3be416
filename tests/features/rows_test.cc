// rows.tsv: every row of the feature table has its tests, and they exist.

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace gantry::features {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFolder = "tests/features";

std::string read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream bytes;
  bytes << in.rdbuf();
  return bytes.str();
}

struct Row {
  int section = 0;
  std::string item, answer;
  std::vector<std::string> tests;
};

std::vector<Row> read_rows() {
  std::vector<Row> rows;
  std::stringstream lines(read_file(fs::path(kFolder) / "rows.tsv"));
  for (std::string line; std::getline(lines, line);) {
    if (line.empty() || line.front() == '#') continue;
    std::vector<std::string> cells;
    std::stringstream rest(line);
    for (std::string cell; std::getline(rest, cell, '\t');) cells.push_back(cell);
    EXPECT_EQ(cells.size(), 4u) << line;
    if (cells.size() != 4) continue;
    Row row{std::stoi(cells[0]), cells[1], cells[2], {}};
    std::stringstream tests(cells[3]);
    for (std::string test; tests >> test;) row.tests.push_back(test);
    rows.push_back(std::move(row));
  }
  return rows;
}

bool is_feature(const std::string& test) { return test.find('/') != std::string::npos; }

/// All sources of tests but these here, as one text.
std::string sources() {
  std::string all;
  for (const auto& entry : fs::recursive_directory_iterator("tests")) {
    const fs::path& path = entry.path();
    if (path.string().starts_with(kFolder)) continue;
    if (path.extension() == ".cc" || path.extension() == ".py") all += read_file(path);
  }
  return all;
}

TEST(Rows, AreAllThereInOrder) {
  const std::vector<Row> rows = read_rows();
  int before = 1;
  std::set<int> sections;
  std::set<std::pair<int, std::string>> items;
  for (const Row& row : rows) {
    EXPECT_GE(row.section, before) << row.item;
    before = row.section;
    sections.insert(row.section);
    EXPECT_TRUE(items.emplace(row.section, row.item).second) << "twice: " << row.item;
    EXPECT_FALSE(row.tests.empty()) << "no test: " << row.item;
    const bool known = row.answer.starts_with("yes") || row.answer.starts_with("adapted: ") ||
                       row.answer.starts_with("refused") || row.answer.starts_with("ignored");
    EXPECT_TRUE(known) << row.item << ": " << row.answer;
  }
  EXPECT_EQ(sections, (std::set<int>{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}));
}

TEST(Rows, NameTestsThatExist) {
  const std::string all = sources();
  for (const Row& row : read_rows()) {
    for (const std::string& test : row.tests) {
      if (is_feature(test)) {
        EXPECT_TRUE(fs::exists(fs::path(kFolder) / (test + ".yaml"))) << row.item << ": " << test;
        continue;
      }
      const auto dot = test.find('.'), colon = test.find(':');
      std::string written;
      if (colon != std::string::npos) {
        written = "def " + test.substr(colon + 1) + "(self)";
      } else if (dot != std::string::npos) {
        written = "(" + test.substr(0, dot) + ", " + test.substr(dot + 1) + ")";
      }
      EXPECT_TRUE(!written.empty() && all.find(written) != std::string::npos) << row.item << ": " << test;
    }
  }
}

TEST(Rows, NameEveryFeatureFile) {
  std::set<std::string> named;
  for (const Row& row : read_rows()) named.insert(row.tests.begin(), row.tests.end());
  for (const auto& entry : fs::recursive_directory_iterator(kFolder)) {
    if (entry.path().extension() != ".yaml") continue;
    const std::string name = fs::relative(entry.path(), kFolder).replace_extension("").string();
    EXPECT_TRUE(named.contains(name)) << name << " belongs to no row of rows.tsv";
  }
}

}  // namespace
}  // namespace gantry::features
