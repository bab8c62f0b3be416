#pragma once

// One object of a document, checked. Internal to parse.cc and lint.cc.

#include <optional>
#include <string_view>

#include "workflow/document.h"
#include "workflow/parse.h"

namespace gantry::workflow {

/// `kind` is one that check_objects() knows. Nothing and errors when it is not good.
std::optional<Metadata> check_object(Document& document, const Node& root, std::string_view kind,
                                     const Options& options, Diagnostics& diagnostics);

}  // namespace gantry::workflow
