#pragma once

// One request and its answer on a connection: the only place, with server.cc, that knows
// libmicrohttpd.
//
// Life: `begin` (headers are there: route) → `receive` (body) → handler → `queue` (answer).
// Whenever libmicrohttpd would have to wait (for the backend, for a worker that writes, for a
// stream's next message) the connection is suspended, and resumed by what it waited for. A
// suspended connection is not polled by libmicrohttpd, so its descriptor is watched by the server
// for hanging up.
//
// Ownership: libmicrohttpd's connection context holds one shared_ptr until the request is
// completed; handlers hold others inside their Answer. After `completed` the exchange is detached:
// everything that still arrives is dropped. Loop thread only.

#include <microhttpd.h>

#include <memory>
#include <optional>
#include <string>

#include "api/http.h"
#include "api/router.h"
#include "api/server.h"
#include "api/stream.h"

namespace gantry::api {

class Exchange;
using ExchangePtr = std::shared_ptr<Exchange>;

/// What an exchange needs from the server it lives in.
class Host {
 public:
  virtual ~Host() = default;
  virtual Backend& backend() = 0;
  virtual const Config& config() const = 0;
  virtual void suspended(const ExchangePtr& exchange, int fd) = 0;
  virtual void resumed(int fd) = 0;
  /// `body` has callbacks to make after this turn.
  virtual void notify_later(std::shared_ptr<StreamBody> body) = 0;
};

class Exchange : public std::enable_shared_from_this<Exchange> {
 public:
  /// `uri` as it came: the raw target of the request line.
  Exchange(Host& host, MHD_Connection* connection, std::string uri);

  /// libmicrohttpd's access handler. MHD_NO closes the connection.
  MHD_Result handle(const char* method, const char* data, std::size_t* size);
  /// The request is over, whatever the reason; the connection must not be touched any more.
  void completed();

  /// The client hung up while the connection was suspended.
  void hung_up();
  /// The server stops: whatever the exchange waits for is not waited for any longer.
  void abandon();
  /// Quiescing: a stream ends, an answer still comes.
  void end_stream();
  /// When `tick` wants to be called.
  [[nodiscard]] std::optional<SteadyTime> deadline() const { return deadline_; }
  void tick(SteadyTime now);

 private:
  friend class ExchangeAnswer;

  MHD_Result begin(const char* method);
  MHD_Result receive(std::string_view data, std::size_t* size);
  MHD_Result finish();
  MHD_Result queue();
  void dispatch();
  void flush_spool();
  /// Takes the response. False when there is none, for want of memory: then the connection is closed.
  bool respond(MHD_Response* response, unsigned status, const char* content_type);
  void answer_with(unsigned status, const char* content_type, std::string body);
  void answer_document(Document document);
  void answer_file(UniqueFd content, const std::string& name, const char* content_type);
  void answer_error(const HttpError& error);
  /// What an answer tells of the object that was made, for the audit log.
  void note_object(const Json& json);
  /// Tells the audit log how the request ended.
  void audit(unsigned status, const std::string& error);
  StreamPtr open_stream(Fields fields);
  void stream_changed();
  void suspend();
  void resume();
  [[nodiscard]] const char* header(const char* name) const;
  static ssize_t read_stream(void* self, std::uint64_t position, char* out, std::size_t size);

  enum class State : std::uint8_t { New, Receiving, Writing, Dispatched, Queued };

  Host* host_;                  ///< null once completed
  MHD_Connection* connection_;  ///< null once completed
  int fd_;
  std::string uri_;
  Request request_;
  const Route* route_ = nullptr;
  State state_ = State::New;
  bool suspended_ = false, gone_ = false;
  std::optional<HttpError>
      refusal_;  ///< found while the body was still coming: the body is thrown away
  std::size_t thrown_away_ = 0;
  std::string pending_;  ///< bytes for the spool file
  struct ResponseDeleter {
    void operator()(MHD_Response* response) const { MHD_destroy_response(response); }
  };
  std::unique_ptr<MHD_Response, ResponseDeleter> response_;
  std::string object_, error_;  ///< for the audit log
  unsigned status_ = 200;
  std::shared_ptr<StreamBody> stream_;
  std::optional<SteadyTime> deadline_;
  bool grace_over_ = false;
};

}  // namespace gantry::api
