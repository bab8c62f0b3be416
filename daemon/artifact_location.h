#pragma once

// An artifact's place as the engine has it (JSON, {"s3":{"key":"…"}}) → the place with its secrets.
//
// A key without a bucket is one of the run's artifact repository: the host's own, or what the
// ConfigMap of artifactRepositoryRef describes, in the words of Argo's (docs/artifact-repository-ref
// of argo-workflows). Loop thread: the values of Secrets are looked up here.

#include <string>

#include "base/error.h"
#include "daemon/artifacts/artifacts.h"
#include "daemon/engine/pod_artifacts.h"
#include "daemon/objects.h"

namespace gantry {

/// The name of the repository on this host's disk (artifacts::Options::repositories).
inline constexpr const char* kLocalRepository = "local";

class ArtifactLocations {
 public:
  /// `objects` outlives this. `fallback`: JSON of the place where the keys of runs without an
  /// artifactRepositoryRef are ({"s3":{"bucket":…}}); empty: on this host's disk.
  ArtifactLocations(const Objects& objects, std::string fallback)
      : objects_(objects), fallback_(std::move(fallback)) {}

  /// NotFound: a Secret or ConfigMap that is missing (Kubernetes' words). InvalidArgument: no place.
  [[nodiscard]] Result<artifacts::Location> resolve(const std::string& location, const std::string& name_space,
                                                    const workflow::RepositoryRef& repository) const;

 private:
  [[nodiscard]] Result<std::string> repository_json(const std::string& name_space,
                                                    const workflow::RepositoryRef& repository) const;

  const Objects& objects_;
  std::string fallback_;
};

/// {"none":{}} and the like; empty is Argo's default.
artifacts::Archive archive_from_json(const std::string& json);

/// Whether moving it takes as long as somebody else's server likes.
bool is_remote(const artifacts::Location& location);

}  // namespace gantry
