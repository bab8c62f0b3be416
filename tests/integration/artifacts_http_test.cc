// Artifacts of a real HTTP server.

#include <sys/eventfd.h>

#include <future>

#include "daemon/artifacts/artifacts.h"
#include "daemon/artifacts/http_transfer.h"
#include "tests/integration/artifacts_server.h"
#include "tests/unit/daemon/artifacts/support.h"

namespace gantry::artifacts {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class HttpArtifactTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directory(directory_.file("in"));
    open(Limits{});
  }
  void open(const Limits& limits) {
    artifacts_.reset();
    auto opened = Artifacts::open({.repositories = {{"default", directory_.file("repository")}},
                                   .scratch_directory = directory_.file("scratch"),
                                   .limits = limits});
    ASSERT_THAT(opened, IsOk());
    artifacts_ = std::move(*opened);
  }
  Result<Loaded> load(Http http, const LoadRequest& how = {}, int cancel = -1) {
    LoadRequest request = how;
    request.location = std::move(http);
    request.destination = to_;
    std::filesystem::remove_all(to_);
    auto loaded = artifacts_->load(request, cancel);
    if (!loaded) {
      EXPECT_THAT(listing(directory_.file("in")), ::testing::IsEmpty());
    }
    return loaded;
  }
  std::string content(Http http) {
    EXPECT_THAT(load(std::move(http)), IsOk());
    return read_file(to_);
  }
  std::string url(const std::string& path) { return server_.url() + path; }

  TemporaryDirectory directory_;
  std::string to_ = directory_.file("in/artifact");
  TestServer server_{{"python3", "tests/integration/artifacts_http_server.py"}};
  std::unique_ptr<Artifacts> artifacts_;
};

TEST_F(HttpArtifactTest, Get) {
  EXPECT_EQ(content({.url = url("/file")}), "the file");
  EXPECT_EQ(mode_of(to_), 0644u);
  EXPECT_EQ(content({.url = url("/redirect")}), "the file");
  EXPECT_EQ(content({.url = url("/headers"), .headers = {{"X-Test", "a b"}, {"X-Test", "c"}}}),
            "a b|c");
}

TEST_F(HttpArtifactTest, BasicAuthGoesToItsHostOnly) {
  EXPECT_EQ(content({.url = url("/basic"), .basic = {"user", "pass word"}}), "secret");
  EXPECT_THAT(load({.url = url("/basic"), .basic = {"user", "wrong"}}),
              FailsWith(Code::Unauthenticated));
  EXPECT_EQ(content({.url = url("/authorization"), .basic = {"a", "b"}}), "Basic YTpi");
  EXPECT_EQ(content({.url = url("/other-host"), .basic = {"a", "b"}}), "none");
  EXPECT_EQ(content({.url = url("/other-host"), .headers = {{"Authorization", "Bearer x"}}}),
            "none");
}

TEST_F(HttpArtifactTest, OAuth2) {
  OAuth2 oauth2{.client_id = "the id",
                .client_secret = "the/secret",
                .token_url = url("/token"),
                .scopes = {"a", "b"},
                .endpoint_params = {{"audience", "x&y"}}};
  EXPECT_EQ(content({.url = url("/token-only"), .oauth2 = oauth2}), "by token");
  oauth2.client_secret = "other";
  auto loaded = load({.url = url("/token-only"), .oauth2 = oauth2});
  EXPECT_THAT(loaded, FailsWith(Code::Unauthenticated));
  EXPECT_THAT(loaded.error().message, Not(HasSubstr("other")));
}

TEST_F(HttpArtifactTest, StatusesAndTheirCodes) {
  EXPECT_THAT(load({.url = url("/missing")}), FailsWith(Code::NotFound));
  EXPECT_THAT(load({.url = url("/status/403")}), FailsWith(Code::PermissionDenied));
  EXPECT_THAT(load({.url = url("/status/503")}), FailsWith(Code::Unavailable));
  EXPECT_THAT(load({.url = url("/status/410")}), FailsWith(Code::FailedPrecondition));
}

TEST_F(HttpArtifactTest, BadServers) {
  EXPECT_THAT(load({.url = url("/loop")}), FailsWith(Code::InvalidArgument));
  EXPECT_FALSE(load({.url = url("/to-file-url")}));
  EXPECT_THAT(load({.url = url("/cut")}), FailsWith(Code::Unavailable));
  EXPECT_THAT(load({.url = "http://127.0.0.1:1/"}), FailsWith(Code::Unavailable));
  open({.max_bytes = 1 << 20});
  EXPECT_THAT(load({.url = url("/endless")}), FailsWith(Code::ResourceExhausted));
  open({.transfer_timeout = std::chrono::milliseconds(200)});
  EXPECT_THAT(load({.url = url("/silent")}), FailsWith(Code::DeadlineExceeded));
}

TEST_F(HttpArtifactTest, BadUrlsAndHeaders) {
  for (const char* bad :
       {"file:///etc/passwd", "ftp://h/x", "gopher://h/", "", "http://", "/etc/passwd"}) {
    EXPECT_THAT(load({.url = bad}), FailsWith(Code::InvalidArgument)) << bad;
  }
  EXPECT_THAT(load({.url = url("/file"), .headers = {{"A", "b\r\nC: d"}}}),
              FailsWith(Code::InvalidArgument));
}

TEST_F(HttpArtifactTest, NoSecretInErrors) {
  std::string with_secrets = url("/status/500?token=query-secret");
  with_secrets.insert(7, "user:url-secret@");
  auto loaded = load({.url = with_secrets, .headers = {{"X-Key", "header-secret"}}});
  ASSERT_THAT(loaded, FailsWith(Code::Unavailable));
  EXPECT_THAT(loaded.error().message, HasSubstr("/status/500"));
  EXPECT_THAT(loaded.error().message, Not(HasSubstr("secret")));
}

TEST_F(HttpArtifactTest, Cancelled) {
  const int cancel = ::eventfd(0, EFD_CLOEXEC);
  auto loading =
      std::async(std::launch::async, [&] { return load({.url = url("/silent")}, {}, cancel); });
  ASSERT_EQ(::eventfd_write(cancel, 1), 0);
  EXPECT_THAT(loading.get(), FailsWith(Code::Cancelled));
  ::close(cancel);
}

TEST_F(HttpArtifactTest, TlsWithItsOwnAuthorityAndAClientCertificate) {
  const std::string pem = make_certificate(directory_.file("pem"));
  ::setenv("TLS_PEM", pem.c_str(), 1);
  ::setenv("TLS_CLIENTS", (pem + ".crt").c_str(), 1);
  TestServer server({"python3", "tests/integration/artifacts_http_server.py"});
  ::unsetenv("TLS_PEM");
  ::unsetenv("TLS_CLIENTS");
  const Limits limits;
  HttpRequest request{.url = "https://" + server.host() + "/file"};
  request.client_certificate = ClientCertificate{read_file(pem + ".crt"), read_file(pem + ".key")};
  EXPECT_THAT(transfer(request, Context{limits}), FailsWith(Code::FailedPrecondition));
  request.ca = read_file(pem + ".crt");
  auto response = transfer(request, Context{limits});
  ASSERT_THAT(response, IsOk());
  EXPECT_EQ(response->body, "the file");
  request.client_certificate->key = "not a key";
  EXPECT_THAT(transfer(request, Context{limits}), FailsWith(Code::InvalidArgument));
  request.client_certificate.reset();
  EXPECT_FALSE(transfer(request, Context{limits}));
}

TEST_F(HttpArtifactTest, PutAndBack) {
  write_file(directory_.file("out/a"), "1", 0755);
  write_file(directory_.file("out/b/c"), "2");
  const Staged out = staged(directory_.file("out"));
  auto saved = artifacts_->save(out, Http{.url = url("/put/x.tgz")}, {});
  ASSERT_THAT(saved, IsOk());
  EXPECT_EQ(saved->files, 2u);
  ASSERT_THAT(load({.url = url("/put/x.tgz")}), IsOk());
  EXPECT_EQ(listing(to_), listing(directory_.file("out")));
  EXPECT_EQ(mode_of(to_ + "/a"), 0755u);

  ASSERT_THAT(
      artifacts_->save(out, Http{.url = url("/moved/y.zip")}, {.format = Archive::Format::Zip}),
      IsOk());
  ASSERT_THAT(load({.url = url("/put/y.zip")},
                   {.archive = {.format = Archive::Format::Zip, .specified = true},
                    .mode = 0700,
                    .recurse_mode = true}),
              IsOk());
  EXPECT_EQ(listing(to_), listing(directory_.file("out")));
  EXPECT_EQ(mode_of(to_ + "/b/c"), 0700u);

  EXPECT_THAT(artifacts_->save(out, Http{.url = url("/put/z")}, {.format = Archive::Format::None}),
              FailsWith(Code::InvalidArgument));
  const Staged file = staged(directory_.file("out/a"));
  ASSERT_THAT(artifacts_->save(file, Http{.url = url("/put/f")}, {.format = Archive::Format::None}),
              IsOk());
  EXPECT_EQ(content({.url = url("/put/f")}), "1");
  ASSERT_THAT(load({.url = url("/put") + "?q"}, {.sub_path = "f"}), IsOk());  // added to the URL
  EXPECT_THAT(artifacts_->save(file, Http{.url = url("/closed")}, {}),
              FailsWith(Code::PermissionDenied));
  EXPECT_THAT(listing(directory_.file("scratch")),
              ::testing::ElementsAre(::testing::Pair("git", "/")));
}

TEST_F(HttpArtifactTest, OtherLocations) {
  LoadRequest request{.location = Raw{"text"}, .mode = 0755, .destination = to_};
  ASSERT_THAT(artifacts_->load(request), IsOk());
  EXPECT_EQ(read_file(to_), "text");
  EXPECT_EQ(mode_of(to_), 0755u);
  EXPECT_FALSE(artifacts_->load(request));  // it is there
  request.mode = 01000;
  EXPECT_THAT(artifacts_->load(request), FailsWith(Code::InvalidArgument));

  const Staged out = staged(to_);
  ASSERT_THAT(artifacts_->save(out, Repository{"default", "a/b"}, {}), IsOk());
  EXPECT_THAT(artifacts_->save(out, Repository{"other", "a/b"}, {}),
              FailsWith(Code::InvalidArgument));
  EXPECT_THAT(artifacts_->save(out, Raw{}, {}), FailsWith(Code::InvalidArgument));
  EXPECT_THAT(artifacts_->save(out, Git{}, {}), FailsWith(Code::InvalidArgument));
  EXPECT_THAT(artifacts_->save(out, Repository{"default", "x"}, {.level = 10}),
              FailsWith(Code::InvalidArgument));
  auto loaded = artifacts_->load({.location = Repository{"default", "a/b"}});
  ASSERT_THAT(loaded, IsOk());
  EXPECT_EQ(read_file(loaded->path), "text");
  EXPECT_THAT(artifacts_->load({.location = Repository{"default", "nothing"}}),
              FailsWith(Code::NotFound));
  EXPECT_THAT(artifacts_->load({.location = Raw{"text"}}), FailsWith(Code::InvalidArgument));
  ASSERT_THAT(artifacts_->alias({"default", "a/b"}, {"default", "c"}), IsOk());
  EXPECT_THAT(*artifacts_->list(Repository{"default", ""}), ::testing::ElementsAre("a/b", "c"));
  ASSERT_THAT(artifacts_->remove(Repository{"default", "a/b"}), IsOk());
  EXPECT_THAT(artifacts_->remove(Http{.url = url("/file")}), FailsWith(Code::InvalidArgument));
  EXPECT_THAT(artifacts_->list(Git{}), FailsWith(Code::InvalidArgument));
}

}  // namespace
}  // namespace gantry::artifacts
