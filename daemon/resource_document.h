#pragma once

// From bytes to resources: read, checked, and made ready to be stored. Worker thread; pure.

#include <optional>
#include <string>
#include <vector>

#include "api/backend.h"
#include "base/error.h"
#include "daemon/resource.h"
#include "workflow/diagnostic.h"
#include "workflow/library.h"
#include "workflow/limits.h"

namespace gantry {

/// One object of a request.
struct ResourceDocument {
  std::string name_space;  ///< as written; "" when it is not
  std::string name;
  std::string generate_name;
  std::optional<std::int64_t> version;  ///< metadata.resourceVersion
  std::map<std::string, std::string> labels;
  std::string json;  ///< apiVersion, kind, metadata (name, labels, annotations) and spec
  std::string spec;  ///< spec alone: whether it has changed
};

struct ResourceReading {
  const workflow::TemplateLibrary* library = nullptr;  ///< what the objects may refer to
  workflow::Limits limits;
  bool strict = false;
  bool lint = false;
};

/// Reads every object of a file, all of which must be of `kind`; JSON may leave the kind out. What
/// is wrong goes to `diagnostics`, and then the result must not be used.
std::vector<ResourceDocument> read_resources(const api::ResourceRequest& request,
                                             const ResourceReading& reading,
                                             workflow::Diagnostics& diagnostics);

/// All that is wrong, one a line: `FILE:LINE:COLUMN: message` for YAML, and for JSON, where lines
/// mean little, the message first.
std::string explain(const workflow::Diagnostics& diagnostics, const std::string& file, bool yaml);

}  // namespace gantry
