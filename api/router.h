#pragma once

// Method + path → handler. Immutable once made; `match` allocates only for decoded parameters.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/http.h"
#include "base/error.h"

namespace gantry::api {

/// Reads the request, calls the backend, answers (or keeps `answer` for later). Loop thread.
using Handler = void (*)(Backend& backend, Request& request, AnswerPtr answer);

struct Route {
  /// What becomes of a body: kept in memory up to kMaxBody, or written to a file.
  enum class Body : std::uint8_t { Memory, Spool };

  std::string_view method;  ///< "*": any
  /// Segments: literal, `{name}` (one segment) or, last, `{name...}` (the rest, none included).
  /// `{namespace}` may be empty, as Argo's clients leave it for "all".
  std::string_view pattern;
  Handler handler = nullptr;
  Body body = Body::Memory;
};

class Router {
 public:
  explicit Router(std::vector<Route> routes);

  struct Match {
    const Route* route = nullptr;
    std::vector<std::pair<std::string_view, std::string>> params;
  };
  /// `path`: still encoded, without the query. The first route in the table that fits wins.
  /// Errors: 404; 405 with the methods that would do; 400 for broken escapes and impossible
  /// namespaces; 404 for names that no object can have (they never reach the backend, which may
  /// make paths of them).
  [[nodiscard]] tl::expected<Match, HttpError> match(std::string_view method,
                                                     std::string_view path) const;

 private:
  struct Compiled {
    Route route;
    std::vector<std::string_view> segments;
  };
  std::vector<Compiled> routes_;
};

/// Everything that is served.
const Router& all_routes();

}  // namespace gantry::api
