#include <grp.h>
#include <sys/stat.h>

#include "tests/unit/api/fixture.h"

namespace gantry::api {
namespace {

Result<std::unique_ptr<Server>> open_at(const std::string& path, FakeBackend& backend,
                                        std::string group = {}) {
  Config config;
  config.socket_path = path;
  config.group = std::move(group);
  return Server::open(std::move(config), backend);
}

/// A socket file whose daemon has died: bound once, nobody listens.
UniqueFd bind_only(const std::string& path) {
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strcpy(address.sun_path, path.c_str());
  EXPECT_EQ(bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  return fd;
}

class Listening : public testing::Test {
 protected:
  TemporaryDirectory directory;
  FakeBackend backend;
};

TEST_F(Listening, ModeAndRemoval) {
  std::string path = directory / "s";
  mode_t before = umask(077);
  {
    auto server = open_at(path, backend);
    ASSERT_TRUE(server) << server.error().message;
    struct stat info {};
    ASSERT_EQ(stat(path.c_str(), &info), 0);
    EXPECT_TRUE(S_ISSOCK(info.st_mode));
    EXPECT_EQ(info.st_mode & 0777, 0660u);
  }
  umask(before);
  EXPECT_FALSE(std::filesystem::exists(path));
  EXPECT_TRUE(open_at(path, backend));
}

TEST_F(Listening, Group) {
  group* own = getgrgid(getgid());
  ASSERT_NE(own, nullptr);
  EXPECT_TRUE(open_at(directory / "s", backend, own->gr_name));
  auto server = open_at(directory / "t", backend, "no-such-group");
  ASSERT_FALSE(server);
  EXPECT_EQ(server.error().message, "no group is called \"no-such-group\"");
}

TEST_F(Listening, PathTooLong) {
  std::string longest = directory / std::string(107 - directory.path().size() - 1, 'x');
  ASSERT_EQ(longest.size(), 107u);
  // The lock beside it has a longer name: that is a path of a file, without this limit.
  EXPECT_TRUE(open_at(longest, backend));
  auto server = open_at(longest + "y", backend);
  ASSERT_FALSE(server);
  EXPECT_EQ(server.error().code, Code::InvalidArgument);
  EXPECT_NE(server.error().message.find(longest + "y has 108 bytes, the limit is 107"),
            std::string::npos)
      << server.error().message;
  EXPECT_FALSE(open_at("", backend));
}

TEST_F(Listening, StaleSocketIsRemoved) {
  std::string path = directory / "s";
  bind_only(path);
  ASSERT_TRUE(std::filesystem::exists(path));
  auto server = open_at(path, backend);
  ASSERT_TRUE(server) << server.error().message;
  Client client(path);
}

TEST_F(Listening, ALivingServerIsLeftAlone) {
  std::string path = directory / "s";
  auto first = open_at(path, backend);
  ASSERT_TRUE(first);
  auto second = open_at(path, backend);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::AlreadyExists);
  EXPECT_EQ(second.error().message, "another gantryd is serving " + path);
  Client client(path);  // still there

  // Also one that takes no lock, with a backlog that is full.
  std::string other = directory / "t";
  UniqueFd fd = bind_only(other);
  listen(fd.get(), 0);
  for (int i = 0; i < 2; ++i) {
    auto third = open_at(other, backend);
    ASSERT_FALSE(third);
    EXPECT_EQ(third.error().message, "another gantryd is serving " + other);
  }
  EXPECT_TRUE(std::filesystem::exists(other));
}

TEST_F(Listening, WhatIsNotASocketIsNotRemoved) {
  std::string path = directory / "s";
  std::ofstream(path) << "precious";
  auto server = open_at(path, backend);
  ASSERT_FALSE(server);
  EXPECT_EQ(server.error().code, Code::AlreadyExists);
  EXPECT_NE(server.error().message.find("is not a socket"), std::string::npos);
  EXPECT_TRUE(std::filesystem::exists(path));
  EXPECT_EQ(open_at(directory / "no/such/dir", backend).error().code, Code::NotFound);
}

TEST_F(Listening, InheritedDescriptor) {
  std::string path = directory / "s";
  UniqueFd listening = bind_only(path);
  ASSERT_EQ(listen(listening.get(), 16), 0);
  Config config;
  config.listen_fd = UniqueFd(dup(listening.get()));
  {
    auto server = Server::open(std::move(config), backend);
    ASSERT_TRUE(server) << server.error().message;
    Client client(path);
    client.request("GET", "/healthz");
    std::string text;
    // Its own small loop: nothing else turns this server.
    for (int i = 0; i < 100 && text.empty(); ++i) {
      pollfd fds[] = {{(*server)->epoll_fd(), POLLIN, 0}, {client.fd(), POLLIN, 0}};
      poll(fds, 2, 1000);
      if ((fds[1].revents & POLLIN) != 0) text = client.response().body;
      (*server)->turn();
    }
    EXPECT_EQ(text, "ok");
  }
  EXPECT_TRUE(std::filesystem::exists(path)) << "the file is systemd's";
  Client still(path);  // and the socket listens on

  for (bool listens : {false, true}) {
    Config wrong;
    wrong.listen_fd =
        UniqueFd(listens ? ::socket(AF_INET, SOCK_STREAM, 0) : ::socket(AF_UNIX, SOCK_STREAM, 0));
    auto server = Server::open(std::move(wrong), backend);
    ASSERT_FALSE(server);
    EXPECT_EQ(server.error().code, Code::InvalidArgument);
  }
}

}  // namespace
}  // namespace gantry::api
