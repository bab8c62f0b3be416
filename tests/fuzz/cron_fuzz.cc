// Any bytes as a cron line: it is refused with a message, or its times come in order and agree with each other.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "workflow/cron.h"

namespace {

using namespace gantry;
using workflow::CronSchedule;
using workflow::TimeZone;

void require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto schedule = CronSchedule::parse({reinterpret_cast<const char*>(data), size});
  if (!schedule) {
    require(!schedule.error().message.empty());
    return 0;
  }
  static const TimeZone berlin = *TimeZone::find("Europe/Berlin");
  const Time start{std::chrono::seconds(1'711'846'800)};  // 2024-03-31 01:00 UTC: clocks go forward in Berlin
  Time at = start;
  for (int i = 0; i < 4; ++i) {
    const auto next = schedule->next(at, berlin);
    if (!next) break;
    require(*next > at);
    if (!schedule->every()) {
      // Nothing stands between two neighbours, and the later one is the last before what is just behind it.
      require(!schedule->last(at, *next, berlin));
      require(schedule->last(at, *next + std::chrono::seconds(1), berlin) == next);
    }
    at = *next;
  }
  return 0;
}
