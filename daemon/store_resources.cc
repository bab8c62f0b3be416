#include "daemon/store_resources.h"

#include <nlohmann/json.hpp>
#include <utility>

namespace gantry::rows {
namespace {

std::optional<api::ResourceKind> kind_from(std::string_view name) {
  for (auto kind : {api::ResourceKind::WorkflowTemplate, api::ResourceKind::ClusterWorkflowTemplate,
                    api::ResourceKind::CronWorkflow, api::ResourceKind::WorkflowEventBinding}) {
    if (names_of(kind).kind == name) return kind;
  }
  return std::nullopt;
}

std::map<std::string, std::string> labels_of(const std::string& json) {
  std::map<std::string, std::string> labels;
  nlohmann::json object = nlohmann::json::parse(json, nullptr, false);
  if (!object.is_object() || !object.contains("metadata")) return labels;
  const nlohmann::json& metadata = object["metadata"];
  if (!metadata.is_object() || !metadata.contains("labels")) return labels;
  for (const auto& [key, value] : metadata["labels"].items()) {
    if (value.is_string()) labels.emplace(key, value.get<std::string>());
  }
  return labels;
}

Result<void> count(Database& database, std::int64_t version) {
  return database.run(
      "INSERT INTO counters (name, value) VALUES ('resourceVersion', ?) "
      "ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value)",
      {version});
}

Result<bool> exists(Database& database, const Resource& resource) {
  auto row =
      database.prepare("SELECT 1 FROM resources WHERE kind = ? AND namespace = ? AND name = ?");
  if (!row) return fail(std::move(row.error()));
  row->bind({names_of(resource.kind).kind, resource.name_space, resource.name});
  return row->step();
}

Result<void> insert(Database& database, const Resource& resource) {
  auto done = database.run(
      "INSERT INTO resources (kind, namespace, name, uid, created, generation, version, json, "
      "status) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
      {names_of(resource.kind).kind, resource.name_space, resource.name, resource.uid,
       resource.created.time_since_epoch().count(), resource.generation, resource.version,
       *resource.json, resource.status});
  if (!done && done.error().code == Code::AlreadyExists) {
    return fail(resource_exists(resource.kind, resource.name));
  }
  return done;
}

Result<void> update(Database& database, const Resource& resource,
                    std::optional<std::int64_t> expected) {
  auto done = database.run(
      "UPDATE resources SET generation = ?, version = max(version, ?), json = ? "
      "WHERE kind = ? AND namespace = ? AND name = ? AND uid = ? AND coalesce(version = ?, 1)",
      {resource.generation, resource.version, *resource.json, names_of(resource.kind).kind,
       resource.name_space, resource.name, resource.uid,
       expected ? SqlValue(*expected) : SqlValue()});
  if (!done || database.changes() > 0) return done;
  auto there = exists(database, resource);
  if (!there) return fail(std::move(there.error()));
  if (!*there) return fail(resource_not_found(resource.kind, resource.name));
  return fail(Code::Aborted,
              "Operation cannot be fulfilled on " + std::string(names_of(resource.kind).plural) +
                  ".argoproj.io \"" + resource.name +
                  "\": the object has been modified; please apply your changes to the latest "
                  "version and try again");
}

}  // namespace

Result<Store::Resources> resources(Database& database) {
  Store::Resources found;
  auto version = database.query_integer("SELECT coalesce(max(value), 0) FROM counters");
  if (!version) return fail(std::move(version.error()));
  found.version = *version;
  auto rows = database.prepare(
      "SELECT kind, namespace, name, uid, created, generation, version, json, status "
      "FROM resources ORDER BY kind, namespace, name");
  if (!rows) return fail(std::move(rows.error()));
  while (true) {
    auto more = rows->step();
    if (!more) return fail(std::move(more.error()));
    if (!*more) return found;
    auto kind = kind_from(rows->text(0));
    if (!kind) continue;  // a kind of a later gantryd; the schema's version says when that matters
    auto json = std::make_shared<const std::string>(rows->text(7));
    found.resources.push_back({.kind = *kind,
                               .name_space = rows->text(1),
                               .name = rows->text(2),
                               .uid = rows->text(3),
                               .created = Time(Duration(rows->integer(4))),
                               .generation = rows->integer(5),
                               .version = rows->integer(6),
                               .json = json,
                               .status = rows->text(8),
                               .labels = labels_of(*json)});
  }
}

Result<void> put_resource(Database& database, const Resource& resource, bool replace,
                          std::optional<std::int64_t> expected) {
  auto done = replace ? update(database, resource, expected) : insert(database, resource);
  if (!done) return done;
  return count(database, resource.version);
}

Result<void> remove_resource(Database& database, api::ResourceKind kind,
                             std::string_view name_space, std::string_view name,
                             std::int64_t version) {
  auto done = database.run("DELETE FROM resources WHERE kind = ? AND namespace = ? AND name = ?",
                           {names_of(kind).kind, name_space, name});
  if (!done) return done;
  if (database.changes() == 0) return fail(resource_not_found(kind, name));
  return count(database, version);
}

Result<void> write_status(Database& database, const ResourceStatus& status) {
  auto done = database.run(
      "UPDATE resources SET version = max(version, ?), status = ? "
      "WHERE kind = ? AND namespace = ? AND name = ? AND uid = ?",
      {status.version, status.status, names_of(status.kind).kind, status.name_space, status.name,
       status.uid});
  if (!done) return done;
  return count(database, status.version);
}

}  // namespace gantry::rows
