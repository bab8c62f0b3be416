#include "daemon/expiry.h"

namespace gantry {

Expiry::Expiry(Daemon& daemon, Ttl fallback, std::function<void(const std::string&)> remove)
    : daemon_(daemon),
      fallback_(fallback),
      remove_(std::move(remove)),
      alarm_(
          daemon.executor(), [&daemon] { return daemon.now(); }, [this] { remove_expired(); }) {
  daemon_.add_observer(*this);
}

void Expiry::restore(const std::vector<RunSummary>& runs) {
  for (const RunSummary& run : runs) {
    if (!run.ttl.empty()) own_[run.uid] = read_ttl(run.ttl);
    if (run.finished) schedule(run.uid, run.phase, *run.finished);
  }
  set_alarm();
}

void Expiry::accepted(const std::string& uid, const Ttl& ttl) {
  if (!ttl.empty()) own_[uid] = ttl;
}

void Expiry::run_deleted(const std::string& uid) {
  unschedule(uid);
  own_.erase(uid);
}

std::optional<Time> Expiry::expiry_of(const std::string& uid) const {
  auto it = at_.find(uid);
  return it == at_.end() ? std::nullopt : std::optional(it->second);
}

void Expiry::run_changed(const std::string& uid) {
  const engine::Run* run = daemon_.engine().find_uid(uid);
  if (run == nullptr) return;
  if (engine::is_ended(run->status.phase) && run->status.finished) {
    schedule(uid, run->status.phase, *run->status.finished);
    set_alarm();
  } else {
    unschedule(uid);  // it was retried
  }
}

void Expiry::schedule(const std::string& uid, engine::RunPhase phase, Time finished) {
  unschedule(uid);
  auto own = own_.find(uid);
  const Ttl ttl = own == own_.end() ? fallback_ : own->second.or_else(fallback_);
  auto at = ttl.expiry(phase, finished);
  if (!at) return;
  at_[uid] = *at;
  queue_.emplace(*at, uid);
}

void Expiry::unschedule(const std::string& uid) {
  auto it = at_.find(uid);
  if (it == at_.end()) return;
  auto [from, to] = queue_.equal_range(it->second);
  for (; from != to; ++from) {
    if (from->second != uid) continue;
    queue_.erase(from);
    break;
  }
  at_.erase(it);
}

void Expiry::set_alarm() {
  alarm_.set(queue_.empty() ? std::nullopt : std::optional(queue_.begin()->first));
}

void Expiry::remove_expired() {
  std::vector<std::string> due;
  for (const auto& [at, uid] : queue_) {
    if (at > daemon_.now()) break;
    due.push_back(uid);
  }
  for (const std::string& uid : due) {
    unschedule(uid);
    if (!daemon_.stopping()) remove_(uid);
  }
  set_alarm();
}

}  // namespace gantry
