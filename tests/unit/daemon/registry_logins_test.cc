#include "daemon/registry_logins.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/objects.h"

namespace gantry {
namespace {

TEST(RegistryLogins, OfBothKindsOfSecrets) {
  auto logins = registry_logins({{".dockerconfigjson",
                                  R"({"auths": {"r.io": {"username": "me", "password": "a:b"},
                                                "s.io": {"auth": "eW91OmM6ZA=="}, "t.io": {}}})"}});
  ASSERT_TRUE(logins) << logins.error().message;
  ASSERT_EQ(logins->size(), 2u);
  EXPECT_EQ((*logins)[0].password, "a:b");
  EXPECT_EQ((*logins)[1].user, "you");
  EXPECT_EQ((*logins)[1].password, "c:d");
  auto old = registry_logins({{".dockercfg", R"({"r.io": {"username": "me", "password": "x"}})"}});
  ASSERT_TRUE(old);
  EXPECT_EQ(old->front().server, "r.io");
  EXPECT_TRUE(registry_logins({{"password", "x"}})->empty());
}

TEST(RegistryLogins, WhatIsNone) {
  for (const char* text : {"", "[]", "{\"auths\": 1}", "{\"auths\": {\"r.io\": \"secret\"}}",
                           "{\"auths\": {\"r.io\": {\"auth\": \"!secret\"}}}"}) {
    auto logins = registry_logins({{".dockerconfigjson", text}});
    ASSERT_FALSE(logins) << text;
    EXPECT_THAT(logins.error().message, ::testing::Not(::testing::HasSubstr("secret")));
  }
}

TEST(RegistryLogins, APodGetsThoseOfItsNamespace) {
  Objects objects;
  objects.put(api::ObjectKind::Secret,
              {.name_space = "ns",
               .name = "registry",
               .data = {{".dockerconfigjson",
                         R"({"auths": {"r.io": {"username": "me", "password": "x"}}})"}}});
  runtime::PodSpec pod;
  pod.image_pull_secrets = {"registry", "gone"};
  ASSERT_TRUE(objects.resolve(pod, "ns"));
  EXPECT_EQ(pod.logins.size(), 1u);
  EXPECT_TRUE(pod.image_pull_secrets.empty());
  runtime::PodSpec other;
  other.image_pull_secrets = {"registry"};
  ASSERT_TRUE(objects.resolve(other, "elsewhere"));
  EXPECT_TRUE(other.logins.empty());
}

}  // namespace
}  // namespace gantry
