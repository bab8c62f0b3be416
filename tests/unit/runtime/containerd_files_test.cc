// What the containerd runtime reads and makes in the file system, without containerd. Mounting
// needs root.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "runtime/containerd/layers.h"
#include "runtime/containerd/outputs.h"
#include "runtime/containerd/rooted.h"
#include "runtime/containerd/start_marks.h"
#include "runtime/containerd/tree_copy.h"
#include "runtime/containerd/volumes.h"

namespace gantry::containerd {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using namespace std::chrono_literals;

class FilesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char pattern[] = "/tmp/gantry-files-XXXXXX";
    directory = ::mkdtemp(pattern);
    fs::create_directories(directory / "root/etc");
    std::ofstream(directory / "secret") << "outside";
  }
  void TearDown() override { fs::remove_all(directory); }
  void put(const std::string& path, const std::string& content) {
    fs::create_directories((directory / path).parent_path());
    std::ofstream(directory / path) << content;
  }
  fs::path directory;
};

TEST_F(FilesTest, NothingLeadsOutOfARoot) {
  put("root/real", "inside");
  fs::create_symlink("/real", directory / "root/absolute");
  fs::create_symlink("../../../../../secret", directory / "root/up");
  fs::create_symlink(directory / "secret", directory / "root/out");
  fs::create_symlink("loop", directory / "root/loop");
  fs::create_symlink("/", directory / "root/top");
  const ContainerFiles files(directory / "root", {});
  EXPECT_EQ(files.read("/real").value(), "inside");
  EXPECT_EQ(files.read("/absolute").value(), "inside");
  EXPECT_EQ(files.read("/top/top/real").value(), "inside");
  EXPECT_EQ(files.read("/etc/../real").value(), "inside");
  for (const char* path : {"/up", "/out", "/../secret", "/top/../secret"}) {
    EXPECT_EQ(files.read(path).error().code, Code::NotFound) << path;
  }
  EXPECT_FALSE(files.read("/loop"));
  EXPECT_EQ(files.read("relative").error().code, Code::InvalidArgument);
  ASSERT_EQ(::mkfifo((directory / "root/pipe").c_str(), 0600), 0);
  EXPECT_EQ(files.read("/pipe").error().code, Code::FailedPrecondition) << "and does not hang";
}

TEST_F(FilesTest, TheLongestMountPathDecides) {
  for (const char* name : {"root/a/f", "one/f", "two/f", "single"}) put(name, name);
  const ContainerFiles files(directory / "root", {{directory / "one", "/a", false},
                                                  {directory / "two", "/a/b", false},
                                                  {directory / "single", "/file", false}});
  EXPECT_EQ(files.read("/a/f").value(), "one/f");
  EXPECT_EQ(files.read("/a/b/f").value(), "two/f");
  EXPECT_EQ(files.read("/file").value(), "single");
  EXPECT_EQ(files.read("/ab/f").error().code, Code::NotFound);
  EXPECT_EQ(files.read("/a/bc").error().code, Code::NotFound);
}

TEST_F(FilesTest, FindsProgramsAsGoDoes) {
  put("root/bin/x", "");
  put("root/bin/plain", "");
  put("root/work/tool", "");
  fs::permissions(directory / "root/bin/x", fs::perms::owner_exec, fs::perm_options::add);
  fs::permissions(directory / "root/work/tool", fs::perms::owner_exec, fs::perm_options::add);
  const ContainerFiles files(directory / "root", {});
  const auto why = [&](const char* program, const char* path = "/sbin:/bin",
                       const char* cwd = "/") {
    return why_not_runnable(files, program, path, cwd);
  };
  EXPECT_EQ(why("x"), "");
  EXPECT_EQ(why("/bin/x"), "");
  EXPECT_EQ(why("./tool", "/bin", "/work"), "");
  EXPECT_EQ(why("tool", "../work:.", "/work"), "");
  const std::string prefix = "failed to find name in PATH: exec: ";
  EXPECT_EQ(why("x", ""), prefix + "\"x\": executable file not found in $PATH");
  EXPECT_EQ(why("plain"), prefix + "\"plain\": executable file not found in $PATH");
  EXPECT_EQ(why("/bin/plain"), prefix + "\"/bin/plain\": permission denied");
  EXPECT_EQ(why("/bin"), prefix + "\"/bin\": is a directory");
  EXPECT_EQ(why("/no/x"), prefix + "\"/no/x\": stat /no/x: no such file or directory");
}

TEST_F(FilesTest, ReadsTheUppermostLayer) {
  put("low/etc/passwd", "low");
  put("low/etc/group", "low");
  put("high/etc/passwd", "high");
  const std::vector<std::string> layers = {directory / "absent", directory / "high",
                                           directory / "low"};
  EXPECT_EQ(read_in_layers(layers, "etc/passwd"), "high");
  EXPECT_EQ(read_in_layers(layers, "etc/group"), "low");
  EXPECT_EQ(read_in_layers(layers, "etc/shadow"), std::nullopt);
  if (::geteuid() != 0) return;
  ASSERT_EQ(::mknod((directory / "high/etc/group").c_str(), S_IFCHR | 0600, 0), 0);
  EXPECT_EQ(read_in_layers(layers, "etc/group"), std::nullopt) << "a whiteout hides it";
}

TEST_F(FilesTest, ReadsTails) {
  put("log", "0123456789");
  EXPECT_EQ(read_tail(directory / "log", 4), "6789");
  EXPECT_EQ(read_tail(directory / "log", 100), "0123456789");
  EXPECT_EQ(read_tail(directory / "none", 100), "");
}

TEST_F(FilesTest, WaitsForTheLastWriter) {
  put("log", "");
  const std::string path = directory / "log";
  wait_until_written(path, 10s);  // nobody writes
  wait_until_written(directory / "none", 10s);
  UniqueFd writer(::open(path.c_str(), O_WRONLY | O_APPEND));
  const auto start = std::chrono::steady_clock::now();
  wait_until_written(path, 50ms);
  EXPECT_GE(std::chrono::steady_clock::now() - start, 50ms);
  std::thread waiting([&] { wait_until_written(path, 60s); });
  ASSERT_EQ(::write(writer.get(), "x", 1), 1);
  writer.reset();
  waiting.join();  // by the test's own time limit if the close is missed
  EXPECT_EQ(read_tail(path, 10), "x");
}

TEST_F(FilesTest, MakesDirectoriesInsideOnly) {
  auto root = open_root(directory / "root").value();
  ASSERT_TRUE(make_directories_in(root.get(), "a//b/./c", 0777));
  EXPECT_EQ(fs::status(directory / "root/a/b/c").permissions(), fs::perms::all);
  EXPECT_FALSE(make_directories_in(root.get(), "a/../x", 0777));
  fs::create_symlink("/", directory / "root/top");
  ASSERT_TRUE(make_directories_in(root.get(), "top/new", 0755));
  EXPECT_TRUE(fs::exists(directory / "root/new"));
}

class VolumesFilesTest : public FilesTest {
 protected:
  void SetUp() override {
    FilesTest::SetUp();
    if (::geteuid() != 0) FAIL() << "this test needs root";
    volumes.emplace(Volumes::open(directory / "state", directory / "hosts").value());
    std::ofstream(directory / "hosts") << "10.0.0.1 build";
    pod.id = "p";
    pod.hostname = "me";
    pod.containers.push_back({.name = "main"});
  }
  void TearDown() override {
    EXPECT_TRUE(volumes->remove("p"));
    EXPECT_FALSE(fs::exists(directory / "state/pods/p"));
    ASSERT_EQ(::system(("umount " + (directory / "state/files").string()).c_str()), 0);
    FilesTest::TearDown();
  }
  std::string slurp(const fs::path& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  std::optional<Volumes> volumes;
  runtime::PodSpec pod;
};

TEST_F(VolumesFilesTest, MakesEachKindAndMakesItAgain) {
  pod.volumes = {{"e", runtime::EmptyDir{}},
                 {"m", runtime::EmptyDir{true, 1 << 20}},
                 {"f", runtime::Files{.files = {{"d/x", "data", 0400}}}},
                 {"c", runtime::Claim{"o", "n", true}},
                 {"h", runtime::HostPath{directory / "made", "DirectoryOrCreate"}}};
  pod.containers[0].script = "script";
  pod.containers[0].mounts = {{"f", "/f", "", false}, {"c", "/c", "", false}};
  pod.containers[0].security.fs_group = 4242;
  for (int i = 0; i < 2; ++i) {
    const auto files = volumes->create(pod);
    ASSERT_TRUE(files) << files.error().message;
    EXPECT_EQ(slurp(fs::path(files->volumes.at("f")) / "d/x"), "data");
    struct stat info {};
    ASSERT_EQ(::stat(files->volumes.at("e").c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 07777, 02777u);
    EXPECT_EQ(info.st_gid, 4242u);
    ASSERT_EQ(::stat((files->volumes.at("f") + "/d/x").c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 07777, 0440u) << "the group may read";
    EXPECT_EQ(slurp(files->hosts), "10.0.0.1 build\n127.0.0.1\tme\n");
    const auto mounts = volumes->mount(pod, pod.containers[0]).value();
    ASSERT_EQ(mounts.size(), 3u);
    EXPECT_TRUE(mounts[0].read_only) << "secrets are";
    EXPECT_TRUE(mounts[1].read_only) << "the claim says so";
    EXPECT_EQ(slurp(mounts[2].source), "script");
    EXPECT_EQ(volumes->find(pod).volumes, files->volumes);
  }
}

TEST_F(VolumesFilesTest, RemovingNeverWalksIntoAMount) {
  put("host/precious", "keep");
  pod.volumes = {{"h", runtime::HostPath{directory / "host", ""}}};
  pod.containers[0].mounts = {{"h", "/a", ".", false}, {"h", "/b", "precious", false}};
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(volumes->create(pod));
    ASSERT_TRUE(volumes->mount(pod, pod.containers[0]));
  }
  EXPECT_EQ(slurp(directory / "state/pods/p/subpath/main.0/precious"), "keep");
  EXPECT_EQ(slurp(directory / "state/pods/p/subpath/main.1"), "keep");
  ASSERT_TRUE(volumes->remove("p"));
  EXPECT_EQ(slurp(directory / "host/precious"), "keep");
}

TEST_F(VolumesFilesTest, TellsWhatIsWrong) {
  const auto message = [&](runtime::Volume volume) {
    pod.volumes = {std::move(volume)};
    const auto files = volumes->create(pod);
    if (!files) return files.error().message;
    const auto mounts = volumes->mount(pod, pod.containers[0]);
    return mounts ? "" : mounts.error().message;
  };
  EXPECT_THAT(message({"h", runtime::HostPath{directory / "none", "Directory"}}),
              HasSubstr("hostPath type check failed"));
  EXPECT_THAT(message({"h", runtime::HostPath{directory / "secret", "Socket"}}),
              HasSubstr("is not a socket file"));
  EXPECT_THAT(message({"h", runtime::HostPath{"relative", ""}}), HasSubstr("absolute"));
  EXPECT_THAT(message({"f", runtime::Files{.files = {{"../x", "", 0644}}}}),
              HasSubstr("leads out"));
  EXPECT_THAT(message({"f", runtime::Files{.files = {{"/x", "", 0644}}}}), HasSubstr("leads out"));
  EXPECT_THAT(message({"c", runtime::Claim{"..", "n", false}}), HasSubstr("bad claim name"));
  pod.containers[0].mounts = {{"nowhere", "/a", "", false}};
  EXPECT_THAT(message({"e", runtime::EmptyDir{}}), HasSubstr("names no volume"));
}

TEST_F(VolumesFilesTest, ProjectsSeveralSources) {
  pod.volumes = {
      {"p", runtime::Projected{{runtime::Files{.files = {{"a", "first", 0444}, {"b", "b", 0444}}},
                                runtime::Files{.files = {{"a", "second", 0444}}}}}}};
  const auto files = volumes->create(pod);
  ASSERT_TRUE(files) << files.error().message;
  EXPECT_EQ(slurp(files->volumes.at("p") + "/a"), "second");
  EXPECT_EQ(slurp(files->volumes.at("p") + "/b"), "b");
}

TEST_F(FilesTest, CopiesTreesWithoutFollowingLinks) {
  put("tree/file", "content");
  put("tree/sub/empty", "");
  fs::create_symlink("/etc/passwd", directory / "tree/link");
  fs::permissions(directory / "tree/file", fs::perms(0640));
  ASSERT_EQ(::mkfifo((directory / "tree/pipe").c_str(), 0600), 0);
  fs::last_write_time(directory / "tree/sub", fs::file_time_type::clock::now() - 1h);
  auto root = open_root(directory);
  ASSERT_TRUE(copy_tree(root->get(), "tree", root->get(), "copy", CopyMode::Copy));
  EXPECT_EQ(ContainerFiles(directory / "copy", {}).read("/file").value(), "content");
  EXPECT_EQ(ContainerFiles(directory / "copy", {}).read("/sub/empty").value(), "");
  EXPECT_EQ(fs::read_symlink(directory / "copy/link"), "/etc/passwd");
  EXPECT_FALSE(fs::exists(directory / "copy/pipe"));
  EXPECT_EQ(fs::status(directory / "copy/file").permissions(), fs::perms(0640));
  EXPECT_EQ(fs::last_write_time(directory / "copy/sub"),
            fs::last_write_time(directory / "tree/sub"));
  EXPECT_EQ(fs::hard_link_count(directory / "copy/file"), 1u);
  EXPECT_EQ(copy_tree(root->get(), "none", root->get(), "x", CopyMode::Copy).error().code,
            Code::NotFound);

  ASSERT_TRUE(copy_tree(root->get(), "tree", root->get(), "linked", CopyMode::Link));
  EXPECT_EQ(fs::hard_link_count(directory / "linked/file"), 2u);
  ASSERT_TRUE(change_mode(root->get(), "copy", 0700, true));
  EXPECT_EQ(fs::status(directory / "copy/sub/empty").permissions(), fs::perms(0700));
  EXPECT_EQ(fs::status("/etc/passwd").permissions() & fs::perms::owner_exec, fs::perms::none)
      << "links are not followed";
}

TEST_F(FilesTest, DoesNotCopyWhatIsNestedTooDeep) {
  fs::path deep = directory / "deep";
  for (int i = 0; i < 260; ++i) deep /= "d";
  fs::create_directories(deep);
  auto root = open_root(directory);
  EXPECT_EQ(copy_tree(root->get(), "deep", root->get(), "x", CopyMode::Copy).error().code,
            Code::ResourceExhausted);
}

TEST_F(FilesTest, RemembersWhatWasStarted) {
  EXPECT_TRUE(read_start_marks(directory).empty());
  ASSERT_TRUE(write_start_mark(directory, "a", {1, true}));
  ASSERT_TRUE(write_start_mark(directory, "a", {2, false}));
  ASSERT_TRUE(write_start_mark(directory, "b", {1, true}));
  std::ofstream(directory / "started/broken") << "";
  const auto marks = read_start_marks(directory);
  EXPECT_EQ(marks.size(), 2u);
  EXPECT_EQ(marks.at("a").attempt, 2);
  EXPECT_FALSE(marks.at("a").started);
  EXPECT_TRUE(marks.at("b").started);
}

}  // namespace
}  // namespace gantry::containerd
