#include "workflow/when_token.h"

#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "workflow/go_time.h"

namespace gantry::workflow::when {
namespace {

// Characters
// ------------------------------------------------------------------------------------------------------

constexpr char32_t kReplacement = 0xFFFD;

/// UTF-8 to characters; each byte that is no UTF-8 becomes U+FFFD, as in Go.
std::u32string decode(std::string_view text) {
  std::u32string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t length = lead < 0x80   ? 1
                               : lead < 0xC2 ? 0
                               : lead < 0xE0 ? 2
                               : lead < 0xF0 ? 3
                               : lead < 0xF5 ? 4
                                             : 0;
    bool good = length != 0 && i + length <= text.size();
    char32_t c = length < 2 ? lead : lead & (0x7Fu >> length);
    for (std::size_t k = 1; good && k < length; ++k) {
      const auto next = static_cast<unsigned char>(text[i + k]);
      good = (next & 0xC0) == 0x80;
      c = (c << 6) | (next & 0x3Fu);
    }
    if (length == 3) good &= c >= 0x800 && (c < 0xD800 || c > 0xDFFF);
    if (length == 4) good &= c >= 0x10000 && c <= 0x10FFFF;
    out.push_back(good ? c : kReplacement);
    i += good ? length : 1;
  }
  return out;
}

void encode(char32_t c, std::string& to) {
  const auto byte = [&](char32_t bits) {
    to.push_back(static_cast<char>(static_cast<unsigned char>(bits)));
  };
  if (c < 0x80) return byte(c);
  if (c < 0x800) {
    byte(0xC0 | (c >> 6));
  } else if (c < 0x10000) {
    byte(0xE0 | (c >> 12));
    byte(0x80 | ((c >> 6) & 0x3F));
  } else {
    byte(0xF0 | (c >> 18));
    byte(0x80 | ((c >> 12) & 0x3F));
    byte(0x80 | ((c >> 6) & 0x3F));
  }
  byte(0x80 | (c & 0x3F));
}

/// Whether a character beyond ASCII is in a class of Unicode; RE2 has the tables.
bool in_class(char32_t c, const re2::RE2& unicode_class) {
  std::string text;
  encode(c, text);
  return re2::RE2::FullMatch(text, unicode_class);
}

bool is_letter(char32_t c) {
  static const re2::RE2 kLetter("\\pL");
  if (c < 0x80) return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  return in_class(c, kLetter);
}
bool is_digit(char32_t c) {
  static const re2::RE2 kDigit("\\p{Nd}");
  return c < 0x80 ? c >= '0' && c <= '9' : in_class(c, kDigit);
}
bool is_lower(char32_t c) {
  static const re2::RE2 kLower("\\p{Ll}");
  return c < 0x80 ? c >= 'a' && c <= 'z' : in_class(c, kLower);
}
bool is_space(char32_t c) {
  return c == ' ' || (c >= '\t' && c <= '\r') || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F ||
         c == 0x3000;
}
bool is_quote(char32_t c) { return c == '\'' || c == '"'; }
bool is_not_quote(char32_t c) { return !is_quote(c); }
bool is_not_bracket(char32_t c) { return c != ']'; }
bool is_numeric(char32_t c) { return is_digit(c) || c == '.'; }
bool is_hex_digit(char32_t c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}
bool is_word(char32_t c) { return is_letter(c) || is_digit(c) || c == '_' || c == '.'; }
bool is_symbol(char32_t c) {
  return !(is_digit(c) || is_letter(c) || c == '(' || c == ')' || c == '[' || c == ']' ||
           is_quote(c));
}

// Numbers and dates
// -----------------------------------------------------------------------------------------------

std::optional<double> parse_float(std::string_view text) {
  if (text.empty() || text.find_first_not_of("0123456789.eE+-") != std::string_view::npos)
    return std::nullopt;
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (end != text.data() + text.size()) return std::nullopt;
  if (error == std::errc::result_out_of_range) {
    // Too small is 0, too large is an error. Only a number without anything before its point can be
    // too small.
    const bool tiny = text.find_first_of("123456789") > text.find('.') ||
                      text.find("e-") != std::string_view::npos;
    return tiny ? std::optional(0.0) : std::nullopt;
  }
  if (error != std::errc()) return std::nullopt;
  return value;
}

std::optional<std::int64_t> parse_date(std::string_view text) {
  constexpr std::array<std::string_view, 14> kLayouts = {"Mon Jan _2 15:04:05 2006",
                                                         "Mon Jan _2 15:04:05 MST 2006",
                                                         "Mon Jan 02 15:04:05 -0700 2006",
                                                         "3:04PM",
                                                         "2006-01-02T15:04:05Z07:00",
                                                         "2006-01-02T15:04:05.999999999Z07:00",
                                                         "2006-01-02",
                                                         "2006-01-02 15:04",
                                                         "2006-01-02 15:04:05",
                                                         "2006-01-02 15:04:05-07:00",
                                                         "2006-01-02T15Z0700",
                                                         "2006-01-02T15:04Z0700",
                                                         "2006-01-02T15:04:05Z0700",
                                                         "2006-01-02T15:04:05.999999999Z0700"};
  for (const std::string_view layout : kLayouts) {
    if (const auto seconds = parse_go_time(layout, text)) return seconds;
  }
  return std::nullopt;
}

template <std::size_t N>
bool among(const std::array<std::string_view, N>& symbols, std::string_view text) {
  return std::find(symbols.begin(), symbols.end(), text) != symbols.end();
}

constexpr std::array<std::string_view, 3> kPrefixes = {"-", "!", "~"};
constexpr std::array<std::string_view, 11> kModifiers = {"+", "-", "*", "/",  "%", "**",
                                                         "&", "|", "^", ">>", "<<"};
constexpr std::array<std::string_view, 2> kLogical = {"&&", "||"};
constexpr std::array<std::string_view, 9> kComparators = {"==", "!=", ">",  ">=", "<",
                                                          "<=", "=~", "!~", "in"};
constexpr std::array<std::string_view, 3> kTernary = {"?", ":", "??"};

// What may follow what
// --------------------------------------------------------------------------------------------

using Set = std::uint32_t;
constexpr Set bit(Kind kind) { return Set{1} << static_cast<unsigned>(kind); }
template <class... Kinds>
constexpr Set set_of(Kinds... kinds) {
  return (bit(kinds) | ...);
}

struct State {
  Kind kind;
  std::string_view name;
  bool may_end;
  Set next;
};

constexpr Set kOperand = set_of(Kind::Numeric, Kind::Boolean, Kind::Variable, Kind::Accessor,
                                Kind::String, Kind::Clause);
constexpr Set kOperator =
    set_of(Kind::Modifier, Kind::Comparator, Kind::LogicalOp, Kind::ClauseClose, Kind::Separator);
constexpr Set kStart = kOperand | set_of(Kind::Prefix, Kind::Pattern, Kind::Time);

constexpr std::array<State, 16> kStates = {{
    {Kind::Unknown, "UNKNOWN", false, kStart},
    {Kind::Prefix, "PREFIX", false, (kOperand & ~bit(Kind::String)) | bit(Kind::ClauseClose)},
    {Kind::Numeric, "NUMERIC", true, kOperator | bit(Kind::Ternary)},
    {Kind::Boolean, "BOOLEAN", true, kOperator | bit(Kind::Ternary)},
    {Kind::String, "STRING", true, kOperator | bit(Kind::Ternary)},
    {Kind::Pattern, "PATTERN", true, kOperator},
    {Kind::Time, "TIME", true, kOperator},
    {Kind::Variable, "VARIABLE", true, kOperator | bit(Kind::Ternary)},
    {Kind::Separator, "SEPARATOR", false, kOperand | set_of(Kind::Prefix, Kind::Time)},
    {Kind::Accessor, "ACCESSOR", true, kOperator | set_of(Kind::Ternary, Kind::Clause)},
    {Kind::Comparator, "COMPARATOR", false, kStart | bit(Kind::ClauseClose)},
    {Kind::LogicalOp, "LOGICALOP", false,
     kOperand | set_of(Kind::Prefix, Kind::Time, Kind::ClauseClose)},
    {Kind::Modifier, "MODIFIER", false, kOperand | set_of(Kind::Prefix, Kind::ClauseClose)},
    {Kind::Clause, "CLAUSE", false, kStart | bit(Kind::ClauseClose)},
    // A value behind a closed bracket is let through, and then nobody looks at it.
    {Kind::ClauseClose, "CLAUSE_CLOSE", true,
     kOperator | (kOperand & ~bit(Kind::Accessor)) |
         set_of(Kind::Ternary, Kind::Pattern, Kind::Time)},
    {Kind::Ternary, "TERNARY", false, kOperand | set_of(Kind::Prefix, Kind::Time, Kind::Separator)},
}};

const State& state_of(Kind kind) {
  const State& state = kStates[static_cast<std::size_t>(kind)];
  return state;
}

bool may_follow(Kind before, Kind next) { return (state_of(before).next & bit(next)) != 0; }

/// A token's value as Go prints it with %v.
std::string printed(const Token& token) {
  switch (token.kind) {
    case Kind::Unknown:
      return "<nil>";
    case Kind::Numeric:
      return go_number(token.number);
    case Kind::Boolean:
      return token.truth ? "true" : "false";
    case Kind::Clause:
      return "40";  // Go keeps the bracket as a character, which prints as its number
    case Kind::ClauseClose:
      return "41";
    case Kind::Accessor: {
      std::string parts = token.text;
      std::replace(parts.begin(), parts.end(), '.', ' ');
      return "[" + parts + "]";
    }
    default:
      return token.text;
  }
}

// The lexer
// -------------------------------------------------------------------------------------------------------

class Lexer {
 public:
  explicit Lexer(std::string_view text) : source_(decode(text)) {}

  Result<std::vector<Token>> run() {
    std::vector<Token> tokens;
    Kind before = Kind::Unknown;
    for (;;) {
      while (at_ < source_.size() && is_space(source_[at_])) ++at_;
      if (at_ == source_.size()) return tokens;
      Token token;
      std::optional<std::string> error = next(before, token);
      if (!error && cut_off_) error = "Nothing follows the '\\' at the end";
      if (error) return fail(Code::InvalidArgument, std::move(*error));
      before = token.kind;
      tokens.push_back(std::move(token));
    }
  }

 private:
  std::optional<std::string> next(Kind before, Token& token) {
    const char32_t c = source_[at_];
    if (is_numeric(c)) return number(token);
    if (c == ',') return single(token, Kind::Separator);
    if (c == '[') {
      ++at_;
      token = {Kind::Variable, read_all(is_not_bracket)};
      return closing("Unclosed parameter bracket");
    }
    if (is_letter(c)) return word(token);
    if (is_quote(c)) {
      ++at_;
      token = {Kind::String, read_all(is_not_quote)};
      if (const auto seconds = parse_date(token.text)) {
        const std::chrono::sys_seconds time{std::chrono::seconds(*seconds)};
        token = {Kind::Time, date_text(time), static_cast<double>(*seconds)};
      }
      return closing("Unclosed string literal");
    }
    if (c == '(') return single(token, Kind::Clause);
    if (c == ')') return single(token, Kind::ClauseClose);
    return symbol(before, token);
  }

  std::optional<std::string> single(Token& token, Kind kind) {
    token = {kind, std::string(1, static_cast<char>(source_[at_]))};
    ++at_;
    return std::nullopt;
  }

  std::optional<std::string> closing(const char* otherwise) {
    if (at_ == source_.size()) return otherwise;
    ++at_;
    return std::nullopt;
  }

  std::optional<std::string> number(Token& token) {
    token.kind = Kind::Numeric;
    if (source_[at_] == '0' && at_ + 2 < source_.size() && source_[at_ + 1] == 'x') {
      at_ += 2;
      const std::string digits = read(is_hex_digit);
      std::uint64_t value = 0;
      const auto [end, error] =
          std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
      if (error != std::errc() || end != digits.data() + digits.size()) {
        return "Unable to parse hex value '" + digits + "' to uint64";
      }
      token.number = static_cast<double>(value);
      return std::nullopt;
    }
    const std::string digits = read(is_numeric);
    const auto value = parse_float(digits);
    if (!value) return "Unable to parse numeric value '" + digits + "' to float64";
    token.number = *value;
    return std::nullopt;
  }

  std::optional<std::string> word(Token& token) {
    token = {Kind::Variable, read(is_word)};
    const std::string& text = token.text;
    if (text == "true" || text == "false") {
      token.kind = Kind::Boolean;
      token.truth = text == "true";
    } else if (text == "in" || text == "IN") {
      token = {Kind::Comparator, "in"};
    } else if (const std::size_t dot = text.find('.'); dot != std::string::npos && dot > 0) {
      token.kind = Kind::Accessor;
      if (text.back() == '.') return "Hanging accessor on token '" + text + "'";
      for (std::size_t begin = dot + 1; begin != 0;) {
        const std::size_t end = text.find('.', begin);
        const std::string field = text.substr(begin, end == std::string::npos ? end : end - begin);
        const std::u32string characters = decode(std::string_view(field).substr(0, 4));
        if (!characters.empty() && is_lower(characters[0])) {
          return "Unable to access unexported field '" + field + "' in token '" + text + "'";
        }
        begin = end == std::string::npos ? 0 : end + 1;
      }
    }
    return std::nullopt;
  }

  std::optional<std::string> symbol(Kind before, Token& token) {
    token.text = read(is_symbol);
    // `-` is a sign where an operand may begin, and minus elsewhere.
    if (may_follow(before, Kind::Prefix) && among(kPrefixes, token.text)) {
      token.kind = Kind::Prefix;
    } else if (among(kModifiers, token.text)) {
      token.kind = Kind::Modifier;
    } else if (among(kLogical, token.text)) {
      token.kind = Kind::LogicalOp;
    } else if (among(kComparators, token.text)) {
      token.kind = Kind::Comparator;
    } else if (among(kTernary, token.text)) {
      token.kind = Kind::Ternary;
    } else {
      return "Invalid token: '" + token.text + "'";
    }
    return std::nullopt;
  }

  /// Reads while `wanted` holds. A backslash takes the next character whatever it is, leading
  /// blanks are passed over and a blank ends the word.
  std::string read(bool (*wanted)(char32_t)) {
    std::string out;
    while (at_ < source_.size()) {
      const char32_t c = source_[at_];
      if (take_escaped(c, out)) continue;
      if (is_space(c)) {
        if (!out.empty()) break;
        ++at_;
        continue;
      }
      if (!wanted(c)) break;
      encode(c, out);
      ++at_;
    }
    return out;
  }

  /// The same, blanks included.
  std::string read_all(bool (*wanted)(char32_t)) {
    std::string out;
    while (at_ < source_.size()) {
      const char32_t c = source_[at_];
      if (take_escaped(c, out)) continue;
      if (!wanted(c)) break;
      encode(c, out);
      ++at_;
    }
    return out;
  }

  bool take_escaped(char32_t c, std::string& out) {
    if (c != '\\') return false;
    if (++at_ == source_.size()) {
      cut_off_ = true;  // upstream panics
      return true;
    }
    encode(source_[at_++], out);
    return true;
  }

  static std::string date_text(std::chrono::sys_seconds time) {
    const auto day = std::chrono::floor<std::chrono::days>(time);
    const std::chrono::year_month_day date(day);
    const std::chrono::hh_mm_ss clock(time - day);
    const auto padded = [](auto number, std::size_t width) {
      const std::string digits = std::to_string(number);
      return digits.size() < width ? std::string(width - digits.size(), '0') + digits : digits;
    };
    std::string text = padded(static_cast<int>(date.year()), 4);
    text.append("-").append(padded(static_cast<unsigned>(date.month()), 2));
    text.append("-").append(padded(static_cast<unsigned>(date.day()), 2));
    text.append(" ").append(padded(clock.hours().count(), 2));
    text.append(":").append(padded(clock.minutes().count(), 2));
    text.append(":").append(padded(clock.seconds().count(), 2));
    return text + " +0000 UTC";
  }

  const std::u32string source_;
  std::size_t at_ = 0;
  bool cut_off_ = false;
};

}  // namespace

Result<std::vector<Token>> tokenize(std::string_view text) { return Lexer(text).run(); }

Result<void> check_order(const std::vector<Token>& tokens) {
  std::ptrdiff_t open = 0;
  for (const Token& token : tokens) {
    open += token.kind == Kind::Clause ? 1 : token.kind == Kind::ClauseClose ? -1 : 0;
  }
  if (open != 0) return fail(Code::InvalidArgument, "Unbalanced parenthesis");
  const Token start;
  const Token* before = &start;
  for (const Token& token : tokens) {
    if (!may_follow(before->kind, token.kind)) {
      if (before->kind == Kind::Variable && token.kind == Kind::Clause) {
        return fail(Code::InvalidArgument, "Undefined function " + before->text);
      }
      std::string message = "Cannot transition token types from ";
      message.append(state_of(before->kind).name)
          .append(" [")
          .append(printed(*before))
          .append("] to ");
      message.append(state_of(token.kind).name).append(" [").append(printed(token)).append("]");
      return fail(Code::InvalidArgument, std::move(message));
    }
    before = &token;
  }
  if (!state_of(before->kind).may_end)
    return fail(Code::InvalidArgument, "Unexpected end of expression");
  return {};
}

std::string_view kind_name(Kind kind) { return state_of(kind).name; }

std::string go_number(double number) {
  if (std::isnan(number)) return "NaN";
  if (std::isinf(number)) return number < 0 ? "-Inf" : "+Inf";
  // The fewest digits that read back the same, with an exponent from 1e+06 and below 0.0001 on.
  std::array<char, 64> buffer{};
  const double magnitude = std::fabs(number);
  const bool exponent = magnitude != 0 && (magnitude < 1e-4 || magnitude >= 1e6);
  const auto [end, error] =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), number,
                    exponent ? std::chars_format::scientific : std::chars_format::fixed);
  return {buffer.data(), end};
}

}  // namespace gantry::workflow::when
