#include "daemon/engine/units.h"

#include <algorithm>

namespace gantry::engine {

Units::Units(const Host& host) {
  for (const NamedResource& resource : host.resources) {
    resources_.push_back({resource.name, std::vector<int>(resource.units.size())});
  }
}

HeldUnits Units::take(const scheduler::Amounts& wanted) {
  HeldUnits taken;
  for (std::size_t place = 0; place < resources_.size(); ++place) {
    Resource& resource = resources_[place];
    std::int64_t left = wanted.named[place];
    for (std::uint32_t unit = 0; unit < resource.holders.size() && left > 0; ++unit) {
      if (resource.holders[unit] != 0) continue;
      ++resource.holders[unit];
      --left;
      taken[resource.name].push_back(unit);
    }
  }
  return taken;
}

void Units::count(const HeldUnits& held, int by) {
  for (Resource& resource : resources_) {
    const auto units = held.find(resource.name);
    if (units == held.end()) continue;
    for (const std::uint32_t unit : units->second) {
      if (unit < resource.holders.size()) resource.holders[unit] += by;
    }
  }
}

namespace {

bool sets(const runtime::ContainerSpec& container, const std::string& name) {
  const auto same = [&](const auto& variable) { return variable.name == name; };
  const auto same_reference = [&](const runtime::EnvReference& reference) {
    return !reference.from.key.empty() && reference.name == name;
  };
  return std::any_of(container.env.begin(), container.env.end(), same) ||
         std::any_of(container.env_references.begin(), container.env_references.end(), same_reference);
}

void give_unit(const Unit& unit, runtime::ContainerSpec& container, std::vector<runtime::EnvVar>& env) {
  container.devices.insert(container.devices.end(), unit.devices.begin(), unit.devices.end());
  for (const runtime::EnvVar& variable : unit.env) {
    if (sets(container, variable.name)) continue;
    const auto before =
        std::find_if(env.begin(), env.end(), [&](const runtime::EnvVar& other) { return other.name == variable.name; });
    if (before == env.end()) {
      env.push_back({variable.name, variable.value, true});
    } else {
      before->value += "," + variable.value;
    }
  }
}

std::string text_of(const HeldUnits& held) {
  std::string text;
  for (const auto& [name, units] : held) {
    text += (text.empty() ? "" : " ") + name + "=";
    for (std::size_t i = 0; i < units.size(); ++i) text += (i == 0 ? "" : ",") + std::to_string(units[i]);
  }
  return text;
}

}  // namespace

void give_units(const HeldUnits& held, const Host& host, runtime::PodSpec& pod) {
  if (held.empty()) return;
  pod.labels[kUnitsLabel] = text_of(held);
  std::vector<std::vector<runtime::EnvVar>> env(pod.containers.size());
  for (const auto& [name, units] : held) {
    const auto place = host.place_of(name);
    if (!place) continue;
    const std::vector<Unit>& offered = host.resources[*place].units;
    std::size_t next = 0;
    for (std::size_t i = 0; i < pod.containers.size(); ++i) {
      runtime::ContainerSpec& container = pod.containers[i];
      const auto wanted = container.resources.extended.find(name);
      if (wanted == container.resources.extended.end()) continue;
      const std::size_t first = container.role == runtime::Role::Init ? 0 : next;
      const std::size_t end = std::min(first + static_cast<std::size_t>(wanted->second), units.size());
      for (std::size_t unit = first; unit < end; ++unit) {
        if (units[unit] < offered.size()) give_unit(offered[units[unit]], container, env[i]);
      }
      if (container.role != runtime::Role::Init) next = end;
    }
  }
  // First, so that the container's own variables can refer to them.
  for (std::size_t i = 0; i < env.size(); ++i) {
    auto& own = pod.containers[i].env;
    own.insert(own.begin(), std::make_move_iterator(env[i].begin()), std::make_move_iterator(env[i].end()));
  }
}

}  // namespace gantry::engine
