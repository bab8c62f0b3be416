// Artifacts of real Git repositories: by file, git daemon, HTTP with a password, and a pretended
// ssh.

#include <arpa/inet.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <csignal>
#include <future>

#include "daemon/artifacts/artifacts.h"
#include "tests/integration/artifacts_server.h"
#include "tests/unit/daemon/artifacts/support.h"

namespace gantry::artifacts {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

/// A socket of 127.0.0.1 on a port of the kernel's choice.
UniqueFd listen_somewhere(int* port) {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
  socklen_t size = sizeof(address);
  EXPECT_EQ(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
  EXPECT_EQ(::listen(fd.get(), 8), 0);
  EXPECT_EQ(::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  *port = ntohs(address.sin_port);
  return fd;
}

class GitArtifactTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directory(directory_.file("in"));
    std::filesystem::create_directory(repositories_);
    // `git` and `ssh` write down how they were called, then do it.
    write_file(
        directory_.file("bin/git"),
        "#!/bin/sh\n(echo \"pid $$\"; echo \"$*\"; cat /proc/$$/environ | tr '\\0' '\\n') >> " +
            calls_ + "\nexec /usr/bin/git \"$@\"\n",
        0755);
    write_file(
        directory_.file("bin/ssh"),
        "#!/bin/sh\n(echo \"ssh $*\"; cat /proc/$$/environ | tr '\\0' '\\n') >> " + calls_ +
            "\nwhile [ $# -gt 1 ]; do [ \"$1\" = -i ] && { stat -c %a \"$2\"; cat \"$2\"; } > " +
            directory_.file("key-seen") + "; shift; done\nexec sh -c \"$1\"\n",
        0755);
    old_path_ = ::getenv("PATH");
    ::setenv("PATH", (directory_.file("bin") + ":" + old_path_).c_str(), 1);
    ::setenv("GIT_CONFIG_GLOBAL", "/dev/null", 1);
    open(true);
    shell(
        "git init -q -b main app && cd app && git config user.name t && git config user.email t@t "
        "&& "
        "echo 1 > f && git add f && git commit -qm 1 && git tag v1 && "
        "echo 2 > f && git commit -qam 2 && git tag -am annotated v2 && "
        "git checkout -qb topic && echo topic > f && git commit -qam 3 && git checkout -q main && "
        "echo 4 > f && git commit -qam 4 && git update-ref refs/pull/7/head topic");
  }
  void TearDown() override { ::setenv("PATH", old_path_.c_str(), 1); }

  void open(bool allow_file, const Limits& limits = {}) {
    artifacts_.reset();
    auto opened = Artifacts::open({.scratch_directory = directory_.file("scratch"),
                                   .git = {.allow_file = allow_file},
                                   .limits = limits});
    ASSERT_THAT(opened, IsOk());
    artifacts_ = std::move(*opened);
  }
  void shell(const std::string& commands) {
    ASSERT_EQ(
        std::system(("cd " + repositories_ + " && PATH=" + old_path_ + " && " + commands).c_str()),
        0);
  }
  std::string hash_of(const std::string& revision) {
    shell("git -C app rev-parse " + revision + " > ../hash");
    return read_file(directory_.file("hash")).substr(0, 40);
  }
  Result<Loaded> load(Git git, int cancel = -1, const std::string& sub_path = "") {
    std::filesystem::remove_all(to_);
    std::filesystem::remove(calls_);
    auto loaded = artifacts_->load(
        {.location = std::move(git), .sub_path = sub_path, .destination = to_}, cancel);
    if (!loaded) {
      EXPECT_THAT(listing(directory_.file("in")), ::testing::IsEmpty());
    }
    // No secret stays on disk.
    EXPECT_THAT(listing(directory_.file("scratch/git")), ::testing::IsEmpty());
    return loaded;
  }
  /// The content of f in the checkout.
  std::string content(Git git) {
    EXPECT_THAT(load(std::move(git)), IsOk());
    return read_file(to_ + "/f");
  }
  void expect_calls_without(const std::string& secret) {
    const std::string calls = read_file(calls_);
    EXPECT_THAT(calls, HasSubstr("clone"));
    EXPECT_THAT(calls, Not(HasSubstr(secret)));
    for (const auto& entry : std::filesystem::recursive_directory_iterator(to_)) {
      if (entry.is_regular_file()) {
        EXPECT_THAT(read_file(entry.path().string()), Not(HasSubstr(secret))) << entry.path();
      }
    }
  }

  TemporaryDirectory directory_;
  std::string repositories_ = directory_.file("repositories");
  std::string app_ = "file://" + repositories_ + "/app";
  std::string calls_ = directory_.file("calls");
  std::string to_ = directory_.file("in/src");
  std::string old_path_;
  std::unique_ptr<Artifacts> artifacts_;
};

TEST_F(GitArtifactTest, Revisions) {
  EXPECT_EQ(content({.repo = app_}), "4\n");
  EXPECT_EQ(content({.repo = app_, .revision = "topic"}), "topic\n");
  EXPECT_EQ(content({.repo = app_, .revision = "main"}), "4\n");
  EXPECT_EQ(content({.repo = app_, .revision = "v1"}), "1\n");
  EXPECT_EQ(content({.repo = app_, .revision = "v2"}), "2\n");  // annotated: the commit it names
  EXPECT_EQ(content({.repo = app_, .revision = "refs/heads/topic"}), "topic\n");
  EXPECT_EQ(content({.repo = app_, .revision = hash_of("v1")}), "1\n");
  EXPECT_EQ(content({.repo = app_, .revision = hash_of("v1").substr(0, 10)}), "1\n");
  EXPECT_TRUE(std::filesystem::exists(to_ + "/.git/HEAD"));
  auto loaded = load({.repo = app_, .revision = "nothing"});
  ASSERT_THAT(loaded, FailsWith(Code::FailedPrecondition));
  EXPECT_THAT(loaded.error().message, HasSubstr("revision"));
}

TEST_F(GitArtifactTest, DepthBranchAndFetch) {
  const auto commits = [&] {
    shell("git -c safe.directory='*' -C " + to_ + " rev-list HEAD --count > ../count");
    return std::stoi(read_file(directory_.file("count")));
  };
  EXPECT_EQ(content({.repo = app_, .depth = 1}), "4\n");
  EXPECT_EQ(commits(), 1);
  EXPECT_EQ(content({.repo = app_, .revision = hash_of("v1"), .depth = 1}), "1\n");
  EXPECT_EQ(content({.repo = app_, .single_branch = true, .branch = "topic"}), "topic\n");
  EXPECT_EQ(content({.repo = app_, .revision = "topic", .single_branch = true, .branch = "topic"}),
            "topic\n");
  EXPECT_THAT(load({.repo = app_, .single_branch = true}), FailsWith(Code::InvalidArgument));
  EXPECT_EQ(
      content({.repo = app_, .revision = "refs/pr/7", .fetch = {"refs/pull/7/head:refs/pr/7"}}),
      "topic\n");
  EXPECT_THAT(load({.repo = app_, .fetch = {"refs/pull/8/head:refs/pr/8"}}),
              FailsWith(Code::FailedPrecondition));
}

TEST_F(GitArtifactTest, AnEmptyRepositoryAndASubPath) {
  shell("git init -q empty");
  EXPECT_THAT(load({.repo = "file://" + repositories_ + "/empty", .revision = "main"}), IsOk());
  EXPECT_TRUE(std::filesystem::exists(to_ + "/.git"));
  ASSERT_THAT(load({.repo = app_}, -1, "f"), IsOk());
  EXPECT_EQ(read_file(to_), "4\n");
  EXPECT_THAT(load({.repo = app_}, -1, "g"), FailsWith(Code::NotFound));
  EXPECT_THAT(load({.repo = app_}, -1, "../f"), FailsWith(Code::InvalidArgument));
}

TEST_F(GitArtifactTest, SubmodulesUnlessDisabled) {
  shell(
      "git init -q -b main lib && git -C lib config user.name t && git -C lib config user.email "
      "t@t && "
      "echo lib > lib/l && git -C lib add l && git -C lib commit -qm 1 && "
      "cd app && git -c protocol.file.allow=always submodule --quiet add ../lib lib && git commit "
      "-qm sub");
  EXPECT_EQ(content({.repo = app_}), "4\n");
  EXPECT_EQ(read_file(to_ + "/lib/l"), "lib\n");
  EXPECT_EQ(content({.repo = app_, .disable_submodules = true}), "4\n");
  EXPECT_FALSE(std::filesystem::exists(to_ + "/lib/l"));
}

TEST_F(GitArtifactTest, GitDaemon) {
  int port = 0;
  listen_somewhere(&port).reset();
  shell("touch app/.git/git-daemon-export-ok");
  TestServer server(
      {"/usr/bin/git", "-c", "safe.directory=*", "daemon", "--verbose", "--reuseaddr",
       "--listen=127.0.0.1", "--port=" + std::to_string(port), "--base-path=" + repositories_},
      [&](const std::string& line) { return line.find("Ready") == std::string::npos ? 0 : port; });
  open(false);
  const std::string url = "git://" + server.host();
  EXPECT_EQ(content({.repo = url + "/app", .revision = "v1", .depth = 3}), "1\n");
  EXPECT_THAT(load({.repo = url + "/none"}), FailsWith(Code::FailedPrecondition));
}

TEST_F(GitArtifactTest, APasswordIsUsedAndNowhereToBeSeen) {
  TestServer server({"python3", "tests/integration/artifacts_git_server.py", repositories_});
  open(false);
  const std::string url = server.url() + "/app/.git";
  EXPECT_EQ(content({.repo = url, .revision = "v1", .user = "user", .password = "pass word"}),
            "1\n");
  expect_calls_without("pass word");
  std::string with_password = url;
  with_password.insert(7, "user:pass%20word@");
  EXPECT_EQ(content({.repo = with_password}), "4\n");
  expect_calls_without("pass%20word");
  expect_calls_without("pass word");

  auto loaded = load({.repo = with_password, .user = "user", .password = "wrong password"});
  ASSERT_THAT(loaded, FailsWith(Code::FailedPrecondition));
  EXPECT_THAT(loaded.error().message, Not(HasSubstr("wrong password")));
  EXPECT_THAT(loaded.error().message, Not(HasSubstr("pass%20word")));
  EXPECT_THAT(load({.repo = url}), FailsWith(Code::FailedPrecondition));
  EXPECT_THAT(load({.repo = url, .user = "a\nhost=evil", .password = "b"}),
              FailsWith(Code::InvalidArgument));
}

TEST_F(GitArtifactTest, APasswordDoesNotGoToOtherHosts) {
  TestServer server({"python3", "tests/integration/artifacts_git_server.py", repositories_});
  TestServer other({"python3", "tests/integration/artifacts_git_server.py", repositories_});
  shell(
      "git clone -q app lib && cd app && "
      "git -c protocol.file.allow=always submodule --quiet add ../lib lib && "
      "git config -f .gitmodules submodule.lib.url " +
      other.url() + "/lib/.git && git add .gitmodules && git commit -qm sub");
  open(false);
  const Git git{.repo = server.url() + "/app/.git", .user = "user", .password = "pass word"};
  EXPECT_THAT(load(git),
              FailsWith(Code::FailedPrecondition));  // the submodule asks, and is not told
  shell("cd app && git config -f .gitmodules submodule.lib.url " + server.url() +
        "/lib/.git && git commit -qam same");
  EXPECT_EQ(content(git), "4\n");
  EXPECT_TRUE(std::filesystem::exists(to_ + "/lib/f"));
}

TEST_F(GitArtifactTest, AnSshKeyIsAFileForAMoment) {
  const std::string key = "-----BEGIN KEY-----\nabcdef\n-----END KEY-----";
  open(false);
  EXPECT_EQ(content({.repo = "ssh://host" + repositories_ + "/app", .ssh_private_key = key}),
            "4\n");
  EXPECT_EQ(read_file(directory_.file("key-seen")), "600\n" + key + "\n");
  EXPECT_THAT(read_file(calls_), HasSubstr("-o User=git"));
  EXPECT_THAT(read_file(calls_), HasSubstr("StrictHostKeyChecking=yes"));
  expect_calls_without("abcdef");
  EXPECT_EQ(content({.repo = "me@host:" + repositories_ + "/app",
                     .insecure_ignore_host_key = true,
                     .ssh_private_key = key}),
            "4\n");
  EXPECT_THAT(read_file(calls_), HasSubstr("StrictHostKeyChecking=no"));
  EXPECT_THAT(read_file(calls_), Not(HasSubstr("-o User=git")));
}

TEST_F(GitArtifactTest, WhatCouldDoHarmIsRefused) {
  const std::string mark = directory_.file("harm");
  const std::string harmful[] = {"ext::sh -c touch% " + mark, "--upload-pack=touch " + mark, "",
                                 "fd::17", "a\nb"};
  for (const std::string& repo : harmful) {
    EXPECT_FALSE(load({.repo = repo})) << repo;
  }
  for (const std::string& odd : {"--upload-pack=touch " + mark, "-f" + mark}) {
    EXPECT_THAT(load({.repo = app_, .revision = odd}), FailsWith(Code::InvalidArgument));
    EXPECT_THAT(load({.repo = app_, .fetch = {odd}}), FailsWith(Code::InvalidArgument));
    EXPECT_THAT(load({.repo = app_, .single_branch = true, .branch = odd}),
                FailsWith(Code::InvalidArgument));
  }
  // A submodule cannot do what its parent may not.
  shell(
      "cd app && git config -f .gitmodules submodule.x.path x && "
      "git config -f .gitmodules submodule.x.url 'ext::touch " +
      mark +
      "' && "
      "git add .gitmodules && git update-index --add --cacheinfo 160000,$(git rev-parse HEAD),x && "
      "git commit -qm evil");
  EXPECT_THAT(load({.repo = app_}), FailsWith(Code::FailedPrecondition));
  // This host's hooks and files are no part of it.
  open(false);
  EXPECT_THAT(load({.repo = app_}), FailsWith(Code::FailedPrecondition));
  EXPECT_THAT(load({.repo = repositories_ + "/app"}), FailsWith(Code::FailedPrecondition));
  EXPECT_FALSE(std::filesystem::exists(mark));
}

TEST_F(GitArtifactTest, CancelledOrLateNothingGoesOn) {
  int port = 0;
  const UniqueFd silent = listen_somewhere(&port);
  const Git git{.repo = "git://127.0.0.1:" + std::to_string(port) + "/app"};
  const auto nothing_runs = [&] {
    const pid_t group = std::stoi(read_file(calls_).substr(4));
    return ::kill(-group, 0) != 0 && errno == ESRCH;
  };
  const int cancel = ::eventfd(0, EFD_CLOEXEC);
  auto loading = std::async(std::launch::async, [&] { return load(git, cancel); });
  pollfd connected{silent.get(), POLLIN, 0};
  ASSERT_EQ(::poll(&connected, 1, 20'000), 1);
  ASSERT_EQ(::eventfd_write(cancel, 1), 0);
  EXPECT_THAT(loading.get(), FailsWith(Code::Cancelled));
  ::close(cancel);
  EXPECT_TRUE(nothing_runs());

  open(true, {.transfer_timeout = std::chrono::milliseconds(300)});
  EXPECT_THAT(load(git), FailsWith(Code::DeadlineExceeded));
  EXPECT_TRUE(nothing_runs());
}

TEST_F(GitArtifactTest, LimitsHold) {
  open(true, {.max_bytes = 1000});
  EXPECT_THAT(load({.repo = app_}), FailsWith(Code::ResourceExhausted));
}

}  // namespace
}  // namespace gantry::artifacts
