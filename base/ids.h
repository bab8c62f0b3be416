#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace gantry {

/// 32-bit FNV-1a, as Go's hash/fnv New32a. Node ids are `<workflow>-<fnv32a(full name)>` (argo-workflows
/// workflow/util/util.go NodeID).
std::uint32_t fnv32a(std::string_view text);

/// A random UUID (version 4) in lower case, from the kernel's random numbers.
std::string random_uuid();

/// `length` random characters of the alphabet that Kubernetes uses for generateName (no vowels, no look-alikes).
std::string random_suffix(int length);

}  // namespace gantry
