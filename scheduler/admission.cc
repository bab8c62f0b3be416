#include "scheduler/admission.h"

namespace gantry::scheduler {

std::optional<std::string> Admission::impossible(const Amounts& wanted) const {
  if (wanted.cpu_milli > capacity_.cpu_milli) {
    return "requests " + std::to_string(wanted.cpu_milli) + "m CPU, this host offers " +
           std::to_string(capacity_.cpu_milli) + "m";
  }
  if (wanted.memory_bytes > capacity_.memory_bytes) {
    return "requests " + std::to_string(wanted.memory_bytes >> 20) + " MiB of memory, this host offers " +
           std::to_string(capacity_.memory_bytes >> 20) + " MiB";
  }
  return std::nullopt;
}

void Admission::enqueue(Ticket ticket, const Amounts& wanted, std::int32_t priority, std::uint32_t height) {
  Place place{priority, height, arrivals_++};
  queue_.emplace(place, Waiting{ticket, wanted});
  place_of_.emplace(ticket, place);
}

std::optional<Admission::Ticket> Admission::grant() {
  if (queue_.empty()) return std::nullopt;
  auto first = queue_.begin();
  if (!first->second.wanted.fits_into(free_)) return std::nullopt;
  Waiting waiting = first->second;
  queue_.erase(first);
  place_of_.erase(waiting.ticket);
  book(waiting.ticket, waiting.wanted);
  return waiting.ticket;
}

void Admission::book(Ticket ticket, const Amounts& wanted) {
  if (booked_.emplace(ticket, wanted).second) free_ -= wanted;
}

void Admission::release(Ticket ticket) {
  if (auto booked = booked_.find(ticket); booked != booked_.end()) {
    free_ += booked->second;
    booked_.erase(booked);
  } else if (auto place = place_of_.find(ticket); place != place_of_.end()) {
    queue_.erase(place->second);
    place_of_.erase(place);
  }
}

}  // namespace gantry::scheduler
