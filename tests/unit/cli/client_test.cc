#include "cli/client.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "fake_daemon.h"

namespace gantry::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(Client, SendsAndReads) {
  FakeDaemon daemon([](const Asked&, Answer& answer) { answer.json(200, R"({"ok":true})"); });
  Client client(daemon.socket());
  auto answer = client.call({.method = "POST",
                             .path = "/api/v1/workflows/" + encode("a b"),
                             .query = {{"k", "v&w=ü"}, {"k", "2"}},
                             .body = "a: 1\n",
                             .content_type = "application/yaml"});
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(*answer, Json({{"ok", true}}));
  Asked asked = daemon.last();
  EXPECT_EQ(asked.method, "POST");
  EXPECT_EQ(asked.path, "/api/v1/workflows/a b");
  EXPECT_EQ(asked.query.count("k"), 2u);
  EXPECT_EQ(asked.one("k"), "v&w=ü");
  EXPECT_EQ(asked.body, "a: 1\n");
  EXPECT_EQ(asked.headers["content-type"], "application/yaml");
  EXPECT_EQ(asked.headers.count("expect"), 0u);
}

TEST(Client, Errors) {
  struct Case {
    int status;
    const char* body;
    Code code;
    const char* message;
  } const cases[] = {
      {404, R"({"code":5,"message":"no such workflow"})", Code::NotFound, "no such workflow"},
      {400, R"({"code":3,"message":"w.yaml:1:1: a\nw.yaml:2:1: b"})", Code::InvalidArgument,
       "w.yaml:1:1: a\nw.yaml:2:1: b"},
      {503, "upstream is away", Code::Unavailable, "upstream is away"},
      {409, "", Code::AlreadyExists, "HTTP status 409"},
      {500, R"({"code":99,"message":["x"]})", Code::Unknown, "code"},
      {200, "not json", Code::Internal, "not JSON"},
  };
  for (const Case& c : cases) {
    FakeDaemon daemon([&](const Asked&, Answer& answer) { answer.json(c.status, c.body); });
    Client client(daemon.socket());
    auto answer = client.call({.path = "/x"});
    ASSERT_FALSE(answer) << c.body;
    EXPECT_EQ(answer.error().code, c.code) << c.body;
    EXPECT_THAT(answer.error().message, HasSubstr(c.message));
    // A stream's error is read the same way.
    auto stream = client.stream({.path = "/x"}, [](const Json&) {});
    ASSERT_FALSE(stream);
    if (c.status != 200) {
      EXPECT_THAT(stream.error().message, HasSubstr(c.message));
    }
  }
}

TEST(Client, NobodyListens) {
  char directory[] = "/tmp/gantry-cli-test-XXXXXX";
  ASSERT_NE(::mkdtemp(directory), nullptr);
  std::string path = std::string(directory) + "/none.sock";
  auto answer = Client(path).call({.path = "/x"});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::Unavailable);
  EXPECT_EQ(answer.error().message, "gantryd is not running (nothing listens on " + path +
                                        "). Start it with: systemctl start gantry, or: gantryd "
                                        "--socket " +
                                        path);
  ::close(::open(path.c_str(), O_CREAT | O_WRONLY, 0600));  // a file that is no socket
  answer = Client(path).call({.path = "/x"});
  EXPECT_EQ(answer.error().code, Code::Unavailable);
  ::unlink(path.c_str());
  ::rmdir(directory);

  answer = Client(std::string(200, 'x')).call({.path = "/x"});
  EXPECT_THAT(answer.error().message, HasSubstr("longer than 107 bytes"));
}

TEST(Client, PermissionDenied) {
  FakeDaemon daemon([](const Asked&, Answer&) {});
  std::filesystem::permissions(std::filesystem::path(daemon.socket()).parent_path(),
                               std::filesystem::perms(0755));
  std::filesystem::permissions(daemon.socket(), std::filesystem::perms::none);
  constexpr uid_t kNobody = 65534;
  const uid_t self = ::geteuid();
  if (self == 0) {
    ASSERT_EQ(::seteuid(kNobody), 0);  // root may connect everywhere
  }
  auto answer = Client(daemon.socket()).call({.path = "/x"});
  if (self == 0) {
    ASSERT_EQ(::seteuid(self), 0);
  }
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::PermissionDenied);
  std::string group = ::getgrgid(::getegid())->gr_name;
  EXPECT_THAT(answer.error().message, HasSubstr("permission denied on " + daemon.socket()));
  EXPECT_THAT(answer.error().message, HasSubstr("usermod -aG " + group + " $USER"));
}

TEST(Client, StreamsLinesInPieces) {
  FakeDaemon daemon([](const Asked&, Answer& answer) {
    answer.begin_stream();
    answer.line(R"({"result":{"n":1}})");
    answer.line("");  // keep-alive
    answer.line(R"({"result":{"n":2}})"
                "\n"
                R"({"result":{"n":3}})");
    answer.end();
  });
  Client client(daemon.socket());
  std::vector<std::string> seen;
  auto end =
      client.stream({.path = "/s"}, [&](const Json& result) { seen.push_back(result.dump()); });
  EXPECT_TRUE(end);
  EXPECT_THAT(seen, ElementsAre(R"({"n":1})", R"({"n":2})", R"({"n":3})"));
}

TEST(Client, StreamErrors) {
  struct Case {
    const char* line;
    bool end;
    Code code;
    const char* message;
  } const cases[] = {
      {R"({"error":{"grpc_code":5,"message":"gone"}})", true, Code::NotFound, "gone"},
      {R"({"result":1})", false, Code::Unavailable, "broke off"},
      {"garbage", true, Code::Internal, "not JSON: garbage"},
  };
  for (const Case& c : cases) {
    FakeDaemon daemon([&](const Asked&, Answer& answer) {
      answer.begin_stream();
      answer.line(c.line);
      if (c.end) answer.end();
    });
    Client client(daemon.socket());
    auto end = client.stream({.path = "/s"}, [](const Json&) {});
    ASSERT_FALSE(end) << c.line;
    EXPECT_EQ(end.error().code, c.code);
    EXPECT_THAT(end.error().message, HasSubstr(c.message));
  }
}

TEST(Client, UploadsAndReportsProgress) {
  FakeDaemon daemon([](const Asked&, Answer& answer) { answer.json(200, "{}"); });
  for (bool sized : {true, false}) {
    std::FILE* file = std::tmpfile();
    std::string bytes(300'000, 'x');
    std::fwrite(bytes.data(), 1, bytes.size(), file);
    std::rewind(file);
    Client client(daemon.socket());
    std::uint64_t sent = 0;
    Request request{
        .method = "POST", .path = "/up", .content_type = "application/x-tar", .upload = file};
    if (sized) request.upload_size = bytes.size();
    request.on_upload = [&](std::uint64_t so_far) { sent = so_far; };
    auto answer = client.call(std::move(request));
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(sent, bytes.size());
    EXPECT_EQ(daemon.last().body, bytes);
    EXPECT_EQ(daemon.last().headers.count("content-length"), sized ? 1u : 0u);
    std::fclose(file);
  }
}

TEST(Client, CancelFromItsOwnHandler) {
  FakeDaemon daemon([](const Asked&, Answer& answer) {
    answer.begin_stream();
    answer.line(R"({"result":1})");
    answer.line(R"({"result":2})");
    answer.hung_up(5000);
  });
  Client client(daemon.socket());
  int seen = 0;
  bool done = false;
  Client::Id id = 0;
  id = client.start(
      {.path = "/s"},
      [&](const Json&) {
        ++seen;
        client.cancel(id);
      },
      [&](const Result<std::string>&) { done = true; });
  while (seen == 0) client.poll(1000);
  client.poll(0);
  EXPECT_EQ(seen, 1);
  EXPECT_FALSE(done);
}

TEST(Client, Encodes) { EXPECT_EQ(encode("a/b:c@1.0~x y"), "a%2Fb%3Ac%401.0~x%20y"); }

}  // namespace
}  // namespace gantry::cli
