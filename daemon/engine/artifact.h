#pragma once

// An artifact of a run: what a node takes or gives. The bytes are elsewhere (daemon/artifacts); here it is its name,
// its path in the container and where it is kept.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace gantry::engine {

struct Artifact {
  std::string name;
  std::string path;      ///< in the container; empty where it has none
  /// JSON of one key, as the workflow file has it: {"s3":{"key":"wf/pod/out.tgz"}}. Without a bucket: a key of the run's
  /// artifact repository. Empty: nowhere, as the output of a skipped step.
  std::string location;
  std::string sub_path;  ///< the part of it that is meant
  std::string archive;   ///< JSON of `archive`; empty: as upstream's default, tar
  std::optional<std::uint32_t> mode;
  bool recurse_mode = false;
  bool optional = false;
  std::string global_name;
  std::string gc;        ///< artifactGC.strategy; empty: the workflow's
  bool deleted = false;  ///< artifactGC has removed it
  bool operator==(const Artifact&) const = default;
};

/// As Argo's status shows it. `subPath` is ours: upstream writes it into the key.
std::string artifact_json(const Artifact& artifact);
/// The opposite. InvalidArgument: no artifact.
Result<Artifact> artifact_from_json(std::string_view json);

/// The place of one file below a template's archiveLocation: its key or URL with `file` added; `prefix` stands for a key
/// that is missing.
Result<std::string> location_with_file(const std::string& location, const std::string& prefix, const std::string& file);

/// A path below another one, with one slash between; either may be empty.
std::string join_path(const std::string& path, std::string_view below);

}  // namespace gantry::engine
