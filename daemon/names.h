#pragma once

// Names of objects, checked as Kubernetes checks them. Pure.

#include <string>
#include <string_view>

#include "base/error.h"

namespace gantry {

/// A workflow's name: a DNS subdomain (RFC 1123) of at most 63 characters (argo-workflows
/// workflow/validate). The message is that of Kubernetes' API server.
Result<void> check_workflow_name(const std::string& name);
/// A Secret's or ConfigMap's name (`resource` is `Secret` or `ConfigMap`).
Result<void> check_object_name(std::string_view resource, const std::string& name);
/// A namespace: a DNS label.
Result<void> check_namespace(const std::string& name);
/// A key of a Secret or ConfigMap: [-._a-zA-Z0-9]+, at most 253.
Result<void> check_object_key(const std::string& key);

/// `prefix` cut to what leaves room, with five random characters behind it (apiserver
/// names.SimpleNameGenerator).
std::string generate_name(const std::string& prefix);

}  // namespace gantry
