#include "daemon/names.h"

#include <gmock/gmock.h>

namespace gantry {
namespace {

using ::testing::HasSubstr;

TEST(Names, Workflows) {
  for (const char* name : {"a", "a-b", "a.b-c.d", "0"})
    EXPECT_TRUE(check_workflow_name(name)) << name;
  for (const char* name : {"", "A", "a_b", "-a", "a-", "a..b", ".a", "a.", "a.-b", "a/b", "../x"}) {
    auto done = check_workflow_name(name);
    ASSERT_FALSE(done) << name;
    EXPECT_EQ(done.error().code, Code::InvalidArgument);
    EXPECT_THAT(done.error().message, HasSubstr("RFC 1123 subdomain"));
  }
  EXPECT_TRUE(check_workflow_name(std::string(63, 'a')));
  EXPECT_THAT(check_workflow_name(std::string(64, 'a')).error().message,
              HasSubstr("must not be more than 63 characters long (currently 64)"));
}

TEST(Names, GeneratedOnesAreValidWhateverTheLengthOfThePrefix) {
  std::string name = generate_name("hello-");
  EXPECT_EQ(name.size(), 11u);
  EXPECT_TRUE(name.starts_with("hello-"));
  EXPECT_NE(name, generate_name("hello-"));
  EXPECT_EQ(generate_name(std::string(80, 'a')).size(), 63u);
  EXPECT_TRUE(check_workflow_name(generate_name(std::string(80, 'a'))));
}

TEST(Names, NamespacesObjectsAndKeys) {
  EXPECT_TRUE(check_namespace("argo"));
  EXPECT_FALSE(check_namespace("a.b"));
  EXPECT_FALSE(check_namespace(""));
  EXPECT_TRUE(check_object_name("Secret", "my.secret"));
  EXPECT_THAT(check_object_name("ConfigMap", "X").error().message,
              HasSubstr("ConfigMap \"X\" is invalid: metadata.name"));
  for (const char* key : {"a", ".dockerconfigjson", "A_b-c.d"}) EXPECT_TRUE(check_object_key(key));
  for (const char* key : {"", ".", "..", "a/b", "a b", "ä"})
    EXPECT_FALSE(check_object_key(key)) << key;
}

}  // namespace
}  // namespace gantry
