// A repository on a small disk: full is an error, not an end.

#include <sys/mount.h>
#include <unistd.h>

#include "daemon/artifacts/local_repository.h"
#include "tests/unit/daemon/artifacts/support.h"

namespace gantry::artifacts {
namespace {

class FullDiskTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "only root can mount";
    std::filesystem::create_directory(disk_);
    ASSERT_EQ(::mount("tmpfs", disk_.c_str(), "tmpfs", 0, "size=4m,nr_inodes=1000"), 0);
    auto opened = LocalRepository::open(disk_ + "/repository", Limits{});
    ASSERT_THAT(opened, IsOk());
    repository_ = std::move(*opened);
  }
  void TearDown() override {
    repository_.reset();
    ::umount(disk_.c_str());
  }
  void expect_it_goes_on() {
    EXPECT_THAT(repository_->materialise("k", {}), FailsWith(Code::NotFound));
    EXPECT_THAT(listing(disk_ + "/repository/tmp"), ::testing::IsEmpty());
    ASSERT_THAT(repository_->collect_garbage(), IsOk());
    write_file(directory_.file("small"), "small");
    ASSERT_THAT(repository_->save(staged(directory_.file("small")), "k", {}), IsOk());
    auto tree = repository_->materialise("k", {});
    ASSERT_THAT(tree, IsOk());
    EXPECT_EQ(read_file(tree->path()), "small");
  }

  TemporaryDirectory directory_;
  std::string disk_ = directory_.file("disk");
  std::unique_ptr<LocalRepository> repository_;
};

TEST_F(FullDiskTest, OneLargeFile) {
  write_file(directory_.file("large"), std::string(8 << 20, 'x'));
  EXPECT_THAT(repository_->save(staged(directory_.file("large")), "k", {}),
              FailsWith(Code::ResourceExhausted));
  expect_it_goes_on();
}

TEST_F(FullDiskTest, ManySmallFiles) {
  for (int i = 0; i < 2000; ++i) {
    write_file(directory_.file("many/" + std::to_string(i)), std::to_string(i));
  }
  EXPECT_THAT(repository_->save(staged(directory_.file("many")), "k", {}),
              FailsWith(Code::ResourceExhausted));
  expect_it_goes_on();
}

}  // namespace
}  // namespace gantry::artifacts
