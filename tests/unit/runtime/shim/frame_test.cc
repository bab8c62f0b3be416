#include "runtime/shim/frame.h"

#include <gtest/gtest.h>

namespace gantry::shim {
namespace {

TEST(FrameTest, HasTenBytesOfHeader) {
  EXPECT_EQ(encode_frame(3, kRequest, "ab"), std::string("\0\0\0\2\0\0\0\3\1\0ab", 12));
}

TEST(FrameTest, IsTheSameHoweverTheBytesAreDealtOut) {
  const std::string bytes = encode_frame(1, kRequest, "first") + encode_frame(3, kResponse, "") +
                            encode_frame(0xfffffffd, 9, std::string(70'000, 'x'));
  for (const std::size_t portion : {std::size_t{1}, std::size_t{7}, std::size_t{4096}, bytes.size()}) {
    FrameReader reader;
    std::vector<Frame> frames;
    for (std::size_t at = 0; at < bytes.size(); at += portion) {
      reader.feed(std::string_view(bytes).substr(at, portion));
      while (auto frame = reader.next()) frames.push_back(std::move(*frame));
    }
    ASSERT_EQ(frames.size(), 3u) << portion;
    EXPECT_EQ(frames[0].message, "first");
    EXPECT_EQ(frames[1].type, kResponse);
    EXPECT_EQ(frames[2].stream, 0xfffffffd);
    EXPECT_EQ(frames[2].message.size(), 70'000u);
  }
}

TEST(FrameTest, PassesOverWhatIsTooLong) {
  std::string bytes = encode_frame(5, kRequest, std::string(kMaxMessage + 1, 'x'));
  bytes += encode_frame(7, kRequest, std::string(kMaxMessage, 'y'));
  for (const std::size_t portion : {std::size_t{100'000}, bytes.size()}) {
    FrameReader reader;
    std::vector<Frame> frames;
    for (std::size_t at = 0; at < bytes.size(); at += portion) {
      reader.feed(std::string_view(bytes).substr(at, portion));
      while (auto frame = reader.next()) frames.push_back(std::move(*frame));
    }
    ASSERT_EQ(frames.size(), 2u);
    EXPECT_TRUE(frames[0].oversized);
    EXPECT_EQ(frames[0].stream, 5u);
    EXPECT_EQ(frames[0].message, "");
    EXPECT_FALSE(frames[1].oversized);
    EXPECT_EQ(frames[1].message.size(), kMaxMessage);
  }
}

TEST(FrameTest, KeepsNothingOfAMessageOfFourGigabytes) {
  FrameReader reader;
  reader.feed("\xff\xff\xff\xff");
  EXPECT_FALSE(reader.next());
  reader.feed(std::string("\0\0\0\1\1\0", 6));
  EXPECT_TRUE(reader.next()->oversized);
  for (int i = 0; i < 100; ++i) reader.feed(std::string(1000, 'x'));
  EXPECT_FALSE(reader.next());
}

}  // namespace
}  // namespace gantry::shim
