#include "workflow/expr/expression.h"

#include <algorithm>

#include "workflow/expr/evaluator.h"
#include "workflow/expr/format.h"
#include "workflow/expr/go_text.h"
#include "workflow/expr/parser.h"
#include "workflow/expr/program.h"
#include "workflow/expr/time.h"

namespace gantry::workflow::expr {

std::string at_position(const std::string& message, std::string_view source, std::size_t at) {
  const std::string_view before = source.substr(0, at);
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const std::size_t start = before.rfind('\n');
  const std::size_t column =
      1 + rune_count(start == std::string_view::npos ? before : before.substr(start + 1));
  return message + " (" + std::to_string(line) + ":" + std::to_string(column) + ")";
}

Result<Expression> Expression::parse(std::string_view source, std::size_t* offset) {
  auto program = parse_program(source);
  if (!program) {
    if (offset != nullptr) *offset = program.error().at;
    return fail(Code::InvalidArgument,
                at_position(program.error().message, source, program.error().at));
  }
  Expression expression;
  expression.program_ = std::make_shared<const Program>(std::move(*program));
  return expression;
}

const std::string& Expression::source() const {
  static const std::string empty;
  return program_ == nullptr ? empty : program_->source;
}

Result<Value> Expression::evaluate(const Names& names, const Facts& facts,
                                   const Evaluation& how) const {
  if (program_ == nullptr) return Value();
  return evaluate_program(*program_, names, facts, how);
}

Result<bool> Expression::evaluate_bool(const Names& names, const Facts& facts,
                                       const Evaluation& how) const {
  auto value = evaluate(names, facts, how);
  if (!value) {
    return fail(std::move(value.error()).wrap("unable to evaluate expression '" + source() + "'"));
  }
  if (!value->is(Kind::Bool)) {
    return fail(Code::InvalidArgument,
                "unable to cast expression result '" + print(*value) + "' to bool");
  }
  return value->as_bool();
}

void Expression::for_each_path(const std::function<void(const PathUse&)>& visit) const {
  if (program_ == nullptr) return;
  for (const Node& node : program_->nodes) {
    if (node.op != Op::Path) continue;
    const Path& path = program_->paths[node.index];
    if (!path.segments.empty()) visit({path.dotted, node.guarded, node.at});
  }
}

bool Expression::is_volatile() const { return program_ != nullptr && program_->is_volatile; }

Result<std::string> to_text(const Value& value) {
  switch (value.kind()) {
    case Kind::Nil:
      return fail(Code::InvalidArgument, "the result is nil");
    case Kind::String:
      return std::string(value.as_text());
    default: {
      auto json = to_json(value);
      if (!json)
        return fail(std::move(json.error()).wrap("failed to marshal evaluated expression"));
      // What JSON writes as a string goes without the quotes: an instant.
      if (json->size() > 1 && json->front() == '"') return json->substr(1, json->size() - 2);
      return json;
    }
  }
}

}  // namespace gantry::workflow::expr
