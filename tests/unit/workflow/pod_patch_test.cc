#include "workflow/pod_patch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gantry::workflow {
namespace {

using ::testing::HasSubstr;

PodTemplate pod() {
  PodTemplate out;
  out.main.name = "main";
  out.main.image = Text::literal("busybox");
  out.main.args = {{Text::literal("a")}};
  out.main.env = {{"A", Text::literal("1"), {}, ""}, {"B", Text::literal("2"), {}, ""}};
  out.main.resources.limits.cpu = Text::literal("1");
  out.main.resources.limits.memory = Text::literal("1Gi");
  out.main.security.run_as_user = 5;
  out.main.mounts = {{Text::literal("v"), Text::literal("/v"), Text(), false, {}}};
  Container& sidecar = out.beside.emplace_back();
  sidecar.name = "side";
  sidecar.role = Container::Role::Sidecar;
  return out;
}

PodTemplate patched(const char* text) {
  PodTemplate out = pod();
  auto patch = parse_pod_patch(text);
  EXPECT_TRUE(patch) << patch.error().message;
  if (!patch) return out;
  auto done = apply_patch(*patch, out);
  EXPECT_TRUE(done) << done.error().message;
  return out;
}

TEST(PodPatch, WhatItNamesIsReplacedAndTheRestStays) {
  const PodTemplate out = patched(R"({"containers":[{"name":"main","image":"alpine","resources":{"limits":{"memory":"2Gi"}}}]})");
  EXPECT_EQ(out.main.image.source(), "alpine");
  EXPECT_EQ(out.main.args->front().source(), "a");
  EXPECT_EQ(out.main.resources.limits.cpu->source(), "1");
  EXPECT_EQ(out.main.resources.limits.memory->source(), "2Gi");
  EXPECT_EQ(out.main.security.run_as_user, 5);
}

TEST(PodPatch, ExtendedResourcesAreReplacedByName) {
  PodTemplate out = pod();
  out.main.resources.limits.extended = {{"nvidia.com/gpu", Text::literal("1")}, {"example.com/licence", Text::literal("1")}};
  const auto patch = parse_pod_patch(
      R"({"containers":[{"name":"main","resources":{"requests":{"nvidia.com/gpu":2},"limits":{"nvidia.com/gpu":2,"a.b/c":1}}}]})");
  ASSERT_TRUE(patch) << patch.error().message;
  ASSERT_TRUE(apply_patch(*patch, out));
  const auto& limits = out.main.resources.limits.extended;
  ASSERT_EQ(limits.size(), 3u);
  EXPECT_EQ(limits[0].second.source(), "2");
  EXPECT_EQ(limits[1].second.source(), "1");
  EXPECT_EQ(limits[2].first, "a.b/c");
  EXPECT_EQ(out.main.resources.requests.extended.size(), 1u);
}

TEST(PodPatch, YamlIsAsGoodAsJson) {
  const PodTemplate out = patched(R"(
containers:
- name: main
  command: [sh, -c]
  args: []
  env: [{name: B, value: "3"}, {name: C, value: "4"}]
  volumeMounts: [{name: w, mountPath: /v, readOnly: true}, {name: x, mountPath: /x}]
  securityContext: {runAsGroup: 7, privileged: true}
- name: side
  image: nginx
- name: wait
  image: executor
volumes:
- {name: w, emptyDir: {}}
securityContext: {runAsUser: 9}
hostAliases: [{ip: 1.2.3.4, hostnames: [h]}]
tolerations: [{key: a}]
)");
  EXPECT_EQ(out.main.command->size(), 2u);
  EXPECT_TRUE(out.main.args->empty());
  ASSERT_EQ(out.main.env.size(), 3u);
  EXPECT_EQ(out.main.env[1].value.source(), "3");
  EXPECT_EQ(out.main.env[2].name, "C");
  ASSERT_EQ(out.main.mounts.size(), 2u);
  EXPECT_EQ(out.main.mounts[0].name.source(), "w");
  EXPECT_TRUE(out.main.mounts[0].read_only);
  EXPECT_EQ(out.main.security.run_as_user, 5);
  EXPECT_EQ(out.main.security.run_as_group, 7);
  EXPECT_TRUE(*out.main.security.privileged);
  EXPECT_EQ(out.beside[0].image.source(), "nginx");
  EXPECT_EQ(out.volumes.size(), 1u);
  EXPECT_EQ(out.security.run_as_user, 9);
  EXPECT_EQ(out.host_aliases.size(), 1u);
}

TEST(PodPatch, TheTemplatesLiesOverTheWorkflows) {
  auto under = parse_pod_patch("activeDeadlineSeconds: 5\nhostNetwork: true\ncontainers: [{name: main, image: a, workingDir: /a}]");
  auto over = parse_pod_patch("activeDeadlineSeconds: 9\ncontainers: [{name: main, image: b}, {name: side, image: c}]");
  ASSERT_TRUE(under && over);
  merge(*under, *over);
  EXPECT_EQ(under->active_deadline_seconds, 9);
  EXPECT_EQ(under->host_network, true);
  ASSERT_EQ(under->containers.size(), 2u);
  EXPECT_EQ(under->containers[0].image.source(), "b");
  EXPECT_EQ(under->containers[0].working_dir.source(), "/a");
}

TEST(PodPatch, WhatIsWrongWithIt) {
  const std::pair<const char*, const char*> cases[] = {
      {"{", "invalid podSpecPatch \"{\": "},
      {"[]", "expected an object"},
      {"containers: [{image: a}]", "containers[0].name is required"},
      {"containers: [{name: main, imagee: a}]", "imagee"},
      {"{\"containers\":[{\"name\":\"main\",\"$patch\":\"delete\"}]}", "$patch"},
      {"hostPID: true", "not supported yet: "},
      {"activeDeadlineSeconds: soon", "activeDeadlineSeconds"},
      {"{}\n---\n{}\n", "more than one document"},
      {"containers: [{name: main, resources: {limits: {memory: much}}}]", "memory"},
  };
  for (const auto& [text, message] : cases) {
    auto patch = parse_pod_patch(text);
    ASSERT_FALSE(patch) << text;
    EXPECT_EQ(patch.error().code, Code::InvalidArgument);
    EXPECT_THAT(patch.error().message, HasSubstr(message)) << text;
  }
  PodTemplate out = pod();
  EXPECT_EQ(apply_patch(*parse_pod_patch("containers: [{name: other, image: a}]"), out).error().message,
            "podSpecPatch: the pod has no container \"other\"");
  EXPECT_TRUE(parse_pod_patch(""));
}

}  // namespace
}  // namespace gantry::workflow
