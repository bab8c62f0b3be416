// Randomness comes from the facts. Each number is drawn without a bias.

#include "workflow/expr/base64.h"
#include "workflow/expr/go_text.h"
#include "workflow/expr/sprig.h"

namespace gantry::workflow::expr::sprig {
namespace {

constexpr std::string_view kDigits = "0123456789";
constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

bool is_random(Context& context) {
  if (context.facts().random) return true;
  context.fail("there is no randomness here");
  return false;
}

/// A number below `bound`, which is not 0.
std::uint64_t below(std::uint64_t bound, Context& context) {
  const std::uint64_t rest = (0 - bound) % bound;  // 2^64 mod bound
  for (;;) {
    const std::uint64_t drawn = context.facts().random();
    if (drawn >= rest) return drawn % bound;
  }
}

Value random_text(std::int64_t count, std::string_view letters, Context& context) {
  if (count <= 0) return Value::borrowed("");
  if (!is_random(context)) return {};
  if (!context.spend_text(static_cast<std::size_t>(count)) ||
      !context.spend_steps(static_cast<std::size_t>(count))) {
    return {};
  }
  std::string out;
  for (std::int64_t i = 0; i < count; ++i) out += letters[below(letters.size(), context)];
  return Value::text(std::move(out));
}

}  // namespace

std::optional<std::string> random_bytes(std::size_t size, Context& context) {
  if (!is_random(context) || !context.spend_text(size) || !context.spend_steps(size))
    return std::nullopt;
  std::string out;
  while (out.size() < size) {
    std::uint64_t drawn = context.facts().random();
    for (int i = 0; i < 8 && out.size() < size; ++i, drawn >>= 8) out += static_cast<char>(drawn);
  }
  return out;
}

Value rand_alpha_num(Arguments args, Context& context) {
  return random_text(args[0].as_int(), std::string(kLetters) + std::string(kDigits), context);
}
Value rand_alpha(Arguments args, Context& context) {
  return random_text(args[0].as_int(), kLetters, context);
}
Value rand_ascii(Arguments args, Context& context) {
  std::string printable;
  for (char c = ' '; c < 0x7F; ++c) printable += c;
  return random_text(args[0].as_int(), printable, context);
}
Value rand_numeric(Arguments args, Context& context) {
  return random_text(args[0].as_int(), kDigits, context);
}
Value rand_bytes(Arguments args, Context& context) {
  if (args[0].as_int() < 0) return context.fail("runtime error: makeslice: len out of range");
  const auto bytes = random_bytes(static_cast<std::size_t>(args[0].as_int()), context);
  return bytes ? text_of(base64_encode(*bytes), context) : Value();
}
Value rand_int(Arguments args, Context& context) {
  const std::int64_t low = args[0].as_int();
  const std::int64_t high = args[1].as_int();
  if (high <= low) return context.fail("invalid argument to Intn");
  if (!is_random(context)) return {};
  const std::uint64_t size = static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low);
  return Value::integer(
      static_cast<std::int64_t>(static_cast<std::uint64_t>(low) + below(size, context)));
}
Value shuffle(Arguments args, Context& context) {
  std::vector<char32_t> all = runes(args[0].as_text());
  if (all.size() < 2) return args[0];
  if (!is_random(context) || !context.spend_steps(all.size())) return {};
  for (std::size_t i = all.size() - 1; i > 0; --i) std::swap(all[i], all[below(i + 1, context)]);
  return text_of(from_runes(all), context);
}
Value uuidv4(Arguments, Context& context) {
  auto bytes = random_bytes(16, context);
  if (!bytes) return {};
  (*bytes)[6] = static_cast<char>(((*bytes)[6] & 0x0F) | 0x40);
  (*bytes)[8] = static_cast<char>(((*bytes)[8] & 0x3F) | 0x80);
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string out;
  for (std::size_t i = 0; i < bytes->size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) out += '-';
    out += kHex[static_cast<unsigned char>((*bytes)[i]) >> 4];
    out += kHex[(*bytes)[i] & 0x0F];
  }
  return Value::text(std::move(out));
}

}  // namespace gantry::workflow::expr::sprig
