#include "runtime/containerd/registry_login.h"

#include <gtest/gtest.h>

namespace gantry::containerd {
namespace {

std::string user_of(const std::string& image, std::vector<std::string> servers) {
  std::vector<runtime::RegistryLogin> logins;
  for (const std::string& server : servers) logins.push_back({server, server, "p"});
  const std::string user = user_for(logins, *parse_reference(image));
  return user.empty() ? "" : user.substr(0, user.size() - 2);
}

TEST(RegistryLogin, TheServerOfTheImage) {
  EXPECT_EQ(user_of("r.io/team/x", {"other.io", "r.io"}), "r.io");
  EXPECT_EQ(user_of("r.io/team/x", {"https://r.io/v2/"}), "https://r.io/v2/");
  EXPECT_EQ(user_of("r.io:5000/x", {"r.io", "r.io:5000"}), "r.io:5000");
  EXPECT_EQ(user_of("busybox", {"https://index.docker.io/v1/"}), "https://index.docker.io/v1/");
  EXPECT_EQ(user_of("busybox", {"r.io"}), "");
}

TEST(RegistryLogin, TheLongestPathFirst) {
  EXPECT_EQ(user_of("r.io/team/x", {"r.io", "r.io/team", "r.io/team/other"}), "r.io/team");
  EXPECT_EQ(user_of("r.io/teamwork/x", {"r.io/team"}), "") << "whole parts are compared";
}

TEST(RegistryLogin, StarsStandForLettersOfOnePart) {
  EXPECT_EQ(user_of("a.example.com/x", {"*.example.com"}), "*.example.com");
  EXPECT_EQ(user_of("a.b.example.com/x", {"*.example.com"}), "");
  EXPECT_EQ(user_of("prefix-a.example.com/x", {"prefix-*.*.com"}), "prefix-*.*.com");
  EXPECT_EQ(user_of("aab.example.com/x", {"*a*b.example.com"}), "*a*b.example.com");
}

}  // namespace
}  // namespace gantry::containerd
