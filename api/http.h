#pragma once

// A request and its answer as the handlers see them: no libmicrohttpd here.

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/backend.h"
#include "api/errors.h"
#include "api/fields.h"
#include "api/query.h"
#include "api/spool.h"

namespace gantry::api {

struct Request {
  std::string method;  ///< upper case
  std::string path;    ///< as it came, still encoded, without the query
  std::vector<std::pair<std::string_view, std::string>> params;  ///< of the path, decoded
  Query query;
  std::string content_type;   ///< lower case, without parameters; "" when absent
  bool event_stream = false;  ///< the client accepts exactly text/event-stream
  std::string body;
  std::shared_ptr<Spool> spool;  ///< the body of a route that spools
  Caller caller;
  Time received{};

  /// The path's `{name}`; "" when the route has none.
  [[nodiscard]] const std::string& param(std::string_view name) const;
  [[nodiscard]] const std::string& name_space() const { return param("namespace"); }
  [[nodiscard]] const std::string& name() const { return param("name"); }
};

/// The answer to one request. Exactly one of its functions is called, at once or later, on the loop
/// thread; what comes after the first, or after the client has gone, is dropped. Destroyed
/// unanswered, it answers Internal, so that no client waits for a reply that somebody forgot.
class Answer {
 public:
  virtual ~Answer() = default;
  virtual void object(const Json& json) = 0;
  virtual void fail(HttpError error) = 0;
  virtual void text(std::string text) = 0;
  /// Opens a stream; `fields` applies to every message.
  virtual StreamPtr stream(Fields fields) = 0;
};
using AnswerPtr = std::shared_ptr<Answer>;

/// A Reply that turns a value into JSON by `shape` and answers with it.
template <class T, class Shape>
Reply<T> reply_with(AnswerPtr answer, Shape shape) {
  return [answer = std::move(answer), shape = std::move(shape)](Result<T> result) {
    if (!result) {
      answer->fail(std::move(result.error()));
    } else {
      answer->object(shape(std::move(*result)));
    }
  };
}
inline Reply<Json> reply_with_object(AnswerPtr answer) {
  return reply_with<Json>(std::move(answer), [](Json json) { return json; });
}

}  // namespace gantry::api
