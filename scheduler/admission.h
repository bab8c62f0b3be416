#pragma once

// Who may start now: an exact ledger of what the host has (CPU, memory, slots) and a queue of those who wait.
// One thread, no I/O.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace gantry::scheduler {

/// What a pod asks for, or the host offers.
struct Amounts {
  std::int64_t cpu_milli = 0;
  std::int64_t memory_bytes = 0;
  std::int64_t slots = 1;

  [[nodiscard]] bool fits_into(const Amounts& room) const {
    return cpu_milli <= room.cpu_milli && memory_bytes <= room.memory_bytes && slots <= room.slots;
  }
  Amounts& operator+=(const Amounts& o) {
    cpu_milli += o.cpu_milli, memory_bytes += o.memory_bytes, slots += o.slots;
    return *this;
  }
  Amounts& operator-=(const Amounts& o) {
    cpu_milli -= o.cpu_milli, memory_bytes -= o.memory_bytes, slots -= o.slots;
    return *this;
  }
  bool operator==(const Amounts&) const = default;
};

class Admission {
 public:
  using Ticket = std::uint64_t;

  explicit Admission(Amounts capacity) : capacity_(capacity), free_(capacity) {}

  /// Why `wanted` can never be granted on this host, or nothing when it can.
  [[nodiscard]] std::optional<std::string> impossible(const Amounts& wanted) const;

  /// Joins the queue. Order: priority (higher first), then `height` (longer critical path first), then arrival.
  /// `wanted` must not be impossible.
  void enqueue(Ticket ticket, const Amounts& wanted, std::int32_t priority, std::uint32_t height);

  /// The next ticket that fits, now booked; nothing when the first in the queue does not fit. The first in the queue
  /// is never overtaken, so a large request is not starved by small ones.
  std::optional<Ticket> grant();

  /// Books without waiting: for a pod that runs already when the daemon starts. The ledger may go below zero.
  void book(Ticket ticket, const Amounts& wanted);

  /// Gives back what the ticket holds, or takes it out of the queue. Unknown tickets are ignored.
  void release(Ticket ticket);

  [[nodiscard]] const Amounts& capacity() const { return capacity_; }
  [[nodiscard]] const Amounts& available() const { return free_; }
  [[nodiscard]] std::size_t waiting() const { return queue_.size(); }

 private:
  struct Place {
    std::int32_t priority;
    std::uint32_t height;
    std::uint64_t arrival;
    bool operator<(const Place& o) const {
      if (priority != o.priority) return priority > o.priority;
      if (height != o.height) return height > o.height;
      return arrival < o.arrival;
    }
  };
  struct Waiting {
    Ticket ticket;
    Amounts wanted;
  };

  Amounts capacity_;
  Amounts free_;
  std::map<Place, Waiting> queue_;
  std::unordered_map<Ticket, Place> place_of_;
  std::unordered_map<Ticket, Amounts> booked_;
  std::uint64_t arrivals_ = 0;
};

}  // namespace gantry::scheduler
