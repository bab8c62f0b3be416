#include "daemon/http_requests.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <utility>

#include "daemon/artifacts/http_transfer.h"

namespace gantry {

using engine::SendRequest;

/// At a time; the workers are more (Loop).
constexpr int kMostRequests = 4;

HttpRequests::HttpRequests(const Objects& objects, Executor& executor)
    : queue_(executor, kMostRequests), objects_(objects), executor_(executor) {}

/// The header's value, from its Secret where it has one; nothing when that is optional and missing.
static Result<std::optional<std::string>> value_of(const SendRequest::Header& header, const std::string& name_space,
                                                   const Objects& objects) {
  if (header.secret.empty()) return header.value;
  auto value = objects.value({runtime::ObjectKey::Kind::Secret, header.secret, header.key, header.optional}, name_space);
  if (!value) return fail(Code::FailedPrecondition, value.error().message);
  return *value == nullptr ? std::nullopt : std::optional(**value);
}

void HttpRequests::send(const SendRequest& request, Done done) {
  struct Work {
    artifacts::HttpRequest request;
    artifacts::Limits limits;
    Result<artifacts::HttpResponse> response = fail(Code::Unknown, "");
  };
  auto work = std::make_shared<Work>();
  work->request.method = request.method;
  work->request.url = request.url;
  work->request.follow_redirects = true;
  work->request.insecure_skip_verify = request.insecure_skip_verify;
  if (!request.body.empty()) work->request.body = request.body;
  work->limits.transfer_timeout = request.timeout.value_or(std::chrono::seconds(30));
  for (const SendRequest::Header& header : request.headers) {
    auto value = value_of(header, request.name_space, objects_);
    if (!value) return executor_.post([done = std::move(done), error = value.error()] { done(fail(error)); });
    // A line end would begin another header.
    const std::string line = header.name + ": " + value->value_or("");
    if (line.find_first_of("\r\n") != std::string::npos) {
      return executor_.post([done = std::move(done), name = header.name] {
        done(fail(Code::InvalidArgument, "the header " + name + " holds a line end"));
      });
    }
    if (*value) work->request.headers.push_back(line);
  }
  auto cancel = std::make_shared<UniqueFd>(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  running_[request.id] = cancel;
  queue_.run([work, cancel] { work->response = artifacts::transfer(work->request, {work->limits, cancel->get()}); },
             [this, work, cancel, id = request.id, done = std::move(done)] {
               const auto found = running_.find(id);
               if (found == running_.end() || found->second != cancel) return;  // cancelled
               running_.erase(found);
               if (!work->response) return done(fail(std::move(work->response.error())));
               artifacts::HttpResponse& response = *work->response;
               done(engine::Engine::HttpAnswer{response.status, std::move(response.headers), std::move(response.body)});
             });
}

void HttpRequests::cancel(const std::string& id) {
  const auto found = running_.find(id);
  if (found == running_.end()) return;
  const std::uint64_t one = 1;
  (void)!::write(found->second->get(), &one, sizeof one);
  running_.erase(found);
}

}  // namespace gantry
