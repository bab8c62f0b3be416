#pragma once

// Calls to containerd: a unary one, a stream of answers, a stream both ways.
//
// All functions here are called on the loop thread, and every callback runs on the loop thread, in
// the order of the answers, never inside the call that started it. A callback that is still to come
// when the Channel is destroyed does not run. Callbacks must not throw.
//
//   containers::Containers::Stub stub(channel.grpc());
//   call(channel, stub, &containers::Containers::Stub::PrepareAsyncGet, request,
//   std::chrono::seconds(10),
//        [](Result<containers::GetContainerResponse> answer) { ... });

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <utility>

#include "runtime/containerd/channel.h"

namespace gantry::containerd {

/// A deadline of zero: none.
inline constexpr Duration kNoDeadline{0};
/// Calls that touch metadata only.
inline constexpr Duration kMetadataDeadline = std::chrono::seconds(10);

namespace internal {

inline void prepare_context(Channel& channel, grpc::ClientContext& context, Duration deadline,
                            bool wait_for_ready) {
  channel.decorate(context);
  context.set_wait_for_ready(wait_for_ready);
  if (deadline != kNoDeadline) {
    context.set_deadline(std::chrono::system_clock::now() + deadline);
  }
}

/// Deletes itself when the answer has come.
template <class Response>
class UnaryCall final : public Operation {
 public:
  UnaryCall(Channel& channel, std::function<void(Result<Response>)> done)
      : channel_(channel), done_(std::move(done)) {}

  template <class Stub, class Request, class Prepare>
  void start(Stub& stub, Prepare prepare, const Request& request, Duration deadline,
             bool wait_for_ready) {
    prepare_context(channel_, context_, deadline, wait_for_ready);
    channel_.enter(this);
    reader_ = (stub.*prepare)(&context_, request, channel_.queue());
    reader_->StartCall();
    reader_->Finish(&response_, &status_, static_cast<Operation*>(this));
  }

  void proceed(bool) override {
    auto answer = std::make_shared<Result<Response>>(tl::unexpect, Error{});
    if (status_.ok()) {
      *answer = std::move(response_);
    } else {
      answer->error() = to_error(status_);
    }
    channel_.post([done = std::move(done_), answer] { done(std::move(*answer)); });
    channel_.leave(this);
    delete this;
  }

  void cancel() override { context_.TryCancel(); }

 private:
  Channel& channel_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientAsyncResponseReader<Response>> reader_;
  Response response_;
  grpc::Status status_;
  std::function<void(Result<Response>)> done_;
};

}  // namespace internal

/// One question, one answer. `prepare` is the stub's PrepareAsync method; `wait_for_ready` waits
/// for a connection (within the deadline) instead of failing with Unavailable.
template <class Stub, class Request, class Response>
void call(Channel& channel, Stub& stub,
          std::unique_ptr<grpc::ClientAsyncResponseReader<Response>> (Stub::*prepare)(
              grpc::ClientContext*, const Request&, grpc::CompletionQueue*),
          const std::type_identity_t<Request>& request, Duration deadline,
          std::type_identity_t<std::function<void(Result<Response>)>> done,
          bool wait_for_ready = false) {
  auto* operation = new internal::UnaryCall<Response>(channel, std::move(done));
  operation->start(stub, prepare, request, deadline, wait_for_ready);
}

/// One question, many answers. Keep the pointer to be able to cancel; dropping it does not end the
/// stream.
template <class Response>
class ServerStream final : public Operation,
                           public std::enable_shared_from_this<ServerStream<Response>> {
 public:
  using OnMessage = std::function<void(Response)>;
  /// Comes once, last: nothing when the server ended the stream well, or why it broke.
  using OnEnd = std::function<void(Result<void>)>;

  ServerStream(Channel& channel, OnMessage on_message, OnEnd on_end)
      : channel_(channel), on_message_(std::move(on_message)), on_end_(std::move(on_end)) {}

  template <class Stub, class Request, class Prepare>
  void start(Stub& stub, Prepare prepare, const Request& request, Duration deadline) {
    internal::prepare_context(channel_, context_, deadline, false);
    self_ = this->shared_from_this();
    channel_.enter(this);
    reader_ = (stub.*prepare)(&context_, request, channel_.queue());
    reader_->StartCall(static_cast<Operation*>(this));
  }

  void proceed(bool ok) override {
    Operation* tag = this;
    if (state_ == State::Finishing) {
      channel_.post([self = self_] {
        self->on_end_(self->status_.ok() ? Result<void>{} : fail(to_error(self->status_)));
      });
      channel_.leave(this);
      self_.reset();  // may delete this
      return;
    }
    if (ok && state_ == State::Reading) {
      auto message = std::make_shared<Response>(std::move(message_));
      message_.Clear();
      channel_.post([self = self_, message] { self->on_message_(std::move(*message)); });
    }
    if (ok) {
      state_ = State::Reading;
      reader_->Read(&message_, tag);
    } else {
      state_ = State::Finishing;
      reader_->Finish(&status_, tag);
    }
  }

  void cancel() override { context_.TryCancel(); }

 private:
  enum class State : std::uint8_t { Starting, Reading, Finishing };

  Channel& channel_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientAsyncReader<Response>> reader_;
  State state_ = State::Starting;  // grpc thread only, once started
  Response message_;
  grpc::Status status_;
  OnMessage on_message_;
  OnEnd on_end_;
  std::shared_ptr<ServerStream> self_;
};

template <class Stub, class Request, class Response>
std::shared_ptr<ServerStream<Response>> stream(
    Channel& channel, Stub& stub,
    std::unique_ptr<grpc::ClientAsyncReader<Response>> (Stub::*prepare)(grpc::ClientContext*,
                                                                        const Request&,
                                                                        grpc::CompletionQueue*),
    const std::type_identity_t<Request>& request, Duration deadline,
    std::type_identity_t<std::function<void(Response)>> on_message,
    std::function<void(Result<void>)> on_end) {
  auto result =
      std::make_shared<ServerStream<Response>>(channel, std::move(on_message), std::move(on_end));
  result->start(stub, prepare, request, deadline);
  return result;
}

/// Questions and answers in any order (Content.Write). Keep the pointer while you write. write()
/// queues: one message at a time is on its way; `written` says when the next may be made, which is
/// how a writer bounds its memory.
template <class Request, class Response>
class BidiStream final : public std::enable_shared_from_this<BidiStream<Request, Response>> {
 public:
  using OnMessage = std::function<void(Response)>;
  /// Comes once, last.
  using OnEnd = std::function<void(Result<void>)>;
  using Written = std::function<void(bool ok)>;

  BidiStream(Channel& channel, OnMessage on_message, OnEnd on_end)
      : channel_(channel), on_message_(std::move(on_message)), on_end_(std::move(on_end)) {}

  template <class Stub, class Prepare>
  void start(Stub& stub, Prepare prepare, Duration deadline) {
    internal::prepare_context(channel_, context_, deadline, false);
    self_ = this->shared_from_this();
    channel_.enter(&reading_);
    stream_ = (stub.*prepare)(&context_, channel_.queue());
    stream_->StartCall(static_cast<Operation*>(&reading_));
  }

  /// Sends `request` after those before it. `written(false)`: the stream has broken; on_end tells
  /// why.
  void write(
      Request request, Written written = [](bool) {}) {
    writes_.push_back({std::move(request), std::move(written), false});
    pump();
  }
  /// No more writes will come.
  void writes_done() {
    writes_.push_back({Request(), [](bool) {}, true});
    pump();
  }
  void cancel() { context_.TryCancel(); }

 private:
  enum class State : std::uint8_t { Starting, Reading, Finishing };
  struct Write {
    Request request;
    Written written;
    bool last;
  };
  // Two operations can be on their way at once: a read (or the start, or the status) and a write.
  struct Reading final : Operation {
    explicit Reading(BidiStream& owner) : stream(owner) {}
    void proceed(bool ok) override { stream.on_read(ok); }
    void cancel() override { stream.cancel(); }
    BidiStream& stream;
  };
  struct Writing final : Operation {
    explicit Writing(BidiStream& owner) : stream(owner) {}
    void proceed(bool ok) override { stream.on_written(ok); }
    void cancel() override { stream.cancel(); }
    BidiStream& stream;
    std::shared_ptr<BidiStream> self;
  };

  void on_read(bool ok) {  // grpc thread
    Operation* tag = &reading_;
    if (state_ == State::Finishing) {
      channel_.post([self = self_] {
        self->ended_ = true;
        self->pump();
        self->on_end_(self->status_.ok() ? Result<void>{} : fail(to_error(self->status_)));
      });
      channel_.leave(&reading_);
      self_.reset();  // may delete this
      return;
    }
    if (ok && state_ == State::Starting) {
      channel_.post([self = self_] {
        self->open_ = true;
        self->pump();
      });
    } else if (ok) {
      auto message = std::make_shared<Response>(std::move(message_));
      message_.Clear();
      channel_.post([self = self_, message] { self->on_message_(std::move(*message)); });
    }
    if (ok) {
      state_ = State::Reading;
      stream_->Read(&message_, tag);
    } else {
      state_ = State::Finishing;
      stream_->Finish(&status_, tag);
    }
  }

  void on_written(bool ok) {  // grpc thread
    auto self = std::move(writing_.self);
    channel_.post([self, ok] {
      self->busy_ = false;
      Write done = std::move(self->writes_.front());
      self->writes_.pop_front();
      done.written(ok);
      self->pump();
    });
    channel_.leave(&writing_);
  }

  void pump() {  // loop thread
    if (busy_ || writes_.empty()) return;
    if (ended_) {
      auto rest = std::exchange(writes_, {});
      for (auto& write : rest) write.written(false);
      return;
    }
    if (!open_) return;
    busy_ = true;
    writing_.self = this->shared_from_this();
    channel_.enter(&writing_);
    Operation* tag = &writing_;
    if (writes_.front().last) {
      stream_->WritesDone(tag);
    } else {
      stream_->Write(writes_.front().request, tag);
    }
  }

  Channel& channel_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientAsyncReaderWriter<Request, Response>> stream_;
  Reading reading_{*this};
  Writing writing_{*this};
  State state_ = State::Starting;  // grpc thread only, once started
  Response message_;
  grpc::Status status_;
  OnMessage on_message_;
  OnEnd on_end_;
  std::shared_ptr<BidiStream> self_;
  // Loop thread only.
  std::deque<Write> writes_;
  bool open_ = false, busy_ = false, ended_ = false;
};

template <class Stub, class Request, class Response>
std::shared_ptr<BidiStream<Request, Response>> bidi_stream(
    Channel& channel, Stub& stub,
    std::unique_ptr<grpc::ClientAsyncReaderWriter<Request, Response>> (Stub::*prepare)(
        grpc::ClientContext*, grpc::CompletionQueue*),
    Duration deadline, std::type_identity_t<std::function<void(Response)>> on_message,
    std::function<void(Result<void>)> on_end) {
  auto result = std::make_shared<BidiStream<Request, Response>>(channel, std::move(on_message),
                                                                std::move(on_end));
  result->start(stub, prepare, deadline);
  return result;
}

}  // namespace gantry::containerd
