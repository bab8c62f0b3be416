// The lock-free parts of the scheduler, in all interleavings of small cases; and that the explorer finds what is wrong.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <memory>

#include "scheduler/countdown.h"
#include "scheduler/handover.h"
#include "scheduler/loans.h"
#include "scheduler/sleepers.h"
#include "tests/model/explorer.h"

namespace gantry::model {
namespace {

using Countdown = scheduler::BasicCountdown<Checked>;

void expect_right(const Explorer::Outcome& outcome, std::uint64_t at_least) {
  EXPECT_EQ(outcome.failure, "") << ::testing::PrintToString(outcome.schedule);
  EXPECT_GE(outcome.executions, at_least);
  ::testing::Test::RecordProperty("executions", std::to_string(outcome.executions));
}

// ---- countdown ----

template <class Counter>
Explorer::Execution arrivals(unsigned threads) {
  struct State {
    explicit State(unsigned threads) : countdown(threads), done(threads) {}
    Counter countdown;
    std::vector<int> done;
    int last = 0;
  };
  auto state = std::make_shared<State>(threads);
  Explorer::Execution execution;
  for (unsigned i = 0; i < threads; ++i) {
    execution.threads.push_back([state, i] {
      state->done[i] = 1;
      if (!state->countdown.arrive()) return;
      ++state->last;
      for (const int done : state->done) Explorer::require(done == 1, "ready before a dependency was done");
    });
  }
  execution.check = [state] { Explorer::require(state->last == 1, "not ready exactly once"); };
  return execution;
}

TEST(Model, ACountdownEndsOnceAndLast) {
  expect_right(Explorer::explore([] { return arrivals<Countdown>(2); }), 6);
  expect_right(Explorer::explore([] { return arrivals<Countdown>(3); }), 100);
  expect_right(Explorer::explore([] { return arrivals<Countdown>(5); }, 2), 1000);
}

class TornCountdown {
 public:
  explicit TornCountdown(std::uint32_t left) : left_(left) {}
  bool arrive() {
    const std::uint32_t left = left_.load(std::memory_order_acquire) - 1;
    left_.store(left, std::memory_order_release);
    return left == 0;
  }
 private:
  Checked<std::uint32_t> left_;
};

TEST(Model, FindsACountdownThatIsNotAtomic) {
  EXPECT_EQ(Explorer::explore([] { return arrivals<TornCountdown>(2); }).failure, "not ready exactly once");
}

// ---- slot ----

struct Item {
  Item* next = nullptr;
  int taken = 0;
};

TEST(Model, ASlotGivesEachItemToOne) {
  const auto make = [] {
    struct State {
      scheduler::Slot<Item, Checked> slot;
      std::array<Item, 2> items;
    };
    auto state = std::make_shared<State>();
    const auto take = [state] {
      if (Item* item = state->slot.take()) ++item->taken;
    };
    Explorer::Execution execution;
    execution.threads.push_back([state, take] {
      for (Item& item : state->items) {
        if (state->slot.looks_full()) take();
        state->slot.put(&item);
      }
    });
    execution.threads.push_back([take] { take(), take(); });
    execution.threads.push_back(take);
    execution.check = [state, take] {
      take();
      for (const Item& item : state->items) Explorer::require(item.taken == 1, "an item was not taken exactly once");
    };
    return execution;
  };
  expect_right(Explorer::explore(make), 1000);
}

// ---- stack ----

template <class Stack>
Explorer::Execution pushes_and_takes() {
  struct State {
    Stack stack;
    std::array<Item, 3> items;
  };
  auto state = std::make_shared<State>();
  const auto take = [state] {
    for (Item* item = state->stack.take_all(); item != nullptr; item = item->next) ++item->taken;
  };
  Explorer::Execution execution;
  execution.threads.push_back([state] { state->stack.push(&state->items[0]), state->stack.push(&state->items[1]); });
  execution.threads.push_back([state] { state->stack.push(&state->items[2]); });
  execution.threads.push_back([take] { take(), take(); });
  execution.check = [state, take] {
    take();
    for (const Item& item : state->items) Explorer::require(item.taken == 1, "an item was not taken exactly once");
  };
  return execution;
}

TEST(Model, AStackLosesAndDoublesNothing) {
  expect_right(Explorer::explore([] { return pushes_and_takes<scheduler::Stack<Item, Checked>>(); }), 1000);
}

class TornStack {
 public:
  void push(Item* item) {
    item->next = head_.load(std::memory_order_relaxed);
    head_.store(item, std::memory_order_release);
  }
  Item* take_all() { return head_.exchange(nullptr, std::memory_order_acquire); }
 private:
  Checked<Item*> head_{nullptr};
};

TEST(Model, FindsAStackThatLosesAPush) {
  EXPECT_EQ(Explorer::explore([] { return pushes_and_takes<TornStack>(); }).failure, "an item was not taken exactly once");
}

// ---- sleepers ----

/// What the kernel does with a futex: who waits, and is woken.
class Bed {
 public:
  template <class Asleep>
  void sleep(const Asleep& may_sleep) {
    Explorer::step();
    if (!may_sleep()) return;  // the kernel compares and falls asleep in one step
    auto me = std::make_shared<bool>(false);
    asleep_.push_back(me);
    Explorer::wait([me] { return *me; });
  }
  void wake(std::size_t how_many) {
    for (; how_many > 0 && !asleep_.empty(); --how_many) {
      *asleep_.front() = true;
      asleep_.erase(asleep_.begin());
    }
  }
 private:
  std::vector<std::shared_ptr<bool>> asleep_;
};

/// Turn without a step: the kernel's own look at it.
class Sleepers : public scheduler::BasicSleepers<Checked> {
 public:
  void sleep(Ticket ticket) {
    bed_.sleep([this, ticket] { return turn_now_ == ticket; });
    cancel();
  }
  void wake(std::size_t how_many) {
    if (!call()) return;
    ++turn_now_;
    bed_.wake(how_many);
  }
 private:
  Ticket turn_now_ = 0;
  Bed bed_;
};

/// Sleepers that each have a message of their own, and a sender that wakes `how_many` for each.
Explorer::Execution messages(std::size_t sleepers, std::size_t how_many, bool look_again) {
  struct State {
    explicit State(std::size_t count) : message(count) {}
    Sleepers sleepers;
    std::vector<Checked<int>> message;
    std::size_t got = 0;
  };
  auto state = std::make_shared<State>(sleepers);
  Explorer::Execution execution;
  for (std::size_t i = 0; i < sleepers; ++i) {
    execution.threads.push_back([state, i, look_again] {
      bool first = true;
      while (state->message[i].load(std::memory_order_acquire) == 0) {
        const auto ticket = state->sleepers.prepare();
        if ((look_again || !first) && state->message[i].load(std::memory_order_acquire) != 0) {
          state->sleepers.cancel();
        } else {
          state->sleepers.sleep(ticket);
        }
        first = false;
      }
      ++state->got;
    });
  }
  execution.threads.push_back([state, sleepers, how_many] {
    for (std::size_t i = sleepers; i-- > 0;) {
      state->message[i].store(1, std::memory_order_release);
      state->sleepers.wake(how_many);
    }
  });
  execution.check = [state, sleepers] { Explorer::require(state->got == sleepers, "a message was not got"); };
  return execution;
}

TEST(Model, NoWakeUpIsLost) {
  expect_right(Explorer::explore([] { return messages(1, 1, true); }), 20);
  expect_right(Explorer::explore([] { return messages(2, 99, true); }, 3), 1000);
}

TEST(Model, FindsWhoSleepsWithoutLookingAgain) {
  EXPECT_EQ(Explorer::explore([] { return messages(1, 1, false); }).failure, "nobody can go on");
}

TEST(Model, FindsThatOneIsWokenWhereAllHaveToBe) {
  EXPECT_EQ(Explorer::explore([] { return messages(2, 1, true); }).failure, "nobody can go on");
}

// ---- a frame that is its owner's alone, offered and perhaps taken back ----

/// Two tasks lead to a third. The owner offers one of the two and completes the other; while nobody took the offer, or once
/// it is back, it counts without atomic steps.
Explorer::Execution offer(bool owner_forgets) {
  struct State {
    Countdown countdown{2};
    scheduler::Slot<Item, Checked> slot;
    Item task;
    int ready = 0;
  };
  auto state = std::make_shared<State>();
  Explorer::Execution execution;
  execution.threads.push_back([state, owner_forgets] {
    state->slot.put(&state->task);
    bool shared = !owner_forgets;
    const auto arrive = [&] { state->ready += (shared ? state->countdown.arrive() : state->countdown.arrive_alone()) ? 1 : 0; };
    if (Item* back = state->slot.take()) {
      shared = false;  // nobody has seen it
      ++back->taken;
      arrive();
    }
    arrive();
  });
  execution.threads.push_back([state] {
    if (Item* stolen = state->slot.take()) {
      ++stolen->taken;
      state->ready += state->countdown.arrive() ? 1 : 0;
    }
  });
  execution.check = [state] {
    Explorer::require(state->task.taken == 1, "the offered task was not taken exactly once");
    Explorer::require(state->ready == 1, "the third task was not ready exactly once");
  };
  return execution;
}

TEST(Model, AnOfferThatComesBackMakesTheFrameItsOwnersAgain) {
  expect_right(Explorer::explore([] { return offer(false); }), 20);
}

TEST(Model, FindsAnOwnerThatCountsAloneWhileOthersCount) {
  EXPECT_EQ(Explorer::explore([] { return offer(true); }).failure, "the third task was not ready exactly once");
}

// ---- a frame that was lent and has come back ----

using Loans = scheduler::BasicLoans<Checked>;

/// Three tasks lead to a fourth. The owner lends one of them, and from the borrower a second one may borrow it; the owner completes the
/// two others, without atomic steps once its loan is back. `waits`: whether the borrower waits for its own loan.
Explorer::Execution loan(bool passes_on, bool waits) {
  struct State {
    Countdown countdown{3};
    scheduler::Slot<Item, Checked> slot, further;
    Loans owners, borrowers;
    Item task;
    int ready = 0, alone = 0;
  };
  auto state = std::make_shared<State>();
  Explorer::Execution execution;
  execution.threads.push_back([state] {
    state->owners.lend(false);
    state->slot.put(&state->task);
    for (int i = 0; i < 2; ++i) {
      const bool alone = state->owners.all_back();
      state->alone += alone ? 1 : 0;
      state->ready += (alone ? state->countdown.arrive_alone() : state->countdown.arrive()) ? 1 : 0;
    }
  });
  execution.threads.push_back([state, passes_on, waits] {
    Item* stolen = state->slot.take();
    if (stolen == nullptr) return;
    if (passes_on) {
      state->borrowers.lend(true);
      state->further.put(stolen);
    } else {
      ++stolen->taken;
      state->ready += state->countdown.arrive() ? 1 : 0;
    }
    if (waits && !state->borrowers.foreign_back()) return;
    state->owners.give_back(Loans::one(false));
  });
  if (passes_on) {
    execution.threads.push_back([state] {
      Item* stolen = state->further.take();
      if (stolen == nullptr) return;
      ++stolen->taken;
      state->ready += state->countdown.arrive() ? 1 : 0;
      state->borrowers.give_back(Loans::one(true));
    });
  }
  execution.check = [state] {
    for (auto* slot : {&state->slot, &state->further}) {
      if (slot->take() == nullptr) continue;
      ++state->task.taken;
      state->ready += state->countdown.arrive() ? 1 : 0;
    }
    Explorer::require(state->task.taken == 1, "the lent task was not taken exactly once");
    Explorer::require(state->ready == 1, "the fourth task was not ready exactly once");
  };
  return execution;
}

TEST(Model, ALoanThatIsBackMakesTheFrameItsOwnersAgain) {
  expect_right(Explorer::explore([] { return loan(false, true); }), 50);
  expect_right(Explorer::explore([] { return loan(true, true); }, 3), 1000);
}

TEST(Model, FindsABorrowerThatGivesBackWhatItHasPassedOn) {
  EXPECT_EQ(Explorer::explore([] { return loan(true, false); }).failure, "the fourth task was not ready exactly once");
}

}  // namespace
}  // namespace gantry::model
