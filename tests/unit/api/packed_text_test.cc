#include "api/packed_text.h"

#include <gtest/gtest.h>

#include <random>

namespace gantry::api {
namespace {

std::string read_in_pieces(PackedText& text, std::size_t piece) {
  std::string out, buffer(piece, '\0');
  while (const std::size_t count = text.read(buffer.data(), piece)) out.append(buffer, 0, count);
  return out;
}

TEST(PackedText, GivesBackWhatItWasGiven) {
  std::mt19937 random(1);
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, PackedText::kPlain, PackedText::kPlain + 1, std::size_t{3} << 20}) {
    for (const std::size_t piece : {std::size_t{7}, std::size_t{32} << 10}) {
      if (piece == 7 && size > PackedText::kPlain + 1) continue;
      PackedText text;
      std::string expected;
      while (expected.size() < size) {
        std::string part = "{\"id\":\"" + std::to_string(random()) + "\"}";
        part.resize(std::min(part.size(), size - expected.size()));
        text.append(part);
        expected += part;
      }
      EXPECT_EQ(text.size(), size);
      PackedText moved = std::move(text);
      EXPECT_EQ(read_in_pieces(moved, piece), expected) << size << " bytes";
      char more = 0;
      EXPECT_EQ(moved.read(&more, 1), 0u);
    }
  }
}

TEST(PackedText, TakesLittleForWhatRepeatsItself) {
  PackedText text;
  const std::string node(1000, 'n');
  for (int i = 0; i < 10'000; ++i) text.append(node);
  EXPECT_EQ(text.size(), 10'000'000u);
  EXPECT_LT(text.packed_size(), 500'000u);
}

TEST(PackedText, WhatDoesNotRepeatItselfComesBack) {
  std::mt19937 random(2);
  std::string noise(1 << 20, '\0');
  for (char& c : noise) c = static_cast<char>(random());
  PackedText text;
  text.append(noise);
  EXPECT_EQ(read_in_pieces(text, 1000), noise);
}

TEST(PackedText, MayBeDroppedHalfRead) {
  PackedText text;
  for (int i = 0; i < 100'000; ++i) text.append(std::to_string(i));
  char some[100];
  EXPECT_EQ(text.read(some, sizeof some), sizeof some);
}

}  // namespace
}  // namespace gantry::api
