#pragma once

// Packing as Argo does it (util/archive/archive.go): a gzipped tar or a zip in which everything
// lies below one root that is called as the artifact's path was ("/tmp/out" gives "out", "out/a",
// …); a file's is the file alone.
//
// What is written depends on nothing but the tree: sorted, owner 0:0, no names of users, no time of
// packing. Where Argo's zip forgets modes, links and empty directories, this one keeps them.

#include <string>

#include "base/error.h"
#include "daemon/artifacts/archive.h"
#include "daemon/artifacts/tree.h"

namespace gantry::artifacts {

/// Writes the tree to `fd`, which need not be seekable. With Format::None a file's content; a
/// directory is then InvalidArgument. Aborted: a file is shorter than the tree says.
Result<void> pack(const Tree& tree, const std::string& name, const OpenContent& open,
                  const Archive& archive, int fd);

}  // namespace gantry::artifacts
