#pragma once

// Which addresses the pods of the bridge get. Pure functions over the text of /proc/net/route.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace gantry::containerd {

struct Subnet {
  std::uint32_t address = 0;  ///< in the host's byte order, the bits below the prefix are 0
  int prefix = 0;
  [[nodiscard]] bool overlaps(const Subnet& other) const;
  [[nodiscard]] std::string text() const;  ///< "10.88.0.0/24"
};

/// "10.88.0.0/24", /8 to /30. InvalidArgument.
Result<Subnet> parse_subnet(std::string_view text);

/// The route that leads into `subnet`, "10.88.0.0/16 (eth1)", but the default route and those of
/// `bridge` itself.
std::optional<std::string> colliding_route(const Subnet& subnet, std::string_view routes,
                                           std::string_view bridge);

/// The first 10.88.x.0/24 without such a route. ResourceExhausted: there is none.
Result<Subnet> choose_subnet(std::string_view routes, std::string_view bridge);

/// The interface of the default route; empty: none.
std::string default_interface(std::string_view routes);

}  // namespace gantry::containerd
