#include "daemon/artifacts/location.h"

#include <gmock/gmock.h>

namespace gantry::artifacts {
namespace {

TEST(Location, DescribesItselfWithoutSecrets) {
  EXPECT_EQ(describe(Http{.url = "https://user:pass@host:8443/a/b?token=x#y"}),
            "https://host:8443/a/b");
  EXPECT_EQ(describe(Git{.repo = "https://token@host/a.git", .password = "p"}),
            "https://host/a.git");
  EXPECT_EQ(describe(Git{.repo = "git@host:a.git"}), "git@host:a.git");
  EXPECT_EQ(describe(S3{.endpoint = "e", .bucket = "b", .key = "k/l", .secret_key = "s"}),
            "s3://b/k/l");
  EXPECT_EQ(describe(Repository{"default", "wf/x"}), "default:wf/x");
  EXPECT_EQ(describe(Raw{"secret"}), "raw");
}

TEST(Location, RedactsSecretsAndUsersInUrls) {
  EXPECT_EQ(
      redact("fatal: secret, secretsecret at https://u:p@h/x and ssh://g@h", {"secret", "", "at"}),
      "fatal: ***, ****** at https://h/x and ssh://h");
  EXPECT_EQ(redact("https://a@b@c/d@e", {}), "https://c/d@e");
  EXPECT_EQ(redact("", {"secret"}), "");
}

}  // namespace
}  // namespace gantry::artifacts
