#pragma once

// A text that many hold and nobody changes: 8 bytes for each who holds it, and copies cost a count. What is empty takes
// nothing else. Read as a std::string; to change it, give it another text.
//
// Any thread may copy one and let go of it; one object is one thread's, as with std::shared_ptr.

#include <atomic>
#include <compare>
#include <concepts>
#include <cstdint>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>

namespace gantry {

class SharedText {
 public:
  SharedText() = default;
  SharedText(std::string text) : held_(text.empty() ? nullptr : new Held{{1}, std::move(text)}) {}
  SharedText(std::string_view text) : SharedText(std::string(text)) {}
  SharedText(const char* text) : SharedText(std::string(text)) {}
  SharedText(const SharedText& other) noexcept : held_(other.held_) {
    if (held_ != nullptr) held_->holders.fetch_add(1, std::memory_order_relaxed);
  }
  SharedText(SharedText&& other) noexcept : held_(std::exchange(other.held_, nullptr)) {}
  SharedText& operator=(SharedText other) noexcept {
    std::swap(held_, other.held_);
    return *this;
  }
  ~SharedText() {
    // The last one sees all that the others have read before it is gone.
    if (held_ != nullptr && held_->holders.fetch_sub(1, std::memory_order_acq_rel) == 1) delete held_;
  }

  [[nodiscard]] const std::string& str() const {
    static const std::string kEmpty;
    return held_ == nullptr ? kEmpty : held_->text;
  }
  operator const std::string&() const { return str(); }
  operator std::string_view() const { return str(); }
  [[nodiscard]] bool empty() const { return held_ == nullptr; }
  [[nodiscard]] std::size_t size() const { return str().size(); }

  friend bool operator==(const SharedText& a, const SharedText& b) { return a.held_ == b.held_ || a.str() == b.str(); }
  template <std::convertible_to<std::string_view> Text>
  friend bool operator==(const SharedText& a, const Text& b) {
    return a.str() == std::string_view(b);
  }
  friend auto operator<=>(const SharedText& a, const SharedText& b) { return a.str() <=> b.str(); }
  friend std::string operator+(std::string a, const SharedText& b) { return std::move(a) += b.str(); }
  friend std::string operator+(const SharedText& a, std::string_view b) { return a.str() + std::string(b); }
  friend std::ostream& operator<<(std::ostream& out, const SharedText& text) { return out << text.str(); }

 private:
  struct Held {
    std::atomic<std::uint32_t> holders;
    const std::string text;
  };
  Held* held_ = nullptr;  ///< null: empty
};

}  // namespace gantry
