#pragma once

namespace gantry::cli {

/// The whole `gantry` command. Returns its exit status: 0, 1, or 128 plus a signal's number.
int run_app(int argc, const char* const* argv);

}  // namespace gantry::cli
