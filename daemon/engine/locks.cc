#include "daemon/engine/locks.h"

#include <algorithm>
#include <set>
#include <utility>

namespace gantry::engine {

void Locks::wait(Request request) {
  queue_.emplace(Order{-std::int64_t{request.priority}, request.created, next_++}, std::move(request));
}

void Locks::force(Holder holder, const std::vector<LockKey>& keys) {
  for (const LockKey& key : keys) ++counts_[key.id];
  holders_[holder] = keys;
}

void Locks::release(Holder holder) {
  std::erase_if(queue_, [&](const auto& entry) { return entry.second.holder == holder; });
  const auto held = holders_.find(holder);
  if (held == holders_.end()) return;
  for (const LockKey& key : held->second) {
    if (auto count = counts_.find(key.id); --count->second == 0) counts_.erase(count);
  }
  holders_.erase(held);
}

std::int64_t Locks::held(const LockKey& key) const {
  const auto found = counts_.find(key.id);
  return found == counts_.end() ? 0 : found->second;
}

Locks::Holder Locks::grant(const LimitOf& limit_of) {
  std::set<std::string> wanted;  // by those who came earlier and cannot be served
  for (auto it = queue_.begin(); it != queue_.end(); ++it) {
    const Request& request = it->second;
    const bool free = std::all_of(request.keys.begin(), request.keys.end(), [&](const LockKey& key) {
      if (wanted.contains(key.id)) return false;
      const auto limit = limit_of(key);
      return limit && held(key) < *limit;
    });
    if (!free) {
      for (const LockKey& key : request.keys) wanted.insert(key.id);
      continue;
    }
    const Request granted = request;
    queue_.erase(it);
    force(granted.holder, granted.keys);
    return granted.holder;
  }
  return nullptr;
}

std::string Locks::message(Holder holder, const LimitOf& limit_of) const {
  const auto found =
      std::find_if(queue_.begin(), queue_.end(), [&](const auto& entry) { return entry.second.holder == holder; });
  if (found == queue_.end()) return {};
  const auto& keys = found->second.keys;
  const auto is_taken = [&](const LockKey& key) {
    const auto limit = limit_of(key);
    return !limit || held(key) >= *limit;
  };
  const auto taken = std::find_if(keys.begin(), keys.end(), is_taken);
  const LockKey& key = taken == keys.end() ? keys.front() : *taken;
  const auto limit = limit_of(key);
  if (!limit) return limit.error().message;
  return "Waiting for " + key.id + " lock. Lock status: " + std::to_string(std::max<std::int64_t>(0, *limit - held(key))) +
         "/" + std::to_string(*limit);
}

}  // namespace gantry::engine
