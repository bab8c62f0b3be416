#include "daemon/artifacts/files.h"

#include <fcntl.h>

#include "tests/unit/daemon/artifacts/support.h"

namespace gantry::artifacts {
namespace {

TEST(Files, PlainPathsStayWhereTheyStart) {
  for (const char* good : {"a", "a/b", "...", "a/..b", "-", "a b/\n"}) {
    EXPECT_TRUE(is_plain_path(good)) << good;
  }
  for (const char* bad : {"", "/", "/a", "a/", "a//b", ".", "..", "a/../b", "./a", "a/."}) {
    EXPECT_FALSE(is_plain_path(bad)) << bad;
  }
  EXPECT_FALSE(is_plain_path(std::string("a\0b", 3)));
}

TEST(Files, OpenBeneathIsNotLedOut) {
  TemporaryDirectory directory;
  write_file(directory.file("root/in/file"), "inside");
  write_file(directory.file("secret"), "outside");
  namespace fs = std::filesystem;
  fs::create_symlink("in/file", directory.file("root/good"));
  fs::create_symlink("../secret", directory.file("root/up"));
  fs::create_symlink(directory.file("secret"), directory.file("root/absolute"));
  UniqueFd root(::open(directory.file("root").c_str(), O_PATH | O_DIRECTORY));

  EXPECT_THAT(open_beneath(root.get(), "in/file", O_RDONLY), IsOk());
  EXPECT_THAT(open_beneath(root.get(), "good", O_RDONLY, 0, true), IsOk());
  EXPECT_FALSE(open_beneath(root.get(), "good", O_RDONLY));
  for (const char* path : {"up", "absolute", "../secret", "in/../../secret"}) {
    EXPECT_FALSE(open_beneath(root.get(), path, O_RDONLY, 0, true)) << path;
  }
}

TEST(Files, AScratchDirectoryTakesItsContentWithIt) {
  TemporaryDirectory directory;
  std::string path;
  {
    auto scratch = ScratchDirectory::create(directory.path());
    ASSERT_THAT(scratch, IsOk());
    path = scratch->path();
    write_file(scratch->file("a/b"), "x");
    EXPECT_EQ(mode_of(path), 0700u);
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

}  // namespace
}  // namespace gantry::artifacts
