#include <algorithm>

#include "workflow/expr/sprig.h"

namespace gantry::workflow::expr::sprig {
namespace {

Value map_of(Map entries, Context& context) {
  return context.spend_elements(entries.size()) ? Value::map(std::move(entries)) : Value();
}

bool is_named(Arguments names, const Value& key) {
  return std::ranges::any_of(names, [&](const Value& name) {
    return key.is(Kind::String) && name.as_text() == key.as_text();
  });
}

/// mergo: what `to` lacks, or has empty, comes from `from`; with `overwrite`, all that `from` has.
/// Maps are merged in turn.
Value merged(const Value& to, const Value& from, bool overwrite, Context& context) {
  Map out;
  for (const auto& [key, value] : from.as_map()) {
    const Value* mine = to.find(key);
    if (mine != nullptr && mine->is(Kind::Map) && value.is(Kind::Map)) {
      out.emplace_back(key, merged(*mine, value, overwrite, context));
    } else if (mine == nullptr || overwrite || is_empty(*mine)) {
      out.emplace_back(key, value);
    } else {
      out.emplace_back(key, *mine);
    }
  }
  for (const auto& [key, value] : to.as_map()) {
    if (from.find(key) == nullptr) out.emplace_back(key, value);
  }
  return map_of(std::move(out), context);
}

Value merge_all(Arguments args, bool overwrite, Context& context) {
  Value out = args[0];
  for (const Value& from : args.subspan(1)) {
    out = merged(out, from, overwrite, context);
    if (context.failed()) return {};
  }
  return out;
}

}  // namespace

Value dict(Arguments args, Context& context) {
  Map out;
  for (std::size_t i = 0; i < args.size(); i += 2) {
    out.emplace_back(Value::text(text_from(args[i])),
                     i + 1 < args.size() ? args[i + 1] : Value::text(""));
  }
  return map_of(std::move(out), context);
}
Value get(Arguments args, Context&) {
  const Value* found = args[0].find(args[1].as_text());
  return found == nullptr ? Value::borrowed("") : *found;
}
Value set(Arguments args, Context& context) {
  Map out = args[0].as_map();
  out.emplace_back(Value::text(std::string(args[1].as_text())), args[2]);
  return map_of(std::move(out), context);
}
Value unset(Arguments args, Context& context) { return omit(args, context); }
Value has_key(Arguments args, Context&) {
  return Value::boolean(args[0].find(args[1].as_text()) != nullptr);
}
Value pluck(Arguments args, Context& context) {
  Array out;
  for (const Value& map : args.subspan(1)) {
    if (const Value* found = map.find(args[0].as_text())) out.push_back(*found);
  }
  return list_of(std::move(out), context);
}
Value keys(Arguments args, Context& context) {
  Array out;
  for (const Value& map : args) {
    for (const auto& [key, value] : map.as_map()) out.push_back(key);
  }
  return list_of(std::move(out), context);
}
Value pick(Arguments args, Context& context) {
  if (!context.spend_steps(args[0].as_map().size() * args.size())) return {};
  Map out;
  for (const auto& entry : args[0].as_map()) {
    if (is_named(args.subspan(1), entry.first)) out.push_back(entry);
  }
  return map_of(std::move(out), context);
}
Value omit(Arguments args, Context& context) {
  if (!context.spend_steps(args[0].as_map().size() * args.size())) return {};
  Map out;
  for (const auto& entry : args[0].as_map()) {
    if (!is_named(args.subspan(1), entry.first)) out.push_back(entry);
  }
  return map_of(std::move(out), context);
}
Value merge(Arguments args, Context& context) { return merge_all(args, false, context); }
Value merge_overwrite(Arguments args, Context& context) { return merge_all(args, true, context); }
Value values(Arguments args, Context& context) {
  Array out;
  for (const auto& [key, value] : args[0].as_map()) out.push_back(value);
  return list_of(std::move(out), context);
}
/// dig(key, …, default, map)
Value dig(Arguments args, Context& context) {
  if (args.size() < 3) return context.fail("dig needs at least three arguments");
  Value at = args.back();
  for (const Value& key : args.first(args.size() - 2)) {
    if (!at.is(Kind::Map) || !key.is(Kind::String)) {
      const Value& wrong = at.is(Kind::Map) ? key : at;
      return context.fail("interface conversion: interface {} is " + std::string(go_type(wrong)) +
                          ", not " + (at.is(Kind::Map) ? "string" : "map[string]interface {}"));
    }
    const Value* found = at.find(key);
    if (found == nullptr) return args[args.size() - 2];
    at = Value(*found);
  }
  return at;
}
Value deep_copy(Arguments args, Context&) { return args[0]; }

}  // namespace gantry::workflow::expr::sprig
