#include "daemon/objects.h"

#include <gmock/gmock.h>

namespace gantry {
namespace {

using runtime::ObjectKey;
using ::testing::ElementsAre;

Objects some_objects() {
  Objects objects;
  objects.put(api::ObjectKind::Secret,
              {.name_space = "ns", .name = "s", .data = {{"user", "me"}, {"pass", "x y"}}});
  objects.put(api::ObjectKind::ConfigMap,
              {.name_space = "ns", .name = "c", .data = {{"a", "1"}, {"bad=name", "2"}}});
  objects.put(api::ObjectKind::Secret, {.name_space = "other", .name = "t"});
  return objects;
}

ObjectKey key(ObjectKey::Kind kind, std::string name, std::string k = "", bool optional = false) {
  return {kind, std::move(name), std::move(k), optional};
}
constexpr auto kSecret = ObjectKey::Kind::Secret;
constexpr auto kConfigMap = ObjectKey::Kind::ConfigMap;

runtime::PodSpec pod_with(std::vector<runtime::EnvReference> references) {
  runtime::PodSpec pod;
  pod.containers.push_back({.name = "main", .env_references = std::move(references)});
  return pod;
}

std::vector<std::string> env(const runtime::PodSpec& pod) {
  std::vector<std::string> list;
  for (const auto& variable : pod.containers[0].env) {
    list.push_back(variable.name + "=" + variable.value);
  }
  return list;
}

TEST(Objects, ReplaceReferencesByValues) {
  auto pod = pod_with({{"P_", key(kConfigMap, "c")},
                       {"PASS", key(kSecret, "s", "pass")},
                       {"NONE", key(kSecret, "s", "none", true)},
                       {"X", key(kSecret, "absent", "", true)}});
  ASSERT_TRUE(some_objects().resolve(pod, "ns"));
  // A key that cannot be a variable's name is left out; what is optional and absent is no variable.
  EXPECT_THAT(env(pod), ElementsAre("PASS=x y", "P_a=1"));
  EXPECT_TRUE(pod.containers[0].env_references.empty());
}

TEST(Objects, EnvWinsOverEnvFromAndTheLaterEnvFromOverTheEarlier) {
  auto pod = pod_with({{"", key(kSecret, "s")}, {"", key(kConfigMap, "d")}});
  pod.containers[0].env = {{"user", "mine"}};
  Objects objects = some_objects();
  objects.put(api::ObjectKind::ConfigMap,
              {.name_space = "ns", .name = "d", .data = {{"user", "no"}, {"pass", "later"}}});
  ASSERT_TRUE(objects.resolve(pod, "ns"));
  EXPECT_THAT(env(pod), testing::UnorderedElementsAre("user=mine", "pass=later"));
}

TEST(Objects, WhatIsMissingHasKubernetesWords) {
  struct Case {
    ObjectKey from;
    const char* message;
  };
  const Case cases[] = {
      {key(kSecret, "x", "k"), "secret \"x\" not found"},
      {key(kConfigMap, "x"), "configmap \"x\" not found"},
      {key(kSecret, "t", "k"), "secret \"t\" not found"},  // of another namespace
      {key(kSecret, "s", "k"), "couldn't find key k in Secret ns/s"},
      {key(kConfigMap, "c", "k"), "couldn't find key k in ConfigMap ns/c"},
  };
  for (const Case& c : cases) {
    auto pod = pod_with({{"V", c.from}});
    auto done = some_objects().resolve(pod, "ns");
    ASSERT_FALSE(done) << c.message;
    EXPECT_EQ(done.error().message, c.message);
    EXPECT_EQ(done.error().code, Code::NotFound);
  }
}

runtime::PodSpec pod_with(runtime::Files files) {
  runtime::PodSpec pod;
  pod.volumes.push_back({.name = "v", .source = std::move(files)});
  return pod;
}

std::vector<std::string> files_of(const runtime::PodSpec& pod) {
  std::vector<std::string> list;
  for (const auto& file : std::get<runtime::Files>(pod.volumes[0].source).files) {
    list.push_back(file.path + "=" + file.content + ":" + std::to_string(file.mode));
  }
  return list;
}

TEST(Objects, FillVolumes) {
  auto all = pod_with(runtime::Files{.from = key(kSecret, "s"), .default_mode = 0400});
  ASSERT_TRUE(some_objects().resolve(all, "ns"));
  EXPECT_THAT(files_of(all), ElementsAre("pass=x y:256", "user=me:256"));

  auto items =
      pod_with(runtime::Files{.from = key(kSecret, "s"), .items = {{"user", "a/b", 0600}}});
  ASSERT_TRUE(some_objects().resolve(items, "ns"));
  EXPECT_THAT(files_of(items), ElementsAre("a/b=me:384"));

  auto optional = pod_with(runtime::Files{.from = key(kSecret, "none", "", true)});
  ASSERT_TRUE(some_objects().resolve(optional, "ns"));
  EXPECT_TRUE(files_of(optional).empty());

  auto literal = pod_with(runtime::Files{.files = {{"f", "kept"}}});
  ASSERT_TRUE(some_objects().resolve(literal, "ns"));
  EXPECT_THAT(files_of(literal), ElementsAre("f=kept:420"));
}

TEST(Objects, VolumesThatCannotBeFilled) {
  struct Case {
    runtime::Files files;
    const char* message;
  };
  const Case cases[] = {
      {{.from = key(kSecret, "x")}, "volume \"v\": secret \"x\" not found"},
      {{.from = key(kSecret, "s"), .items = {{"k", "p"}}},
       "volume \"v\": references non-existent secret key: k"},
      {{.from = key(kConfigMap, "c"), .items = {{"k", "p"}}},
       "volume \"v\": references non-existent config key: k"},
      {{.from = key(kSecret, "s"), .items = {{"user", "a/../../etc/x"}}},
       "volume \"v\": \"a/../../etc/x\" must be a relative path that does not contain '..'"},
      {{.from = key(kSecret, "s"), .items = {{"user", "/etc/x"}}},
       "volume \"v\": \"/etc/x\" must be a relative path that does not contain '..'"},
  };
  for (const Case& c : cases) {
    auto pod = pod_with(c.files);
    auto done = some_objects().resolve(pod, "ns");
    ASSERT_FALSE(done) << c.message;
    EXPECT_EQ(done.error().message, c.message);
  }
}

TEST(Objects, ListAndRemove) {
  Objects objects = some_objects();
  EXPECT_EQ(objects.list(api::ObjectKind::Secret, "").size(), 2u);
  EXPECT_EQ(objects.list(api::ObjectKind::Secret, "ns").size(), 1u);
  objects.remove(api::ObjectKind::Secret, "ns", "s");
  EXPECT_EQ(objects.find(api::ObjectKind::Secret, "ns", "s"), nullptr);
}

}  // namespace
}  // namespace gantry
