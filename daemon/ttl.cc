#include "daemon/ttl.h"

#include <nlohmann/json.hpp>

namespace gantry {
namespace {

using Json = nlohmann::json;

constexpr const char* kCompletion = "secondsAfterCompletion";
constexpr const char* kSuccess = "secondsAfterSuccess";
constexpr const char* kFailure = "secondsAfterFailure";

std::optional<Duration> seconds_at(const Json& map, const char* field) {
  auto it = map.find(field);
  if (it == map.end() || !it->is_number_integer()) return std::nullopt;
  return std::chrono::seconds(it->get<std::int32_t>());
}

Ttl read(const Json& strategy) {
  if (!strategy.is_object()) return {};
  return {seconds_at(strategy, kCompletion), seconds_at(strategy, kSuccess),
          seconds_at(strategy, kFailure)};
}

}  // namespace

Ttl Ttl::or_else(const Ttl& other) const {
  return {after_completion ? after_completion : other.after_completion,
          after_success ? after_success : other.after_success,
          after_failure ? after_failure : other.after_failure};
}

std::optional<Time> Ttl::expiry(engine::RunPhase phase, Time finished) const {
  if (!engine::is_ended(phase)) return std::nullopt;
  if (phase == engine::RunPhase::Failed && after_failure) return finished + *after_failure;
  if (phase == engine::RunPhase::Succeeded && after_success) return finished + *after_success;
  if (after_completion) return finished + *after_completion;
  return std::nullopt;
}

Ttl ttl_of_spec(const std::string& spec_json) {
  Json spec = Json::parse(spec_json, nullptr, false);
  if (!spec.is_object() || !spec.contains("ttlStrategy")) return {};
  return read(spec["ttlStrategy"]);
}

std::string to_text(const Ttl& ttl) {
  Json json = Json::object();
  auto put = [&](const char* field, const std::optional<Duration>& value) {
    if (value) json[field] = std::chrono::duration_cast<std::chrono::seconds>(*value).count();
  };
  put(kCompletion, ttl.after_completion);
  put(kSuccess, ttl.after_success);
  put(kFailure, ttl.after_failure);
  return json.empty() ? std::string() : json.dump();
}

Ttl read_ttl(const std::string& text) { return read(Json::parse(text, nullptr, false)); }

}  // namespace gantry
