#include "workflow/depends.h"

#include <algorithm>
#include <array>
#include <bitset>
#include <cassert>
#include <optional>
#include <unordered_set>
#include <utility>

#include "workflow/suggestion.h"

namespace gantry::workflow {
namespace {

constexpr std::uint32_t kNoTask = 0xffffffffu;

constexpr std::array<std::pair<std::string_view, TaskResult>, 8> kResults = {{
    {"Succeeded", TaskResult::Succeeded},
    {"Failed", TaskResult::Failed},
    {"Errored", TaskResult::Errored},
    {"Skipped", TaskResult::Skipped},
    {"Omitted", TaskResult::Omitted},
    {"Daemoned", TaskResult::Daemoned},
    {"AnySucceeded", TaskResult::AnySucceeded},
    {"AllFailed", TaskResult::AllFailed},
}};

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}
bool is_name(char c) { return is_alphanumeric(c) || c == '-' || c == '_'; }

}  // namespace

/// Recursive descent over the source; the code comes out in postfix order.
class DependsParser {
 public:
  DependsParser(std::string_view source, const Depends::Resolve& resolve,
                std::span<const std::string_view> names)
      : source_(source), resolve_(resolve), names_(names) {}

  Result<Depends> run() {
    if (auto error = parse_or(0)) return fail(Code::InvalidArgument, std::move(*error));
    skip_space();
    if (at_ != source_.size()) {
      return fail(Code::InvalidArgument, unexpected("'&&', '||' or the end of the expression"));
    }
    return std::move(depends_);
  }

 private:
  using Failure = std::optional<std::string>;

  Failure parse_or(int depth) {
    if (auto error = parse_and(depth)) return error;
    while (take("||")) {
      if (auto error = parse_and(depth)) return error;
      depends_.emit(Depends::Op::Or);
    }
    return std::nullopt;
  }

  Failure parse_and(int depth) {
    if (auto error = parse_not(depth)) return error;
    while (take("&&")) {
      if (auto error = parse_not(depth)) return error;
      depends_.emit(Depends::Op::And);
    }
    return std::nullopt;
  }

  Failure parse_not(int depth) {
    bool negated = false;
    while (take("!")) negated = !negated;
    if (auto error = parse_operand(depth)) return error;
    if (negated) depends_.emit(Depends::Op::Not);
    return std::nullopt;
  }

  Failure parse_operand(int depth) {
    if (take("(")) {
      if (depth == Depends::kMaxDepth) {
        return "position " + std::to_string(at_) + ": brackets nest more than " +
               std::to_string(Depends::kMaxDepth) + " deep";
      }
      if (auto error = parse_or(depth + 1)) return error;
      if (!take(")")) return unexpected("'&&', '||' or ')'");
      return std::nullopt;
    }
    skip_space();
    if (at_ == source_.size() || !is_alphanumeric(source_[at_]))
      return unexpected("a task name, '(' or '!'");
    const std::string_view task = name();
    if (at_ < source_.size() && source_[at_] == '.') return parse_result(task);
    const std::uint32_t index = resolve_(task);
    if (index == kNoTask) return undefined(task);
    mention(index);
    depends_.emit_bare(index);
    return std::nullopt;
  }

  Failure parse_result(std::string_view task) {
    ++at_;
    const std::string_view word = name();
    if (word.empty()) return unexpected("a task result such as Succeeded");
    const auto* found = std::find_if(kResults.begin(), kResults.end(),
                                     [&](const auto& result) { return result.first == word; });
    if (found == kResults.end()) {
      std::vector<std::string_view> known;
      for (const auto& result : kResults) known.push_back(result.first);
      return "task result '" + std::string(word) + "' for task '" + std::string(task) +
             "' is invalid" + did_you_mean(word, known);
    }
    const std::uint32_t index = resolve_(task);
    if (index == kNoTask) return undefined(task);
    mention(index);
    depends_.emit_ask(index, found->second);
    return std::nullopt;
  }

  /// A run of the characters of a name.
  std::string_view name() {
    const std::size_t begin = at_;
    while (at_ < source_.size() && is_name(source_[at_])) ++at_;
    return source_.substr(begin, at_ - begin);
  }

  void mention(std::uint32_t task) {
    if (mentioned_.insert(task).second) depends_.tasks_.push_back(task);
  }

  void skip_space() { at_ = std::min(source_.find_first_not_of(" \t\r\n", at_), source_.size()); }

  bool take(std::string_view token) {
    skip_space();
    if (!source_.substr(at_).starts_with(token)) return false;
    at_ += token.size();
    return true;
  }

  std::string undefined(std::string_view task) const {
    return "dependency '" + std::string(task) + "' not defined" + did_you_mean(task, names_);
  }

  std::string unexpected(std::string_view expected) const {
    // Positions are for people: characters, not bytes.
    const auto characters =
        std::count_if(source_.begin(), source_.begin() + static_cast<std::ptrdiff_t>(at_),
                      [](char c) { return (c & 0xC0) != 0x80; });
    std::string message = "position " + std::to_string(characters + 1) + ": found ";
    if (at_ == source_.size()) {
      message += "the end of the expression";
    } else {
      std::size_t end = at_ + 1;
      while (end < source_.size() && (source_[end] & 0xC0) == 0x80) ++end;
      const std::string_view two = source_.substr(at_, 2);
      if (two == "&&" || two == "||") ++end;
      if (is_name(source_[at_])) {
        constexpr std::size_t kShown = 40;
        while (end < source_.size() && is_name(source_[end]) && end - at_ < kShown) ++end;
      }
      message.append("'").append(source_.substr(at_, end - at_)).append("'");
    }
    return message + ", expected " + std::string(expected);
  }

  std::string_view source_;
  const Depends::Resolve& resolve_;
  std::span<const std::string_view> names_;
  std::size_t at_ = 0;
  std::unordered_set<std::uint32_t> mentioned_;
  Depends depends_;
};

void Depends::emit_ask(std::uint32_t task, TaskResult result) {
  code_.push_back({Op::Ask, result, task});
}

void Depends::emit_bare(std::uint32_t task) {
  emit_ask(task, TaskResult::Succeeded);
  emit_ask(task, TaskResult::Skipped);
  emit(Op::Or);
  emit_ask(task, TaskResult::Daemoned);
  emit(Op::Or);
}

Result<Depends> Depends::parse(std::string_view source, const Resolve& resolve,
                               std::span<const std::string_view> names) {
  return DependsParser(source, resolve, names).run();
}

Depends Depends::all_of(const std::vector<std::uint32_t>& tasks,
                        const std::function<Accepts(std::uint32_t task)>& accepts) {
  Depends depends;
  std::unordered_set<std::uint32_t> seen;
  for (const std::uint32_t task : tasks) {
    if (!seen.insert(task).second) continue;
    depends.emit_bare(task);
    const Accepts also = accepts(task);
    if (also.error) {
      depends.emit_ask(task, TaskResult::Errored);
      depends.emit(Op::Or);
    }
    if (also.failed) {
      depends.emit_ask(task, TaskResult::Failed);
      depends.emit(Op::Or);
    }
    if (!depends.tasks_.empty()) depends.emit(Op::And);
    depends.tasks_.push_back(task);
  }
  return depends;
}

bool Depends::evaluate(const Ask& ask) const {
  if (code_.empty()) return true;
  std::bitset<kStack> stack;
  std::size_t top = 0;  // the number of values on the stack
  for (const Code& code : code_) {
    switch (code.op) {
      case Op::Ask:
        assert(top < kStack);
        stack[top++] = ask(code.task, code.result);
        break;
      case Op::Not:
        stack.flip(top - 1);
        break;
      case Op::And:
        --top;
        stack[top - 1] = stack[top - 1] && stack[top];
        break;
      case Op::Or:
        --top;
        stack[top - 1] = stack[top - 1] || stack[top];
        break;
    }
  }
  assert(top == 1);
  return stack[0];
}

std::vector<std::uint32_t> Depends::items_tasks() const {
  std::vector<std::uint32_t> found;
  for (const Code& code : code_) {
    if (code.op != Op::Ask) continue;
    if (code.result != TaskResult::AnySucceeded && code.result != TaskResult::AllFailed) continue;
    if (std::find(found.begin(), found.end(), code.task) == found.end()) found.push_back(code.task);
  }
  return found;
}

}  // namespace gantry::workflow
