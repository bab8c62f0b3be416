#include "daemon/labels.h"

#include <algorithm>

namespace gantry {

std::map<std::string, std::string> all_labels(const engine::RunInfo& info,
                                              const engine::RunStatus& status) {
  std::map<std::string, std::string> labels = info.labels;
  labels[std::string(kPhaseLabel)] = engine::run_phase_name(status.phase);
  labels[std::string(kCompletedLabel)] = engine::is_ended(status.phase) ? "true" : "false";
  return labels;
}

static bool matches(const api::LabelTerm& term, const std::map<std::string, std::string>& labels) {
  using Operator = api::LabelTerm::Operator;
  auto label = labels.find(term.key);
  bool exists = label != labels.end();
  bool listed = exists && std::find(term.values.begin(), term.values.end(), label->second) !=
                              term.values.end();
  switch (term.op) {
    case Operator::In:
      return listed;
    case Operator::NotIn:
      return !listed;
    case Operator::Exists:
      return exists;
    case Operator::NotExists:
      return !exists;
  }
  return false;
}

bool matches(const std::vector<api::LabelTerm>& terms,
             const std::map<std::string, std::string>& labels) {
  return std::all_of(terms.begin(), terms.end(),
                     [&](const api::LabelTerm& term) { return matches(term, labels); });
}

}  // namespace gantry
