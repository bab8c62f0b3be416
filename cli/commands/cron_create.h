#pragma once

// `gantry cron create`: files as they are, or changed by options first (argo-workflows
// cmd/argo/commands/cron/create.go).

#include <optional>
#include <string>
#include <vector>

#include "cli/commands/resource.h"

namespace gantry::cli {

void add_cron_create(Command& parent, Session& session, const ResourceFamily& family);

/// What the options change of a CronWorkflow.
struct CronChanges {
  std::string schedule, name, generate_name, entrypoint, service_account;
  std::optional<int> priority;
  std::vector<std::pair<std::string, std::string>> parameters;
  [[nodiscard]] bool empty() const;
};

/// The object with the changes. Parameters that are given come first, then those that are left. An
/// object without a spec stays as it is, for the daemon to refuse.
Json changed_cron(Json cron, const CronChanges& changes);

}  // namespace gantry::cli
