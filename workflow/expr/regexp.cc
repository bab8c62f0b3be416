#include "workflow/expr/regexp.h"

#include <re2/re2.h>

#include <charconv>

#include "workflow/expr/go_text.h"
#include "workflow/regexp_error.h"

namespace gantry::workflow::expr {
namespace {

using re2::RE2;
using re2::StringPiece;

StringPiece piece(std::string_view text) { return {text.data(), text.size()}; }

/// Walks over the matches of a text as Go does: an empty match right behind a match does not count.
template <class Visit>
void each_match(const RE2& compiled, std::string_view text, int groups, const Visit& visit) {
  std::vector<StringPiece> found(static_cast<std::size_t>(groups));
  std::size_t at = 0;
  std::size_t last_end = std::string_view::npos;
  while (at <= text.size()) {
    if (!compiled.Match(piece(text), at, text.size(), RE2::UNANCHORED, found.data(), groups))
      return;
    const std::size_t begin = static_cast<std::size_t>(found[0].data() - text.data());
    const std::size_t end = begin + found[0].size();
    const bool counts = end > begin || begin != last_end;
    if (counts && !visit(begin, end, found)) return;
    last_end = end;
    at = end > at ? end : at + std::max<std::size_t>(decode_rune(text.substr(at)).size, 1);
  }
}

/// The name or number behind a `$` at the front of `rest`, which is taken off; nothing when it is
/// none (regexp.Expand).
std::string_view take_reference(std::string_view& rest) {
  const bool braces = rest.substr(1, 1) == "{";
  std::size_t end = braces ? 2 : 1;
  const std::size_t begin = end;
  while (end < rest.size()) {
    const Rune rune = decode_rune(rest.substr(end));
    if (rune.code != '_' && !is_letter(rune.code) && !is_digit(rune.code)) break;
    end += rune.size;
  }
  if (end == begin || (braces && rest.substr(end, 1) != "}")) return {};
  const std::string_view name = rest.substr(begin, end - begin);
  rest.remove_prefix(braces ? end + 1 : end);
  return name;
}

void expand(const RE2& compiled, std::string_view with, const std::vector<StringPiece>& found,
            std::string& out) {
  while (!with.empty()) {
    const std::size_t dollar = with.find('$');
    out += with.substr(0, dollar);
    if (dollar == std::string_view::npos) return;
    with.remove_prefix(dollar);
    if (with.starts_with("$$")) {
      out += '$';
      with.remove_prefix(2);
      continue;
    }
    const std::string_view name = take_reference(with);
    if (name.empty()) {
      out += '$';
      with.remove_prefix(1);
      continue;
    }
    std::size_t group = found.size();
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), group);
    if (error != std::errc() || end != name.data() + name.size()) {
      const auto& names = compiled.NamedCapturingGroups();
      const auto named = names.find(std::string(name));
      group = named == names.end() ? found.size() : static_cast<std::size_t>(named->second);
    }
    if (group < found.size()) out.append(found[group].data(), found[group].size());
  }
}

}  // namespace

Result<Regexp> Regexp::compile(std::string_view pattern) {
  RE2::Options options(RE2::Quiet);
  options.set_max_mem(4 << 20);
  auto compiled = std::make_shared<const RE2>(piece(pattern), options);
  if (!compiled->ok()) {
    std::string message = "error parsing regexp: ";
    message += regexp_error(compiled->error_code());
    if (!compiled->error_arg().empty()) message += ": `" + compiled->error_arg() + "`";
    return fail(Code::InvalidArgument, std::move(message));
  }
  Regexp regexp;
  regexp.compiled_ = std::move(compiled);
  return regexp;
}

bool Regexp::matches(std::string_view text) const {
  return RE2::PartialMatch(piece(text), *compiled_);
}

std::vector<std::pair<std::size_t, std::size_t>> Regexp::find_all(std::string_view text,
                                                                  std::int64_t n) const {
  std::vector<std::pair<std::size_t, std::size_t>> all;
  if (n == 0) return all;
  each_match(*compiled_, text, 1, [&](std::size_t begin, std::size_t end, const auto&) {
    all.emplace_back(begin, end);
    return n < 0 || static_cast<std::int64_t>(all.size()) < n;
  });
  return all;
}

std::string Regexp::replace_all(std::string_view text, std::string_view with, bool literal,
                                std::size_t limit) const {
  std::string out;
  std::size_t copied = 0;
  const int groups = literal ? 1 : compiled_->NumberOfCapturingGroups() + 1;
  each_match(*compiled_, text, groups,
             [&](std::size_t begin, std::size_t end, const std::vector<StringPiece>& found) {
               out += text.substr(copied, begin - copied);
               copied = end;
               if (literal) {
                 out += with;
               } else {
                 expand(*compiled_, with, found, out);
               }
               return out.size() <= limit;
             });
  return out.append(text.substr(copied));
}

std::vector<std::string_view> Regexp::split(std::string_view text, std::int64_t n) const {
  std::vector<std::string_view> parts;
  if (n == 0) return parts;
  if (!compiled_->pattern().empty() && text.empty()) return {text};
  std::size_t begin = 0;
  std::size_t end = 0;
  for (const auto& [match, match_end] : find_all(text, n)) {
    if (n > 0 && static_cast<std::int64_t>(parts.size()) == n - 1) break;
    end = match;
    if (match_end != 0) parts.push_back(text.substr(begin, end - begin));
    begin = match_end;
  }
  if (end != text.size()) parts.push_back(text.substr(begin));
  return parts;
}

std::string Regexp::quote_meta(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (std::string_view("\\.+*?()|[]{}^$").find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

}  // namespace gantry::workflow::expr
