#include "runtime/containerd/reference.h"

#include <algorithm>
#include <string>
#include <utility>

namespace gantry::containerd {
namespace {

constexpr std::string_view kDefaultDomain = "docker.io";
constexpr std::string_view kLegacyDomain = "index.docker.io";
constexpr std::size_t kMaxName = 255;
constexpr std::size_t kMaxTag = 128;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_letter(char c) { return is_lower(c) || is_upper(c); }
bool is_alnum(char c) { return is_letter(c) || is_digit(c); }
bool is_lower_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); }

bool all(std::string_view text, bool (*is)(char)) {
  return std::all_of(text.begin(), text.end(), is);
}

/// Calls `part` for every piece of `text` between separators; false as soon as one says so.
template <class Part>
bool each_part(std::string_view text, char separator, Part part) {
  for (;;) {
    const auto end = text.find(separator);
    if (!part(text.substr(0, end))) return false;
    if (end == std::string_view::npos) return true;
    text.remove_prefix(end + 1);
  }
}

/// `[a-z0-9]+(?:(?:[._]|__|[-]*)[a-z0-9]+)*`
bool is_path_component(std::string_view text) {
  const auto plain = [](char c) { return is_lower(c) || is_digit(c); };
  if (text.empty() || !plain(text.front()) || !plain(text.back())) return false;
  for (std::size_t i = 0; i < text.size();) {
    if (plain(text[i])) {
      ++i;
      continue;
    }
    const char separator = text[i];
    std::size_t length = 0;
    while (i < text.size() && text[i] == separator) ++i, ++length;
    const bool good =
        separator == '-' || (separator == '_' && length <= 2) || (separator == '.' && length == 1);
    if (!good || !plain(text[i])) return false;
  }
  return true;
}

/// Labels of letters, digits and inner dashes, joined by dots; then perhaps `:` and a port.
bool is_domain(std::string_view text) {
  if (const auto colon = text.find(':'); colon != std::string_view::npos) {
    const auto port = text.substr(colon + 1);
    if (port.empty() || !all(port, is_digit)) return false;
    text = text.substr(0, colon);
  }
  return each_part(text, '.', [](std::string_view label) {
    return !label.empty() && is_alnum(label.front()) && is_alnum(label.back()) &&
           all(label, [](char c) { return is_alnum(c) || c == '-'; });
  });
}

bool is_tag(std::string_view text) {
  const auto word = [](char c) { return is_alnum(c) || c == '_'; };
  return !text.empty() && text.size() <= kMaxTag && word(text.front()) &&
         all(text, [](char c) { return is_alnum(c) || c == '_' || c == '.' || c == '-'; });
}

/// The algorithms that go-digest knows, with as many lower-case digits as each has.
bool is_digest(std::string_view text) {
  const auto colon = text.find(':');
  if (colon == std::string_view::npos) return false;
  const auto algorithm = text.substr(0, colon);
  const auto hex = text.substr(colon + 1);
  const std::size_t length = algorithm == "sha256"   ? 64
                             : algorithm == "sha384" ? 96
                             : algorithm == "sha512" ? 128
                                                     : 0;
  return length != 0 && hex.size() == length && all(hex, is_lower_hex);
}

}  // namespace

std::string Reference::name() const {
  // A digest says everything; containerd's ParseDockerRef drops the tag beside it.
  return digest.empty() ? repository() + ":" + tag : repository() + "@" + digest;
}

Result<Reference> parse_reference(std::string_view text) {
  const auto bad = [&](std::string_view why) {
    return fail(Code::InvalidArgument,
                "invalid image name \"" + std::string(text) + "\": " + std::string(why));
  };
  if (text.empty()) return bad("it is empty");
  if (text.size() == 64 && all(text, is_lower_hex)) {
    return bad("64 hexadecimal digits are an id, not a name");
  }

  Reference reference;
  std::string_view rest = text;
  // Before anything else: a first piece with a dot or a colon (or `localhost`) is a registry, all
  // others are Docker Hub.
  const auto slash = rest.find('/');
  if (slash == std::string_view::npos ||
      (rest.substr(0, slash).find_first_of(".:") == std::string_view::npos &&
       rest.substr(0, slash) != "localhost")) {
    reference.domain = kDefaultDomain;
  } else {
    reference.domain = rest.substr(0, slash);
    rest.remove_prefix(slash + 1);
    if (reference.domain == kLegacyDomain) reference.domain = kDefaultDomain;
  }
  if (!is_domain(reference.domain)) return bad("\"" + reference.domain + "\" is not a registry");
  const bool official =
      reference.domain == kDefaultDomain && rest.find('/') == std::string_view::npos;

  if (const auto at = rest.find('@'); at != std::string_view::npos) {
    reference.digest = rest.substr(at + 1);
    if (!is_digest(reference.digest)) return bad("\"" + reference.digest + "\" is not a digest");
    rest = rest.substr(0, at);
  }
  if (const auto colon = rest.find(':'); colon != std::string_view::npos) {
    reference.tag = rest.substr(colon + 1);
    if (!is_tag(reference.tag)) return bad("\"" + reference.tag + "\" is not a tag");
    rest = rest.substr(0, colon);
  }
  if (std::any_of(rest.begin(), rest.end(), is_upper)) {
    return bad("the repository name must be lower case");
  }
  if (!each_part(rest, '/', is_path_component)) {
    return bad("\"" + std::string(rest) + "\" is not a repository name");
  }
  reference.path = official ? "library/" + std::string(rest) : std::string(rest);
  if (reference.repository().size() > kMaxName) {
    return bad("the repository name is longer than 255 characters");
  }
  if (reference.tag.empty() && reference.digest.empty()) reference.tag = "latest";
  return reference;
}

runtime::PullPolicy default_pull_policy(const Reference& reference) {
  return reference.tag == "latest" ? runtime::PullPolicy::Always
                                   : runtime::PullPolicy::IfNotPresent;
}

bool is_loopback_registry(std::string_view domain) {
  if (domain == "::1" || domain.starts_with("[::1]")) return true;
  const auto host = domain.substr(0, domain.find(':'));
  if (host == "localhost") return true;
  if (!host.starts_with("127.")) return false;
  return all(host, [](char c) { return is_digit(c) || c == '.'; }) &&
         std::count(host.begin(), host.end(), '.') == 3;
}

}  // namespace gantry::containerd
