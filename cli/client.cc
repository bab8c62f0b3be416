#include "cli/client.h"

#include <curl/curl.h>
#include <grp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>

#include "base/unique_fd.h"

namespace gantry::cli {
namespace {

constexpr long kUnaryTimeoutSeconds = 60;
constexpr long kConnectTimeoutMs = 5000;

/// The code that a bare HTTP status stands for, when the body does not say (grpc-gateway's mapping,
/// backwards).
Code code_of_status(long status) {
  switch (status) {
    case 400:
      return Code::InvalidArgument;
    case 401:
      return Code::Unauthenticated;
    case 403:
      return Code::PermissionDenied;
    case 404:
      return Code::NotFound;
    case 409:
      return Code::AlreadyExists;
    case 413:
      return Code::ResourceExhausted;
    case 429:
      return Code::ResourceExhausted;
    case 501:
      return Code::Unimplemented;
    case 503:
      return Code::Unavailable;
    default:
      return Code::Unknown;
  }
}

Error error_of(const Json& object, Code otherwise) {
  Error error{otherwise, text_at(object, {"message"})};
  for (std::string_view key : {"code", "grpc_code"}) {
    const Json& code = at(object, {key});
    if (code.is_number_integer()) {
      auto number = code.get<std::int64_t>();
      if (number >= 1 && number <= 16) error.code = static_cast<Code>(number);
    }
  }
  return error;
}

}  // namespace

struct Client::Exchange {
  Id id = 0;
  Request request;
  OnResult on_result;
  OnDone on_done;
  CURL* easy = nullptr;
  curl_slist* headers = nullptr;
  std::string received;        // of a stream: what is not a whole line yet
  std::size_t scanned = 0;     // bytes of `received` known to hold no newline
  std::optional<Error> error;  // an `{"error": …}` of the stream
  std::uint64_t sent = 0;
  bool fresh = false;  // bytes came that no handler has seen
  bool cancelled = false;

  ~Exchange() {
    curl_slist_free_all(headers);
    if (easy) curl_easy_cleanup(easy);
  }
  [[nodiscard]] long status() const {
    long code = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &code);
    return code;
  }
};

std::string encode(std::string_view text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size());
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    bool plain = (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
                 (byte >= 'a' && byte <= 'z') || c == '-' || c == '.' || c == '_' || c == '~';
    if (plain) {
      out += c;
    } else {
      out += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return out;
}

Client::Client(std::string socket_path) : socket_path_(std::move(socket_path)) {
  static const CURLcode kGlobal = curl_global_init(CURL_GLOBAL_DEFAULT);
  (void)kGlobal;
  multi_ = curl_multi_init();
}

Client::~Client() {
  for (auto& [id, exchange] : exchanges_) curl_multi_remove_handle(multi_, exchange->easy);
  exchanges_.clear();
  curl_multi_cleanup(multi_);
}

Client::Id Client::start(Request request, OnResult on_result, OnDone on_done) {
  auto owned = std::make_unique<Exchange>();
  Exchange& exchange = *owned;
  exchange.id = next_id_++;
  exchange.request = std::move(request);
  exchange.on_result = std::move(on_result);
  exchange.on_done = std::move(on_done);
  const Request& sent = exchange.request;

  std::string url = "http://gantry" + sent.path;
  char separator = '?';
  for (const auto& [key, value] : sent.query) {
    url += separator + encode(key) + '=' + encode(value);
    separator = '&';
  }

  CURL* easy = exchange.easy = curl_easy_init();
  curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, socket_path_.c_str());
  curl_easy_setopt(easy, CURLOPT_URL, url.c_str());
  curl_easy_setopt(easy, CURLOPT_PROXY, "");  // http_proxy is for the network, not for the socket
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, kConnectTimeoutMs);
  curl_easy_setopt(easy, CURLOPT_PRIVATE, &exchange);
  exchange.headers = curl_slist_append(exchange.headers, "Accept: application/json");
  exchange.headers = curl_slist_append(exchange.headers, "Expect:");  // no 100-continue pause
  bool has_body = sent.upload != nullptr || !sent.content_type.empty();
  if (has_body) {
    exchange.headers =
        curl_slist_append(exchange.headers, ("Content-Type: " + sent.content_type).c_str());
    curl_easy_setopt(easy, CURLOPT_POST, 1L);
    if (sent.upload) {
      curl_easy_setopt(easy, CURLOPT_POSTFIELDS, nullptr);
      curl_easy_setopt(easy, CURLOPT_READDATA, &exchange);
      curl_easy_setopt(
          easy, CURLOPT_READFUNCTION,
          +[](char* into, std::size_t size, std::size_t count, void* data) -> std::size_t {
            auto& from = *static_cast<Exchange*>(data);
            std::size_t got = std::fread(into, 1, size * count, from.request.upload);
            if (got == 0 && std::ferror(from.request.upload)) return CURL_READFUNC_ABORT;
            from.sent += got;
            if (from.request.on_upload) from.request.on_upload(from.sent);
            return got;
          });
      if (sent.upload_size) {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                         static_cast<curl_off_t>(*sent.upload_size));
      } else {
        exchange.headers = curl_slist_append(exchange.headers, "Transfer-Encoding: chunked");
      }
    } else {
      curl_easy_setopt(easy, CURLOPT_POSTFIELDS, sent.body.data());
      curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                       static_cast<curl_off_t>(sent.body.size()));
    }
  } else if (sent.method == "POST" || sent.method == "PUT") {
    curl_easy_setopt(easy, CURLOPT_POST, 1L);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, "");
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, 0L);
  }
  if (sent.method != "GET") curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, sent.method.c_str());
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, exchange.headers);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &exchange);
  // Only collects: the handlers run from poll(), where they may use the client again.
  curl_easy_setopt(
      easy, CURLOPT_WRITEFUNCTION,
      +[](char* from, std::size_t size, std::size_t count, void* data) {
        auto& into = *static_cast<Exchange*>(data);
        if (into.request.download != nullptr && into.status() < 300) {
          return std::fwrite(from, size, count, into.request.download) * size;
        }
        into.received.append(from, size * count);
        into.fresh = true;
        return size * count;
      });
  if (!exchange.on_result && !sent.upload && !sent.download) {
    curl_easy_setopt(easy, CURLOPT_TIMEOUT, kUnaryTimeoutSeconds);
  }
  curl_multi_add_handle(multi_, easy);
  Id id = exchange.id;
  exchanges_.emplace(id, std::move(owned));
  return id;
}

void Client::cancel(Id id) {
  auto found = exchanges_.find(id);
  if (found != exchanges_.end()) found->second->cancelled = true;
}

void Client::poll(int timeout_ms, int wake_fd) {
  curl_waitfd wake{};
  wake.fd = wake_fd;
  wake.events = CURL_WAIT_POLLIN;
  int running = 0;
  curl_multi_perform(multi_, &running);
  bool has_news = false;
  for (auto& [id, exchange] : exchanges_) has_news |= exchange->on_result && exchange->fresh;
  // An exchange that has ended already must not wait for the next one's bytes.
  if (!has_news && running == static_cast<int>(exchanges_.size())) {
    curl_multi_poll(multi_, wake_fd >= 0 ? &wake : nullptr, wake_fd >= 0 ? 1 : 0, timeout_ms,
                    nullptr);
    curl_multi_perform(multi_, &running);
  }

  std::vector<Exchange*> streams;
  for (auto& [id, exchange] : exchanges_) {
    if (exchange->on_result) streams.push_back(exchange.get());
  }
  for (Exchange* exchange : streams) dispatch(*exchange);

  std::vector<std::pair<Exchange*, int>> ended;
  int left = 0;
  while (CURLMsg* message = curl_multi_info_read(multi_, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    Exchange* exchange = nullptr;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &exchange);
    ended.emplace_back(exchange, message->data.result);
  }
  for (auto [exchange, code] : ended) {
    curl_multi_remove_handle(multi_, exchange->easy);
    auto node = exchanges_.extract(exchange->id);  // alive until its handlers have run
    finish(*exchange, code);
  }
  for (auto it = exchanges_.begin(); it != exchanges_.end();) {
    if (it->second->cancelled) {
      curl_multi_remove_handle(multi_, it->second->easy);
      it = exchanges_.erase(it);
    } else {
      ++it;
    }
  }
}

void Client::dispatch(Exchange& exchange) {
  exchange.fresh = false;
  if (exchange.status() >= 300 || exchange.cancelled) return;  // an error's body is read whole
  std::size_t begin = 0;
  for (;;) {
    std::size_t end = exchange.received.find('\n', begin + exchange.scanned);
    if (end == std::string::npos) break;
    exchange.scanned = 0;
    std::string_view line(exchange.received.data() + begin, end - begin);
    begin = end + 1;
    if (line.find_first_not_of(" \r\t") == std::string_view::npos) continue;
    std::optional<Json> message = parse_json(line);
    if (!message || !message->is_object()) {
      exchange.error = Error{Code::Internal, "gantryd sent a line that is not JSON: " +
                                                 std::string(line.substr(0, 200))};
    } else if (const Json& error = at(*message, {"error"}); error.is_object()) {
      exchange.error = error_of(error, Code::Unknown);
    } else if (auto result = message->find("result"); result != message->end()) {
      exchange.on_result(std::move(*result));
    }
    if (exchange.cancelled) break;
  }
  exchange.received.erase(0, begin);
  exchange.scanned = exchange.received.size();
}

void Client::finish(Exchange& exchange, int curl_code) {
  if (exchange.cancelled || !exchange.on_done) return;
  long status = exchange.status();
  if (exchange.on_result && curl_code == CURLE_OK && !exchange.received.empty()) {
    exchange.received += '\n';  // a last line without its newline
    dispatch(exchange);
    if (exchange.cancelled) return;
  }
  // A socket path that is too long counts as a host that does not resolve.
  if (curl_code == CURLE_COULDNT_CONNECT || curl_code == CURLE_COULDNT_RESOLVE_HOST) {
    exchange.on_done(fail(connect_error()));
  } else if (exchange.error) {
    exchange.on_done(fail(*exchange.error));
  } else if (status >= 300) {
    std::optional<Json> body = parse_json(exchange.received);
    Error error = error_of(body.value_or(Json()), code_of_status(status));
    if (error.message.empty()) {
      error.message = exchange.received.empty() ? "HTTP status " + std::to_string(status)
                                                : exchange.received.substr(0, 500);
    }
    exchange.on_done(fail(std::move(error)));
  } else if (curl_code == CURLE_OPERATION_TIMEDOUT) {
    exchange.on_done(fail(Code::DeadlineExceeded, "gantryd did not answer within " +
                                                      std::to_string(kUnaryTimeoutSeconds) + " s"));
  } else if (curl_code == CURLE_ABORTED_BY_CALLBACK) {
    exchange.on_done(fail(errno_error("read what is to be sent", errno)));
  } else if (curl_code == CURLE_WRITE_ERROR) {
    exchange.on_done(fail(errno_error("write what was received", errno)));
  } else if (curl_code != CURLE_OK) {
    exchange.on_done(
        fail(Code::Unavailable, std::string("the connection to gantryd broke off: ") +
                                    curl_easy_strerror(static_cast<CURLcode>(curl_code))));
  } else {
    exchange.on_done(exchange.on_result ? std::string() : std::move(exchange.received));
  }
}

Error Client::connect_error() const {
  // curl only says "couldn't connect": ask the kernel for the reason.
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket_path_.size() >= sizeof address.sun_path) {
    return {Code::InvalidArgument, "the socket's path is longer than " +
                                       std::to_string(sizeof address.sun_path - 1) +
                                       " bytes: " + socket_path_};
  }
  std::memcpy(address.sun_path, socket_path_.c_str(), socket_path_.size() + 1);
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  int reason = ::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0
                   ? EAGAIN
                   : errno;
  if (reason == EACCES || reason == EPERM) {
    std::string group = "gantry";
    struct stat info {};
    if (::stat(socket_path_.c_str(), &info) == 0) {
      if (const ::group* entry = ::getgrgid(info.st_gid)) group = entry->gr_name;
    }
    return {Code::PermissionDenied, "permission denied on " + socket_path_ +
                                        ": it is open to root and to the group '" + group +
                                        "' only. Join it with: sudo usermod -aG " + group +
                                        " $USER, then log in again"};
  }
  if (reason == ENOENT || reason == ECONNREFUSED || reason == ENOTDIR) {
    return {Code::Unavailable, "gantryd is not running (nothing listens on " + socket_path_ +
                                   "). Start it with: systemctl start gantry, or: gantryd "
                                   "--socket " +
                                   socket_path_};
  }
  if (reason == EAGAIN) {
    return {Code::Unavailable, "gantryd does not accept the connection on " + socket_path_};
  }
  return errno_error("connect to " + socket_path_, reason);
}

Result<void> Client::download(Request request, std::FILE* file) {
  request.download = file;
  std::optional<Result<std::string>> answer;
  start(std::move(request), nullptr, [&](Result<std::string> body) { answer = std::move(body); });
  while (!answer) poll(1000);
  if (!*answer) return fail(std::move(answer->error()));
  return {};
}

Result<Json> Client::call(Request request) {
  std::optional<Result<std::string>> answer;
  start(std::move(request), nullptr, [&](Result<std::string> body) { answer = std::move(body); });
  while (!answer) poll(1000);
  if (!*answer) return fail(answer->error());
  if (answer->value().empty()) return Json::object();
  std::optional<Json> parsed = parse_json(answer->value());
  if (!parsed) return fail(Code::Internal, "gantryd's answer is not JSON");
  return std::move(*parsed);
}

Result<void> Client::stream(Request request, OnResult on_result) {
  std::optional<Result<std::string>> answer;
  start(std::move(request), std::move(on_result),
        [&](Result<std::string> body) { answer = std::move(body); });
  while (!answer) poll(1000);
  if (!*answer) return fail(answer->error());
  return {};
}

}  // namespace gantry::cli
