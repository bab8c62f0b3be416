#include "scheduler/admission.h"

namespace gantry::scheduler {

std::optional<std::string> Admission::impossible(const Amounts& wanted) const {
  const auto exceeds = [](std::int64_t asked, std::int64_t has, const std::string& what) {
    return asked > has ? std::optional("requests " + std::to_string(asked) + what + ", this host offers " + std::to_string(has) + what)
                       : std::nullopt;
  };
  if (wanted.cpu_milli > capacity_.cpu_milli) {
    return "requests " + std::to_string(wanted.cpu_milli) + "m CPU, this host offers " +
           std::to_string(capacity_.cpu_milli) + "m";
  }
  if (wanted.memory_bytes > capacity_.memory_bytes) {
    return "requests " + std::to_string(wanted.memory_bytes >> 20) + " MiB of memory, this host offers " +
           std::to_string(capacity_.memory_bytes >> 20) + " MiB";
  }
  if (auto why = exceeds(wanted.slots, capacity_.slots, " slots")) return why;
  if (auto why = exceeds(wanted.pids, capacity_.pids, " processes")) return why;
  for (std::size_t i = 0; i < Amounts::kNamed; ++i) {
    if (auto why = exceeds(wanted.named[i], capacity_.named[i], " of a named resource")) return why;
  }
  return std::nullopt;
}

void Admission::ask(Request& request, std::uint64_t group, std::int32_t priority, std::uint32_t height) {
  request.state_ = Request::State::Waiting;
  request.group_ = group;
  request.priority_ = priority;
  request.height_ = height;
  waiting_.fetch_add(1, std::memory_order_relaxed);
  looked_in_vain_ = false;
  Group& its = groups_[group];
  ++its.requests;
  Queue& queue = its.queues.try_emplace(priority, Queue{group, priority, 0, {}}).first->second;
  if (queue.lines.empty()) {
    queue.share = its.booked.share_of(capacity_);
    order_.insert(&queue);
  }
  Line& line = queue.lines[height];
  request.before_ = line.last;
  request.after_ = nullptr;
  (line.last == nullptr ? line.first : line.last->after_) = &request;
  line.last = &request;
}

Admission::Request* Admission::grant() {
  if (looked_in_vain_) return nullptr;
  Request* granted = find();
  if (granted != nullptr) {
    take(*granted);
  } else {
    looked_in_vain_ = true;
  }
  return granted;
}

/// Who may start now. A reservation is made or, once its time has come, given up on the way.
Admission::Request* Admission::find() {
  while (waiting() > 0) {
    Queue& first = **order_.begin();
    if (reserved_ == nullptr || first.priority > reserved_->priority_) {
      Request* request = first.lines.begin()->second.first;
      if (request->wanted->fits_into(free_) && (reserved_ == nullptr || fits_beside_reserved(*request))) return request;
      reserve(request);
    }
    if (!reserved_->wanted->fits_into(free_)) return backfill();
    Request* request = reserved_;
    reserve(nullptr);
    return request;
  }
  return nullptr;
}

bool Admission::fits_beside_reserved(const Request& request) const {
  return (*reserved_->wanted + beside_ + *request.wanted).fits_into(capacity_);
}

Admission::Request* Admission::backfill() {
  int looked_at = 0;
  for (Queue* queue : order_) {
    for (const auto& [height, line] : queue->lines) {
      for (Request* request = line.first; request != nullptr; request = request->after_) {
        if (request == reserved_) continue;
        if (++looked_at > kBackfillDepth) return nullptr;
        if (request->wanted->fits_into(free_) && fits_beside_reserved(*request)) return request;
      }
    }
  }
  return nullptr;
}

/// Another one is first now; what was started beside the last one is as anything else that runs.
void Admission::reserve(Request* request) {
  reserved_ = request;
  beside_ = {0, 0, 0};
  ++reservations_;
}

void Admission::take(Request& request) {
  leave_queue(request);
  request.state_ = Request::State::Booked;
  request.reservation_ = reserved_ != nullptr ? reservations_ : 0;
  if (reserved_ != nullptr) beside_ += *request.wanted;
  free_ -= *request.wanted;
  Group& group = groups_[request.group_];
  group.booked += *request.wanted;
  share_changed(group);
}

void Admission::leave_queue(Request& request) {
  Queue& queue = groups_[request.group_].queues.at(request.priority_);
  const auto line = queue.lines.find(request.height_);
  (request.before_ == nullptr ? line->second.first : request.before_->after_) = request.after_;
  (request.after_ == nullptr ? line->second.last : request.after_->before_) = request.before_;
  if (line->second.first == nullptr) queue.lines.erase(line);
  if (queue.lines.empty()) order_.erase(&queue);
  waiting_.fetch_sub(1, std::memory_order_relaxed);
}

void Admission::share_changed(Group& group) {
  const std::int64_t share = group.booked.share_of(capacity_);
  for (auto& [priority, queue] : group.queues) {
    if (queue.lines.empty() || queue.share == share) continue;
    order_.erase(&queue);
    queue.share = share;
    order_.insert(&queue);
  }
}

void Admission::book(Request& request, std::uint64_t group) {
  request.state_ = Request::State::Booked;
  request.group_ = group;
  request.reservation_ = 0;
  looked_in_vain_ = false;
  free_ -= *request.wanted;
  Group& its = groups_[group];
  ++its.requests;
  its.booked += *request.wanted;
  share_changed(its);
}

void Admission::release(Request& request) {
  if (request.state_ == Request::State::Idle) return;
  looked_in_vain_ = false;
  const auto group = groups_.find(request.group_);
  if (request.state_ == Request::State::Waiting) {
    leave_queue(request);
    if (reserved_ == &request) reserve(nullptr);
  } else {
    free_ += *request.wanted;
    group->second.booked -= *request.wanted;
    if (reserved_ != nullptr && request.reservation_ == reservations_) beside_ -= *request.wanted;
    share_changed(group->second);
  }
  request.state_ = Request::State::Idle;
  if (--group->second.requests == 0) groups_.erase(group);
}

}  // namespace gantry::scheduler
