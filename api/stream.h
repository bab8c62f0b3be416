#pragma once

// A stream on its way to one client: framing, buffer, back-pressure. Loop thread only.
//
//   Backend ──► ClientStream (the handle; dropping it ends the stream) ──► StreamBody (the bytes)
//   ◄── Exchange takes
//
// StreamBody never calls the backend by itself: on_drained and on_closed run from `notify`, which
// the server calls after libmicrohttpd's turn, so that no callback of the backend runs inside one
// of libmicrohttpd's.

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "api/backend.h"
#include "api/fields.h"

namespace gantry::api {

class ClientStream;

class StreamBody {
 public:
  /// EventStream: `data: {…}` and an empty line, as server-sent events. Lines: `{…}` and a newline.
  enum class Framing : std::uint8_t { EventStream, Lines };

  StreamBody(Framing framing, Fields fields, std::function<void()> changed)
      : framing_(framing), fields_(std::move(fields)), changed_(std::move(changed)) {}

  // The backend's side, through ClientStream. All but `closed` do nothing once the stream has
  // ended.
  void send(const Json& result);
  void fail(const Error& error);
  void end();
  [[nodiscard]] std::size_t buffered() const { return buffer_.size() - taken_; }
  [[nodiscard]] bool closed() const { return ended_ || gone_; }

  // The connection's side.
  /// Errors from now on are sent inside the stream: the status line is on its way.
  void open() { opened_ = true; }
  /// Whether there is something to answer with: a message, an end, or an error.
  [[nodiscard]] bool has_spoken() const { return !buffer_.empty() || ended_; }
  /// The error that came before anything else and before `open`: it becomes the answer itself.
  [[nodiscard]] const std::optional<Error>& early_error() const { return early_error_; }
  /// Moves up to `size` bytes out. 0: nothing now.
  std::size_t take(char* out, std::size_t size);
  [[nodiscard]] bool finished() const { return ended_ && buffered() == 0; }
  /// A comment line, if the client would otherwise hear nothing. Only event streams have comments.
  void keep_alive();
  /// The client has gone.
  void close();
  /// Calls on_drained and on_closed where they are due.
  void notify();

  [[nodiscard]] Framing framing() const { return framing_; }

 private:
  friend class ClientStream;
  void append(const Json& message);
  void changed() const;

  Framing framing_;
  Fields fields_;
  std::function<void()>
      changed_;  ///< tells the connection that `take`, `finished` or `notify` have news
  ClientStream* client_ = nullptr;
  std::string buffer_;
  std::size_t taken_ = 0;  ///< bytes at the front of buffer_ that the client has
  std::optional<Error> early_error_;
  bool opened_ = false, ended_ = false, gone_ = false;
  bool drained_due_ = false, closed_due_ = false;
};

/// What the backend holds.
class ClientStream final : public Stream, public std::enable_shared_from_this<ClientStream> {
 public:
  explicit ClientStream(std::shared_ptr<StreamBody> body) : body_(std::move(body)) {
    body_->client_ = this;
  }
  ~ClientStream() override {
    body_->client_ = nullptr;
    body_->end();
  }
  ClientStream(const ClientStream&) = delete;
  ClientStream& operator=(const ClientStream&) = delete;

  void send(const Json& result) override { body_->send(result); }
  void fail(const Error& error) override { body_->fail(error); }
  void end() override { body_->end(); }
  [[nodiscard]] std::size_t buffered() const override { return body_->buffered(); }
  [[nodiscard]] bool closed() const override { return body_->closed(); }

 private:
  std::shared_ptr<StreamBody> body_;
};

}  // namespace gantry::api
