#pragma once

// A request and its answer as the handlers see them: no libmicrohttpd here.

#include <map>
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
  /// Headers `x-…` by their names in lower case, which events may select by (argo-workflows
  /// server/event/dispatch metaData: others would leak credentials).
  std::map<std::string, std::vector<std::string>> x_headers;
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
  virtual void document(Document document) = 0;
  virtual void text(std::string text) = 0;
  /// A regular file from its start, for the client to save as `name`.
  virtual void file(UniqueFd content, const std::string& name, const char* content_type) = 0;
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
inline Reply<Document> reply_with_document(AnswerPtr answer) {
  return [answer = std::move(answer)](Result<Document> result) {
    if (!result) {
      answer->fail(std::move(result.error()));
    } else {
      answer->document(std::move(*result));
    }
  };
}
inline Reply<Json> reply_with_object(AnswerPtr answer) {
  return reply_with<Json>(std::move(answer), [](Json json) { return json; });
}

/// One object as Argo's clients send and expect it; `{"items": […]}` for a file, which may hold
/// several.
inline Reply<std::vector<Json>> reply_with_documents(AnswerPtr answer, bool yaml) {
  return reply_with<std::vector<Json>>(std::move(answer), [yaml](std::vector<Json> objects) {
    if (yaml) return Json{{"items", std::move(objects)}};
    return objects.empty() ? Json::object() : std::move(objects.front());
  });
}

/// The content type of a YAML file, rather than of Argo's JSON message.
inline bool is_yaml(std::string_view content_type) {
  return content_type == "application/yaml" || content_type == "application/x-yaml" ||
         content_type == "text/yaml" || content_type == "text/x-yaml";
}

}  // namespace gantry::api
