#include "workflow/expr/methods.h"

#include <cstdlib>

#include "workflow/expr/format.h"
#include "workflow/expr/time.h"

namespace gantry::workflow::expr::methods {
namespace {

Instant::Civil civil(Arguments args) { return args[0].as_time().civil(); }
Value integer(std::int64_t value) { return Value::integer(value); }
/// The whole units in a duration and the rest, added as Go does.
Value in_units(Arguments args, std::int64_t unit) {
  const std::int64_t ns = args[0].as_int();
  return Value::number(static_cast<double>(ns / unit) +
                       static_cast<double>(ns % unit) / static_cast<double>(unit));
}
std::int64_t wrapped(std::int64_t seconds, std::int64_t units, std::int64_t rest) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(seconds) *
                                       static_cast<std::uint64_t>(units) +
                                   static_cast<std::uint64_t>(rest));
}
Value since_epoch(Arguments args, std::int64_t units) {
  const Instant& at = args[0].as_time();
  return integer(wrapped(at.seconds, units, at.nanoseconds / (kSecond / units)));
}

}  // namespace

Value year(Arguments args, Context&) { return integer(civil(args).year); }
Value month(Arguments args, Context&) { return integer(civil(args).month); }
Value day(Arguments args, Context&) { return integer(civil(args).day); }
Value hour(Arguments args, Context&) { return integer(civil(args).hour); }
Value minute(Arguments args, Context&) { return integer(civil(args).minute); }
Value second(Arguments args, Context&) { return integer(civil(args).second); }
Value nanosecond(Arguments args, Context&) { return integer(args[0].as_time().nanoseconds); }
Value year_day(Arguments args, Context&) { return integer(civil(args).year_day); }
Value weekday(Arguments args, Context&) { return integer(civil(args).weekday); }
Value unix_seconds(Arguments args, Context&) { return integer(args[0].as_time().seconds); }
Value unix_milli(Arguments args, Context&) { return since_epoch(args, 1'000); }
Value unix_micro(Arguments args, Context&) { return since_epoch(args, 1'000'000); }
Value unix_nano(Arguments args, Context&) { return since_epoch(args, kSecond); }
Value format(Arguments args, Context& context) {
  if (!context.spend_text(args[1].as_text().size() * 4)) return {};
  return Value::text(format_time(args[0].as_time(), args[1].as_text()));
}
Value text(Arguments args, Context&) { return Value::text(print(args[0])); }
Value add(Arguments args, Context&) {
  return Value::time(args[0].as_time().plus(args[1].as_int()));
}
Value add_date(Arguments args, Context& context) {
  constexpr std::int64_t kMost = 1'000'000'000;
  for (std::size_t i = 1; i < 4; ++i) {
    if (std::abs(args[i].as_int() / 2) > kMost) return context.fail("AddDate: out of range");
  }
  const Instant& at = args[0].as_time();
  const Instant::Civil now = at.civil();
  if (std::abs(now.year) > kMost) return context.fail("AddDate: out of range");
  return Value::time(Instant::from_civil(now.year + args[1].as_int(), now.month + args[2].as_int(),
                                         now.day + args[3].as_int(), now.hour, now.minute,
                                         now.second, at.nanoseconds, at.zone));
}
Value sub(Arguments args, Context&) {
  return Value::duration(args[0].as_time().since(args[1].as_time()));
}
Value before(Arguments args, Context&) {
  return Value::boolean(args[0].as_time() < args[1].as_time());
}
Value after(Arguments args, Context&) {
  return Value::boolean(args[1].as_time() < args[0].as_time());
}
Value equal(Arguments args, Context&) {
  return Value::boolean(args[0].as_time() == args[1].as_time());
}
Value utc(Arguments args, Context&) {
  Instant at = args[0].as_time();
  at.zone = Zone();
  return Value::time(at);
}
Value in(Arguments args, Context&) {
  Instant at = args[0].as_time();
  at.zone = args[1].as_zone();
  return Value::time(at);
}

Value hours(Arguments args, Context&) { return in_units(args, 3600 * kSecond); }
Value minutes(Arguments args, Context&) { return in_units(args, 60 * kSecond); }
Value seconds(Arguments args, Context&) { return in_units(args, kSecond); }
Value milliseconds(Arguments args, Context&) { return integer(args[0].as_int() / 1'000'000); }
Value microseconds(Arguments args, Context&) { return integer(args[0].as_int() / 1'000); }
Value nanoseconds(Arguments args, Context&) { return integer(args[0].as_int()); }
Value truncate(Arguments args, Context&) {
  const std::int64_t unit = args[1].as_int();
  return unit <= 0 ? args[0] : Value::duration(args[0].as_int() - args[0].as_int() % unit);
}
Value round(Arguments args, Context&) {
  return Value::duration(round_duration(args[0].as_int(), args[1].as_int()));
}

}  // namespace gantry::workflow::expr::methods
