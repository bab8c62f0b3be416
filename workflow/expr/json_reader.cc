// from_json(). Not the document reader of the room: that keeps marks and refuses numbers that are
// too large for it, while here every number is a double, and the messages are Go's.

#include <cmath>
#include <cstdlib>
#include <optional>

#include "workflow/expr/format.h"
#include "workflow/expr/go_text.h"

namespace gantry::workflow::expr {
namespace {

class JsonReader {
 public:
  explicit JsonReader(std::string_view text) : text_(text) {}

  Result<Value> run() {
    Value value = read(0);
    if (error_.empty()) {
      space();
      if (at_ < text_.size()) wrong("after top-level value");
    }
    if (!error_.empty()) return fail(Code::InvalidArgument, std::move(error_));
    return value;
  }

 private:
  Value read(int depth) {
    space();
    if (depth > kMaxJsonDepth) {
      error_ = "exceeded max depth";
      return {};
    }
    if (at_ == text_.size()) return wrong("");
    switch (text_[at_]) {
      case '{':
        return object(depth);
      case '[':
        return array(depth);
      case '"': {
        auto text = string();
        return text ? Value::text(std::move(*text)) : Value();
      }
      case 't':
        return word("true") ? Value::boolean(true) : Value();
      case 'f':
        return word("false") ? Value::boolean(false) : Value();
      case 'n':
        word("null");
        return {};
      default:
        return number();
    }
  }

  Value array(int depth) {
    Array items;
    ++at_;
    space();
    if (take(']')) return Value::array(std::move(items));
    for (;;) {
      items.push_back(read(depth + 1));
      if (!error_.empty()) return {};
      space();
      if (take(']')) return Value::array(std::move(items));
      if (!take(',')) return wrong("after array element");
    }
  }

  Value object(int depth) {
    Map entries;
    ++at_;
    space();
    if (take('}')) return Value::map(std::move(entries));
    for (;;) {
      space();
      if (at_ == text_.size() || text_[at_] != '"') {
        return wrong("looking for beginning of object key string");
      }
      auto key = string();
      if (!key) return {};
      space();
      if (!take(':')) return wrong("after object key");
      Value value = read(depth + 1);
      if (!error_.empty()) return {};
      entries.emplace_back(Value::text(std::move(*key)), std::move(value));
      space();
      if (take('}')) return Value::map(std::move(entries));
      if (!take(',')) return wrong("after object key:value pair");
    }
  }

  Value number() {
    const std::size_t begin = at_;
    if (take('-') && !is_digit()) return wrong("in numeric literal");
    if (!is_digit()) return wrong("looking for beginning of value");
    if (!take('0')) digits();
    if (take('.')) {
      if (!is_digit()) return wrong("after decimal point in numeric literal");
      digits();
    }
    if (take('e') || take('E')) {
      if (!take('+')) take('-');
      if (!is_digit()) return wrong("in exponent of numeric literal");
      digits();
    }
    const std::string written(text_.substr(begin, at_ - begin));
    const double value = std::strtod(written.c_str(), nullptr);
    if (std::isinf(value)) {
      error_ = "json: cannot unmarshal number " + written + " into Go value of type float64";
      return {};
    }
    return Value::number(value);
  }

  std::optional<std::string> string() {
    std::string out;
    ++at_;
    for (;;) {
      if (at_ == text_.size()) {
        wrong("");
        return std::nullopt;
      }
      const char c = text_[at_];
      if (take('"')) return out;
      if (static_cast<unsigned char>(c) < ' ') {
        wrong("in string literal");
        return std::nullopt;
      }
      if (c != '\\') {
        const Rune rune = decode_rune(text_.substr(at_));
        append_rune(out, rune.code);
        at_ += rune.size;
        continue;
      }
      ++at_;
      if (!escape(out)) return std::nullopt;
    }
  }

  bool escape(std::string& out) {
    constexpr std::string_view kLetters = "\"\\/bfnrt";
    constexpr std::string_view kMeant = "\"\\/\b\f\n\r\t";
    if (at_ < text_.size()) {
      if (const std::size_t found = kLetters.find(text_[at_]); found != std::string_view::npos) {
        out += kMeant[found];
        ++at_;
        return true;
      }
      if (take('u')) {
        auto code = hex4();
        if (!code) return false;
        if (*code >= 0xD800 && *code < 0xDC00 && text_.substr(at_, 2) == "\\u") {
          const std::size_t back = at_;
          at_ += 2;
          const auto low = hex4();
          if (!low) return false;
          if (*low >= 0xDC00 && *low < 0xE000) {
            code = 0x10000 + ((*code - 0xD800) << 10) + (*low - 0xDC00);
          } else {
            at_ = back;
          }
        }
        append_rune(out, *code);
        return true;
      }
    }
    wrong("in string escape code");
    return false;
  }

  std::optional<char32_t> hex4() {
    char32_t code = 0;
    for (int i = 0; i < 4; ++i, ++at_) {
      const int c = at_ < text_.size() ? text_[at_] : 0;
      const int digit = c >= '0' && c <= '9'                     ? c - '0'
                        : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10
                                                                 : -1;
      if (digit < 0) {
        wrong("in \\u hexadecimal character escape");
        return std::nullopt;
      }
      code = code * 16 + static_cast<char32_t>(digit);
    }
    return code;
  }

  bool word(std::string_view word) {
    for (const char letter : word) {
      if (at_ == text_.size() || text_[at_] != letter) {
        wrong("in literal " + std::string(word) + " (expecting '" + letter + "')");
        return false;
      }
      ++at_;
    }
    return true;
  }

  void space() { at_ = std::min(text_.find_first_not_of(" \t\r\n", at_), text_.size()); }
  bool take(char c) {
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  [[nodiscard]] bool is_digit() const {
    return at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9';
  }
  void digits() {
    while (is_digit()) ++at_;
  }

  Value wrong(const std::string& where) {
    if (at_ == text_.size()) {
      error_ = "unexpected end of JSON input";
    } else {
      const char c = text_[at_];
      const std::string shown = c == '\'' ? "'\\''" : c == '"' ? "'\"'" : "'" + plain(c) + "'";
      error_ = "invalid character " + shown + " " + where;
    }
    return {};
  }
  /// A byte as Go quotes it.
  static std::string plain(char c) {
    std::string rune;
    append_rune(rune, static_cast<unsigned char>(c));
    const std::string quoted = quote(rune);
    return quoted.substr(1, quoted.size() - 2);
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::string error_;
};

}  // namespace

Result<Value> from_json(std::string_view text) { return JsonReader(text).run(); }

}  // namespace gantry::workflow::expr
