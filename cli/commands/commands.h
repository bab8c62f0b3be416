#pragma once

// One function a command family: adds its subcommands.

#include <string>
#include <vector>

#include "cli/command_line.h"
#include "cli/session.h"

namespace gantry::cli {

void add_run(Command& root, Session& session);
void add_submit(Command& root, Session& session);
void add_lint(Command& root, Session& session);
void add_simulate(Command& root, Session& session);
void add_list(Command& root, Session& session);
void add_get(Command& root, Session& session);
void add_watch(Command& root, Session& session);
void add_logs(Command& root, Session& session);
void add_wait(Command& root, Session& session);
void add_stop(Command& root, Session& session);
void add_terminate(Command& root, Session& session);
void add_suspend(Command& root, Session& session);
void add_resume(Command& root, Session& session);
void add_node(Command& root, Session& session);
void add_retry(Command& root, Session& session);
void add_resubmit(Command& root, Session& session);
void add_cp(Command& root, Session& session);
void add_delete(Command& root, Session& session);
void add_template(Command& root, Session& session);
void add_cluster_template(Command& root, Session& session);
void add_cron(Command& root, Session& session);
void add_image(Command& root, Session& session);
void add_secret(Command& root, Session& session);
void add_configmap(Command& root, Session& session);
void add_sync(Command& root, Session& session);
void add_admin(Command& root, Session& session);
void add_version(Command& root, Session& session);

// What several commands share.

/// Redraws the view of a workflow until it is over. 0, whatever the outcome, as `argo watch`.
int watch_workflow(Session& session, const std::string& name);
/// Waits for all of them; prints `NAME PHASE at TIME` for each unless `quiet`. 1 when one did not
/// succeed.
int wait_workflows(Session& session, const std::vector<std::string>& names, bool ignore_not_found,
                   bool quiet);
/// Prints the log as `pod: line` until it ends.
int follow_logs(Session& session, const std::string& name);

}  // namespace gantry::cli
