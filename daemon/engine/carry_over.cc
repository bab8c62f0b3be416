#include "daemon/engine/carry_over.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <unordered_map>

#include "daemon/engine/daemon_template.h"

namespace gantry::engine {
namespace {

constexpr std::string_view kOriginal = "original pod: ";

class Carrier {
 public:
  Carrier(const std::string& old_name, const std::vector<Node>& nodes, const std::string& name)
      : old_name_(old_name), name_(name) {
    for (const Node& node : nodes) by_id_.emplace(node.id, &node);
    for (const Node& retry : nodes) {
      if (retry.type != NodeType::Retry) continue;
      for (const SharedText& id : retry.children) {
        const Node* attempt = find(id);
        if (attempt != nullptr && attempt->retried) attempts_[attempt] = {&retry, false}, last_[&retry] = attempt;
      }
    }
    for (auto& [attempt, of] : attempts_) of.is_last = last_.at(of.retry) == attempt;
  }

  /// The name that the node has in the new run, or nothing when it is not taken over.
  [[nodiscard]] std::optional<std::string> new_name(const Node& node) const {
    if (node.hooked || node.name == old_name_ + ".onExit") return std::nullopt;
    if (const auto attempt = attempts_.find(&node); attempt != attempts_.end()) {
      if (!attempt->second.is_last) return std::nullopt;
      auto retry = new_name(*attempt->second.retry);
      if (retry) *retry += "(0)";
      return retry;
    }
    if (node.boundary_id.empty()) {
      return node.name.starts_with(old_name_) ? std::optional(name_ + node.name.substr(old_name_.size())) : std::nullopt;
    }
    const Node* boundary = find(node.boundary_id);
    if (boundary == nullptr || !node.name.starts_with(boundary->name)) return std::nullopt;
    auto outer = new_name(*boundary);
    if (outer) *outer += node.name.substr(boundary->name.size());
    return outer;
  }

 private:
  [[nodiscard]] const Node* find(const std::string& id) const {
    const auto found = by_id_.find(id);
    return found == by_id_.end() ? nullptr : found->second;
  }

  struct Attempt {
    const Node* retry;
    bool is_last;
  };
  const std::string& old_name_;
  const std::string& name_;
  std::unordered_map<std::string_view, const Node*> by_id_;
  std::unordered_map<const Node*, Attempt> attempts_;
  std::unordered_map<const Node*, const Node*> last_;  ///< of a Retry node
};

}  // namespace

Result<void> check_memoized(RunPhase phase) {
  if (phase == RunPhase::Failed || phase == RunPhase::Error) return {};
  return fail(Code::InvalidArgument, "workflow must be Failed/Error to resubmit in memoized mode");
}

std::vector<Node> carry_over(const std::string& old_name, const std::vector<Node>& nodes, const std::string& name,
                             const workflow::Plan& plan, Time now) {
  const Carrier carrier(old_name, nodes, name);
  std::vector<Node> carried;
  for (const Node& old : nodes) {
    // What was taken over once is taken over again.
    const bool wanted = (old.type == NodeType::Pod && old.phase == Phase::Succeeded) || is_carried_over(old);
    if (!wanted || is_daemon(plan, old)) continue;
    auto new_name = carrier.new_name(old);
    if (!new_name) continue;
    Node& node = carried.emplace_back();
    node.name = std::move(*new_name);
    node.display_name = old.display_name;
    // The first attempt's number.
    if (old.retried) node.display_name = old.display_name.substr(0, old.display_name.rfind('(')) + "(0)";
    node.type = NodeType::Skipped;
    node.phase = Phase::Skipped;
    node.message = std::string(kOriginal) + old.id;
    node.template_name = old.template_name;
    node.template_ref = old.template_ref;
    node.template_scope = old.template_scope;
    node.started = node.finished = now;
    node.inputs = old.inputs;
    node.outputs = old.outputs;
    node.retried = old.retried;
  }
  return carried;
}

bool is_carried_over(const Node& node) {
  return node.type == NodeType::Skipped && node.phase == Phase::Skipped && node.message.starts_with(kOriginal);
}

}  // namespace gantry::engine
