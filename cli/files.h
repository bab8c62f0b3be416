#pragma once

#include <string>
#include <vector>

#include "base/error.h"

namespace gantry::cli {

struct Document {
  std::string name;  ///< as messages call it; "stdin" for `-`
  std::string text;
};

/// A whole file, or standard input for `-`.
Result<std::string> read_file(const std::string& path);

/// The workflow files that `paths` name, in order: files, `-`, and directories, which are searched
/// for .yaml, .yml and .json files, sorted.
Result<std::vector<Document>> read_documents(const std::vector<std::string>& paths);

}  // namespace gantry::cli
