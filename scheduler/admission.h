#pragma once

// Who may start now: an exact ledger of what the host has, and those who wait. One thread but for may_keep(), no I/O.
//
// **Order.** Higher priority first. Between groups (workflows) of equal priority the one that holds the smallest share of
// the host (dominant resource fairness: of whatever it holds most of), then the older one. Within a group the longer critical
// path, then arrival.
//
// **Reservation with backfill.** A request that is first in that order and does not fit gets a reservation: nothing
// overtakes it but a higher priority and what cannot delay it. That is, others may start as long as it still fits beside all
// that was started since it got its reservation, if these ran for ever. So it starts no later than when what ran before it has
// ended, however many small ones there are, and the host is not idle meanwhile.

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "scheduler/amounts.h"

namespace gantry::scheduler {

class Admission {
 public:
  /// Owned by the caller, who keeps it in its place from ask() or book() to release(). A new one holds nothing.
  class Request {
   public:
    Request() = default;
    Request(const Request&) = delete;
    Request& operator=(const Request&) = delete;
    void* owner = nullptr;  ///< the caller's
    Wanted wanted;          ///< left alone from ask() or book() to release()

    [[nodiscard]] bool is_waiting() const { return state_ == State::Waiting; }
    [[nodiscard]] bool is_booked() const { return state_ == State::Booked; }

   private:
    friend class Admission;
    enum class State : std::uint8_t { Idle, Waiting, Booked };
    State state_ = State::Idle;
    std::int32_t priority_ = 0;
    std::uint32_t height_ = 0;
    std::uint64_t group_ = 0;
    std::uint64_t reservation_ = 0;  ///< that it was started beside; 0: none
    Request *before_ = nullptr, *after_ = nullptr;  ///< in its line
  };

  explicit Admission(Amounts capacity) : capacity_(capacity), free_(capacity) {}

  /// Why `wanted` can never be granted on this host, or nothing when it can.
  [[nodiscard]] std::optional<std::string> impossible(const Amounts& wanted) const;

  /// Joins the queue. What it wants must not be impossible. `group`: a number for each workflow, smaller for older ones.
  void ask(Request& request, std::uint64_t group, std::int32_t priority, std::uint32_t height);

  /// The next request that may start, now booked; null when there is none.
  Request* grant();

  /// Books without waiting: for a pod that runs already when the daemon starts. The ledger may go below zero.
  void book(Request& request, std::uint64_t group);

  /// Whether a request that is booked may be used for a further piece of work of its group, instead of being released and
  /// asked for again: it wants the same, and nobody waits who might come first. Any thread; the answer is as old as a
  /// release by another thread would be.
  [[nodiscard]] bool may_keep(const Request& booked, const Amounts& wanted) const {
    return waiting_.load(std::memory_order_relaxed) == 0 && booked.is_booked() && *booked.wanted == wanted;
  }

  /// Gives back what it holds, or leaves the queue. Does nothing to one that is idle.
  void release(Request& request);

  [[nodiscard]] const Amounts& capacity() const { return capacity_; }
  [[nodiscard]] const Amounts& available() const { return free_; }
  [[nodiscard]] std::size_t waiting() const { return waiting_.load(std::memory_order_relaxed); }

 private:
  /// Requests of one height, as they came. Joining and leaving take no search, however many wait.
  struct Line {
    Request *first = nullptr, *last = nullptr;
  };
  /// The requests of one workflow of one priority.
  struct Queue {
    std::uint64_t group;
    std::int32_t priority;
    std::int64_t share = 0;  ///< of the group, as of when it was put in its place
    std::map<std::uint32_t, Line, std::greater<>> lines;  ///< by height; none is empty
  };
  struct FairOrder {
    bool operator()(const Queue* a, const Queue* b) const {
      if (a->priority != b->priority) return a->priority > b->priority;
      if (a->share != b->share) return a->share < b->share;
      return a->group < b->group;
    }
  };
  struct Group {
    Amounts booked{0, 0, 0};
    std::size_t requests = 0;  ///< waiting or booked
    std::map<std::int32_t, Queue> queues;
  };

  void take(Request& request);
  void leave_queue(Request& request);
  void share_changed(Group& group);
  void reserve(Request* request);
  [[nodiscard]] bool fits_beside_reserved(const Request& request) const;
  Request* find();
  Request* backfill();

  /// Requests that are looked at for a place beside the reserved one.
  static constexpr int kBackfillDepth = 100;

  Amounts capacity_;
  Amounts free_;
  std::map<std::uint64_t, Group> groups_;
  std::set<Queue*, FairOrder> order_;  ///< those that are not empty
  std::atomic<std::size_t> waiting_{0};  ///< relaxed: it publishes nothing
  bool looked_in_vain_ = false;  ///< nothing could start, and since then nobody came or went
  Request* reserved_ = nullptr;
  std::uint64_t reservations_ = 0;
  Amounts beside_{0, 0, 0};  ///< what was started beside the reserved one
};

}  // namespace gantry::scheduler
