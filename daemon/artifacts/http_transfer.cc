#include "daemon/artifacts/http_transfer.h"

#include <curl/curl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <chrono>
#include <memory>
#include <mutex>

#include "daemon/artifacts/files.h"

namespace gantry::artifacts {
namespace {

constexpr std::size_t kLargestText = 64 << 20;
constexpr std::size_t kLargestComplaint = 64 << 10;

struct CleanUp {
  void operator()(CURL* curl) const { ::curl_easy_cleanup(curl); }
  void operator()(curl_slist* list) const { ::curl_slist_free_all(list); }
};

bool is_cancelled(int cancel) {
  pollfd polled{cancel, POLLIN, 0};
  return cancel >= 0 && ::poll(&polled, 1, 0) > 0;
}

/// One transfer while libcurl calls back.
class Exchange {
 public:
  Exchange(const HttpRequest& request, const Context& context)
      : request_(request), context_(context) {}

  Result<HttpResponse> run();

 private:
  void set_up();
  void set_body();
  [[nodiscard]] Error error_of(CURLcode code) const;

  static std::size_t on_data(char* data, std::size_t one, std::size_t size, void* self) {
    (void)one;
    return static_cast<Exchange*>(self)->take({data, size}) ? size : 0;
  }
  static std::size_t on_header(char* data, std::size_t one, std::size_t size, void* self) {
    (void)one;
    static_cast<Exchange*>(self)->take_header({data, size});
    return size;
  }
  static std::size_t on_read(char* to, std::size_t one, std::size_t size, void* self) {
    return static_cast<Exchange*>(self)->give(to, one * size);
  }
  static int on_seek(void* self, curl_off_t offset, int origin) {
    if (origin != SEEK_SET) return CURL_SEEKFUNC_CANTSEEK;
    static_cast<Exchange*>(self)->sent_ = static_cast<std::uint64_t>(offset);
    return CURL_SEEKFUNC_OK;
  }
  static int on_progress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    return is_cancelled(static_cast<Exchange*>(self)->context_.cancel) ? 1 : 0;
  }

  bool take(std::string_view data);
  void take_header(std::string_view line);
  std::size_t give(char* to, std::size_t room);

  const HttpRequest& request_;
  const Context& context_;
  std::unique_ptr<CURL, CleanUp> curl_;
  std::unique_ptr<curl_slist, CleanUp> headers_;
  HttpResponse response_;
  std::uint64_t received_ = 0, sent_ = 0;
  std::optional<Error> stopped_;
  std::array<char, CURL_ERROR_SIZE> text_{};
};

bool Exchange::take(std::string_view data) {
  long status = 0;
  ::curl_easy_getinfo(curl_.get(), CURLINFO_RESPONSE_CODE, &status);
  received_ += data.size();
  if (received_ > context_.limits.max_bytes) {
    stopped_ =
        Error{Code::ResourceExhausted,
              "the answer is larger than " + std::to_string(context_.limits.max_bytes) + " bytes"};
    return false;
  }
  if (status < 200 || status >= 300) {
    response_.body.append(
        data.substr(0, kLargestComplaint - std::min(kLargestComplaint, response_.body.size())));
    return true;
  }
  if (request_.to_fd >= 0) {
    auto written = write_all(request_.to_fd, data);
    if (!written) stopped_ = std::move(written.error());
    return written.has_value();
  }
  if (response_.body.size() + data.size() > kLargestText) {
    stopped_ = Error{Code::ResourceExhausted, "the answer is too large"};
    return false;
  }
  response_.body.append(data);
  return true;
}

void Exchange::take_header(std::string_view line) {
  while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
  if (line.starts_with("HTTP/")) response_.headers.clear();
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) return;
  std::string name(line.substr(0, colon));
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  line.remove_prefix(colon + 1);
  while (line.starts_with(' ') || line.starts_with('\t')) line.remove_prefix(1);
  response_.headers[std::move(name)] = line;
}

std::size_t Exchange::give(char* to, std::size_t room) {
  const auto& part = std::get<HttpRequest::FilePart>(request_.body);
  const auto left = std::min<std::uint64_t>(part.size - std::min(part.size, sent_), room);
  const ssize_t got = ::pread(part.fd, to, left, static_cast<off_t>(part.offset + sent_));
  if (got < 0 || (got == 0 && left > 0)) {
    stopped_ = got < 0 ? errno_error("read", errno)
                       : Error{Code::Aborted, "the file became shorter while it was sent"};
    return CURL_READFUNC_ABORT;
  }
  sent_ += static_cast<std::uint64_t>(got);
  return static_cast<std::size_t>(got);
}

void Exchange::set_body() {
  CURL* curl = curl_.get();
  if (const auto* text = std::get_if<std::string>(&request_.body)) {
    ::curl_easy_setopt(curl, CURLOPT_POST, 1L);
    ::curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(text->size()));
    ::curl_easy_setopt(curl, CURLOPT_POSTFIELDS, text->c_str());
  } else if (const auto* part = std::get_if<HttpRequest::FilePart>(&request_.body)) {
    ::curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
    ::curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(part->size));
    ::curl_easy_setopt(curl, CURLOPT_READFUNCTION, on_read);
    ::curl_easy_setopt(curl, CURLOPT_READDATA, this);
    ::curl_easy_setopt(curl, CURLOPT_SEEKFUNCTION, on_seek);
    ::curl_easy_setopt(curl, CURLOPT_SEEKDATA, this);
  } else if (request_.method == "HEAD") {
    ::curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
  }
  if (request_.method != "GET" && request_.method != "HEAD") {
    ::curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request_.method.c_str());
  }
}

void Exchange::set_up() {
  CURL* curl = curl_.get();
  const Limits& limits = context_.limits;
  const auto blob = [curl](CURLoption option, const std::string& pem) {
    curl_blob data{const_cast<char*>(pem.data()), pem.size(), CURL_BLOB_COPY};
    ::curl_easy_setopt(curl, option, &data);
  };
  ::curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  ::curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, text_.data());
  ::curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  ::curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  ::curl_easy_setopt(curl, CURLOPT_URL, request_.url.c_str());
  ::curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
  ::curl_easy_setopt(curl, CURLOPT_USERAGENT, "gantry");
  ::curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, request_.follow_redirects ? 1L : 0L);
  ::curl_easy_setopt(curl, CURLOPT_MAXREDIRS, 10L);
  ::curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, request_.insecure_skip_verify ? 0L : 1L);
  ::curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, request_.insecure_skip_verify ? 0L : 2L);
  ::curl_easy_setopt(curl, CURLOPT_POSTREDIR, static_cast<long>(CURL_REDIR_POST_ALL));
  ::curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS,
                     static_cast<long>(limits.connect_timeout.count()));
  ::curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(limits.transfer_timeout.count()));
  ::curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
  ::curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME,
                     std::max(1L, static_cast<long>(limits.stall_timeout.count() / 1000)));
  ::curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_data);
  ::curl_easy_setopt(curl, CURLOPT_WRITEDATA, this);
  ::curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
  ::curl_easy_setopt(curl, CURLOPT_HEADERDATA, this);
  ::curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  ::curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
  ::curl_easy_setopt(curl, CURLOPT_XFERINFODATA, this);

  // No waiting for "100 Continue". libcurl 7.88 would sign a header that is only there to be left
  // out.
  curl_slist* list = request_.aws ? nullptr : ::curl_slist_append(nullptr, "Expect:");
  ::curl_easy_setopt(curl, CURLOPT_EXPECT_100_TIMEOUT_MS, 100L);
  for (const std::string& header : request_.headers)
    list = ::curl_slist_append(list, header.c_str());
  headers_.reset(list);
  ::curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list);

  if (!request_.basic.user.empty() && !request_.basic.password.empty()) {
    ::curl_easy_setopt(curl, CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_BASIC));
    ::curl_easy_setopt(curl, CURLOPT_USERNAME, request_.basic.user.c_str());
    ::curl_easy_setopt(curl, CURLOPT_PASSWORD, request_.basic.password.c_str());
  }
  if (request_.client_certificate) {
    blob(CURLOPT_SSLCERT_BLOB, request_.client_certificate->certificate);
    blob(CURLOPT_SSLKEY_BLOB, request_.client_certificate->key);
  }
  if (!request_.ca.empty()) blob(CURLOPT_CAINFO_BLOB, request_.ca);
  if (request_.aws) {
    const std::string scope = "aws:amz:" + request_.aws->region + ":s3";
    ::curl_easy_setopt(curl, CURLOPT_AWS_SIGV4, scope.c_str());
    ::curl_easy_setopt(curl, CURLOPT_USERNAME, request_.aws->access_key.c_str());
    ::curl_easy_setopt(curl, CURLOPT_PASSWORD, request_.aws->secret_key.c_str());
  }
  set_body();
}

Error Exchange::error_of(CURLcode code) const {
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
      return {Code::DeadlineExceeded, "it took too long"};
    case CURLE_ABORTED_BY_CALLBACK:
      return {Code::Cancelled, "it was cancelled"};
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_TOO_MANY_REDIRECTS:
      break;
    case CURLE_PEER_FAILED_VERIFICATION:
      return {Code::FailedPrecondition, text_[0] != 0 ? text_.data() : ::curl_easy_strerror(code)};
    default:
      return {Code::Unavailable, text_[0] != 0 ? text_.data() : ::curl_easy_strerror(code)};
  }
  return {Code::InvalidArgument, ::curl_easy_strerror(code)};
}

Result<HttpResponse> Exchange::run() {
  curl_.reset(::curl_easy_init());
  if (!curl_) return fail(Code::ResourceExhausted, "libcurl could not be started");
  set_up();
  const CURLcode code = ::curl_easy_perform(curl_.get());
  if (code != CURLE_OK) return fail(stopped_ ? *stopped_ : error_of(code));
  ::curl_easy_getinfo(curl_.get(), CURLINFO_RESPONSE_CODE, &response_.status);
  return std::move(response_);
}

}  // namespace

bool wait_unless_cancelled(const Context& context, Duration delay) {
  const auto until = std::chrono::steady_clock::now() + delay;
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        until - std::chrono::steady_clock::now());
    pollfd polled{context.cancel, POLLIN, 0};
    const int ready = ::poll(&polled, 1, static_cast<int>(std::max<long>(0, left.count())));
    if (ready > 0) return false;
    if (ready == 0 || (ready < 0 && errno != EINTR)) return true;
  }
}

Result<HttpResponse> transfer(const HttpRequest& request, const Context& context) {
  static std::once_flag once;
  std::call_once(once, [] { ::curl_global_init(CURL_GLOBAL_DEFAULT); });
  const auto has_line_break = [](const std::string& text) {
    return text.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos;
  };
  if (std::any_of(request.headers.begin(), request.headers.end(), has_line_break)) {
    return fail(Code::InvalidArgument, "a header holds a line break");
  }
  auto response = Exchange(request, context).run();
  if (!response) {
    return fail(std::move(response.error()).wrap(request.method + " " + public_url(request.url)));
  }
  return response;
}

}  // namespace gantry::artifacts
