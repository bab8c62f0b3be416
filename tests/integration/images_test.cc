// Images against a real containerd that the Supervisor starts. Root, containerd, runc,
// busybox-static and docker-registry are needed; without one of them the tests fail.

#include "runtime/containerd/images.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <filesystem>
#include <optional>

#include "runtime/containerd/channel.h"
#include "runtime/containerd/child_process.h"
#include "runtime/containerd/image_manifest.h"
#include "runtime/containerd/supervisor.h"
#include "tests/support/image_builder.h"
#include "tests/support/test_loop.h"

namespace gantry::containerd {
namespace {

using gantry::testing::docker_save;
using gantry::testing::make_tar;
using gantry::testing::oci_image;
using gantry::testing::oci_index;
using gantry::testing::oci_layout;
using gantry::testing::TestImage;
using runtime::PullPolicy;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using namespace std::chrono_literals;

using Annotations = std::vector<std::pair<std::string, std::string>>;
Annotations named(const std::string& name) { return {{std::string(kAnnotationImageName), name}}; }

/// A socket that listens on a free loopback port.
struct Listener {
  UniqueFd fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  int port = 0;
  Listener() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    if (::bind(fd.get(), generic, length) == 0 && ::listen(fd.get(), 8) == 0 &&
        ::getsockname(fd.get(), generic, &length) == 0) {
      port = ntohs(address.sin_port);
    }
  }
};

class ImagesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(::geteuid(), 0u) << "this test needs root";
    for (const char* program : {"containerd", "ctr", "runc", "docker-registry"}) {
      ASSERT_TRUE(find_program(program)) << "install " << program;
    }
    char pattern[] = "/tmp/gantry-img-XXXXXX";
    directory = ::mkdtemp(pattern);
    Supervisor::Settings settings;
    settings.directory = directory + "/c";
    supervisor = std::make_unique<Supervisor>(loop, settings);
    std::optional<Result<std::string>> started;
    supervisor->start([&](Result<std::string> result) { started = std::move(result); });
    ASSERT_TRUE(loop.run_until([&] { return started.has_value(); }));
    ASSERT_TRUE(*started) << started->error().message;
    socket = **started;
    make_images({});
  }
  void TearDown() override {
    images.reset();
    channel.reset();
    if (supervisor != nullptr) {
      bool stopped = false;
      supervisor->stop([&] { stopped = true; });
      EXPECT_TRUE(loop.run_until([&] { return stopped; }));
    }
    if (registry > 0) {
      ::kill(registry, SIGKILL);
      ::waitpid(registry, nullptr, 0);
    }
    std::filesystem::remove_all(directory);
  }

  void make_images(Images::Settings settings) {
    images.reset();
    channel = std::make_unique<Channel>(socket, loop, "gantry");
    settings.socket = socket;
    images = std::make_unique<Images>(*channel, loop, std::move(settings));
  }

  template <class T, class Ask>
  Result<T> await(Ask ask) {
    auto answer = std::make_shared<std::optional<Result<T>>>();
    ask([answer](Result<T> result) { *answer = std::move(result); });
    EXPECT_TRUE(loop.run_until([&] { return answer->has_value(); })) << "no answer";
    if (!answer->has_value()) return fail(Code::Unknown, "no answer");
    return std::move(**answer);
  }
  Result<std::vector<ImageInfo>> import(const std::string& data,
                                        const std::string& file = "a.tar") {
    const auto path = gantry::testing::write_file(directory, file, data);
    return await<std::vector<ImageInfo>>([&](auto done) {
      images->import_archive(
          path, [this](const std::string& what) { progress.push_back(what); }, done);
    });
  }
  Result<ImageRef> ensure(const std::string& reference, PullPolicy policy) {
    return await<ImageRef>([&](auto done) {
      images->ensure(
          reference, policy, [this](const std::string& what) { progress.push_back(what); }, done);
    });
  }
  Result<void> remove(const std::string& reference) {
    return await<void>([&](auto done) { images->remove(reference, done); });
  }
  std::vector<std::string> names() {
    const auto list = await<std::vector<ImageInfo>>([&](auto done) { images->list(done); });
    EXPECT_TRUE(list);
    std::vector<std::string> result;
    if (!list) return result;
    for (const auto& image : *list) result.push_back(image.name);
    return result;
  }

  /// What `ctr` prints; a failure is a failure of the test.
  std::string ctr(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"ctr", "--address", socket, "--namespace", "gantry"});
    const auto ended = run_program(arguments, 60s, -1);
    EXPECT_TRUE(ended);
    if (!ended) return "";
    EXPECT_EQ(ended->exit_code, 0) << ended->output;
    return ended->output;
  }
  std::string run(const std::string& image, const std::string& text) {
    return ctr({"run", "--rm", image, "t" + std::to_string(++runs), "/bin/echo", text});
  }
  /// Collects garbage, which also waits for a collection that is under way. ctr walks over the content first, and trips
  /// over what that one takes away meanwhile; then it has to be asked again.
  void collect_garbage() {
    for (int attempt = 1;; ++attempt) {
      const auto ended =
          run_program({"ctr", "--address", socket, "--namespace", "gantry", "content", "prune", "references"}, 60s, -1);
      ASSERT_TRUE(ended);
      if (ended->exit_code == 0) return;
      ASSERT_TRUE(attempt < 5 && ended->output.find("not found") != std::string::npos) << ended->output;
    }
  }
  void expect_nothing_left() {
    collect_garbage();
    EXPECT_EQ(ctr({"images", "ls", "-q"}), "");
    EXPECT_EQ(ctr({"content", "ls", "-q"}), "");
    EXPECT_EQ(ctr({"content", "active"}).find("gantry-import"), std::string::npos);
    EXPECT_EQ(ctr({"leases", "ls", "-q"}), "");
    EXPECT_EQ(ctr({"snapshots", "ls"}).find("sha256:"), std::string::npos);
  }

  void start_registry() {
    // Chosen by the kernel, free again when the registry binds it.
    registry_port = Listener().port;
    ASSERT_GT(registry_port, 0);
    const auto config = gantry::testing::write_file(
        directory, "registry.yml",
        "version: 0.1\nlog:\n  level: error\nstorage:\n  filesystem:\n    rootdirectory: " +
            directory + "/registry\nhttp:\n  addr: 127.0.0.1:" + std::to_string(registry_port) +
            "\n");
    auto pid = spawn({"docker-registry", "serve", config}, 1, 2, true);
    ASSERT_TRUE(pid) << pid.error().message;
    registry = *pid;
    ASSERT_TRUE(loop.run_until([&] { return can_connect(registry_port) || knock(); }, 20s));
  }
  /// Makes the loop turn again in a moment; false.
  bool knock() {
    loop.after(20ms, [] {});
    return false;
  }
  static bool can_connect(int port) {
    const UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    return ::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }
  std::string registry_name(const std::string& rest) {
    return "localhost:" + std::to_string(registry_port) + "/" + rest;
  }

  std::string directory, socket;
  gantry::testing::TestLoop loop;
  std::unique_ptr<Supervisor> supervisor;
  std::unique_ptr<Channel> channel;
  std::unique_ptr<Images> images;
  std::vector<std::string> progress;
  pid_t registry = -1;
  int registry_port = 0, runs = 0;
};

TEST_F(ImagesTest, ImportListRunRemove) {
  const auto docker =
      import(make_tar(docker_save(gantry::testing::busybox_image(), {"busybox:1", "busybox:2"})));
  ASSERT_TRUE(docker) << docker.error().message;
  ASSERT_EQ(docker->size(), 2u);
  EXPECT_EQ(docker->front().name, "docker.io/library/busybox:1");
  EXPECT_GT(docker->front().size_bytes, 1'000'000);
  EXPECT_GT(docker->front().created, now() - 5min);
  EXPECT_THAT(progress, ::testing::Contains(
                            HasSubstr("unpacking docker.io/library/busybox:1: layer 2 of 2")));
  EXPECT_THAT(run("docker.io/library/busybox:1", "from docker"), HasSubstr("from docker"));

  for (const char* compression : {"", "gzip", "zstd"}) {
    const std::string name = std::string("docker.io/library/oci-") + compression + "x:1";
    const auto oci = import(make_tar(
        oci_layout({oci_image(gantry::testing::busybox_image(), compression, named(name))}),
        compression));
    ASSERT_TRUE(oci) << compression << oci.error().message;
    ASSERT_EQ(oci->size(), 1u);
    EXPECT_THAT(run(name, "from oci"), HasSubstr("from oci"));
  }
  EXPECT_EQ(names().size(), 5u);

  const auto image = ensure("busybox:1", PullPolicy::Never);
  ASSERT_TRUE(image) << image.error().message;
  EXPECT_EQ(image->name, "docker.io/library/busybox:1");
  EXPECT_EQ(image->digest, docker->front().digest);
  EXPECT_THAT(image->config, HasSubstr("PATH=/bin"));
  EXPECT_THAT(ctr({"snapshots", "ls"}), HasSubstr(image->chain_id));

  ASSERT_TRUE(remove("busybox:1"));
  EXPECT_EQ(names().size(), 4u);
  const auto again = remove("busybox:1");
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Code::NotFound);
  EXPECT_EQ(again.error().message, "image \"busybox:1\" is not there");
  for (const auto& name : names()) ASSERT_TRUE(remove(name));
  expect_nothing_left();
}

TEST_F(ImagesTest, ImportAgainChangesNothing) {
  const auto tar =
      make_tar(oci_layout({oci_image(gantry::testing::busybox_image(), "gzip", named("x"))}));
  const auto docker = make_tar(docker_save(gantry::testing::busybox_image(), {"y"}));
  std::string content;
  for (int i = 0; i < 3; ++i) {
    progress.clear();
    const auto first = import(tar), second = import(docker);
    ASSERT_TRUE(first) << first.error().message;
    ASSERT_TRUE(second) << second.error().message;
    EXPECT_THAT(names(), ElementsAre("docker.io/library/x:latest", "docker.io/library/y:latest"));
    const auto now_there = ctr({"content", "ls", "-q"});
    if (i > 0) {
      EXPECT_EQ(now_there, content);
      EXPECT_THAT(progress, Not(::testing::Contains(HasSubstr("unpacking"))));
    }
    content = now_there;
  }
  // A name moves to another image.
  auto other = gantry::testing::busybox_image();
  other.env = {"PATH=/bin", "OTHER=1"};
  const auto moved = import(make_tar(docker_save(other, {"x"})));
  ASSERT_TRUE(moved);
  const auto image = ensure("x", PullPolicy::Never);
  ASSERT_TRUE(image);
  EXPECT_EQ(image->digest, moved->front().digest);
  EXPECT_THAT(image->config, HasSubstr("OTHER=1"));
}

// Images of one base, as scripts/demo imports them: whoever writes a layer second finds it there,
// at its first chunk, in the middle or at the commit.
TEST_F(ImagesTest, ImportsOfTheSameLayersAtTheSameTime) {
  auto image = gantry::testing::busybox_image();
  std::string noise(36'000'000, '\0');
  std::uint64_t state = 42;
  for (char& byte : noise) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    byte = static_cast<char>(state >> 56);
  }
  image.layers.push_back(make_tar({{"noise", noise}}));
  std::vector<std::string> paths;
  for (int i = 0; i < 4; ++i) {
    // Two archives of each name: the record is fought for as well.
    image.env = {"PATH=/bin", "N=" + std::to_string(i / 2)};
    paths.push_back(gantry::testing::write_file(
        directory, "same" + std::to_string(i) + ".tar",
        make_tar(oci_layout({oci_image(image, "", named("x" + std::to_string(i / 2)))}))));
  }
  for (int round = 0; round < 4; ++round) {
    std::size_t begun = 0, ended = 0;
    // In odd rounds each begins when the one before it is in the middle of the big layer.
    std::function<void()> begin = [&] {
      const auto begin_next = [&, next = begun + 1] {
        if (begun == next && begun < paths.size()) begin();
      };
      images->import_archive(
          paths[begun++], [begin_next](const std::string&) { begin_next(); },
          [&, begin_next](Result<std::vector<ImageInfo>> result) {
            EXPECT_TRUE(result) << result.error().message;
            ++ended;
            begin_next();
          });
    };
    begin();
    while (round % 2 == 0 && begun < paths.size()) begin();
    ASSERT_TRUE(loop.run_until([&] { return ended == paths.size(); }));
    EXPECT_THAT(names(), ElementsAre("docker.io/library/x0:latest", "docker.io/library/x1:latest"));
    collect_garbage();
    EXPECT_THAT(run("docker.io/library/x1:latest", "complete"), HasSubstr("complete"));
    for (const auto& name : names()) ASSERT_TRUE(remove(name));
    expect_nothing_left();
  }
}

TEST_F(ImagesTest, WhatIsNeededOutlivesTheGarbageCollector) {
  auto other = gantry::testing::busybox_image();
  other.layers.push_back(make_tar({{"only-here", std::string(100'000, 'x')}}));
  auto foreign = gantry::testing::busybox_image();
  foreign.architecture = "mips64le";
  const auto multi =
      oci_index({oci_image(foreign), oci_image(gantry::testing::busybox_image())}, named("keep"));
  ASSERT_TRUE(import(make_tar(oci_layout({multi}))));
  ASSERT_TRUE(import(make_tar(docker_save(other, {"drop"}))));
  ASSERT_TRUE(remove("drop"));
  for (int i = 0; i < 2; ++i) {
    collect_garbage();
    EXPECT_THAT(run("docker.io/library/keep:latest", "still here"), HasSubstr("still here"));
  }
  ASSERT_TRUE(remove("keep"));
  expect_nothing_left();
}

TEST_F(ImagesTest, BadArchivesLeaveNothing) {
  const auto good = oci_layout({oci_image(gantry::testing::busybox_image(), "gzip", named("x"))});
  const auto expect_bad = [&](const std::string& data, const std::string& why) {
    const auto result = import(data);
    ASSERT_FALSE(result) << why;
    EXPECT_THAT(result.error().message, HasSubstr(why));
    EXPECT_EQ(result.error().code, Code::InvalidArgument) << result.error().message;
    EXPECT_EQ(names().size(), 0u);
    expect_nothing_left();
  };
  auto corrupt = good;
  for (auto& entry : corrupt) {
    if (entry.data.size() > 500'000) entry.data[400'000] ^= 1;
  }
  expect_bad(make_tar(corrupt), "is damaged: the content of");
  auto incomplete = good;
  std::erase_if(incomplete, [](const auto& entry) { return entry.data.size() > 500'000; });
  expect_bad(make_tar(incomplete), "image docker.io/library/x:latest");
  const auto tar = make_tar(good);
  expect_bad(tar.substr(0, tar.size() / 2), "is damaged or no archive");
  expect_bad("nonsense", "is damaged or no archive");
  auto escaping = good;
  escaping.push_back({"../../etc/cron.d/x", "x"});
  expect_bad(make_tar(escaping), "leaves the archive");
  // Its first layer is good and its second is not what the configuration says.
  auto lying = gantry::testing::busybox_image();
  auto image = oci_image(lying, "", named("x"));
  auto text = make_tar(oci_layout({image}));
  lying.layers[1] = make_tar({{"etc/", ""}, {"etc/evil", "x"}});
  auto docker = docker_save(gantry::testing::busybox_image(), {"x"});
  for (auto& entry : docker) {
    if (entry.name == "layer1/layer.tar") entry.data = lying.layers[1];
  }
  expect_bad(make_tar(docker), "the image says sha256:");

  auto foreign = gantry::testing::busybox_image();
  foreign.architecture = "mips64le";
  const auto wrong = import(make_tar(docker_save(foreign, {"x"})));
  ASSERT_FALSE(wrong);
  EXPECT_THAT(wrong.error().message,
              HasSubstr("the image is for linux/mips64le, this host is linux/"));
  expect_nothing_left();
  // And after all that, the good one.
  ASSERT_TRUE(import(tar));
  EXPECT_THAT(run("docker.io/library/x:latest", "good"), HasSubstr("good"));
}

TEST_F(ImagesTest, NeverAndBadNames) {
  auto missing = ensure("nothere:1", PullPolicy::Never);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Code::NotFound);
  EXPECT_EQ(missing.error().message,
            "Container image \"nothere:1\" is not present with pull policy of Never");
  for (const auto policy : {PullPolicy::Never, PullPolicy::IfNotPresent, PullPolicy::Always}) {
    const auto bad = ensure("Bad Name", policy);
    ASSERT_FALSE(bad);
    EXPECT_EQ(bad.error().code, Code::InvalidArgument);
  }
}

TEST_F(ImagesTest, WhatAnotherProgramImportedIsUnpacked) {
  const auto path = gantry::testing::write_file(
      directory, "a.tar",
      make_tar(oci_layout(
          {oci_image(gantry::testing::busybox_image(), "gzip", named("docker.io/library/x:1"))})));
  ctr({"images", "import", "--no-unpack", path});
  const auto image = ensure("x:1", PullPolicy::Never);
  ASSERT_TRUE(image) << image.error().message;
  EXPECT_THAT(ctr({"snapshots", "ls"}), HasSubstr(image->chain_id));
  collect_garbage();
  EXPECT_THAT(run("docker.io/library/x:1", "unpacked"), HasSubstr("unpacked"));
}

TEST_F(ImagesTest, PullsFromARegistry) {
  start_registry();
  ASSERT_TRUE(import(
      make_tar(docker_save(gantry::testing::busybox_image(), {registry_name("team/box:1")}))));
  ctr({"images", "push", "--plain-http", registry_name("team/box:1")});
  ASSERT_TRUE(remove(registry_name("team/box:1")));
  expect_nothing_left();

  // Every ctr is counted.
  gantry::testing::write_file(directory, "ctr",
                              "#!/bin/sh\necho pull >> " + directory + "/pulls\nexec " +
                                  *find_program("ctr") + " \"$@\"\n");
  ::chmod((directory + "/ctr").c_str(), 0755);
  Images::Settings settings;
  settings.ctr = directory + "/ctr";
  make_images(settings);
  const auto pulls = [&] {
    const auto text = std::filesystem::exists(directory + "/pulls")
                          ? gantry::testing::read_file(directory + "/pulls")
                          : "";
    return std::count(text.begin(), text.end(), '\n');
  };

  // Together: one pull, every one of them is answered.
  int answers = 0;
  for (int i = 0; i < 5; ++i) {
    images->ensure(registry_name("team/box:1"), PullPolicy::IfNotPresent, {},
                   [&](const Result<ImageRef>& result) {
                     EXPECT_TRUE(result) << result.error().message;
                     EXPECT_TRUE(result && !result->chain_id.empty());
                     ++answers;
                   });
  }
  ASSERT_TRUE(loop.run_until([&] { return answers == 5; }));
  EXPECT_EQ(pulls(), 1);
  collect_garbage();
  EXPECT_THAT(run(registry_name("team/box:1"), "pulled"), HasSubstr("pulled"));

  ASSERT_TRUE(ensure(registry_name("team/box:1"), PullPolicy::IfNotPresent));
  ASSERT_TRUE(ensure(registry_name("team/box:1"), PullPolicy::Never));
  EXPECT_EQ(pulls(), 1);
  progress.clear();
  ASSERT_TRUE(ensure(registry_name("team/box:1"), PullPolicy::Always));
  EXPECT_EQ(pulls(), 2);
  EXPECT_THAT(progress,
              ::testing::Contains(HasSubstr("pulling image " + registry_name("team/box:1"))));

  // By digest.
  const auto image = ensure(registry_name("team/box:1"), PullPolicy::Never);
  ASSERT_TRUE(image);
  const auto pinned = ensure(registry_name("team/box@" + image->digest), PullPolicy::IfNotPresent);
  ASSERT_TRUE(pinned) << pinned.error().message;
  EXPECT_EQ(pinned->digest, image->digest);
  EXPECT_EQ(pulls(), 3);

  const auto unknown = ensure(registry_name("team/unknown:1"), PullPolicy::IfNotPresent);
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, Code::NotFound);
  EXPECT_THAT(
      unknown.error().message,
      ::testing::StartsWith("failed to pull image \"" + registry_name("team/unknown:1") + "\": "));
  EXPECT_THAT(unknown.error().message, HasSubstr("not found"));
  EXPECT_THAT(unknown.error().message, Not(HasSubstr("\n")));

  // With the registry gone: Always fails, IfNotPresent does not ask it.
  ::kill(registry, SIGKILL);
  ::waitpid(registry, nullptr, 0);
  registry = -1;
  const auto always = ensure(registry_name("team/box:1"), PullPolicy::Always);
  ASSERT_FALSE(always);
  EXPECT_EQ(always.error().code, Code::Unavailable);
  EXPECT_THAT(always.error().message, HasSubstr("connection refused"));
  EXPECT_TRUE(ensure(registry_name("team/box:1"), PullPolicy::IfNotPresent));
}

TEST_F(ImagesTest, APullThatHangsEnds) {
  const Listener silent;  // takes connections and says nothing
  const std::string name = "127.0.0.1:" + std::to_string(silent.port) + "/x:1";
  Images::Settings settings;
  settings.pull_timeout = 300ms;
  make_images(settings);
  const auto late = ensure(name, PullPolicy::IfNotPresent);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, Code::DeadlineExceeded);
  EXPECT_THAT(late.error().message, HasSubstr("failed to pull image \"" + name + "\""));

  // The end of the daemon ends it too, and nobody is called any more.
  settings.pull_timeout = 10min;
  make_images(settings);
  bool begun = false, answered = false;
  images->ensure(
      name, PullPolicy::Always, [&](const std::string&) { begun = true; },
      [&](const Result<ImageRef>&) { answered = true; });
  ASSERT_TRUE(loop.run_until([&] { return begun; }));
  const auto before = std::chrono::steady_clock::now();
  images.reset();
  {
    // Its worker is joined here.
    bool turned = false;
    loop.offload([] {}, [&] { turned = true; });
    ASSERT_TRUE(loop.run_until([&] { return turned; }));
    loop.join_workers();
  }
  EXPECT_LT(std::chrono::steady_clock::now() - before, 10s);
  EXPECT_FALSE(answered);
}

TEST_F(ImagesTest, AContainerdThatIsGoneIsAnError) {
  bool stopped = false;
  supervisor->stop([&] { stopped = true; });
  ASSERT_TRUE(loop.run_until([&] { return stopped; }));
  const auto image = ensure("x", PullPolicy::Never);
  ASSERT_FALSE(image);
  EXPECT_EQ(image.error().code, Code::Unavailable);
  EXPECT_THAT(image.error().message, HasSubstr("look for image \"x\""));
  const auto imported = import(make_tar(docker_save(gantry::testing::busybox_image(), {"x"})));
  ASSERT_FALSE(imported);
  EXPECT_EQ(imported.error().code, Code::Unavailable);
}

}  // namespace
}  // namespace gantry::containerd
