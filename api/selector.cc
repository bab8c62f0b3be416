#include "api/selector.h"

#include <algorithm>
#include <optional>

namespace gantry::api {
namespace {

bool is_lower_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }
bool is_alphanumeric(char c) { return is_lower_or_digit(c) || (c >= 'A' && c <= 'Z'); }
bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

std::string_view trim(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

/// Kubernetes' qualified name without prefix: at most 63 of [-_.A-Za-z0-9], alphanumeric at both
/// ends.
bool is_name_part(std::string_view text) {
  return !text.empty() && text.size() <= 63 && is_alphanumeric(text.front()) &&
         is_alphanumeric(text.back()) && std::all_of(text.begin(), text.end(), [](char c) {
           return is_alphanumeric(c) || c == '-' || c == '_' || c == '.';
         });
}

/// One pass over the text, by tokens: words, `(`, `)`, `,` and the operators.
class SelectorParser {
 public:
  explicit SelectorParser(std::string_view text) : text_(text) {}

  Result<std::vector<LabelTerm>> parse() {
    std::vector<LabelTerm> terms;
    if (peek().empty()) return terms;
    while (true) {
      auto term = requirement();
      if (!term) return tl::unexpected<Error>(std::move(term.error()));
      terms.push_back(std::move(*term));
      std::string_view next = take();
      if (next.empty()) return terms;
      if (next != ",") return bad("found '" + std::string(next) + "', expected: ',' or the end");
    }
  }

 private:
  Result<LabelTerm> requirement() {
    LabelTerm term;
    bool negated = peek() == "!";
    if (negated) take();
    term.key = std::string(take());
    if (term.key.empty() || !is_word(term.key))
      return bad("found '" + term.key + "', expected: a key");
    if (auto ok = check_label_key(term.key); !ok)
      return tl::unexpected<Error>(std::move(ok.error()));
    std::string_view next = peek();
    if (negated || next.empty() || next == ",") {
      term.op = negated ? LabelTerm::Operator::NotExists : LabelTerm::Operator::Exists;
      return term;
    }
    std::string_view op = take();
    if (op == "=" || op == "==" || op == "!=") {
      term.op = op == "!=" ? LabelTerm::Operator::NotIn : LabelTerm::Operator::In;
      // An empty value is a value: `key=` and `key=,other`.
      next = peek();
      term.values.emplace_back(next.empty() || next == "," ? std::string_view() : take());
    } else if (op == "in" || op == "notin") {
      term.op = op == "in" ? LabelTerm::Operator::In : LabelTerm::Operator::NotIn;
      if (take() != "(") return bad("expected '(' after '" + std::string(op) + "'");
      if (auto ok = values(term.values); !ok) return tl::unexpected<Error>(std::move(ok.error()));
    } else {
      return bad("found '" + std::string(op) + "', expected: in, notin, =, ==, !=");
    }
    for (const std::string& value : term.values) {
      if (auto ok = check_label_value(value); !ok)
        return tl::unexpected<Error>(std::move(ok.error()));
    }
    return term;
  }

  /// What follows `(` up to and with `)`.
  Result<void> values(std::vector<std::string>& out) {
    if (peek() == ")") return bad("an empty set of values");
    while (true) {
      std::string_view next = peek();
      bool absent = next == "," || next == ")";
      out.emplace_back(absent ? std::string_view() : take());
      next = take();
      if (next == ")") return {};
      if (next != ",") return bad("found '" + std::string(next) + "', expected: ',' or ')'");
    }
  }

  static bool is_word(std::string_view token) {
    return !token.empty() &&
           std::string_view("(),!=<>").find(token.front()) == std::string_view::npos;
  }

  std::string_view peek() {
    std::size_t at = at_;
    std::string_view token = take();
    at_ = at;
    return token;
  }

  std::string_view take() {
    while (at_ < text_.size() && is_space(text_[at_])) ++at_;
    std::size_t start = at_;
    if (at_ == text_.size()) return {};
    for (std::string_view symbol : {"==", "!=", "=", "!", "(", ")", ",", "<", ">"}) {
      if (text_.substr(at_).starts_with(symbol)) {
        at_ += symbol.size();
        return text_.substr(start, symbol.size());
      }
    }
    while (at_ < text_.size() && !is_space(text_[at_]) && is_word(text_.substr(at_))) ++at_;
    return text_.substr(start, at_ - start);
  }

  [[nodiscard]] tl::unexpected<Error> bad(const std::string& what) const {
    return fail(Code::InvalidArgument,
                "unable to parse label selector \"" + std::string(text_) + "\": " + what);
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

Result<std::vector<LabelTerm>> parse_label_selector(std::string_view text) {
  return SelectorParser(text).parse();
}

bool matches(const std::vector<LabelTerm>& terms,
             const std::map<std::string, std::string>& labels) {
  return std::all_of(terms.begin(), terms.end(), [&](const LabelTerm& term) {
    auto label = labels.find(term.key);
    bool exists = label != labels.end();
    bool in = exists &&
              std::find(term.values.begin(), term.values.end(), label->second) != term.values.end();
    switch (term.op) {
      case LabelTerm::Operator::In:
        return in;
      case LabelTerm::Operator::NotIn:
        return !in;
      case LabelTerm::Operator::Exists:
        return exists;
      case LabelTerm::Operator::NotExists:
        return !exists;
    }
    return false;
  });
}

Result<std::string> parse_name_selector(std::string_view text) {
  text = trim(text);
  if (text.empty()) return std::string();
  std::size_t equals = text.find('=');
  std::string_view field = trim(text.substr(0, equals));
  bool simple = equals != std::string_view::npos && text.find(',') == std::string_view::npos;
  if (!simple || field != "metadata.name") {
    return fail(Code::InvalidArgument, "field selector \"" + std::string(text) +
                                           "\" is not supported; use metadata.name=NAME");
  }
  std::string_view value = text.substr(equals + 1);
  if (value.starts_with('=')) value.remove_prefix(1);
  return std::string(trim(value));
}

namespace {

/// `a=b,c=d`, keys checked.
Result<std::vector<std::pair<std::string, std::string>>> parse_pairs(std::string_view text,
                                                                     const char* what) {
  std::vector<std::pair<std::string, std::string>> pairs;
  text = trim(text);
  while (!text.empty()) {
    std::size_t end = std::min(text.find(','), text.size());
    std::string_view item = trim(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    std::size_t equals = item.find('=');
    if (equals == std::string_view::npos) {
      return fail(Code::InvalidArgument,
                  std::string("expected ") + what +
                      " of the form: NAME=VALUE. Received: " + std::string(item));
    }
    std::string_view key = trim(item.substr(0, equals)), value = trim(item.substr(equals + 1));
    if (auto ok = check_label_key(key); !ok) return tl::unexpected<Error>(std::move(ok.error()));
    pairs.emplace_back(key, value);
  }
  return pairs;
}

}  // namespace

Result<std::vector<std::pair<std::string, std::string>>> parse_labels(std::string_view text) {
  auto labels = parse_pairs(text, "label");
  if (!labels) return labels;
  for (const auto& [key, value] : *labels) {
    if (auto ok = check_label_value(value); !ok) {
      return tl::unexpected<Error>(std::move(ok.error()));
    }
  }
  return labels;
}

Result<std::vector<std::pair<std::string, std::string>>> parse_annotations(std::string_view text) {
  return parse_pairs(text, "annotation");
}

Result<void> check_field_selector(std::string_view text) {
  const std::string whole(text);
  std::string term;
  auto check = [&]() -> Result<void> {
    // An escaped character is no operator; what it is does not matter here.
    if (term.empty() || term.find('=') != std::string::npos) return {};
    return fail(Code::InvalidArgument, "unable to parse node field selector '" + whole +
                                           "': invalid selector: '" + whole +
                                           "'; can't understand '" + term + "'");
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\') {
      if (++i == text.size() || std::string_view("\\,=").find(text[i]) == std::string_view::npos) {
        return fail(Code::InvalidArgument,
                    "unable to parse node field selector '" + whole + "': invalid escape sequence");
      }
      term += '.';
    } else if (text[i] == ',') {
      if (auto ok = check(); !ok) return ok;
      term.clear();
    } else {
      term += text[i];
    }
  }
  return check();
}

Result<void> check_label_key(std::string_view key) {
  std::size_t slash = key.find('/');
  bool good = slash == std::string_view::npos
                  ? is_name_part(key)
                  : is_dns_subdomain(key.substr(0, slash)) && is_name_part(key.substr(slash + 1));
  if (good) return {};
  return fail(Code::InvalidArgument,
              "\"" + std::string(key) +
                  "\" is not a label key: [prefix.dns/]name, the name at most 63 of "
                  "A-Z a-z 0-9 - _ . and alphanumeric at both ends");
}

Result<void> check_label_value(std::string_view value) {
  if (value.empty() || is_name_part(value)) return {};
  return fail(Code::InvalidArgument,
              "\"" + std::string(value) +
                  "\" is not a label value: at most 63 of A-Z a-z 0-9 - _ . and "
                  "alphanumeric at both ends");
}

bool is_dns_label(std::string_view text) {
  return !text.empty() && text.size() <= 63 && is_lower_or_digit(text.front()) &&
         is_lower_or_digit(text.back()) && std::all_of(text.begin(), text.end(), [](char c) {
           return is_lower_or_digit(c) || c == '-';
         });
}

bool is_dns_subdomain(std::string_view text) {
  if (text.empty() || text.size() > 253) return false;
  while (true) {
    std::size_t dot = std::min(text.find('.'), text.size());
    std::string_view part = text.substr(0, dot);
    // Kubernetes limits only the whole, not the parts.
    if (part.empty() || !is_lower_or_digit(part.front()) || !is_lower_or_digit(part.back()))
      return false;
    if (!std::all_of(part.begin(), part.end(),
                     [](char c) { return is_lower_or_digit(c) || c == '-'; })) {
      return false;
    }
    if (dot == text.size()) return true;
    text.remove_prefix(dot + 1);
  }
}

}  // namespace gantry::api
