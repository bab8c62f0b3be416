#pragma once

// The only way the command line reaches Gantry: HTTP over the daemon's Unix socket.
//
// A Client runs any number of exchanges side by side on the caller's thread: `start` queues one,
// `poll` moves all of them and calls the handlers back. Handlers may call `start` and `cancel`. Not
// thread-safe; one thread owns a Client.

#include <cstdint>
#include <cstdio>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "cli/json.h"

namespace gantry::cli {

struct Request {
  std::string method = "GET";
  std::string path;  ///< already percent-encoded where a segment needs it (`encode`)
  std::vector<std::pair<std::string, std::string>> query;
  std::string body;
  std::string content_type;  ///< "" when there is no body
  /// Sent in place of `body` when set; read to its end. The caller keeps it open until the exchange
  /// is done.
  std::FILE* upload = nullptr;
  std::optional<std::uint64_t> upload_size;  ///< bytes; absent: chunked
  std::function<void(std::uint64_t sent)> on_upload;
  std::FILE* download = nullptr;  ///< where the body of a good answer goes instead
};

/// Percent-encodes what RFC 3986 does not call unreserved.
std::string encode(std::string_view text);

class Client {
 public:
  using Id = std::uint64_t;
  /// One `{"result": X}` of a stream: X.
  using OnResult = std::function<void(Json result)>;
  /// The end of an exchange: the whole body of a plain answer ("" of a stream), or what went wrong.
  /// A stream that the daemon ended regularly is a success; one that was cut off fails with
  /// Code::Unavailable.
  using OnDone = std::function<void(Result<std::string> body)>;

  explicit Client(std::string socket_path);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  [[nodiscard]] const std::string& socket_path() const { return socket_path_; }

  /// Queues an exchange. With `on_result` the answer is read as newline-delimited JSON, as it
  /// comes.
  Id start(Request request, OnResult on_result, OnDone on_done);
  /// Drops an exchange; its handlers are not called any more. An id that is gone is no error.
  void cancel(Id id);
  /// Moves every exchange, waiting at most `timeout_ms` for something to happen on them or on
  /// `wake_fd` (readable; -1: none).
  void poll(int timeout_ms, int wake_fd = -1);

  /// One exchange with a JSON answer, to its end. Times out after a minute without an answer.
  Result<Json> call(Request request);
  /// One answer whose body goes to a file; after a failure the file may hold a part of it.
  Result<void> download(Request request, std::FILE* file);
  /// One stream, to its end.
  Result<void> stream(Request request, OnResult on_result);

 private:
  struct Exchange;

  void dispatch(Exchange& exchange);
  void finish(Exchange& exchange, int curl_code);
  Error connect_error() const;

  std::string socket_path_;
  void* multi_ = nullptr;  // CURLM
  Id next_id_ = 1;
  std::map<Id, std::unique_ptr<Exchange>> exchanges_;
};

}  // namespace gantry::cli
