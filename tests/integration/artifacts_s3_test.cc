// Artifacts in S3: moto behind a proxy that checks every signature. Skipped when PyPI cannot be
// reached.

#include <fcntl.h>
#include <sys/eventfd.h>

#include <cstdlib>
#include <regex>

#include "daemon/artifacts/artifacts.h"
#include "daemon/artifacts/http_transfer.h"
#include "daemon/artifacts/s3_client.h"
#include "tests/integration/artifacts_server.h"
#include "tests/unit/daemon/artifacts/support.h"

namespace gantry::artifacts {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

const std::string kVenv = MOTO_VENV;
const Archive kNone{.format = Archive::Format::None, .specified = true};

class S3ArtifactTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    const std::string moto = kVenv + "/bin/moto_server";
    if (!std::filesystem::exists(moto)) {
      (void)std::system(("python3 -m venv " + kVenv + " && " + kVenv +
                         "/bin/pip install -q --disable-pip-version-check 'moto[server]' 1>&2")
                            .c_str());
    }
    if (!std::filesystem::exists(moto)) return;
    const std::regex running(R"(Running on http://127\.0\.0\.1:(\d+))");
    moto_ = std::make_unique<TestServer>(
        std::vector<std::string>{"env", "PYTHONUNBUFFERED=1", moto, "-H", "127.0.0.1", "-p", "0"},
        [&](const std::string& line) {
          std::smatch match;
          return std::regex_search(line, match, running) ? std::stoi(match[1]) : 0;
        });
  }
  static void TearDownTestSuite() { moto_.reset(); }

  void SetUp() override {
    if (!moto_) GTEST_SKIP() << "moto could not be installed from PyPI";
    std::filesystem::create_directory(directory_.file("in"));
    start("");
  }
  void start(const std::string& session_token, const Limits& limits = {}) {
    std::vector<std::string> argv = {"python3", "tests/integration/artifacts_s3_proxy.py",
                                     std::to_string(moto_->port()), "AKIDEXAMPLE",
                                     "top/secret+key"};
    if (!session_token.empty()) argv.push_back(session_token);
    proxy_ = std::make_unique<TestServer>(argv);
    limits_ = limits;
    limits_.retry_delay = std::chrono::milliseconds(1);
    artifacts_.reset();
    auto opened = Artifacts::open(
        {.repositories = {}, .scratch_directory = directory_.file("scratch"), .limits = limits_});
    ASSERT_THAT(opened, IsOk());
    artifacts_ = std::move(*opened);
    where_.session_token = session_token;
    where_.endpoint = proxy_->host();
    // A bucket for each test: moto lives on.
    where_.bucket = "b-" + random_uuid().substr(0, 13);
    where_.create_bucket = true;
  }
  S3 at(const std::string& key) {
    S3 s3 = where_;
    s3.key = key;
    return s3;
  }
  Result<Saved> save(const std::string& key, const std::string& path, const Archive& archive = {}) {
    return artifacts_->save(staged(path), at(key), archive);
  }
  Result<Loaded> load(const std::string& key, LoadRequest request = {}) {
    request.location = at(key);
    request.destination = to_;
    std::filesystem::remove_all(to_);
    auto loaded = artifacts_->load(request);
    if (!loaded) {
      EXPECT_THAT(listing(directory_.file("in")), ::testing::IsEmpty());
    }
    return loaded;
  }
  void make_tree() {
    write_file(out_ + "/a", "1", 0755);
    write_file(out_ + "/d/e f+g=h&i%j", "2");
    write_file(out_ + "/d/\xc3\xbc", "3");
  }
  std::string ask_proxy(const std::string& method, const std::string& path) {
    auto response = transfer({.method = method, .url = proxy_->url() + path}, Context{limits_});
    EXPECT_THAT(response, IsOk());
    return response->body;
  }
  void fail_next(int times, const std::string& how) {
    ask_proxy("POST", "/__fail?times=" + std::to_string(times) + "&how=" + how);
  }

  static inline std::unique_ptr<TestServer> moto_;
  TemporaryDirectory directory_;
  std::string out_ = directory_.file("out"), to_ = directory_.file("in/artifact");
  std::unique_ptr<TestServer> proxy_;
  Limits limits_;
  std::unique_ptr<Artifacts> artifacts_;
  S3 where_{.access_key = "AKIDEXAMPLE", .secret_key = "top/secret+key", .insecure = true};
};

TEST_F(S3ArtifactTest, ATarThereAndBack) {
  make_tree();
  auto saved = save("wf/pod/out.tgz", out_);
  ASSERT_THAT(saved, IsOk());
  EXPECT_EQ(saved->files, 3u);
  ASSERT_THAT(load("wf/pod/out.tgz"), IsOk());
  EXPECT_EQ(listing(to_), listing(out_));
  EXPECT_EQ(mode_of(to_ + "/a"), 0755u);
  EXPECT_THAT(load("wf/pod/none.tgz"), FailsWith(Code::NotFound));
  EXPECT_THAT(*artifacts_->list(at("wf")), ElementsAre("wf/pod/out.tgz"));
}

TEST_F(S3ArtifactTest, KeysWithOddCharactersAreSignedRight) {
  write_file(out_, "x");
  for (const char* key :
       {"a b", "a+b", "a=b&c", "a%2Fb", "\xc3\xbc/{{x}}", "a:b@c!d$e'f(g)h*i,j;k", "~-_."}) {
    ASSERT_THAT(save(key, out_, kNone), IsOk()) << key;
    ASSERT_THAT(load(key, {.archive = kNone}), IsOk()) << key;
    EXPECT_EQ(read_file(to_), "x");
  }
  EXPECT_EQ(artifacts_->list(at(""))->size(), 7u);
}

TEST_F(S3ArtifactTest, ADirectoryIsATreeOfObjects) {
  make_tree();
  std::filesystem::create_symlink("a", out_ + "/link");  // has no place there, as in Argo
  ASSERT_THAT(save("dir", out_, kNone), IsOk());
  EXPECT_THAT(*artifacts_->list(at("dir")),
              ElementsAre("dir/a", "dir/d/e f+g=h&i%j", "dir/d/\xc3\xbc"));
  std::filesystem::remove(out_ + "/link");
  ASSERT_THAT(load("dir"), IsOk());
  EXPECT_EQ(listing(to_), listing(out_));
  ASSERT_THAT(load("dir", {.sub_path = "d"}), IsOk());
  EXPECT_EQ(listing(to_), listing(out_ + "/d"));
  ASSERT_THAT(load("dir", {.sub_path = "a", .mode = 0700}), IsOk());
  EXPECT_EQ(read_file(to_), "1");
  EXPECT_EQ(mode_of(to_), 0700u);

  ASSERT_THAT(artifacts_->remove(at("dir/a")), IsOk());
  EXPECT_EQ(artifacts_->list(at("dir"))->size(), 2u);
  ASSERT_THAT(artifacts_->remove(at("dir/")), IsOk());
  EXPECT_THAT(artifacts_->list(at("dir")), FailsWith(Code::NotFound));
  EXPECT_THAT(artifacts_->remove(at("dir/a")), IsOk());
}

TEST_F(S3ArtifactTest, KeysThatLeadOutAreRefused) {
  write_file(out_, "x");
  ASSERT_THAT(save("evil/../../outside", out_, kNone), IsOk());
  EXPECT_THAT(load("evil"), FailsWith(Code::InvalidArgument));
  EXPECT_FALSE(std::filesystem::exists(directory_.file("outside")));
}

TEST_F(S3ArtifactTest, ManyKeysComeInPages) {
  // S3 gives 1000 keys at a time.
  const Context context{limits_};
  S3 s3 = at("");
  S3Client client(s3, context);
  ASSERT_THAT(client.create_bucket(), IsOk());
  write_file(out_, "");
  UniqueFd fd(::open(out_.c_str(), O_RDONLY));
  for (int i = 0; i < 1005; ++i)
    ASSERT_THAT(client.put("many/" + std::to_string(i), fd.get(), 0), IsOk());
  EXPECT_EQ(client.list("many/")->size(), 1005u);
  EXPECT_THAT(ask_proxy("GET", "/__log"), HasSubstr("continuation-token="));
}

TEST_F(S3ArtifactTest, ALargeFileGoesUpInParts) {
  std::string content(11 << 20, 'x');
  for (std::size_t i = 0; i < content.size(); i += 1000) content[i] = static_cast<char>(i / 1000);
  write_file(out_, content);
  S3 s3 = at("large");
  const Context context{limits_};
  S3Client client(s3, context, 5 << 20);
  ASSERT_THAT(client.create_bucket(), IsOk());
  UniqueFd fd(::open(out_.c_str(), O_RDONLY));
  ask_proxy("GET", "/__log");
  fail_next(2, "503");
  ASSERT_THAT(client.put("large", fd.get(), content.size()), IsOk());
  const std::string log = ask_proxy("GET", "/__log");
  EXPECT_THAT(log, HasSubstr("uploads="));
  EXPECT_THAT(log, HasSubstr("partNumber=3"));
  EXPECT_THAT(log, Not(HasSubstr("partNumber=4")));
  ASSERT_THAT(load("large", {.archive = kNone}), IsOk());
  EXPECT_EQ(read_file(to_), content);

  // A file that shrinks ends the upload, and what was there is cleared away.
  std::filesystem::resize_file(out_, 6 << 20);
  EXPECT_THAT(client.put("cut", fd.get(), content.size()), FailsWith(Code::Aborted));
  EXPECT_THAT(ask_proxy("GET", "/__log"), HasSubstr("DELETE /" + s3.bucket + "/cut?uploadId="));
  EXPECT_FALSE(*client.exists("cut"));
}

TEST_F(S3ArtifactTest, WhatMayPassIsTriedAgain) {
  make_tree();
  ASSERT_THAT(save("k", out_), IsOk());
  for (const char* how : {"503", "slowdown", "close"}) {
    fail_next(4, how);
    EXPECT_THAT(load("k"), IsOk()) << how;
    EXPECT_EQ(listing(to_), listing(out_));
    fail_next(4, how);
    EXPECT_THAT(save("k", out_), IsOk()) << how;
    fail_next(5, how);
    EXPECT_FALSE(load("k")) << how;
    fail_next(0, how);
  }
  fail_next(5, "503");
  EXPECT_THAT(load("k"), FailsWith(Code::Unavailable));
}

TEST_F(S3ArtifactTest, WrongKeysAreNotTriedAgainAndNotTold) {
  make_tree();
  ASSERT_THAT(save("k", out_), IsOk());
  where_.secret_key = "another-secret";
  ask_proxy("GET", "/__log");
  auto loaded = load("k");
  ASSERT_THAT(loaded, FailsWith(Code::PermissionDenied));
  EXPECT_THAT(loaded.error().message, HasSubstr("SignatureDoesNotMatch"));
  EXPECT_THAT(loaded.error().message, Not(HasSubstr("secret")));
  const std::string log = ask_proxy("GET", "/__log");
  EXPECT_EQ(std::count(log.begin(), log.end(), '\n'), 0) << log;  // one request
}

TEST_F(S3ArtifactTest, ASessionTokenIsSigned) {
  start("session/token==");
  make_tree();
  ASSERT_THAT(save("k", out_), IsOk());
  ASSERT_THAT(load("k"), IsOk());
}

TEST_F(S3ArtifactTest, TlsWithItsOwnAuthority) {
  const std::string pem = make_certificate(directory_.file("pem"));
  ::setenv("TLS_PEM", pem.c_str(), 1);
  start("");
  ::unsetenv("TLS_PEM");
  make_tree();
  where_.insecure = false;
  EXPECT_THAT(save("k", out_), FailsWith(Code::FailedPrecondition));
  where_.ca = read_file(pem + ".crt");
  ASSERT_THAT(save("k", out_), IsOk());
  ASSERT_THAT(load("k"), IsOk());
  EXPECT_EQ(listing(to_), listing(out_));
}

TEST_F(S3ArtifactTest, AMissingBucketIsNoMissingArtifact) {
  EXPECT_THAT(load("k"), FailsWith(Code::FailedPrecondition));
  where_.endpoint = "http://127.0.0.1/";
  EXPECT_THAT(load("k"), FailsWith(Code::InvalidArgument));
}

TEST_F(S3ArtifactTest, CancelEndsTheWaitingBetweenTries) {
  start("", {});
  limits_.retry_delay = std::chrono::hours(1);
  const int cancel = ::eventfd(1, EFD_CLOEXEC);
  S3 s3 = at("k");
  const Context context{limits_, cancel};
  S3Client client(s3, context);
  EXPECT_THAT(client.exists("k"), FailsWith(Code::Cancelled));
  ::close(cancel);
}

}  // namespace
}  // namespace gantry::artifacts
