#pragma once

#include "workflow/document.h"
#include "workflow/parse.h"

namespace gantry::workflow::argo {

/// The tree of a Workflow with the submitter's values in place of the file's: `-p name=value`
/// becomes the value of the parameter, or a new parameter, and the entrypoint is replaced. So
/// whatever reads the tree, and the JSON that is stored, sees one truth. Gives `root` itself when
/// there is nothing to replace or it is no Workflow; new nodes belong to `document`.
const Node* with_overrides(Document& document, const Node& root, const Options& options);

}  // namespace gantry::workflow::argo
