#pragma once

// The query of a request: `a=b&c=d`, percent-encoded as HTML forms are. Pure; any thread.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"

namespace gantry::api {

/// Decodes %XX (and `+` as a space where `form`). Nothing when an escape is broken or decodes to a
/// NUL byte.
std::optional<std::string> percent_decode(std::string_view text, bool form);

class Query {
 public:
  Query() = default;
  static Result<Query> parse(std::string_view text);

  /// The last value of `name`, "" when it is absent.
  [[nodiscard]] const std::string& text(std::string_view name) const;
  [[nodiscard]] bool has(std::string_view name) const;
  [[nodiscard]] std::vector<std::string> all(std::string_view name) const;

  // Typed readers: absent or empty is false/nothing, what cannot be read is InvalidArgument and
  // names the parameter.
  /// As Go's strconv.ParseBool: 1 t T TRUE true True 0 f F FALSE false False.
  [[nodiscard]] Result<bool> boolean(std::string_view name) const;
  [[nodiscard]] Result<std::optional<std::uint64_t>> number(std::string_view name) const;
  [[nodiscard]] Result<std::optional<Time>> time(std::string_view name) const;

  [[nodiscard]] const std::vector<std::pair<std::string, std::string>>& pairs() const {
    return pairs_;
  }

 private:
  std::vector<std::pair<std::string, std::string>> pairs_;
};

}  // namespace gantry::api
