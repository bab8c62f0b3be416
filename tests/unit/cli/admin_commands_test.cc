// gantry admin and gantry get --events against a scripted daemon.

#include <sys/stat.h>

#include "commands_fixture.h"

namespace gantry::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

Json status(bool draining, bool drained, int workflows) {
  Json status{{"accepting", !draining}, {"draining", draining}, {"drained", drained}, {"degraded", false},
              {"troubles", Json::array()}, {"workflows", workflows}, {"steps", 0}, {"containerd", true}};
  if (draining) status["reason"] = "it is being drained";
  return status;
}

TEST_F(Commands, AdminStatus) {
  EXPECT_EQ(against(200, status(false, false, 3).dump(), {"admin", "status"}).out,
            "Workflows:  3\nSteps:      0\nAccepting:  yes\n");
  EXPECT_THAT(asked_, ElementsAre("GET /api/v1/admin/status"));
  EXPECT_EQ(against(200, status(true, false, 3).dump(), {"admin", "status"}).out,
            "Workflows:  3\nSteps:      0\nAccepting:  no\nDraining:   under way\nReason:     it is being drained\n");
  EXPECT_EQ(Json::parse(against(200, status(true, true, 0).dump(), {"admin", "status", "-o", "json"}).out),
            status(true, true, 0));
}

TEST_F(Commands, AdminDrainWaitsUntilNothingRuns) {
  int left = 3;
  FakeDaemon daemon([&](const Asked&, Answer& answer) {
    --left;
    answer.json(200, status(true, left == 0, left).dump());
  });
  Outcome outcome = run({"--socket", daemon.socket(), "admin", "drain", "--stop"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(outcome.out, "gantryd takes no new workflows; 2 run\ndrained: nothing runs any more\n");
  EXPECT_THAT(daemon.asked(), ElementsAre("POST /api/v1/admin/drain", "GET /api/v1/admin/status",
                                          "GET /api/v1/admin/status"));
}

TEST_F(Commands, AdminDrainAndItsOptions) {
  Outcome late = against(200, status(true, false, 2).dump(), {"admin", "drain", "--timeout", "0s"});
  EXPECT_EQ(late.status, 1);
  EXPECT_THAT(late.err, HasSubstr("2 workflow(s) still run; gantryd goes on draining"));
  EXPECT_EQ(against(200, status(true, false, 2).dump(), {"admin", "drain", "--terminate", "--no-wait"}).status, 0);
  EXPECT_EQ(last_.one("mode"), "terminate");
  EXPECT_EQ(against(200, status(false, false, 2).dump(), {"admin", "drain", "--resume"}).out,
            "gantryd takes workflows again\n");
  EXPECT_THAT(asked_, ElementsAre("POST /api/v1/admin/resume"));
  EXPECT_EQ(against(200, "{}", {"admin", "drain", "--stop", "--terminate"}).status, 1);
  EXPECT_THAT(asked_, ElementsAre());
  EXPECT_THAT(against(200, "{}", {"admin", "drain", "--timeout", "soon"}).err, HasSubstr("--timeout"));
  EXPECT_THAT(against(403, R"({"code":7,"message":"uid 5 may not"})", {"admin", "drain"}).err, HasSubstr("uid 5 may not"));
}

TEST_F(Commands, AdminCheckSaysWhatIsWrong) {
  auto checked = [&](const Json& found) {
    FakeDaemon daemon([&](const Asked&, Answer& answer) {
      answer.begin_stream();
      answer.line(Json{{"result", found}}.dump());
      answer.end();
    });
    return run({"--socket", daemon.socket(), "admin", "check"});
  };
  Outcome sound = checked({{"ok", true}, {"problems", Json::array()}, {"more", false}, {"workflows", 2}, {"nodes", 5},
                           {"bytes", 3 << 20}});
  EXPECT_EQ(sound.status, 0);
  EXPECT_EQ(sound.out, "the store is sound: 2 workflows, 5 nodes, 3 MiB\n");
  Outcome damaged = checked({{"ok", false}, {"problems", {"workflow a/b: damaged"}}, {"more", true}});
  EXPECT_EQ(damaged.status, 1);
  EXPECT_EQ(damaged.out, "workflow a/b: damaged\n… and more\n");
}

TEST_F(Commands, AdminBackupNeverOverwritesAndLeavesNoHalves) {
  const std::string to = directory_ + "/copy.db";
  auto backup = [&](int status, const std::string& body) { return against(status, body, {"admin", "backup", to}); };
  EXPECT_EQ(backup(500, R"({"code":13,"message":"no room"})").status, 1);
  EXPECT_FALSE(std::filesystem::exists(to));
  Outcome made = backup(200, "the store");
  EXPECT_EQ(made.status, 0) << made.err;
  EXPECT_THAT(made.out, HasSubstr("wrote " + to + " (9 bytes)"));
  struct stat info {};
  ASSERT_EQ(::stat(to.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  Outcome again = backup(200, "another");
  EXPECT_EQ(again.status, 1);
  EXPECT_THAT(again.err, HasSubstr("is there already"));
  ASSERT_EQ(::stat(to.c_str(), &info), 0);
  EXPECT_EQ(info.st_size, 9);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(directory_), {}), 1) << "no part is left";
}

TEST_F(Commands, AdminAuditAndEvents) {
  const Json line{{"time", "2024-01-01T00:00:00.000Z"}, {"uid", 1000}, {"pid", 7}, {"method", "PUT"},
                  {"path", "/api/v1/workflows/ci/w/stop"}, {"status", 403}, {"error", "no"}};
  Outcome table = against(200, items({line}), {"admin", "audit", "--lines", "5"});
  EXPECT_EQ(last_.one("lines"), "5");
  EXPECT_THAT(table.out, HasSubstr("2024-01-01T00:00:00.000Z   1000   7     PUT      403      /api/v1/workflows/ci/w/stop: no"));
  EXPECT_EQ(against(200, items({line}), {"admin", "audit", "-o", "json"}).out, line.dump() + "\n");

  const Json event{{"time", "2024-01-01T00:00:00.000Z"}, {"reason", "Stopped"}, {"message", "by uid:5"}, {"node", "a[0]"}};
  Outcome events = against(200, items({event}), {"get", "w", "--events"});
  EXPECT_THAT(asked_, ElementsAre("GET /api/v1/workflows/default/w/events"));
  EXPECT_THAT(events.out, HasSubstr("a[0]   Stopped   by uid:5"));
}

}  // namespace
}  // namespace gantry::cli
