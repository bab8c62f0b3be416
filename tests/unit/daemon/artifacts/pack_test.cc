#include "daemon/artifacts/pack.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>

#include "daemon/artifacts/unpack.h"
#include "tests/unit/daemon/artifacts/support.h"

namespace gantry::artifacts {
namespace {

class PackTest : public ::testing::Test {
 protected:
  Result<void> pack_to(const std::string& from, const std::string& file, const Archive& archive) {
    const Staged source = staged(from);
    auto scanned = scan(source, Limits{});
    EXPECT_THAT(scanned, IsOk());
    UniqueFd fd(::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600));
    return pack(scanned->tree, source.name, staged_content(source), archive, fd.get());
  }
  /// What another program says is in it.
  std::string output_of(const std::string& command) {
    const std::string to = directory_.file("output");
    EXPECT_EQ(std::system((command + " > " + to).c_str()), 0);
    return read_file(to);
  }

  TemporaryDirectory directory_;
  std::string out_ = directory_.file("out");
  std::string packed_ = directory_.file("packed");
};

TEST_F(PackTest, ATarHasOneRootOwnerZeroAndIsTheSameEveryTime) {
  write_file(out_ + "/b", "bee", 0640, 86400);
  write_file(out_ + "/a/x", "", 0755, 0);
  std::filesystem::create_symlink("../b", out_ + "/a/l");
  ASSERT_THAT(pack_to(out_, packed_, {}), IsOk());
  EXPECT_EQ(output_of("tar tzf " + packed_), "out/\nout/a/\nout/a/l\nout/a/x\nout/b\n");
  EXPECT_THAT(output_of("TZ=UTC tar tvzf " + packed_ + " out/b"),
              ::testing::StartsWith("-rw-r----- 0/0               3 1970-01-02 00:00 out/b"));
  const std::string first = read_file(packed_);
  ASSERT_THAT(pack_to(out_, packed_, {}), IsOk());
  EXPECT_EQ(read_file(packed_), first);
}

TEST_F(PackTest, Levels) {
  write_file(out_, std::string(100'000, 'x'));
  ASSERT_THAT(pack_to(out_, packed_, {.level = 0}), IsOk());
  EXPECT_GT(std::filesystem::file_size(packed_), 100'000u);
  ASSERT_THAT(pack_to(out_, packed_, {.level = 9}), IsOk());
  EXPECT_LT(std::filesystem::file_size(packed_), 1'000u);
  EXPECT_EQ(output_of("tar tzf " + packed_), "out\n");
}

TEST_F(PackTest, WithoutAnArchiveAFileIsItselfAndADirectoryIsNothing) {
  write_file(out_ + "/f", "raw");
  ASSERT_THAT(pack_to(out_ + "/f", packed_, {.format = Archive::Format::None}), IsOk());
  EXPECT_EQ(read_file(packed_), "raw");
  EXPECT_THAT(pack_to(out_, packed_, {.format = Archive::Format::None}),
              FailsWith(Code::InvalidArgument));
}

TEST_F(PackTest, ThereAndBack) {
  write_file(out_ + "/empty", "", 0600, 77);
  write_file(out_ + "/d/large", std::string(3'000'000, 'l'), 0755);
  write_file(out_ + "/\xc3\xbc " + std::string(120, 'n'), "long name, not ASCII");
  std::filesystem::create_directory(out_ + "/nothing");
  std::filesystem::create_symlink("d/large", out_ + "/l");
  for (const auto format : {Archive::Format::Tar, Archive::Format::Zip}) {
    const Archive archive{.format = format, .specified = true};
    const std::string to = directory_.file("to" + std::to_string(static_cast<int>(format)));
    ASSERT_THAT(pack_to(out_, packed_, archive), IsOk());
    ASSERT_THAT(unpack(packed_, archive, Limits{}, to), IsOk());
    EXPECT_EQ(listing(to), listing(out_));
    EXPECT_EQ(mode_of(to + "/empty"), 0600u);
    EXPECT_EQ(mode_of(to + "/d/large"), 0755u);
    EXPECT_EQ(stat_of(to + "/empty").st_mtime, 77);
    EXPECT_FALSE(std::filesystem::exists(packed_));
  }
}

TEST_F(PackTest, AFileThatShrinksIsAnError) {
  write_file(out_, "0123456789");
  const Staged source = staged(out_);
  auto scanned = scan(source, Limits{});
  std::filesystem::resize_file(out_, 4);
  UniqueFd fd(::open(packed_.c_str(), O_WRONLY | O_CREAT, 0600));
  EXPECT_THAT(pack(scanned->tree, "out", staged_content(source), {}, fd.get()),
              FailsWith(Code::Aborted));
}

TEST_F(PackTest, AFullDiskIsResourceExhausted) {
  write_file(out_, std::string(1 << 20, 'x'));
  const Staged source = staged(out_);
  auto scanned = scan(source, Limits{});
  UniqueFd full(::open("/dev/full", O_WRONLY));
  EXPECT_THAT(pack(scanned->tree, "out", staged_content(source), {.level = 0}, full.get()),
              FailsWith(Code::ResourceExhausted));
}

}  // namespace
}  // namespace gantry::artifacts
