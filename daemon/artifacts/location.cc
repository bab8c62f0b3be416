#include "daemon/artifacts/location.h"

#include <algorithm>

namespace gantry::artifacts {
namespace {

struct Describe {
  std::string operator()(const Raw&) const { return "raw"; }
  std::string operator()(const Http& http) const { return public_url(http.url); }
  std::string operator()(const Git& git) const { return public_url(git.repo); }
  std::string operator()(const S3& s3) const { return "s3://" + s3.bucket + "/" + s3.key; }
  std::string operator()(const Repository& local) const { return local.name + ":" + local.key; }
};

/// Where the user information of the URL that begins with "://" at `scheme_end` stands: {begin, end
/// of "user:password@"}.
std::pair<std::size_t, std::size_t> user_information(const std::string& text,
                                                     std::size_t scheme_end) {
  const std::size_t begin = scheme_end + 3;
  const std::size_t end = std::min(text.find_first_of("/?# \t\n'\"", begin), text.size());
  const std::size_t at = text.substr(begin, end - begin).rfind('@');
  return {begin, at == std::string::npos ? begin : begin + at + 1};
}

}  // namespace

std::string describe(const Location& location) { return std::visit(Describe{}, location); }

std::string public_url(const std::string& url) {
  return redact(url.substr(0, url.find_first_of("?#")), {});
}

std::string redact(std::string text, const std::vector<std::string>& secrets) {
  for (const std::string& secret : secrets) {
    if (secret.size() < 4) continue;
    std::string clean;
    std::size_t begin = 0;
    for (auto at = text.find(secret); at != std::string::npos; at = text.find(secret, begin)) {
      clean.append(text, begin, at - begin).append("***");
      begin = at + secret.size();
    }
    text = clean.append(text, begin);
  }
  for (auto at = text.find("://"); at != std::string::npos; at = text.find("://", at + 3)) {
    const auto [begin, end] = user_information(text, at);
    text.erase(begin, end - begin);
  }
  return text;
}

}  // namespace gantry::artifacts
