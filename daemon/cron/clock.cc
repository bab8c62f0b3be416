#include "daemon/cron/clock.h"

#include <algorithm>

#include "daemon/cron/conditions.h"

namespace gantry::cron {
namespace {

constexpr std::string_view kSpecError = "SpecError";
constexpr std::string_view kSubmissionError = "SubmissionError";

bool has(const std::vector<Status::Ref>& active, const std::string& uid) {
  return std::any_of(active.begin(), active.end(),
                     [&](const Status::Ref& ref) { return ref.uid == uid; });
}

void drop(std::vector<Status::Ref>& active, const std::string& uid) {
  std::erase_if(active, [&](const Status::Ref& ref) { return ref.uid == uid; });
}

std::string run_name(const Key& cron, Time scheduled) {
  auto seconds = std::chrono::floor<std::chrono::seconds>(scheduled).time_since_epoch();
  return cron.second + "-" + std::to_string(seconds.count());
}

}  // namespace

Clock::Cron* Clock::find(const Key& key) {
  auto it = crons_.find(key);
  return it == crons_.end() ? nullptr : &it->second;
}

void Clock::write(Cron& cron, Effects& effects) {
  if (cron.status == cron.written) return;
  cron.written = cron.status;
  effects.emplace_back(WriteStatus{cron.definition.key, cron.status});
}

// ---- what there is ----

Effects Clock::put(Definition definition, const Status& stored, Time now) {
  Effects effects;
  auto [it, is_new] = crons_.try_emplace(definition.key);
  Cron& cron = it->second;
  cron.definition = std::move(definition);
  if (is_new) cron.status = cron.written = stored;
  std::string schedule = cron.definition.spec.schedule_text();
  if (cron.status.schedule != schedule) {
    cron.status.schedule = std::move(schedule);
    cron.status.since = now;
  }
  cron.due.assign(cron.definition.spec.parsed.size(), std::nullopt);
  for (std::size_t i = 0; i < cron.due.size(); ++i) set_due(cron, i, now);
  if (!restoring_) {
    limit_history(cron, effects);
    take_up_missed(cron, now, effects);
  }
  write(cron, effects);
  return effects;
}

Effects Clock::restored(Time now) {
  Effects effects;
  restoring_ = false;
  for (auto& [key, cron] : crons_) {
    // What ended or was deleted while nobody looked.
    std::erase_if(cron.status.active, [&cron = cron](const Status::Ref& ref) {
      return !cron.children.contains(ref.uid);
    });
    limit_history(cron, effects);
    take_up_missed(cron, now, effects);
    write(cron, effects);
  }
  return effects;
}

Effects Clock::remove(const Key& key) {
  Effects effects;
  Cron* cron = find(key);
  if (cron == nullptr) return effects;
  for (const auto& [uid, child] : cron->children) effects.emplace_back(DeleteRun{uid});
  crons_.erase(key);
  return effects;
}

// ---- runs ----

Effects Clock::child(const Key& key, Child child, Time now) {
  Effects effects;
  Cron* cron = find(key);
  if (cron == nullptr) return effects;
  const bool was_active = has(cron->status.active, child.uid);
  if (child.state == Child::State::Active) {
    if (!was_active) cron->status.active.push_back({child.uid, child.name});
  } else if (was_active) {
    drop(cron->status.active, child.uid);
    count_end(*cron, child, now);
  }
  cron->children[child.uid] = std::move(child);
  if (restoring_) return effects;  // restored() does the rest, once for all
  limit_history(*cron, effects);
  // A run that Forbid held back may be made up for now.
  if (was_active) take_up_missed(*cron, now, effects);
  write(*cron, effects);
  return effects;
}

Effects Clock::child_gone(const Key& key, const std::string& uid, Time now) {
  Effects effects;
  Cron* cron = find(key);
  if (cron == nullptr) return effects;
  cron->children.erase(uid);
  if (has(cron->status.active, uid)) {
    drop(cron->status.active, uid);
    take_up_missed(*cron, now, effects);
  }
  write(*cron, effects);
  return effects;
}

void Clock::count_end(Cron& cron, const Child& child, Time now) {
  ++(child.state == Child::State::Succeeded ? cron.status.succeeded : cron.status.failed);
  check_stop(cron, now);
}

void Clock::check_stop(Cron& cron, Time now) {
  auto stop = should_stop(cron.definition, cron.status, now);
  if (!stop) {
    cron.status.set(kSpecError, "failed to check CronWorkflow '" + cron.definition.key.second +
                                    "' stopping condition: " + stop.error().message);
  } else if (*stop) {
    cron.status.stopped = true;
  }
}

/// Deletes the oldest of those that are over, successful and other ones apart.
void Clock::limit_history(Cron& cron, Effects& effects) {
  const workflow::CronSpec& spec = cron.definition.spec;
  for (auto state : {Child::State::Succeeded, Child::State::Failed}) {
    const auto keep = static_cast<std::size_t>(state == Child::State::Succeeded
                                                   ? spec.successful_jobs_history_limit
                                                   : spec.failed_jobs_history_limit);
    std::vector<const Child*> ended;
    for (const auto& [uid, child] : cron.children) {
      if (child.state == state) ended.push_back(&child);
    }
    if (ended.size() <= keep) continue;
    std::sort(ended.begin(), ended.end(), [](const Child* a, const Child* b) {
      return std::pair(b->finished, b->name) < std::pair(a->finished, a->name);
    });
    for (std::size_t i = ended.size(); i-- > keep;) {
      const std::string uid = ended[i]->uid;
      effects.emplace_back(DeleteRun{uid});
      cron.children.erase(uid);
    }
  }
}

// ---- time ----

void Clock::set_due(Cron& cron, std::size_t schedule, Time now) {
  const workflow::CronSpec& spec = cron.definition.spec;
  const workflow::CronSchedule& line = spec.parsed[schedule];
  if (!line.every()) {
    cron.due[schedule] = line.next(now, spec.zone);
    return;
  }
  const Time since = std::min(cron.status.since, now);  // the clock may have been set back
  const auto last = line.last(since, now + Duration(1), spec.zone);
  cron.due[schedule] = line.next(last.value_or(since), spec.zone);
}

std::optional<Time> Clock::next() const {
  std::optional<Time> first;
  for (const auto& [key, cron] : crons_) {
    if (cron.creating || cron.status.stopped) continue;
    for (const auto& due : cron.due) {
      if (due && (!first || *due < *first)) first = due;
    }
  }
  return first;
}

Effects Clock::tick(Time now) {
  Effects effects;
  for (auto& [key, cron] : crons_) {
    fire_due(cron, now, effects);
    write(cron, effects);
  }
  return effects;
}

void Clock::fire_due(Cron& cron, Time now, Effects& effects) {
  while (!cron.creating && !cron.status.stopped) {
    auto first =
        std::min_element(cron.due.begin(), cron.due.end(),
                         [](const auto& a, const auto& b) { return a && (!b || *a < *b); });
    if (first == cron.due.end() || !*first || **first > now) return;
    const Time scheduled = **first;
    // Two schedules that name the same time mean one run; times that passed since are dropped.
    for (std::size_t i = 0; i < cron.due.size(); ++i) {
      if (cron.due[i] && *cron.due[i] == scheduled) set_due(cron, i, now);
    }
    run(cron, scheduled, now, effects);
  }
}

/// The newest time since the last run that startingDeadlineSeconds still covers (operator.go
/// shouldOutstandingWorkflowsBeRun).
void Clock::take_up_missed(Cron& cron, Time now, Effects& effects) {
  const workflow::CronSpec& spec = cron.definition.spec;
  if (cron.creating || !cron.status.last_scheduled || !spec.starting_deadline_seconds ||
      cron.status.last_used_schedule != cron.status.schedule) {
    return;
  }
  const Time last = *cron.status.last_scheduled;
  const Time oldest = now - std::chrono::seconds(std::min<std::int64_t>(
                                *spec.starting_deadline_seconds, 100'000'000'000));
  for (const workflow::CronSchedule& line : spec.parsed) {
    const auto missed = line.every() ? line.last(std::min(cron.status.since, now), now, spec.zone)
                                     : line.last(std::max(last, oldest), now, spec.zone);
    if (missed && *missed > last && *missed > oldest) return run(cron, *missed, now, effects);
  }
}

void Clock::run(Cron& cron, Time scheduled, Time now, Effects& effects) {
  cron.status.last_used_schedule = cron.status.schedule;
  check_stop(cron, now);
  if (!may_run(cron, now, effects)) return;
  cron.creating = scheduled;
  effects.emplace_back(
      CreateRun{cron.definition.key, run_name(cron.definition.key, scheduled), scheduled});
}

/// operator.go enforceRuntimePolicy.
bool Clock::may_run(Cron& cron, Time now, Effects& effects) {
  const workflow::CronSpec& spec = cron.definition.spec;
  if (spec.suspend || cron.status.stopped) return false;
  auto wanted = should_run(cron.definition, cron.status, now);
  if (!wanted) {
    cron.status.set(kSubmissionError, "run policy error: " + wanted.error().message);
    ++cron.status.failed;
    return false;
  }
  if (!*wanted) return false;
  if (spec.concurrency == workflow::ConcurrencyPolicy::Forbid) return cron.status.active.empty();
  if (spec.concurrency == workflow::ConcurrencyPolicy::Replace) {
    for (const Status::Ref& ref : cron.status.active) effects.emplace_back(TerminateRun{ref.uid});
  }
  return true;
}

// ---- answers to CreateRun ----

Effects Clock::created(const Key& key, Time scheduled, const std::string& uid,
                       const std::string& name, Time now) {
  Effects effects;
  Cron* cron = find(key);
  if (cron == nullptr) {  // deleted meanwhile
    effects.emplace_back(DeleteRun{uid});
    return effects;
  }
  cron->creating.reset();
  if (cron->children.try_emplace(uid, Child{.uid = uid, .name = name}).second) {
    cron->status.active.push_back({uid, name});
  }
  cron->status.started = true;
  cron->status.last_scheduled =
      std::max(cron->status.last_scheduled.value_or(scheduled), scheduled);
  cron->status.clear(kSpecError);
  cron->status.clear(kSubmissionError);
  fire_due(*cron, now, effects);
  write(*cron, effects);
  return effects;
}

Effects Clock::refused(const Key& key, Time scheduled, const Error& error, Time now) {
  Effects effects;
  Cron* cron = find(key);
  if (cron == nullptr) return effects;
  cron->creating.reset();
  switch (error.code) {
    case Code::AlreadyExists:
      cron->status.last_scheduled =
          std::max(cron->status.last_scheduled.value_or(scheduled), scheduled);
      break;
    case Code::InvalidArgument:
    case Code::NotFound:
    case Code::Unimplemented:
      cron->status.set(kSpecError, "cannot validate Workflow: " + error.message);
      break;
    case Code::Unavailable:  // nothing is wrong with it: the daemon is being drained, or its disk is full
      cron->status.set(kSubmissionError, "Failed to submit Workflow: " + error.message);
      break;
    default:
      cron->status.set(kSubmissionError, "Failed to submit Workflow: " + error.message);
      ++cron->status.failed;
  }
  fire_due(*cron, now, effects);
  write(*cron, effects);
  return effects;
}

}  // namespace gantry::cron
