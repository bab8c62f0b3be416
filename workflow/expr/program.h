#pragma once

// Internal to parser.cc, evaluator.cc and expression.cc: an expression after parsing. Nodes lie in
// one array, children before their parents.

#include <cstdint>
#include <string>
#include <vector>

#include "workflow/expr/function.h"
#include "workflow/expr/regexp.h"
#include "workflow/expr/value.h"

namespace gantry::workflow::expr {

using NodeIndex = std::uint32_t;
inline constexpr NodeIndex kNoNode = 0xffffffffu;

enum class Op : std::uint8_t {
  Constant,     ///< index: in constants
  Path,         ///< index: in paths
  Variable,     ///< index: slot of a `let`
  Item,         ///< #
  Index,        ///< #index
  Accumulator,  ///< #acc
  Member,       ///< a[b]; optional
  Chain,        ///< a, which a `?.` in it may end early
  Slice,        ///< a[b:c]
  Not,
  Negate,
  Plus,
  Or,
  And,
  Coalesce,
  Equal,
  NotEqual,
  Less,
  LessOrEqual,
  More,
  MoreOrEqual,
  In,
  Matches,
  MatchesPattern,  ///< index: in patterns
  Contains,
  StartsWith,
  EndsWith,
  Range,
  Add,
  Subtract,
  Multiply,
  Divide,
  Modulo,
  Exponent,
  Conditional,  ///< a ? b : c
  Let,          ///< index: slot; a: value, b: the rest
  Sequence,     ///< children; the last one is the value
  Array,        ///< children
  Map,          ///< children: key, value, key, …
  Call,         ///< index: in calls; children
  Method,       ///< index: in constants: the name; children, the receiver first
  Predicate,  ///< index: in kPredicates; a: the array, b: the predicate or none, c: third argument
};

struct Node {
  Op op;
  bool optional = false;     ///< Member: `?.`
  bool guarded = false;      ///< Path: may be missing, because of `??` or `?.`
  std::uint16_t height = 1;  ///< nodes from here down to the deepest leaf
  std::uint32_t at = 0;      ///< offset in the source, for messages
  NodeIndex a = kNoNode, b = kNoNode, c = kNoNode;
  std::uint32_t index = 0;
  std::uint32_t first = 0, count = 0;  ///< range in children
};

/// A chain of constant names: inputs.parameters['my-param'].
struct Path {
  struct Segment {
    std::string name;
    bool optional = false;  ///< `?.` before it
    std::uint32_t at = 0;   ///< offset in the source
    std::size_t end = 0;    ///< dotted.substr(0, end) is the chain up to here
  };
  std::string dotted;
  std::vector<Segment> segments;  ///< none: $env
};

struct Program {
  std::string source;
  std::vector<Node> nodes;
  std::vector<NodeIndex> children;
  std::vector<Value> constants;
  std::vector<Path> paths;
  std::vector<Regexp> patterns;
  std::vector<const Function*> calls;
  std::uint32_t slots = 0;
  NodeIndex root = kNoNode;
  bool is_volatile = false;  ///< calls a function with a volatile result
};

/// `message (line:column)` for an offset in the source; columns count characters from 1.
std::string at_position(const std::string& message, std::string_view source, std::size_t at);

}  // namespace gantry::workflow::expr
