#include "daemon/artifacts/http_artifact.h"

#include <nlohmann/json.hpp>

#include "daemon/artifacts/manifest.h"

namespace gantry::artifacts {
namespace {

std::string form_field(std::string_view name, std::string_view value) {
  return percent_encode(name, "~") + "=" + percent_encode(value, "~");
}

/// The client credentials grant (RFC 6749, 4.4), the client's name and secret in the header.
Result<std::string> fetch_token(const OAuth2& oauth2, const Context& context) {
  HttpRequest request{.method = "POST", .url = oauth2.token_url};
  request.headers = {"Content-Type: application/x-www-form-urlencoded", "Accept: application/json"};
  // RFC 6749, 2.3.1: both are form-encoded first.
  request.basic = {percent_encode(oauth2.client_id, "~"),
                   percent_encode(oauth2.client_secret, "~")};
  std::string form = form_field("grant_type", "client_credentials");
  std::string scopes;
  for (const auto& scope : oauth2.scopes) scopes += (scopes.empty() ? "" : " ") + scope;
  if (!scopes.empty()) form += "&" + form_field("scope", scopes);
  for (const auto& [key, value] : oauth2.endpoint_params) form += "&" + form_field(key, value);
  request.body = std::move(form);
  auto response = transfer(request, context);
  if (!response) return fail(std::move(response.error()));
  if (!response->ok()) {
    return fail(Code::Unauthenticated, "POST " + public_url(oauth2.token_url) +
                                           ": no token, status " +
                                           std::to_string(response->status));
  }
  const auto json = nlohmann::json::parse(response->body, nullptr, false);
  const auto token = json.is_object() ? json.find("access_token") : json.end();
  if (token == json.end() || !token->is_string()) {
    return fail(Code::Unauthenticated,
                "POST " + public_url(oauth2.token_url) + ": the answer holds no access_token");
  }
  return token->get<std::string>();
}

Result<HttpRequest> request_of(const Http& location, const Context& context) {
  HttpRequest request{.url = location.url, .follow_redirects = true};
  if (!location.url.starts_with("http://") && !location.url.starts_with("https://")) {
    return fail(Code::InvalidArgument, "an http artifact's url begins with http:// or https://");
  }
  for (const auto& [name, value] : location.headers) {
    if (name.empty() || name.find(':') != std::string::npos) {
      return fail(Code::InvalidArgument, "a header has no proper name");
    }
    // "Name;" is libcurl's way to send a header without a value.
    request.headers.push_back(value.empty() ? name + ";" : name + ": " + value);
  }
  request.basic = location.basic;
  request.client_certificate = location.client_certificate;
  if (location.oauth2) {
    auto token = fetch_token(*location.oauth2, context);
    if (!token) return fail(std::move(token.error()));
    request.headers.push_back("Authorization: Bearer " + *token);
    request.basic = {};
  }
  return request;
}

Code code_of_status(long status) {
  switch (status) {
    case 401:
      return Code::Unauthenticated;
    case 403:
      return Code::PermissionDenied;
    case 404:
      return Code::NotFound;
    case 413:
    case 507:
      return Code::ResourceExhausted;
    default:
      return status >= 500 || status == 429 ? Code::Unavailable : Code::FailedPrecondition;
  }
}

}  // namespace

Result<void> load_http(const Http& location, int to_fd, const Context& context) {
  auto request = request_of(location, context);
  if (!request) return fail(std::move(request.error()));
  request->to_fd = to_fd;
  auto response = transfer(*request, context);
  if (!response) return fail(std::move(response.error()));
  if (response->ok()) return {};
  return fail(code_of_status(response->status), "loading content from " + public_url(location.url) +
                                                    " failed with reason: status " +
                                                    std::to_string(response->status));
}

Result<void> save_http(const Http& location, int fd, std::uint64_t size, const Context& context) {
  auto request = request_of(location, context);
  if (!request) return fail(std::move(request.error()));
  request->method = "PUT";
  request->body = HttpRequest::FilePart{fd, 0, size};
  auto response = transfer(*request, context);
  if (!response) return fail(std::move(response.error()));
  if (response->ok()) return {};
  // A missing place to save to is no missing artifact.
  const Code code = code_of_status(response->status);
  return fail(code == Code::NotFound ? Code::FailedPrecondition : code,
              "saving to " + public_url(location.url) + " failed with reason: status " +
                  std::to_string(response->status));
}

}  // namespace gantry::artifacts
