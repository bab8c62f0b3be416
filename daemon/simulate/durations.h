#pragma once

// How long steps take, and how they end, in a simulated run.

#include <map>
#include <optional>
#include <random>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"
#include "runtime/simulated/simulated_runtime.h"
#include "workflow/diagnostic.h"

namespace gantry::simulate {

/// A distribution of durations: `90s`, `uniform 10s 2m`, `normal 60s 10s` (mean, standard deviation; never below 0),
/// `exponential 30s` (mean). Durations as Go writes them, or seconds.
class Distribution {
 public:
  static Result<Distribution> parse(std::string_view text);
  [[nodiscard]] Duration draw(std::uint64_t seed) const;

 private:
  enum class Kind : std::uint8_t { Constant, Uniform, Normal, Exponential };
  Kind kind_ = Kind::Constant;
  Duration a_{}, b_{};
};

/// What is known of the steps of a workflow: by the name of a step, else of a template, else `*`.
class Durations {
 public:
  /// The same for all.
  static Durations all(Distribution distribution);
  /// A YAML map of names. The value is a distribution, or a map of `duration`, `exitCode`, `result` (what is written to
  /// stdout) and `outputs` (parameters by name).
  static Durations parse(std::string_view yaml, workflow::Diagnostics& diagnostics);

  /// What the pod of a step does. `identity` and `seed` decide what is drawn, so that the same step draws the same
  /// whatever the order of the steps is.
  [[nodiscard]] runtime::Script script(std::string_view step, std::string_view tmpl, std::string_view identity,
                                       std::uint64_t seed) const;

 private:
  struct Entry {
    Distribution duration;
    int exit_code = 0;
    std::string result;
    std::map<std::string, std::string> outputs;
  };
  [[nodiscard]] const Entry* find(std::string_view name) const;
  std::map<std::string, Entry, std::less<>> entries_;
};

}  // namespace gantry::simulate
