#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>

namespace gantry::scheduler {

/// What a pod asks for, or the host offers.
struct Amounts {
  std::int64_t cpu_milli = 0;
  std::int64_t memory_bytes = 0;
  std::int64_t slots = 1;
  std::int64_t pids = 0;
  /// Resources that have a name, such as GPUs and licences; whoever makes the ledger knows which is which.
  static constexpr std::size_t kNamed = 8;
  std::array<std::int64_t, kNamed> named{};

  [[nodiscard]] bool fits_into(const Amounts& room) const {
    bool fits = cpu_milli <= room.cpu_milli && memory_bytes <= room.memory_bytes && slots <= room.slots && pids <= room.pids;
    for (std::size_t i = 0; i < kNamed; ++i) fits &= named[i] <= room.named[i];
    return fits;
  }
  /// The largest share of what `whole` has of anything, in millionths. What it has nothing of does not count.
  [[nodiscard]] std::int64_t share_of(const Amounts& whole) const {
    const auto share = [](std::int64_t part, std::int64_t of) { return of <= 0 ? 0 : part * 1.0 / static_cast<double>(of) * 1e6; };
    double most = std::max({share(cpu_milli, whole.cpu_milli), share(memory_bytes, whole.memory_bytes),
                            share(slots, whole.slots), share(pids, whole.pids)});
    for (std::size_t i = 0; i < kNamed; ++i) most = std::max(most, share(named[i], whole.named[i]));
    return static_cast<std::int64_t>(most);
  }
  Amounts& operator+=(const Amounts& o) {
    cpu_milli += o.cpu_milli, memory_bytes += o.memory_bytes, slots += o.slots, pids += o.pids;
    for (std::size_t i = 0; i < kNamed; ++i) named[i] += o.named[i];
    return *this;
  }
  Amounts& operator-=(const Amounts& o) {
    cpu_milli -= o.cpu_milli, memory_bytes -= o.memory_bytes, slots -= o.slots, pids -= o.pids;
    for (std::size_t i = 0; i < kNamed; ++i) named[i] -= o.named[i];
    return *this;
  }
  /// To `o` wherever that is more.
  Amounts& raise_to(const Amounts& o) {
    cpu_milli = std::max(cpu_milli, o.cpu_milli), memory_bytes = std::max(memory_bytes, o.memory_bytes);
    slots = std::max(slots, o.slots), pids = std::max(pids, o.pids);
    for (std::size_t i = 0; i < kNamed; ++i) named[i] = std::max(named[i], o.named[i]);
    return *this;
  }
  friend Amounts operator+(Amounts a, const Amounts& b) { return a += b; }
  bool operator==(const Amounts&) const = default;
};

/// Amounts that many ask for, kept once.
class Wanted {
 public:
  Wanted() {
    static const Wanted kNone{Amounts{}};
    amounts_ = kNone.amounts_;
  }
  Wanted(const Amounts& amounts) : amounts_(std::make_shared<const Amounts>(amounts)) {}
  [[nodiscard]] const Amounts& operator*() const { return *amounts_; }
  [[nodiscard]] const Amounts* operator->() const { return amounts_.get(); }
  /// As `amounts`: this one, when it says the same already.
  void set(const Amounts& amounts) {
    if (*amounts_ != amounts) amounts_ = std::make_shared<const Amounts>(amounts);
  }

 private:
  std::shared_ptr<const Amounts> amounts_;
};

}  // namespace gantry::scheduler
