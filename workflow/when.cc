#include "workflow/when.h"

#include <re2/re2.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "workflow/regexp_error.h"
#include "workflow/when_token.h"

namespace gantry::workflow {
namespace {

using when::Kind;
using when::Token;

constexpr int kMaxDepth = 200;

// Values
// ----------------------------------------------------------------------------------------------------------

struct Nil {
  bool operator==(const Nil&) const = default;
};
/// A constant text behind =~ or !~: no text any more, but prints as one.
struct Pattern {
  std::string source;
  bool operator==(const Pattern&) const = default;
};
struct Value;
using ValueList = std::vector<Value>;
struct Value : std::variant<Nil, bool, double, std::string, Pattern, ValueList> {
  using variant::variant;
  template <class T>
  [[nodiscard]] bool is() const {
    return std::holds_alternative<T>(*this);
  }
  template <class T>
  [[nodiscard]] const T& as() const {
    return std::get<T>(*this);
  }
};

/// Equal in type and value, lists member by member (Go's reflect.DeepEqual).
bool equal(const Value& a, const Value& b) {
  if (a.index() != b.index()) return false;
  if (!a.is<ValueList>()) {
    return std::visit(
        [&](const auto& value) {
          using T = std::decay_t<decltype(value)>;
          if constexpr (std::is_same_v<T, ValueList>) {
            return false;
          } else {
            return value == b.as<T>();
          }
        },
        a);
  }
  const auto& left = a.as<ValueList>();
  const auto& right = b.as<ValueList>();
  return left.size() == right.size() && std::equal(left.begin(), left.end(), right.begin(), equal);
}

/// As Go's %v.
void print(const Value& value, std::string& out) {
  if (value.is<Nil>()) {
    out += "<nil>";
  } else if (value.is<bool>()) {
    out += value.as<bool>() ? "true" : "false";
  } else if (value.is<double>()) {
    out += when::go_number(value.as<double>());
  } else if (value.is<std::string>()) {
    out += value.as<std::string>();
  } else if (value.is<Pattern>()) {
    out += value.as<Pattern>().source;
  } else {
    out += '[';
    bool first = true;
    for (const Value& item : value.as<ValueList>()) {
      if (!std::exchange(first, false)) out += ' ';
      print(item, out);
    }
    out += ']';
  }
}
std::string printed(const Value& value) {
  std::string out;
  print(value, out);
  return out;
}

// Regular expressions
// -----------------------------------------------------------------------------------------------

class Regexp {
 public:
  explicit Regexp(const std::string& pattern) : compiled_(pattern, re2::RE2::Quiet) {}

  [[nodiscard]] std::optional<std::string> error() const {
    if (compiled_.ok()) return std::nullopt;
    std::string message = "error parsing regexp: ";
    message.append(regexp_error(compiled_.error_code()));
    if (!compiled_.error_arg().empty())
      message.append(": `").append(compiled_.error_arg()).append("`");
    return message;
  }
  [[nodiscard]] bool matches(const std::string& text) const {
    return re2::RE2::PartialMatch(text, compiled_);
  }

 private:
  re2::RE2 compiled_;
};

/// Turns the constant text behind each =~ and !~ into a pattern; an error when one does not
/// compile. It is compiled again when it is used, so that a long text cannot hold thousands of
/// compiled ones.
std::optional<std::string> make_patterns(std::vector<Token>& tokens) {
  for (std::size_t i = 0; i + 1 < tokens.size(); ++i) {
    if (tokens[i].kind != Kind::Comparator || (tokens[i].text != "=~" && tokens[i].text != "!~"))
      continue;
    if (tokens[i + 1].kind != Kind::String) continue;
    if (auto error = Regexp(tokens[i + 1].text).error()) return error;
    tokens[i + 1].kind = Kind::Pattern;
  }
  return std::nullopt;
}

// Integers as amd64 converts them, which is what Go's conversions of numbers out of range come to.
std::int64_t to_int64(double number) {
  constexpr double kLimit = 9223372036854775808.0;  // 2^63
  if (number >= -kLimit && number < kLimit) return static_cast<std::int64_t>(number);
  return std::numeric_limits<std::int64_t>::min();
}
std::uint64_t to_uint64(double number) {
  constexpr double kLimit = 9223372036854775808.0;
  if (number >= kLimit && number < 2 * kLimit) return static_cast<std::uint64_t>(number);
  return static_cast<std::uint64_t>(to_int64(number));
}

// Parsing and evaluating
// ---------------------------------------------------------------------------------------------

/// How tight a binary operator binds; 0: the token is none.
enum Level : int {
  kNone,
  kSeparator,
  kTernary,
  kOr,
  kAnd,
  kComparator,
  kBitwise,
  kShift,
  kAdditive,
  kMultiplicative,
  kExponential
};

Level level_of(const Token& token) {
  const std::string& text = token.text;
  switch (token.kind) {
    case Kind::Separator:
      return kSeparator;
    case Kind::Ternary:
      return kTernary;
    case Kind::LogicalOp:
      return text == "||" ? kOr : kAnd;
    case Kind::Comparator:
      return kComparator;
    case Kind::Modifier:
      if (text == "**") return kExponential;
      if (text == "*" || text == "/" || text == "%") return kMultiplicative;
      if (text == "+" || text == "-") return kAdditive;
      if (text == "<<" || text == ">>") return kShift;
      return kBitwise;
    default:
      return kNone;
  }
}

/// Parses by precedence climbing and evaluates as it goes. What is not wanted any more (behind
/// `false &&`, behind an error) is parsed with `live` off: it must be well formed but has no value.
class Evaluation {
 public:
  explicit Evaluation(const std::vector<Token>& tokens) : tokens_(tokens) {}

  Value run() { return binary(kSeparator, true); }

  /// The text cannot be planned.
  [[nodiscard]] const std::optional<std::string>& plan_error() const { return plan_error_; }
  /// Operands do not fit their operator. The first one, in the order of evaluation.
  [[nodiscard]] const std::optional<std::string>& error() const { return error_; }

 private:
  Value binary(int lowest, bool live) {
    Value left = operand(live);
    while (!plan_error_ && at_ < tokens_.size()) {
      const Token& op = tokens_[at_];
      const Level level = level_of(op);
      if (level == kNone || level < lowest) break;
      ++at_;
      live = live && !error_;
      const bool decided = live && decides(op, left);
      Value right = binary(level + 1, live && !decided);
      live = live && !error_;
      if (live)
        left = decided ? decided_value(op, std::move(left))
                       : apply(level, op, std::move(left), std::move(right));
    }
    return left;
  }

  Value operand(bool live) {
    if (at_ == tokens_.size()) return {};
    const Token& token = tokens_[at_++];
    switch (token.kind) {
      case Kind::Prefix:
        return prefix(token, operand(live), live);
      case Kind::Numeric:
      case Kind::Time:
        return token.number;
      case Kind::Boolean:
        return token.truth;
      case Kind::String:
        return token.text;
      case Kind::Pattern:
        return Pattern{token.text};
      case Kind::Clause: {
        if (++depth_ > kMaxDepth) {
          plan_error_ = "brackets nest more than " + std::to_string(kMaxDepth) + " deep";
          return {};
        }
        Value value = binary(kSeparator, live);
        --depth_;
        if (at_ < tokens_.size())
          ++at_;  // whatever it is: upstream takes it for the closing bracket
        return value;
      }
      case Kind::ClauseClose:
        --at_;
        return {};
      case Kind::Accessor: {
        if (at_ < tokens_.size() && tokens_[at_].kind == Kind::Clause) binary(kSeparator, live);
        const std::string object = token.text.substr(0, token.text.find('.'));
        if (live && !error_) error_ = "No parameter '" + object + "' found.";
        return {};
      }
      default:
        if (!plan_error_) {
          plan_error_ = "Unable to plan token kind: '" + std::string(when::kind_name(token.kind)) +
                        "', value: '" + token.text + "'";
        }
        return {};
    }
  }

  static bool decides(const Token& op, const Value& left) {
    if (op.text == "&&") return left.is<bool>() && !left.as<bool>();
    if (op.text == "||") return left.is<bool>() && left.as<bool>();
    if (op.text == "?") return left.is<bool>() && !left.as<bool>();
    if (op.text == ":" || op.text == "??") return op.kind == Kind::Ternary && !left.is<Nil>();
    return false;
  }
  static Value decided_value(const Token& op, Value left) {
    if (op.text == "?") return {};
    return left;
  }

  Value prefix(const Token& op, Value right, bool live) {
    if (!live || error_ || plan_error_) return {};
    if (op.text == "!" ? !right.is<bool>() : !right.is<double>()) {
      return wrong("Value '" + printed(right) + "' cannot be used with the prefix '" + op.text +
                   "'");
    }
    if (op.text == "!") return !right.as<bool>();
    if (op.text == "-") return -right.as<double>();
    return static_cast<double>(~to_int64(right.as<double>()));
  }

  Value apply(Level level, const Token& op, Value left, Value right) {
    switch (level) {
      case kSeparator: {
        if (!left.is<ValueList>()) {
          ValueList list;
          list.push_back(std::move(left));
          left = std::move(list);
        }
        std::get<ValueList>(left).push_back(std::move(right));
        return left;
      }
      case kTernary:
        if (op.text == "?" && !left.is<bool>())
          return misused(left, op, "the ternary operator", "a bool");
        return right;
      case kOr:
      case kAnd:
        if (!left.is<bool>()) return misused(left, op, "the logical operator", "a bool");
        if (!right.is<bool>()) return misused(right, op, "the logical operator", "a bool");
        return right;  // the left side did not decide
      case kComparator:
        return compare(op, left, right);
      default:
        if (op.text == "+" && left.is<std::string>()) {
          print(right, std::get<std::string>(left));  // in place: a chain of them stays linear
          return left;
        }
        return calculate(op, left, right);
    }
  }

  Value compare(const Token& op, const Value& left, const Value& right) {
    const std::string& text = op.text;
    if (text == "==") return equal(left, right);
    if (text == "!=") return !equal(left, right);
    if (text == "in") {
      if (!right.is<ValueList>()) return misused(right, op, "the comparator", "a number");
      for (const Value& item : right.as<ValueList>()) {
        if (left.is<ValueList>() && item.is<ValueList>())
          return wrong("lists cannot be members of lists");
        if (equal(left, item)) return true;
      }
      return false;
    }
    if (text == "=~" || text == "!~") {
      if (!left.is<std::string>()) return misused(left, op, "the comparator", "a number");
      if (!right.is<std::string>() && !right.is<Pattern>())
        return misused(right, op, "the comparator", "a number");
      const std::string& source =
          right.is<Pattern>() ? right.as<Pattern>().source : right.as<std::string>();
      const Regexp regexp(source);
      if (auto error = regexp.error())
        return wrong("Unable to compile regexp pattern '" + source + "': " + *error);
      return regexp.matches(left.as<std::string>()) == (text == "=~");
    }
    const auto ordered = [&](const auto& a, const auto& b) {
      return text == "<" ? a < b : text == "<=" ? a <= b : text == ">" ? a > b : a >= b;
    };
    if (left.is<double>() && right.is<double>())
      return ordered(left.as<double>(), right.as<double>());
    if (left.is<std::string>() && right.is<std::string>())
      return ordered(left.as<std::string>(), right.as<std::string>());
    return misused(left, op, "the comparator", "a number");
  }

  Value calculate(const Token& op, const Value& left, const Value& right) {
    const std::string& text = op.text;
    if (text == "+" && right.is<std::string>()) {
      std::string sum = printed(left);
      print(right, sum);
      return sum;
    }
    if (!left.is<double>()) return misused(left, op, "the modifier", "a number");
    // Of `+`, govaluate looks at both sides together and names the left one.
    if (!right.is<double>())
      return misused(text == "+" ? left : right, op, "the modifier", "a number");
    const double a = left.as<double>();
    const double b = right.as<double>();
    if (text == "+") return a + b;
    if (text == "-") return a - b;
    if (text == "*") return a * b;
    if (text == "/") return a / b;
    if (text == "%") return std::fmod(a, b);
    if (text == "**") return std::pow(a, b);
    if (text == "&") return static_cast<double>(to_int64(a) & to_int64(b));
    if (text == "|") return static_cast<double>(to_int64(a) | to_int64(b));
    if (text == "^") return static_cast<double>(to_int64(a) ^ to_int64(b));
    const std::uint64_t distance = to_uint64(b);
    if (distance >= 64) return 0.0;
    return static_cast<double>(text == "<<" ? to_uint64(a) << distance : to_uint64(a) >> distance);
  }

  Value misused(const Value& value, const Token& op, std::string_view what,
                std::string_view wanted) {
    std::string message = "Value '" + printed(value) + "' cannot be used with ";
    message.append(what).append(" '").append(op.text).append("', it is not ").append(wanted);
    return wrong(std::move(message));
  }

  Value wrong(std::string message) {
    if (!error_) error_ = std::move(message);
    return {};
  }

  const std::vector<Token>& tokens_;
  std::size_t at_ = 0;
  int depth_ = 0;
  std::optional<std::string> plan_error_;
  std::optional<std::string> error_;
};

tl::unexpected<Error> failure(std::string_view what, std::string_view text, std::string_view why) {
  std::string message(what);
  message.append(" '").append(text).append("': ").append(why);
  if (why.find("Invalid token") != std::string_view::npos) {
    message.append(" (hint: try wrapping the affected expression in quotes (\"))");
  }
  return fail(Code::InvalidArgument, std::move(message));
}

}  // namespace

Result<bool> evaluate_when(std::string_view text) {
  if (text.empty()) return true;
  // Argo parses twice: as govaluate sees the text, and once more with the variables turned into
  // texts.
  constexpr std::string_view kInvalid = "Invalid 'when' expression";
  auto tokens = when::tokenize(text);
  if (!tokens) return failure(kInvalid, text, tokens.error().message);
  if (auto good = when::check_order(*tokens); !good)
    return failure(kInvalid, text, good.error().message);
  if (auto error = make_patterns(*tokens)) return failure(kInvalid, text, *error);
  for (Token& token : *tokens) {
    if (token.kind == Kind::Variable) token.kind = Kind::String;
  }
  constexpr std::string_view kUnparsable = "Failed to parse 'when' expression";
  const auto second_order = when::check_order(*tokens);
  const auto second_patterns = second_order ? make_patterns(*tokens) : std::nullopt;
  // Whether the tokens can be planned is the same both times, so the first time has the word.
  Evaluation evaluation(*tokens);
  const Value value = evaluation.run();
  if (evaluation.plan_error()) return failure(kInvalid, text, *evaluation.plan_error());
  if (!second_order) return failure(kUnparsable, text, second_order.error().message);
  if (second_patterns) return failure(kUnparsable, text, *second_patterns);
  if (evaluation.error())
    return failure("Failed to evaluate 'when' expresion", text, *evaluation.error());
  if (!value.is<bool>()) {
    std::string message = "Expected boolean evaluation for '" + std::string(text) + "'. Got ";
    print(value, message);
    return fail(Code::InvalidArgument, std::move(message));
  }
  return value.as<bool>();
}

}  // namespace gantry::workflow
