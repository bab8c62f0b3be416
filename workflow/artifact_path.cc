#include "workflow/artifact_path.h"

#include <filesystem>

namespace gantry::workflow {

Result<std::string> clean_artifact_path(std::string_view artifact, std::string_view path) {
  const std::string name = "Artifact '" + std::string(artifact) + "' ";
  if (path.empty()) return fail(Code::InvalidArgument, name + "did not specify a path");
  if (path.front() != '/') {
    return fail(Code::InvalidArgument, name + "has the path \"" + std::string(path) + "\", which must begin with /");
  }
  std::string cleaned = std::filesystem::path(path).lexically_normal().string();
  while (cleaned.size() > 1 && cleaned.back() == '/') cleaned.pop_back();
  std::size_t dots = path.find("/../");
  if (dots == std::string_view::npos && path.ends_with("/..")) dots = path.size() - 3;
  if (dots != std::string_view::npos && dots > 0) {
    const std::string safe = std::string(path.substr(0, dots)) + "/";
    if (!cleaned.starts_with(safe) || cleaned.size() <= safe.size()) {
      return fail(Code::InvalidArgument,
                  name + "attempted to use a path containing '..'. Directory traversal is not permitted");
    }
  }
  if (cleaned == "/") return fail(Code::InvalidArgument, name + "cannot be the whole file system");
  return cleaned;
}

}  // namespace gantry::workflow
