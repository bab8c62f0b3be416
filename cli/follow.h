#pragma once

#include <string>

#include "cli/session.h"

namespace gantry::cli {

/// `gantry run` after the workflow was accepted: shows its log and its steps until it is over.
///
/// On a terminal the tree of steps is redrawn under the log; else the log comes with one line for
/// every change of a step's phase. Ctrl-C asks the daemon to stop the workflow and goes on; a
/// second one lets go of it (130). Returns the exit status: 0 when it succeeded, 1 otherwise.
int follow(Session& session, const Json& workflow);

}  // namespace gantry::cli
