#include "daemon/config_resources.h"

#include <algorithm>
#include <array>

#include "daemon/policy.h"
#include "workflow/extended_resource.h"
#include "workflow/quantity.h"
#include "workflow/suggestion.h"

namespace gantry {
namespace {

using workflow::Diagnostics;
using workflow::Node;

std::string found(const Node& node) {
  return node.is_scalar() && !node.is_null() ? "'" + std::string(node.text) + "'" : std::string(kind_name(node));
}

bool is_env_name(std::string_view name) {
  return !name.empty() && name.find('=') == std::string_view::npos &&
         std::all_of(name.begin(), name.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

class Reader {
 public:
  explicit Reader(Diagnostics& diagnostics) : diagnostics_(diagnostics) {}

  void resource(const Node::Entry& entry, engine::Host& out) {
    const std::string where = "capacity.resources." + std::string(entry.key);
    if (const std::string bad = workflow::check_extended_resource(entry.key); !bad.empty()) {
      return diagnostics_.error(entry.at, "capacity.resources: " + bad);
    }
    engine::NamedResource made{.name = std::string(entry.key), .total = 0, .units = {}};
    const Node& value = *entry.value;
    if (value.is_sequence()) {
      for (std::size_t i = 0; i < value.items.size(); ++i) {
        made.units.push_back(unit(*value.items[i], where + "[" + std::to_string(i) + "]"));
      }
      made.total = static_cast<std::int64_t>(made.units.size());
    } else if (const auto count = value.is_scalar() ? workflow::parse_whole(value.text) : fail(Code::InvalidArgument, "")) {
      made.total = *count;
    } else {
      return diagnostics_.error(value.at, where + " must be a whole number or a list of units, not " + found(value));
    }
    if (const auto offered = out.offer(std::move(made)); !offered) {
      diagnostics_.error(entry.at, "capacity.resources: " + offered.error().message);
    }
  }

 private:
  engine::Unit unit(const Node& node, const std::string& where) {
    engine::Unit out;
    if (!node.is_map()) {
      diagnostics_.error(node.at, where + " must be a map of devices and env, not " + found(node));
      return out;
    }
    constexpr std::array<std::string_view, 2> kKeys{"devices", "env"};
    for (const Node::Entry& entry : node.entries) {
      if (entry.key == "devices") {
        devices(*entry.value, where + ".devices", out);
      } else if (entry.key == "env") {
        env(*entry.value, where + ".env", out);
      } else {
        diagnostics_.error(entry.at, "unknown key '" + where + "." + std::string(entry.key) + "'" +
                                         workflow::did_you_mean(entry.key, kKeys));
      }
    }
    return out;
  }

  void devices(const Node& node, const std::string& where, engine::Unit& out) {
    if (!node.is_sequence()) return diagnostics_.error(node.at, where + " must be a list of devices, not " + found(node));
    for (const Node* item : node.items) {
      auto device = item->is_scalar() ? parse_device(item->text) : fail(Code::InvalidArgument, "must be a text, not " + found(*item));
      if (!device) {
        diagnostics_.error(item->at, where + ": " + device.error().message);
        continue;
      }
      const auto same = [&](const runtime::Device& other) { return other.inside == device->inside; };
      if (std::any_of(out.devices.begin(), out.devices.end(), same)) {
        diagnostics_.error(item->at, where + ": there are two devices for " + device->inside + " of the container");
      }
      out.devices.push_back(std::move(*device));
    }
  }

  void env(const Node& node, const std::string& where, engine::Unit& out) {
    if (!node.is_map()) return diagnostics_.error(node.at, where + " must be a map of texts, not " + found(node));
    for (const Node::Entry& entry : node.entries) {
      if (!is_env_name(entry.key)) {
        diagnostics_.error(entry.at, where + ": '" + std::string(entry.key) + "' is no name of a variable");
      } else if (!entry.value->is_scalar()) {
        diagnostics_.error(entry.value->at, where + "." + std::string(entry.key) + " must be a text, not " + found(*entry.value));
      } else {
        out.env.push_back({std::string(entry.key), std::string(entry.value->text), true});
      }
    }
  }

  Diagnostics& diagnostics_;
};

}  // namespace

Result<runtime::Device> parse_device(std::string_view text) {
  auto next = [rest = text]() mutable {
    const std::string_view first = rest.substr(0, rest.find(':'));
    rest.remove_prefix(std::min(first.size() + 1, rest.size()));
    return std::string(first);
  };
  const auto wrong = [&](const std::string& why) { return fail(Code::InvalidArgument, "'" + std::string(text) + "' " + why); };
  const std::string path = next(), inside = next(), access = next();
  if (std::count(text.begin(), text.end(), ':') > 2) return wrong("must be PATH, PATH:INSIDE or PATH:INSIDE:rwm");
  if (!path.starts_with('/')) return wrong("must begin with an absolute path of the host");
  if (!inside.empty() && !inside.starts_with('/')) return wrong("must have an absolute path after the colon");
  const auto times = [&](char c) { return std::count(access.begin(), access.end(), c); };
  if (access.find_first_not_of("rwm") != std::string::npos || times('r') > 1 || times('w') > 1 || times('m') > 1) {
    return wrong("must have r, w and m, each once at most, after the second colon, not " + access);
  }
  runtime::Device device;
  device.path = normalise_path(path);
  device.inside = inside.empty() ? device.path : normalise_path(inside);
  if (!access.empty()) device.access = access;
  return device;
}

std::vector<engine::NamedResource> read_resources(const Node& node, Diagnostics& diagnostics) {
  engine::Host host;
  if (!node.is_map()) diagnostics.error(node.at, "capacity.resources must be a map of names, not " + found(node));
  Reader reader(diagnostics);
  for (const Node::Entry& entry : node.entries) reader.resource(entry, host);
  return std::move(host.resources);
}

}  // namespace gantry
