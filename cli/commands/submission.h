#pragma once

// Sending workflow files: what run, submit and lint share.

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/command_line.h"
#include "cli/files.h"
#include "cli/session.h"

namespace gantry::cli {

struct SubmitOptions {
  std::vector<std::string> parameters;  ///< k=v
  std::string parameter_file, name, generate_name, entrypoint, labels, service_account;
  std::optional<int> priority;
  bool dry_run = false, strict = false;
};

/// `-p -f --name --generate-name --entrypoint --serviceaccount -l --priority`
void add_submit_options(Command& command, SubmitOptions& options);

/// `NAME=VALUE`, as `-p` takes it.
Result<std::pair<std::string, std::string>> parse_assignment(const std::string& text);

/// The query of a create request. Errors: a parameter without `=`, a parameter file that cannot be
/// read.
Result<std::vector<std::pair<std::string, std::string>>> submit_query(const SubmitOptions& options);

/// Sends one file as it is; the workflows in it, as the daemon created them.
Result<std::vector<Json>> submit_document(
    Session& session, const Document& document,
    const std::vector<std::pair<std::string, std::string>>& query);

/// Prints an error about `document`, on a terminal with the lines of the file that it speaks of; 1.
int report_document(Session& session, const Document& document, const Error& error);

/// What happens after a workflow was created or begun again.
struct AfterOptions {
  bool wait = false, watch = false, log = false;
  std::string output;  ///< -o
};

/// `-w --watch --log -o`
void add_after_options(Command& command, AfterOptions& options);

/// Prints the workflow as `-o` says.
void print_workflow(const Session& session, const Json& workflow, const std::string& output);

/// Follows the logs, watches or waits; the exit status.
int wait_watch_or_log(Session& session, const std::vector<std::string>& names,
                      const AfterOptions& options);

/// `submit --from KIND/NAME`: the workflow as the daemon created it. Errors: what is not of that
/// form, a kind that cannot be submitted.
Result<Json> submit_from(Session& session, const std::string& from, const SubmitOptions& options);

}  // namespace gantry::cli
