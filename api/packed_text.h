#pragma once

// A text that may be a hundred megabytes long and is read once, from its beginning to its end: kept as it is while it is short, and
// compressed (zlib) once it is long. JSON of many nodes takes a tenth of its size so.
//
// One thread. Out of memory is std::bad_alloc, as everywhere.

#include <zlib.h>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace gantry::api {

class PackedText {
 public:
  PackedText() = default;
  PackedText(PackedText&&) noexcept;
  PackedText& operator=(PackedText&&) = delete;
  ~PackedText();

  /// Not after the first read.
  void append(std::string_view text);
  /// Bytes that were appended.
  [[nodiscard]] std::size_t size() const { return size_; }
  /// Bytes that it takes.
  [[nodiscard]] std::size_t packed_size() const { return held_.size(); }

  /// The next bytes, `size` of them at most; 0: that was all.
  std::size_t read(char* out, std::size_t size);

  /// From here on it is compressed, in bytes.
  static constexpr std::size_t kPlain = 256 * 1024;

 private:
  void deflate(std::string_view text, int flush);

  std::string held_;  ///< plain or compressed
  std::size_t size_ = 0;
  std::size_t read_ = 0;  ///< bytes of held_
  std::unique_ptr<z_stream> deflating_, inflating_;
  bool packed_ = false;
};

}  // namespace gantry::api
