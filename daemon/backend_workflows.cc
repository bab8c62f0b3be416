// Workflows that there are: found, listed, deleted, stopped, watched, and their logs.

#include <filesystem>
#include <memory>
#include <system_error>
#include <utility>

#include "daemon/backend.h"
#include "daemon/labels.h"
#include "daemon/workflow_json.h"

namespace gantry {

using api::Json;

constexpr std::string_view kLatest = "@latest";

Error workflow_not_found(const std::string& name) {
  return {Code::NotFound, "workflows.argoproj.io \"" + name + "\" not found"};
}

const engine::RunInfo& DaemonBackend::run_info_of(const Found& found) {
  if (const auto* live = std::get_if<const engine::Run*>(&found)) return (*live)->info;
  return std::get<StoredRun>(found).info;
}

static api::Document document_of(const std::variant<const engine::Run*, StoredRun>& found, api::NodePage nodes) {
  if (const auto* live = std::get_if<const engine::Run*>(&found)) return workflow_document(**live, nodes);
  return workflow_document(std::get<StoredRun>(found), nodes);
}

static Json json_of(const std::variant<const engine::Run*, StoredRun>& found) {
  if (const auto* live = std::get_if<const engine::Run*>(&found)) return workflow_json(**live);
  return workflow_json(std::get<StoredRun>(found));
}

DaemonBackend::DaemonBackend(Daemon& daemon, containerd::Images* images, LogStreams::Watch watch,
                             Settings settings)
    : daemon_(daemon),
      images_(images),
      settings_(std::move(settings)),
      watchers_(daemon),
      logs_(daemon, std::move(watch)),
      cron_(daemon, {.create =
                         [this](const std::string& name_space, std::string document,
                                Accepted accepted, const std::function<void(Error)>& failed) {
                           create({.name_space = name_space, .document = std::move(document)},
                                  std::move(accepted), [failed](Result<std::vector<Json>> created) {
                                    if (!created) failed(std::move(created.error()));
                                  });
                         },
                     .terminate = [this](const std::string& uid) { terminate(uid); },
                     .remove = [this](const std::string& uid) { erase_by_clock(uid, false); }}),
      expiry_(daemon, settings_.ttl,
              [this](const std::string& uid) { erase_by_clock(uid, true); }),
      history_(settings_.history, daemon.store(), daemon.executor(), [&daemon] { return daemon.now(); },
               [this](const std::string& uid, const std::function<void()>& done) { erase_by_clock(uid, true, done); }) {
  daemon_.add_observer(watchers_);
  daemon_.add_observer(logs_);
}

void DaemonBackend::start() {
  // Behind what recovery wrote.
  daemon_.effects().after_commit([this] {
    const bool all = !settings_.ttl.empty();  // then every run that is over may have its time
    daemon_.store().load_summaries(all, [this](Result<std::vector<RunSummary>> runs) {
      if (!runs) return daemon_.log("no CronWorkflow runs: " + runs.error().message);
      expiry_.restore(*runs);
      cron_.restore(std::move(*runs));
      history_.start();
    });
  });
}

void DaemonBackend::find(const std::string& name_space, const std::string& name,
                         std::function<void(Result<Found>)> reply) {
  if (name == kLatest) {
    daemon_.effects().after_news([this, name_space, reply = std::move(reply)] {
      api::ListQuery newest{.name_space = name_space, .limit = 1};
      daemon_.store().list(newest, [this, name_space, reply](Result<Store::Page> page) {
        if (!page) return reply(fail(std::move(page.error())));
        if (page->runs.empty()) return reply(fail(workflow_not_found(std::string(kLatest))));
        const engine::RunInfo& info = page->runs.front().info;
        find(info.name_space, info.name, reply);
      });
    });
    return;
  }
  if (const engine::Run* live = daemon_.engine().find(name_space, name)) return reply(live);
  daemon_.store().load(
      name_space, name,
      [this, name_space, name, reply = std::move(reply)](Result<std::vector<StoredRun>> runs) {
        if (!runs) return reply(fail(std::move(runs.error())));
        // It may have been created while the store was asked.
        if (const engine::Run* live = daemon_.engine().find(name_space, name)) return reply(live);
        if (runs->empty()) return reply(fail(workflow_not_found(name)));
        reply(std::move(runs->front()));
      });
}

void DaemonBackend::get(const std::string& name_space, const std::string& name, api::NodePage nodes,
                        api::Reply<api::Document> reply) {
  find(name_space, name, [nodes, reply = std::move(reply)](Result<Found> found) {
    if (!found) return reply(fail(std::move(found.error())));
    reply(document_of(*found, nodes));
  });
}

void DaemonBackend::list(api::ListQuery query, api::Reply<api::ListPage> reply) {
  // The store has every run; it is asked behind what is being stored, so that it has the newest
  // states as well.
  daemon_.effects().after_news([this, query = std::move(query), reply = std::move(reply)] {
    daemon_.store().list(query, [this, query, reply](Result<Store::Page> page) {
      if (!page) return reply(fail(std::move(page.error())));
      api::ListPage answer{.continue_token = std::move(page->continue_token),
                           .remaining = page->remaining};
      for (const StoredRun& stored : page->runs) {
        const engine::Run* live = daemon_.engine().find_uid(stored.info.uid);
        bool current =
            live != nullptr && matches(query.labels, all_labels(live->info, live->status));
        answer.items.push_back(current ? workflow_json(*live, query.with_nodes)
                                       : workflow_json(stored, query.with_nodes));
      }
      reply(std::move(answer));
    });
  });
}

void DaemonBackend::remove_logs(const std::string& uid) {
  std::string directory = daemon_.settings().log_root + "/" + uid;
  daemon_.executor().offload(
      [directory] {
        std::error_code ignored;  // what is left is cleared away at the next start
        std::filesystem::remove_all(directory, ignored);
      },
      [] {});
}

void DaemonBackend::remove(const std::string& name_space, const std::string& name,
                           api::Reply<Json> reply) {
  find(name_space, name, [this, reply = std::move(reply)](Result<Found> found) {
    if (!found) return reply(fail(std::move(found.error())));
    erase(*found, [reply](const Result<void>& erased) {
      if (!erased) return reply(fail(erased.error()));
      reply(Json::object());
    });
  });
}

void DaemonBackend::erase(const Found& found, std::function<void(Result<void>)> done) {
  const bool live = std::holds_alternative<const engine::Run*>(found);
  const engine::RunInfo info = run_info_of(found);
  const std::string uid = info.uid;
  const Json object = watchers_.know(uid) ? json_of(found) : Json();
  const auto artifacts = artifacts_of_deleted(found);
  const auto repository = repository_of(found);
  retrying_.erase(uid);
  daemon_.effects().erase(uid,
                          [this, uid, live, name_space = info.name_space, artifacts, repository,
                           done = std::move(done)](const Result<void>& erased) {
                            if (erased && daemon_.artifacts() != nullptr && !artifacts.empty()) {
                              daemon_.artifacts()->erase(artifacts, name_space, repository,
                                                         [this](const std::string& text) { daemon_.log(text); });
                            }
                            if (erased) {
                              if (!live) daemon_.runtime().remove_claims(uid);
                              remove_logs(uid);
                            }
                            done(erased);
                          });
  logs_.run_deleted(uid);
  watchers_.run_deleted(uid, object);
  expiry_.run_deleted(uid);
  cron_.run_deleted(info);
}

void DaemonBackend::erase_by_clock(const std::string& uid, bool only_if_over,
                                   const std::function<void()>& done) {
  auto erase_it = [this, only_if_over, done](const Found& found) {
    const auto* live = std::get_if<const engine::Run*>(&found);
    const engine::RunStatus& status =
        live != nullptr ? (*live)->status : std::get<StoredRun>(found).status;
    if (only_if_over && !engine::is_ended(status.phase)) return done();
    const engine::RunInfo& info = run_info_of(found);
    erase(found, [this, done, name = info.name_space + "/" + info.name](const Result<void>& erased) {
      daemon_.log(erased ? "deleted workflow " + name
                         : "cannot delete workflow " + name + ": " + erased.error().message);
      done();
    });
  };
  if (const engine::Run* live = daemon_.engine().find_uid(uid)) return erase_it(live);
  daemon_.store().load(uid, [this, uid, erase_it, done](Result<std::vector<StoredRun>> runs) {
    if (const engine::Run* live = daemon_.engine().find_uid(uid)) return erase_it(live);
    if (!runs || runs->empty()) return done();
    erase_it(std::move(runs->front()));
  });
}

void DaemonBackend::watch(api::WatchQuery query, api::StreamPtr stream) {
  if (query.name != kLatest) return watchers_.add(std::move(query), std::move(stream));
  find(query.name_space, query.name, [this, query, stream](Result<Found> found) mutable {
    if (!found) return stream->fail(found.error());
    query.name_space = run_info_of(*found).name_space;
    query.name = run_info_of(*found).name;
    watchers_.add(std::move(query), stream);
  });
}

void DaemonBackend::logs(api::LogQuery query, api::StreamPtr stream) {
  find(query.name_space, query.name, [this, query, stream](Result<Found> found) {
    if (!found) return stream->fail(found.error());
    if (const auto* live = std::get_if<const engine::Run*>(&*found)) {
      logs_.add(query, **live, stream);
    } else {
      logs_.add(query, std::get<StoredRun>(*found), stream);
    }
  });
}

}  // namespace gantry
