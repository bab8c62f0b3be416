#include "api/stream.h"

#include <algorithm>
#include <cstring>

#include "api/errors.h"
#include "api/server.h"
#include "base/json_text.h"

namespace gantry::api {

void StreamBody::send(const Json& result) {
  if (closed()) return;
  if (buffered() > kMaxBuffered) {
    fail({Code::ResourceExhausted, "the client reads too slowly: " + std::to_string(buffered()) +
                                       " bytes are waiting for it"});
    return;
  }
  Json message = {{"result", result}};
  fields_.apply(message);
  append(message);
  changed();
}

void StreamBody::fail(const Error& error) {
  if (closed()) return;
  if (opened_ || !buffer_.empty()) {
    append(error_in_stream(error));
  } else {
    early_error_ = error;
  }
  end();
}

void StreamBody::end() {
  if (closed()) return;
  ended_ = closed_due_ = true;
  changed();
}

void StreamBody::append(const Json& message) {
  // What the client has taken goes away only when it is the larger part: each byte is moved once or
  // not at all.
  if (taken_ > buffer_.size() / 2) {
    buffer_.erase(0, taken_);
    taken_ = 0;
  }
  if (framing_ == Framing::EventStream) buffer_ += "data: ";
  buffer_ += json_text(message);
  buffer_ += framing_ == Framing::EventStream ? "\n\n" : "\n";
}

std::size_t StreamBody::take(char* out, std::size_t size) {
  std::size_t count = std::min(size, buffered());
  std::memcpy(out, buffer_.data() + taken_, count);
  taken_ += count;
  if (count > 0 && buffered() == 0) {
    buffer_.clear();
    taken_ = 0;
    drained_due_ = true;
  }
  return count;
}

void StreamBody::keep_alive() {
  if (framing_ != Framing::EventStream || closed() || buffered() > 0) return;
  buffer_ += ":\n\n";
  changed();
}

void StreamBody::close() {
  if (gone_) return;
  bool news = !ended_;
  gone_ = true;
  buffer_.clear();
  taken_ = 0;
  if (!news) return;
  closed_due_ = true;
  changed();
}

void StreamBody::notify() {
  bool drained = std::exchange(drained_due_, false), closed_now = std::exchange(closed_due_, false);
  if (client_ == nullptr) return;
  auto keep = client_->shared_from_this();  // the callbacks may drop the backend's last reference
  if (drained && !closed() && buffered() == 0 && keep->on_drained) {
    // A copy: the callback may replace or clear what it is called through.
    auto call = keep->on_drained;
    call();
  }
  if (!closed_now) return;
  auto call = std::exchange(keep->on_closed, nullptr);
  keep->on_drained = nullptr;  // what they captured often holds the stream itself
  if (call) call();
}

void StreamBody::changed() const {
  if (changed_) changed_();
}

}  // namespace gantry::api
