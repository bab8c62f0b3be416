// Templates whose work the daemon does itself: one HTTP request, or a list of keys.

#include "workflow/argo/compiler.h"
#include "workflow/expr/base64.h"

namespace gantry::workflow::argo {

HttpRequest Compiler::request(const argo::HttpTemplate& written, const std::string& where) {
  const OwnChecks own(*this);
  HttpRequest out;
  out.method = written.method.empty() ? Text::literal("GET") : text(written.method, where + ".method");
  out.url = text(written.url, where + ".url");
  if (written.url.empty() && !written.flawed) error(written.at, where + ".url is required");
  out.body = text(written.body, where + ".body");
  if (written.body_from.set) {
    auto bytes = expr::base64_decode(written.body_from.bytes.value);
    if (!bytes) error(written.body_from.bytes.at, where + ".bodyFrom.bytes: " + bytes.error().message);
    if (!written.body.empty()) error(written.body_from.at, where + ": choose one of body and bodyFrom");
    if (bytes) out.body = Text::literal(std::move(*bytes));
  }
  for (std::size_t i = 0; i < written.headers.value.size(); ++i) {
    const HttpRequestHeader& header = written.headers.value[i];
    const std::string path = item_path(where + ".headers", i);
    if (header.name.empty() && !header.flawed) error(header.at, path + ".name is required");
    HttpRequest::Header made{text(header.name, path + ".name"), text(header.value, path + ".value"), std::nullopt};
    const SecretKeySelector& secret = header.value_from.secret_key_ref;
    if (secret.set) {
      if (!secret.flawed && (secret.name.empty() || secret.key.empty())) {
        error(secret.at, path + ".valueFrom.secretKeyRef needs name and key");
      }
      made.key_ref = KeyRef{KeyRef::Kind::Secret, text(secret.name, path), text(secret.key, path), secret.optional.value};
    }
    out.headers.push_back(std::move(made));
  }
  if (written.timeout_seconds.set) {
    out.timeout_seconds = written.timeout_seconds.value;
    if (written.timeout_seconds.value <= 0) error(written.timeout_seconds.at, where + ".timeoutSeconds must be positive");
  }
  out.success_condition = text(written.success_condition, where + ".successCondition");
  if (out.success_condition.is_literal() && !out.success_condition.empty()) {
    auto parsed = expr::Expression::parse(written.success_condition.value);
    if (!parsed) error(written.success_condition.at, where + ".successCondition: " + parsed.error().message);
  }
  out.insecure_skip_verify = written.insecure_skip_verify.value;
  return out;
}

DataQuery Compiler::query(const argo::DataTemplate& written, const std::string& where) {
  const OwnChecks own(*this);
  DataQuery out;
  const argo::Artifact& paths = written.source.artifact_paths;
  if (!paths.set && !written.flawed) error(written.at, where + ".source.artifactPaths is required");
  if (paths.set && paths.kind != "s3" && !paths.flawed) {
    error(paths.at, where + ".source.artifactPaths.s3 is required: nothing else can be listed");
  } else if (auto place = location(paths, where + ".source.artifactPaths")) {
    out.location = std::move(*place);
  }
  for (std::size_t i = 0; i < written.transformation.value.size(); ++i) {
    const TransformationStep& step = written.transformation.value[i];
    auto expression = formula(step.expression, item_path(where + ".transformation", i) + ".expression");
    if (expression) out.transformation.push_back(std::move(*expression));
  }
  return out;
}

}  // namespace gantry::workflow::argo
