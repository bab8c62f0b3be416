#pragma once

// A failing play made smaller, as far as it still fails: fewer runs, fewer disturbances, fewer constructs.

#include <functional>
#include <string>
#include <vector>

#include "tests/simulation/play.h"

namespace gantry::testing {

/// `failing` fails; so does what comes back.
Play shrink(const Play& failing);
/// What a human wants to know of it: the manifests, the disturbances, what is wrong, the story.
std::string report(const Play& failing);


// Of use to other simulations of the same workflows.

/// Takes one construct out of a workflow; false: there is nothing to take out.
using Simplification = std::function<bool(model::Workflow&)>;
std::vector<Simplification> simplifications(const model::Workflow& workflow);
/// Takes out the templates that nobody calls.
void sweep(model::Workflow& workflow);
/// A problem without the names and numbers in it.
std::string kind_of(const std::string& problem);

}  // namespace gantry::testing
