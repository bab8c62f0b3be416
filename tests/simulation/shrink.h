#pragma once

// A failing play made smaller, as far as it still fails: fewer runs, fewer disturbances, fewer constructs.

#include <string>

#include "tests/simulation/play.h"

namespace gantry::testing {

/// `failing` fails; so does what comes back.
Play shrink(const Play& failing);
/// What a human wants to know of it: the manifests, the disturbances, what is wrong, the story.
std::string report(const Play& failing);

}  // namespace gantry::testing
