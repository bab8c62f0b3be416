#pragma once

// Internal to functions.cc: the methods of Go's time.Time, time.Duration and *time.Location that an
// expression may call: `now().Year()`. The receiver is the first argument. Month and Weekday give
// numbers.

#include "workflow/expr/builtins.h"

namespace gantry::workflow::expr::methods {

using builtins::Arguments;

Value year(Arguments args, Context& context);
Value month(Arguments args, Context& context);
Value day(Arguments args, Context& context);
Value hour(Arguments args, Context& context);
Value minute(Arguments args, Context& context);
Value second(Arguments args, Context& context);
Value nanosecond(Arguments args, Context& context);
Value year_day(Arguments args, Context& context);
Value weekday(Arguments args, Context& context);
Value unix_seconds(Arguments args, Context& context);
Value unix_milli(Arguments args, Context& context);
Value unix_micro(Arguments args, Context& context);
Value unix_nano(Arguments args, Context& context);
Value format(Arguments args, Context& context);
Value text(Arguments args, Context& context);  ///< String of all three
Value add(Arguments args, Context& context);
Value add_date(Arguments args, Context& context);
Value sub(Arguments args, Context& context);
Value before(Arguments args, Context& context);
Value after(Arguments args, Context& context);
Value equal(Arguments args, Context& context);
Value utc(Arguments args, Context& context);
Value in(Arguments args, Context& context);

Value hours(Arguments args, Context& context);
Value minutes(Arguments args, Context& context);
Value seconds(Arguments args, Context& context);
Value milliseconds(Arguments args, Context& context);
Value microseconds(Arguments args, Context& context);
Value nanoseconds(Arguments args, Context& context);
Value round(Arguments args, Context& context);
Value truncate(Arguments args, Context& context);

}  // namespace gantry::workflow::expr::methods
