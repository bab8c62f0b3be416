#include "workflow/expr/lexer.h"

#include <cstdio>

#include "workflow/expr/go_text.h"
#include "workflow/expr/unescape.h"

namespace gantry::workflow::expr {
namespace {

bool is_word(char32_t rune) {
  return rune == '_' || rune == '$' || is_letter(rune) || is_digit(rune);
}

bool is_negatable(std::string_view word) {
  return word == "in" || word == "matches" || word == "contains" || word == "startsWith" ||
         word == "endsWith";
}

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(source) {}

  tl::expected<std::vector<Token>, SyntaxError> run() {
    while (at_ < source_.size() && message_.empty()) step();
    if (!message_.empty()) {
      return tl::unexpected<SyntaxError>(
          {static_cast<std::uint32_t>(std::min(at_, source_.size())), std::move(message_)});
    }
    const std::size_t last = source_.empty() ? 0 : source_.size() - 1;
    tokens_.push_back({Token::Kind::End, {}, static_cast<std::uint32_t>(last)});
    return std::move(tokens_);
  }

 private:
  void step() {
    const Rune rune = decode_rune(source_.substr(at_));
    const char32_t c = rune.code;
    begin_ = at_;
    if (is_space(c)) {
      at_ += rune.size;
    } else if (c == '\'' || c == '"') {
      string(0);
    } else if (c == '`') {
      raw_string();
    } else if ((c == 'b' || c == 'B') && (peek(1) == '\'' || peek(1) == '"')) {
      string(1);
    } else if (is_ascii_digit(0) || (c == '.' && is_ascii_digit(1))) {
      number();
    } else if (is_word(c)) {
      word();
    } else if (c < 0x80) {
      punctuation(static_cast<char>(c));
    } else {
      unrecognized(c);
    }
  }

  void punctuation(char c) {
    switch (c) {
      case '/':
        if (peek(1) == '/') {
          at_ = std::min(source_.find('\n', at_), source_.size());
        } else if (peek(1) == '*') {
          const std::size_t end = source_.find("*/", at_ + 2);
          if (end == std::string_view::npos) {
            at_ = source_.size();
            message_ = "unclosed comment";
          } else {
            at_ = end + 2;
          }
        } else {
          emit(Token::Kind::Operator, 1);
        }
        return;
      case '#':  // a pointer, perhaps with a name
        emit(Token::Kind::Operator, 1);
        begin_ = at_;
        if (const std::size_t length = word_length(); length > 0) {
          emit(Token::Kind::Identifier, length);
        }
        return;
      case '?':
        return emit(Token::Kind::Operator, peek(1) == '.' || peek(1) == '?' ? 2 : 1);
      case '|':
      case ':':
      case '.':
        return emit(Token::Kind::Operator, peek(1) == c ? 2 : 1);
      case '&':
      case '!':
      case '=':
      case '*':
      case '<':
      case '>': {
        const char next = peek(1);
        return emit(Token::Kind::Operator, next == '&' || next == '=' || next == '*' ? 2 : 1);
      }
      case ',':
      case ';':
      case '%':
      case '+':
      case '-':
      case '^':
        return emit(Token::Kind::Operator, 1);
      case '(':
      case ')':
      case '[':
      case ']':
      case '{':
      case '}':
        return emit(Token::Kind::Bracket, 1);
      default:
        unrecognized(static_cast<unsigned char>(c));
    }
  }

  void number() {
    const char* digits = "0123456789_";
    std::size_t end = at_;
    if (peek(0) == '0') {
      const char base = static_cast<char>(peek(1) | 0x20);
      if (base == 'x') digits = "0123456789abcdefABCDEF_";
      if (base == 'o') digits = "01234567_";
      if (base == 'b') digits = "01_";
      end += base == 'x' || base == 'o' || base == 'b' ? 2 : 1;
    }
    const auto run = [&](std::size_t from) {
      return std::min(source_.find_first_not_of(digits, from), source_.size());
    };
    end = run(end);
    if (end < source_.size() && source_[end] == '.') {
      // 1..2 is a range
      if (source_.substr(end, 2) == "..") return emit(Token::Kind::Number, end - at_);
      end = run(end + 1);
    }
    if (end < source_.size() && (source_[end] | 0x20) == 'e') {
      ++end;
      if (end < source_.size() && (source_[end] == '+' || source_[end] == '-')) ++end;
      end = run(end);
    }
    if (const Rune next = decode_rune(source_.substr(end)); next.size > 0 && is_word(next.code)) {
      message_ = "bad number syntax: " + quote(source_.substr(at_, end + next.size - at_));
      at_ = end;
      return;
    }
    emit(Token::Kind::Number, end - at_);
  }

  void word() {
    const std::size_t length = word_length();
    const std::string_view word = source_.substr(at_, length);
    const bool is_operator = word == "not" || word == "or" || word == "and" || word == "let" ||
                             word == "if" || word == "else" || is_negatable(word);
    emit(is_operator ? Token::Kind::Operator : Token::Kind::Identifier, length);
  }

  [[nodiscard]] std::size_t word_length() const {
    std::size_t end = at_;
    for (;;) {
      const Rune rune = decode_rune(source_.substr(end));
      if (rune.size == 0 || !is_word(rune.code)) return end - at_;
      end += rune.size;
    }
  }

  /// A quoted text; `prefix` characters stand before the quote.
  void string(std::size_t prefix) {
    const char quote = source_[at_ + prefix];
    std::size_t end = at_ + prefix + 1;
    while (end < source_.size() && source_[end] != quote && source_[end] != '\n') {
      end += source_[end] == '\\' ? 2 : 1;
    }
    if (end >= source_.size() || source_[end] == '\n') {
      at_ = std::min(end, source_.size());
      message_ = "literal not terminated";
      return;
    }
    const std::string_view inside = source_.substr(at_ + prefix + 1, end - at_ - prefix - 1);
    auto text = unescape(inside, quote, prefix == 1);
    if (!text) {
      at_ += prefix + 1 + text.error().at;
      message_ = std::move(text.error().message);
      return;
    }
    tokens_.push_back({prefix == 1 ? Token::Kind::Bytes : Token::Kind::String, std::move(*text),
                       static_cast<std::uint32_t>(begin_)});
    at_ = end + 1;
  }

  /// Between back quotes nothing is escaped but the back quote, which is doubled.
  void raw_string() {
    std::string text;
    std::size_t from = at_ + 1;
    for (;;) {
      const std::size_t end = source_.find('`', from);
      if (end == std::string_view::npos) {
        at_ = source_.size();
        message_ = "literal not terminated";
        return;
      }
      text += source_.substr(from, end - from);
      from = end + 1;
      if (source_.substr(from, 1) != "`") break;
      text += '`';
      ++from;
    }
    tokens_.push_back({Token::Kind::String, std::move(text), static_cast<std::uint32_t>(begin_)});
    at_ = from;
  }

  void emit(Token::Kind kind, std::size_t length) {
    tokens_.push_back(
        {kind, std::string(source_.substr(at_, length)), static_cast<std::uint32_t>(at_)});
    at_ += length;
  }

  void unrecognized(char32_t rune) {
    char text[64];
    std::snprintf(text, sizeof text, "unrecognized character: U+%04X", static_cast<unsigned>(rune));
    message_ = text;
    if (is_print(rune)) {
      message_ += " '";
      append_rune(message_, rune);
      message_ += '\'';
    }
  }

  [[nodiscard]] char peek(std::size_t ahead) const {
    return at_ + ahead < source_.size() ? source_[at_ + ahead] : '\0';
  }
  [[nodiscard]] bool is_ascii_digit(std::size_t ahead) const {
    return peek(ahead) >= '0' && peek(ahead) <= '9';
  }

  std::string_view source_;
  std::size_t at_ = 0;
  std::size_t begin_ = 0;
  std::vector<Token> tokens_;
  std::string message_;
};

}  // namespace

std::string Token::shown() const {
  constexpr std::string_view kNames[] = {"Identifier", "Number",  "String", "Bytes",
                                         "Operator",   "Bracket", "EOF"};
  std::string out(kNames[static_cast<std::size_t>(kind)]);
  if (!text.empty()) out += "(" + quote(text) + ")";
  return out;
}

tl::expected<std::vector<Token>, SyntaxError> lex(std::string_view source) {
  return Lexer(source).run();
}

}  // namespace gantry::workflow::expr
