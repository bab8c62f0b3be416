#include "runtime/shim/frame.h"

#include <algorithm>

namespace gantry::shim {
namespace {

std::uint32_t read_u32(const char* bytes) {
  std::uint32_t value = 0;
  for (int i = 0; i < 4; ++i) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

void append_u32(std::string& to, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) to.push_back(static_cast<char>(value >> shift));
}

}  // namespace

void FrameReader::feed(std::string_view bytes) {
  const std::size_t skipped = std::min<std::uint64_t>(skip_, bytes.size());
  skip_ -= skipped;
  bytes.remove_prefix(skipped);
  buffer_.erase(0, used_);
  used_ = 0;
  buffer_.append(bytes);
}

std::optional<Frame> FrameReader::next() {
  if (skip_ > 0) return std::nullopt;
  const std::size_t there = buffer_.size() - used_;
  if (there < kFrameHeader) return std::nullopt;
  const char* header = buffer_.data() + used_;
  const std::size_t length = read_u32(header);
  Frame frame;
  frame.stream = read_u32(header + 4);
  frame.type = static_cast<std::uint8_t>(header[8]);
  frame.oversized = length > kMaxMessage;
  if (frame.oversized) {
    const std::size_t here = std::min(length, there - kFrameHeader);
    used_ += kFrameHeader + here;
    skip_ = length - here;
    return frame;
  }
  if (there < kFrameHeader + length) return std::nullopt;
  frame.message = buffer_.substr(used_ + kFrameHeader, length);
  used_ += kFrameHeader + length;
  return frame;
}

std::string encode_frame(std::uint32_t stream, std::uint8_t type, std::string_view message) {
  std::string bytes;
  bytes.reserve(kFrameHeader + message.size());
  append_u32(bytes, static_cast<std::uint32_t>(message.size()));
  append_u32(bytes, stream);
  bytes.push_back(static_cast<char>(type));
  bytes.push_back(0);
  bytes.append(message);
  return bytes;
}

}  // namespace gantry::shim
