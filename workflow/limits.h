#pragma once

#include <cstddef>

namespace gantry::workflow {

/// Bounds on what a document may cost. A document beyond one of them is refused with the number in
/// the message.
struct Limits {
  std::size_t bytes = 4u << 20;
  std::size_t depth = 64;
  std::size_t nodes = 1'000'000;      ///< after aliases are expanded
  std::size_t alias_nodes = 100'000;  ///< made by expanding aliases
};

}  // namespace gantry::workflow
