#include "daemon/artifacts/manifest.h"

#include "tests/unit/daemon/artifacts/support.h"

namespace gantry::artifacts {
namespace {

Tree sample() {
  Tree tree;
  tree.entries = {
      {.kind = Kind::Directory, .mode = 0750, .mtime = 5},
      {.path = "a b", .kind = Kind::Directory, .mode = 0700, .mtime = -3},
      {.path = "a b/\n%",
       .mode = 0644,
       .mtime = 1'700'000'000,
       .size = 3,
       .content = sha256("abc")},
      {.path = "l", .kind = Kind::Link, .mode = 0777, .mtime = 7, .target = "../x y"},
  };
  return tree;
}

TEST(Manifest, ComesBackAsItWas) {
  const std::string text = encode_manifest(sample());
  EXPECT_EQ(text,
            "gantry-manifest 1\n"
            "dir 0750 5 .\n"
            "dir 0700 -3 a%20b\n"
            "file 0644 1700000000 3 "
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad a%20b/%0A%25\n"
            "link 7 l ../x%20y\n");
  auto tree = decode_manifest(text);
  ASSERT_THAT(tree, IsOk());
  ASSERT_EQ(tree->entries.size(), 4u);
  EXPECT_EQ(tree->entries[2].path, "a b/\n%");
  EXPECT_EQ(tree->entries[2].content, sha256("abc"));
  EXPECT_EQ(tree->entries[3].target, "../x y");
  EXPECT_EQ(encode_manifest(*tree), text);
}

TEST(Manifest, WhatIsNotOneIsRefused) {
  const std::string hash(64, 'a');
  const std::string bad[] = {
      "",
      "gantry-manifest 1\n",
      "gantry-manifest 2\ndir 0755 0 .\n",
      "gantry-manifest 1\ndir 0755 0 .",                                // cut off
      "gantry-manifest 1\nlink 0 . x\n",                                // the root is a link
      "gantry-manifest 1\ndir 0755 0 a\n",                              // no root
      "gantry-manifest 1\ndir 0755 0 .\ndir 0755 0 ../a\n",             // leads out
      "gantry-manifest 1\ndir 0755 0 .\ndir 0755 0 %2E%2E\n",           // leads out
      "gantry-manifest 1\ndir 0755 0 .\ndir 0755 0 /a\n",               // absolute
      "gantry-manifest 1\ndir 0755 0 .\nlink 0 l x\ndir 0755 0 l/a\n",  // through a link
      "gantry-manifest 1\ndir 0755 0 .\ndir 0755 0 a\ndir 0755 0 a\n",  // twice
      "gantry-manifest 1\ndir 4755 0 .\n",                              // setuid
      "gantry-manifest 1\nfile 0644 0 1 " + hash + "\n",
      "gantry-manifest 1\nfile 0644 0 x " + hash + " .\n",
      "gantry-manifest 1\nfile 0644 0 1 abc .\n",
  };
  for (const std::string& text : bad) {
    EXPECT_THAT(decode_manifest(text), FailsWith(Code::DataLoss)) << text;
  }
}

TEST(Tree, APartOfIt) {
  Tree tree = sample();
  auto part = tree.below("/a b/");
  ASSERT_THAT(part, IsOk());
  EXPECT_EQ(part->entries.size(), 2u);
  EXPECT_EQ(part->entries[0].path, "");
  EXPECT_EQ(part->entries[1].path, "\n%");
  EXPECT_EQ(tree.below("")->entries.size(), 4u);
  EXPECT_THAT(tree.below("a"), FailsWith(Code::NotFound));  // not a part of "a b"
  EXPECT_THAT(tree.below("l"), FailsWith(Code::NotFound));  // a link is not followed
  EXPECT_THAT(tree.below("l/x"), FailsWith(Code::NotFound));
}

TEST(Scan, ListsFilesDirectoriesAndLinksOnly) {
  TemporaryDirectory directory;
  write_file(directory.file("out/z"), "zz", 0600, 12);
  write_file(directory.file("out/d/f"), "", 0755);
  std::filesystem::create_symlink("/etc/passwd", directory.file("out/l"));
  ASSERT_EQ(::mkfifo(directory.file("out/pipe").c_str(), 0600), 0);
  auto scanned = scan(staged(directory.file("out")), Limits{});
  ASSERT_THAT(scanned, IsOk());
  std::vector<std::string> paths;
  for (const Entry& entry : scanned->tree.entries) paths.push_back(entry.path);
  EXPECT_THAT(paths, ::testing::ElementsAre("", "d", "d/f", "l", "z"));
  EXPECT_EQ(scanned->left_out, 1u);
  EXPECT_EQ(scanned->tree.size(), 2u);
  EXPECT_EQ(scanned->tree.entries[3].target, "/etc/passwd");
  EXPECT_EQ(scanned->tree.entries[4].mode, 0600u);
  EXPECT_EQ(scanned->tree.entries[4].mtime, 12);

  EXPECT_THAT(scan(staged(directory.file("out/pipe")), Limits{}), FailsWith(Code::InvalidArgument));
  EXPECT_THAT(scan(staged(directory.file("out")), Limits{.max_bytes = 1}),
              FailsWith(Code::ResourceExhausted));
  EXPECT_THAT(scan(staged(directory.file("out")), Limits{.max_entries = 4}),
              FailsWith(Code::ResourceExhausted));
  EXPECT_THAT(scan(staged(directory.file("out")), Limits{.max_depth = 1}),
              FailsWith(Code::ResourceExhausted));
}

TEST(Scan, AFileThatBecameAPipeDoesNotBlock) {
  TemporaryDirectory directory;
  write_file(directory.file("out/f"), "x");
  const Staged out = staged(directory.file("out"));
  auto scanned = scan(out, Limits{});
  ASSERT_THAT(scanned, IsOk());
  std::filesystem::remove(directory.file("out/f"));
  ASSERT_EQ(::mkfifo(directory.file("out/f").c_str(), 0600), 0);
  EXPECT_THAT(staged_content(out)(scanned->tree.entries[1]), FailsWith(Code::Aborted));
}

}  // namespace
}  // namespace gantry::artifacts
