#include "api/exchange.h"

#include <sys/stat.h>

#include <sys/socket.h>

#include <algorithm>
#include <cctype>
#include <cstring>

#include "base/json_text.h"

namespace gantry::api {
namespace {

std::map<std::string, std::vector<std::string>> x_headers(MHD_Connection* connection) {
  std::map<std::string, std::vector<std::string>> found;
  auto visit = [](void* out, MHD_ValueKind, const char* key, const char* value) {
    std::string name(key);
    for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    if (name.starts_with("x-")) {
      (*static_cast<decltype(found)*>(out))[name].emplace_back(value == nullptr ? "" : value);
    }
    return MHD_YES;
  };
  MHD_get_connection_values(connection, MHD_HEADER_KIND, visit, &found);
  return found;
}

/// A refused body is read to its end up to this size, because most clients read an answer only
/// after they have sent everything; beyond it the connection is closed.
constexpr std::size_t kMaxThrownAway = 64u << 20;
constexpr std::size_t kSpoolPiece = 256 * 1024;
/// What libmicrohttpd asks of a stream at a time.
constexpr std::size_t kStreamBlock = 32 * 1024;

/// What nginx notes where nobody is left to be answered.
constexpr unsigned kClientClosedRequest = 499;

constexpr const char* kJsonType = "application/json";

Caller peer_of(int fd) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
    return {static_cast<uid_t>(-1), static_cast<gid_t>(-1), 0};  // nobody rather than root
  }
  return {peer.uid, peer.gid, peer.pid};
}

std::string media_type(const char* header) {
  if (header == nullptr) return {};
  std::string_view text(header);
  text = text.substr(0, text.find(';'));
  std::string type;
  for (char c : text) {
    if (c != ' ' && c != '\t')
      type.push_back(static_cast<char>(std::tolower(static_cast<unsigned char>(c))));
  }
  return type;
}

}  // namespace

/// What a handler holds of an exchange.
class ExchangeAnswer final : public Answer {
 public:
  explicit ExchangeAnswer(ExchangePtr exchange) : exchange_(std::move(exchange)) {}
  ~ExchangeAnswer() override {
    if (exchange_) fail(Error{Code::Internal, "the daemon dropped the request without an answer"});
  }
  void object(const Json& json) override {
    if (auto exchange = std::exchange(exchange_, nullptr)) {
      exchange->note_object(json);
      exchange->answer_with(200, kJsonType, json_text(json));
      exchange->resume();
    }
  }
  void document(Document document) override {
    if (auto exchange = std::exchange(exchange_, nullptr)) {
      exchange->answer_document(std::move(document));
      exchange->resume();
    }
  }
  void fail(HttpError error) override {
    if (auto exchange = std::exchange(exchange_, nullptr)) {
      exchange->answer_error(error);
      exchange->resume();
    }
  }
  void text(std::string text) override {
    if (auto exchange = std::exchange(exchange_, nullptr)) {
      exchange->answer_with(200, "text/plain; charset=utf-8", std::move(text));
      exchange->resume();
    }
  }
  void file(UniqueFd content, const std::string& name, const char* content_type) override {
    if (auto exchange = std::exchange(exchange_, nullptr)) {
      exchange->answer_file(std::move(content), name, content_type);
      exchange->resume();
    }
  }
  StreamPtr stream(Fields fields) override {
    return std::exchange(exchange_, nullptr)->open_stream(std::move(fields));
  }

 private:
  ExchangePtr exchange_;  ///< null once answered
};

Exchange::Exchange(Host& host, MHD_Connection* connection, std::string uri)
    : host_(&host),
      connection_(connection),
      fd_(MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd),
      uri_(std::move(uri)) {}

MHD_Result Exchange::handle(const char* method, const char* data, std::size_t* size) {
  if (gone_) return MHD_NO;
  if (state_ == State::New) return begin(method);
  if (*size > 0) return receive({data, *size}, size);
  return finish();
}

const char* Exchange::header(const char* name) const {
  return MHD_lookup_connection_value(connection_, MHD_HEADER_KIND, name);
}

MHD_Result Exchange::begin(const char* method) {
  state_ = State::Receiving;
  std::size_t mark = std::min(uri_.find('?'), uri_.size());
  request_.method = method;
  request_.path = uri_.substr(0, mark);
  request_.content_type = media_type(header(MHD_HTTP_HEADER_CONTENT_TYPE));
  const char* accept = header(MHD_HTTP_HEADER_ACCEPT);
  request_.event_stream = accept != nullptr && std::strcmp(accept, "text/event-stream") == 0;
  request_.x_headers = x_headers(connection_);
  request_.caller = peer_of(fd_);
  request_.received = host_->config().wall();

  const auto* head = MHD_get_connection_info(connection_, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
  // The limit is for the header fields; the request line has room of its own (parameters travel in
  // it).
  if (head != nullptr && head->header_size > kMaxHeader + uri_.size()) {
    refusal_.emplace(431, Error{Code::ResourceExhausted,
                                "the header has " + std::to_string(head->header_size) +
                                    " bytes, the limit is " + std::to_string(kMaxHeader)});
  }
  auto match = all_routes().match(request_.method, request_.path);
  auto query = Query::parse(std::string_view(uri_).substr(std::min(mark + 1, uri_.size())));
  if (refusal_) {
  } else if (!match) {
    refusal_ = std::move(match.error());
  } else if (!query) {
    refusal_ = std::move(query.error());
  } else {
    route_ = match->route;
    request_.params = std::move(match->params);
    request_.query = std::move(*query);
  }
  std::uint64_t announced = 0;
  if (const char* length = header(MHD_HTTP_HEADER_CONTENT_LENGTH))
    announced = std::strtoull(length, nullptr, 10);
  bool spools = route_ != nullptr && route_->body == Route::Body::Spool;
  if (!refusal_ && !spools && announced > kMaxBody) {
    refusal_.emplace(413, Error{Code::ResourceExhausted,
                                "the body has " + std::to_string(announced) +
                                    " bytes, the limit is " + std::to_string(kMaxBody)});
  }
  if (!refusal_ && spools) {
    auto spool = Spool::create(host_->backend().spool_directory());
    if (spool) {
      request_.spool = std::move(*spool);
    } else {
      refusal_ = std::move(spool.error());
    }
  }
  // A client that asked first, or that would send more than we are willing to throw away, hears it
  // at once.
  if (refusal_ && (header(MHD_HTTP_HEADER_EXPECT) != nullptr || announced > kMaxThrownAway)) {
    answer_error(*refusal_);
    return queue();
  }
  if (!refusal_ && !spools) request_.body.reserve(announced);
  return MHD_YES;
}

MHD_Result Exchange::receive(std::string_view data, std::size_t* size) {
  // libmicrohttpd may call once more although the connection was suspended a moment ago: leave the
  // bytes with it.
  if (state_ == State::Writing) return MHD_YES;
  *size = 0;
  if (refusal_) {
    thrown_away_ += data.size();
    return thrown_away_ > kMaxThrownAway ? MHD_NO : MHD_YES;
  }
  if (request_.spool) {
    pending_ += data;
    if (pending_.size() >= kSpoolPiece) flush_spool();
    return MHD_YES;
  }
  if (request_.body.size() + data.size() > kMaxBody) {
    refusal_.emplace(413, Error{Code::ResourceExhausted, "the body is larger than the limit of " +
                                                             std::to_string(kMaxBody) + " bytes"});
    request_.body = {};
    return MHD_YES;
  }
  request_.body += data;
  return MHD_YES;
}

void Exchange::flush_spool() {
  auto piece = std::make_shared<std::string>(std::exchange(pending_, {}));
  Executor* executor = host_->config().executor;
  if (executor == nullptr) {
    if (auto ok = request_.spool->write(*piece); !ok) refusal_ = std::move(ok.error());
    return;
  }
  state_ = State::Writing;
  suspend();
  auto failed = std::make_shared<std::optional<Error>>();
  executor->offload(
      [spool = request_.spool, piece, failed] {
        if (auto ok = spool->write(*piece); !ok) *failed = std::move(ok.error());
      },
      [self = shared_from_this(), failed] {
        self->state_ = State::Receiving;
        if (*failed) self->refusal_ = std::move(**failed);
        self->resume();
      });
}

MHD_Result Exchange::finish() {
  if (state_ == State::Writing || state_ == State::Queued) return MHD_YES;
  if (state_ == State::Receiving) {
    if (!refusal_ && !pending_.empty()) {
      flush_spool();
      if (state_ == State::Writing) return MHD_YES;
    }
    state_ = State::Dispatched;
    if (refusal_) {
      answer_error(*refusal_);
    } else {
      dispatch();
    }
  }
  if (gone_) return MHD_NO;
  if (stream_ && !response_) {
    if (stream_->early_error()) {
      answer_error(*stream_->early_error());
      deadline_.reset();
    } else if (stream_->has_spoken() || grace_over_) {
      stream_->open();
      auto self = std::make_unique<ExchangePtr>(shared_from_this());
      response_.reset(MHD_create_response_from_callback(
          MHD_SIZE_UNKNOWN, kStreamBlock, &Exchange::read_stream, self.get(),
          [](void* held) { delete static_cast<ExchangePtr*>(held); }));
      if (!response_) return MHD_NO;
      self.release();
      bool events = stream_->framing() == StreamBody::Framing::EventStream;
      MHD_add_response_header(response_.get(), MHD_HTTP_HEADER_CONTENT_TYPE,
                              events ? "text/event-stream" : kJsonType);
      MHD_add_response_header(response_.get(), MHD_HTTP_HEADER_CACHE_CONTROL, "no-cache");
      // A reader that pauses (`gantry logs -f | less`) is not idle: it is the kernel that notices
      // when it is gone.
      MHD_set_connection_option(connection_, MHD_CONNECTION_OPTION_TIMEOUT, 0u);
      deadline_.reset();
      if (events) deadline_ = host_->config().steady() + kKeepAlive;
    }
  }
  if (response_) return queue();
  suspend();
  return MHD_YES;
}

void Exchange::dispatch() {
  auto answer = std::make_shared<ExchangeAnswer>(shared_from_this());
  try {
    route_->handler(host_->backend(), request_, answer);
  } catch (const std::exception& e) {  // libmicrohttpd's C frames must not be unwound
    answer->fail(Error{Code::Internal, e.what()});
  }
}

void Exchange::note_object(const Json& json) {
  if (request_.method != "POST" || !host_ || !host_->config().audit || !json.is_object()) return;
  auto name_of = [](const Json& object) -> std::string {
    auto metadata = object.find("metadata");
    if (metadata == object.end() || !metadata->is_object()) return {};
    return metadata->value("namespace", "") + "/" + metadata->value("name", "");
  };
  object_ = name_of(json);
  auto items = json.find("items");
  if (items == json.end() || !items->is_array()) return;
  for (const Json& item : *items) {
    if (item.is_object()) object_ += (object_.empty() ? "" : ",") + name_of(item);
  }
}

void Exchange::audit(unsigned status, const std::string& error) {
  const auto& tell = host_->config().audit;
  if (!tell) return;
  const bool reads = request_.method == "GET" || request_.method == "HEAD" || request_.path.ends_with("/lint") ||
                     request_.path == "/api/v1/tracking/event";
  if (reads && status != 401 && status != 403) return;
  // What says why a body cannot be read may quote it.
  const bool quotes = status == 400 && request_.path.starts_with("/api/v1/secrets");
  tell({.at = request_.received,
        .caller = request_.caller,
        .method = request_.method,
        .path = request_.path,
        .object = object_,
        .status = status,
        .error = quotes ? "the request is not valid" : error});
}

MHD_Result Exchange::queue() {
  state_ = State::Queued;
  audit(status_, error_);
  MHD_Result result = MHD_queue_response(connection_, status_, response_.get());
  response_.reset();  // libmicrohttpd holds it now
  return result;
}

bool Exchange::respond(MHD_Response* response, unsigned status, const char* content_type) {
  response_.reset(response);
  if (!response_) {
    gone_ = true;
    return false;
  }
  status_ = status;
  MHD_add_response_header(response_.get(), MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
  return true;
}

void Exchange::answer_with(unsigned status, const char* content_type, std::string body) {
  if (connection_ == nullptr || response_) return;
  auto held = std::make_unique<std::string>(std::move(body));
  MHD_Response* response = MHD_create_response_from_buffer_with_free_callback_cls(
      held->size(), held->data(), [](void* text) { delete static_cast<std::string*>(text); }, held.get());
  if (respond(response, status, content_type)) held.release();
}

void Exchange::answer_document(Document document) {
  if (connection_ == nullptr || response_) return;
  auto reader = std::make_unique<DocumentReader>(std::move(document));
  const auto read = [](void* held, std::uint64_t, char* out, std::size_t size) -> ssize_t {
    const std::size_t count = static_cast<DocumentReader*>(held)->read(out, size);
    return count > 0 ? static_cast<ssize_t>(count) : MHD_CONTENT_READER_END_OF_STREAM;
  };
  MHD_Response* response =
      MHD_create_response_from_callback(reader->size(), kStreamBlock, read, reader.get(),
                                        [](void* held) { delete static_cast<DocumentReader*>(held); });
  if (respond(response, 200, kJsonType)) reader.release();
}

void Exchange::answer_file(UniqueFd content, const std::string& name, const char* content_type) {
  if (connection_ == nullptr || response_) return;
  struct stat info {};
  if (::fstat(content.get(), &info) != 0) return answer_error(Error{Code::Internal, "the artifact cannot be read"});
  if (!respond(MHD_create_response_from_fd64(static_cast<std::uint64_t>(info.st_size), content.get()), 200, content_type)) return;
  (void)content.release();  // the response closes it
  std::string quoted;
  for (const char c : name) quoted += c == '"' || c == '\\' || static_cast<unsigned char>(c) < ' ' ? '_' : c;
  MHD_add_response_header(response_.get(), MHD_HTTP_HEADER_CONTENT_DISPOSITION, ("filename=\"" + quoted + "\"").c_str());
  // What a step wrote must not act in the name of the page that shows it.
  MHD_add_response_header(response_.get(), "Content-Security-Policy", "sandbox; base-uri 'none'; default-src 'none'");
  MHD_add_response_header(response_.get(), "X-Content-Type-Options", "nosniff");
}

void Exchange::answer_error(const HttpError& error) {
  error_ = error.error.message;
  answer_with(error.status, kJsonType, json_text(error_body(error.error)));
  if (response_ && !error.allow.empty()) {
    MHD_add_response_header(response_.get(), MHD_HTTP_HEADER_ALLOW, error.allow.c_str());
  }
}

StreamPtr Exchange::open_stream(Fields fields) {
  auto framing =
      request_.event_stream ? StreamBody::Framing::EventStream : StreamBody::Framing::Lines;
  stream_ = std::make_shared<StreamBody>(framing, std::move(fields), [weak = weak_from_this()] {
    if (auto self = weak.lock()) self->stream_changed();
  });
  auto handle = std::make_shared<ClientStream>(stream_);
  if (host_ == nullptr || gone_) {
    stream_->close();
  } else {
    deadline_ = host_->config().steady() + kHeaderGrace;
  }
  return handle;
}

void Exchange::stream_changed() {
  if (host_ != nullptr) host_->notify_later(stream_);
  resume();
}

ssize_t Exchange::read_stream(void* held, std::uint64_t, char* out, std::size_t size) {
  Exchange& self = **static_cast<ExchangePtr*>(held);
  if (self.gone_) return MHD_CONTENT_READER_END_WITH_ERROR;
  if (std::size_t count = self.stream_->take(out, size); count > 0) {
    if (self.stream_->buffered() == 0) self.host_->notify_later(self.stream_);
    return static_cast<ssize_t>(count);
  }
  if (self.stream_->finished()) return MHD_CONTENT_READER_END_OF_STREAM;
  self.suspend();
  return 0;
}

void Exchange::suspend() {
  if (suspended_) return;
  suspended_ = true;
  MHD_suspend_connection(connection_);
  host_->suspended(shared_from_this(), fd_);
}

void Exchange::resume() {
  if (!suspended_ || connection_ == nullptr || state_ == State::Writing) return;
  suspended_ = false;
  host_->resumed(fd_);
  MHD_resume_connection(connection_);
}

void Exchange::hung_up() {
  gone_ = true;
  if (stream_) stream_->close();
  resume();
}

void Exchange::abandon() {
  gone_ = true;
  if (!suspended_) return;
  suspended_ = false;
  MHD_resume_connection(connection_);
}

void Exchange::end_stream() {
  if (stream_) stream_->end();
}

void Exchange::tick(SteadyTime now) {
  if (!deadline_ || now < *deadline_) return;
  if (state_ != State::Queued) {
    deadline_.reset();
    grace_over_ = true;
    resume();
    return;
  }
  deadline_ = now + kKeepAlive;
  stream_->keep_alive();
}

void Exchange::completed() {
  gone_ = true;
  // What was asked for may be done all the same.
  if (state_ == State::Dispatched) audit(kClientClosedRequest, "the client went away before the answer");
  deadline_.reset();
  if (stream_) stream_->close();  // its callbacks come through the host, which is still there
  host_ = nullptr;
  connection_ = nullptr;
}

}  // namespace gantry::api
