// What is for administrators, who may ask for it, and what the audit log hears.

#include "api/handlers/handlers.h"
#include "tests/unit/api/fixture.h"

namespace gantry::api {
namespace {

/// Keeps what a handler answers.
struct KeptAnswer final : Answer {
  void object(const Json& json) override { answered = json; }
  void fail(HttpError e) override { error = std::move(e); }
  void document(Document document) override { answered = std::move(document).whole(); }
  void text(std::string text) override { answered = text; }
  void file(UniqueFd, const std::string& name, const char*) override { answered = name; }
  StreamPtr stream(Fields) override {
    ADD_FAILURE() << "a stream was opened";
    return nullptr;
  }
  Json answered;
  std::optional<HttpError> error;
};

TEST(Admin, IsForRootAndTheDaemonsOwnUserOnly) {
  for (Handler handler : {drain_daemon, resume_daemon, check_store, backup_store, read_audit_log}) {
    FakeBackend backend;
    Request request;
    request.caller = {.uid = ::geteuid() + 1234, .gid = 1, .pid = 1};
    auto answer = std::make_shared<KeptAnswer>();
    handler(backend, request, answer);
    ASSERT_TRUE(answer->error);
    EXPECT_EQ(answer->error->status, 403u);
    EXPECT_TRUE(backend.calls.empty());
  }
}

TEST(Admin, EachEndpointAsksTheBackend) {
  Harness harness;
  Client client(harness.socket());
  struct Case {
    const char *method, *target, *call, *answer;
    int status = 200;
  };
  const Case cases[] = {
      {"GET", "/api/v1/admin/status", "null", "\"accepting\":true"},
      {"POST", "/api/v1/admin/drain", R"({"call":"drain","mode":0,"uid":)", "accepting"},
      {"POST", "/api/v1/admin/drain?mode=stop", R"({"call":"drain","mode":1,"uid":)", "accepting"},
      {"POST", "/api/v1/admin/drain?mode=terminate", R"({"call":"drain","mode":2,"uid":)", "accepting"},
      {"POST", "/api/v1/admin/drain?mode=x", "null", "not finish, stop or terminate", 400},
      {"POST", "/api/v1/admin/resume", R"({"call":"resume")", "accepting"},
      {"POST", "/api/v1/admin/check", R"({"call":"check"})", R"({"result":{"ok":true}})"},
      {"POST", "/api/v1/admin/backup", R"({"call":"backup"})", "SQLite"},
      {"GET", "/api/v1/admin/audit?lines=7", R"({"call":"audit","lines":7})", R"("method":"PUT")"},
      {"GET", "/api/v1/admin/audit?lines=many", "null", "not a whole number", 400},
      {"GET", "/api/v1/workflows/ns/w/events", R"({"call":"events","name":"w","ns":"ns"})", "Submitted"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(std::string(c.method) + " " + c.target);
    harness.on_loop([&] { harness.backend.calls.clear(); });
    Response response = client.call(c.method, c.target);
    EXPECT_EQ(response.status, c.status);
    EXPECT_NE(response.body.find(c.answer), std::string::npos) << response.body;
    EXPECT_TRUE(harness.last_call().dump().starts_with(c.call)) << harness.last_call();
  }
  harness.on_loop([&] { harness.backend.trouble = "the disk is full"; });
  Response health = client.call("GET", "/healthz");
  EXPECT_EQ(health.status, 200);
  EXPECT_EQ(health.body, "degraded: the disk is full");
}

TEST(Audit, HearsOfChangesAndRefusalsAndOfNoContents) {
  Harness harness;
  Client client(harness.socket());
  auto heard = [&] { return harness.on_loop([&] { return std::exchange(harness.audited, {}); }); };
  client.call("GET", "/api/v1/workflows/ns");
  client.call("POST", "/api/v1/workflows/ns/lint", R"({"workflow":{}})");
  EXPECT_TRUE(heard().empty());

  client.call("POST", "/api/v1/workflows/ns?submitOptions.parameters=password%3Dhunter2", R"({"workflow":{}})");
  client.call("PUT", "/api/v1/workflows/ns/w/stop", "{}");
  client.call("POST", "/api/v1/secrets/ns",
              R"({"metadata":{"name":"s"},"data":{"k":"aHVudGVyMg=="}})");
  harness.on_loop([&] { harness.backend.error = Error{Code::PermissionDenied, "no"}; });
  client.call("GET", "/api/v1/workflows/ns/w");
  client.call("DELETE", "/api/v1/workflows/ns/w");
  const auto lines = heard();
  ASSERT_EQ(lines.size(), 5u);
  EXPECT_EQ(lines[0].method, "POST");
  EXPECT_EQ(lines[0].path, "/api/v1/workflows/ns");
  EXPECT_EQ(lines[0].object, "/hello");
  EXPECT_EQ(lines[0].status, 200u);
  EXPECT_EQ(lines[0].caller.uid, ::geteuid());
  EXPECT_EQ(lines[0].caller.pid, ::getpid());
  EXPECT_EQ(lines[1].path, "/api/v1/workflows/ns/w/stop");
  EXPECT_EQ(lines[2].object, "ns/s");
  EXPECT_EQ(lines[3].method, "GET");
  EXPECT_EQ(lines[3].status, 403u);
  EXPECT_EQ(lines[4].error, "no");
  harness.on_loop([&] { harness.backend.error.reset(); });
  EXPECT_EQ(client.call("POST", "/api/v1/secrets/ns", R"({"stringData":{"k":"hunter2}})").status, 400);
  EXPECT_EQ(client.call("PUT", "/api/v1/secrets/ns/s", R"({"data":{"k":"aHVudGVyMg!"}})").status, 400);
  for (const AuditRecord& line : heard()) {
    EXPECT_EQ(line.status, 400u);
    EXPECT_EQ(line.error, "the request is not valid") << "a parser quotes what it cannot read";
  }
  for (const AuditRecord& line : lines) {
    const std::string all = line.method + line.path + line.object + line.error;
    EXPECT_EQ(all.find("hunter2"), std::string::npos);
    EXPECT_EQ(all.find("aHVudGVyMg"), std::string::npos);
  }
}

TEST(Audit, HearsOfARequestWhoseClientWentAway) {
  Harness harness;
  harness.on_loop([&] { harness.backend.hold = true; });
  Client client(harness.socket());
  client.request("DELETE", "/api/v1/workflows/ns/w");
  harness.await([&] { return !harness.backend.held.empty(); });
  client.close();
  harness.await([&] { return !harness.audited.empty(); });
  harness.on_loop([&] {
    harness.backend.release();
    ASSERT_EQ(harness.audited.size(), 1u);
    EXPECT_EQ(harness.audited[0].method, "DELETE");
    EXPECT_EQ(harness.audited[0].path, "/api/v1/workflows/ns/w");
    EXPECT_EQ(harness.audited[0].status, 499u);
  });
}

}  // namespace
}  // namespace gantry::api
