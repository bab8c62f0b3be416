// In Go, semver gives an object; here it gives the version's text, whose methods read it again.

#include "workflow/expr/semver.h"
#include "workflow/expr/sprig.h"

namespace gantry::workflow::expr::sprig {
namespace {

template <class Make>
Value of_version(Arguments args, Context& context, const Make& make) {
  auto version = Version::parse(args[0].as_text());
  return version ? make(*version) : context.fail(version.error().message);
}
Value integer(std::uint64_t value) { return Value::integer(static_cast<std::int64_t>(value)); }

}  // namespace

Value semver(Arguments args, Context& context) {
  return of_version(args, context, [](const Version& v) { return Value::text(v.text()); });
}
Value semver_compare(Arguments args, Context& context) {
  const auto holds = version_matches(args[0].as_text(), args[1].as_text());
  return holds ? Value::boolean(*holds) : context.fail(holds.error().message);
}
Value semver_major(Arguments args, Context& context) {
  return of_version(args, context, [](const Version& v) { return integer(v.major); });
}
Value semver_minor(Arguments args, Context& context) {
  return of_version(args, context, [](const Version& v) { return integer(v.minor); });
}
Value semver_patch(Arguments args, Context& context) {
  return of_version(args, context, [](const Version& v) { return integer(v.patch); });
}
Value semver_prerelease(Arguments args, Context& context) {
  return of_version(args, context, [](const Version& v) { return Value::text(v.prerelease); });
}
Value semver_metadata(Arguments args, Context& context) {
  return of_version(args, context, [](const Version& v) { return Value::text(v.metadata); });
}

}  // namespace gantry::workflow::expr::sprig
