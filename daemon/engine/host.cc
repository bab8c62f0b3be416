#include "daemon/engine/host.h"

#include <utility>

#include "workflow/suggestion.h"

namespace gantry::engine {

Result<void> Host::offer(NamedResource resource) {
  if (place_of(resource.name)) return fail(Code::InvalidArgument, resource.name + " is there twice");
  if (resources.size() == scheduler::Amounts::kNamed) {
    return fail(Code::InvalidArgument, "at most " + std::to_string(scheduler::Amounts::kNamed) + " resources can be counted, " +
                                           resource.name + " is one too many");
  }
  capacity.named.at(resources.size()) = resource.total;
  resources.push_back(std::move(resource));
  return {};
}

std::optional<std::size_t> Host::place_of(std::string_view name) const {
  for (std::size_t i = 0; i < resources.size(); ++i) {
    if (resources[i].name == name) return i;
  }
  return std::nullopt;
}

std::string Host::offers_none(std::string_view name, std::int64_t wanted) const {
  std::vector<std::string_view> names;
  for (const NamedResource& resource : resources) names.push_back(resource.name);
  return "requests " + std::to_string(wanted) + " of " + std::string(name) + ", this host offers none" +
         workflow::did_you_mean(name, names);
}

}  // namespace gantry::engine
