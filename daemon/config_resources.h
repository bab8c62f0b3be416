#pragma once

// `capacity.resources` of the configuration: what the host offers by the piece.

#include <vector>

#include "base/error.h"
#include "daemon/engine/host.h"
#include "workflow/document.h"

namespace gantry {

/// What the map says: names of extended resources, each with a whole number or with a list of units. What is wrong becomes an
/// error at its place.
std::vector<engine::NamedResource> read_resources(const workflow::Node& node, workflow::Diagnostics& diagnostics);

/// A device as Docker's --device has it: `path`, `path:inside` or `path:inside:rwm`. InvalidArgument with what is wrong.
Result<runtime::Device> parse_device(std::string_view text);

}  // namespace gantry
