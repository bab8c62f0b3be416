#include "daemon/admission.h"

namespace gantry {

std::vector<std::string> Admission::troubles() const {
  std::vector<std::string> troubles;
  for (const auto* trouble : {&store_damage_, &store_trouble_, &disk_trouble_}) {
    if (*trouble) troubles.push_back(**trouble);
  }
  return troubles;
}

Result<void> Admission::check() const {
  if (drained_by_) {
    return fail(Code::Unavailable,
                "gantryd takes no new workflows: it is being drained (by " + *drained_by_ +
                    "); `gantry admin drain --resume` ends that");
  }
  for (const std::string& trouble : troubles()) {
    return fail(Code::Unavailable, "gantryd takes no new workflows: " + trouble);
  }
  return {};
}

}  // namespace gantry
