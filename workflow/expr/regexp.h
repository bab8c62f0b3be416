#pragma once

// Go's package regexp on RE2, which is the same language.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace re2 {
class RE2;
}

namespace gantry::workflow::expr {

/// Compiled once, immutable, shared; any thread.
class Regexp {
 public:
  /// Fails with Go's "error parsing regexp: missing closing ): `(a`".
  static Result<Regexp> compile(std::string_view pattern);

  [[nodiscard]] bool matches(std::string_view text) const;
  /// The first `n` matches (n < 0: all) as Go's FindAll finds them: begin and end of each.
  [[nodiscard]] std::vector<std::pair<std::size_t, std::size_t>> find_all(std::string_view text,
                                                                          std::int64_t n) const;
  /// ReplaceAllString: `$1`, `${name}` and `$$` in `with` are expanded unless it is `literal`.
  /// Stops when the result is longer than `limit`.
  [[nodiscard]] std::string replace_all(std::string_view text, std::string_view with, bool literal,
                                        std::size_t limit) const;
  /// Regexp.Split.
  [[nodiscard]] std::vector<std::string_view> split(std::string_view text, std::int64_t n) const;

  /// Backslashes before what means something (regexp.QuoteMeta).
  static std::string quote_meta(std::string_view text);

 private:
  std::shared_ptr<const re2::RE2> compiled_;
};

}  // namespace gantry::workflow::expr
