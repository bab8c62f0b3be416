#include "workflow/cron.h"

#include <date/tz.h>
#include <gtest/gtest.h>

#include <random>

#include "workflow/cron_workflow.h"

namespace gantry::workflow {
namespace {

Time at(const char* text) { return *parse_rfc3339(text); }
CronSchedule line(const std::string& text) {
  auto parsed = CronSchedule::parse(text);
  EXPECT_TRUE(parsed) << text << ": " << (parsed ? "" : parsed.error().message);
  return parsed ? *parsed : *CronSchedule::parse("* * * * *");
}
TimeZone zone(const char* name) { return TimeZone::find(name).value(); }

/// The next `count` times in UTC, as texts.
std::string times(const CronSchedule& schedule, const char* after, int count,
                  const TimeZone& where = {}) {
  std::string out;
  std::optional<Time> time = at(after);
  for (int i = 0; i < count; ++i) {
    time = schedule.next(*time, where);
    out += (out.empty() ? "" : " ") + (time ? rfc3339(*time) : "never");
    if (!time) break;
  }
  return out;
}

TEST(Cron, Lines) {
  struct Case {
    const char* line;
    const char* after;
    const char* next;
  };
  // The first rows are those of robfig/cron's own spec_test.go.
  const Case cases[] = {
      {"0/15 * * * *", "2012-07-09T14:45:00Z", "2012-07-09T15:00:00Z"},
      {"0/15 * * * *", "2012-07-09T14:59:59Z", "2012-07-09T15:00:00Z"},
      {"20-35/15 * * * *", "2012-07-09T15:45:00Z", "2012-07-09T16:20:00Z"},
      {"0 0 9 Apr-Oct ?", "2012-07-09T23:35:51Z", "2012-08-09T00:00:00Z"},
      {"0 0 */5 Apr,Aug,Oct Mon", "2012-07-09T23:35:00Z", "2012-08-01T00:00:00Z"},
      {"0 0 ? Apr,Aug,Oct Mon", "2012-07-09T23:35:00Z", "2012-08-06T00:00:00Z"},
      {"0 0 29 Feb ?", "2012-07-09T23:35:00Z", "2016-02-29T00:00:00Z"},
      {"30 08 15 Jul ?", "2012-07-15T08:30:00Z", "2013-07-15T08:30:00Z"},
      {"0 0 30 Feb ?", "2012-07-09T23:35:00Z", "never"},
      {"0 0 31 Apr ?", "2012-07-09T23:35:00Z", "never"},
      {"* * * * *", "2024-02-28T23:59:00Z", "2024-02-29T00:00:00Z"},
      {"5,10 1-3/2 * * *", "2024-01-01T01:10:00Z", "2024-01-01T03:05:00Z"},
      {"0 0 13 * FRI", "2024-09-01T00:00:00Z", "2024-09-06T00:00:00Z"},   // either day field
      {"0 0 */1 * fri", "2024-09-01T00:00:00Z", "2024-09-06T00:00:00Z"},  // a star: both
      {"@yearly", "2024-06-01T00:00:00Z", "2025-01-01T00:00:00Z"},
      {"@annually", "2024-06-01T00:00:00Z", "2025-01-01T00:00:00Z"},
      {"@monthly", "2024-06-01T00:00:00Z", "2024-07-01T00:00:00Z"},
      {"@weekly", "2024-06-01T00:00:00Z", "2024-06-02T00:00:00Z"},
      {"@daily", "2024-06-01T00:00:00Z", "2024-06-02T00:00:00Z"},
      {"@midnight", "2024-06-01T10:00:00Z", "2024-06-02T00:00:00Z"},
      {"@hourly", "2024-06-01T10:00:00Z", "2024-06-01T11:00:00Z"},
      {"@every 90s", "2024-06-01T10:00:00.7Z", "2024-06-01T10:01:30Z"},
      {"@every 1500ms", "2024-06-01T10:00:00Z", "2024-06-01T10:00:01Z"},
      {"@every 10ms", "2024-06-01T10:00:00Z", "2024-06-01T10:00:01Z"},
      {"CRON_TZ=Asia/Tokyo 0 9 * * *", "2024-06-01T10:00:00Z", "2024-06-02T00:00:00Z"},
      {"TZ=UTC @daily", "2024-06-01T10:00:00Z", "2024-06-02T00:00:00Z"},
      {"  1,,2   *-5 +1 * *  ", "2024-06-02T00:00:00Z", "2024-07-01T00:01:00Z"},
  };
  for (const Case& c : cases) EXPECT_EQ(times(line(c.line), c.after, 1), c.next) << c.line;
}

TEST(Cron, Errors) {
  struct Case {
    const char* line;
    const char* message;
  };
  const Case cases[] = {
      {"", "empty spec string"},
      {"TZ=UTC  ", "empty spec string"},
      {"* * * *", "expected exactly 5 fields, found 4: [* * * *] (column 1)"},
      {"* * * * * *", "expected exactly 5 fields, found 6: [* * * * * *] (column 1)"},
      {"60 * * * *", "end of range (60) above maximum (59): 60 (column 1)"},
      {"* 5-24 * * *", "end of range (24) above maximum (23): 5-24 (column 3)"},
      {"* * 0 * *", "beginning of range (0) below minimum (1): 0 (column 5)"},
      {"* * * 6-3 *", "beginning of range (6) beyond end of range (3): 6-3 (column 7)"},
      {"* * * * 7", "end of range (7) above maximum (6): 7 (column 9)"},
      {"*/0 * * * *", "step of range should be a positive number: */0 (column 1)"},
      {"1-2-3 * * * *", "too many hyphens: 1-2-3 (column 1)"},
      {"1/2/3 * * * *", "too many slashes: 1/2/3 (column 1)"},
      {"* x * * *", "failed to parse int from x (column 3)"},
      {"* * * Foo *", "failed to parse int from Foo (column 7)"},
      {"* , * * *", "no value in field: , (column 3)"},
      {"5,-1 * * * *", "failed to parse int from  (column 3)"},
      {"99999999999 * * * *", "failed to parse int from 99999999999 (column 1)"},
      {"@often", "unrecognized descriptor: @often (column 1)"},
      {"@every x", "failed to parse duration @every x: time: invalid duration \"x\" (column 8)"},
      {"TZ=Mars/Base * * * * *",
       "provided bad location Mars/Base: unknown time zone Mars/Base (column 4)"},
      {"TZ=../../etc/passwd * * * * *",
       "provided bad location ../../etc/passwd: unknown time zone ../../etc/passwd (column 4)"},
  };
  for (const Case& c : cases) {
    auto parsed = CronSchedule::parse(c.line);
    ASSERT_FALSE(parsed) << c.line;
    EXPECT_EQ(parsed.error().message, c.message);
    EXPECT_EQ(parsed.error().code, Code::InvalidArgument);
  }
}

TEST(Cron, SkippedAndDoubledHours) {
  const TimeZone berlin = zone("Europe/Berlin");
  // 2:30 does not exist on 31 March 2024 (from 01:00 UTC on it is 3:00).
  EXPECT_EQ(times(line("30 2 * * *"), "2024-03-30T00:00:00Z", 2, berlin),
            "2024-03-30T01:30:00Z 2024-04-01T00:30:00Z");
  // On 27 October it comes twice.
  EXPECT_EQ(times(line("30 2 * * *"), "2024-10-26T12:00:00Z", 3, berlin),
            "2024-10-27T00:30:00Z 2024-10-27T01:30:00Z 2024-10-28T01:30:00Z");
  EXPECT_EQ(times(line("0 * * * *"), "2024-03-31T00:00:00Z", 2, berlin),
            "2024-03-31T01:00:00Z 2024-03-31T02:00:00Z");
  // Midnight is skipped in Santiago.
  EXPECT_EQ(times(line("0 0 * * *"), "2024-09-07T05:00:00Z", 1, zone("America/Santiago")),
            "2024-09-09T03:00:00Z");
}

TEST(Cron, AsAScanOfEveryMinuteSays) {
  const char* zones[] = {"UTC",
                         "Europe/Berlin",
                         "America/New_York",
                         "Asia/Kolkata",
                         "Australia/Lord_Howe" /* half an hour */,
                         "America/Santiago",
                         "Pacific/Apia" /* lost a day */,
                         "Africa/Casablanca"};
  const char* begins[] = {"2011-12-28T00:00:00Z", "2024-03-09T00:00:00Z", "2024-03-30T00:00:00Z",
                          "2024-04-05T20:00:00Z", "2024-09-07T00:00:00Z", "2024-10-05T00:00:00Z",
                          "2024-10-26T00:00:00Z", "2024-11-02T00:00:00Z"};
  std::mt19937 random(7);
  auto pick = [&](unsigned least, unsigned most) {
    return std::to_string(std::uniform_int_distribution<unsigned>(least, most)(random));
  };
  auto field = [&](unsigned least, unsigned most, const char* star) -> std::string {
    switch (random() % 5) {
      case 0:
        return pick(least, most);
      case 1:
        return pick(least, least + 1) + "-" + pick(least + 2, most);
      case 2:
        return "*/" + pick(2, 9);
      case 3:
        return pick(least, most) + "," + pick(least, most);
      default:
        return star;
    }
  };
  // The scan reads the line anew, a field at a time, in the plainest way.
  struct Plain {
    std::vector<std::string> parts;
    static bool has(const std::string& text, unsigned least, unsigned most, unsigned value) {
      (void)most;
      if (text == "*") return true;
      if (text.starts_with("*/")) return (value - least) % std::stoul(text.substr(2)) == 0;
      if (auto dash = text.find('-'); dash != text.npos) {
        return value >= std::stoul(text) && value <= std::stoul(text.substr(dash + 1));
      }
      auto comma = text.find(',');
      if (value == std::stoul(text)) return true;
      return comma != text.npos && value == std::stoul(text.substr(comma + 1));
    }
    [[nodiscard]] bool fires(date::local_seconds local) const {
      auto day = date::floor<date::days>(local);
      date::year_month_day date(day);
      date::hh_mm_ss<std::chrono::seconds> clock(local - day);
      bool dom = has(parts[2], 1, 31, static_cast<unsigned>(date.day()));
      bool dow = has(parts[4], 0, 6, date::weekday(day).c_encoding());
      bool star = parts[2] == "*" || parts[4] == "*";
      return clock.seconds().count() == 0 &&
             has(parts[0], 0, 59, static_cast<unsigned>(clock.minutes().count())) &&
             has(parts[1], 0, 23, static_cast<unsigned>(clock.hours().count())) &&
             has(parts[3], 1, 12, static_cast<unsigned>(date.month())) &&
             (star ? dom && dow : dom || dow);
    }
  };
  int fired = 0;
  for (int round = 0; round < 60; ++round) {
    Plain plain{{field(0, 59, "*"), field(0, 23, "*"), field(1, 28, "*"),
                 random() % 2 == 0 ? "*" : field(1, 12, "*"), field(0, 6, "*")}};
    std::string text;
    for (const std::string& part : plain.parts) text += (text.empty() ? "" : " ") + part;
    CronSchedule schedule = line(text);
    TimeZone where = zone(zones[static_cast<std::size_t>(round) % std::size(zones)]);
    for (const char* begin : begins) {
      Time start = at(begin), end = start + std::chrono::hours(52);
      std::optional<Time> expected = schedule.next(start, where), previous;
      for (Time t = start + std::chrono::minutes(1); t < end; t += std::chrono::minutes(1)) {
        date::sys_seconds sys = std::chrono::floor<std::chrono::seconds>(t);
        date::local_seconds local(sys.time_since_epoch() + where.get()->get_info(sys).offset);
        bool fires = plain.fires(local);
        ASSERT_EQ(fires, expected == t)
            << text << " in " << where.get()->name() << " at " << rfc3339(t);
        if (!fires) continue;
        ++fired;
        ASSERT_EQ(schedule.last(start, t, where), previous) << text << " before " << rfc3339(t);
        previous = t;
        expected = schedule.next(t, where);
      }
    }
  }
  EXPECT_GT(fired, 1000);
}

TEST(Cron, LastBefore) {
  EXPECT_EQ(line("@every 10s").last(at("2024-01-01T00:00:00Z"), at("2024-01-01T00:00:31Z"), {}),
            at("2024-01-01T00:00:30Z"));
  EXPECT_EQ(line("@every 10s").last(at("2024-01-01T00:00:00Z"), at("2024-01-01T00:00:30Z"), {}),
            at("2024-01-01T00:00:20Z"));
  EXPECT_FALSE(line("@every 10s").last(at("2024-01-01T00:00:00Z"), at("2024-01-01T00:00:10Z"), {}));
  EXPECT_FALSE(line("@every 10s").last(at("2024-01-02T00:00:00Z"), at("2024-01-01T00:00:10Z"), {}));
  // Decades apart, and it still answers at once.
  EXPECT_EQ(line("* * * * *").last(at("1990-01-01T00:00:00Z"), at("2024-01-01T00:00:00Z"), {}),
            at("2023-12-31T23:59:00Z"));
  EXPECT_EQ(line("@yearly").last(at("1990-01-01T00:00:00Z"), at("2024-01-01T00:00:00Z"), {}),
            at("2023-01-01T00:00:00Z"));
  EXPECT_FALSE(line("0 0 31 4 *").last(at("1990-01-01T00:00:00Z"), at("2024-01-01T00:00:00Z"), {}));
}

std::string read(const std::string& text, CronSpec& spec) {
  Diagnostics diagnostics;
  Document document = Document::parse_yaml(text, {}, diagnostics);
  spec = read_cron_spec(*document.roots().at(0), diagnostics);
  std::string out;
  for (const auto& d : diagnostics.items()) out += to_string(d, "f") + "\n";
  return out;
}

TEST(CronWorkflow, Reads) {
  CronSpec spec;
  EXPECT_EQ(read(R"(
metadata: {name: nightly}
spec:
  schedules: ["0 2 * * *", "@every 1h"]
  timezone: Europe/Berlin
  concurrencyPolicy: Replace
  startingDeadlineSeconds: 30
  successfulJobsHistoryLimit: 7
  failedJobsHistoryLimit: -1
  suspend: true
  when: "{{cronworkflow.failed}} < 3"
  stopStrategy: {expression: "cronworkflow.failed >= 3"}
  workflowMetadata: {labels: {a: b}, annotations: {c: "1"}}
  workflowSpec: {anything: goes}
)",
                 spec),
            "");
  EXPECT_EQ(spec.schedule_text(),
            "CRON_TZ=Europe/Berlin 0 2 * * *,CRON_TZ=Europe/Berlin @every 1h");
  EXPECT_EQ(spec.concurrency, ConcurrencyPolicy::Replace);
  EXPECT_EQ(spec.starting_deadline_seconds, 30);
  EXPECT_EQ(spec.successful_jobs_history_limit, 7);
  EXPECT_EQ(spec.failed_jobs_history_limit, 1);
  EXPECT_TRUE(spec.suspend);
  EXPECT_EQ(spec.stop_expression, "cronworkflow.failed >= 3");
  EXPECT_EQ(spec.labels.at("a"), "b");
  EXPECT_EQ(spec.annotations.at("c"), "1");
  EXPECT_EQ(spec.next(at("2024-06-01T23:30:00Z")), at("2024-06-02T00:00:00Z"));
}

TEST(CronWorkflow, Refuses) {
  CronSpec spec;
  EXPECT_EQ(
      read(R"(
metadata: {name: a-name-that-is-longer-than-fifty-two-characters-are-ok}
spec:
  schedules: ["61 * * * *", [1]]
  timezone: Mars/Base
  concurrencyPolicy: Sometimes
  startingDeadlineSeconds: -1
  successfulJobsHistoryLimit: many
  suspend: 3
  scedules: []
  stopStrategy: {expr: x}
  workflowMetadata: {name: x}
)",
           spec),
      R"(f:2:18: cron workflow name "a-name-that-is-longer-than-fifty-two-characters-are-ok" must not be more than 52 characters long (currently 54)
f:4:15: cron schedule 61 * * * * is malformed: end of range (61) above maximum (59): 61 (column 1)
f:4:29: spec.schedules: wanted a list of texts, found a list
f:5:13: invalid timezone "Mars/Base": unknown time zone Mars/Base
f:6:22: 'Sometimes' is not a valid concurrencyPolicy
f:7:28: startingDeadlineSeconds must be positive
f:8:31: spec.successfulJobsHistoryLimit: wanted a whole number, found a string
f:9:12: spec.suspend: wanted true or false, found a number
f:10:3: unknown field 'scedules' (did you mean 'schedules'?)
f:11:18: unknown field 'expr'
f:12:22: not supported: workflowMetadata.name (a scheduled workflow takes labels and annotations from it)
f:4:3: spec.workflowSpec is required
)");
  EXPECT_EQ(read("spec: {workflowSpec: {}}", spec),
            "f:1:7: cron workflow must have at least one schedule\n");
  EXPECT_NE(read("spec: {schedule: '* * * * *', workflowSpec: {}}", spec)
                .find("spec.schedule was removed in Argo Workflows 4"),
            std::string::npos);
  EXPECT_EQ(read("spec: []", spec), "f:1:7: spec: a map is required\n");
}

}  // namespace
}  // namespace gantry::workflow
