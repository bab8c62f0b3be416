#include "tests/model/explorer.h"

#include <ucontext.h>

#include <algorithm>
#include <memory>

namespace gantry::model {
namespace {

constexpr std::size_t kStack = 64 * 1024;

struct Fiber {
  ucontext_t context{};
  std::unique_ptr<char[]> stack = std::make_unique<char[]>(kStack);
  Explorer::Thread body;
  std::function<bool()> may;  ///< empty: it can go on
  bool over = false;
};

/// One execution, by a schedule as far as it goes, then by the first that can go on.
class Run {
 public:
  explicit Run(Explorer::Execution execution) : execution_(std::move(execution)) {
    for (Explorer::Thread& thread : execution_.threads) {
      fibers_.push_back(std::make_unique<Fiber>());
      fibers_.back()->body = std::move(thread);
    }
  }

  /// A choice: which of how many that could go on.
  struct Choice { unsigned taken, of, thread; };

  void play(std::vector<Choice>& choices, unsigned preemptions) {
    current = this;
    preemptions_left_ = preemptions;
    for (auto& fiber : fibers_) {
      getcontext(&fiber->context);
      fiber->context.uc_stack.ss_sp = fiber->stack.get();
      fiber->context.uc_stack.ss_size = kStack;
      fiber->context.uc_link = &main_;
      makecontext(&fiber->context, &Run::enter, 0);
    }
    for (std::size_t depth = 0; failure.empty(); ++depth) {
      std::vector<unsigned> able;
      bool all_over = true;
      for (unsigned i = 0; i < fibers_.size(); ++i) {
        if (fibers_[i]->over) continue;
        all_over = false;
        if (!fibers_[i]->may || fibers_[i]->may()) able.push_back(i);
      }
      if (all_over) break;
      if (able.empty()) {
        failure = "nobody can go on";
        break;
      }
      // Who made the last step goes on first; to let another go on instead is a preemption.
      const auto last = std::find(able.begin(), able.end(), last_);
      const bool may_go_on = last != able.end();
      if (may_go_on) {
        std::rotate(able.begin(), last, last + 1);
        if (preemptions_left_ == 0) able.resize(1);
      }
      if (depth == choices.size()) choices.push_back({0, static_cast<unsigned>(able.size()), 0});
      const unsigned thread = able[choices[depth].taken];
      if (may_go_on && choices[depth].taken > 0) --preemptions_left_;
      last_ = thread;
      choices[depth].thread = thread;
      running_ = fibers_[thread].get();
      running_->may = nullptr;
      swapcontext(&main_, &running_->context);
    }
    running_ = nullptr;
    if (failure.empty() && execution_.check) execution_.check();
    current = nullptr;
  }

  void yield(std::function<bool()> may) {
    if (running_ == nullptr) return;
    Fiber* me = running_;
    me->may = std::move(may);
    swapcontext(&me->context, &main_);
  }

  std::string failure;
  static Run* current;

 private:
  static void enter() {
    Fiber* me = current->running_;
    me->body();
    me->over = true;
  }

  Explorer::Execution execution_;
  std::vector<std::unique_ptr<Fiber>> fibers_;
  ucontext_t main_{};
  Fiber* running_ = nullptr;
  unsigned last_ = 0;
  unsigned preemptions_left_ = 0;
};

Run* Run::current = nullptr;

}  // namespace

void Explorer::step() {
  if (Run::current != nullptr) Run::current->yield(nullptr);
}

void Explorer::wait(const std::function<bool()>& may) {
  if (Run::current != nullptr) Run::current->yield(may);
}

void Explorer::require(bool condition, const char* what) {
  if (!condition && Run::current != nullptr && Run::current->failure.empty()) Run::current->failure = what;
}

Explorer::Outcome Explorer::explore(const std::function<Execution()>& make, unsigned preemptions) {
  Outcome outcome;
  std::vector<Run::Choice> choices;
  for (;;) {
    Run run(make());
    run.play(choices, preemptions);
    ++outcome.executions;
    if (!run.failure.empty()) {
      outcome.failure = run.failure;
      for (const Run::Choice& choice : choices) outcome.schedule.push_back(choice.thread);
      return outcome;
    }
    while (!choices.empty() && choices.back().taken + 1 == choices.back().of) choices.pop_back();
    if (choices.empty()) return outcome;
    ++choices.back().taken;
  }
}

}  // namespace gantry::model
