#include "daemon/artifacts/unpack.h"

#include <archive.h>
#include <archive_entry.h>

#include "tests/unit/daemon/artifacts/support.h"

namespace gantry::artifacts {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

const Archive kTar{.format = Archive::Format::Tar, .specified = true};
const Archive kNone{.format = Archive::Format::None, .specified = true};
const Archive kZip{.format = Archive::Format::Zip, .specified = true};

struct Item {
  std::string name;
  unsigned type = AE_IFREG;
  std::string content;  ///< or the target
  unsigned mode = 0644;
  bool hard_link = false;
};

class UnpackTest : public ::testing::Test {
 protected:
  UnpackTest() { std::filesystem::create_directory(directory_.file("to")); }

  /// An archive with whatever is asked for, however evil.
  void make(const std::vector<Item>& items, bool zip = false) {
    struct archive* a = ::archive_write_new();
    if (zip) {
      ::archive_write_set_format_zip(a);
    } else {
      ::archive_write_set_format_gnutar(a);
      ::archive_write_add_filter_gzip(a);
    }
    ::archive_write_open_filename(a, packed_.c_str());
    for (const Item& item : items) {
      struct archive_entry* e = ::archive_entry_new();
      ::archive_entry_copy_pathname(e, item.name.c_str());
      ::archive_entry_set_filetype(e, item.type);
      ::archive_entry_set_perm(e, item.mode);
      if (item.hard_link) {
        ::archive_entry_copy_hardlink(e, item.content.c_str());
      } else if (item.type == AE_IFLNK) {
        ::archive_entry_copy_symlink(e, item.content.c_str());
      } else {
        ::archive_entry_set_size(e, static_cast<la_int64_t>(item.content.size()));
      }
      ASSERT_GE(::archive_write_header(a, e), ARCHIVE_WARN) << ::archive_error_string(a);
      if (item.type == AE_IFREG && !item.hard_link) {
        ::archive_write_data(a, item.content.data(), item.content.size());
      }
      ::archive_entry_free(e);
    }
    ASSERT_EQ(::archive_write_close(a), ARCHIVE_OK);
    ::archive_write_free(a);
  }
  Result<void> unpack_it(const Archive& archive = {}, const Limits& limits = {}) {
    return unpack(packed_, archive, limits, to_);
  }
  /// Refused, and nothing was left anywhere.
  void expect_refused(const std::vector<Item>& items, Code code = Code::InvalidArgument,
                      const Limits& limits = {}, bool zip = false) {
    make(items, zip);
    EXPECT_THAT(unpack_it(zip ? kZip : kTar, limits), FailsWith(code)) << items.back().name;
    EXPECT_THAT(listing(directory_.file("to")), IsEmpty());
    EXPECT_FALSE(std::filesystem::exists(directory_.file("evil")));
    EXPECT_FALSE(std::filesystem::exists("/tmp/gantry-evil"));
  }

  TemporaryDirectory directory_;
  std::string packed_ = directory_.file("packed");
  std::string to_ = directory_.file("to/artifact");
};

TEST_F(UnpackTest, OneThingAtTheTopBecomesTheArtifact) {
  make({{"out.txt", AE_IFREG, "file", 0600}});
  ASSERT_THAT(unpack_it(), IsOk());
  EXPECT_EQ(read_file(to_), "file");
  EXPECT_EQ(mode_of(to_), 0600u);
}

TEST_F(UnpackTest, OneDirectoryBecomesTheArtifact) {
  make(
      {{"./out", AE_IFDIR, "", 0700}, {"./out/a", AE_IFREG, "1", 04755}, {"out/l", AE_IFLNK, "a"}});
  ASSERT_THAT(unpack_it(), IsOk());
  EXPECT_THAT(listing(to_), ElementsAre(Pair("a", "1"), Pair("l", "-> a")));
  EXPECT_EQ(mode_of(to_ + "/a"), 0755u);  // no setuid
  EXPECT_EQ(mode_of(to_), 0755u);
}

TEST_F(UnpackTest, SeveralThingsBecomeADirectory) {
  make({{"a", AE_IFREG, "1"}, {"b/c", AE_IFREG, "2"}});
  ASSERT_THAT(unpack_it(), IsOk());
  EXPECT_THAT(listing(to_), ElementsAre(Pair("a", "1"), Pair("b", "/"), Pair("b/c", "2")));
}

TEST_F(UnpackTest, WithoutAnArchiveOnlyATarIsSniffed) {
  write_file(packed_, "plain", 0600);
  ASSERT_THAT(unpack_it(), IsOk());
  EXPECT_EQ(read_file(to_), "plain");
  EXPECT_EQ(mode_of(to_), 0644u);
  std::filesystem::remove(to_);

  make({{"x", AE_IFREG, "1"}}, /*zip=*/true);
  const std::string zip = read_file(packed_);
  ASSERT_THAT(unpack_it(), IsOk());  // a zip is only unpacked when that is said
  EXPECT_EQ(read_file(to_), zip);
  std::filesystem::remove(to_);

  ASSERT_EQ(std::system(("echo hello | gzip > " + packed_).c_str()), 0);
  ASSERT_THAT(unpack_it(), IsOk());  // gzip, but no tar in it
  EXPECT_EQ(read_file(to_).substr(0, 2), "\x1f\x8b");
}

TEST_F(UnpackTest, NoneNeverUnpacks) {
  make({{"x", AE_IFREG, "1"}});
  const std::string bytes = read_file(packed_);
  ASSERT_THAT(unpack_it(kNone), IsOk());
  EXPECT_EQ(read_file(to_), bytes);
}

TEST_F(UnpackTest, WhatIsSaidMustBeSo) {
  write_file(packed_, "plain");
  EXPECT_THAT(unpack_it(kTar), FailsWith(Code::InvalidArgument));
  write_file(packed_, "plain");
  EXPECT_THAT(unpack_it(kZip), FailsWith(Code::InvalidArgument));
  make({{"x", AE_IFREG, std::string(100'000, 'x')}});
  std::filesystem::resize_file(packed_, std::filesystem::file_size(packed_) / 2);
  EXPECT_THAT(unpack_it(kTar), FailsWith(Code::InvalidArgument));
}

TEST_F(UnpackTest, Zip) {
  make({{"d/", AE_IFDIR, "", 0700}, {"d/a", AE_IFREG, "1", 0755}, {"e", AE_IFREG, "2"}}, true);
  ASSERT_THAT(unpack_it(kZip), IsOk());
  EXPECT_THAT(listing(to_), ElementsAre(Pair("d", "/"), Pair("d/a", "1"), Pair("e", "2")));
}

TEST_F(UnpackTest, HardLinksInside) {
  make({{"o/a", AE_IFREG, "1"}, {"o/b", AE_IFREG, "o/a", 0644, true}});
  ASSERT_THAT(unpack_it(), IsOk());
  EXPECT_THAT(listing(to_), ElementsAre(Pair("a", "1"), Pair("b", "1")));
}

TEST_F(UnpackTest, NothingLeavesTheDestination) {
  expect_refused({{"../evil", AE_IFREG, "x"}});
  expect_refused({{"a/../../evil", AE_IFREG, "x"}});
  expect_refused({{"/tmp/gantry-evil", AE_IFREG, "x"}});
  expect_refused({{"..", AE_IFDIR}});
  expect_refused({{"l", AE_IFLNK, "/etc"}});
  expect_refused({{"l", AE_IFLNK, "../evil"}});
  expect_refused({{"d/l", AE_IFLNK, "../../evil"}});
  expect_refused({{"l", AE_IFLNK, "."}});
  expect_refused({{"d", AE_IFDIR}, {"d/l", AE_IFLNK, "../x"}});  // out of d, which would be all
  expect_refused({{"l", AE_IFLNK, "l"}});
  expect_refused({{"h", AE_IFREG, "/etc/passwd", 0644, true}});
  expect_refused({{"h", AE_IFREG, "../../etc/passwd", 0644, true}});
  expect_refused({{"h", AE_IFREG, "not there", 0644, true}});
  expect_refused({{"../evil", AE_IFREG, "x"}}, Code::InvalidArgument, {}, /*zip=*/true);
  expect_refused({{"/tmp/gantry-evil", AE_IFREG, "x"}}, Code::InvalidArgument, {}, true);
}

TEST_F(UnpackTest, NothingIsWrittenThroughALinkThatLeadsOut) {
  // By its text y points at a/b/evil-dir; through x it is ../evil-dir.
  std::filesystem::create_directory(directory_.file("evil-dir"));
  expect_refused({{"s", AE_IFDIR},
                  {"a/b/c/x", AE_IFLNK, "../../../s"},
                  {"y", AE_IFLNK, "a/b/c/x/../../../../evil-dir"},
                  {"y/evil", AE_IFREG, "x"}});
  expect_refused({{"s", AE_IFDIR},
                  {"a/b/c/x", AE_IFLNK, "../../../s"},
                  {"y", AE_IFLNK, "a/b/c/x/../../evil-dir"},
                  {"y/evil", AE_IFREG, "x"}});
  EXPECT_THAT(listing(directory_.file("evil-dir")), IsEmpty());
}

TEST_F(UnpackTest, ALinkOfTheSameNameIsReplaced) {
  make({{"o/real", AE_IFREG, "1"}, {"o/l", AE_IFLNK, "real"}, {"o/l", AE_IFREG, "2"}});
  ASSERT_THAT(unpack_it(), IsOk());
  EXPECT_THAT(listing(to_), ElementsAre(Pair("l", "2"), Pair("real", "1")));
}

TEST_F(UnpackTest, SpecialFilesAreRefused) {
  expect_refused({{"n", AE_IFCHR}});
  expect_refused({{"n", AE_IFBLK}});
  expect_refused({{"n", AE_IFIFO}});
}

TEST_F(UnpackTest, BombsAreRefused) {
  const std::string zeros(4 << 20, '\0');
  expect_refused({{"a", AE_IFREG, zeros}}, Code::ResourceExhausted, {.max_bytes = 1 << 20});
  expect_refused({{"a", AE_IFREG, zeros}}, Code::ResourceExhausted,
                 {.max_ratio = 100, .ratio_from = 1 << 20});
  expect_refused({{"a"}, {"b"}, {"c"}}, Code::ResourceExhausted, {.max_entries = 2});
  expect_refused({{"a/b/c/d"}}, Code::ResourceExhausted, {.max_entries = 2});
  expect_refused({{"a/b/c/d"}}, Code::ResourceExhausted, {.max_depth = 3});
  make({{"a", AE_IFREG, zeros}});
  EXPECT_THAT(unpack_it(kTar, {.max_ratio = 100}), IsOk());  // too small to matter
}

TEST_F(UnpackTest, AHoleCountsAsWhatItIs) {
  write_file(directory_.file("hole"), "");
  std::filesystem::resize_file(directory_.file("hole"), 8 << 20);
  const auto pack = [&] {
    ASSERT_EQ(std::system(("tar -C " + directory_.path() + " -czSf " + packed_ + " hole").c_str()),
              0);
  };
  pack();
  EXPECT_THAT(unpack_it(kTar, {.max_bytes = 1 << 20}), FailsWith(Code::ResourceExhausted));
  pack();
  ASSERT_THAT(unpack_it(kTar), IsOk());
  EXPECT_EQ(std::filesystem::file_size(to_), 8u << 20);
}

TEST_F(UnpackTest, ModesAreNotChangedThroughLinks) {
  write_file(to_ + "/d/f", "x", 0600);
  write_file(directory_.file("outside"), "x", 0600);
  std::filesystem::create_symlink(directory_.file("outside"), to_ + "/l");
  ASSERT_THAT(change_mode(to_, 0555, true), IsOk());
  EXPECT_EQ(mode_of(to_ + "/d/f"), 0555u);
  EXPECT_EQ(mode_of(to_ + "/d"), 0555u);
  EXPECT_EQ(mode_of(to_), 0555u);
  EXPECT_EQ(mode_of(directory_.file("outside")), 0600u);
  ASSERT_THAT(change_mode(to_, 0755, true), IsOk());
  ASSERT_THAT(change_mode(to_, 0711, false), IsOk());
  EXPECT_EQ(mode_of(to_ + "/d"), 0755u);
}

}  // namespace
}  // namespace gantry::artifacts
