#pragma once

// What the daemon and its supervisor tell each other (sd_notify(3), sd_listen_fds(3),
// sd_watchdog_enabled(3)). Without systemd every function does nothing. Loop thread, before or
// while it runs.

#include <optional>
#include <string>

#include "base/clock.h"
#include "base/error.h"
#include "base/unique_fd.h"

namespace gantry::notify {

void ready(const std::string& status);
void status(const std::string& text);
void stopping();
/// To be called at least every watchdog_interval().
void alive();
/// Half the time after which the supervisor would kill us; nothing when it does not watch.
std::optional<Duration> watchdog_interval();

/// The socket that the supervisor listens on for us; not valid when there is none. InvalidArgument
/// for more than one.
Result<UniqueFd> inherited_socket();

/// Whether standard error goes to the journal, which wants a priority in front of each line.
bool stderr_is_journal();

}  // namespace gantry::notify
