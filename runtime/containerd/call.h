#pragma once

// Calls to containerd: a unary one, and a stream of answers.
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

}  // namespace gantry::containerd
