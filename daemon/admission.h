#pragma once

// Whether new workflows are taken, and if not, why: somebody drains the daemon, the store cannot
// write, or the disk is nearly full. What was accepted goes on in any case. Loop thread.

#include <optional>
#include <string>
#include <vector>

#include "base/error.h"

namespace gantry {

class Admission {
 public:
  /// `by`: who asked for it, for messages.
  void drain(std::string by) { drained_by_ = std::move(by); }
  void resume() { drained_by_.reset(); }
  [[nodiscard]] bool draining() const { return drained_by_.has_value(); }

  /// The store was found damaged. Nothing but a backup mends that, so it stays until the daemon ends.
  void store_damage(std::string what) { store_damage_ = std::move(what); }
  /// Nothing: it is well (again).
  void store_trouble(std::optional<std::string> what) { store_trouble_ = std::move(what); }
  void disk_trouble(std::optional<std::string> what) { disk_trouble_ = std::move(what); }

  /// What is wrong, so that somebody should look; empty when only draining.
  [[nodiscard]] std::vector<std::string> troubles() const;
  /// Unavailable with the reason when no workflow is taken now.
  [[nodiscard]] Result<void> check() const;

 private:
  std::optional<std::string> drained_by_, store_damage_, store_trouble_, disk_trouble_;
};

}  // namespace gantry
