#include "api/query.h"

#include <algorithm>
#include <charconv>

namespace gantry::api {
namespace {

int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

tl::unexpected<Error> bad(std::string_view name, std::string_view value, std::string_view wanted) {
  return fail(Code::InvalidArgument, "query parameter " + std::string(name) + ": \"" +
                                         std::string(value) + "\" is not " + std::string(wanted));
}

}  // namespace

std::optional<std::string> percent_decode(std::string_view text, bool form) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '+' && form) {
      c = ' ';
    } else if (c == '%') {
      if (i + 2 >= text.size()) return std::nullopt;
      int high = hex(text[i + 1]), low = hex(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      c = static_cast<char>(high * 16 + low);
      i += 2;
    }
    if (c == '\0') return std::nullopt;
    out.push_back(c);
  }
  return out;
}

Result<Query> Query::parse(std::string_view text) {
  Query query;
  while (!text.empty()) {
    std::size_t end = std::min(text.find('&'), text.size());
    std::string_view item = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (item.empty()) continue;
    std::size_t equals = item.find('=');
    auto name = percent_decode(item.substr(0, equals), true);
    auto value = equals == std::string_view::npos ? std::string()
                                                  : percent_decode(item.substr(equals + 1), true);
    if (!name || !value) {
      return fail(Code::InvalidArgument,
                  "the query has a broken percent escape in \"" + std::string(item) + "\"");
    }
    query.pairs_.emplace_back(std::move(*name), std::move(*value));
  }
  return query;
}

const std::string& Query::text(std::string_view name) const {
  static const std::string kEmpty;
  auto found = std::find_if(pairs_.rbegin(), pairs_.rend(),
                            [&](const auto& pair) { return pair.first == name; });
  return found == pairs_.rend() ? kEmpty : found->second;
}

bool Query::has(std::string_view name) const {
  return std::any_of(pairs_.begin(), pairs_.end(),
                     [&](const auto& pair) { return pair.first == name; });
}

std::vector<std::string> Query::all(std::string_view name) const {
  std::vector<std::string> values;
  for (const auto& [key, value] : pairs_) {
    if (key == name) values.push_back(value);
  }
  return values;
}

Result<bool> Query::boolean(std::string_view name) const {
  const std::string& value = text(name);
  for (std::string_view yes : {"1", "t", "T", "TRUE", "true", "True"}) {
    if (value == yes) return true;
  }
  for (std::string_view no : {"", "0", "f", "F", "FALSE", "false", "False"}) {
    if (value == no) return false;
  }
  return bad(name, value, "true or false");
}

Result<std::optional<std::uint64_t>> Query::number(std::string_view name) const {
  const std::string& value = text(name);
  if (value.empty()) return std::nullopt;
  std::uint64_t number = 0;
  auto [rest, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc() || rest != value.data() + value.size()) {
    return bad(name, value, "a whole number of 0 or more");
  }
  return number;
}

Result<std::optional<Time>> Query::time(std::string_view name) const {
  const std::string& value = text(name);
  if (value.empty()) return std::nullopt;
  auto time = parse_rfc3339(value);
  if (!time) return bad(name, value, "a time such as 2006-01-02T15:04:05Z");
  return time;
}

}  // namespace gantry::api
