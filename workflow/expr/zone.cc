#include "workflow/expr/zone.h"

#include <algorithm>

namespace gantry::workflow::expr {

Zone::Zone() : zone_(absl::UTCTimeZone()) {}

std::optional<Zone> Zone::load(std::string_view name) {
  Zone zone;
  if (name.empty() || name == "UTC") return zone;
  if (name == "Local") {
    zone.name_ = "Local";
    return zone;
  }
  // What Go refuses as a name; the loader would take some of it for a path.
  if (name.find("..") != std::string_view::npos || name.front() == '/' || name.front() == '\\' ||
      name.find('\0') != std::string_view::npos || name.starts_with("libc:") ||
      name.starts_with("file:") || name.starts_with("Fixed/")) {
    return std::nullopt;
  }
  if (!absl::LoadTimeZone(absl::string_view(name.data(), name.size()), &zone.zone_)) {
    return std::nullopt;
  }
  zone.name_ = name;
  zone.utc_ = false;
  zone.fixed_ = false;
  return zone;
}

Zone Zone::fixed(std::string name, std::int32_t seconds_east) {
  Zone zone;
  zone.name_ = std::move(name);
  zone.utc_ = false;
  zone.offset_ = seconds_east;
  return zone;
}

Zone::Offset Zone::at(std::int64_t unix_seconds) const {
  if (fixed_) return {offset_, utc_ ? "UTC" : name_};
  const auto info = zone_.At(absl::FromUnixSeconds(unix_seconds));
  return {info.offset, info.zone_abbr};
}

std::int64_t Zone::to_unix(std::int64_t wall_seconds) const {
  if (fixed_) return wall_seconds - offset_;
  const auto info = zone_.At(absl::CivilSecond(1970, 1, 1) + wall_seconds);
  return absl::ToUnixSeconds(info.pre);
}

}  // namespace gantry::workflow::expr
