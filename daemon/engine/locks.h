#pragma once

// Who holds which mutex and semaphore, and who waits for them (argo-workflows workflow/sync).
//
// What a holder asks for it gets all together or not at all. Who waits is served by priority, then by the time its run
// was created, then in the order of asking; whoever is earlier in that order and cannot be served yet keeps later ones
// from the locks that it waits for, so that nobody starves.

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"

namespace gantry::engine {

/// The ConfigMap of a namespace that holds the limits of its `database` semaphores, one key each.
inline constexpr std::string_view kSyncLimits = "sync-limits";

/// A mutex, or a semaphore whose limit a ConfigMap holds. The id is what users see: `NAMESPACE/Mutex/NAME`,
/// `NAMESPACE/ConfigMap/NAME/KEY`, `NAMESPACE/Database/NAME` (argo-workflows workflow/sync/lock_name.go).
struct LockKey {
  std::string id;
  std::string name_space, config_map, key;  ///< of a semaphore's limit; empty for a mutex
  bool operator==(const LockKey&) const = default;
};

class Locks {
 public:
  /// Whoever holds or waits: the engine's call or run. Only compared.
  using Holder = void*;
  /// How many may hold a lock at once. Asked each time, because a ConfigMap may change.
  using LimitOf = std::function<Result<std::int64_t>(const LockKey&)>;

  struct Request {
    Holder holder = nullptr;
    std::vector<LockKey> keys;
    std::int32_t priority = 0;
    Time created{};
  };

  /// Puts it in the queue.
  void wait(Request request);
  /// Takes the locks whoever holds them (an earlier life of the daemon had given them).
  void force(Holder holder, const std::vector<LockKey>& keys);
  /// Lets go of what it holds, and leaves the queue.
  void release(Holder holder);

  /// The next waiter whose locks are all free: it holds them from now on. Null: there is none. A lock whose limit is
  /// not known serves nobody.
  Holder grant(const LimitOf& limit_of);

  /// Why it waits: `Waiting for NS/Mutex/NAME lock. Lock status: 0/1`. Empty when it does not wait.
  [[nodiscard]] std::string message(Holder holder, const LimitOf& limit_of) const;

 private:
  struct Order {
    std::int64_t priority;  ///< negated: the highest first
    Time created;
    std::uint64_t sequence;
    auto operator<=>(const Order&) const = default;
  };
  [[nodiscard]] std::int64_t held(const LockKey& key) const;

  std::map<Order, Request> queue_;
  std::map<Holder, std::vector<LockKey>> holders_;
  std::map<std::string, std::int64_t> counts_;  ///< of holders, by id
  std::uint64_t next_ = 0;
};

}  // namespace gantry::engine
