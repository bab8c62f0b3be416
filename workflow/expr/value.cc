#include "workflow/expr/value.h"

#include <algorithm>
#include <cmath>

#include "workflow/expr/time.h"
#include "workflow/expr/zone.h"

namespace gantry::workflow::expr {

struct Value::TextBox final : Value::Box {
  explicit TextBox(std::string value) : text(std::move(value)) {}
  std::string text;
};
struct Value::ArrayBox final : Value::Box {
  Array items;
  std::uint32_t height = 1;
  std::uint64_t expanded = 1;
};
struct Value::MapBox final : Value::Box {
  Map entries;
  std::uint32_t height = 1;
  std::uint64_t expanded = 1;
};
struct Value::TimeBox final : Value::Box {
  explicit TimeBox(Instant value) : instant(std::move(value)) {}
  Instant instant;
};
struct Value::ZoneBox final : Value::Box {
  explicit ZoneBox(expr::Zone value) : zone(std::move(value)) {}
  expr::Zone zone;
};

namespace {

std::uint64_t saturating_add(std::uint64_t a, std::uint64_t b) {
  constexpr std::uint64_t kMost = std::uint64_t{1} << 62;
  return std::min(kMost, a + b);
}

}  // namespace

Value Value::made_text(Kind kind, std::string value) {
  auto* box = new TextBox(std::move(value));
  Value made(kind, Held{.text = box->text.data()}, box);
  made.size_ = box->text.size();
  return made;
}

Value Value::text(std::string value) { return made_text(Kind::String, std::move(value)); }
Value Value::bytes(std::string value) { return made_text(Kind::Bytes, std::move(value)); }

Value Value::array(Array items) {
  auto* box = new ArrayBox;
  for (Value& item : items) {
    item = item.owned();
    box->height = std::max(box->height, item.height() + 1);
    box->expanded = saturating_add(box->expanded, item.expanded());
  }
  box->items = std::move(items);
  return Value(Kind::Array, Held{}, box);
}

Value Value::map(Map entries) {
  auto* box = new MapBox;
  std::stable_sort(entries.begin(), entries.end(),
                   [](const auto& a, const auto& b) { return key_less(a.first, b.first); });
  for (auto& entry : entries) {
    if (!box->entries.empty() && !key_less(box->entries.back().first, entry.first)) {
      box->entries.pop_back();
    }
    box->entries.emplace_back(entry.first.owned(), entry.second.owned());
    box->height = std::max(box->height, entry.second.height() + 1);
    box->expanded = saturating_add(box->expanded, entry.second.expanded() + 1);
  }
  return Value(Kind::Map, Held{}, box);
}

Value Value::time(const Instant& instant) {
  return Value(Kind::Time, Held{}, new TimeBox(instant));
}
Value Value::zone(const expr::Zone& zone) { return Value(Kind::Zone, Held{}, new ZoneBox(zone)); }

const Array& Value::as_array() const { return static_cast<const ArrayBox*>(owner_)->items; }
const Map& Value::as_map() const { return static_cast<const MapBox*>(owner_)->entries; }
const Instant& Value::as_time() const { return static_cast<const TimeBox*>(owner_)->instant; }
const Zone& Value::as_zone() const { return static_cast<const ZoneBox*>(owner_)->zone; }

Value Value::owned() const {
  const bool borrows = (kind_ == Kind::String || kind_ == Kind::Bytes) && owner_ == nullptr;
  return borrows ? made_text(kind_, std::string(as_text())) : *this;
}

std::uint32_t Value::height() const {
  if (kind_ == Kind::Array) return static_cast<const ArrayBox*>(owner_)->height;
  if (kind_ == Kind::Map) return static_cast<const MapBox*>(owner_)->height;
  return 0;
}

std::uint64_t Value::expanded() const {
  switch (kind_) {
    case Kind::Array:
      return static_cast<const ArrayBox*>(owner_)->expanded;
    case Kind::Map:
      return static_cast<const MapBox*>(owner_)->expanded;
    case Kind::String:
    case Kind::Bytes:
      return size_ / 16 + 1;
    default:
      return 1;
  }
}

const Value* Value::find(const Value& key) const {
  const Map& entries = as_map();
  const auto found = std::lower_bound(
      entries.begin(), entries.end(), key,
      [](const auto& entry, const Value& wanted) { return key_less(entry.first, wanted); });
  if (found == entries.end() || key_less(key, found->first)) return nullptr;
  return &found->second;
}

bool key_less(const Value& a, const Value& b) {
  if (a.kind() != b.kind()) return a.kind() < b.kind();
  switch (a.kind()) {
    case Kind::Bool:
    case Kind::Int:
    case Kind::Duration:
      return a.as_int() < b.as_int();
    case Kind::Float:  // NaN is first, so that there is an order
      if (std::isnan(a.as_float()) || std::isnan(b.as_float())) {
        return std::isnan(a.as_float()) && !std::isnan(b.as_float());
      }
      return a.as_float() < b.as_float();
    case Kind::String:
    case Kind::Bytes:
      return a.as_text() < b.as_text();
    case Kind::Time:
      return a.as_time() < b.as_time();
    case Kind::Zone:
      return a.as_zone().name() < b.as_zone().name();
    default:
      return false;
  }
}

std::string_view go_type(const Value& value) {
  switch (value.kind()) {
    case Kind::Nil:
      return "<nil>";
    case Kind::Bool:
      return "bool";
    case Kind::Int:
      return "int";
    case Kind::Float:
      return "float64";
    case Kind::String:
      return "string";
    case Kind::Bytes:
      return "[]uint8";
    case Kind::Array:
      return "[]interface {}";
    case Kind::Map:
      return "map[string]interface {}";
    case Kind::Time:
      return "time.Time";
    case Kind::Duration:
      return "time.Duration";
    case Kind::Zone:
      return "*time.Location";
  }
  return "unknown";
}

}  // namespace gantry::workflow::expr
