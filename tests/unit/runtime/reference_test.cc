#include "runtime/containerd/reference.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gantry::containerd {
namespace {

using testing::HasSubstr;

const std::string kHex(64, 'a');
const std::string kDigest = "sha256:" + kHex;

TEST(Reference, IsNormalisedAsContainerdDoes) {
  const std::pair<std::string, std::string> cases[] = {
      {"busybox", "docker.io/library/busybox:latest"},
      {"busybox:1.36", "docker.io/library/busybox:1.36"},
      {"library/busybox", "docker.io/library/busybox:latest"},
      {"docker.io/busybox", "docker.io/library/busybox:latest"},
      {"index.docker.io/busybox", "docker.io/library/busybox:latest"},
      {"argoproj/argosay:v2", "docker.io/argoproj/argosay:v2"},
      {"python:alpine3.23", "docker.io/library/python:alpine3.23"},
      {"a/b/c", "docker.io/a/b/c:latest"},
      {"localhost/x", "localhost/x:latest"},
      {"localhost:5000/x", "localhost:5000/x:latest"},
      {"localhost:5000", "docker.io/library/localhost:5000"},  // no slash: 5000 is a tag
      {"127.0.0.1:5000/team/x:v1", "127.0.0.1:5000/team/x:v1"},
      {"quay.io/argoproj/argocli:v3.6.2", "quay.io/argoproj/argocli:v3.6.2"},
      {"GHCR.io/x/y", "GHCR.io/x/y:latest"},  // a domain keeps its case
      {"busybox@" + kDigest, "docker.io/library/busybox@" + kDigest},
      {"busybox:1.36@" + kDigest, "docker.io/library/busybox@" + kDigest},
      {"a__b/c--d.e_f:_x-Y.z", "docker.io/a__b/c--d.e_f:_x-Y.z"},
      {std::string(128, 'a'), "docker.io/library/" + std::string(128, 'a') + ":latest"},
      {std::string(63, 'a'), "docker.io/library/" + std::string(63, 'a') + ":latest"},
  };
  for (const auto& [text, name] : cases) {
    const auto reference = parse_reference(text);
    ASSERT_TRUE(reference) << text << ": " << reference.error().message;
    EXPECT_EQ(reference->name(), name) << text;
    const auto again = parse_reference(reference->name());
    ASSERT_TRUE(again) << name;
    EXPECT_EQ(again->name(), name);
  }
}

TEST(Reference, HasParts) {
  const auto reference = parse_reference("localhost:5000/team/x:v1@" + kDigest);
  ASSERT_TRUE(reference);
  EXPECT_EQ(reference->domain, "localhost:5000");
  EXPECT_EQ(reference->path, "team/x");
  EXPECT_EQ(reference->tag, "v1");
  EXPECT_EQ(reference->digest, kDigest);
  EXPECT_EQ(reference->repository(), "localhost:5000/team/x");
}

TEST(Reference, RefusesWhatContainerdRefuses) {
  const std::pair<std::string, std::string> cases[] = {
      {"", "empty"},
      {kHex, "id, not a name"},
      {"Busybox", "lower case"},
      {"Foo/bar", "lower case"},
      {"localhost:5000/Foo", "lower case"},
      {"busybox:", "not a tag"},
      {"busybox:-x", "not a tag"},
      {"busybox:" + std::string(129, 'a'), "not a tag"},
      {"busybox:a:b", "not a tag"},
      {"busybox@", "not a digest"},
      {"busybox@sha256:abc", "not a digest"},
      {"busybox@sha256:" + std::string(64, 'A'), "not a digest"},
      {"busybox@md5:" + std::string(32, 'a'), "not a digest"},
      {"/busybox", "not a repository name"},
      {"docker.io/", "not a repository name"},
      {"a//b", "not a repository name"},
      {"a/", "not a repository name"},
      {"-a", "not a repository name"},
      {"a-", "not a repository name"},
      {"a..b", "not a repository name"},
      {"a___b", "not a repository name"},
      {"a._b", "not a repository name"},
      {"a b", "not a repository name"},
      {"../x", "not a registry"},
      {"-x.io/y", "not a registry"},
      {"x.io:/y", "not a registry"},
      {"x.io:80a/y", "not a registry"},
      {std::string(250, 'a'), "longer than 255"},
      {std::string("a\0b", 3), "not a repository name"},
  };
  for (const auto& [text, why] : cases) {
    const auto reference = parse_reference(text);
    ASSERT_FALSE(reference) << text << " was read as " << reference->name();
    EXPECT_EQ(reference.error().code, Code::InvalidArgument);
    EXPECT_THAT(reference.error().message, HasSubstr(why)) << text;
    EXPECT_THAT(reference.error().message, HasSubstr("invalid image name \"" + text + "\""));
  }
}

TEST(Reference, DefaultPullPolicyIsKubernetes) {
  const std::pair<std::string, runtime::PullPolicy> cases[] = {
      {"busybox", runtime::PullPolicy::Always},
      {"busybox:latest", runtime::PullPolicy::Always},
      {"busybox:latest@" + kDigest, runtime::PullPolicy::Always},
      {"busybox:1.36", runtime::PullPolicy::IfNotPresent},
      {"busybox@" + kDigest, runtime::PullPolicy::IfNotPresent},
  };
  for (const auto& [text, policy] : cases) {
    EXPECT_EQ(default_pull_policy(*parse_reference(text)), policy) << text;
  }
}

TEST(Reference, PlainHttpIsForLoopbackOnly) {
  for (const char* domain :
       {"localhost", "localhost:5000", "127.0.0.1:5000", "127.1.2.3", "[::1]:5000"}) {
    EXPECT_TRUE(is_loopback_registry(domain)) << domain;
  }
  for (const char* domain :
       {"docker.io", "localhost.evil.org", "127.0.0.1.evil.org", "127.evil.org:80", "10.0.0.1"}) {
    EXPECT_FALSE(is_loopback_registry(domain)) << domain;
  }
}

}  // namespace
}  // namespace gantry::containerd
