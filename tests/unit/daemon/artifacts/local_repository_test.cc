#include "daemon/artifacts/local_repository.h"

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <latch>
#include <thread>

#include "daemon/artifacts/files.h"
#include "tests/unit/daemon/artifacts/support.h"

namespace gantry::artifacts {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

const Archive kNone{.format = Archive::Format::None};

class LocalRepositoryTest : public ::testing::Test {
 protected:
  void SetUp() override { reopen(); }
  void reopen() {
    repository_.reset();
    auto opened = LocalRepository::open(root_, Limits{});
    ASSERT_THAT(opened, IsOk());
    repository_ = std::move(*opened);
  }
  Saved save(const std::string& key, const std::string& path, const Archive& archive = {}) {
    auto saved = repository_->save(staged(path), key, archive);
    EXPECT_THAT(saved, IsOk());
    return saved.value_or(Saved{});
  }
  std::string save_file(const std::string& key, const std::string& content, unsigned mode = 0644,
                        std::int64_t mtime = 1000) {
    const std::string path = directory_.file("staged/out");
    write_file(path, content, mode, mtime);
    return save(key, path).digest;
  }
  Materialised materialise(const std::string& key, const View& view = {}) {
    auto tree = repository_->materialise(key, view);
    EXPECT_THAT(tree, IsOk());
    return tree.value_or(Materialised{});
  }
  std::uint64_t objects() { return repository_->usage()->objects; }

  TemporaryDirectory directory_;
  std::string root_ = directory_.file("repository");
  std::unique_ptr<LocalRepository> repository_;
};

TEST_F(LocalRepositoryTest, AFileComesBackAsALinkToItsObject) {
  save_file("wf/pod/out.tgz", "hello", 0755, 1234);
  const Materialised tree = materialise("wf/pod/out.tgz");
  EXPECT_FALSE(tree.is_directory());
  EXPECT_EQ(read_file(tree.path()), "hello");
  EXPECT_EQ(mode_of(tree.path()), 0755u);
  EXPECT_EQ(stat_of(tree.path()).st_mtime, 1234);
  EXPECT_EQ(stat_of(tree.path()).st_nlink, 2u);
  EXPECT_EQ(materialise("wf/pod/out.tgz").path(), tree.path());
}

TEST_F(LocalRepositoryTest, ATreeKeepsModesTimesLinksAndEmptyDirectories) {
  const std::string out = directory_.file("out");
  write_file(out + "/bin/run", "#!", 0755, 11);
  write_file(out + "/secret", "s", 0600, 12);
  std::filesystem::create_directories(out + "/private");
  ::chmod((out + "/private").c_str(), 0700);
  std::filesystem::create_symlink("bin/run", out + "/r");
  std::filesystem::create_symlink("/usr/bin/python3", out + "/py");
  const Saved saved = save("k", out);
  EXPECT_EQ(saved.files, 4u);
  EXPECT_EQ(saved.bytes, 3u);

  const Materialised tree = materialise("k");
  EXPECT_TRUE(tree.is_directory());
  EXPECT_THAT(
      listing(tree.path()),
      ElementsAre(Pair("bin", "/"), Pair("bin/run", "#!"), Pair("private", "/"),
                  Pair("py", "-> /usr/bin/python3"), Pair("r", "-> bin/run"), Pair("secret", "s")));
  EXPECT_EQ(mode_of(tree.path() + "/bin/run"), 0755u);
  EXPECT_EQ(mode_of(tree.path() + "/secret"), 0600u);
  EXPECT_EQ(stat_of(tree.path() + "/secret").st_mtime, 12);
  EXPECT_EQ(mode_of(tree.path() + "/private"), 0755u);  // as Argo's untar
}

TEST_F(LocalRepositoryTest, ContentIsKeptOnce) {
  save_file("a", std::string(3 << 20, 'x'), 0644, 1);
  const auto before = repository_->usage();
  save_file("b", std::string(3 << 20, 'x'), 0755, 2);
  const auto after = repository_->usage();
  EXPECT_EQ(after->objects, before->objects + 1);  // another manifest: mode and time differ
  EXPECT_LT(after->object_bytes, before->object_bytes + 1000);
  EXPECT_EQ(after->keys, 2u);
  EXPECT_EQ(after->key_bytes, 6u << 20);
  EXPECT_EQ(save_file("c", std::string(3 << 20, 'x'), 0755, 2),
            save_file("d", std::string(3 << 20, 'x'), 0755, 2));
  EXPECT_EQ(objects(), after->objects);
}

TEST_F(LocalRepositoryTest, ModesAndTimesOfTheSameContentDoNotMix) {
  save_file("a", "same", 0644, 1);
  save_file("b", "same", 0755, 2);
  const Materialised a = materialise("a"), b = materialise("b");
  EXPECT_EQ(mode_of(a.path()), 0644u);
  EXPECT_EQ(mode_of(b.path()), 0755u);
  EXPECT_EQ(stat_of(a.path()).st_mtime, 1);
  EXPECT_EQ(stat_of(b.path()).st_mtime, 2);
  EXPECT_EQ(read_file(b.path()), "same");
}

TEST_F(LocalRepositoryTest, AnInputsModeAndSubPath) {
  const std::string out = directory_.file("out");
  write_file(out + "/d/f", "1", 0600);
  write_file(out + "/d/e/g", "2", 0600);
  save("k", out);
  const Materialised root_only = materialise("k", {.sub_path = "d", .mode = 0711});
  EXPECT_EQ(mode_of(root_only.path()), 0711u);
  EXPECT_EQ(mode_of(root_only.path() + "/f"), 0600u);
  const Materialised all = materialise("k", {.sub_path = "d/", .mode = 0777, .recurse_mode = true});
  EXPECT_EQ(mode_of(all.path() + "/e"), 0777u);
  EXPECT_EQ(mode_of(all.path() + "/e/g"), 0777u);
  EXPECT_EQ(mode_of(root_only.path() + "/f"), 0600u);
  const Materialised file = materialise("k", {.sub_path = "d/e/g"});
  EXPECT_EQ(read_file(file.path()), "2");
  EXPECT_THAT(repository_->materialise("k", {.sub_path = "d/x"}), FailsWith(Code::NotFound));
  EXPECT_THAT(repository_->materialise("k", {.sub_path = "../k"}), FailsWith(Code::NotFound));
}

TEST_F(LocalRepositoryTest, ACopyIsTheCallersOwn) {
  save_file("k", "original");
  const std::string to = directory_.file("mine");
  ASSERT_THAT(repository_->copy_to("k", {}, to), IsOk());
  std::ofstream(to) << "changed";
  EXPECT_EQ(read_file(materialise("k").path()), "original");
}

TEST_F(LocalRepositoryTest, KeysOfEveryShape) {
  const std::string keys[] = {"a",
                              "a/b",
                              "a/b/c.tgz",
                              "a//b",
                              "a/",
                              "..",
                              "../x",
                              "./a",
                              "=a",
                              "%",
                              "ü/{{x}} y",
                              "a/=b",
                              std::string(250, 'k') + "/" + std::string(250, 'l')};
  for (const std::string& key : keys) save_file(key, "content of " + key);
  for (const std::string& key : keys)
    EXPECT_EQ(read_file(materialise(key).path()), "content of " + key);
  EXPECT_THAT(*repository_->list(""), ::testing::UnorderedElementsAreArray(keys));
  EXPECT_FALSE(std::filesystem::exists(directory_.file("repository/x")));
  for (const std::string& key : {std::string(), std::string(1025, 'a'), std::string(300, 'a')}) {
    EXPECT_THAT(repository_->save(staged(directory_.file("staged/out")), key, {}),
                FailsWith(Code::InvalidArgument));
  }
}

TEST_F(LocalRepositoryTest, ListAliasRemove) {
  save_file("wf/a/x.tgz", "1");
  save_file("wf/b/y.tgz", "2");
  save_file("wfx", "3");
  EXPECT_THAT(*repository_->list("wf"), ElementsAre("wf/a/x.tgz", "wf/b/y.tgz"));
  EXPECT_THAT(*repository_->list("wf/a/"), ElementsAre("wf/a/x.tgz"));
  EXPECT_THAT(*repository_->list("wfx"), IsEmpty());  // there, but nothing below it
  EXPECT_THAT(repository_->list("w"), FailsWith(Code::NotFound));

  const auto before = objects();
  ASSERT_THAT(repository_->alias("wf/a/x.tgz", "global/x"), IsOk());
  EXPECT_EQ(objects(), before);
  ASSERT_THAT(repository_->remove("wf/"), IsOk());
  EXPECT_THAT(*repository_->list(""), ElementsAre("global/x", "wfx"));
  EXPECT_EQ(read_file(materialise("global/x").path()), "1");
  EXPECT_THAT(repository_->remove("wf/a/x.tgz"), FailsWith(Code::NotFound));
  EXPECT_THAT(repository_->alias("wf/a/x.tgz", "z"), FailsWith(Code::NotFound));
  EXPECT_THAT(repository_->materialise("wf/a/x.tgz", {}), FailsWith(Code::NotFound));
}

TEST_F(LocalRepositoryTest, ADirectoryWithoutAnArchiveIsATreeOfKeys) {
  const std::string out = directory_.file("out");
  write_file(out + "/f", "1");
  write_file(out + "/d/g", "2");
  save("dir", out, kNone);
  save("packed", out);
  EXPECT_THAT(*repository_->list("dir"), ElementsAre("dir/d/g", "dir/f"));
  EXPECT_THAT(*repository_->list(""), ElementsAre("dir/d/g", "dir/f", "packed"));
  EXPECT_EQ(read_file(materialise("dir/d/g").path()), "2");
  EXPECT_EQ(repository_->stat("dir/d/g")->name, "g");
  EXPECT_THAT(repository_->materialise("packed/f", {}), FailsWith(Code::NotFound));
}

TEST_F(LocalRepositoryTest, GarbageIsWhatNoKeyStandsFor) {
  save_file("a", "shared");
  ASSERT_THAT(repository_->alias("a", "b"), IsOk());
  save_file("c", "alone");
  ASSERT_THAT(repository_->remove("c"), IsOk());
  ASSERT_THAT(repository_->remove("a"), IsOk());
  auto swept = repository_->collect_garbage();
  ASSERT_THAT(swept, IsOk());
  EXPECT_EQ(swept->objects, 2u);  // the content and its manifest
  EXPECT_EQ(objects(), 2u);
  EXPECT_EQ(read_file(materialise("b").path()), "shared");
  EXPECT_EQ(repository_->collect_garbage()->objects, 0u);
}

TEST_F(LocalRepositoryTest, AReaderKeepsWhatIsCollected) {
  save_file("a", "read me");
  Materialised tree = materialise("a");
  ASSERT_THAT(repository_->remove("a"), IsOk());
  ASSERT_THAT(repository_->collect_garbage(), IsOk());
  EXPECT_EQ(objects(), 0u);
  EXPECT_EQ(read_file(tree.path()), "read me");
  const std::string path = tree.path();
  tree = Materialised{};
  ASSERT_THAT(repository_->collect_garbage(), IsOk());
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(LocalRepositoryTest, ADamagedManifestStopsTheCollection) {
  save_file("a", "content");
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root_ + "/objects")) {
    if (!entry.is_regular_file() || read_file(entry.path().string()) == "content") continue;
    std::ofstream(entry.path()) << "gantry-manifest 1\n";
  }
  EXPECT_THAT(repository_->collect_garbage(), FailsWith(Code::DataLoss));
  EXPECT_EQ(objects(), 2u);
  EXPECT_THAT(repository_->materialise("a", {}), FailsWith(Code::DataLoss));
}

TEST_F(LocalRepositoryTest, OpenedAgainItHasEverythingAndHoldsTrees) {
  save_file("a", "old");
  std::string id;
  {
    const Materialised tree = materialise("a");
    id = tree.id();
  }
  write_file(root_ + "/tmp/object-7", "cut off");
  reopen();
  EXPECT_THAT(listing(root_ + "/tmp"), IsEmpty());
  save_file("a", "new");
  auto held = repository_->hold(id);
  ASSERT_THAT(held, IsOk());
  ASSERT_THAT(repository_->collect_garbage(), IsOk());
  EXPECT_EQ(read_file(held->path()), "old");
  EXPECT_EQ(read_file(materialise("a").path()), "new");
  EXPECT_THAT(repository_->hold(std::string(64, '0')), FailsWith(Code::NotFound));
  EXPECT_THAT(repository_->hold("../keys"), FailsWith(Code::InvalidArgument));
}

TEST_F(LocalRepositoryTest, OneProcessAtATime) {
  EXPECT_THAT(LocalRepository::open(root_, Limits{}), FailsWith(Code::FailedPrecondition));
}

TEST_F(LocalRepositoryTest, LimitsHold) {
  repository_.reset();
  auto small = LocalRepository::open(root_, Limits{.max_bytes = 10});
  ASSERT_THAT(small, IsOk());
  write_file(directory_.file("out/a"), "123456");
  write_file(directory_.file("out/b"), "123456");
  EXPECT_THAT((*small)->save(staged(directory_.file("out")), "k", {}),
              FailsWith(Code::ResourceExhausted));
  EXPECT_THAT((*small)->materialise("k", {}), FailsWith(Code::NotFound));
}

TEST_F(LocalRepositoryTest, SaversAliasersReadersAndTheCollectorAtOnce) {
  constexpr int kRounds = 40;
  for (int i = 0; i < 4; ++i) {
    for (int f = 0; f < 20; ++f) {
      write_file(directory_.file("out" + std::to_string(i)) + "/f" + std::to_string(f),
                 "content " + std::to_string(f % 5));
    }
  }
  std::atomic<bool> done{false};
  std::latch start(6);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      start.arrive_and_wait();
      const std::string key = "wf" + std::to_string(i) + "/k";
      for (int round = 0; round < kRounds; ++round) {
        EXPECT_THAT(repository_->save(staged(directory_.file("out" + std::to_string(i))), key, {}),
                    IsOk());
        EXPECT_THAT(repository_->alias(key, key + "2"), IsOk());
        EXPECT_THAT(repository_->remove(key), IsOk());
        auto tree = repository_->materialise(key + "2", {});
        ASSERT_THAT(tree, IsOk());
        EXPECT_EQ(listing(tree->path()).size(), 20u);
        if (round % 3 != 0) continue;
        EXPECT_THAT(repository_->remove(key + "2"), IsOk());
      }
    });
  }
  std::thread collector([&] {
    start.arrive_and_wait();
    while (!done) EXPECT_THAT(repository_->collect_garbage(), IsOk());
  });
  start.arrive_and_wait();
  for (auto& thread : threads) thread.join();
  done = true;
  collector.join();
}

TEST_F(LocalRepositoryTest, AKilledWriterLeavesNothingThatIsBelieved) {
  const std::string out = directory_.file("out");
  for (int f = 0; f < 50; ++f)
    write_file(out + "/f" + std::to_string(f), std::string(50'000 + f, 'x'));
  repository_.reset();
  for (int kill_after_files = 0; kill_after_files < 50; kill_after_files += 7) {
    const pid_t child = ::fork();
    if (child == 0) {
      auto mine = LocalRepository::open(root_, Limits{});
      for (int n = 0; mine; ++n) {
        (void)(*mine)->save(staged(out), "k" + std::to_string(n), {});
        (void)(*mine)->remove("k" + std::to_string(n));
        (void)(*mine)->collect_garbage();
      }
      ::_exit(1);
    }
    // Killed once so many objects are there, wherever it then is.
    const auto count = [&] {
      std::error_code error;
      long n = 0;
      for (std::filesystem::recursive_directory_iterator it(root_ + "/objects", error), end;
           !error && it != end; it.increment(error)) {
        n += it.depth() == 1 ? 1 : 0;
      }
      return n;
    };
    while (count() < kill_after_files && ::waitpid(child, nullptr, WNOHANG) == 0) {
    }
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    reopen();
    const auto keys = repository_->list("");
    ASSERT_THAT(keys, IsOk());
    for (const std::string& key : *keys) {
      const Materialised tree = materialise(key);
      EXPECT_EQ(listing(tree.path()).size(), 50u);
      EXPECT_EQ(read_file(tree.path() + "/f7").size(), 50'007u);
      ASSERT_THAT(repository_->remove(key), IsOk());
    }
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root_ + "/objects")) {
      if (!entry.is_regular_file()) continue;
      const std::string name =
          entry.path().parent_path().filename().string() + entry.path().filename().string();
      EXPECT_EQ(sha256(read_file(entry.path().string())).hex(), name);
    }
    ASSERT_THAT(repository_->collect_garbage(), IsOk());
    EXPECT_EQ(objects(), 0u);
    repository_.reset();
  }
}

}  // namespace
}  // namespace gantry::artifacts
