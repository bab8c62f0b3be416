#include "runtime/containerd/subnet.h"

#include <arpa/inet.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <sstream>
#include <vector>

namespace gantry::containerd {
namespace {

struct Route {
  std::string interface;
  Subnet to;
};

std::uint32_t mask_of(int prefix) { return prefix == 0 ? 0 : ~std::uint32_t{0} << (32 - prefix); }

// /proc/net/route: hexadecimal numbers in the byte order of the network, read as the host's.
std::vector<Route> parse_routes(std::string_view text) {
  std::vector<Route> routes;
  std::istringstream lines{std::string(text)};
  std::string line;
  std::getline(lines, line);  // the names of the columns
  while (std::getline(lines, line)) {
    std::istringstream words(line);
    std::string interface, to, skipped, mask;
    if (!(words >> interface >> to >> skipped >> skipped >> skipped >> skipped >> skipped >> mask))
      continue;
    std::uint32_t address = 0, bits = 0;
    std::from_chars(to.data(), to.data() + to.size(), address, 16);
    std::from_chars(mask.data(), mask.data() + mask.size(), bits, 16);
    routes.push_back({interface, {ntohl(address), std::popcount(bits)}});
  }
  return routes;
}

}  // namespace

bool Subnet::overlaps(const Subnet& other) const {
  const std::uint32_t mask = mask_of(std::min(prefix, other.prefix));
  return (address & mask) == (other.address & mask);
}

std::string Subnet::text() const {
  const in_addr network{htonl(address)};
  char buffer[INET_ADDRSTRLEN] = {};
  ::inet_ntop(AF_INET, &network, buffer, sizeof(buffer));
  return std::string(buffer) + "/" + std::to_string(prefix);
}

Result<Subnet> parse_subnet(std::string_view text) {
  const auto bad = [&] {
    return fail(Code::InvalidArgument,
                "'" + std::string(text) + "' must be an IPv4 subnet such as 10.88.0.0/24");
  };
  const auto slash = text.find('/');
  if (slash == std::string_view::npos) return bad();
  in_addr address{};
  Subnet subnet;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data() + slash + 1, end, subnet.prefix);
  if (::inet_pton(AF_INET, std::string(text.substr(0, slash)).c_str(), &address) != 1 ||
      parsed.ec != std::errc() || parsed.ptr != end || subnet.prefix < 8 || subnet.prefix > 30) {
    return bad();
  }
  subnet.address = ntohl(address.s_addr);
  if ((subnet.address & ~mask_of(subnet.prefix)) != 0) return bad();
  return subnet;
}

std::optional<std::string> colliding_route(const Subnet& subnet, std::string_view routes,
                                           std::string_view bridge) {
  for (const Route& route : parse_routes(routes)) {
    if (route.to.prefix == 0 || route.interface == bridge || !route.to.overlaps(subnet)) continue;
    return route.to.text() + " (" + route.interface + ")";
  }
  return std::nullopt;
}

Result<Subnet> choose_subnet(std::string_view routes, std::string_view bridge) {
  for (std::uint32_t third = 0; third < 256; ++third) {
    const Subnet subnet{10u << 24 | 88u << 16 | third << 8, 24};
    if (!colliding_route(subnet, routes, bridge)) return subnet;
  }
  return fail(Code::ResourceExhausted,
              "routes of this host lead into all of 10.88.0.0/16; name a subnet");
}

std::string default_interface(std::string_view routes) {
  for (const Route& route : parse_routes(routes)) {
    if (route.to.prefix == 0) return route.interface;
  }
  return {};
}

}  // namespace gantry::containerd
