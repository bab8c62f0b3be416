// The daemon itself: its state, draining, checks and copies of its store, what happened to a workflow.

#include <sys/stat.h>

#include <memory>
#include <utility>

#include "base/ids.h"
#include "daemon/audit_log.h"
#include "daemon/backend.h"

namespace gantry {

using api::Json;

Json DaemonBackend::status() {
  const Daemon::Load load = daemon_.load();
  const Admission& admission = daemon_.admission();
  const auto all_troubles = troubles();
  Json status{{"accepting", admission.check().has_value() && !daemon_.stopping()},
              {"draining", admission.draining()},
              {"drained", admission.draining() && load.runs == 0 && !daemon_.busy()},
              {"degraded", !all_troubles.empty()},
              {"troubles", all_troubles},
              {"workflows", load.runs},
              {"steps", load.steps},
              {"containerd", daemon_.connected()}};
  if (auto refused = admission.check(); !refused) status["reason"] = refused.error().message;
  return status;
}

/// What keeps workflows from being taken, and what only hinders those that were.
std::vector<std::string> DaemonBackend::troubles() const {
  std::vector<std::string> troubles = daemon_.admission().troubles();
  if (!daemon_.connected()) troubles.emplace_back("there is no connection to containerd; running steps go on");
  return troubles;
}

std::string DaemonBackend::health() {
  std::string text;
  for (const std::string& trouble : troubles()) text += (text.empty() ? "" : "; ") + trouble;
  return text;
}

void DaemonBackend::drain(api::DrainMode mode, const api::Caller& caller, api::Reply<Json> reply) {
  daemon_.admission().drain(user_of(caller));
  daemon_.log("draining, as " + user_of(caller) + " asked for: no new workflows are taken");
  if (mode != api::DrainMode::Finish) {
    const auto shutdown = mode == api::DrainMode::Stop ? engine::Shutdown::Stop : engine::Shutdown::Terminate;
    std::vector<std::string> uids;
    daemon_.engine().for_each([&](const engine::Run& run) {
      if (!engine::is_ended(run.status.phase)) uids.push_back(run.info.uid);
    });
    for (const std::string& uid : uids) {
      auto output = daemon_.engine().shut_down(uid, shutdown, daemon_.now());
      if (!output) continue;  // it is being stopped already
      daemon_.record(uid, mode == api::DrainMode::Stop ? "Stopped" : "Terminated",
                     "by " + user_of(caller) + ", who drains gantryd");
      daemon_.effects().apply(std::move(*output));
    }
  }
  reply(status());
}

void DaemonBackend::resume(const api::Caller& caller, api::Reply<Json> reply) {
  if (daemon_.admission().draining()) daemon_.log("taking workflows again, as " + user_of(caller) + " asked for");
  daemon_.admission().resume();
  reply(status());
}

void DaemonBackend::check_store(api::StreamPtr stream) {
  daemon_.store().check([stream = std::move(stream)](const Result<StoreReport>& report) {
    if (!report) return stream->fail(report.error());
    stream->send({{"ok", report->problems.empty()},
                  {"problems", report->problems},
                  {"more", report->more},
                  {"workflows", report->runs},
                  {"nodes", report->nodes},
                  {"bytes", report->bytes}});
    stream->end();
  });
}

void DaemonBackend::backup(api::Reply<std::shared_ptr<api::ArtifactFile>> reply) {
  const std::string path = settings_.spool_directory + "/backup-" + random_uuid();
  daemon_.effects().after_news([this, path, reply = std::move(reply)] {
    daemon_.store().backup(path, [this, path, reply](Result<UniqueFd> copy) {
      if (!copy) return reply(fail(std::move(copy.error())));
      // Whoever reads it has it open; nothing is left when the client goes away.
      daemon_.executor().offload([path] { ::unlink(path.c_str()); }, [] {});
      auto file = std::make_shared<api::ArtifactFile>();
      file->content = std::move(*copy);
      file->name = "gantry.db";
      reply(std::move(file));
    });
  });
}

void DaemonBackend::audit_log(std::size_t lines, api::Reply<std::vector<Json>> reply) {
  if (settings_.audit == nullptr) {
    return reply(fail(Code::FailedPrecondition, "there is no audit log: audit.file is \"\" in the configuration"));
  }
  settings_.audit->read(lines, std::move(reply));
}

void DaemonBackend::events(const std::string& name_space, const std::string& name,
                           api::Reply<std::vector<Json>> reply) {
  find(name_space, name, [this, reply = std::move(reply)](Result<Found> found) {
    if (!found) return reply(fail(std::move(found.error())));
    const std::string uid = run_info_of(*found).uid;
    daemon_.effects().after_news([this, uid, reply] {
      daemon_.store().load_events(uid, [reply](const Result<std::vector<RunEvent>>& events) {
        if (!events) return reply(fail(events.error()));
        std::vector<Json> items;
        for (const RunEvent& event : *events) {
          Json item{{"time", rfc3339_millis(event.at)}, {"reason", event.reason}, {"message", event.message}};
          if (!event.node_id.empty()) item["nodeId"] = event.node_id;
          if (!event.node_name.empty()) item["node"] = event.node_name;
          items.push_back(std::move(item));
        }
        reply(std::move(items));
      });
    });
  });
}

}  // namespace gantry
