// Every file below tests/features is a test: README.md there.

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "tests/features/player.h"

namespace gantry::features {
namespace {

constexpr const char* kFolder = "tests/features";

class Feature : public ::testing::Test {
 public:
  explicit Feature(std::filesystem::path file) : file_(std::move(file)) {}

  void TestBody() override {
    const auto read = read_case(file_);
    ASSERT_TRUE(read) << file_ << ": " << read.error().message;
    std::vector<std::string> wrong;
    std::string story;
    if (read->cron) {
      wrong = play_cron(*read, story);
    } else {
      Player player(*read);
      wrong = player.play();
      story = player.story();
    }
    for (const std::string& line : wrong) ADD_FAILURE() << file_.string() << "\n" << line;
    if (!wrong.empty()) std::cout << "how it went:\n" << story << "\n";
  }

 private:
  std::filesystem::path file_;
};

/// `steps/group-waits-for-all.yaml` is the test `steps.group_waits_for_all`.
bool register_files() {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(kFolder)) {
    if (entry.path().extension() == ".yaml") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  for (const auto& file : files) {
    std::string suite = file.parent_path().filename(), name = file.stem();
    std::replace(suite.begin(), suite.end(), '-', '_');
    std::replace(name.begin(), name.end(), '-', '_');
    ::testing::RegisterTest(suite.c_str(), name.c_str(), nullptr, nullptr, __FILE__, __LINE__,
                            [file]() -> Feature* { return new Feature(file); });
  }
  return true;
}

}  // namespace
}  // namespace gantry::features

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  gantry::features::register_files();
  return RUN_ALL_TESTS();
}
