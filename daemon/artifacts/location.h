#pragma once

// Where an artifact is (pkg/apis/workflow/v1alpha1/workflow_types.go, ArtifactLocation), with every
// secret already resolved. Values; nobody prints them: describe() says in messages where something
// is, and no more.

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace gantry::artifacts {

/// The text itself. Input only.
struct Raw {
  std::string data;
};

struct BasicAuth {
  std::string user, password;
};
/// PEM both.
struct ClientCertificate {
  std::string certificate, key;
};
/// Client credentials grant: a token is fetched before each transfer.
struct OAuth2 {
  std::string client_id, client_secret, token_url;
  std::vector<std::string> scopes;
  std::vector<std::pair<std::string, std::string>> endpoint_params;
};

/// GET to load, PUT to save.
struct Http {
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;
  BasicAuth basic;  ///< used when both are given
  std::optional<ClientCertificate> client_certificate;
  std::optional<OAuth2> oauth2;
};

/// Input only.
struct Git {
  std::string repo;
  std::string revision;            ///< branch, tag, hash, …; empty: what the remote's HEAD is
  int depth = 0;                   ///< 0: all
  std::vector<std::string> fetch;  ///< refspecs
  bool single_branch = false;
  std::string branch;  ///< required by single_branch
  bool disable_submodules = false;
  bool insecure_ignore_host_key = false;
  bool insecure_skip_tls = false;
  std::string user, password;
  std::string ssh_private_key;
};

struct S3 {
  std::string endpoint;  ///< host[:port]
  std::string bucket;
  std::string region;  ///< empty: asked of the server
  std::string key;
  std::string access_key, secret_key, session_token;  ///< without keys, requests are not signed
  bool insecure = false;                              ///< http
  std::string ca;                                     ///< PEM; empty: the system's
  enum class Addressing : std::uint8_t { Auto, Path, VirtualHosted };
  Addressing addressing = Addressing::Auto;
  bool create_bucket = false;  ///< before the first save
};

/// A local repository of this host.
struct Repository {
  std::string name;
  std::string key;
};

using Location = std::variant<Raw, Http, Git, S3, Repository>;

/// "s3://bucket/key", "https://host/path": without user, password, query and fragment.
std::string describe(const Location& location);
/// The same for a URL alone.
std::string public_url(const std::string& url);
/// `text` with each of `secrets` (of 4 bytes or more) as "***", and without user and password in
/// URLs.
std::string redact(std::string text, const std::vector<std::string>& secrets);

}  // namespace gantry::artifacts
