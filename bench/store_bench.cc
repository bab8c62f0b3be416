// The store with a long history: fills a file with workflows that are over, then times what people and
// gantryd ask of it, through Store as gantryd does.
//
//   store_bench FILE [--workflows 1000000] [--rounds 20] [--fill-only]
//
// A FILE that has workflows already is not filled again. Figures are milliseconds from the question to the answer.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include "daemon/labels.h"
#include "daemon/node_json.h"
#include "daemon/store.h"
#include "tests/unit/daemon/queue_executor.h"

namespace gantry {
namespace {

using Operator = api::LabelTerm::Operator;
using Clock = std::chrono::steady_clock;

constexpr int kBatch = 1000;
constexpr std::int64_t kFirst = 1'700'000'000'000;  ///< ms; a workflow every ten seconds from then on
constexpr std::int64_t kApart = 10'000;

double since(Clock::time_point begun) {
  return std::chrono::duration<double, std::milli>(Clock::now() - begun).count();
}

template <class T>
T must(Result<T> result) {
  if (result) return std::move(*result);
  std::fprintf(stderr, "store_bench: %s\n", result.error().message.c_str());
  std::exit(1);
}

/// The store, asked one question after the other.
class Asked {
 public:
  explicit Asked(const std::string& path) : store_(must(Store::open(path, executor_))) {}

  template <class T, class Start>
  T ask(Start start) {
    std::optional<Result<T>> answer;
    start([&](Result<T> result) { answer = std::move(result); });
    // A question may take longer than the executor waits for a task.
    while (!answer) executor_.run_until([&] { return answer.has_value(); });
    return must(std::move(*answer));
  }
  Store::Page list(const api::ListQuery& query) {
    return ask<Store::Page>([&](auto done) { store_->list(query, done); });
  }
  void write(StoreBatch batch) {
    std::optional<Result<void>> answer;
    store_->write(std::make_shared<const StoreBatch>(std::move(batch)), [&](const Result<void>& result) { answer = result; });
    while (!answer) executor_.run_until([&] { return answer.has_value(); });
    if (!*answer) (void)must(Result<int>(fail(answer->error())));
  }
  Store& store() { return *store_; }

 private:
  QueueExecutor executor_;
  std::unique_ptr<Store> store_;
};

std::string name_of(int i) {
  char name[32];
  std::snprintf(name, sizeof name, "build-%07d", i);
  return name;
}

/// Nine of ten succeed; a label that all have, one that few share and one that hardly any has.
void add_workflow(StoreBatch& batch, int i) {
  StoreBatch::RunRow row;
  row.created = true;
  row.info = {.uid = "00000000-0000-4000-8000-" + std::to_string(100'000'000'000 + i),
              .name_space = "team-" + std::to_string(i % 10),
              .name = name_of(i),
              .labels = {{"app", "shop"}, {"branch", "feature-" + std::to_string(i % 5000)}},
              .spec_json = R"({"entrypoint":"main","templates":[{"name":"main","container":{"image":"busybox","args":[")" +
                           std::string(800, 'x') + "\"]}}]}",
              .created = Time(Duration(kFirst + i * kApart))};
  if (i % 100'000 == 500) row.info.labels["release"] = "yes";
  const bool fails = i % 10 == 3;
  row.status = {.phase = fails ? engine::RunPhase::Failed : engine::RunPhase::Succeeded,
                .started = row.info.created + std::chrono::seconds(1),
                .finished = row.info.created + std::chrono::seconds(60)};
  engine::Node node{.id = row.info.name, .name = row.info.name};
  node.phase = fails ? engine::Phase::Failed : engine::Phase::Succeeded;
  node.started = row.status.started;
  node.finished = row.status.finished;
  batch.nodes.push_back({row.info.uid, node.id, node_json(node)});
  batch.events.push_back({row.info.uid, row.info.created, "", "Submitted", "by uid:1000"});
  batch.runs.push_back(std::move(row));
}

void fill(Asked& asked, int workflows) {
  const auto begun = Clock::now();
  for (int i = 0; i < workflows;) {
    StoreBatch batch;
    for (const int end = std::min(workflows, i + kBatch); i < end; ++i) add_workflow(batch, i);
    asked.write(std::move(batch));
  }
  std::printf("filled with %d workflows in %.1f s\n", workflows, since(begun) / 1000);
}

template <class Ask>
void measure(const std::string& what, int rounds, Ask ask) {
  std::vector<double> took;
  std::size_t found = 0;
  for (int i = 0; i < rounds; ++i) {
    const auto begun = Clock::now();
    found = ask();
    took.push_back(since(begun));
  }
  std::sort(took.begin(), took.end());
  std::printf("%-64s %8.2f %8.2f %7zu\n", what.c_str(), took[took.size() / 2], took.back(), found);
  std::fflush(stdout);
}

std::string token(int i, int workflows) {
  return std::to_string(kFirst + i * kApart) + "-" + std::to_string(std::min(i + 1, workflows));
}

void measure_lists(Asked& asked, int workflows, int rounds) {
  std::printf("%-64s %8s %8s %7s\n", "a page of 100 of the list", "median", "longest", "found");
  auto page = [&](const std::string& what, api::ListQuery query) {
    query.limit = 100;
    measure(what, rounds, [&] { return asked.list(query).runs.size(); });
  };
  const std::string phase(kPhaseLabel);
  const api::LabelTerm failed{phase, Operator::In, {"Failed"}}, app{"app", Operator::In, {"shop"}},
      branch{"branch", Operator::In, {"feature-77"}}, release{"release", Operator::In, {"yes"}};
  const Time middle(Duration(kFirst + workflows / 2 * kApart));
  page("the newest", {});
  page("the newest of a namespace", {.name_space = "team-3"});
  page("in the middle", {.continue_token = token(workflows / 2, workflows)});
  page("the oldest", {.continue_token = token(100, workflows)});
  page("phase Failed", {.labels = {failed}});
  page("phase Running (there is none)", {.labels = {{phase, Operator::In, {"Running"}}}});
  page("phase is not Succeeded", {.labels = {{phase, Operator::NotIn, {"Succeeded"}}}});
  page("completed", {.labels = {{std::string(kCompletedLabel), Operator::In, {"true"}}}});
  page("a name", {.name_filter = name_of(workflows / 3), .name_match = api::ListQuery::NameMatch::Exact});
  page("names that begin with build-00 (many)", {.name_filter = "build-00", .name_match = api::ListQuery::NameMatch::Prefix});
  page("names that begin with " + name_of(workflows / 3).substr(0, 10) + " (some)",
       {.name_filter = name_of(workflows / 3).substr(0, 10), .name_match = api::ListQuery::NameMatch::Prefix});
  page("names that contain 777", {.name_filter = "777"});
  page("names that contain what none does (a page of none, and go on)", {.name_filter = "zebra"});
  page("created in the newer half", {.created_after = middle});
  page("created in the newer half, its end",
       {.created_after = middle, .continue_token = token(workflows / 2 + 100, workflows)});
  page("finished in the older half", {.finished_before = middle});
  page("label that all have", {.labels = {app}});
  page("label that 1 of 5000 has", {.labels = {branch}});
  page("label that 1 of 100000 has", {.labels = {release}});
  page("label that all have, of the failed, of a namespace", {.name_space = "team-3", .labels = {app, failed}});
  page("label that 1 of 5000 has, of the failed", {.labels = {branch, failed}});
  page("label that 1 of 100000 has, of the failed (there is none)", {.labels = {release, failed}});
  page("without the label that all have (a page of none, and go on)", {.labels = {{"app", Operator::NotExists, {}}}});
  page("with nodes", {.with_nodes = true});
}

void measure_questions(Asked& asked, int workflows, int rounds) {
  std::printf("%-64s %8s %8s %7s\n", "what else is asked", "median", "longest", "found");
  using Runs = std::vector<StoredRun>;
  measure("one workflow by its name", rounds, [&] {
    return asked.ask<Runs>([&](auto done) { asked.store().load("team-7", name_of(workflows / 10 * 7 + 7), done); }).size();
  });
  measure("its events", rounds, [&] {
    return asked
        .ask<std::vector<RunEvent>>([&](auto done) {
          asked.store().load_events("00000000-0000-4000-8000-" + std::to_string(100'000'000'000 + workflows / 2), done);
        })
        .size();
  });
  measure("at the start: what is not over", rounds,
          [&] { return asked.ask<Runs>([&](auto done) { asked.store().load_unfinished(done); }).size(); });
  measure("at the start: what clocks care for", rounds, [&] {
    return asked.ask<std::vector<RunSummary>>([&](auto done) { asked.store().load_summaries(false, done); }).size();
  });
  measure("at the start, with a workflow_ttl: all", std::min(rounds, 3), [&] {
    return asked.ask<std::vector<RunSummary>>([&](auto done) { asked.store().load_summaries(true, done); }).size();
  });
  measure("history: the surplus over max_workflows", rounds, [&] {
    return asked
        .ask<std::vector<std::string>>([&](auto done) {
          asked.store().load_surplus({.max_workflows = workflows / 2}, Time(Duration(kFirst)), 100, done);
        })
        .size();
  });
}

}  // namespace
}  // namespace gantry

int main(int argc, char** argv) {
  std::string file;
  int workflows = 1'000'000, rounds = 20;
  bool fill_only = false;
  CLI::App app("Times a store with a long history.");
  app.add_option("FILE", file, "The store; made when it is not there")->required();
  app.add_option("--workflows", workflows, "How many to fill it with")->capture_default_str();
  app.add_option("--rounds", rounds, "Of each question")->capture_default_str();
  app.add_flag("--fill-only", fill_only, "Ask nothing");
  CLI11_PARSE(app, argc, argv);
  const auto begun = gantry::Clock::now();
  gantry::Asked asked(file);
  std::printf("opened in %.1f ms\n", gantry::since(begun));
  if (asked.list({.limit = 1}).runs.empty() || fill_only) gantry::fill(asked, workflows);
  if (fill_only) return 0;
  gantry::measure_lists(asked, workflows, rounds);
  gantry::measure_questions(asked, workflows, rounds);
  return 0;
}
