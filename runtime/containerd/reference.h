#pragma once

// Names of images, understood as docker and containerd understand them
// (github.com/distribution/distribution v2.8 reference/{regexp,normalize}.go, which containerd's
// reference/docker follows). Pure functions.

#include <string>
#include <string_view>

#include "base/error.h"
#include "runtime/pod.h"

namespace gantry::containerd {

/// A normalised name, in parts.
struct Reference {
  std::string domain;  ///< `docker.io`, `localhost:5000`
  std::string path;    ///< `library/busybox`
  std::string tag;     ///< `latest`; empty if only a digest was given
  std::string digest;  ///< `sha256:…`; empty if none was given

  /// The whole name as containerd stores it: `docker.io/library/busybox:latest`.
  [[nodiscard]] std::string name() const;
  /// Without tag and digest.
  [[nodiscard]] std::string repository() const { return domain + "/" + path; }
};

/// Reads a name as a user writes it: `busybox`, `argoproj/argosay:v2`, `localhost:5000/x@sha256:…`.
/// A missing domain is docker.io, a missing tag (without a digest) `latest`. InvalidArgument:
/// `invalid image name "x": why`.
Result<Reference> parse_reference(std::string_view text);

/// The pull policy of a container that names none: Always for the tag `latest`, otherwise
/// IfNotPresent (Kubernetes pkg/apis/core/v1/defaults.go SetDefaults_Container).
runtime::PullPolicy default_pull_policy(const Reference& reference);

/// Whether docker would speak plain HTTP to this registry: `localhost`, 127.0.0.0/8 and ::1,
/// whatever the port.
bool is_loopback_registry(std::string_view domain);

}  // namespace gantry::containerd
