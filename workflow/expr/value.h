#pragma once

// What an expression computes with: Go's values as expr-lang hands them about.
//
// A Value is 32 bytes and copied freely. Texts may be borrowed: a constant's from the Expression, a
// variable's from whoever answers Names::find. Borrowed texts live as long as one evaluation; what
// goes into an array or a map, and what an evaluation returns, is owned (owned()). Arrays, maps and
// owned texts are immutable once they are made and shared by an atomic count: any thread.
//
// One kind stands for all of Go's integers and one for both floats, so sprig.typeOf(sprig.add(1,
// 1)) is "int" here and "int64" in Go.

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gantry::workflow::expr {

enum class Kind : std::uint8_t {
  Nil,
  Bool,
  Int,
  Float,
  String,
  Bytes,
  Array,
  Map,
  Time,      ///< an instant, shown in a time zone
  Duration,  ///< nanoseconds
  Zone,      ///< a time zone
};

struct Instant;
class Zone;
class Value;
using Array = std::vector<Value>;
/// Sorted by key (key_less), no key twice. Keys are texts but for groupBy and fromPairs.
using Map = std::vector<std::pair<Value, Value>>;

class Value {
 public:
  Value() = default;
  Value(const Value& other) noexcept
      : kind_(other.kind_), held_(other.held_), size_(other.size_), owner_(other.owner_) {
    if (owner_ != nullptr) owner_->count.fetch_add(1, std::memory_order_relaxed);
  }
  Value(Value&& other) noexcept
      : kind_(other.kind_),
        held_(other.held_),
        size_(std::exchange(other.size_, 0)),
        owner_(std::exchange(other.owner_, nullptr)) {
    other.kind_ = Kind::Nil;
  }
  Value& operator=(Value other) noexcept {
    std::swap(kind_, other.kind_);
    std::swap(held_, other.held_);
    std::swap(size_, other.size_);
    std::swap(owner_, other.owner_);
    return *this;
  }
  ~Value() { release(); }

  static Value boolean(bool value) { return Value(Kind::Bool, Held{.integer = value}); }
  static Value integer(std::int64_t value) { return Value(Kind::Int, Held{.integer = value}); }
  static Value number(double value) { return Value(Kind::Float, Held{.number = value}); }
  static Value duration(std::int64_t ns) { return Value(Kind::Duration, Held{.integer = ns}); }
  static Value text(std::string value);
  static Value bytes(std::string value);
  /// The characters stay the caller's, who keeps them while the value is used.
  static Value borrowed(std::string_view text) {
    Value value(Kind::String, Held{.text = text.data()});
    value.size_ = text.size();
    return value;
  }
  static Value array(Array items);
  /// Sorts; of entries with the same key the last one counts.
  static Value map(Map entries);
  static Value time(const Instant& instant);
  static Value zone(const Zone& zone);

  [[nodiscard]] Kind kind() const { return kind_; }
  [[nodiscard]] bool is(Kind kind) const { return kind_ == kind; }
  [[nodiscard]] bool is_nil() const { return kind_ == Kind::Nil; }
  [[nodiscard]] bool is_number() const { return kind_ == Kind::Int || kind_ == Kind::Float; }

  // Each of these wants the kind that its name says.
  [[nodiscard]] bool as_bool() const { return held_.integer != 0; }
  [[nodiscard]] std::int64_t as_int() const { return held_.integer; }  ///< Duration too
  [[nodiscard]] double as_float() const { return held_.number; }
  [[nodiscard]] std::string_view as_text() const { return {held_.text, size_}; }  ///< Bytes too
  [[nodiscard]] const Array& as_array() const;
  [[nodiscard]] const Map& as_map() const;
  [[nodiscard]] const Instant& as_time() const;
  [[nodiscard]] const Zone& as_zone() const;

  /// Int or Float.
  [[nodiscard]] double to_double() const {
    return kind_ == Kind::Int ? static_cast<double>(held_.integer) : held_.number;
  }
  /// The same value with a text of its own.
  [[nodiscard]] Value owned() const;
  /// Levels of arrays and maps: 0 for what is neither.
  [[nodiscard]] std::uint32_t height() const;
  /// The elements in it and in what it holds, itself included, each counted as often as one comes
  /// by it; texts count more the longer they are. So a small value that holds another one many
  /// times over is known for what it is. Saturates.
  [[nodiscard]] std::uint64_t expanded() const;
  /// The value of a key, or null. Of a map.
  [[nodiscard]] const Value* find(const Value& key) const;
  [[nodiscard]] const Value* find(std::string_view key) const { return find(borrowed(key)); }

 private:
  struct Box {
    virtual ~Box() = default;
    std::atomic<std::uint32_t> count = 1;
  };
  struct TextBox;
  struct ArrayBox;
  struct MapBox;
  struct TimeBox;
  struct ZoneBox;
  union Held {
    std::int64_t integer = 0;
    double number;
    const char* text;
  };

  Value(Kind kind, Held held, Box* owner = nullptr) : kind_(kind), held_(held), owner_(owner) {}
  static Value made_text(Kind kind, std::string value);
  void release() {
    if (owner_ != nullptr && owner_->count.fetch_sub(1, std::memory_order_acq_rel) == 1)
      delete owner_;
  }

  Kind kind_ = Kind::Nil;
  Held held_{};
  std::size_t size_ = 0;  ///< of a text
  Box* owner_ = nullptr;  ///< null when nothing is owned
};

/// The order of the keys of a map, which is the order that Go prints and marshals them in: numbers
/// before texts, texts by bytes.
bool key_less(const Value& a, const Value& b);

/// What messages call the type of a value: "int", "float64", "[]interface {}", … (Go's %T).
std::string_view go_type(const Value& value);

}  // namespace gantry::workflow::expr
