#pragma once

#include <span>
#include <string>
#include <string_view>

namespace gantry::workflow {

/// The one of `names` that `name` was probably meant to be: the nearest by insertions, deletions,
/// replacements and swaps of neighbours, with case counting half; empty when none is near enough (a
/// third of the length, at most three). Costs names × length of name, so it is for messages only.
std::string_view nearest(std::string_view name, std::span<const std::string_view> names);

/// ` (did you mean 'NEAREST'?)`, or nothing when no name is near.
std::string did_you_mean(std::string_view name, std::span<const std::string_view> names);

}  // namespace gantry::workflow
