#pragma once

// ttrpc's frames: ten bytes of header (big endian: length u32, stream u32, type u8, flags u8) and a message of at most
// 4 MiB. A request and its response carry the same stream number; the client's are odd. Pure; one thread at a time.
// Source: github.com/containerd/ttrpc, channel.go.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gantry::shim {

inline constexpr std::size_t kFrameHeader = 10;        ///< bytes
inline constexpr std::size_t kMaxMessage = 4u << 20;  ///< bytes, without the header
inline constexpr std::uint8_t kRequest = 1, kResponse = 2;

struct Frame {
  std::uint32_t stream = 0;
  std::uint8_t type = 0;
  bool oversized = false;  ///< the message was longer than kMaxMessage and is not in `message`
  std::string message;
};

/// Cuts a stream of bytes into frames, however the bytes are dealt out.
class FrameReader {
 public:
  void feed(std::string_view bytes);
  /// The next whole frame. One that is too long is told as soon as its header is there.
  std::optional<Frame> next();

 private:
  std::string buffer_;
  std::size_t used_ = 0;    ///< bytes of buffer_ that are done with
  std::uint64_t skip_ = 0;  ///< bytes still to come of a message that is too long
};

std::string encode_frame(std::uint32_t stream, std::uint8_t type, std::string_view message);

}  // namespace gantry::shim
