#include <algorithm>
#include <limits>

#include "workflow/expr/format.h"
#include "workflow/expr/go_text.h"
#include "workflow/expr/sprig.h"

namespace gantry::workflow::expr::sprig {

Value text_of(std::string text, Context& context) {
  return context.spend_text(text.size()) ? Value::text(std::move(text)) : Value();
}
Value list_of(Array items, Context& context) {
  return context.spend_elements(items.size()) ? Value::array(std::move(items)) : Value();
}
std::int64_t parts_wanted(const Value& n, const Context& context) {
  return n.as_int() < 0 ? context.too_many() : std::min(n.as_int(), context.too_many());
}
std::string text_from(const Value& value) {
  const bool bytes = value.is(Kind::String) || value.is(Kind::Bytes);
  return bytes ? std::string(value.as_text()) : print(value);
}

namespace {

Value out_of_bounds(std::int64_t end, std::size_t length, Context& context) {
  return context.fail("runtime error: slice bounds out of range [:" + std::to_string(end) +
                      "] with length " + std::to_string(length));
}

/// goutils AbbreviateFull: at most `width` bytes, dots where something is left out.
std::string abbreviate(std::string_view text, std::int64_t offset, std::int64_t width) {
  const auto size = static_cast<std::int64_t>(text.size());
  if (size <= width) return std::string(text);
  offset = std::min(offset, size);
  if (size - offset < width - 3) offset = size - (width - 3);
  const auto part = [&](std::int64_t from, std::int64_t count) {
    return std::string(
        text.substr(static_cast<std::size_t>(from), static_cast<std::size_t>(count)));
  };
  if (offset <= 4) return part(0, width - 3) + "...";
  if (width < 7) return "";
  if (offset + width - 3 < size) {
    return "..." + abbreviate(text.substr(static_cast<std::size_t>(offset)), 0, width - 3);
  }
  return "..." + part(size - (width - 3), width - 3);
}

Value repeated(std::string_view text, std::int64_t count, Context& context) {
  if (count < 0) return context.fail("strings: negative Repeat count");
  if (count > 1'000'000 || !context.spend_text(text.size() * static_cast<std::size_t>(count))) {
    return context.fail("memory budget exceeded");
  }
  std::string out;
  for (std::int64_t i = 0; i < count; ++i) out += text;
  return Value::text(std::move(out));
}

/// goutils WrapCustom. Cuts bytes, as it does.
Value wrapped(std::string_view text, std::int64_t width, std::string_view line, bool long_words,
              Context& context) {
  if (line.empty()) line = "\n";
  const auto step = static_cast<std::size_t>(std::clamp<std::int64_t>(width, 1, 1 << 30));
  std::string out;
  std::size_t at = 0;
  while (text.size() - at > step) {
    if (out.size() > context.text_left()) return context.fail("memory budget exceeded");
    if (text[at] == ' ') {
      ++at;
      continue;
    }
    const std::size_t blank = text.substr(at, step + 1).rfind(' ');
    if (blank != std::string_view::npos) {
      out.append(text.substr(at, blank)).append(line);
      at += blank + 1;
    } else if (long_words) {
      out.append(text.substr(at, step)).append(line);
      at += step;
    } else {
      const std::size_t end = text.find(' ', at + step);
      out += text.substr(at, end - at);
      at = end == std::string_view::npos ? text.size() : end + 1;
      if (end != std::string_view::npos) out += line;
    }
  }
  return text_of(out.append(text.substr(at)), context);
}

/// Whether a word ends at `rune` (strings.Title).
bool is_separator(char32_t rune) {
  if (rune < 0x80) return !is_letter(rune) && !is_digit(rune) && rune != '_';
  return !is_letter(rune) && !is_digit(rune) && is_space(rune);
}

Value parts_map(const std::vector<std::string_view>& parts, Context& context) {
  if (!context.spend_elements(parts.size())) return {};
  Map out;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    out.emplace_back(Value::text("_" + std::to_string(i)), Value::text(std::string(parts[i])));
  }
  return Value::map(std::move(out));
}

/// strslice: the texts of a list, without its nils; of anything else a list of one.
Array texts_of(const Value& value) {
  Array out;
  if (value.is(Kind::Array)) {
    for (const Value& item : value.as_array()) {
      if (!item.is_nil()) out.push_back(Value::text(text_from(item)));
    }
  } else if (!value.is_nil()) {
    out.push_back(Value::text(text_from(value)));
  }
  return out;
}

}  // namespace

Value hello(Arguments, Context&) { return Value::borrowed("Hello!"); }
Value abbrev(Arguments args, Context& context) {
  const std::int64_t width = args[0].as_int();
  return width < 4 ? args[1] : text_of(abbreviate(args[1].as_text(), 0, width), context);
}
Value abbrevboth(Arguments args, Context& context) {
  const std::int64_t left = args[0].as_int();
  const std::int64_t right = args[1].as_int();
  if (right < 4 || (left > 0 && right < 7)) return args[2];
  return text_of(abbreviate(args[2].as_text(), left, right), context);
}
Value trunc(Arguments args, Context&) {
  const std::int64_t count = args[0].as_int();
  const std::string_view text = args[1].as_text();
  const auto size = static_cast<std::int64_t>(text.size());
  if (count < 0 && count > -size) {
    return Value::text(std::string(text.substr(static_cast<std::size_t>(size + count))));
  }
  if (count >= 0 && size > count) {
    return Value::text(std::string(text.substr(0, static_cast<std::size_t>(count))));
  }
  return args[1];
}
Value trim(Arguments args, Context&) {
  return Value::text(std::string(trim_space(args[0].as_text())));
}
Value upper(Arguments args, Context& context) {
  return text_of(to_upper(args[0].as_text()), context);
}
Value lower(Arguments args, Context& context) {
  return text_of(to_lower(args[0].as_text()), context);
}

Value title(Arguments args, Context& context) {
  std::string out;
  char32_t before = ' ';
  for (const char32_t rune : runes(args[0].as_text())) {
    append_rune(out, is_separator(before) ? to_title(rune) : rune);
    before = rune;
  }
  return text_of(std::move(out), context);
}
Value untitle(Arguments args, Context& context) {
  std::string out;
  bool begins = true;
  for (const char32_t rune : runes(args[0].as_text())) {
    const bool space = is_space(rune);
    append_rune(out, begins && !space ? to_lower(rune) : rune);
    begins = space;
  }
  return text_of(std::move(out), context);
}

Value substr(Arguments args, Context& context) {
  const std::int64_t start = args[0].as_int();
  const std::int64_t end = args[1].as_int();
  const std::string_view text = args[2].as_text();
  const auto size = static_cast<std::int64_t>(text.size());
  const std::int64_t from = std::max<std::int64_t>(start, 0);
  const std::int64_t to = start >= 0 && (end < 0 || end > size) ? size : end;
  if (to > size || to < 0) return out_of_bounds(to, text.size(), context);
  if (from > to) {
    return context.fail("runtime error: slice bounds out of range [" + std::to_string(from) + ":" +
                        std::to_string(to) + "]");
  }
  return Value::text(std::string(
      text.substr(static_cast<std::size_t>(from), static_cast<std::size_t>(to - from))));
}

Value repeat(Arguments args, Context& context) {
  return repeated(args[1].as_text(), args[0].as_int(), context);
}
Value trim_all(Arguments args, Context&) {
  return Value::text(std::string(expr::trim(args[1].as_text(), args[0].as_text())));
}
Value trim_suffix(Arguments args, Context&) {
  std::string_view text = args[1].as_text();
  if (text.ends_with(args[0].as_text())) text.remove_suffix(args[0].as_text().size());
  return Value::text(std::string(text));
}
Value trim_prefix(Arguments args, Context&) {
  std::string_view text = args[1].as_text();
  if (text.starts_with(args[0].as_text())) text.remove_prefix(args[0].as_text().size());
  return Value::text(std::string(text));
}

// goutils takes each byte for a character in these two: what is not ASCII comes out broken, so here
// characters are characters.
Value nospace(Arguments args, Context& context) {
  std::string out;
  for (const char32_t rune : runes(args[0].as_text())) {
    if (!is_space(rune)) append_rune(out, rune);
  }
  return text_of(std::move(out), context);
}
Value initials(Arguments args, Context& context) {
  std::string out;
  bool gap = true;
  for (const char32_t rune : runes(args[0].as_text())) {
    const bool space = is_space(rune);
    if (!space && gap) append_rune(out, rune);
    gap = space;
  }
  return text_of(std::move(out), context);
}

Value swapcase(Arguments args, Context& context) {
  std::string out;
  bool begins = true;
  for (const char32_t rune : runes(args[0].as_text())) {
    if (is_upper(rune) || is_title(rune)) {
      append_rune(out, to_lower(rune));
      begins = false;
    } else if (is_lower(rune)) {
      append_rune(out, begins ? to_title(rune) : to_upper(rune));
      begins = false;
    } else {
      append_rune(out, rune);
      begins = is_space(rune);
    }
  }
  return text_of(std::move(out), context);
}

Value wrap(Arguments args, Context& context) {
  return wrapped(args[1].as_text(), args[0].as_int(), "", false, context);
}
Value wrap_with(Arguments args, Context& context) {
  return wrapped(args[2].as_text(), args[0].as_int(), args[1].as_text(), true, context);
}
Value contains(Arguments args, Context&) {
  return Value::boolean(args[1].as_text().find(args[0].as_text()) != std::string_view::npos);
}
Value has_prefix(Arguments args, Context&) {
  return Value::boolean(args[1].as_text().starts_with(args[0].as_text()));
}
Value has_suffix(Arguments args, Context&) {
  return Value::boolean(args[1].as_text().ends_with(args[0].as_text()));
}

namespace {

/// The arguments that are not nil, each made a text, with blanks between them.
template <class Make>
Value joined(Arguments args, Context& context, const Make& make) {
  std::string out;
  bool first = true;
  for (const Value& value : args) {
    if (value.is_nil()) continue;
    if (!std::exchange(first, false)) out += ' ';
    out += make(value);
  }
  return text_of(std::move(out), context);
}

}  // namespace

Value quote(Arguments args, Context& context) {
  return joined(args, context, [](const Value& value) { return expr::quote(text_from(value)); });
}
Value squote(Arguments args, Context& context) {
  return joined(args, context, [](const Value& value) { return "'" + print(value) + "'"; });
}
Value cat(Arguments args, Context& context) { return joined(args, context, print); }

Value indent(Arguments args, Context& context) {
  const std::int64_t spaces = args[0].as_int();
  if (spaces < 0) return context.fail("strings: negative Repeat count");
  if (static_cast<std::size_t>(spaces) > context.text_left()) {
    return context.fail("memory budget exceeded");
  }
  const std::string pad(static_cast<std::size_t>(spaces), ' ');
  return text_of(pad + expr::replace(args[1].as_text(), "\n", "\n" + pad, -1, context.text_left()),
                 context);
}
Value nindent(Arguments args, Context& context) {
  const Value inner = indent(args, context);
  return context.failed() ? Value() : text_of("\n" + std::string(inner.as_text()), context);
}
Value replace(Arguments args, Context& context) {
  return text_of(expr::replace(args[2].as_text(), args[0].as_text(), args[1].as_text(), -1,
                               context.text_left()),
                 context);
}
Value plural(Arguments args, Context&) { return args[2].as_int() == 1 ? args[0] : args[1]; }
Value to_string(Arguments args, Context& context) { return text_of(text_from(args[0]), context); }

Value split(Arguments args, Context& context) {
  return parts_map(expr::split(args[1].as_text(), args[0].as_text(), context.too_many()), context);
}
Value splitn(Arguments args, Context& context) {
  return parts_map(
      expr::split(args[2].as_text(), args[0].as_text(), parts_wanted(args[1], context)), context);
}
Value split_list(Arguments args, Context& context) {
  Array out;
  for (const auto part : expr::split(args[1].as_text(), args[0].as_text(), context.too_many()))
    out.push_back(Value::text(std::string(part)));
  return list_of(std::move(out), context);
}
Value to_strings(Arguments args, Context& context) { return list_of(texts_of(args[0]), context); }

Value join(Arguments args, Context& context) {
  std::string out;
  bool first = true;
  for (const Value& text : texts_of(args[1])) {
    if (!std::exchange(first, false)) out += args[0].as_text();
    out += text.as_text();
    if (out.size() > context.text_left()) return context.fail("memory budget exceeded");
  }
  return text_of(std::move(out), context);
}
Value sort_alpha(Arguments args, Context& context) {
  if (!args[0].is(Kind::Array)) return list_of({Value::text(text_from(args[0]))}, context);
  Array texts = texts_of(args[0]);
  std::ranges::sort(texts, {}, [](const Value& text) { return text.as_text(); });
  return list_of(std::move(texts), context);
}
Value fail(Arguments args, Context& context) {
  return context.fail(std::string(args[0].as_text()));
}

}  // namespace gantry::workflow::expr::sprig
