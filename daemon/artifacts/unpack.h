#pragma once

// Unpacking what somebody else has packed, by the rules of Argo's executor
// (workflow/executor/executor.go: unarchiveArtifact, untar, unzip, unpack) and refusing what could
// do harm.
//
// * Nothing leaves the destination: absolute names, "..", links whose target lies outside, writing
// through such a
//   link (InvalidArgument). Argo refuses the same.
// * Device nodes, pipes and sockets are InvalidArgument. Hard links are links to what the archive
// has unpacked.
// * Modes are cut to 0777, directories get 0755, owners are ignored, times of files are kept.
// * Limits hold (ResourceExhausted), on what is written, not on what headers say.
// * An archive with exactly one thing at its top becomes that thing; otherwise a directory of all.

#include <string>

#include "base/error.h"
#include "daemon/artifacts/archive.h"
#include "daemon/artifacts/limits.h"

namespace gantry::artifacts {

/// Turns the file `packed` into `destination`, which must not exist and whose parent is ours;
/// `packed` is consumed, also on failure. What is not to be unpacked is moved there as it is, with
/// mode 0644.
Result<void> unpack(const std::string& packed, const Archive& archive, const Limits& limits,
                    const std::string& destination);

/// Argo's chmod: `path`, and with `recurse` everything below, but nothing through a link.
Result<void> change_mode(const std::string& path, unsigned mode, bool recurse);

}  // namespace gantry::artifacts
