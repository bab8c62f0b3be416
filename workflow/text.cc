#include "workflow/text.h"

#include <algorithm>
#include <array>

#include "workflow/expr/expression.h"

namespace gantry::workflow {
namespace {

constexpr std::string_view kOpen = "{{";
constexpr std::string_view kClose = "}}";

std::string_view trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\n\v\f\r";
  const std::size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

std::string at_offset(std::string_view source, std::size_t offset) {
  constexpr std::size_t kShown = 40;
  std::string_view shown = source.substr(offset);
  const bool cut = shown.size() > kShown;
  if (cut) shown = shown.substr(0, kShown);
  // Neither the next line nor half a character belongs into a message of one line.
  if (const std::size_t end = shown.find('\n'); end != std::string_view::npos) {
    shown = shown.substr(0, end);
  } else if (cut) {
    while (!shown.empty() && (shown.back() & 0xC0) == 0x80) shown.remove_suffix(1);
    if (!shown.empty() && (shown.back() & 0x80) != 0) shown.remove_suffix(1);
  }
  return "offset " + std::to_string(offset) + ": `" + std::string(shown) + (cut ? "…`" : "`");
}

/// A scope as an expression sees it.
class ScopeNames final : public expr::Names {
 public:
  explicit ScopeNames(const Scope& scope) : scope_(scope) {}

  [[nodiscard]] std::optional<expr::Value> find(std::string_view name) const override {
    // Of a list of parameters as JSON and the parameters below it, the expression sees the latter.
    if (is_map_too(name) && has_names_below(name)) return std::nullopt;
    if (auto value = scope_.lookup(name)) return expr::Value::text(std::move(*value));
    if (scope_.is_absent(name)) return expr::Value();
    return std::nullopt;
  }
  [[nodiscard]] bool has_below(std::string_view name) const override {
    return scope_.has_below(name);
  }
  void for_each_below(
      std::string_view name,
      const std::function<void(std::string_view, expr::Value)>& visit) const override {
    scope_.for_each_below(name, [&](std::string_view below, std::optional<std::string> value) {
      visit(below, value ? expr::Value::text(std::move(*value)) : expr::Value());
    });
  }

 private:
  static bool is_map_too(std::string_view name) {
    constexpr std::array kBoth = {std::string_view("parameters"), std::string_view("labels"),
                                  std::string_view("annotations"),
                                  std::string_view("creationTimestamp"), std::string_view("item")};
    const std::string_view last = name.substr(name.rfind('.') + 1);
    return std::find(kBoth.begin(), kBoth.end(), last) != kBoth.end();
  }
  [[nodiscard]] bool has_names_below(std::string_view name) const {
    bool any = false;
    scope_.for_each_below(name, [&](std::string_view, const auto&) { any = true; });
    return any;
  }

  const Scope& scope_;
};

/// `steps`, `steps.a`, `steps.a.outputs`: no variable of Argo's, but a map of them in an
/// expression.
bool is_map(std::string_view name) {
  const std::size_t dot = name.find('.');
  if (dot == std::string_view::npos) return has_known_prefix(std::string(name) + ".");
  const std::string_view first = name.substr(0, dot);
  const bool node = first == "steps" || first == "tasks";
  return name.ends_with(".outputs") ||
         (node && name.find('.', dot + 1) == std::string_view::npos && !name.ends_with(".name"));
}

/// The text that stands for an expression tag; nothing when the tag stays as it is.
Result<std::optional<std::string>> evaluate(const expr::Expression& expression,
                                            const Scope& scope) {
  constexpr std::string_view kFailed = "failed to evaluate expression";
  const auto value =
      expression.evaluate(ScopeNames(scope), scope.facts(),
                          {.missing = expr::Evaluation::Missing::Error, .budget = {}});
  if (!value) {
    if (value.error().code == Code::NotFound) return std::nullopt;
    const bool missing = value.error().code == Code::FailedPrecondition;
    return fail(missing ? Code::NotFound : Code::InvalidArgument,
                std::string(kFailed) + ": " + value.error().message);
  }
  if (value->is_nil()) {
    return fail(Code::InvalidArgument,
                std::string(kFailed) + " \"" + expression.source() + "\": the result is nil");
  }
  auto text = expr::to_text(*value);
  if (!text) return fail(std::move(text.error()));
  return std::optional(std::move(*text));
}

}  // namespace

bool Scope::is_absent(std::string_view) const { return false; }
void Scope::for_each_below(
    std::string_view,
    const std::function<void(std::string_view, std::optional<std::string>)>&) const {}
bool Scope::has_below(std::string_view name) const {
  return has_known_prefix(std::string(name) + ".");
}
const expr::Facts& Scope::facts() const {
  static const expr::Facts none;
  return none;
}

/// Cuts a source into segments. Every byte is looked at once.
class TextParser {
 public:
  explicit TextParser(std::string_view source) : source_(source) {}

  Result<std::vector<Text::Segment>> run() {
    std::vector<Text::Segment> segments;
    std::size_t literal = 0;
    for (std::size_t open = source_.find(kOpen); open != std::string_view::npos;
         open = source_.find(kOpen, at_)) {
      add_literal(segments, literal, open);
      at_ = open + kOpen.size();
      auto tag = parse_tag(1);
      if (!tag) return fail(std::move(tag.error()));
      segments.push_back(std::move(*tag));
      literal = at_;
    }
    if (!segments.empty()) add_literal(segments, literal, source_.size());
    return segments;
  }

 private:
  /// at_ stands behind the tag's `{{`; afterwards it stands behind its `}}`.
  Result<Text::Segment> parse_tag(int depth) {
    const std::size_t begin = at_;
    if (depth > Text::kMaxNesting) {
      return fail(Code::InvalidArgument, "tags nest more than " +
                                             std::to_string(Text::kMaxNesting) + " deep at " +
                                             at_offset(source_, begin - kOpen.size()));
    }
    if (source_.substr(begin, 1) == "=") return parse_expression(begin);
    Text::Segment tag{.tag = true, .literal = {}, .name = {}, .expression = nullptr};
    std::size_t literal = begin;
    for (;;) {
      at_ = source_.find_first_of("{}", at_);
      if (at_ == std::string_view::npos) {
        return fail(Code::InvalidArgument, "Cannot find end tag=\"}}\" of the tag at " +
                                               at_offset(source_, begin - kOpen.size()));
      }
      if (source_.substr(at_, kClose.size()) == kClose) {
        if (tag.name.empty()) {
          tag.literal = source_.substr(begin, at_ - begin);
        } else {
          add_literal(tag.name, literal, at_);
        }
        at_ += kClose.size();
        return tag;
      }
      if (source_[at_] == '}') {
        ++at_;
        continue;
      }
      const std::size_t run_end = std::min(source_.find_first_not_of('{', at_), source_.size());
      const std::size_t inner = run_end - at_ < kOpen.size() ? begin : run_end - kOpen.size();
      at_ = run_end;
      if (inner == begin) continue;  // a single brace, or two right at the start of the tag
      add_literal(tag.name, literal, inner);
      auto nested = parse_tag(depth + 1);
      if (!nested) return nested;
      tag.name.push_back(std::move(*nested));
      literal = at_;
    }
  }

  /// `begin` stands at the tag's `=`.
  Result<Text::Segment> parse_expression(std::size_t begin) {
    const std::size_t end = source_.find(kClose, begin);
    if (end == std::string_view::npos) {
      return fail(Code::InvalidArgument, "Cannot find end tag=\"}}\" of the tag at " +
                                             at_offset(source_, begin - kOpen.size()));
    }
    at_ = end + kClose.size();
    const std::string_view written = source_.substr(begin + 1, end - begin - 1);
    auto expression = expr::Expression::parse(written);
    if (!expression) {
      std::string message = "invalid expression in the tag at " +
                            at_offset(source_, begin - kOpen.size()) + ": " +
                            expression.error().message;
      if (written.find(kOpen) != std::string_view::npos) {
        message += "; a variable stands in an expression without braces";
      }
      return fail(Code::InvalidArgument, std::move(message));
    }
    return Text::Segment{.tag = true,
                         .literal = std::string(source_.substr(begin, end - begin)),
                         .name = {},
                         .expression = std::make_shared<const expr::Expression>(*expression)};
  }

  void add_literal(std::vector<Text::Segment>& to, std::size_t begin, std::size_t end) const {
    if (begin == end) return;
    to.push_back({.tag = false,
                  .literal = std::string(source_.substr(begin, end - begin)),
                  .name = {},
                  .expression = nullptr});
  }

  std::string_view source_;
  std::size_t at_ = 0;
};

Result<Text> Text::parse(std::string_view source) {
  auto segments = TextParser(source).run();
  if (!segments) return fail(std::move(segments.error()));
  Text text;
  text.source_ = source;
  text.segments_ = std::move(*segments);
  return text;
}

Text Text::literal(std::string value) {
  Text text;
  text.source_ = std::move(value);
  return text;
}

Result<std::string> Text::render(const Scope& scope) const {
  if (is_literal()) return source_;
  return render(segments_, scope);
}

Result<std::string> Text::render(const std::vector<Segment>& segments, const Scope& scope) {
  std::string out;
  for (const Segment& segment : segments) {
    if (!segment.tag) {
      out += segment.literal;
      continue;
    }
    if (segment.expression != nullptr) {
      auto value = evaluate(*segment.expression, scope);
      if (!value) return fail(std::move(value.error()));
      if (*value) {
        out += **value;
      } else {
        out.append(kOpen).append(segment.literal).append(kClose);
      }
      continue;
    }
    std::string composed;
    if (!segment.name.empty()) {
      auto name = render(segment.name, scope);
      if (!name) return name;
      composed = std::move(*name);
    }
    const std::string_view written = segment.name.empty() ? segment.literal : composed;
    const std::string_view name = trim(written);
    if (auto value = scope.lookup(name)) {
      out += *value;
    } else if (has_known_prefix(name)) {
      return fail(Code::NotFound, "failed to resolve {{" + std::string(name) + "}}");
    } else {
      out.append(kOpen).append(written).append(kClose);
    }
  }
  return out;
}

std::optional<std::string> Text::single_reference() const {
  if (segments_.size() != 1 || !segments_[0].name.empty()) return std::nullopt;
  if (segments_[0].expression != nullptr) return std::nullopt;
  return std::string(trim(segments_[0].literal));
}

void Text::for_each_reference(const std::function<void(const Reference&)>& visit) const {
  visit_references(segments_, visit);
}

void Text::for_each_reference(const std::function<void(std::string_view)>& visit) const {
  visit_references(segments_, [&](const Reference& reference) {
    if (reference.guarded || (reference.expression && is_map(reference.name))) return;
    visit(reference.name);
  });
}

void Text::visit_references(const std::vector<Segment>& segments,
                            const std::function<void(const Reference&)>& visit) {
  for (const Segment& segment : segments) {
    if (!segment.tag) continue;
    if (segment.expression != nullptr) {
      segment.expression->for_each_path([&](const expr::Expression::PathUse& path) {
        visit({.name = path.name, .expression = true, .guarded = path.guarded});
      });
    } else if (segment.name.empty()) {
      visit({.name = trim(segment.literal)});
    } else {
      visit_references(segment.name, visit);
    }
  }
}

bool has_known_prefix(std::string_view name) {
  // Argo compares the start of the name only, so `workflow.scheduledTimeX` stands as well.
  constexpr std::array kMayStand = {std::string_view("workflow.scheduledTime"),
                                    std::string_view("workflow.creationTimestamp.")};
  constexpr std::array kPrefixes = {std::string_view("inputs."), std::string_view("workflow."),
                                    std::string_view("steps."),  std::string_view("tasks."),
                                    std::string_view("item."),   std::string_view("pod.")};
  for (const std::string_view prefix : kMayStand) {
    if (name.starts_with(prefix)) return false;
  }
  for (const std::string_view prefix : kPrefixes) {
    if (name.starts_with(prefix)) return true;
  }
  return false;
}

}  // namespace gantry::workflow
