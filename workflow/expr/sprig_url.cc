// urlParse and urlJoin: Go's net/url, as far as its parts are kept in a map.

#include <array>
#include <cstdio>

#include "base/error.h"
#include "workflow/expr/sprig.h"

namespace gantry::workflow::expr::sprig {
namespace {

bool is_alnum(char c) { return ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || (c >= '0' && c <= '9'); }
int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/// Without %41; nothing when an escape is broken.
std::optional<std::string> unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    if (i + 2 >= text.size() || hex(text[i + 1]) < 0 || hex(text[i + 2]) < 0) return std::nullopt;
    out += static_cast<char>(hex(text[i + 1]) * 16 + hex(text[i + 2]));
    i += 2;
  }
  return out;
}

/// With %41 for what is neither a letter, a digit nor in `plain`.
std::string escaped(std::string_view text, std::string_view plain) {
  std::string out;
  char code[4];
  for (const char c : text) {
    if (is_alnum(c) || plain.find(c) != std::string_view::npos) {
      out += c;
    } else {
      std::snprintf(code, sizeof code, "%%%02X", static_cast<unsigned char>(c));
      out += code;
    }
  }
  return out;
}
constexpr std::string_view kPlainInPath = "-_.~$&+,/:;=@";
constexpr std::string_view kPlainInFragment = "-_.~$&+,/:;=@?!()*";
constexpr std::string_view kPlainInUser = "-_.~$&+,;=";
constexpr std::string_view kPlainInHost = "-_.~!$&'()*+,;=:[]<>\"";

struct Url {
  std::string scheme, user, host, path, query, opaque, fragment;
};

/// "user" or "user:password", escaped anew; nothing when it is broken.
std::optional<std::string> clean_user(std::string_view written) {
  const std::size_t colon = written.find(':');
  const auto name = unescaped(written.substr(0, colon));
  if (!name) return std::nullopt;
  std::string out = escaped(*name, kPlainInUser);
  if (colon != std::string_view::npos) {
    const auto password = unescaped(written.substr(colon + 1));
    if (!password) return std::nullopt;
    out += ":" + escaped(*password, kPlainInUser);
  }
  return out;
}

/// url.Parse; the error is its reason.
Result<Url> parse(std::string_view text) {
  const auto wrong = [](std::string why) {
    return gantry::fail(Code::InvalidArgument, std::move(why));
  };
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7F) {
      return wrong("net/url: invalid control character in URL");
    }
  }
  Url url;
  if (const std::size_t hash = text.find('#'); hash != std::string_view::npos) {
    auto fragment = unescaped(text.substr(hash + 1));
    if (!fragment) return wrong("invalid URL escape");
    url.fragment = std::move(*fragment);
    text = text.substr(0, hash);
  }
  // A scheme is a letter and letters, digits and + - . before the first colon.
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
    if (letter || (i > 0 && (is_alnum(c) || c == '+' || c == '-' || c == '.'))) continue;
    if (c == ':') {
      if (i == 0) return wrong("missing protocol scheme");
      for (const char s : text.substr(0, i))
        url.scheme += static_cast<char>(s >= 'A' && s <= 'Z' ? s | 0x20 : s);
      text = text.substr(i + 1);
    }
    break;
  }
  if (const std::size_t mark = text.find('?'); mark != std::string_view::npos) {
    url.query = text.substr(mark + 1);
    text = text.substr(0, mark);
  }
  if (!url.scheme.empty() && !text.starts_with('/')) {
    url.opaque = text;
    return url;
  }
  if (url.scheme.empty() && text.substr(0, text.find('/')).find(':') != std::string_view::npos) {
    return wrong("first path segment in URL cannot contain colon");
  }
  if (text.starts_with("//") && (!url.scheme.empty() || !text.starts_with("///"))) {
    std::string_view authority = text.substr(2, text.find('/', 2) - 2);
    text = text.substr(authority.size() + 2);
    if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos) {
      auto user = clean_user(authority.substr(0, at));
      if (!user) return wrong("net/url: invalid userinfo");
      url.user = std::move(*user);
      authority = authority.substr(at + 1);
    }
    auto host = unescaped(authority);
    if (!host) return wrong("invalid URL escape");
    const std::size_t colon = authority.rfind(':');
    const bool six = authority.starts_with('[');
    if (colon != std::string_view::npos && !(six && authority.find(']') > colon) &&
        authority.substr(colon + 1).find_first_not_of("0123456789") != std::string_view::npos) {
      return wrong("invalid port \"" + std::string(authority.substr(colon)) + "\" after host");
    }
    if (authority.find(' ') != std::string_view::npos)
      return wrong("invalid character \" \" in host name");
    url.host = std::move(*host);
  }
  auto path = unescaped(text);
  if (!path) return wrong("invalid URL escape");
  url.path = std::move(*path);
  return url;
}

std::string_view hostname(std::string_view host) {
  if (host.starts_with('[')) {
    const std::size_t end = host.find(']');
    return end == std::string_view::npos ? host : host.substr(1, end - 1);
  }
  return host.substr(0, host.find(':'));
}

}  // namespace

Value url_parse(Arguments args, Context& context) {
  const std::string written(args[0].as_text());
  auto url = parse(written);
  if (!url)
    return context.fail("unable to parse url: parse \"" + written + "\": " + url.error().message);
  if (!context.spend_text(written.size() * 4) || !context.spend_elements(8)) return {};
  std::string host_name(hostname(url->host));
  Map out;
  out.emplace_back(Value::borrowed("scheme"), Value::text(std::move(url->scheme)));
  out.emplace_back(Value::borrowed("userinfo"), Value::text(std::move(url->user)));
  out.emplace_back(Value::borrowed("host"), Value::text(std::move(url->host)));
  out.emplace_back(Value::borrowed("hostname"), Value::text(std::move(host_name)));
  out.emplace_back(Value::borrowed("path"), Value::text(std::move(url->path)));
  out.emplace_back(Value::borrowed("query"), Value::text(std::move(url->query)));
  out.emplace_back(Value::borrowed("opaque"), Value::text(std::move(url->opaque)));
  out.emplace_back(Value::borrowed("fragment"), Value::text(std::move(url->fragment)));
  return Value::map(std::move(out));
}

Value url_join(Arguments args, Context& context) {
  Url url;
  const std::pair<std::string_view, std::string*> fields[] = {
      {"scheme", &url.scheme},    {"userinfo", &url.user}, {"host", &url.host},
      {"path", &url.path},        {"query", &url.query},   {"opaque", &url.opaque},
      {"fragment", &url.fragment}};
  for (const auto& [name, field] : fields) {
    const Value* value = args[0].find(name);
    if (value == nullptr) continue;
    if (!value->is(Kind::String)) {
      return context.fail("unable to parse " + std::string(name) +
                          " key, must be of type string, but " + std::string(go_type(*value)) +
                          " found");
    }
    *field = value->as_text();
  }
  if (!url.user.empty()) {
    auto user = clean_user(url.user);
    if (!user) return context.fail("unable to parse userinfo in dict: net/url: invalid userinfo");
    url.user = std::move(*user);
  }
  // URL.String
  std::string out = url.scheme.empty() ? "" : url.scheme + ":";
  if (!url.opaque.empty()) {
    out += url.opaque;
  } else {
    const std::string path = url.path == "*" ? "*" : escaped(url.path, kPlainInPath);
    if (!url.scheme.empty() || !url.host.empty() || !url.user.empty()) {
      if (!url.host.empty() || !url.path.empty() || !url.user.empty()) out += "//";
      if (!url.user.empty()) out += url.user + "@";
      out += escaped(url.host, kPlainInHost);
    }
    if (!path.empty() && path[0] != '/' && !url.host.empty()) out += '/';
    if (out.empty() && path.substr(0, path.find('/')).find(':') != std::string::npos) out += "./";
    out += path;
  }
  if (!url.query.empty()) out += "?" + url.query;
  if (!url.fragment.empty()) out += "#" + escaped(url.fragment, kPlainInFragment);
  return text_of(std::move(out), context);
}

}  // namespace gantry::workflow::expr::sprig
