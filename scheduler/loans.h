#pragma once

// What of a worker's tasks is at other workers, counted in batches, so that it knows when its frames are its own again.
//
//   lender: lend() ── offer or hand-over ──► borrower, who counts what it owes to whom
//   lender: all_back() ◄── give_back() ── borrower, once it has nothing more of what it got
//
// Who has nothing left has completed what it got and all that became ready of it, or has passed it on: then its own loans
// of frames that are not its own (`foreign`) must be back first. So a lender whose loans are all back is the only one who has tasks of
// its frames. Batches whose tasks go home to the worker that opened their frames are no loans.
//
// Order: give_back() releases, all_back() acquires. The returns are one release sequence, so the lender, who then counts
// without locked instructions, sees every countdown as all borrowers have left it.
//
// `Atomic` is another one only in tests/model, which tries all interleavings.

#include <atomic>
#include <cstdint>

namespace gantry::scheduler {

template <template <class> class Atomic = std::atomic>
class BasicLoans {
 public:
  /// Batches; those with frames of somebody else than the lender are counted a second time in the upper half. A carry into it comes
  /// to both sides.
  using Count = std::uint64_t;
  static constexpr Count one(bool foreign) { return foreign ? (Count{1} << 32) + 1 : 1; }

  // The lender's thread.
  void lend(bool foreign) { lent_ += one(foreign); }
  /// Of a batch that nobody took.
  void take_back(bool foreign) { lent_ -= one(foreign); }
  [[nodiscard]] bool all_back() const { return lent_ == returned_.load(std::memory_order_acquire); }
  [[nodiscard]] bool foreign_back() const { return lent_ >> 32 == returned_.load(std::memory_order_acquire) >> 32; }

  /// Any thread.
  void give_back(Count count) { returned_.fetch_add(count, std::memory_order_release); }

 private:
  Count lent_ = 0;
  Atomic<Count> returned_{0};
};

using Loans = BasicLoans<>;

}  // namespace gantry::scheduler
