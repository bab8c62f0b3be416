#include "workflow/go_json.h"

namespace gantry::workflow {

std::string go_escaped(std::string_view json) {
  constexpr std::string_view kLineSeparator = "\xe2\x80\xa8", kParagraphSeparator = "\xe2\x80\xa9";
  std::string out;
  out.reserve(json.size());
  for (std::size_t i = 0; i < json.size(); ++i) {
    const std::string_view rest = json.substr(i, 3);
    switch (json[i]) {
      case '<': out += "\\u003c"; break;
      case '>': out += "\\u003e"; break;
      case '&': out += "\\u0026"; break;
      default:
        if (rest == kLineSeparator || rest == kParagraphSeparator) {
          out += rest == kLineSeparator ? "\\u2028" : "\\u2029";
          i += 2;
        } else {
          out += json[i];
        }
    }
  }
  return out;
}

std::string go_compact(std::string_view json) {
  std::string out;
  bool in_string = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (in_string && c == '\\') {
      out.append(json, i++, 2);
      continue;
    }
    if (c == '"') in_string = !in_string;
    if (in_string || (c != ' ' && c != '\t' && c != '\n' && c != '\r')) out += c;
  }
  return go_escaped(out);
}

namespace {

/// Reads a text as encoding/json's scanner does and stops at the first wrong byte.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  std::string error() {
    if (value()) {
      skip_white_space();
      if (at_ < text_.size()) wrong("after top-level value");
    }
    return error_;
  }

 private:
  [[nodiscard]] bool at_end() const { return at_ == text_.size(); }
  [[nodiscard]] char next() const { return text_[at_]; }
  [[nodiscard]] bool at_digit() const { return !at_end() && next() >= '0' && next() <= '9'; }
  void skip_white_space() {
    while (!at_end() && (next() == ' ' || next() == '\t' || next() == '\n' || next() == '\r')) ++at_;
  }

  bool wrong(const std::string& where) {
    if (at_end()) {
      error_ = "unexpected end of JSON input";
      return false;
    }
    const char c = next();
    std::string shown(1, c);
    if (c == '\'') shown = "\\'";
    if (c == '\\') shown = "\\\\";
    if (c == '\n') shown = "\\n";
    if (c == '\t') shown = "\\t";
    if (c == '\r') shown = "\\r";
    // A byte of a longer character is shown as the Latin-1 character of that number.
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x80) shown = {static_cast<char>(0xc0 | byte >> 6), static_cast<char>(0x80 | (byte & 0x3f))};
    error_ = "invalid character '" + shown + "' " + where;
    return false;
  }

  bool value() {
    if (++depth_ > 10'000) {
      error_ = "exceeded max depth";
      return false;
    }
    skip_white_space();
    if (at_end()) return wrong("");
    bool good = false;
    switch (next()) {
      case '{': good = members('}'); break;
      case '[': good = members(']'); break;
      case '"': good = string(); break;
      case 't': good = literal("true"); break;
      case 'f': good = literal("false"); break;
      case 'n': good = literal("null"); break;
      default: good = next() == '-' || at_digit() ? number() : wrong("looking for beginning of value");
    }
    --depth_;
    return good;
  }

  bool members(char close) {
    const bool object = close == '}';
    ++at_;
    skip_white_space();
    if (!at_end() && next() == close) return ++at_, true;
    while (true) {
      if (object) {
        skip_white_space();
        if (at_end() || next() != '"') return wrong("looking for beginning of object key string");
        if (!string()) return false;
        skip_white_space();
        if (at_end() || next() != ':') return wrong("after object key");
        ++at_;
      }
      if (!value()) return false;
      skip_white_space();
      if (!at_end() && next() == close) return ++at_, true;
      if (at_end() || next() != ',') return wrong(object ? "after object key:value pair" : "after array element");
      ++at_;
    }
  }

  bool string() {
    for (++at_; !at_end() && next() != '"'; ++at_) {
      if (static_cast<unsigned char>(next()) < 0x20) return wrong("in string literal");
      if (next() != '\\') continue;
      ++at_;
      if (at_end()) return wrong("");
      if (next() == 'u') {
        for (int i = 0; i < 4; ++i) {
          ++at_;
          if (at_end() || std::string_view("0123456789abcdefABCDEF").find(next()) == std::string_view::npos) {
            return wrong("in \\u hexadecimal character escape");
          }
        }
      } else if (std::string_view("bfnrt\\/\"").find(next()) == std::string_view::npos) {
        return wrong("in string escape code");
      }
    }
    if (at_end()) return wrong("");
    ++at_;
    return true;
  }

  bool literal(std::string_view word) {
    for (std::size_t i = 1; i < word.size(); ++i) {
      ++at_;
      if (at_end() || next() != word[i]) {
        return wrong("in literal " + std::string(word) + " (expecting '" + word[i] + "')");
      }
    }
    ++at_;
    return true;
  }

  bool number() {
    if (next() == '-') ++at_;
    if (!at_digit()) return wrong("in numeric literal");
    if (next() == '0') {
      ++at_;
    } else {
      while (at_digit()) ++at_;
    }
    if (!at_end() && next() == '.') {
      ++at_;
      if (!at_digit()) return wrong("after decimal point in numeric literal");
      while (at_digit()) ++at_;
    }
    if (!at_end() && (next() == 'e' || next() == 'E')) {
      ++at_;
      if (!at_end() && (next() == '+' || next() == '-')) ++at_;
      if (!at_digit()) return wrong("in exponent of numeric literal");
      while (at_digit()) ++at_;
    }
    return true;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  int depth_ = 0;
  std::string error_;
};

}  // namespace

std::string go_json_error(std::string_view text) { return Scanner(text).error(); }

}  // namespace gantry::workflow
