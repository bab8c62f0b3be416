// Attempts (argo-workflows workflow/controller/operator.go processNodeRetries).

#include <cmath>
#include <limits>

#include "daemon/engine/impl.h"
#include "workflow/quantity.h"

namespace gantry::engine {

void Engine::Impl::open_retry(Call& call) {
  call.retry = std::make_unique<RetryCall>();
  call.retry->clock_set_by = clock_set_by_;
  call.node->phase = Phase::Running;
  if (call.tmpl->retry->limit) {
    auto text = render(*call.tmpl->retry->limit, CallScope(*call.live, call, now_));
    char* end = nullptr;
    std::int64_t limit = text ? std::strtoll(text->c_str(), &end, 10) : 0;
    if (!text || text->empty() || *end != '\0') {
      return end_call(call, Phase::Error,
                      text ? "retryStrategy.limit: '" + *text + "' is not a number" : text.error().message);
    }
    call.retry->limit = limit;
  }
  node_changed(call);
  start_attempt(call);
  // Of a daemon, whoever waited for it has gone on in an earlier life, whichever attempt serves now.
  const bool serves = call.role == Call::Role::Task && call.node->daemoned && !workflow::is_fulfilled(call.node->phase);
  if (serves && !call.daemon) {
    call.daemon = true;
    member_call_ended(*call.parent, call.task, call.member);
  }
}

void Engine::Impl::start_attempt(Call& call) {
  RetryCall& retry = *call.retry;
  // Attempts that an earlier life went past are not gone through one inside the other: there may be thousands.
  const auto stored = [&](std::int64_t number) {
    const std::string name = call.node->name + "(" + std::to_string(number) + ")";
    return call.live->is_stored(name) ? call.live->run.find(name) : nullptr;
  };
  for (const Node* past = stored(retry.attempts); past != nullptr && workflow::is_fulfilled(past->phase); past = stored(retry.attempts)) {
    if (stored(retry.attempts + 1) == nullptr) break;
    retry.last = past;
    ++retry.attempts;
  }
  std::string suffix = "(" + std::to_string(retry.attempts++) + ")";
  Index tmpl = static_cast<Index>(call.tmpl - call.live->run.plan->templates.data());
  if (retry.attempt) bury(retry.attempt);
  retry.attempt = make_call(*call.live, &call, Call::Role::Attempt, tmpl);
  Call& attempt = *retry.attempt;
  if (!call.node->message.empty()) {
    call.node->message.clear();
    mark(*call.live, *call.node);
  }
  // The parent gets its child before the child can end.
  Node& node = make_node(*call.live, call.node->name + suffix, call.node->display_name + suffix,
                         type_of(*call.tmpl, *call.live->run.plan, true), *call.tmpl, call.node->boundary_id,
                         call.node->template_scope);
  add_child(*call.live, *call.node, node);
  begin_call(attempt, node.name, node.display_name, node.boundary_id, {});
}

static bool is_retriable(workflow::RetryStrategy::Policy policy, const Node& node) {
  using Policy = workflow::RetryStrategy::Policy;
  switch (policy) {
    case Policy::Always: return true;
    case Policy::OnFailure: return node.phase == Phase::Failed;
    case Policy::OnError: return node.phase == Phase::Error;
    // Upstream matches the message against its list of network errors; a lost task is what remains of that here.
    case Policy::OnTransientError: return node.phase == Phase::Error && node.message.starts_with("TaskLost");
  }
  return false;
}

/// A Go duration in words, as github.com/argoproj/pkg/humanize has them: "10 seconds", "1 minute 30 seconds".
static std::string in_words(Duration duration) {
  using namespace std::chrono;
  std::string words;
  auto left = duration_cast<seconds>(duration).count();
  const std::pair<std::int64_t, const char*> units[] = {{86400, "day"}, {3600, "hour"}, {60, "minute"}, {1, "second"}};
  int shown = 0;
  for (const auto& [length, name] : units) {
    const auto count = left / length;
    left %= length;
    if (count == 0 && !(length == 1 && words.empty())) continue;
    if (++shown > 2) break;
    words += (words.empty() ? "" : " ") + std::to_string(count) + " " + name + (count == 1 ? "" : "s");
  }
  return words;
}

Result<std::optional<Time>> Engine::Impl::retry_deadline(const Call& retry) {
  const auto& backoff = retry.tmpl->retry->backoff;
  if (!backoff) return std::nullopt;
  auto most = duration_of(backoff->max_duration, CallScope(*retry.live, retry, now_));
  if (!most) return fail(most.error());
  if (!*most) return std::nullopt;
  const Node* first = retry.live->run.find(retry.node->name + "(0)");
  const Time began = first != nullptr && first->started ? *first->started : now_;
  return std::optional<Time>(began + **most + (clock_set_by_ - retry.retry->clock_set_by));
}

/// When the next attempt may begin: duration × factor^(attempts - 1), at most `cap`, after the end of the last one.
Result<Engine::Impl::Delay> Engine::Impl::backoff_of(Call& call) {
  RetryCall& retry = *call.retry;
  Delay delay;
  const auto& backoff = call.tmpl->retry->backoff;
  if (!backoff) return delay;
  const CallScope scope(*call.live, call, now_);
  auto base = duration_of(backoff->duration, scope), cap = duration_of(backoff->cap, scope);
  auto last_moment = retry_deadline(call);
  if (!base) return fail(base.error());
  if (!cap) return fail(cap.error());
  if (!last_moment) return fail(last_moment.error());
  if (!*base) return fail(Code::InvalidArgument, "no base duration specified for retryStrategy");
  const std::optional<Time> deadline = *last_moment;
  if (deadline && now_ > *deadline) {
    delay.over = "Max duration limit exceeded";
    return delay;
  }
  double wait = static_cast<double>((*base)->count());
  if (backoff->factor) {
    auto text = render(*backoff->factor, scope);
    if (!text) return fail(text.error());
    const double factor = std::strtod(text->c_str(), nullptr);
    if (factor > 0) wait *= std::pow(factor, static_cast<double>(retry.attempts - 1));
  }
  if (*cap) wait = std::min(wait, static_cast<double>((*cap)->count()));
  constexpr double kLongest = 1e15;  // of milliseconds: nobody waits that long, and sums stay in range
  const Time until = retry.last->finished.value_or(now_) + Duration(static_cast<std::int64_t>(std::min(wait, kLongest)));
  if (deadline && until > *deadline) {
    delay.over = "Backoff would exceed max duration limit";
    return delay;
  }
  // Upstream waits only when there is a limit.
  if (now_ < until && retry.limit && retry.attempts <= *retry.limit) {
    delay.until = until;
    call.node->message = "Backoff for " + in_words(Duration(static_cast<std::int64_t>(std::min(wait, kLongest))));
    mark(*call.live, *call.node);
  }
  return delay;
}

/// As Go prints a time in UTC: `2006-01-02 15:04:05 +0000 UTC`.
static std::string as_go_prints(Time time) {
  std::string text = rfc3339(time);
  text.replace(text.find('T'), 1, " ");
  text.replace(text.find('Z'), 1, " +0000 UTC");
  return text;
}

/// How many attempts may follow each other without any time between them.
constexpr std::int64_t kMostAtOnce = 10;

/// The order of the checks is Argo's: shutdown and deadline, backoff, policy, limit, expression.
void Engine::Impl::attempt_ended(Call& call, Call& attempt) {
  RetryCall& retry = *call.retry;
  Live& live = *call.live;
  const Node& last = *attempt.node;
  retry.last = &last;
  call.node->outputs = last.outputs;
  const std::string next = call.node->name + "(" + std::to_string(retry.attempts) + ")";
  if (!workflow::is_failed_or_error(last.phase)) return end_call(call, Phase::Succeeded, "");
  if (live.is_stored(next)) return start_attempt(call);  // an earlier life began it, whatever was asked for since
  const Shutdown shutdown = live.run.status.shutdown;
  if (shutdown == Shutdown::Terminate || (shutdown == Shutdown::Stop && !call.in_exit_handler)) {
    return end_call(call, last.phase,
                    "Stopped with strategy '" + std::string(shutdown_name(live.run.status.shutdown)) + "'");
  }
  if (live.deadline_exceeded && !call.in_exit_handler) {
    return end_call(call, last.phase, "retry exceeded workflow deadline " + as_go_prints(deadline_of(live).value_or(now_)));
  }
  auto delay = backoff_of(call);
  if (!delay) return end_call(call, Phase::Error, delay.error().message);
  if (delay->over) return end_call(call, last.phase, *delay->over);
  const workflow::RetryStrategy& strategy = *call.tmpl->retry;
  if (!is_retriable(strategy.policy, last)) return end_call(call, last.phase, last.message);
  if (retry.limit && retry.attempts > *retry.limit) return end_call(call, last.phase, "No more retries left");
  if (strategy.expression) {
    auto again = evaluate_bool(*strategy.expression, CallScope(live, call, now_));
    if (!again) return end_call(call, Phase::Error, again.error().message);
    if (!*again) return end_call(call, last.phase, "retryStrategy.expression evaluated to false");
  }
  // Attempts that fail as soon as they begin, again and again, must not keep the daemon from everything else.
  const bool at_once = last.started == last.finished && retry.attempts >= kMostAtOnce;
  if (!delay->until && at_once) delay->until = now_ + std::chrono::seconds(1);
  if (!delay->until && !live.run.status.suspended) return start_attempt(call);
  retry.waiting = true;
  live.waiting[call.node->id] = &call;
  retry.paused = !delay->until;
  if (delay->until) set_timer(*delay->until, TimerKind::Backoff, live.run.info.uid, call.node->id);
}

void Engine::Impl::backoff_over(Live& live, const std::string& node_id) {
  const auto found = live.waiting.find(node_id);
  if (found == live.waiting.end() || !found->second->retry) return;
  Call& call = *found->second;
  if (live.run.status.suspended) {
    call.retry->paused = true;
    return;
  }
  live.waiting.erase(found);
  call.retry->waiting = call.retry->paused = false;
  start_attempt(call);
}

}  // namespace gantry::engine
