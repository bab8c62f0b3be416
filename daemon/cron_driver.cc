#include "daemon/cron_driver.h"

#include <memory>
#include <optional>
#include <variant>

#include "daemon/submission.h"
#include "workflow/document.h"

namespace gantry {
namespace {

using cron::Key;

/// Worker thread. An object that cannot be read (a newer gantryd's, say) has no definition.
std::optional<cron::Definition> definition_of(const Resource& resource) {
  workflow::Diagnostics diagnostics;
  auto document = workflow::Document::parse_json(*resource.json, {}, diagnostics);
  if (diagnostics.has_errors() || document.roots().empty()) return std::nullopt;
  const workflow::Node& root = *document.roots()[0];
  cron::Definition out{.key = {resource.name_space, resource.name}, .labels = resource.labels};
  out.spec = workflow::read_cron_spec(root, diagnostics);
  if (diagnostics.has_errors()) return std::nullopt;
  const workflow::Node* metadata = root.find("metadata");
  const workflow::Node* annotations =
      metadata != nullptr && metadata->is_map() ? metadata->find("annotations") : nullptr;
  if (annotations != nullptr && annotations->is_map()) {
    for (const auto& entry : annotations->entries) {
      out.annotations.emplace(entry.key, entry.value->text);
    }
  }
  return out;
}

cron::Child::State state_of(engine::RunPhase phase) {
  if (!engine::is_ended(phase)) return cron::Child::State::Active;
  return phase == engine::RunPhase::Succeeded ? cron::Child::State::Succeeded
                                              : cron::Child::State::Failed;
}

/// The CronWorkflow that a run belongs to, or nothing.
std::optional<Key> cron_of(const engine::RunInfo& info) {
  auto label = info.labels.find(std::string(kCronLabel));
  if (label == info.labels.end()) return std::nullopt;
  return Key(info.name_space, label->second);
}

}  // namespace

CronDriver::CronDriver(Daemon& daemon, Actions actions)
    : daemon_(daemon),
      actions_(std::move(actions)),
      alarm_(
          daemon.executor(), [&daemon] { return daemon.now(); },
          [this] {
            if (!daemon_.stopping()) carry_out(clock_.tick(daemon_.now()));
          }) {
  daemon_.add_observer(*this);
}

void CronDriver::define(std::vector<Resource> resources, std::function<void(Defined)> done) {
  auto defined = std::make_shared<Defined>();
  daemon_.executor().offload(
      [defined, resources = std::move(resources)] {
        for (const Resource& resource : resources) {
          if (auto definition = definition_of(resource)) {
            defined->push_back(std::move(*definition));
          }
        }
      },
      [defined, done = std::move(done)] { done(std::move(*defined)); });
}

void CronDriver::restore(std::vector<RunSummary> runs) {
  std::vector<Resource> resources;
  for (const Resource* one : daemon_.resources().list(api::ResourceKind::CronWorkflow, "")) {
    resources.push_back(*one);
  }
  define(std::move(resources), [this, runs = std::move(runs)](Defined definitions) {
    restored(runs, std::move(definitions));
  });
}

void CronDriver::restored(const std::vector<RunSummary>& runs, Defined definitions) {
  const Time now = daemon_.now();
  for (cron::Definition& definition : definitions) {
    const Resource* resource = daemon_.resources().find(
        api::ResourceKind::CronWorkflow, definition.key.first, definition.key.second);
    if (resource == nullptr) continue;
    cron::Status stored = cron::read_status(resource->status);
    carry_out(clock_.put(std::move(definition), stored, now));
  }
  for (const RunSummary& run : runs) {
    if (run.cron.empty()) continue;
    carry_out(clock_.child({run.name_space, run.cron},
                           {.uid = run.uid,
                            .name = run.name,
                            .state = state_of(run.phase),
                            .finished = run.finished.value_or(Time{})},
                           now));
  }
  restored_ = true;
  carry_out(clock_.restored(now));
}

void CronDriver::put(const Resource& resource) {
  define({resource}, [this, json = resource.json](Defined definitions) {
    for (cron::Definition& definition : definitions) {
      const Resource* newest = daemon_.resources().find(
          api::ResourceKind::CronWorkflow, definition.key.first, definition.key.second);
      // Workers may finish in another order than they began in; only the newest counts.
      if (newest == nullptr || newest->json != json) continue;
      cron::Status stored = cron::read_status(newest->status);
      carry_out(clock_.put(std::move(definition), stored, daemon_.now()));
    }
  });
}

void CronDriver::remove(const std::string& name_space, const std::string& name) {
  carry_out(clock_.remove({name_space, name}));
}

void CronDriver::run_deleted(const engine::RunInfo& info) {
  std::erase_if(news_, [&](const auto& news) { return news.second.uid == info.uid; });
  auto cron = cron_of(info);
  if (cron && restored_) carry_out(clock_.child_gone(*cron, info.uid, daemon_.now()));
}

void CronDriver::run_changed(const std::string& uid) {
  const engine::Run* run = daemon_.engine().find_uid(uid);
  if (run == nullptr) return;
  auto cron = cron_of(run->info);
  if (!cron) return;
  // Progress of a run's steps is nothing to the clock.
  cron::Child child{.uid = uid,
                    .name = run->info.name,
                    .state = state_of(run->status.phase),
                    .finished = run->status.finished.value_or(Time{})};
  std::erase_if(news_, [&](const auto& news) { return news.second.uid == uid; });
  news_.emplace_back(std::move(*cron), std::move(child));
}

void CronDriver::turn_ended() {
  if (news_.empty() || !restored_) return;
  // Not here: what is decided belongs into a turn of its own.
  daemon_.executor().post([this] { told(); });
}

void CronDriver::told() {
  for (auto& [cron, child] : std::exchange(news_, {})) {
    carry_out(clock_.child(cron, std::move(child), daemon_.now()));
  }
}

void CronDriver::carry_out(cron::Effects effects) {
  for (cron::Effect& effect : effects) {
    if (const auto* run = std::get_if<cron::CreateRun>(&effect)) {
      create(*run);
    } else if (const auto* terminate = std::get_if<cron::TerminateRun>(&effect)) {
      actions_.terminate(terminate->uid);
    } else if (const auto* remove = std::get_if<cron::DeleteRun>(&effect)) {
      actions_.remove(remove->uid);
    } else {
      write(std::get<cron::WriteStatus>(effect));
    }
  }
  if (restored_) alarm_.set(clock_.next());
}

void CronDriver::create(const cron::CreateRun& run) {
  const Resource* resource =
      daemon_.resources().find(api::ResourceKind::CronWorkflow, run.cron.first, run.cron.second);
  if (resource == nullptr) return;  // deleted; the clock is told, too
  auto failed = [this, run](const Error& error) {
    carry_out(clock_.refused(run.cron, run.scheduled, error, daemon_.now()));
  };
  auto document = cron_document(*resource, run.name, run.scheduled);
  if (!document) return failed(document.error());
  auto accepted_uid = std::make_shared<std::string>();
  actions_.create(
      run.cron.first, std::move(*document),
      [this, run, accepted_uid](const engine::RunInfo& info) {
        *accepted_uid = info.uid;
        carry_out(clock_.created(run.cron, run.scheduled, info.uid, info.name, daemon_.now()));
      },
      [this, run, accepted_uid, failed](const Error& error) {
        if (accepted_uid->empty()) return failed(error);
        // The store refused it after all: its time is over.
        carry_out(clock_.child_gone(run.cron, *accepted_uid, daemon_.now()));
      });
}

void CronDriver::write(const cron::WriteStatus& change) {
  Resource* resource = daemon_.resources().find(api::ResourceKind::CronWorkflow, change.cron.first,
                                                change.cron.second);
  if (resource == nullptr) return;
  resource->status = cron::to_text(change.status);
  resource->version = daemon_.resources().next_version();
  daemon_.effects().write_status({.kind = resource->kind,
                                  .name_space = resource->name_space,
                                  .name = resource->name,
                                  .uid = resource->uid,
                                  .version = resource->version,
                                  .status = resource->status});
}

}  // namespace gantry
