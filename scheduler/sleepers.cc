#include "scheduler/sleepers.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <ctime>

namespace gantry::scheduler {

void Sleepers::sleep(Ticket ticket, std::chrono::nanoseconds longest) {
  static_assert(sizeof(turn_) == sizeof(std::uint32_t));
  const auto nanoseconds = longest.count();
  const timespec timeout{.tv_sec = nanoseconds / 1'000'000'000, .tv_nsec = nanoseconds % 1'000'000'000};
  syscall(SYS_futex, &turn_, FUTEX_WAIT_PRIVATE, ticket, &timeout, nullptr, 0);
  cancel();
}

void Sleepers::wake(int how_many) {
  if (call()) syscall(SYS_futex, &turn_, FUTEX_WAKE_PRIVATE, how_many, nullptr, nullptr, 0);
}

}  // namespace gantry::scheduler
