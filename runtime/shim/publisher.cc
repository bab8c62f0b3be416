#include "runtime/shim/publisher.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <utility>

#include "github.com/containerd/containerd/api/services/ttrpc/events/v1/events.pb.h"
#include "runtime/shim/log.h"
#include "runtime/shim/socket.h"
#include "ttrpc.pb.h"

namespace gantry::shim {
namespace {

constexpr Duration kAnswerLimit = std::chrono::seconds(5);

}  // namespace

Publisher::Publisher(Loop& loop, std::string address, std::string name_space)
    : loop_(loop), address_(std::move(address)), name_space_(std::move(name_space)) {}

Publisher::~Publisher() {
  if (socket_.valid()) loop_.forget(socket_.get());
}

void Publisher::publish(const char* topic, const google::protobuf::MessageLite& event) {
  if (address_.empty()) return;
  ::containerd::services::events::ttrpc::v1::ForwardRequest forward;
  auto& envelope = *forward.mutable_envelope();
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now);
  envelope.mutable_timestamp()->set_seconds(seconds.count());
  envelope.mutable_timestamp()->set_nanos(static_cast<int>(std::chrono::nanoseconds(now - seconds).count()));
  envelope.set_namespace_(name_space_);
  envelope.set_topic(topic);
  envelope.mutable_event()->set_type_url(event.GetTypeName());  // bare, as containerd 1.6 wants it
  event.SerializeToString(envelope.mutable_event()->mutable_value());
  ttrpc::Request request;
  request.set_service("containerd.services.events.ttrpc.v1.Events");
  request.set_method("Forward");
  forward.SerializeToString(request.mutable_payload());
  request.set_timeout_nano(std::chrono::nanoseconds(kAnswerLimit).count());
  auto& metadata = *request.add_metadata();
  metadata.set_key("containerd-namespace-ttrpc");
  metadata.set_value(name_space_);
  queue_.push(request.SerializeAsString());
  send();
}

void Publisher::flush(Duration limit, std::function<void()> done) {
  if (queue_.empty()) return loop_.post(std::move(done));
  flushed_ = std::move(done);
  loop_.after(limit, [this] {
    if (auto call = std::exchange(flushed_, {})) call();
  });
}

void Publisher::send() {
  if (waiting_ || retry_ != 0) return;
  if (queue_.empty()) {
    if (auto call = std::exchange(flushed_, {})) call();
    return;
  }
  if (!socket_.valid() && !connect()) return try_again(queue_.unreachable());
  stream_ = stream_ == 0 ? 1 : stream_ + 2;
  waiting_ = true;
  unwritten_ = encode_frame(stream_, kRequest, queue_.front());
  limit_ = loop_.after(kAnswerLimit, [this] { disconnected(); });
  write_some();
}

bool Publisher::connect() {
  auto socket = connect_to(address_);
  if (!socket) {
    log_line("debug", socket.error().message);
    return false;
  }
  socket_ = std::move(*socket);
  reader_ = {};
  stream_ = 0;
  loop_.watch(socket_.get(), EPOLLIN, [this](std::uint32_t) { readable(); });
  return true;
}

void Publisher::write_some() {
  while (!unwritten_.empty()) {
    const auto written = ::send(socket_.get(), unwritten_.data(), unwritten_.size(), MSG_NOSIGNAL);
    if (written < 0 && errno == EAGAIN) {
      loop_.watch(socket_.get(), EPOLLIN | EPOLLOUT, [this](std::uint32_t events) {
        if ((events & EPOLLOUT) != 0) return write_some();
        readable();
      });
      return;
    }
    if (written < 0) return disconnected();
    unwritten_.erase(0, static_cast<std::size_t>(written));
  }
  loop_.watch(socket_.get(), EPOLLIN, [this](std::uint32_t) { readable(); });
}

void Publisher::readable() {
  char buffer[4096];
  const auto got = ::recv(socket_.get(), buffer, sizeof(buffer), 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) return disconnected();
  reader_.feed({buffer, static_cast<std::size_t>(got)});
  while (auto frame = reader_.next()) {
    if (frame->type == kResponse && frame->stream == stream_ && waiting_) answered(frame->message);
    if (!socket_.valid()) return;
  }
}

void Publisher::answered(const std::string& message) {
  waiting_ = false;
  loop_.cancel(std::exchange(limit_, 0));
  ttrpc::Response response;
  const bool understood = response.ParseFromString(message);
  if (understood && response.status().code() == 0) {
    queue_.sent();
    return send();
  }
  log_line("warning", "containerd refuses an event: " + response.status().message());
  try_again(queue_.refused());
}

void Publisher::disconnected() {
  if (socket_.valid()) loop_.forget(socket_.get());
  socket_.reset();
  unwritten_.clear();
  loop_.cancel(std::exchange(limit_, 0));
  // Between two events it does not matter yet.
  if (std::exchange(waiting_, false)) try_again(queue_.unreachable());
}

void Publisher::try_again(Duration pause) {
  retry_ = loop_.after(pause, [this] {
    retry_ = 0;
    send();
  });
}

}  // namespace gantry::shim
