// The clock in virtual time: a test says what happens and when, and reads what is to be done.

#include "daemon/cron/clock.h"

#include <gmock/gmock.h>

#include "workflow/document.h"

namespace gantry::cron {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Time at(const char* text) { return *parse_rfc3339(std::string("2024-05-01T") + text + "Z"); }

Definition define(const std::string& spec) {
  workflow::Diagnostics diagnostics;
  auto document = workflow::Document::parse_yaml(
      "metadata: {name: c}\nspec: {timezone: UTC, workflowSpec: {}, " + spec + "}", {},
      diagnostics);
  Definition out{.key = {"ns", "c"}, .labels = {{"team", "core"}}};
  if (!document.roots().empty()) out.spec = read_cron_spec(*document.roots()[0], diagnostics);
  for (const auto& d : diagnostics.items()) ADD_FAILURE() << d.message;
  return out;
}

class CronClock : public ::testing::Test {
 protected:
  /// Notes what is to be done, but for statuses, of which the newest is kept.
  void take(Effects effects) {
    for (Effect& effect : effects) {
      if (auto* create = std::get_if<CreateRun>(&effect)) {
        done.push_back("create " + create->name);
        creating = *create;
      } else if (auto* terminate = std::get_if<TerminateRun>(&effect)) {
        done.push_back("terminate " + terminate->uid);
      } else if (auto* remove = std::get_if<DeleteRun>(&effect)) {
        done.push_back("delete " + remove->uid);
      } else {
        status = std::get<WriteStatus>(effect).status;
        ++writes;
      }
    }
  }
  void start(const std::string& spec, const char* now) {
    definition = define(spec);
    take(clock.restored(at(now)));
    take(clock.put(definition, {}, at(now)));
    done.clear();
  }
  void change(const std::string& spec, const char* now) {
    definition = define(spec);
    take(clock.put(definition, {}, at(now)));
  }
  /// A new life of the daemon: the store has the status, and these children.
  void restart(const char* now, const std::vector<Child>& children = {}) {
    clock = Clock();
    Status stored = read_status(to_text(status));
    EXPECT_EQ(stored, status);
    take(clock.put(definition, stored, at(now)));
    for (const Child& child : children) take(clock.child({"ns", "c"}, child, at(now)));
    take(clock.restored(at(now)));
  }
  void tick(const char* now) { take(clock.tick(at(now))); }
  /// The newest run that was asked for is there.
  void accept(const char* now) {
    ASSERT_TRUE(creating);
    CreateRun run = *std::exchange(creating, std::nullopt);
    take(clock.created(run.cron, run.scheduled, "u-" + run.name, run.name, at(now)));
  }
  void refuse(Code code, const std::string& why, const char* now) {
    ASSERT_TRUE(creating);
    CreateRun run = *std::exchange(creating, std::nullopt);
    take(clock.refused(run.cron, run.scheduled, Error{code, why}, at(now)));
  }
  void end(const std::string& uid, const char* now, Child::State state = Child::State::Succeeded) {
    take(clock.child({"ns", "c"}, {uid, uid.substr(2), state, at(now)}, at(now)));
  }
  /// Ticks whenever the clock wants to, accepting and ending each run at once, up to `until`.
  void play(const char* until) {
    while (auto next = clock.next()) {
      if (*next > at(until)) return;
      const Time now = *next;
      take(clock.tick(now));
      while (creating) {
        CreateRun run = *std::exchange(creating, std::nullopt);
        take(clock.created(run.cron, run.scheduled, "u-" + run.name, run.name, now));
        take(clock.child(run.cron, {"u-" + run.name, run.name, Child::State::Succeeded, now}, now));
      }
    }
  }
  std::string next() {
    auto time = clock.next();
    return time ? rfc3339(*time).substr(11, 8) : "never";
  }
  std::vector<std::string> taken() { return std::exchange(done, {}); }

  Clock clock;
  Definition definition;
  Status status;
  std::vector<std::string> done;
  std::optional<CreateRun> creating;
  int writes = 0;
};

constexpr const char* kTen = "c-1714557600";     // 10:00
constexpr const char* kTenOne = "c-1714557660";  // 10:01
constexpr const char* kTenTwo = "c-1714557720";
std::string create(const std::string& name) { return "create " + name; }
std::string u(const std::string& name) { return "u-" + name; }

TEST_F(CronClock, ARunForEachTime) {
  start("schedules: ['* * * * *']", "09:59:30");
  EXPECT_EQ(next(), "10:00:00");
  tick("09:59:59");
  EXPECT_THAT(done, IsEmpty());
  tick("10:00:00");
  EXPECT_THAT(taken(), ElementsAre(create(kTen)));
  EXPECT_FALSE(status.last_scheduled) << "nothing is said before the run is there";
  accept("10:00:00");
  EXPECT_EQ(status.last_scheduled, at("10:00:00"));
  EXPECT_TRUE(status.started);
  EXPECT_THAT(status.active, ElementsAre(Status::Ref{u(kTen), kTen}));
  EXPECT_EQ(status.last_used_schedule, "CRON_TZ=UTC * * * * *");
  EXPECT_EQ(next(), "10:01:00");
  tick("10:01:00");
  accept("10:01:00");
  EXPECT_THAT(taken(), ElementsAre(create(kTenOne)));
  end(u(kTen), "10:01:10");
  EXPECT_THAT(status.active, ElementsAre(Status::Ref{u(kTenOne), kTenOne}));
  EXPECT_EQ(status.succeeded, 1);
  end(u(kTenOne), "10:01:20", Child::State::Failed);
  EXPECT_EQ(status.failed, 1);
}

TEST_F(CronClock, OneTimeIsOneRunWhateverItsSchedules) {
  start("schedules: ['* * * * *', '*/2 * * * *', '0 10 * * *']", "09:59:30");
  tick("10:00:00");
  accept("10:00:00");
  tick("10:00:30");
  EXPECT_THAT(taken(), ElementsAre(create(kTen)));
}

TEST_F(CronClock, WhileARunIsCreatedTheNextTimeWaits) {
  start("schedules: ['* * * * *']", "09:59:30");
  tick("10:00:00");
  EXPECT_EQ(next(), "never");
  tick("10:01:30");
  EXPECT_THAT(taken(), ElementsAre(create(kTen)));
  accept("10:01:30");
  EXPECT_THAT(taken(), ElementsAre(create(kTenOne)));
}

TEST_F(CronClock, Forbid) {
  start("schedules: ['* * * * *'], concurrencyPolicy: Forbid", "09:59:30");
  tick("10:00:00");
  accept("10:00:00");
  tick("10:01:00");
  EXPECT_THAT(taken(), ElementsAre(create(kTen)));
  EXPECT_EQ(status.last_scheduled, at("10:00:00"));
  end(u(kTen), "10:01:20");
  EXPECT_THAT(done, IsEmpty()) << "no deadline: what was held back is dropped";
  tick("10:02:00");
  EXPECT_THAT(taken(), ElementsAre(create(kTenTwo)));
}

TEST_F(CronClock, ForbiddenRunsAreMadeUpForInTime) {
  start("schedules: ['* * * * *'], concurrencyPolicy: Forbid, startingDeadlineSeconds: 30",
        "09:59:30");
  tick("10:00:00");
  accept("10:00:00");
  tick("10:01:00");
  end(u(kTen), "10:01:20");
  EXPECT_THAT(taken(), ElementsAre(create(kTen), create(kTenOne)));
  accept("10:01:20");
  tick("10:02:00");
  end(u(kTenOne), "10:02:45");
  EXPECT_THAT(taken(), IsEmpty()) << "45 seconds are too late";
}

TEST_F(CronClock, Replace) {
  start("schedules: ['* * * * *'], concurrencyPolicy: Replace", "09:59:30");
  tick("10:00:00");
  accept("10:00:00");
  tick("10:01:00");
  accept("10:01:00");
  EXPECT_THAT(taken(), ElementsAre(create(kTen), "terminate " + u(kTen), create(kTenOne)));
  EXPECT_EQ(status.active.size(), 2u) << "it is active until it has ended";
  end(u(kTen), "10:01:05", Child::State::Failed);
  EXPECT_THAT(status.active, ElementsAre(Status::Ref{u(kTenOne), kTenOne}));
}

TEST_F(CronClock, Suspended) {
  start("schedules: ['* * * * *'], suspend: true, startingDeadlineSeconds: 20", "09:59:30");
  tick("10:00:00");
  EXPECT_THAT(done, IsEmpty());
  change("schedules: ['* * * * *'], startingDeadlineSeconds: 20", "10:00:10");
  EXPECT_THAT(done, IsEmpty()) << "it never ran, so nothing was missed";
  tick("10:01:00");
  accept("10:01:00");
  change("schedules: ['* * * * *'], suspend: true, startingDeadlineSeconds: 20", "10:01:30");
  tick("10:02:00");
  EXPECT_THAT(taken(), ElementsAre(create(kTenOne)));
  change("schedules: ['* * * * *'], startingDeadlineSeconds: 20", "10:02:10");
  EXPECT_THAT(taken(), ElementsAre(create(kTenTwo)));
}

TEST_F(CronClock, MissedWhileTheDaemonWasDown) {
  for (const auto& [deadline, restarted, made_up] :
       {std::tuple{"", "10:02:10", false},
        {", startingDeadlineSeconds: 0", "10:02:10", false},
        {", startingDeadlineSeconds: 11", "10:02:10", true},
        {", startingDeadlineSeconds: 10", "10:02:10", false},
        {", startingDeadlineSeconds: 100", "10:01:40", true}}) {
    clock = Clock();
    start(std::string("schedules: ['*/2 * * * *']") + deadline, "09:59:30");
    tick("10:00:00");
    accept("10:00:00");
    done.clear();
    restart(restarted, {{u(kTen), kTen, Child::State::Succeeded, at("10:00:05")}});
    bool was_down = std::string_view(restarted) == "10:02:10";
    EXPECT_EQ(!done.empty(), made_up && was_down) << deadline << restarted;
    EXPECT_EQ(status.succeeded, 1);
    status = {};
    creating.reset();
    done.clear();
  }
}

TEST_F(CronClock, ANewScheduleHasMissedNothing) {
  start("schedules: ['0 10 * * *'], startingDeadlineSeconds: 3600", "09:59:30");
  tick("10:00:00");
  accept("10:00:00");
  done.clear();
  change("schedules: ['5 10 * * *'], startingDeadlineSeconds: 3600", "10:06:00");
  EXPECT_THAT(done, IsEmpty());
  EXPECT_EQ(status.schedule, "CRON_TZ=UTC 5 10 * * *");
  EXPECT_EQ(status.last_used_schedule, "CRON_TZ=UTC 0 10 * * *");
}

TEST_F(CronClock, ACrashBetweenDueAndStoredLosesNoNameAndRunsNothingTwice) {
  start("schedules: ['* * * * *'], startingDeadlineSeconds: 30", "09:59:30");
  tick("09:59:40");
  tick("10:00:00");
  accept("10:00:00");
  tick("10:01:00");  // asked for, and then the daemon dies before it is stored
  done.clear();
  restart("10:01:10", {{u(kTen), kTen}});
  EXPECT_THAT(taken(), ElementsAre(create(kTenOne))) << "the same name again";
  // Had it been stored after all, the store would refuse the name, and the time is done with.
  refuse(Code::AlreadyExists, "workflows.argoproj.io \"c-1714557660\" already exists", "10:01:10");
  EXPECT_EQ(status.last_scheduled, at("10:01:00"));
  EXPECT_THAT(status.conditions, IsEmpty());
  EXPECT_EQ(status.failed, 0);
  EXPECT_THAT(taken(), IsEmpty());
}

TEST_F(CronClock, Every) {
  start("schedules: ['@every 90s']", "09:59:30");
  EXPECT_EQ(next(), "10:01:00");
  tick("10:01:02");
  accept("10:01:02");
  EXPECT_EQ(next(), "10:02:30") << "late once is not late for ever";
  end(u(creating ? "" : kTenOne), "10:01:30");
  EXPECT_EQ(next(), "10:02:30");
  done.clear();
  restart("10:02:00");
  EXPECT_EQ(next(), "10:02:30") << "a restart keeps the beat";
  change("schedules: ['@every 90s'], suspend: true", "10:02:10");
  EXPECT_EQ(next(), "10:02:30");
  change("schedules: ['@every 60s']", "10:02:10");
  EXPECT_EQ(next(), "10:03:10");
}

TEST_F(CronClock, HistoryLimits) {
  start("schedules: ['@every 10s'], successfulJobsHistoryLimit: 2, failedJobsHistoryLimit: 0",
        "10:00:00");
  play("10:00:50");
  EXPECT_EQ(status.succeeded, 5);
  EXPECT_THAT(taken(),
              ElementsAre("create c-1714557610", "create c-1714557620", "create c-1714557630",
                          "delete u-c-1714557610", "create c-1714557640", "delete u-c-1714557620",
                          "create c-1714557650", "delete u-c-1714557630"));
  tick("10:01:00");
  accept("10:01:00");
  end(u(kTenOne), "10:01:01", Child::State::Failed);
  EXPECT_THAT(taken(), ElementsAre(create(kTenOne), "delete " + u(kTenOne)));
  change("schedules: ['@every 10s'], successfulJobsHistoryLimit: 0", "10:01:02");
  EXPECT_THAT(taken(), ElementsAre("delete u-c-1714557640", "delete u-c-1714557650"));
}

TEST_F(CronClock, When) {
  start(
      "schedules: ['* * * * *'], when: '{{cronworkflow.succeeded}} < 1 && "
      "{{cronworkflow.labels.team}} == core'",
      "09:59:30");
  tick("10:00:00");
  accept("10:00:00");
  end(u(kTen), "10:00:10");
  tick("10:01:00");
  EXPECT_THAT(taken(), ElementsAre(create(kTen)));
  change("schedules: ['* * * * *'], when: '1 +'", "10:01:10");
  tick("10:02:00");
  EXPECT_THAT(taken(), IsEmpty());
  ASSERT_EQ(status.conditions.size(), 1u);
  EXPECT_EQ(status.conditions[0].type, "SubmissionError");
  EXPECT_THAT(status.conditions[0].message, ::testing::StartsWith("run policy error: "));
  EXPECT_EQ(status.failed, 1);
  change("schedules: ['* * * * *']", "10:02:10");
  tick("10:03:00");
  accept("10:03:00");
  EXPECT_THAT(status.conditions, IsEmpty());
}

TEST_F(CronClock, WhenAsAnExpression) {
  start(
      "schedules: ['* * * * *'], when: '{{= cronworkflow.lastScheduledTime == nil || (now() - "
      "cronworkflow.lastScheduledTime).Seconds() > 90 }}'",
      "09:59:30");
  for (const char* now : {"10:00:00", "10:01:00", "10:02:00", "10:03:00"}) {
    tick(now);
    if (creating) accept(now);
  }
  EXPECT_THAT(taken(), ElementsAre(create(kTen), create(kTenTwo)));
  EXPECT_THAT(status.conditions, IsEmpty());
}

TEST_F(CronClock, StopStrategy) {
  start(
      "schedules: ['* * * * *'], stopStrategy: {expression: 'cronworkflow.failed >= 2 && "
      "cronworkflow.labels.team == \"core\"'}",
      "09:59:30");
  tick("10:00:00");
  accept("10:00:00");
  end(u(kTen), "10:00:10", Child::State::Failed);
  EXPECT_FALSE(status.stopped);
  tick("10:01:00");
  accept("10:01:00");
  end(u(kTenOne), "10:01:10", Child::State::Failed);
  EXPECT_TRUE(status.stopped);
  EXPECT_EQ(next(), "never");
  tick("10:02:00");
  EXPECT_THAT(taken(), ElementsAre(create(kTen), create(kTenOne), "delete " + u(kTen)));
  restart("10:03:00");
  EXPECT_EQ(next(), "never") << "it stays stopped";
}

TEST_F(CronClock, AStopExpressionThatFails) {
  start("schedules: ['* * * * *'], stopStrategy: {expression: 'cronworkflow.failed'}", "09:59:30");
  tick("10:00:00");
  ASSERT_EQ(status.conditions.size(), 1u);
  EXPECT_EQ(status.conditions[0].type, "SpecError");
  EXPECT_THAT(
      status.conditions[0].message,
      ::testing::StartsWith("failed to check CronWorkflow 'c' stopping condition: failed to "
                            "evaluate stop expression: "));
}

TEST_F(CronClock, Refused) {
  start("schedules: ['* * * * *'], startingDeadlineSeconds: 100", "09:59:30");
  tick("10:00:00");
  refuse(Code::NotFound, "workflowtemplates.argoproj.io \"t\" not found", "10:00:00");
  EXPECT_THAT(status.conditions,
              ElementsAre(Status::Condition{"SpecError",
                                            "cannot validate Workflow: "
                                            "workflowtemplates.argoproj.io \"t\" not found"}));
  EXPECT_EQ(status.failed, 0);
  EXPECT_THAT(taken(), ElementsAre(create(kTen))) << "not tried again at once";
  tick("10:01:00");
  refuse(Code::Unavailable, "the disk is full", "10:01:00");
  EXPECT_EQ(status.failed, 0) << "a stopStrategy counts what is wrong with the CronWorkflow, not with the host";
  EXPECT_EQ(status.conditions.size(), 2u);
  tick("10:02:00");
  accept("10:02:00");
  EXPECT_THAT(status.conditions, IsEmpty());
}

TEST_F(CronClock, Removed) {
  start("schedules: ['* * * * *']", "09:59:30");
  tick("10:00:00");
  accept("10:00:00");
  tick("10:01:00");
  done.clear();
  take(clock.remove({"ns", "c"}));
  EXPECT_THAT(taken(), ElementsAre("delete " + u(kTen)));
  EXPECT_EQ(next(), "never");
  accept("10:01:01");
  EXPECT_THAT(taken(), ElementsAre("delete " + u(kTenOne))) << "it was on its way";
  take(clock.child_gone({"ns", "c"}, u(kTen), at("10:01:02")));
  tick("10:02:00");
  EXPECT_THAT(taken(), IsEmpty());
}

TEST_F(CronClock, ChildrenOfOthersAndDeletedOnes) {
  start("schedules: ['* * * * *'], concurrencyPolicy: Forbid, startingDeadlineSeconds: 60",
        "09:59:30");
  tick("10:00:00");
  accept("10:00:00");
  // Submitted by hand from the CronWorkflow: it counts as active.
  take(clock.child({"ns", "c"}, {"u-hand", "hand"}, at("10:00:30")));
  EXPECT_EQ(status.active.size(), 2u);
  tick("10:01:00");
  take(clock.child_gone({"ns", "c"}, u(kTen), at("10:01:05")));
  EXPECT_THAT(taken(), ElementsAre(create(kTen)));
  take(clock.child_gone({"ns", "c"}, "u-hand", at("10:01:06")));
  EXPECT_THAT(taken(), ElementsAre(create(kTenOne)));
  EXPECT_EQ(status.succeeded + status.failed, 0) << "nobody saw them end";
  // A run that is retried is active again.
  accept("10:01:06");
  end(u(kTenOne), "10:01:10", Child::State::Failed);
  EXPECT_THAT(status.active, IsEmpty());
  take(clock.child({"ns", "c"}, {u(kTenOne), kTenOne}, at("10:01:20")));
  EXPECT_EQ(status.active.size(), 1u);
}

TEST_F(CronClock, AStatusIsWrittenOnlyWhenItChanges) {
  start("schedules: ['* * * * *'], suspend: true", "09:59:30");
  int before = writes;
  for (const char* now : {"10:00:00", "10:01:00", "10:02:00"}) tick(now);
  EXPECT_EQ(writes, before + 1) << "the schedule is in use now";
  take(clock.child({"ns", "other"}, {"x", "x"}, at("10:02:00")));
  EXPECT_EQ(writes, before + 1);
}

TEST(CronStatus, Texts) {
  Status status{.active = {{"u", "n"}},
                .last_scheduled = at("10:00:00"),
                .started = true,
                .stopped = true,
                .succeeded = 2,
                .failed = 3,
                .conditions = {{"SpecError", "no"}},
                .last_used_schedule = "a",
                .schedule = "b",
                .since = at("09:00:00")};
  EXPECT_EQ(read_status(to_text(status)), status);
  EXPECT_EQ(read_status(to_text({})), Status{});
  EXPECT_EQ(read_status(""), Status{});
  EXPECT_EQ(read_status("{\"started\":7}"), Status{});
  nlohmann::json shown = status_json(status, "ns");
  EXPECT_EQ(shown["phase"], "Stopped");
  EXPECT_EQ(shown["lastScheduledTime"], "2024-05-01T10:00:00Z");
  EXPECT_EQ(shown["active"][0]["namespace"], "ns");
  EXPECT_EQ(shown["conditions"][0]["status"], "True");
  EXPECT_TRUE(status_json({}, "ns")["lastScheduledTime"].is_null());
}

}  // namespace
}  // namespace gantry::cron
