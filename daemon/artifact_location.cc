#include "daemon/artifact_location.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "workflow/document.h"

namespace gantry {
namespace {

using Json = nlohmann::json;
using artifacts::Location;

/// One place, read field by field; the first thing that is wrong stays.
class Reading {
 public:
  Reading(const Objects& objects, const std::string& name_space) : objects_(objects), name_space_(name_space) {}

  std::string secret(const Json& object, const char* field) {
    const auto at = object.find(field);
    if (at == object.end() || !at->is_object()) return {};
    const runtime::ObjectKey key{runtime::ObjectKey::Kind::Secret, at->value("name", ""), at->value("key", ""),
                                 at->value("optional", false)};
    auto value = objects_.value(key, name_space_);
    if (!value) fail_with({Code::FailedPrecondition, value.error().message});
    return value && *value != nullptr ? **value : std::string();
  }

  Location s3(const Json& from) {
    artifacts::S3 to;
    to.endpoint = from.value("endpoint", "s3.amazonaws.com");
    to.bucket = from.value("bucket", "");
    to.region = from.value("region", "");
    to.key = from.value("key", "");
    to.access_key = secret(from, "accessKeySecret");
    to.secret_key = secret(from, "secretKeySecret");
    to.session_token = secret(from, "sessionTokenSecret");
    to.insecure = from.value("insecure", false);
    to.ca = secret(from, "caSecret");
    const std::string style = from.value("addressingStyle", "");
    using Addressing = artifacts::S3::Addressing;
    to.addressing = style == "path"             ? Addressing::Path
                    : style == "virtual-hosted" ? Addressing::VirtualHosted
                                                : Addressing::Auto;
    to.create_bucket = from.contains("createBucketIfNotPresent");
    return to;
  }

  Location http(const Json& from) {
    artifacts::Http to;
    to.url = from.value("url", "");
    for (const Json& header : from.value("headers", Json::array())) {
      to.headers.emplace_back(header.value("name", ""), header.value("value", ""));
    }
    const Json auth = from.value("auth", Json::object());
    const Json basic = auth.value("basicAuth", Json::object());
    to.basic = {secret(basic, "usernameSecret"), secret(basic, "passwordSecret")};
    if (const Json client = auth.value("clientCert", Json::object()); !client.empty()) {
      to.client_certificate = {secret(client, "clientCertSecret"), secret(client, "clientKeySecret")};
    }
    if (const Json oauth = auth.value("oauth2", Json::object()); !oauth.empty()) {
      artifacts::OAuth2& grant = to.oauth2.emplace();
      grant.client_id = secret(oauth, "clientIDSecret");
      grant.client_secret = secret(oauth, "clientSecretSecret");
      grant.token_url = secret(oauth, "tokenURLSecret");
      grant.scopes = oauth.value("scopes", std::vector<std::string>());
      for (const Json& parameter : oauth.value("endpointParams", Json::array())) {
        grant.endpoint_params.emplace_back(parameter.value("key", ""), parameter.value("value", ""));
      }
    }
    return to;
  }

  Location git(const Json& from) {
    artifacts::Git to;
    to.repo = from.value("repo", "");
    to.revision = from.value("revision", "");
    to.depth = from.value("depth", 0);
    to.fetch = from.value("fetch", std::vector<std::string>());
    to.single_branch = from.value("singleBranch", false);
    to.branch = from.value("branch", "");
    to.disable_submodules = from.value("disableSubmodules", false);
    to.insecure_ignore_host_key = from.value("insecureIgnoreHostKey", false);
    to.insecure_skip_tls = from.value("insecureSkipTLS", false);
    to.user = secret(from, "usernameSecret");
    to.password = secret(from, "passwordSecret");
    to.ssh_private_key = secret(from, "sshPrivateKeySecret");
    return to;
  }

  [[nodiscard]] Result<Location> result(Location location) && {
    if (error_) return fail(std::move(*error_));
    return location;
  }

 private:
  void fail_with(Error error) {
    if (!error_) error_ = std::move(error);
  }

  const Objects& objects_;
  const std::string& name_space_;
  std::optional<Error> error_;
};

}  // namespace

Result<std::string> ArtifactLocations::repository_json(const std::string& name_space,
                                                       const workflow::RepositoryRef& repository) const {
  if (repository.config_map.empty() && repository.key.empty()) return fallback_;
  const std::string name = repository.config_map.empty() ? "artifact-repositories" : repository.config_map;
  auto text = objects_.config_map(name_space, name, repository.key, false);
  if (!text) return fail(Code::FailedPrecondition, "artifactRepositoryRef: " + text.error().message);
  workflow::Diagnostics diagnostics;
  const auto document = workflow::Document::parse_yaml(*text, workflow::Limits{}, diagnostics);
  if (diagnostics.has_errors() || document.roots().size() != 1 || !document.roots().front()->is_map()) {
    return fail(Code::InvalidArgument,
                "artifactRepositoryRef: ConfigMap " + name + ", key " + repository.key + ": no artifact repository");
  }
  return workflow::to_json(*document.roots().front());
}

Result<Location> ArtifactLocations::resolve(const std::string& location, const std::string& name_space,
                                            const workflow::RepositoryRef& repository) const {
  // The workflow's fields were checked when it was submitted; a ConfigMap's may be anything, and
  // nlohmann's accessors throw.
  try {
    Json json = Json::parse(location);
    Reading reading(objects_, name_space);
    if (const auto raw = json.find("raw"); raw != json.end()) return artifacts::Raw{raw->value("data", "")};
    if (const auto http = json.find("http"); http != json.end()) return std::move(reading).result(reading.http(*http));
    if (const auto git = json.find("git"); git != json.end()) return std::move(reading).result(reading.git(*git));
    Json s3 = json.at("s3");
    if (!s3.contains("bucket")) {
      auto base = repository_json(name_space, repository);
      if (!base) return fail(std::move(base.error()));
      if (base->empty()) return artifacts::Repository{kLocalRepository, s3.value("key", "")};
      Json place = Json::parse(*base).at("s3");
      place.update(s3);
      s3 = std::move(place);
    }
    return std::move(reading).result(reading.s3(s3));
  } catch (const Json::exception& error) {
    return fail(Code::InvalidArgument, std::string("the artifact's location cannot be read: ") + error.what());
  }
}

artifacts::Archive archive_from_json(const std::string& text) {
  artifacts::Archive archive;
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object() || json.empty()) return archive;
  archive.specified = true;
  using Format = artifacts::Archive::Format;
  archive.format = json.contains("none") ? Format::None : json.contains("zip") ? Format::Zip : Format::Tar;
  if (archive.format != Format::Tar || !json["tar"].is_object()) return archive;
  const auto level = json["tar"].find("compressionLevel");
  if (level != json["tar"].end() && level->is_number_integer()) archive.level = level->get<int>();
  return archive;
}

bool is_remote(const Location& location) {
  return !std::holds_alternative<artifacts::Raw>(location) &&
         !std::holds_alternative<artifacts::Repository>(location);
}

}  // namespace gantry
