#pragma once

// A feature file: what happens and what is expected, then the manifests as a user would write them. README.md says how
// to write one. Reading is strict: what is not known is an error.

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"

namespace gantry::features {

using Json = nlohmann::json;

/// What somebody does, or sees, at a moment.
struct Action {
  Duration at{};        ///< since the beginning
  std::string does;     ///< "" when it only looks
  std::string of;       ///< the workflow; empty: the first of the file
  std::string nodes;    ///< a nodeFieldSelector
  std::string message;
  std::string phase;
  std::string name;     ///< of what a resubmission makes
  std::string refused;  ///< what the answer must be
  Json outputs;
  bool restart_successful = false;
  Json sees;            ///< null: does not look
};

/// The life of a CronWorkflow between two times.
struct CronStory {
  Time from{}, until{};
  Duration runs_take{};               ///< how long its workflows run
  std::vector<std::string> phases;    ///< how they end, in turn; the last one stays
  std::optional<std::pair<Time, Time>> down;  ///< nobody looks at the clock
};

struct Case {
  std::string what;
  Json pods = Json::object();        ///< full node name or template name → how it ends; a list: in each life of the run
  std::map<std::string, std::string> parameters;
  std::map<std::string, Duration> submitted;  ///< workflow → when, if not at once
  Json server = Json::object();      ///< URL → answer
  std::vector<std::string> keys;     ///< of every place of artifacts
  Json host = Json::object();        ///< cpu, memory, slots
  std::vector<Action> user;
  std::optional<CronStory> cron;
  Json expect;                       ///< of the only workflow
  std::map<std::string, Json> expect_of;
  std::string manifests;             ///< the YAML documents after the first
};

/// InvalidArgument: what is wrong with it.
Result<Case> read_case(const std::filesystem::path& file);

/// `5s`, `1h`; a bare number is seconds.
Result<Duration> read_duration(const Json& value);

/// The map below a key; an empty one if there is none.
const Json& map_at(const Json& json, const std::string& key);

/// A scalar as text: a number or boolean as it stands in YAML.
std::string text_of(const Json& value);

}  // namespace gantry::features
