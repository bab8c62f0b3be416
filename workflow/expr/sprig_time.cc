#include <algorithm>

#include "workflow/expr/builtins.h"
#include "workflow/expr/go_number.h"
#include "workflow/expr/sprig.h"
#include "workflow/expr/time.h"

namespace gantry::workflow::expr::sprig {
namespace {

constexpr std::int64_t kZeroTime = -62'135'596'800;  ///< Go's time.Time{}: year 1

/// An instant, seconds since the epoch, or now for anything else.
Instant instant_of(const Value& value, Context& context) {
  if (value.is(Kind::Time)) return value.as_time();
  if (!value.is(Kind::Int)) return now_of(context);
  constexpr std::int64_t kFarthest = 100'000'000'000'000;  // 3 million years
  return {std::clamp(value.as_int(), -kFarthest, kFarthest), 0, Zone()};
}

Value formatted(std::string_view layout, const Value& date, std::string_view zone,
                Context& context) {
  Instant instant = instant_of(date, context);
  instant.zone = Zone::load(zone).value_or(Zone());
  if (!context.spend_text(layout.size() * 4)) return {};
  return Value::text(format_time(instant, layout));
}

}  // namespace

Value now(Arguments, Context& context) { return Value::time(now_of(context)); }
Value ago(Arguments args, Context& context) {
  const std::int64_t since = now_of(context).since(instant_of(args[0], context));
  return Value::text(format_duration(round_duration(since, kSecond)));
}
Value date(Arguments args, Context& context) {
  return formatted(args[0].as_text(), args[1], "Local", context);
}
Value date_in_zone(Arguments args, Context& context) {
  return formatted(args[0].as_text(), args[1], args[2].as_text(), context);
}
Value html_date(Arguments args, Context& context) {
  return formatted("2006-01-02", args[0], "Local", context);
}
Value html_date_in_zone(Arguments args, Context& context) {
  return formatted("2006-01-02", args[0], args[1].as_text(), context);
}
Value date_modify(Arguments args, Context&) {
  const auto by = parse_duration(args[0].as_text());
  return by ? Value::time(args[1].as_time().plus(*by)) : args[1];
}
Value must_date_modify(Arguments args, Context& context) {
  const auto by = parse_duration(args[0].as_text());
  return by ? Value::time(args[1].as_time().plus(*by)) : context.fail(by.error().message);
}
Value duration(Arguments args, Context&) {
  std::int64_t seconds = 0;
  if (args[0].is(Kind::Int)) seconds = args[0].as_int();
  if (args[0].is(Kind::String)) seconds = parse_go_int(args[0].as_text(), 10).value_or(0);
  return Value::text(format_duration(static_cast<std::int64_t>(
      static_cast<std::uint64_t>(seconds) * static_cast<std::uint64_t>(kSecond))));
}
/// The largest unit only: "2h", "3mo".
Value duration_round(Arguments args, Context& context) {
  std::int64_t ns = 0;
  if (args[0].is(Kind::Int) || args[0].is(Kind::Duration)) ns = args[0].as_int();
  if (args[0].is(Kind::String)) ns = parse_duration(args[0].as_text()).value_or(0);
  if (args[0].is(Kind::Time)) ns = now_of(context).since(args[0].as_time());
  const std::uint64_t size =
      ns < 0 ? 0 - static_cast<std::uint64_t>(ns) : static_cast<std::uint64_t>(ns);
  constexpr std::uint64_t kHour = 3'600'000'000'000;
  constexpr std::pair<std::uint64_t, std::string_view> kUnits[] = {
      {kHour * 24 * 365, "y"}, {kHour * 24 * 30, "mo"}, {kHour * 24, "d"}, {kHour, "h"},
      {kHour / 60, "m"},       {kHour / 3600, "s"}};
  for (const auto& [unit, name] : kUnits) {
    if (size > unit) return Value::text(std::to_string(size / unit) + std::string(name));
  }
  return Value::borrowed("0s");
}
Value to_date(Arguments args, Context&) {
  return Value::time(parse_time(args[0].as_text(), args[1].as_text(), Zone())
                         .value_or(Instant{kZeroTime, 0, Zone()}));
}
Value must_to_date(Arguments args, Context& context) {
  const auto instant = parse_time(args[0].as_text(), args[1].as_text(), Zone());
  return instant ? Value::time(*instant) : context.fail(instant.error().message);
}
Value unix_epoch(Arguments args, Context&) {
  return Value::text(std::to_string(args[0].as_time().seconds));
}

}  // namespace gantry::workflow::expr::sprig
