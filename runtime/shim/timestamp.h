#pragma once

// Times on the wire.

#include <google/protobuf/timestamp.pb.h>

#include "runtime/shim/children.h"

namespace gantry::shim {

inline void set_time(google::protobuf::Timestamp& to, ExitTime time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  to.set_seconds(seconds.time_since_epoch().count());
  to.set_nanos(static_cast<int>((time - seconds).count()));
}

}  // namespace gantry::shim
