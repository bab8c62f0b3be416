#include "runtime/containerd/probe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <optional>

#include "runtime/containerd/child_process.h"
#include "runtime/containerd/shim_choice.h"
#include "tests/support/image_builder.h"
#include "tests/support/test_loop.h"

namespace gantry::containerd {
namespace {

using ::testing::HasSubstr;
using namespace std::chrono_literals;

class ProbeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(::geteuid(), 0u) << "this test needs root";
    ASSERT_TRUE(find_program("runc")) << "install runc";
    char pattern[] = "/tmp/gantry-test-XXXXXX";
    directory = ::mkdtemp(pattern);
    before = litter();
  }
  void TearDown() override {
    EXPECT_THAT(litter(), ::testing::IsSubsetOf(before));  // whatever happened, nothing is left
    std::filesystem::remove_all(directory);
  }
  /// Bundles and cgroups of probes on this host.
  static std::vector<std::string> litter() {
    std::vector<std::string> found;
    const auto look = [&](const std::filesystem::path& place) {
      std::error_code error;
      for (std::filesystem::directory_iterator entry(place, error), end; !error && entry != end;
           entry.increment(error)) {
        const auto name = entry->path().filename().string();
        if (name.starts_with("gantry-probe-")) found.push_back(entry->path());
      }
    };
    look("/tmp");
    look("/sys/fs/cgroup");
    for (const auto& entry : std::filesystem::directory_iterator("/sys/fs/cgroup")) {
      if (entry.is_directory()) look(entry.path());
    }
    return found;
  }
  std::string program(const std::string& body) {
    const auto path =
        gantry::testing::write_file(directory, "runtime", "#!/bin/sh\n" + body + "\n");
    ::chmod(path.c_str(), 0755);
    return path;
  }

  std::string directory;
  std::vector<std::string> before;
};

TEST_F(ProbeTest, ChoosesWhatWorksHere) {
  const auto chosen = probe_oci_runtime("auto");
  ASSERT_TRUE(chosen) << chosen.error().message;
  const bool crun = chosen->binary.ends_with("/crun");
  EXPECT_TRUE(crun || chosen->binary.ends_with("/runc"));
  EXPECT_THAT(chosen->version, HasSubstr(" version "));
  // crun is passed over for a reason only.
  EXPECT_EQ(chosen->why_not_crun.empty(), crun);
  EXPECT_EQ(chosen->why_not_crun.find('\n'), std::string::npos);
}

TEST_F(ProbeTest, TakesWhatIsNamedIfItWorks) {
  const auto runc = probe_oci_runtime("runc");
  ASSERT_TRUE(runc) << runc.error().message;
  EXPECT_TRUE(probe_oci_runtime(runc->binary));
  EXPECT_EQ(probe_oci_runtime("no-such-runtime").error().code, Code::NotFound);
  EXPECT_EQ(probe_oci_runtime("/no/such/runtime").error().code, Code::NotFound);

  const auto broken = probe_oci_runtime(program("echo first >&2; echo this is why >&2; exit 1"));
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().code, Code::FailedPrecondition);
  EXPECT_THAT(broken.error().message, HasSubstr("cannot run containers on this host: this is why"));
  EXPECT_THAT(probe_oci_runtime(program("exit 9")).error().message, HasSubstr("exit code 9"));

  const auto start = std::chrono::steady_clock::now();
  const auto hangs = probe_oci_runtime(program("[ \"$3\" = run ] || exit 0; sleep 60"));
  ASSERT_FALSE(hangs);
  EXPECT_THAT(hangs.error().message, HasSubstr("did not end within 5 s"));
  EXPECT_LT(std::chrono::steady_clock::now() - start, 20s);
}

TEST_F(ProbeTest, OnAWorker) {
  gantry::testing::TestLoop loop;
  std::optional<Result<OciRuntime>> found;
  probe_oci_runtime(loop, "runc", [&](Result<OciRuntime> result) { found = std::move(result); });
  ASSERT_TRUE(loop.run_until([&] { return found.has_value(); }));
  EXPECT_TRUE(*found);
}

TEST_F(ProbeTest, ChoosesTheShimThatRuns) {
  const std::string own = "containerd-shim-gantry-v1";
  const auto install = [&](const std::string& place, const std::string& body) {
    std::filesystem::create_directories(directory + "/" + place);
    const auto path = gantry::testing::write_file(directory, place + "/" + own, "#!/bin/sh\n" + body + "\n");
    ::chmod(path.c_str(), 0755);
    return path;
  };
  const std::string sbin = directory + "/sbin";
  std::filesystem::create_directories(sbin);
  auto chosen = choose_shim("auto", sbin);
  ASSERT_TRUE(chosen);
  EXPECT_EQ(chosen->path, "");
  EXPECT_EQ(chosen->version, "io.containerd.runc.v2");
  EXPECT_THAT(chosen->why_not_gantry, HasSubstr("is not installed"));
  EXPECT_EQ(choose_shim("gantry", sbin).error().code, Code::NotFound);

  const auto there = install("libexec/gantry", "[ \"$*\" = -v ] && echo " + own + " 9");
  chosen = choose_shim("auto", sbin);
  ASSERT_TRUE(chosen);
  EXPECT_EQ(chosen->path, there);
  EXPECT_EQ(chosen->version, own + " 9");
  EXPECT_EQ(chosen->why_not_gantry, "");
  EXPECT_EQ(choose_shim("gantry", sbin)->path, there);
  EXPECT_EQ(choose_shim("runc", sbin)->path, "");
  EXPECT_EQ(choose_shim(there, sbin)->path, there);

  install("sbin", "echo no library >&2; exit 127");
  chosen = choose_shim("auto", sbin);
  ASSERT_TRUE(chosen);
  EXPECT_EQ(chosen->path, "");
  EXPECT_THAT(chosen->why_not_gantry, HasSubstr("exit code 127 no library"));
  EXPECT_EQ(choose_shim("gantry", sbin).error().code, Code::FailedPrecondition);
  EXPECT_EQ(choose_shim("/no/such/shim").error().code, Code::NotFound);
  EXPECT_EQ(choose_shim("no-path").error().code, Code::InvalidArgument);
}

}  // namespace
}  // namespace gantry::containerd
