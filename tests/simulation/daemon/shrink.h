#pragma once

// A failing play made smaller, as far as it still fails in the same way: fewer mishaps and runs, a better temper, fewer
// constructs.

#include <string>

#include "tests/simulation/daemon/play.h"

namespace gantry::testing::whole {

/// `failing` fails; so does what comes back.
Play shrink(const Play& failing);
/// What a human wants to know of it: the manifests, the mishaps, what is wrong, every step.
std::string report(const Play& failing);

}  // namespace gantry::testing::whole
