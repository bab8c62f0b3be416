#include "tests/simulation/daemon/shrink.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "tests/simulation/manifest.h"
#include "tests/simulation/shrink.h"

namespace gantry::testing::whole {
namespace {

constexpr int kMostTries = 3000;

/// Keeps what still fails in the same way, for as long as there are tries left.
class Shrinker {
 public:
  explicit Shrinker(Play failing) : best_(std::move(failing)), kind_(kind_of(play(best_).problems.front())) {}

  bool take(const std::function<bool(Play&)>& change) {
    Play candidate = best_;
    if (!change(candidate) || tries_ == 0) return false;
    --tries_;
    const auto problems = play(candidate).problems;
    if (std::none_of(problems.begin(), problems.end(), [&](const auto& problem) { return kind_of(problem) == kind_; })) return false;
    best_ = std::move(candidate);
    return true;
  }
  [[nodiscard]] const Play& best() const { return best_; }

 private:
  Play best_;
  const std::string kind_;
  int tries_ = kMostTries;
};

bool fewer_mishaps(Shrinker& shrinker) {
  bool any = false;
  for (std::size_t m = shrinker.best().mishaps.size(); m-- > 0;) {
    any |= shrinker.take([m](Play& p) {
      p.mishaps.erase(p.mishaps.begin() + static_cast<std::ptrdiff_t>(m));
      return true;
    });
  }
  return any;
}

bool better_temper(Shrinker& shrinker) {
  bool any = false;
  for (int Temper::*trait : {&Temper::late, &Temper::doubled, &Temper::slow, &Temper::merged}) {
    any |= shrinker.take([trait](Play& p) { return std::exchange(p.temper.*trait, 0) != 0; });
  }
  return any;
}

bool simpler_workflows(Shrinker& shrinker) {
  bool any = false;
  for (std::size_t w = 0; w < shrinker.best().workflows.size(); ++w) {
    for (const Simplification& change : simplifications(shrinker.best().workflows[w])) {
      any |= shrinker.take([&](Play& p) { return change(p.workflows[w]); });
    }
  }
  return any;
}

}  // namespace

Play shrink(const Play& failing) {
  Shrinker shrinker(failing);
  while (shrinker.best().workflows.size() > 1 && shrinker.take([](Play& p) {
    p.workflows.pop_back();
    std::erase_if(p.mishaps, [&](const Mishap& m) { return is_of_client(m.kind) && m.run >= p.workflows.size(); });
    return true;
  })) {
  }
  for (bool smaller = true; smaller;) {
    smaller = fewer_mishaps(shrinker);
    smaller |= better_temper(shrinker);
    smaller |= simpler_workflows(shrinker);
  }
  shrinker.take([](Play& p) {
    for (model::Workflow& workflow : p.workflows) sweep(workflow);
    return true;
  });
  return shrinker.best();
}

std::string report(const Play& failing) {
  const Outcome outcome = play(failing, true);
  std::string text = "the smallest of it that still fails:\n";
  for (const model::Workflow& workflow : failing.workflows) text += manifest(workflow) + "---\n";
  const Temper& temper = failing.temper;
  text += "late " + std::to_string(temper.late) + "%, doubled " + std::to_string(temper.doubled) + "%, slow " +
          std::to_string(temper.slow) + "%, merged " + std::to_string(temper.merged) + "%\n";
  for (const Mishap& mishap : failing.mishaps) text += to_string(mishap) + "\n";
  return text + outcome.story;
}

}  // namespace gantry::testing::whole
