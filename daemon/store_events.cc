#include "daemon/store_events.h"

#include <algorithm>
#include <utility>

#include "daemon/node_json.h"
#include "daemon/store_rows.h"
#include "workflow/phase.h"

namespace gantry::rows {
namespace {

void add_node(std::vector<RunEvent>& events, const engine::Node& node) {
  const std::string name = node.name;
  if (node.started) {
    events.push_back({.at = *node.started, .node_id = node.id, .node_name = name, .reason = "Started"});
  }
  if (node.finished) {
    events.push_back({.at = *node.finished,
                      .node_id = node.id,
                      .node_name = name,
                      .reason = std::string(workflow::phase_name(node.phase)),
                      .message = node.message});
  }
}

}  // namespace

Result<void> write_event(Database& database, const StoreBatch::EventRow& event) {
  return database.run(
      "INSERT INTO events (run_id, at, node_id, reason, message) "
      "SELECT id, ?2, ?3, ?4, ?5 FROM runs WHERE uid = ?1",
      {event.run_uid, event.at.time_since_epoch().count(), event.node_id, event.reason, event.message});
}

Result<void> keep_history_of(Database& database, const StoreBatch::NodeKey& key) {
  auto row = database.prepare("SELECT json FROM nodes WHERE run_uid = ? AND node_id = ?");
  if (!row) return fail(std::move(row.error()));
  row->bind({key.run_uid, key.node_id});
  auto there = row->step();
  if (!there) return fail(std::move(there.error()));
  if (!*there) return {};
  auto node = node_from_json(row->text(0));
  if (!node) return {};  // it cannot be read, and goes
  std::vector<RunEvent> past;
  add_node(past, *node);
  for (RunEvent& event : past) {
    auto done = write_event(database, {.run_uid = key.run_uid,
                                       .at = event.at,
                                       .node_id = key.node_id,
                                       .reason = std::move(event.reason),
                                       .message = std::move(event.message)});
    if (!done) return done;
  }
  return {};
}

Result<std::vector<RunEvent>> events(Database& database, std::string_view run_uid) {
  auto runs = by_uid(database, run_uid);
  if (!runs) return fail(std::move(runs.error()));
  std::vector<RunEvent> events;
  if (runs->empty()) return events;
  const StoredRun& run = runs->front();
  auto rows = database.prepare(
      "SELECT at, node_id, reason, message FROM events "
      "WHERE run_id = (SELECT id FROM runs WHERE uid = ?) ORDER BY seq");
  if (!rows) return fail(std::move(rows.error()));
  rows->bind({run_uid});
  while (true) {
    auto more = rows->step();
    if (!more) return fail(std::move(more.error()));
    if (!*more) break;
    events.push_back({.at = Time(Duration(rows->integer(0))),
                      .node_id = rows->text(1),
                      .reason = rows->text(2),
                      .message = rows->text(3)});
  }
  if (run.status.started) events.push_back({.at = *run.status.started, .reason = "Running"});
  for (const engine::Node& node : run.nodes) add_node(events, node);
  if (run.status.finished) {
    events.push_back({.at = *run.status.finished,
                      .reason = std::string(engine::run_phase_name(run.status.phase)),
                      .message = run.status.message});
  }
  std::stable_sort(events.begin(), events.end(),
                   [](const RunEvent& a, const RunEvent& b) { return a.at < b.at; });
  return events;
}

}  // namespace gantry::rows
