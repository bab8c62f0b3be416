// Workflows that are run again: `retry` lets one that is over go on, `resubmit` makes a new one of
// it.

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

#include "base/json_text.h"
#include "daemon/backend.h"
#include "daemon/engine/carry_over.h"
#include "daemon/engine/retry_run.h"
#include "daemon/node_selector.h"
#include "daemon/stored_plan.h"
#include "daemon/workflow_json.h"

namespace gantry {

using api::Command;
using api::Json;

// ---- retry ----

/// A retry on its way: the store is asked for the run, a worker compiles it, the engine takes it
/// up.
struct DaemonBackend::Retry {
  std::string uid;
  Command command;
  NodeSelector selector;
  api::Reply<api::Document> reply;
  StoredRun run;
  Result<workflow::Compiled> compiled = fail(Code::Internal, "not compiled");

  [[nodiscard]] engine::RetryRequest request() const {
    engine::RetryRequest request{.restart_successful = command.restart_successful,
                                 .selected = nullptr,
                                 .new_parameters = !command.parameters.empty()};
    if (!selector.empty()) {
      request.selected = [this](const engine::Node& node) { return selector.matches(node); };
    }
    return request;
  }
};

void DaemonBackend::retry(const Found& found, Command command, api::Reply<api::Document> reply) {
  if (auto admitted = daemon_.admission().check(); !admitted) return reply(fail(std::move(admitted.error())));
  const auto* live = std::get_if<const engine::Run*>(&found);
  const engine::RunInfo& info = live != nullptr ? (*live)->info : std::get<StoredRun>(found).info;
  const engine::RunStatus& status =
      live != nullptr ? (*live)->status : std::get<StoredRun>(found).status;
  auto selector = NodeSelector::parse(command.node_selector);
  if (!selector) return reply(fail(std::move(selector.error())));
  auto retry = std::make_shared<Retry>();
  retry->uid = info.uid;
  retry->command = std::move(command);
  retry->selector = std::move(*selector);
  if (auto possible = engine::check_retry(status.phase, retry->request()); !possible) {
    return reply(fail(std::move(possible.error())));
  }
  if (!retrying_.insert(retry->uid).second) {
    return reply(fail(Code::Aborted, "workflow \"" + info.name + "\" is being retried already"));
  }
  retry->reply = std::move(reply);
  // The store has all of a run that is over, with the templates that it was compiled with.
  daemon_.effects().after_commit([this, retry] {
    daemon_.store().load(retry->uid, [this, retry](Result<std::vector<StoredRun>> runs) {
      if (!runs) return end_retry(*retry, fail(std::move(runs.error())));
      if (runs->empty()) return end_retry(*retry, fail(Code::NotFound, "workflow not found"));
      retry->run = std::move(runs->front());
      if (!retry->run.damage.empty()) {
        return end_retry(*retry, fail(Code::DataLoss, retry->run.damage));
      }
      auto compile = [retry, limits = daemon_.settings().limits] {
        retry->compiled =
            compile_stored(retry->run.info, retry->run.origin, limits, retry->command.parameters);
      };
      daemon_.executor().offload(compile, [this, retry] { go_on(*retry); });
    });
  });
}

void DaemonBackend::end_retry(Retry& retry, Result<api::Document> answer) {
  retrying_.erase(retry.uid);
  retry.reply(std::move(answer));
}

void DaemonBackend::go_on(Retry& retry) {
  StoredRun& run = retry.run;
  // It may have been deleted meanwhile.
  if (!retrying_.contains(retry.uid)) return retry.reply(fail(workflow_not_found(run.info.name)));
  if (daemon_.stopping()) return end_retry(retry, fail(Code::Unavailable, "gantryd is stopping"));
  if (!retry.compiled) return end_retry(retry, fail(std::move(retry.compiled.error())));
  auto left = engine::retry_run(run.info, *retry.compiled->plan, run.status, std::move(run.nodes),
                                retry.request(), daemon_.now());
  if (!left) return end_retry(retry, fail(std::move(left.error())));
  std::vector<std::string> logs;
  for (const engine::Node& node : left->deleted) {
    if (!node.has_pod) continue;
    logs.push_back(daemon_.settings().log_root + "/" + retry.uid + "/" +
                   engine::log_directory(engine::pod_name(run.info.name, node), node));
  }
  run.info.spec_json = std::move(retry.compiled->spec_json);
  daemon_.record(retry.uid, "Retried", said_by(retry.command));
  daemon_.effects().apply(daemon_.engine().retry(
      std::move(run.info), std::move(retry.compiled->plan), std::move(*left), daemon_.now()));
  const engine::Run* again = daemon_.engine().find_uid(retry.uid);
  api::Document document = again == nullptr ? Json::object() : workflow_document(*again);
  retrying_.erase(retry.uid);
  daemon_.effects().after_commit(
      [this, logs = std::move(logs), reply = retry.reply, document = std::move(document)]() mutable {
        remove_directories(std::move(logs));
        reply(std::move(document));
      });
}

void DaemonBackend::remove_directories(std::vector<std::string> directories) {
  auto remove = [directories = std::move(directories)] {
    for (const std::string& directory : directories) {
      std::error_code ignored;  // what is left goes with the run
      std::filesystem::remove_all(directory, ignored);
    }
  };
  daemon_.executor().offload(remove, [] {});
}

// ---- resubmit ----

/// The spec without what stopped the old run.
static std::string without_shutdown(const std::string& spec_json) {
  if (spec_json.find("\"shutdown\"") == std::string::npos) return spec_json;
  auto spec = nlohmann::ordered_json::parse(spec_json, nullptr, false);
  if (!spec.is_object()) return spec_json;
  spec.erase("shutdown");
  return spec.dump();
}

/// A new workflow with the spec of an old one (argo-workflows workflow/util
/// FormulateResubmitWorkflow).
void DaemonBackend::resubmit(const Found& found, Command command, api::Reply<api::Document> reply) {
  const auto* live = std::get_if<const engine::Run*>(&found);
  const engine::RunInfo& old = live != nullptr ? (*live)->info : std::get<StoredRun>(found).info;
  const engine::RunStatus& status =
      live != nullptr ? (*live)->status : std::get<StoredRun>(found).status;
  std::shared_ptr<Previous> previous;
  if (command.memoized) {
    if (auto possible = engine::check_memoized(status.phase); !possible) {
      return reply(fail(std::move(possible.error())));
    }
    previous = std::make_shared<Previous>();
    previous->name = old.name;
    if (live != nullptr) {
      previous->nodes.assign((*live)->nodes.begin(), (*live)->nodes.end());
    } else {
      previous->nodes = std::get<StoredRun>(found).nodes;
    }
  }
  // Not those that the daemon sets, and not what told the old one apart.
  auto labels = old.labels;
  labels["workflows.argoproj.io/resubmitted-from-workflow"] = old.name;
  labels["workflows.argoproj.io/previous-workflow-name"] = old.name;
  auto annotations = old.annotations;
  Json metadata{{"labels", labels}, {"annotations", annotations}};
  metadata["generateName"] = old.generate_name.empty() ? old.name + "-" : old.generate_name;
  Json document{{"apiVersion", "argoproj.io/v1alpha1"},
                {"kind", "Workflow"},
                {"metadata", std::move(metadata)}};
  std::string text = json_text(document);
  text.pop_back();
  api::CreateRequest request{
      .name_space = old.name_space,
      .document = text + ",\"spec\":" + without_shutdown(old.spec_json) + "}",
      .parameters = std::move(command.parameters),
      .caller = command.caller};
  create(
      std::move(request), nullptr,
      [reply = std::move(reply)](Result<std::vector<Json>> created) {
        if (!created) return reply(fail(std::move(created.error())));
        reply(created->empty() ? Json::object() : std::move(created->front()));
      },
      std::move(previous));
}

}  // namespace gantry
