#include <algorithm>
#include <cctype>
#include <cmath>

#include "tests/simulation/oracle/impl.h"

namespace gantry::testing {

/// limit is the number of further attempts. An expression without a policy means Always.
bool Oracle::wants_again(const Template& tmpl, const Node& last, int attempts) {
  const model::Retry& retry = *tmpl.retry;
  const bool failed = last.phase == Phase::Failed, error = last.phase == Phase::Error;
  std::string policy = retry.policy;
  if (policy.empty()) policy = retry.expression.empty() ? "OnFailure" : "Always";
  const bool retriable = policy == "Always" || (policy == "OnFailure" && failed) || (policy == "OnError" && error) ||
                         (policy == "OnTransientError" && error && last.message.starts_with("TaskLost"));
  if (!retriable) return false;
  if (retry.limit && attempts > *retry.limit) return false;
  if (retry.expression == "exitCode") return last.outputs->exit_code.value_or("-1") == "1";
  if (retry.expression == "status") return error;
  return true;
}

static Duration backoff_after(const model::Backoff& backoff, int attempts) {
  double seconds = backoff.seconds;
  if (backoff.factor > 0) seconds *= std::pow(backoff.factor, attempts - 1);
  if (backoff.cap > 0) seconds = std::min<double>(seconds, backoff.cap);
  return Duration(static_cast<std::int64_t>(seconds * 1000));
}

Verdict Oracle::retry(const Template& tmpl, const Node& node, const std::string& input, Role role) {
  Outcome last;
  for (int attempts = 1;; ++attempts) {
    const std::string name = node.name + "(" + std::to_string(attempts - 1) + ")";
    const Node* attempt = find(name);
    if (attempt == nullptr && is_cut(node, role.in_exit)) break;
    if (attempt != nullptr && last.node != nullptr && tmpl.retry->backoff && tmpl.retry->limit && !is_kept(*last.node)) {
      const Duration wait = backoff_after(*tmpl.retry->backoff, attempts - 1);
      if (*attempt->started < *last.node->finished + wait) complain(name + " did not wait for its backoff");
    }
    role.attempt = true;
    last = begin(tmpl, name, input, role);
    if (last.node == nullptr || !last.failed()) break;
    if (!wants_again(tmpl, *last.node, attempts)) break;
  }
  Verdict verdict = Verdict::of(Phase::Failed);
  if (last.node == nullptr) return verdict;
  verdict.phases = {last.failed() ? last.phase() : Phase::Succeeded};
  // Whatever became of the last attempt, its outputs are those of the whole.
  for (const engine::Parameter& p : last.node->outputs->parameters) verdict.parameters[p.name] = p.value;
  for (const engine::Artifact& artifact : last.node->outputs->artifacts) verdict.artifacts.insert(artifact.name);
  verdict.exit_code = last.node->outputs->exit_code;
  return verdict;
}

/// Nothing: the cache has no say. Which of two steps comes first is a matter of timing.
std::optional<Verdict> Oracle::cached(const Template& tmpl, const Node& node, const std::string& input) {
  const std::string key = *tmpl.memo_key == "{p}" ? input : *tmpl.memo_key;
  const auto good = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-'; };
  if (key.empty() || key.front() == '-' || !std::all_of(key.begin(), key.end(), good)) return Verdict::of(Phase::Error);
  const auto is_entry = [&](const engine::Memo& memo, Time before) { return memo.key == key && memo.created < before; };
  if (!node.memo->hit) {
    // What was written before it began must have been found. (While it waited for a lock, more may have been.)
    for (const engine::Memo& memo : case_.memos) {
      if (!case_.interference.crashed && case_.interference.retries == 0 && is_entry(memo, *node.started)) {
        complain(node.name + " was not taken from the cache");
        break;
      }
    }
    return std::nullopt;
  }
  const auto source = std::find_if(case_.memos.begin(), case_.memos.end(), [&](const engine::Memo& memo) {
    return is_entry(memo, *node.finished + Duration(1)) && memo.outputs.parameters == node.outputs->parameters;
  });
  if (source == case_.memos.end() && !case_.last_memos_only) complain(node.name + " is from the cache, which does not have that");
  Verdict verdict = Verdict::of(Phase::Succeeded);
  verdict.natural = false;
  return verdict;
}

}  // namespace gantry::testing
