#include <array>
#include <string>

#include "workflow/expr/builtins.h"
#include "workflow/expr/methods.h"
#include "workflow/expr/time.h"

namespace gantry::workflow::expr {

Instant now_of(Context& context) {
  if (!context.facts().now) {
    context.fail("the time is not known here");
    return {};
  }
  return Instant{}.plus(context.facts().now->time_since_epoch().count());
}

namespace builtins {

Value now(Arguments args, Context& context) {
  Instant instant = now_of(context);
  if (!args.empty()) instant.zone = args[0].as_zone();
  return Value::time(instant);
}

Value duration(Arguments args, Context& context) {
  const auto ns = parse_duration(args[0].as_text());
  return ns ? Value::duration(*ns) : context.fail(ns.error().message);
}

/// date([zone,] text [, layout [, name of a zone]])
Value date(Arguments args, Context& context) {
  Zone zone;
  const bool zoned = args[0].is(Kind::Zone);
  if (zoned) {
    zone = args[0].as_zone();
    args = args.subspan(1);
  }
  if (args.empty() || args.size() > 3) {
    return context.fail("invalid number of arguments (expected at most 3, got " +
                        std::to_string(args.size()) + ")");
  }
  for (const Value& arg : args) {
    if (!arg.is(Kind::String)) {
      return context.fail("cannot use " + std::string(go_type(arg)) +
                          " as argument (type string) to call date");
    }
  }
  const std::string_view text = args[0].as_text();
  if (args.size() > 1) {
    if (args.size() > 2) {
      const auto named = Zone::load(args[2].as_text());
      if (!named) return context.fail("unknown time zone " + std::string(args[2].as_text()));
      zone = *named;
    }
    const auto instant = parse_time(args[1].as_text(), text, zone);
    return instant ? Value::time(*instant) : context.fail(instant.error().message);
  }
  constexpr std::array<std::string_view, 7> kLayouts = {"2006-01-02",
                                                        "15:04:05",
                                                        "2006-01-02 15:04:05",
                                                        kRfc3339,
                                                        "02 Jan 06 15:04 MST",
                                                        "Monday, 02-Jan-06 15:04:05 MST",
                                                        "Mon, 02 Jan 2006 15:04:05 MST"};
  for (const std::string_view layout : kLayouts) {
    if (const auto instant = parse_time(layout, text, zone)) return Value::time(*instant);
  }
  return context.fail("invalid date " + std::string(text));
}

Value timezone(Arguments args, Context& context) {
  const auto zone = Zone::load(args[0].as_text());
  if (!zone) return context.fail("unknown time zone " + std::string(args[0].as_text()));
  return Value::zone(*zone);
}

}  // namespace builtins
}  // namespace gantry::workflow::expr
