#pragma once

// A set of small numbers that knows its greatest: a tree of 64-bit words, each bit of which says whether the word below
// it holds anything. Two steps for 4096 numbers, five for a thousand million, whatever they are. One thread.

#include <array>
#include <bit>
#include <cstdint>
#include <vector>

namespace gantry::scheduler {

class LevelSet {
 public:
  /// Makes room for 0 … size - 1. What is in it stays.
  void grow(std::uint32_t size) {
    std::size_t row = 0;
    do {
      size = (size + 63) / 64;
      if (rows_[row].size() < size) rows_[row].resize(size);
      if (row == used_) {
        // What was the one word on top may hold something.
        if (row > 0 && rows_[row - 1].front() != 0) rows_[row].front() = 1;
        ++used_;
      }
      ++row;
    } while (size > 1);
  }

  void insert(std::uint32_t number) {
    for (std::size_t row = 0; row < used_; ++row) {
      std::uint64_t& word = rows_[row][number >> 6];
      const bool was_empty = word == 0;
      word |= std::uint64_t{1} << (number & 63);
      if (!was_empty) return;
      number >>= 6;
    }
  }

  void erase(std::uint32_t number) {
    for (std::size_t row = 0; row < used_; ++row) {
      std::uint64_t& word = rows_[row][number >> 6];
      word &= ~(std::uint64_t{1} << (number & 63));
      if (word != 0) return;
      number >>= 6;
    }
  }

  [[nodiscard]] bool empty() const { return used_ == 0 || rows_[used_ - 1].front() == 0; }

  /// It must not be empty.
  [[nodiscard]] std::uint32_t greatest() const {
    std::uint32_t number = 0;
    for (std::size_t row = used_; row-- > 0;) {
      number = number * 64 + static_cast<std::uint32_t>(63 - std::countl_zero(rows_[row][number]));
    }
    return number;
  }

  [[nodiscard]] std::size_t bytes() const {
    std::size_t sum = 0;
    for (const auto& row : rows_) sum += row.capacity() * sizeof(std::uint64_t);
    return sum;
  }

  static constexpr std::uint32_t kMost = 1u << 30;

 private:
  static constexpr std::size_t kRows = 5;  // 64^5 numbers
  std::size_t used_ = 0;                   ///< rows; the last one of these is one word
  std::array<std::vector<std::uint64_t>, kRows> rows_;
};

}  // namespace gantry::scheduler
