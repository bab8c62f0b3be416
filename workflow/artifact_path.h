#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace gantry::workflow {

/// An artifact's path in a container, without `.`, `..` and doubled slashes. InvalidArgument: empty, relative, or with a
/// `..` that leaves what stands before it, so that a parameter in a path cannot lead elsewhere (argo-workflows
/// workflow_types.go Artifact.CleanPath).
Result<std::string> clean_artifact_path(std::string_view artifact, std::string_view path);

}  // namespace gantry::workflow
