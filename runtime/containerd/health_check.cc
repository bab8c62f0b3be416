#include "runtime/containerd/health_check.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <fcntl.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <memory>
#include <mutex>

#include "base/unique_fd.h"
#include "runtime/containerd/net_namespace.h"

namespace gantry::containerd {
namespace {

std::size_t swallow(char*, std::size_t size, std::size_t count, void*) { return size * count; }

std::string host_in_url(const std::string& host) {
  return host.find(':') == std::string::npos ? host : "[" + host + "]";
}

Result<void> get(const runtime::HttpGetAction& action, const std::string& host, Duration timeout) {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
  const std::unique_ptr<CURL, void (*)(CURL*)> curl(curl_easy_init(), curl_easy_cleanup);
  if (!curl) return fail(Code::Internal, "cannot make an HTTP request");
  const std::string url = std::string(action.https ? "https://" : "http://") + host_in_url(host) +
                          ":" + std::to_string(action.port) +
                          (action.path.starts_with('/') ? "" : "/") + action.path;
  curl_slist* list = curl_slist_append(nullptr, "User-Agent: gantry-probe");
  for (const auto& [name, value] : action.headers)
    list = curl_slist_append(list, (name + ": " + value).c_str());
  const std::unique_ptr<curl_slist, void (*)(curl_slist*)> headers(list, curl_slist_free_all);
  char problem[CURL_ERROR_SIZE] = {};
  curl_easy_setopt(curl.get(), CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(curl.get(), CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl.get(), CURLOPT_PROXY, "");
  curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT_MS, static_cast<long>(timeout.count()));
  curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_SSL_VERIFYPEER, 0L);
  curl_easy_setopt(curl.get(), CURLOPT_SSL_VERIFYHOST, 0L);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, swallow);
  curl_easy_setopt(curl.get(), CURLOPT_ERRORBUFFER, problem);
  const CURLcode code = curl_easy_perform(curl.get());
  if (code != CURLE_OK) {
    return fail(Code::Unavailable,
                "Get \"" + url + "\": " + (*problem != 0 ? problem : curl_easy_strerror(code)));
  }
  long status = 0;
  curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
  if (status >= 200 && status < 400) return {};
  return fail(Code::Unavailable, "HTTP probe failed with statuscode: " + std::to_string(status));
}

Result<void> dial(const std::string& host, int port, Duration timeout) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const std::string service = std::to_string(port), where = "dial tcp " + host + ":" + service;
  if (const int error = ::getaddrinfo(host.c_str(), service.c_str(), &hints, &found); error != 0) {
    return fail(Code::Unavailable, where + ": " + ::gai_strerror(error));
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> list(found, ::freeaddrinfo);
  const UniqueFd fd(::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid()) return fail(errno_error(where, errno));
  if (::connect(fd.get(), found->ai_addr, found->ai_addrlen) == 0) return {};
  if (errno != EINPROGRESS) return fail(errno_error(where, errno));
  pollfd wait{fd.get(), POLLOUT, 0};
  if (::poll(&wait, 1, static_cast<int>(timeout.count())) <= 0) {
    return fail(Code::DeadlineExceeded, where + ": i/o timeout");
  }
  int error = 0;
  socklen_t size = sizeof(error);
  ::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) return fail(errno_error(where, error));
  return {};
}

/// Runs `ask` where the target says.
template <class Ask>
Result<void> from_there(const HealthTarget& target, Ask ask) {
  if (target.net_namespace.empty()) return ask();
  Result<void> result;
  auto entered = in_net_namespace(target.net_namespace, [&] { result = ask(); });
  return entered ? result : entered;
}

/// grpc.health.v1's two messages are one field each: `service` (1, text) and `status` (1, number; 1
/// is SERVING).
grpc::ByteBuffer health_request(const std::string& service) {
  std::string bytes;
  if (!service.empty()) {
    bytes += '\x0a';
    for (std::size_t size = service.size();; size >>= 7) {
      bytes += static_cast<char>((size & 0x7f) | (size > 0x7f ? 0x80 : 0));
      if (size <= 0x7f) break;
    }
    bytes += service;
  }
  const grpc::Slice slice(bytes);
  return {&slice, 1};
}

bool is_serving(const grpc::ByteBuffer& answer) {
  grpc::Slice slice;
  if (!answer.TrySingleSlice(&slice).ok() && !answer.DumpToSingleSlice(&slice).ok()) return false;
  return slice.size() >= 2 && slice.begin()[0] == 0x08 && slice.begin()[1] == 0x01;
}

}  // namespace

Result<void> check_http(const runtime::HttpGetAction& action, const HealthTarget& target,
                        Duration timeout) {
  const std::string host = action.host.empty() ? target.address : action.host;
  return from_there(target, [&] { return get(action, host, timeout); });
}

Result<void> check_tcp(const runtime::TcpSocketAction& action, const HealthTarget& target,
                       Duration timeout) {
  const std::string host = action.host.empty() ? target.address : action.host;
  return from_there(target, [&] { return dial(host, action.port, timeout); });
}

Result<void> check_grpc(const runtime::GrpcAction& action, const HealthTarget& target,
                        Duration timeout) {
  if (!target.net_namespace.empty()) {
    return fail(Code::Unimplemented,
                "grpc probes need the pod to have an address (network host or bridge)");
  }
  const std::string where = host_in_url(target.address) + ":" + std::to_string(action.port);
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  // Otherwise all channels to one address share a connection, and its back-off.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  grpc::GenericStub stub(
      grpc::CreateCustomChannel(where, grpc::InsecureChannelCredentials(), arguments));
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + timeout);
  grpc::CompletionQueue queue;
  grpc::ByteBuffer answer;
  grpc::Status status;
  const auto call = stub.PrepareUnaryCall(&context, "/grpc.health.v1.Health/Check",
                                          health_request(action.service), &queue);
  call->StartCall();
  call->Finish(&answer, &status, nullptr);
  void* tag = nullptr;
  bool ok = false;
  queue.Next(&tag, &ok);
  queue.Shutdown();
  if (!status.ok())
    return fail(Code::Unavailable, "health rpc to " + where + " failed: " + status.error_message());
  if (is_serving(answer)) return {};
  return fail(Code::Unavailable, "service unhealthy (responded with a status other than SERVING)");
}

}  // namespace gantry::containerd
