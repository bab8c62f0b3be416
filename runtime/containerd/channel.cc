#include "runtime/containerd/channel.h"

#include <pthread.h>

namespace gantry::containerd {
namespace {

// containerd's own default; a list of containers with fat specs exceeds the client's default of 4
// MiB.
constexpr int kMaxMessageBytes = 16 << 20;

std::shared_ptr<grpc::Channel> connect(const std::string& socket) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMaxMessageBytes);
  arguments.SetMaxSendMessageSize(kMaxMessageBytes);
  arguments.SetString(GRPC_ARG_DEFAULT_AUTHORITY, "localhost");
  // Creates are not idempotent for gRPC; we know better when to try again.
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 2000);
  // Two channels of one process to the same socket must not share a connection's fate.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel("unix://" + socket, grpc::InsecureChannelCredentials(),
                                   arguments);
}

}  // namespace

Channel::Channel(const std::string& socket, Executor& executor, std::string name_space)
    : executor_(executor), namespace_(std::move(name_space)), channel_(connect(socket)) {
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "grpc");
    poll();
  });
}

Channel::~Channel() {
  *alive_ = false;
  {
    // leave() takes the lock before an operation dies, so every pointer in the set is valid here.
    std::unique_lock lock(mutex_);
    for (Operation* operation : in_flight_) operation->cancel();
    // A cancelled stream still asks for its status, which a queue that is shut down would not take.
    drained_.wait(lock, [this] { return in_flight_.empty(); });
  }
  queue_.Shutdown();
  thread_.join();
}

void Channel::decorate(grpc::ClientContext& context) const {
  context.AddMetadata("containerd-namespace", namespace_);
}

void Channel::enter(Operation* operation) {
  std::lock_guard lock(mutex_);
  in_flight_.insert(operation);
}

void Channel::leave(Operation* operation) {
  std::lock_guard lock(mutex_);
  in_flight_.erase(operation);
  if (in_flight_.empty()) drained_.notify_all();
}

void Channel::post(std::function<void()> task) {
  executor_.post([alive = alive_, task = std::move(task)] {
    if (*alive) task();
  });
}

void Channel::poll() {
  void* tag = nullptr;
  bool ok = false;
  while (queue_.Next(&tag, &ok)) static_cast<Operation*>(tag)->proceed(ok);
}

Error to_error(const grpc::Status& status) {
  return {static_cast<Code>(status.error_code()), status.error_message()};
}

}  // namespace gantry::containerd
