#pragma once

// A value that is its default in most of those that have one: 8 bytes until it is first written to. Copies are deep.

#include <memory>
#include <utility>

namespace gantry {

template <class T>
class Rare {
 public:
  Rare() = default;
  Rare(T value) : value_(std::make_unique<T>(std::move(value))) {}
  Rare(const Rare& other) : value_(other.value_ ? std::make_unique<T>(*other.value_) : nullptr) {}
  Rare(Rare&&) noexcept = default;
  Rare& operator=(Rare other) noexcept {
    value_ = std::move(other.value_);
    return *this;
  }
  ~Rare() = default;

  [[nodiscard]] const T& operator*() const {
    static const T kDefault{};
    return value_ ? *value_ : kDefault;
  }
  [[nodiscard]] const T* operator->() const { return &**this; }
  /// For writing.
  [[nodiscard]] T& edit() {
    if (!value_) value_ = std::make_unique<T>();
    return *value_;
  }
  /// Back to the default.
  void reset() { value_.reset(); }

  friend bool operator==(const Rare& a, const Rare& b) { return *a == *b; }

 private:
  std::unique_ptr<T> value_;
};

}  // namespace gantry
