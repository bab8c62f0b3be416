// What Argo's server offers of artifacts (argo-workflows server/artifacts/artifact_server.go): the bytes as they are kept.

#include <array>

#include "api/handlers/handlers.h"

namespace gantry::api {
namespace {

/// By the name's end, as Go's mime.TypeByExtension.
const char* content_type(std::string_view name) {
  constexpr std::array<std::pair<std::string_view, const char*>, 12> kTypes{{
      {".tgz", "application/gzip"},
      {".gz", "application/gzip"},
      {".zip", "application/zip"},
      {".json", "application/json"},
      {".log", "text/plain; charset=utf-8"},
      {".txt", "text/plain; charset=utf-8"},
      {".html", "text/html; charset=utf-8"},
      {".css", "text/css; charset=utf-8"},
      {".xml", "text/xml; charset=utf-8"},
      {".png", "image/png"},
      {".svg", "image/svg+xml"},
      {".pdf", "application/pdf"},
  }};
  for (const auto& [end, type] : kTypes) {
    if (name.ends_with(end)) return type;
  }
  return "application/octet-stream";
}

void send(Backend& backend, ArtifactQuery query, AnswerPtr answer) {
  backend.artifact(std::move(query), [answer = std::move(answer)](Result<std::shared_ptr<ArtifactFile>> file) {
    if (!file) return answer->fail(std::move(file.error()));
    answer->file(std::move((*file)->content), (*file)->name, content_type((*file)->name));
  });
}

ArtifactQuery query_of(const Request& request) {
  return {.name_space = request.name_space(),
          .name = request.name(),
          .uid = request.param("uid"),
          .node_id = request.param("nodeId"),
          .artifact = request.param("artifact"),
          .input = false};
}

}  // namespace

void output_artifact(Backend& backend, Request& request, AnswerPtr answer) {
  send(backend, query_of(request), std::move(answer));
}

void input_artifact(Backend& backend, Request& request, AnswerPtr answer) {
  ArtifactQuery query = query_of(request);
  query.input = true;
  send(backend, std::move(query), std::move(answer));
}

void artifact_file(Backend& backend, Request& request, AnswerPtr answer) {
  ArtifactQuery query = query_of(request);
  const std::string& kind = request.param("idDiscriminator");
  const std::string& side = request.param("artifactDiscriminator");
  if ((kind != "workflow" && kind != "workflows" && kind != "archived-workflows") || (side != "outputs" && side != "inputs")) {
    return answer->fail(Error{Code::NotFound, "there is no such kind of artifact: " + kind + "/" + side});
  }
  (kind == "archived-workflows" ? query.uid : query.name) = request.param("id");
  query.input = side == "inputs";
  send(backend, std::move(query), std::move(answer));
}

}  // namespace gantry::api
