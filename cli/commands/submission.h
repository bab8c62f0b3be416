#pragma once

// Sending workflow files: what run, submit and lint share.

#include <optional>
#include <string>
#include <vector>

#include "cli/command_line.h"
#include "cli/files.h"
#include "cli/session.h"

namespace gantry::cli {

struct SubmitOptions {
  std::vector<std::string> parameters;  ///< k=v
  std::string parameter_file, name, generate_name, entrypoint, labels;
  std::optional<int> priority;
  bool dry_run = false, strict = false;
};

/// `-p -f --name --generate-name --entrypoint -l --priority`
void add_submit_options(Command& command, SubmitOptions& options);

/// The query of a create request. Errors: a parameter without `=`, a parameter file that cannot be
/// read.
Result<std::vector<std::pair<std::string, std::string>>> submit_query(const SubmitOptions& options);

/// Sends one file as it is; the workflows in it, as the daemon created them.
Result<std::vector<Json>> submit_document(
    Session& session, const Document& document,
    const std::vector<std::pair<std::string, std::string>>& query);

/// Prints an error about `document`, on a terminal with the lines of the file that it speaks of; 1.
int report_document(Session& session, const Document& document, const Error& error);

}  // namespace gantry::cli
