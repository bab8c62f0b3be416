#include "runtime/shim/server.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include "runtime/shim/frame.h"
#include "ttrpc.pb.h"

namespace gantry::shim {
namespace {

/// A client that sends without reading is left.
constexpr std::size_t kMostUnwritten = 4 * kMaxMessage;

}  // namespace

class Server::Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(Server& server, UniqueFd socket) : server_(server), socket_(std::move(socket)) {}

  void open() {
    watch(EPOLLIN);
  }

  void close() {
    if (!socket_.valid()) return;
    server_.loop_.forget(socket_.get());
    socket_.reset();
    server_.connections_.erase(shared_from_this());
  }

 private:
  void watch(std::uint32_t events) {
    server_.loop_.watch(socket_.get(), events, [self = shared_from_this()](std::uint32_t ready) {
      if ((ready & EPOLLOUT) != 0) self->write_some();
      if (self->socket_.valid() && (ready & ~static_cast<std::uint32_t>(EPOLLOUT)) != 0) self->read_some();
    });
  }

  void read_some() {
    char buffer[16 << 10];
    const auto got = ::recv(socket_.get(), buffer, sizeof(buffer), 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) return close();
    reader_.feed({buffer, static_cast<std::size_t>(got)});
    while (auto frame = reader_.next()) {
      take(*frame);
      if (!socket_.valid()) return;
    }
  }

  void take(const Frame& frame) {
    if (frame.oversized) {
      return answer(frame.stream, fail(Code::ResourceExhausted, "message exceeds the maximum of " +
                                                                    std::to_string(kMaxMessage) + " bytes"));
    }
    if (frame.type != kRequest) return;
    ttrpc::Request request;
    if (!request.ParseFromString(frame.message)) {
      return answer(frame.stream, fail(Code::InvalidArgument, "unmarshal request error"));
    }
    if (frame.stream % 2 != 1) {
      return answer(frame.stream,
                    fail(Code::InvalidArgument, "StreamID must be odd for client initiated streams"));
    }
    Request asked{request.service(), request.method(), request.payload(), std::nullopt};
    if (request.timeout_nano() > 0) {
      asked.limit = std::chrono::ceil<Duration>(std::chrono::nanoseconds(request.timeout_nano()));
    }
    server_.handler_(std::move(asked),
                     [weak = weak_from_this(), stream = frame.stream](Result<std::string> result) {
                       if (const auto self = weak.lock()) self->answer(stream, std::move(result));
                     });
  }

  void answer(std::uint32_t stream, Result<std::string> result) {
    if (!socket_.valid()) return;
    ttrpc::Response response;
    auto& status = *response.mutable_status();
    if (result) {
      response.set_payload(std::move(*result));
    } else {
      status.set_code(static_cast<int>(result.error().code));
      status.set_message(std::move(result.error().message));
    }
    const bool idle = unwritten_.empty();
    unwritten_ += encode_frame(stream, kResponse, response.SerializeAsString());
    if (unwritten_.size() > kMostUnwritten) return close();
    if (idle) write_some();
  }

  void write_some() {
    const auto written = ::send(socket_.get(), unwritten_.data(), unwritten_.size(), MSG_NOSIGNAL);
    if (written < 0 && errno != EAGAIN && errno != EINTR) return close();
    if (written > 0) unwritten_.erase(0, static_cast<std::size_t>(written));
    const bool blocked = !unwritten_.empty();
    if (blocked != std::exchange(blocked_, blocked)) {
      watch(blocked ? static_cast<std::uint32_t>(EPOLLIN | EPOLLOUT) : static_cast<std::uint32_t>(EPOLLIN));
    }
  }

  Server& server_;
  UniqueFd socket_;
  FrameReader reader_;
  std::string unwritten_;
  bool blocked_ = false;
};

Server::Server(Loop& loop, UniqueFd listener, Handler handler)
    : loop_(loop), listener_(std::move(listener)), handler_(std::move(handler)) {
  loop_.watch(listener_.get(), EPOLLIN, [this](std::uint32_t) { accept(); });
}

Server::~Server() {
  loop_.forget(listener_.get());
  while (!connections_.empty()) (*connections_.begin())->close();
}

void Server::accept() {
  UniqueFd socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!socket.valid()) return;
  auto connection = std::make_shared<Connection>(*this, std::move(socket));
  connections_.insert(connection);
  connection->open();
}

}  // namespace gantry::shim
