#include "workflow/expr/parser.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>

#include "workflow/expr/evaluator.h"
#include "workflow/expr/go_text.h"

namespace gantry::workflow::expr {
namespace {

using K = Token::Kind;

struct BinaryOperator {
  std::string_view word;
  int precedence;
  Op op;
  bool right = false;  ///< binds from the right
};
/// expr-lang parser/operator/operator.go. `|` is handled where it is met.
constexpr BinaryOperator kBinary[] = {
    {"|", 0, Op::Call},
    {"or", 10, Op::Or},
    {"||", 10, Op::Or},
    {"and", 15, Op::And},
    {"&&", 15, Op::And},
    {"==", 20, Op::Equal},
    {"!=", 20, Op::NotEqual},
    {"<", 20, Op::Less},
    {">", 20, Op::More},
    {">=", 20, Op::MoreOrEqual},
    {"<=", 20, Op::LessOrEqual},
    {"in", 20, Op::In},
    {"matches", 20, Op::Matches},
    {"contains", 20, Op::Contains},
    {"startsWith", 20, Op::StartsWith},
    {"endsWith", 20, Op::EndsWith},
    {"..", 25, Op::Range},
    {"+", 30, Op::Add},
    {"-", 30, Op::Subtract},
    {"*", 60, Op::Multiply},
    {"/", 60, Op::Divide},
    {"%", 60, Op::Modulo},
    {"**", 100, Op::Exponent, true},
    {"^", 100, Op::Exponent, true},
    {"??", 500, Op::Coalesce},
};

const BinaryOperator* binary_operator(std::string_view word) {
  for (const BinaryOperator& known : kBinary) {
    if (known.word == word) return &known;
  }
  return nullptr;
}
bool is_comparison(Op op) {
  return op == Op::Less || op == Op::More || op == Op::LessOrEqual || op == Op::MoreOrEqual;
}
bool is_negatable(std::string_view word) {
  return word == "in" || word == "matches" || word == "contains" || word == "startsWith" ||
         word == "endsWith";
}
/// Operators like `not` and `matches` are names behind a dot.
bool is_name(const Token& token) {
  if (token.kind == K::Identifier) return true;
  return token.kind == K::Operator && is_letter(decode_rune(token.text).code);
}

class Parser {
 public:
  explicit Parser(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  tl::expected<Program, SyntaxError> run(std::string_view source) {
    program_.source = source;
    program_.root = sequence();
    if (!current().is(K::End)) wrong("unexpected token " + current().shown());
    if (failed_) return tl::unexpected<SyntaxError>(std::move(error_));
    return std::move(program_);
  }

 private:
  // Tokens --------------------------------------------------------------------------------------

  [[nodiscard]] const Token& current() const { return tokens_[at_]; }
  void next() {
    if (at_ + 1 < tokens_.size()) ++at_;
  }
  bool take_operator(std::string_view word) {
    if (failed_ || !current().is_operator(word)) return false;
    next();
    return true;
  }
  bool take_bracket(std::string_view word) {
    if (failed_ || !current().is_bracket(word)) return false;
    next();
    return true;
  }
  void expect_operator(std::string_view word) {
    if (!take_operator(word)) wrong("unexpected token " + current().shown());
  }
  void expect_bracket(std::string_view word) {
    if (!take_bracket(word)) wrong("unexpected token " + current().shown());
  }
  void expect_identifier() {
    if (current().is(K::Identifier)) {
      next();
    } else {
      wrong("unexpected token " + current().shown());
    }
  }

  NodeIndex wrong(std::string message) { return wrong_at(current().at, std::move(message)); }
  NodeIndex wrong_at(std::uint32_t at, std::string message) {
    if (!failed_) {
      failed_ = true;
      error_ = {at, std::move(message)};
    }
    return kNoNode;
  }

  // Nodes ---------------------------------------------------------------------------------------

  [[nodiscard]] Node& node(NodeIndex index) { return program_.nodes[index]; }

  NodeIndex add(Node made, const std::vector<NodeIndex>& children = {}) {
    if (failed_) return kNoNode;
    if (program_.nodes.size() >= kMaxNodes) {
      return wrong("compilation failed: expression exceeds maximum allowed nodes");
    }
    made.first = static_cast<std::uint32_t>(program_.children.size());
    made.count = static_cast<std::uint32_t>(children.size());
    program_.children.insert(program_.children.end(), children.begin(), children.end());
    std::uint16_t below = 0;
    for (const NodeIndex child : {made.a, made.b, made.c}) {
      if (child != kNoNode) below = std::max(below, node(child).height);
    }
    for (const NodeIndex child : children) below = std::max(below, node(child).height);
    made.height = static_cast<std::uint16_t>(below + 1);
    if (made.height > kMaxHeight) return wrong("compilation failed: expression nests too deep");
    program_.nodes.push_back(made);
    return fold(static_cast<NodeIndex>(program_.nodes.size() - 1));
  }
  NodeIndex constant(Value value, std::uint32_t at) {
    program_.constants.push_back(value.owned());
    return add({.op = Op::Constant,
                .at = at,
                .index = static_cast<std::uint32_t>(program_.constants.size() - 1)});
  }
  [[nodiscard]] const Value* constant_of(NodeIndex index) const {
    if (index == kNoNode) return nullptr;
    const Node& it = program_.nodes[index];
    return it.op == Op::Constant ? &program_.constants[it.index] : nullptr;
  }

  /// Turns a node whose children are constants into a constant, unless that fails or gets large.
  NodeIndex fold(NodeIndex index) {
    const Node& it = node(index);
    switch (it.op) {
      case Op::Constant:
      case Op::Path:
      case Op::Variable:
      case Op::Item:
      case Op::Index:
      case Op::Accumulator:
      case Op::Chain:
      case Op::Conditional:
      case Op::Let:
      case Op::Sequence:
      case Op::Predicate:
      case Op::Method:
        return index;
      case Op::Call:
        if (program_.calls[it.index]->volatile_result) return index;
        break;
      default:
        break;
    }
    if (it.optional) return index;  // it may end the chain around it
    for (const NodeIndex child : {it.a, it.b, it.c}) {
      if (child != kNoNode && constant_of(child) == nullptr) return index;
    }
    for (std::uint32_t i = 0; i < it.count; ++i) {
      if (constant_of(program_.children[it.first + i]) == nullptr) return index;
    }
    auto value = evaluate_constant(program_, index);
    if (!value) return index;
    program_.constants.push_back(std::move(*value));
    node(index) = {.op = Op::Constant,
                   .at = it.at,
                   .index = static_cast<std::uint32_t>(program_.constants.size() - 1)};
    return index;
  }

  // Expressions ---------------------------------------------------------------------------------

  /// Counts how deep brackets and operators nest, because the parser calls itself for each.
  class Nesting {
   public:
    explicit Nesting(Parser& parser) : parser_(parser) {
      if (++parser_.nesting_ > kMaxNesting * 2) parser_.wrong("expression nests too deep");
    }
    ~Nesting() { --parser_.nesting_; }
    Nesting(const Nesting&) = delete;
    Nesting& operator=(const Nesting&) = delete;

   private:
    Parser& parser_;
  };

  NodeIndex sequence() {
    const std::uint32_t at = current().at;
    std::vector<NodeIndex> nodes = {expression(0)};
    while (!failed_ && take_operator(";")) {
      if (current().is(K::End)) break;
      nodes.push_back(expression(0));
    }
    if (nodes.size() == 1 || failed_) return nodes[0];
    return add({.op = Op::Sequence, .at = at}, nodes);
  }

  NodeIndex expression(int precedence) {
    const Nesting nesting(*this);
    if (failed_) return kNoNode;
    if (precedence == 0 && current().is_operator("let")) return let();
    if (precedence == 0 && current().is_operator("if")) return conditional_if();

    NodeIndex left = primary();
    bool after_coalesce = false;
    while (!failed_ && current().is(K::Operator)) {
      const std::size_t before = at_;
      const bool negate = current().is_operator("not");
      if (negate) {
        next();
        if (!current().is(K::Operator) || !is_negatable(current().text)) {
          return wrong("unexpected token " + current().shown());
        }
      }
      const Token token = current();
      const BinaryOperator* known = binary_operator(token.text);
      if (known == nullptr || known->precedence < precedence) {
        at_ = before;
        break;
      }
      next();
      if (token.text == "|") {
        const Token name = current();
        expect_identifier();
        left = call(name, {left});
      } else if (after_coalesce && known->op != Op::Coalesce) {
        return wrong_at(token.at,
                        "Operator (" + token.text +
                            ") and coalesce expressions (?\?) cannot be mixed. Wrap either "
                            "by parentheses.");
      } else if (is_comparison(known->op)) {
        left = comparison(left, *known, token);
      } else {
        const NodeIndex right =
            expression(known->right ? known->precedence : known->precedence + 1);
        left = binary(known->op, left, right, token.at);
        if (negate) left = add({.op = Op::Not, .at = token.at, .a = left});
      }
      after_coalesce = known->op == Op::Coalesce;
    }
    if (precedence == 0) left = conditional(left);
    return left;
  }

  NodeIndex binary(Op op, NodeIndex left, NodeIndex right, std::uint32_t at) {
    if (failed_) return kNoNode;
    if (op == Op::Coalesce) guard(left);
    if (op == Op::Matches) {
      const Value* pattern = constant_of(right);
      if (pattern != nullptr && pattern->is(Kind::String)) {
        auto compiled = Regexp::compile(pattern->as_text());
        if (!compiled) return wrong_at(at, compiled.error().message);
        program_.patterns.push_back(std::move(*compiled));
        return add({.op = Op::MatchesPattern,
                    .at = at,
                    .a = left,
                    .index = static_cast<std::uint32_t>(program_.patterns.size() - 1)});
      }
    }
    return add({.op = op, .at = at, .a = left, .b = right});
  }

  /// What stands left of `??` may be missing.
  void guard(NodeIndex from) {
    std::vector<NodeIndex> open = {from};
    while (!open.empty()) {
      const NodeIndex index = open.back();
      open.pop_back();
      if (index == kNoNode) continue;
      Node& it = node(index);
      if (it.op == Op::Path && program_.paths[it.index].segments.size() > 1) it.guarded = true;
      open.insert(open.end(), {it.a, it.b, it.c});
      for (std::uint32_t i = 0; i < it.count; ++i) open.push_back(program_.children[it.first + i]);
    }
  }

  /// `1 < x < 3` is `1 < x && x < 3`.
  NodeIndex comparison(NodeIndex left, BinaryOperator known, Token token) {
    NodeIndex root = kNoNode;
    for (;;) {
      const NodeIndex right = expression(known.precedence + 1);
      const NodeIndex compared = binary(known.op, left, right, token.at);
      root = root == kNoNode ? compared : binary(Op::And, root, compared, token.at);
      if (failed_) return kNoNode;
      left = right;
      const BinaryOperator* following =
          current().is(K::Operator) ? binary_operator(current().text) : nullptr;
      if (following == nullptr || !is_comparison(following->op)) return root;
      known = *following;
      token = current();
      next();
    }
  }

  NodeIndex let() {
    next();
    const Token name = current();
    expect_identifier();
    expect_operator("=");
    const NodeIndex value = expression(0);
    expect_operator(";");
    if (failed_) return kNoNode;
    if (find_function(name.text) != nullptr ||
        std::ranges::find(kPredicates, name.text) != std::end(kPredicates)) {
      return wrong_at(name.at, "cannot redeclare builtin " + name.text);
    }
    for (const auto& [known, slot] : variables_) {
      if (known == name.text) return wrong_at(name.at, "cannot redeclare variable " + name.text);
    }
    const std::uint32_t slot = program_.slots++;
    variables_.emplace_back(name.text, slot);
    const NodeIndex rest = sequence();
    variables_.pop_back();
    return add({.op = Op::Let, .at = name.at, .a = value, .b = rest, .index = slot});
  }

  NodeIndex conditional_if() {
    const Nesting nesting(*this);
    const std::uint32_t at = current().at;
    next();
    if (failed_) return kNoNode;
    const NodeIndex condition = expression(0);
    expect_bracket("{");
    const NodeIndex yes = sequence();
    expect_bracket("}");
    expect_operator("else");
    NodeIndex no = kNoNode;
    if (current().is_operator("if")) {
      no = conditional_if();
    } else {
      expect_bracket("{");
      no = sequence();
      expect_bracket("}");
    }
    return add({.op = Op::Conditional, .at = at, .a = condition, .b = yes, .c = no});
  }

  NodeIndex conditional(NodeIndex condition) {
    while (!failed_ && current().is_operator("?")) {
      const std::uint32_t at = current().at;
      next();
      NodeIndex yes = condition;
      if (!take_operator(":")) {
        yes = expression(0);
        expect_operator(":");
      }
      const NodeIndex no = expression(0);
      condition = add({.op = Op::Conditional, .at = at, .a = condition, .b = yes, .c = no});
    }
    return condition;
  }

  NodeIndex primary() {
    if (failed_) return kNoNode;
    const Token token = current();
    if (token.is(K::Operator)) {
      if (token.text == "not" || token.text == "!") {
        next();
        const NodeIndex operand = expression(50);
        return postfix(add({.op = Op::Not, .at = token.at, .a = operand}));
      }
      if (token.text == "-" || token.text == "+") {
        next();
        const NodeIndex operand = expression(90);
        return postfix(
            add({.op = token.text == "-" ? Op::Negate : Op::Plus, .at = token.at, .a = operand}));
      }
      if (predicate_depth_ > 0 && (token.text == "#" || token.text == ".")) return pointer(token);
      if (token.text == "::") {  // the built-in function, whatever the environment says
        next();
        const Token name = current();
        expect_identifier();
        return postfix(call(name, {}));
      }
    }
    if (take_bracket("(")) {
      const NodeIndex inner = sequence();
      expect_bracket(")");
      return postfix(inner);
    }
    return secondary();
  }

  /// `#`, `#index`, `#acc`, and `.name` for `#.name`.
  NodeIndex pointer(const Token& token) {
    Op op = Op::Item;
    if (token.text == "#") {
      next();
      if (current().is(K::Identifier)) {
        if (current().text == "index") {
          op = Op::Index;
        } else if (current().text == "acc") {
          op = Op::Accumulator;
        } else {
          return wrong_at(token.at, "unknown pointer #" + current().text);
        }
        next();
      }
    }
    return postfix(add({.op = op, .at = token.at}));
  }

  NodeIndex secondary() {
    const Token token = current();
    switch (token.kind) {
      case K::Identifier:
        next();
        if (token.text == "true" || token.text == "false") {
          return constant(Value::boolean(token.text == "true"), token.at);
        }
        if (token.text == "nil") return constant({}, token.at);
        if (current().is_bracket("(")) return postfix(call(token, {}));
        return postfix(identifier(token));
      case K::Number:
        next();
        return number(token);
      case K::String:
        next();
        return postfix(constant(Value::text(token.text), token.at));
      case K::Bytes:
        next();
        return postfix(constant(Value::bytes(token.text), token.at));
      default:
        if (token.is_bracket("[")) return postfix(array(token));
        if (token.is_bracket("{")) return postfix(map(token));
        return wrong("unexpected token " + token.shown());
    }
  }

  NodeIndex number(const Token& token) {
    std::string digits = token.text;
    std::erase(digits, '_');
    const std::string_view prefix = std::string_view(digits).substr(0, 2);
    const auto has = [&](char letter) {
      return prefix.size() == 2 && prefix[0] == '0' && (prefix[1] | 0x20) == letter;
    };
    const int base = has('x') ? 16 : has('o') ? 8 : has('b') ? 2 : 10;
    if (base == 10 && digits.find_first_of(".eE") != std::string::npos) {
      errno = 0;
      char* end = nullptr;
      const double value = std::strtod(digits.c_str(), &end);
      if (*end != '\0') return wrong_at(token.at, "invalid float literal: " + quote(digits));
      if (errno == ERANGE && (value > 1 || value < -1)) {
        return wrong_at(token.at,
                        "invalid float literal: " + quote(digits) + ": value out of range");
      }
      return constant(Value::number(value), token.at);
    }
    const char* kind = base == 16 ? "hex" : base == 8 ? "octal" : base == 2 ? "binary" : "integer";
    const char* first = digits.data() + (base == 10 ? 0 : 2);
    const char* last = digits.data() + digits.size();
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(first, last, value, base);
    if (error == std::errc::result_out_of_range) {
      return wrong_at(token.at, std::string("invalid ") + kind + " literal: " + quote(digits) +
                                    ": value out of range");
    }
    if (error != std::errc() || end != last) {
      return wrong_at(token.at, std::string("invalid ") + kind + " literal: " + quote(digits));
    }
    return constant(Value::integer(value), token.at);
  }

  NodeIndex identifier(const Token& token) {
    for (const auto& [name, slot] : variables_) {
      if (name == token.text) return add({.op = Op::Variable, .at = token.at, .index = slot});
    }
    Path path;
    if (token.text != "$env") extend(path, token.text, false, token.at);
    program_.paths.push_back(std::move(path));
    return add({.op = Op::Path,
                .at = token.at,
                .index = static_cast<std::uint32_t>(program_.paths.size() - 1)});
  }
  static void extend(Path& path, std::string_view name, bool optional, std::uint32_t at) {
    if (!path.segments.empty()) path.dotted += '.';
    path.dotted += name;
    path.segments.push_back({std::string(name), optional, at, path.dotted.size()});
  }

  NodeIndex array(const Token& token) {
    std::vector<NodeIndex> items;
    next();
    while (!failed_ && !current().is_bracket("]")) {
      if (!items.empty()) {
        expect_operator(",");
        if (current().is_bracket("]")) break;
      }
      items.push_back(expression(0));
    }
    expect_bracket("]");
    return add({.op = Op::Array, .at = token.at}, items);
  }

  NodeIndex map(const Token& token) {
    std::vector<NodeIndex> pairs;
    next();
    while (!failed_ && !current().is_bracket("}")) {
      if (!pairs.empty()) {
        expect_operator(",");
        if (current().is_bracket("}")) break;
      }
      const Token key = current();
      if (key.is(K::Number) || key.is(K::String) || key.is(K::Identifier)) {
        next();
        pairs.push_back(constant(Value::text(key.text), key.at));
      } else if (key.is_bracket("(")) {
        pairs.push_back(expression(0));
      } else {
        return wrong(
            "a map key must be a quoted string, a number, a identifier, or an expression enclosed "
            "in parentheses (unexpected token " +
            key.shown() + ")");
      }
      expect_operator(":");
      pairs.push_back(expression(0));
    }
    expect_bracket("}");
    return add({.op = Op::Map, .at = token.at}, pairs);
  }

  // Calls ---------------------------------------------------------------------------------------

  /// `name` was read; its arguments follow. `arguments` holds what came through a pipe.
  NodeIndex call(const Token& name, std::vector<NodeIndex> arguments) {
    if (failed_) return kNoNode;
    const auto predicate = std::ranges::find(kPredicates, name.text);
    if (predicate != std::end(kPredicates)) {
      return predicate_call(name, static_cast<std::uint32_t>(predicate - std::begin(kPredicates)),
                            std::move(arguments));
    }
    const Function* function = find_function(name.text);
    for (const auto& [known, slot] : variables_) {
      if (known == name.text) return wrong_at(name.at, name.text + " is not callable");
    }
    if (function == nullptr) return wrong_at(name.at, "unknown name " + name.text);
    parse_arguments(arguments);
    return function_call(*function, name.at, arguments);
  }

  NodeIndex function_call(const Function& function, std::uint32_t at,
                          const std::vector<NodeIndex>& arguments) {
    program_.calls.push_back(&function);
    program_.is_volatile = program_.is_volatile || function.volatile_result;
    return add(
        {.op = Op::Call, .at = at, .index = static_cast<std::uint32_t>(program_.calls.size() - 1)},
        arguments);
  }

  void parse_arguments(std::vector<NodeIndex>& arguments) {
    const std::size_t piped = arguments.size();
    expect_bracket("(");
    while (!failed_ && !current().is_bracket(")")) {
      if (arguments.size() > piped) {
        expect_operator(",");
        if (current().is_bracket(")")) break;
      }
      arguments.push_back(expression(0));
    }
    expect_bracket(")");
  }

  NodeIndex predicate_call(const Token& name, std::uint32_t which,
                           std::vector<NodeIndex> arguments) {
    const bool third = name.text == "sortBy" || name.text == "reduce";
    const std::size_t required = name.text == "count" || name.text == "sum" ? 1 : 2;
    const std::size_t most = third ? 3 : 2;
    const std::size_t piped = arguments.size();
    expect_bracket("(");
    while (!failed_ && arguments.size() < most) {
      if (current().is_bracket(")")) {
        if (arguments.size() >= required) break;
        return wrong("expected at least " + std::to_string(most - piped) + " arguments");
      }
      if (arguments.size() > piped) expect_operator(",");
      // A comma may stand behind the last one.
      if (arguments.size() >= required && current().is_bracket(")")) break;
      arguments.push_back(arguments.size() == 1 ? predicate() : expression(0));
    }
    take_operator(",");
    expect_bracket(")");
    arguments.resize(3, kNoNode);
    return add({.op = Op::Predicate,
                .at = name.at,
                .a = arguments[0],
                .b = arguments[1],
                .c = arguments[2],
                .index = which});
  }

  NodeIndex predicate() {
    const bool braces = take_bracket("{");
    ++predicate_depth_;
    const NodeIndex body = braces ? sequence() : expression(0);
    if (!braces && current().is_operator(";")) wrong("wrap predicate with brackets { and }");
    --predicate_depth_;
    if (braces) expect_bracket("}");
    return body;
  }

  // What follows a value ------------------------------------------------------------------------

  NodeIndex postfix(NodeIndex base) {
    // How many postfixes follow is how high the tree gets; add() looks at that.
    while (!failed_ && (current().is(K::Operator) || current().is(K::Bracket))) {
      const Token token = current();
      bool optional = token.is_operator("?.");
      if (token.is_operator(".") || optional) {
        next();
        if (!(optional && current().is_bracket("["))) {
          base = member(base, optional);
          continue;
        }
      } else if (!token.is_bracket("[")) {
        break;
      }
      next();  // the bracket
      base = subscript(base, token.at, optional);
    }
    return base;
  }

  NodeIndex member(NodeIndex base, bool optional) {
    const Token name = current();
    next();
    if (!is_name(name)) return wrong_at(name.at, "expected name");
    if (current().is_bracket("(")) return method(base, name, optional);
    // A `?.` ends the whole chain, so the chain is put around what follows too.
    const bool chained = node(base).op == Op::Chain;
    if (chained) base = node(base).a;
    base = access(base, constant(Value::text(name.text), name.at), optional, name.at);
    return chained || optional ? chain(base, name.at) : base;
  }

  /// Paths are chains by themselves.
  NodeIndex chain(NodeIndex base, std::uint32_t at) {
    if (failed_ || node(base).op == Op::Path) return base;
    return add({.op = Op::Chain, .at = at, .a = base});
  }

  /// base[property], as a longer path where it can be one.
  NodeIndex access(NodeIndex base, NodeIndex property, bool optional, std::uint32_t at) {
    if (failed_) return kNoNode;
    const Value* name = constant_of(property);
    if (node(base).op == Op::Path && name != nullptr && name->is(Kind::String)) {
      // The node of the name is the last one and is not needed.
      Node& path = node(base);
      extend(program_.paths[path.index], name->as_text(), optional, at);
      if (optional) path.guarded = true;
      if (property + 1 == program_.nodes.size()) program_.nodes.pop_back();
      return base;
    }
    return add({.op = Op::Member, .optional = optional, .at = at, .a = base, .b = property});
  }

  NodeIndex method(NodeIndex base, const Token& name, bool optional) {
    if (failed_) return kNoNode;
    const bool chained = node(base).op == Op::Chain;
    const Node receiver = node(base);
    if (receiver.op == Op::Path && program_.paths[receiver.index].dotted == "sprig") {
      const Function* function = find_function("sprig." + name.text);
      if (function == nullptr) return wrong_at(name.at, "unknown function sprig." + name.text);
      program_.nodes.pop_back();  // sprig is no variable
      std::vector<NodeIndex> arguments;
      parse_arguments(arguments);
      return function_call(*function, name.at, arguments);
    }
    if (chained) base = receiver.a;
    std::vector<NodeIndex> arguments = {base};
    parse_arguments(arguments);
    if (failed_) return kNoNode;
    program_.constants.push_back(Value::text(name.text));
    const NodeIndex called =
        add({.op = Op::Method,
             .optional = optional,
             .at = name.at,
             .index = static_cast<std::uint32_t>(program_.constants.size() - 1)},
            arguments);
    return chained || optional ? chain(called, name.at) : called;
  }

  NodeIndex subscript(NodeIndex base, std::uint32_t at, bool optional) {
    NodeIndex from = kNoNode;
    if (!current().is_operator(":")) {
      from = expression(0);
      if (!current().is_operator(":")) {
        expect_bracket("]");
        const NodeIndex made = access(base, from, optional, at);
        return optional ? chain(made, at) : made;
      }
    }
    next();  // the colon
    const NodeIndex to = current().is_bracket("]") ? kNoNode : expression(0);
    expect_bracket("]");
    return add({.op = Op::Slice, .at = at, .a = base, .b = from, .c = to});
  }

  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  Program program_;
  std::vector<std::pair<std::string, std::uint32_t>> variables_;
  int predicate_depth_ = 0;
  int nesting_ = 0;
  bool failed_ = false;
  SyntaxError error_;
};

}  // namespace

tl::expected<Program, SyntaxError> parse_program(std::string_view source) {
  auto tokens = lex(source);
  if (!tokens) return tl::unexpected<SyntaxError>(std::move(tokens.error()));
  return Parser(std::move(*tokens)).run(source);
}

}  // namespace gantry::workflow::expr
