#pragma once

// The artifacts of one pod: what is to be put into it before it starts, and taken out once it has ended.

#include <string>
#include <vector>

#include "daemon/engine/artifact.h"
#include "workflow/plan.h"

namespace gantry::engine {

struct PodArtifacts {
  struct Input {
    Artifact artifact;
    std::vector<std::string> containers;  ///< that see it
  };
  std::vector<Input> inputs;
  std::vector<Artifact> outputs;  ///< in the order of PodSpec::output_artifacts
  /// The log of a main container, to be kept as an artifact.
  struct Log {
    std::string container;
    Artifact artifact;
  };
  std::vector<Log> logs;
  workflow::RepositoryRef repository;  ///< whose keys are meant by locations without a bucket

  [[nodiscard]] bool empty() const { return inputs.empty() && outputs.empty() && logs.empty(); }
};

}  // namespace gantry::engine
