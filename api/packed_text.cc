#include "api/packed_text.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

namespace gantry::api {

PackedText::PackedText(PackedText&&) noexcept = default;

PackedText::~PackedText() {
  if (deflating_) ::deflateEnd(deflating_.get());
  if (inflating_) ::inflateEnd(inflating_.get());
}

void PackedText::append(std::string_view text) {
  size_ += text.size();
  if (!packed_ && held_.size() + text.size() <= kPlain) {
    held_ += text;
    return;
  }
  if (!packed_) {
    packed_ = true;
    deflating_ = std::make_unique<z_stream>();
    if (::deflateInit(deflating_.get(), Z_BEST_SPEED) != Z_OK) throw std::bad_alloc();
    deflate(std::exchange(held_, {}), Z_NO_FLUSH);
  }
  deflate(text, Z_NO_FLUSH);
}

void PackedText::deflate(std::string_view text, int flush) {
  z_stream& stream = *deflating_;
  char piece[16 * 1024];
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));  // zlib does not write to it
  stream.avail_in = static_cast<uInt>(text.size());
  do {
    stream.next_out = reinterpret_cast<Bytef*>(piece);
    stream.avail_out = sizeof piece;
    ::deflate(&stream, flush);
    held_.append(piece, sizeof piece - stream.avail_out);
  } while (stream.avail_out == 0);
}

std::size_t PackedText::read(char* out, std::size_t size) {
  if (!packed_) {
    const std::size_t count = std::min(size, held_.size() - read_);
    std::memcpy(out, held_.data() + read_, count);
    read_ += count;
    return count;
  }
  if (deflating_) {
    deflate({}, Z_FINISH);
    ::deflateEnd(std::exchange(deflating_, nullptr).get());
  }
  if (!inflating_) {
    inflating_ = std::make_unique<z_stream>();
    if (::inflateInit(inflating_.get()) != Z_OK) throw std::bad_alloc();
  }
  z_stream& stream = *inflating_;
  stream.next_in = reinterpret_cast<Bytef*>(held_.data() + read_);
  stream.avail_in = static_cast<uInt>(held_.size() - read_);
  stream.next_out = reinterpret_cast<Bytef*>(out);
  stream.avail_out = static_cast<uInt>(size);
  ::inflate(&stream, Z_NO_FLUSH);
  read_ = held_.size() - stream.avail_in;
  return size - stream.avail_out;
}

}  // namespace gantry::api
