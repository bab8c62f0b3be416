#pragma once

// Names of resources that a host offers by the piece (Kubernetes: extended resources): GPUs, licences, test boards.

#include <string>
#include <string_view>

namespace gantry::workflow {

/// Empty when `name` is a good name of an extended resource (`nvidia.com/gpu`): a DNS subdomain that is not kubernetes.io's, a
/// slash, and at most 63 of A-Z a-z 0-9 - _ . with an alphanumeric at both ends. Else what is wrong.
std::string check_extended_resource(std::string_view name);

}  // namespace gantry::workflow
