#pragma once

// The artifacts of a pod: how inputs come in, how outputs get out. Any thread; everything here
// blocks, so a worker calls it.
//
// An input lies below the pod's directory (volumes.h) as
//
//   artifacts/<number>/file    a copy of a single file
//   artifacts/<number>/merged  an overlay over the source directory, with `upper` and `work` beside
//   it; a copy where the
//                              state directory's file system cannot be an overlay's upper one
//
// and is bind-mounted from there; below a volume mount it is copied into the volume instead, and
// nothing is mounted.

#include <map>
#include <string>
#include <vector>

#include "base/error.h"
#include "runtime/containerd/outputs.h"
#include "runtime/containerd/volumes.h"
#include "runtime/pod.h"

namespace gantry::containerd {

/// Puts the pod's input artifacts in place. `volumes`: Volume::name → where it is. What an earlier
/// try left is made again. Errors name the path; NotFound: no source.
Result<void> place_inputs(const runtime::PodSpec& pod, const std::string& pod_directory,
                          const std::map<std::string, std::string>& volumes);

/// What of them is mounted in a container.
std::vector<BindMount> input_mounts(const runtime::PodSpec& pod, const std::string& pod_directory,
                                    const std::string& container);

/// Takes one output artifact out of its container to OutputArtifact::staged. `mounts` are the
/// container's; regular files that only the pod has (below `pod_directory`) are linked, others
/// copied. NotFound: nothing at the path.
Result<void> stage_output(const runtime::OutputArtifact& output, const ContainerFiles& files,
                          const std::vector<BindMount>& mounts, const std::string& pod_directory);

}  // namespace gantry::containerd
