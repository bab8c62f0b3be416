#include "daemon/store_rows.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "base/json_text.h"
#include "daemon/node_json.h"
#include "daemon/store_events.h"
#include "daemon/store_resources.h"

namespace gantry::rows {
namespace {

using Json = nlohmann::json;
using Map = std::map<std::string, std::string>;

std::string map_json(const Map& map) {
  return json_text(Json(map));
}

/// Nothing when the text is damaged.
std::optional<Map> map_from(const std::string& text) {
  Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  Map map;
  for (const auto& [key, value] : json.items()) {
    if (value.is_string()) map.emplace(key, value.get<std::string>());
  }
  return map;
}

std::int64_t millis(Time time) { return time.time_since_epoch().count(); }

SqlValue millis(const std::optional<Time>& time) {
  return time ? SqlValue(millis(*time)) : SqlValue();
}

std::optional<Time> time_at(const Statement& row, int column) {
  if (row.is_null(column)) return std::nullopt;
  return Time(Duration(row.integer(column)));
}

std::string_view kind_name(api::ObjectKind kind) {
  return kind == api::ObjectKind::Secret ? "Secret" : "ConfigMap";
}

constexpr std::string_view kColumns =
    "id, uid, namespace, name, generate_name, phase, message, created, started, finished, "
    "shutdown, labels, annotations, spec_json, templates, ttl, suspended, outputs, retries";

struct RunRow {
  std::int64_t id = 0;
  StoredRun run;
};

RunRow read_run(const Statement& row) {
  RunRow read;
  read.id = row.integer(0);
  engine::RunInfo& info = read.run.info;
  engine::RunStatus& status = read.run.status;
  info.uid = row.text(1);
  info.name_space = row.text(2);
  info.name = row.text(3);
  info.generate_name = row.text(4);
  auto phase = engine::run_phase_from(row.text(5));
  auto shutdown = engine::shutdown_from(row.text(10));
  if (!phase || !shutdown) read.run.damage = "a stored run has an unknown phase";
  status.phase = phase.value_or(engine::RunPhase::Error);
  status.shutdown = shutdown.value_or(engine::Shutdown::None);
  status.message = row.text(6);
  info.created = Time(Duration(row.integer(7)));
  status.started = time_at(row, 8);
  status.finished = time_at(row, 9);
  auto labels = map_from(row.text(11));
  auto annotations = map_from(row.text(12));
  if ((!labels || !annotations) && read.run.damage.empty()) read.run.damage = "a stored run's labels are damaged";
  info.labels = std::move(labels).value_or(Map());
  info.annotations = std::move(annotations).value_or(Map());
  info.spec_json = row.text(13);
  read.run.origin = {row.text(14), row.text(15)};
  status.suspended = row.integer(16) != 0;
  status.retries = static_cast<std::uint32_t>(row.integer(18));
  auto outputs = node_outputs_from_json(row.text(17));
  if (outputs) {
    status.outputs = {std::move(outputs->parameters), std::move(outputs->artifacts)};
  } else if (read.run.damage.empty()) {
    read.run.damage = outputs.error().message;
  }
  return read;
}

Result<void> read_nodes(Database& database, StoredRun& run) {
  auto rows = database.prepare("SELECT json FROM nodes WHERE run_uid = ? ORDER BY seq");
  if (!rows) return fail(std::move(rows.error()));
  rows->bind({run.info.uid});
  while (true) {
    auto more = rows->step();
    if (!more) return fail(std::move(more.error()));
    if (!*more) return {};
    auto node = node_from_json(rows->text(0));
    if (node) {
      run.nodes.push_back(std::move(*node));
    } else if (run.damage.empty()) {
      run.damage = std::move(node.error().message);
    }
  }
}

/// All the runs that a statement finds, with their nodes.
Result<std::vector<StoredRun>> read_all(Database& database, Statement rows) {
  std::vector<StoredRun> runs;
  while (true) {
    auto more = rows.step();
    if (!more) return fail(std::move(more.error()));
    if (!*more) break;
    runs.push_back(read_run(rows).run);
  }
  for (StoredRun& run : runs) {
    if (auto nodes = read_nodes(database, run); !nodes) return fail(std::move(nodes.error()));
  }
  return runs;
}

Result<void> insert_run(Database& database, const StoreBatch::RunRow& row) {
  const auto& [info, status] =
      std::pair<const engine::RunInfo&, const engine::RunStatus&>(row.info, row.status);
  std::string labels = map_json(info.labels);
  std::string annotations = map_json(info.annotations);
  std::string outputs = node_outputs_json({status.outputs.parameters, status.outputs.artifacts, {}, {}});
  auto done = database.run(
      "INSERT INTO runs (uid, namespace, name, generate_name, phase, message, created, started, "
      "finished, shutdown, labels, annotations, spec_json, templates, ttl, suspended, outputs) "
      "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      {info.uid, info.name_space, info.name, info.generate_name,
       engine::run_phase_name(status.phase), status.message, millis(info.created),
       millis(status.started), millis(status.finished), engine::shutdown_name(status.shutdown),
       labels, annotations, info.spec_json, row.origin.templates, row.origin.ttl,
       std::int64_t{status.suspended}, outputs});
  if (!done || info.labels.empty()) return done;
  const std::int64_t id = database.last_insert();
  for (const auto& [key, value] : info.labels) {
    done = database.run("INSERT INTO run_labels (run_id, key, value, created) VALUES (?, ?, ?, ?)",
                        {id, key, value, millis(info.created)});
    if (!done) return done;
  }
  return {};
}

Result<void> update_run(Database& database, const StoreBatch::RunRow& row) {
  const engine::RunStatus& status = row.status;
  std::string outputs = node_outputs_json({status.outputs.parameters, status.outputs.artifacts, {}, {}});
  auto done = database.run(
      "UPDATE runs SET phase = ?, message = ?, started = ?, finished = ?, shutdown = ?, "
      "suspended = ?, outputs = ?, retries = ? WHERE uid = ?",
      {engine::run_phase_name(status.phase), status.message, millis(status.started),
       millis(status.finished), engine::shutdown_name(status.shutdown),
       std::int64_t{status.suspended}, outputs, std::int64_t{status.retries}, row.info.uid});
  if (!done || !row.respecified) return done;
  return database.run("UPDATE runs SET spec_json = ? WHERE uid = ?",
                      {row.info.spec_json, row.info.uid});
}

}  // namespace

Result<void> write(Database& database, const StoreBatch& batch) {
  for (const auto& row : batch.runs) {
    auto done = row.created ? insert_run(database, row) : update_run(database, row);
    if (!done) return fail(std::move(done.error()).wrap("store run " + row.info.uid));
  }
  for (const auto& event : batch.events) {
    if (auto done = write_event(database, event); !done) return fail(std::move(done.error()).wrap("store an event"));
  }
  for (const auto& key : batch.deleted_nodes) {
    if (auto done = keep_history_of(database, key); !done) return done;
    const auto& [run_uid, node_id] = key;
    auto done =
        database.run("DELETE FROM nodes WHERE run_uid = ? AND node_id = ?", {run_uid, node_id});
    if (!done) return fail(std::move(done.error()).wrap("delete node " + node_id));
  }
  for (const auto& node : batch.nodes) {
    auto done = database.run(
        "INSERT INTO nodes (run_uid, node_id, json) SELECT ?1, ?2, ?3 "
        "WHERE EXISTS (SELECT 1 FROM runs WHERE uid = ?1) "  // a deleted run's last news are no
                                                             // error
        "ON CONFLICT (run_uid, node_id) DO UPDATE SET json = excluded.json",
        {node.run_uid.str(), node.node_id.str(), node.json});
    if (!done) return fail(std::move(done.error()).wrap("store node " + node.node_id.str()));
  }
  for (const std::string& uid : batch.deleted_runs) {
    if (auto done = database.run("DELETE FROM runs WHERE uid = ?", {uid}); !done) return done;
  }
  for (const engine::Memo& memo : batch.memos) {
    std::string outputs = node_outputs_json(memo.outputs);
    auto done = database.run(
        "INSERT INTO memos (namespace, cache, key, node_id, outputs, created) VALUES (?, ?, ?, ?, ?, ?) "
        "ON CONFLICT (namespace, cache, key) DO UPDATE SET node_id = excluded.node_id, "
        "outputs = excluded.outputs, created = excluded.created",
        {memo.name_space, memo.cache, memo.key, memo.node_id, outputs, millis(memo.created)});
    if (!done) return fail(std::move(done.error()).wrap("store memo " + memo.cache + "/" + memo.key));
  }
  for (const ResourceStatus& status : batch.statuses) {
    if (auto done = write_status(database, status); !done) return done;
  }
  return {};
}

Result<std::vector<StoredRun>> unfinished(Database& database) {
  auto rows =
      database.prepare("SELECT " + std::string(kColumns) +
                       " FROM runs WHERE phase IN ('Pending', 'Running') ORDER BY created, id");
  if (!rows) return fail(std::move(rows.error()));
  return read_all(database, std::move(*rows));
}

Result<std::vector<StoredRun>> by_uid(Database& database, std::string_view uid) {
  auto rows = database.prepare("SELECT " + std::string(kColumns) + " FROM runs WHERE uid = ?");
  if (!rows) return fail(std::move(rows.error()));
  rows->bind({uid});
  return read_all(database, std::move(*rows));
}

Result<std::vector<StoredRun>> by_name(Database& database, std::string_view name_space,
                                       std::string_view name) {
  auto rows = database.prepare("SELECT " + std::string(kColumns) +
                               " FROM runs WHERE namespace = ? AND name = ?");
  if (!rows) return fail(std::move(rows.error()));
  rows->bind({name_space, name});
  return read_all(database, std::move(*rows));
}

Result<std::optional<StoredRun>> by_id(Database& database, std::int64_t id, bool with_nodes) {
  auto rows = database.prepare("SELECT " + std::string(kColumns) + " FROM runs WHERE id = ?");
  if (!rows) return fail(std::move(rows.error()));
  rows->bind({id});
  auto more = rows->step();
  if (!more) return fail(std::move(more.error()));
  if (!*more) return std::optional<StoredRun>();
  StoredRun run = read_run(*rows).run;
  if (with_nodes) {
    if (auto nodes = read_nodes(database, run); !nodes) return fail(std::move(nodes.error()));
  }
  return std::optional<StoredRun>(std::move(run));
}

Result<std::vector<engine::Memo>> memos(Database& database) {
  auto rows = database.prepare("SELECT namespace, cache, key, node_id, outputs, created FROM memos");
  if (!rows) return fail(std::move(rows.error()));
  std::vector<engine::Memo> found;
  while (true) {
    auto more = rows->step();
    if (!more) return fail(std::move(more.error()));
    if (!*more) return found;
    auto outputs = node_outputs_from_json(rows->text(4));
    if (!outputs) continue;  // a cache may forget
    found.push_back({std::string(rows->text(0)), std::string(rows->text(1)), std::string(rows->text(2)),
                     std::string(rows->text(3)), std::move(*outputs), Time(Duration(rows->integer(5)))});
  }
}

Result<std::vector<std::string>> missing(Database& database, const std::vector<std::string>& uids) {
  std::vector<std::string> found;
  for (const std::string& uid : uids) {
    auto row = database.prepare("SELECT 1 FROM runs WHERE uid = ?");
    if (!row) return fail(std::move(row.error()));
    row->bind({uid});
    auto there = row->step();
    if (!there) return fail(std::move(there.error()));
    if (!*there) found.push_back(uid);
  }
  return found;
}

Result<std::vector<RunSummary>> summaries(Database& database, bool all) {
  std::string sql =
      "SELECT uid, namespace, name, phase, finished, ttl, (SELECT value FROM run_labels "
      "WHERE run_id = runs.id AND key = 'workflows.argoproj.io/cron-workflow') FROM runs ";
  if (!all) {
    sql +=
        "WHERE id IN (SELECT id FROM runs WHERE ttl <> '' "
        "UNION SELECT run_id FROM run_labels WHERE key = 'workflows.argoproj.io/cron-workflow' "
        "UNION SELECT id FROM runs WHERE phase IN ('Pending', 'Running')) ";
  }
  auto rows = database.prepare(sql + "ORDER BY created, id");
  if (!rows) return fail(std::move(rows.error()));
  std::vector<RunSummary> found;
  while (true) {
    auto more = rows->step();
    if (!more) return fail(std::move(more.error()));
    if (!*more) return found;
    found.push_back({.uid = rows->text(0),
                     .name_space = rows->text(1),
                     .name = rows->text(2),
                     .phase = engine::run_phase_from(rows->text(3)).value_or(
                         engine::RunPhase::Error),
                     .finished = time_at(*rows, 4),
                     .ttl = rows->text(5),
                     .cron = rows->is_null(6) ? "" : rows->text(6)});
  }
}

Result<void> put_object(Database& database, api::ObjectKind kind, const api::Object& object,
                        bool replace) {
  std::string_view name = kind_name(kind);
  std::string labels = map_json(object.labels);
  if (replace) {
    auto gone = remove_object(database, kind, object.name_space, object.name);
    if (!gone && gone.error().code != Code::NotFound) return gone;
  }
  auto done = database.run(
      "INSERT INTO objects (kind, namespace, name, labels, created) VALUES (?, ?, ?, ?, ?)",
      {name, object.name_space, object.name, labels, millis(object.created)});
  if (!done && done.error().code == Code::AlreadyExists) {
    return fail(Code::AlreadyExists,
                std::string(kind == api::ObjectKind::Secret ? "secrets" : "configmaps") + " \"" +
                    object.name + "\" already exists");
  }
  if (!done) return done;
  for (const auto& [key, value] : object.data) {
    auto stored = database.run(
        "INSERT INTO object_keys (kind, namespace, name, key, value) VALUES (?, ?, ?, ?, ?)",
        {name, object.name_space, object.name, key, value});
    if (!stored) return stored;
  }
  return {};
}

Result<std::vector<api::Object>> objects(Database& database, api::ObjectKind kind) {
  auto rows = database.prepare(
      "SELECT o.namespace, o.name, o.labels, o.created, k.key, k.value FROM objects o "
      "LEFT JOIN object_keys k USING (kind, namespace, name) WHERE o.kind = ? "
      "ORDER BY o.namespace, o.name, k.key");
  if (!rows) return fail(std::move(rows.error()));
  rows->bind({kind_name(kind)});
  std::vector<api::Object> found;
  while (true) {
    auto more = rows->step();
    if (!more) return fail(std::move(more.error()));
    if (!*more) return found;
    std::string name_space = rows->text(0), name = rows->text(1);
    if (found.empty() || found.back().name_space != name_space || found.back().name != name) {
      found.push_back({.name_space = std::move(name_space),
                       .name = std::move(name),
                       .labels = map_from(rows->text(2)).value_or(Map()),
                       .created = Time(Duration(rows->integer(3)))});
    }
    if (!rows->is_null(4)) found.back().data.emplace(rows->text(4), rows->text(5));
  }
}

Result<void> remove_object(Database& database, api::ObjectKind kind, std::string_view name_space,
                           std::string_view name) {
  auto done = database.run("DELETE FROM objects WHERE kind = ? AND namespace = ? AND name = ?",
                           {kind_name(kind), name_space, name});
  if (!done) return done;
  if (database.changes() == 0) {
    return fail(Code::NotFound,
                std::string(kind == api::ObjectKind::Secret ? "secrets" : "configmaps") + " \"" +
                    std::string(name) + "\" not found");
  }
  return {};
}

}  // namespace gantry::rows
