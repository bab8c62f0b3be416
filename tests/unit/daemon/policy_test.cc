#include "daemon/policy.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "tests/unit/daemon/temporary_directory.h"

namespace gantry {
namespace {

using ::testing::HasSubstr;

runtime::PodSpec pod_with_path(const std::string& path) {
  runtime::PodSpec pod;
  pod.volumes.push_back({.name = "v", .source = runtime::HostPath{path, ""}});
  return pod;
}

TEST(NormalisedPath, Table) {
  const std::pair<const char*, const char*> cases[] = {
      {"/", "/"},         {"/a//b/", "/a/b"},  {"/a/./b", "/a/b"}, {"/a/../b", "/b"},
      {"/../../a", "/a"}, {"/a/b/../..", "/"}, {"a/../..", ".."},  {"", "."},
  };
  for (const auto& [path, normal] : cases) EXPECT_EQ(normalise_path(path), normal) << path;
}

TEST(BelowPath, WholeComponents) {
  EXPECT_TRUE(is_below("/srv/cache", "/srv/cache"));
  EXPECT_TRUE(is_below("/srv/cache/a", "/srv/cache"));
  EXPECT_FALSE(is_below("/srv/cache2", "/srv/cache"));
  EXPECT_FALSE(is_below("/srv", "/srv/cache"));
  EXPECT_TRUE(is_below("/anything", "/"));
}

TEST(Policy, HostPathsNeedTheAllowList) {
  const Policy policy{.host_path_allow = {"/srv/cache"}};
  EXPECT_TRUE(check_policy(policy, pod_with_path("/srv/cache/x")));
  EXPECT_TRUE(check_policy(policy, pod_with_path("/srv/other/../cache")));
  struct Case {
    const char* path;
    Code code;
  };
  const Case cases[] = {{"/srv/cache/../secret", Code::PermissionDenied},
                        {"/srv/cache2", Code::PermissionDenied},
                        {"/", Code::PermissionDenied},
                        {"srv/cache", Code::InvalidArgument},
                        {"", Code::InvalidArgument}};
  for (const Case& c : cases) {
    auto done = check_policy(policy, pod_with_path(c.path));
    ASSERT_FALSE(done) << c.path;
    EXPECT_EQ(done.error().code, c.code) << c.path;
  }
  auto refused = check_policy({}, pod_with_path("/srv/cache"));
  EXPECT_EQ(refused.error().message,
            "volume \"v\": hostPath \"/srv/cache\" is not below a path of host_path_allow in "
            "gantryd's configuration");
}

TEST(Policy, WhatMakesRootNeedsAllowPrivileged) {
  struct Case {
    runtime::Security security;
    const char* what;  // null: allowed
  };
  const Case cases[] = {
      {{}, nullptr},
      {{.capabilities_add = {"CHOWN", "NET_BIND_SERVICE"}}, nullptr},
      {{.capabilities_drop = {"ALL"}}, nullptr},
      {{.privileged = true}, "privileged"},
      {{.capabilities_add = {"SYS_ADMIN"}}, "capability SYS_ADMIN"},
      {{.capabilities_add = {"ALL"}}, "capability ALL"},
      {{.seccomp_unconfined = true}, "seccomp profile Unconfined"},
  };
  for (const Case& c : cases) {
    runtime::PodSpec pod;
    pod.containers.push_back({.name = "main", .security = c.security});
    EXPECT_TRUE(check_policy({.allow_privileged = true}, pod));
    auto done = check_policy({}, pod);
    ASSERT_EQ(done.has_value(), c.what == nullptr);
    if (done) continue;
    EXPECT_EQ(done.error().code, Code::PermissionDenied);
    EXPECT_EQ(done.error().message, "container \"main\": " + std::string(c.what) +
                                        " needs allow_privileged: true in gantryd's configuration");
  }
}

TEST(HostPaths, LinksAreFollowedBeforeTheyAreUsed) {
  TemporaryDirectory directory;
  namespace fs = std::filesystem;
  std::string real = fs::canonical(directory.path()).string();
  fs::create_directories(real + "/allowed/in");
  fs::create_directories(real + "/secret");
  fs::create_symlink(real + "/secret", real + "/allowed/out");
  fs::create_symlink("in", real + "/allowed/link");
  fs::create_symlink(real + "/allowed", real + "/alias");
  fs::create_symlink("loop", real + "/allowed/loop");
  const Policy policy{.host_path_allow = {real + "/alias"}};

  auto inside = pod_with_path(real + "/alias/link/new");
  ASSERT_TRUE(resolve_host_paths(policy, inside));
  EXPECT_EQ(std::get<runtime::HostPath>(inside.volumes[0].source).path, real + "/allowed/in/new");

  auto outside = pod_with_path(real + "/alias/out/x");
  auto refused = resolve_host_paths(policy, outside);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::PermissionDenied);
  EXPECT_THAT(refused.error().message, HasSubstr("which leads to \"" + real + "/secret/x\""));

  auto loop = pod_with_path(real + "/alias/loop/x");
  EXPECT_EQ(resolve_host_paths(policy, loop).error().code, Code::FailedPrecondition);
}

TEST(Policy, NamespacesOfTheHost) {
  runtime::PodSpec pod;
  EXPECT_TRUE(check_policy({}, pod));
  EXPECT_EQ(check_policy({.allow_host_network = false}, pod).error().message,
            "hostNetwork needs allow_host_network: true in gantryd's configuration");
  pod.network = runtime::Network::Bridge;
  EXPECT_TRUE(check_policy({.allow_host_network = false}, pod));
  pod.host_pid = true;
  EXPECT_THAT(check_policy({}, pod).error().message, HasSubstr("hostPID needs allow_privileged"));
  EXPECT_TRUE(check_policy({.allow_privileged = true}, pod));
  pod.host_pid = false;
  pod.host_ipc = true;
  EXPECT_THAT(check_policy({}, pod).error().message, HasSubstr("hostIPC needs allow_privileged"));
}

}  // namespace
}  // namespace gantry
