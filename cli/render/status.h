#pragma once

// How a phase looks, and facts about a workflow or node that every view needs. Pure.

#include <string>
#include <string_view>

#include "cli/json.h"
#include "cli/render/terminal.h"

namespace gantry::cli {

/// The icon of a node's phase: `◷ ● ✔ ○ ✖ ⚠`, or its name without UTF-8. "" for Omitted.
std::string phase_icon(std::string_view phase, const Terminal& terminal);
/// The same for a node: a Suspend node that waits shows `ǁ`.
std::string node_icon(const Json& node, const Terminal& terminal);
Color phase_color(std::string_view phase);

/// Succeeded, Failed, Error, Skipped, Omitted.
bool fulfilled(std::string_view phase);
/// Failed, Error.
bool failed(std::string_view phase);
/// True once the workflow has a terminal phase and a finish time.
bool finished(const Json& workflow);

/// `Running (Suspended)`, `Failed (Terminated)`, `Pending` …: the STATUS column of `argo list`.
std::string workflow_status(const Json& workflow);

/// `template`, or `ref/template`.
std::string node_template(const Json& node);
/// The name of a node's pod (argo-workflows workflow/util/pod_name.go, version 2).
std::string pod_name(std::string_view workflow_name, const Json& node);

}  // namespace gantry::cli
