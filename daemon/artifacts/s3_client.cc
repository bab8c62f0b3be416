#include "daemon/artifacts/s3_client.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <optional>
#include <pugixml.hpp>

#include "daemon/artifacts/digest.h"
#include "daemon/artifacts/manifest.h"

namespace gantry::artifacts {
namespace {

constexpr std::uint64_t kMostParts = 10'000;
constexpr std::string_view kTransient[] = {
    "RequestError",         "RequestTimeout",   "Throttling",    "ThrottlingException",
    "RequestLimitExceeded", "RequestThrottled", "InternalError", "SlowDown",
    "ServiceUnavailable"};

std::string encode(std::string_view text) { return percent_encode(text, "~"); }

/// What S3 says went wrong; empty when the body is not its XML.
struct Complaint {
  std::string code, message, region;
};

Complaint complaint_of(const HttpResponse& response) {
  Complaint complaint;
  pugi::xml_document document;
  if (document.load_buffer(response.body.data(), response.body.size())) {
    const pugi::xml_node error = document.child("Error");
    complaint.code = error.child_value("Code");
    complaint.message = error.child_value("Message");
    complaint.region = error.child_value("Region");
  }
  const auto region = response.headers.find("x-amz-bucket-region");
  if (complaint.region.empty() && region != response.headers.end()) {
    complaint.region = region->second;
  }
  return complaint;
}

Error error_of(const HttpResponse& response, const std::string& doing) {
  const Complaint complaint = complaint_of(response);
  Code code = Code::FailedPrecondition;
  if (complaint.code == "NoSuchKey" || (complaint.code.empty() && response.status == 404)) {
    code = Code::NotFound;
  } else if (response.status == 403) {
    code = Code::PermissionDenied;
  } else if (response.status == 401) {
    code = Code::Unauthenticated;
  } else if (response.status >= 500 || response.status == 429) {
    code = Code::Unavailable;
  }
  std::string text = doing + ": ";
  if (complaint.code.empty()) {
    text += "status " + std::to_string(response.status);
  } else {
    text += complaint.code + ": " + complaint.message;
  }
  return {code, std::move(text)};
}

bool is_transient(const Result<HttpResponse>& response) {
  if (!response) {
    return response.error().code == Code::Unavailable ||
           response.error().code == Code::DeadlineExceeded;
  }
  if (response->ok()) return false;
  const std::string code = complaint_of(*response).code;
  return response->status >= 500 || response->status == 429 ||
         std::find(std::begin(kTransient), std::end(kTransient), code) != std::end(kTransient);
}

Result<std::string> hash_of(const HttpRequest::FilePart& part) {
  constexpr std::size_t kChunk = 1 << 20;
  const auto buffer = std::make_unique<char[]>(kChunk);
  Sha256 sum;
  for (std::uint64_t done = 0; done < part.size;) {
    const ssize_t got =
        ::pread(part.fd, buffer.get(), std::min<std::uint64_t>(kChunk, part.size - done),
                static_cast<off_t>(part.offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(errno_error("read", errno));
    if (got == 0) return fail(Code::Aborted, "the file became shorter while it was sent");
    sum.update({buffer.get(), static_cast<std::size_t>(got)});
    done += static_cast<std::uint64_t>(got);
  }
  return sum.finish().hex();
}

std::string doing_of(const std::string& method, const S3& location, const std::string& key) {
  return method + " s3://" + location.bucket + "/" + key;
}

}  // namespace

/// AWS and its like want the bucket in the host's name, everybody else takes it in the path
/// (minio-go's "auto").
std::string S3Client::url_of(const Call& call) const {
  std::string host = location_.endpoint;
  const bool amazon =
      host == "s3.amazonaws.com" || (host.starts_with("s3.") && host.ends_with(".amazonaws.com"));
  if (host == "s3.amazonaws.com" && !region_.empty() && region_ != "us-east-1") {
    host = "s3." + region_ + ".amazonaws.com";
  }
  bool in_host = location_.addressing == S3::Addressing::VirtualHosted;
  if (location_.addressing == S3::Addressing::Auto) {
    // A name with dots does not fit the wildcard certificate.
    in_host = amazon && location_.bucket.find('.') == std::string::npos;
  }
  std::string url = location_.insecure ? "http://" : "https://";
  url += in_host ? location_.bucket + "." + host : host;
  url += "/";
  if (!in_host) url += encode(location_.bucket) + (call.key.empty() ? "" : "/");
  url += percent_encode(call.key, "~/");
  if (!call.query.empty()) url += "?" + call.query;
  return url;
}

HttpRequest S3Client::request_of(const Call& call, const std::string& payload_hash) const {
  HttpRequest request{.method = call.method, .url = url_of(call)};
  request.ca = location_.ca;
  request.body = call.body;
  request.to_fd = call.to_fd;
  if (std::holds_alternative<std::string>(call.body)) {
    request.headers.push_back("Content-Type: application/xml");
  }
  if (location_.access_key.empty()) return request;
  request.aws = HttpRequest::AwsSignature{region_.empty() ? "us-east-1" : region_,
                                          location_.access_key, location_.secret_key};
  request.headers.push_back("x-amz-content-sha256: " + payload_hash);
  if (!location_.session_token.empty()) {
    request.headers.push_back("x-amz-security-token: " + location_.session_token);
  }
  return request;
}

Result<HttpResponse> S3Client::perform(const Call& call) {
  if (location_.endpoint.empty() || location_.bucket.empty() ||
      location_.endpoint.find_first_of("/@?#") != std::string::npos) {
    return fail(Code::InvalidArgument,
                "an s3 artifact needs an endpoint (host or host:port) and a bucket");
  }
  std::string hash = sha256("").hex();
  if (const auto* text = std::get_if<std::string>(&call.body)) hash = sha256(*text).hex();
  if (const auto* part = std::get_if<HttpRequest::FilePart>(&call.body)) {
    auto sum = hash_of(*part);
    if (!sum) return fail(std::move(sum.error()));
    hash = *std::move(sum);
  }
  Duration delay = context_.limits.retry_delay;
  bool region_learned = false;
  for (int attempt = 1;; ++attempt) {
    if (call.to_fd >= 0 &&
        (::ftruncate(call.to_fd, 0) != 0 || ::lseek(call.to_fd, 0, SEEK_SET) != 0)) {
      return fail(errno_error("truncate", errno));
    }
    auto response = transfer(request_of(call, hash), context_);
    // The region may be left out of a file; the server knows it.
    if (response && !response->ok() && !region_learned) {
      const std::string region = complaint_of(*response).region;
      if (!region.empty() && region != (region_.empty() ? "us-east-1" : region_) &&
          location_.region.empty()) {
        region_ = region;
        region_learned = true;
        continue;
      }
    }
    if (!is_transient(response) || attempt >= context_.limits.attempts) return response;
    if (!wait_unless_cancelled(context_, delay)) {
      return fail(Code::Cancelled,
                  doing_of(call.method, location_, call.key) + ": it was cancelled");
    }
    delay = delay * 8 / 5;
  }
}

Result<void> S3Client::get(const std::string& key, int to_fd) {
  auto response = perform({.method = "GET", .key = key, .to_fd = to_fd});
  if (!response) return fail(std::move(response.error()));
  if (!response->ok()) return fail(error_of(*response, doing_of("GET", location_, key)));
  return {};
}

Result<bool> S3Client::exists(const std::string& key) {
  auto response = perform({.method = "HEAD", .key = key});
  if (!response) return fail(std::move(response.error()));
  if (response->ok()) return true;
  if (response->status == 404) return false;
  return fail(error_of(*response, doing_of("HEAD", location_, key)));
}

Result<void> S3Client::put(const std::string& key, int fd, std::uint64_t size) {
  if (size > part_size_) return put_parts(key, fd, size);
  auto response =
      perform({.method = "PUT", .key = key, .body = HttpRequest::FilePart{fd, 0, size}});
  if (!response) return fail(std::move(response.error()));
  if (!response->ok()) return fail(error_of(*response, doing_of("PUT", location_, key)));
  return {};
}

Result<std::string> S3Client::put_part(const std::string& key, const std::string& upload,
                                       int number, HttpRequest::FilePart part) {
  const std::string query = "partNumber=" + std::to_string(number) + "&uploadId=" + encode(upload);
  auto response = perform({.method = "PUT", .key = key, .query = query, .body = part});
  if (!response) return fail(std::move(response.error()));
  if (!response->ok()) return fail(error_of(*response, doing_of("PUT", location_, key)));
  const auto etag = response->headers.find("etag");
  if (etag == response->headers.end()) {
    return fail(Code::FailedPrecondition,
                doing_of("PUT", location_, key) + ": no ETag in the answer");
  }
  return etag->second;
}

Result<void> S3Client::put_parts(const std::string& key, int fd, std::uint64_t size) {
  auto begun = perform({.method = "POST", .key = key, .query = "uploads=", .body = std::string()});
  if (!begun) return fail(std::move(begun.error()));
  if (!begun->ok()) return fail(error_of(*begun, doing_of("POST", location_, key)));
  pugi::xml_document document;
  (void)document.load_buffer(begun->body.data(), begun->body.size());
  const std::string upload =
      document.child("InitiateMultipartUploadResult").child_value("UploadId");
  if (upload.empty()) {
    return fail(Code::FailedPrecondition,
                doing_of("POST", location_, key) + ": no UploadId in the answer");
  }
  const auto upload_parts = [&]() -> Result<void> {
    const std::uint64_t part_size = std::max(part_size_, size / kMostParts + 1);
    pugi::xml_document parts;
    pugi::xml_node root = parts.append_child("CompleteMultipartUpload");
    int number = 1;
    for (std::uint64_t offset = 0; offset < size; offset += part_size, ++number) {
      auto etag = put_part(key, upload, number, {fd, offset, std::min(part_size, size - offset)});
      if (!etag) return fail(std::move(etag.error()));
      pugi::xml_node part = root.append_child("Part");
      part.append_child("PartNumber").text().set(number);
      part.append_child("ETag").text().set(etag->c_str());
    }
    struct Text : pugi::xml_writer {
      std::string text;
      void write(const void* data, std::size_t bytes) override {
        text.append(static_cast<const char*>(data), bytes);
      }
    } text;
    parts.save(text, "", pugi::format_raw);
    auto ended = perform(
        {.method = "POST", .key = key, .query = "uploadId=" + encode(upload), .body = text.text});
    if (!ended) return fail(std::move(ended.error()));
    // This one may fail with status 200.
    if (!ended->ok() || !complaint_of(*ended).code.empty()) {
      return fail(error_of(*ended, doing_of("POST", location_, key)));
    }
    return {};
  };
  auto done = upload_parts();
  // Parts that are not put together cost money until somebody removes them; also when we were
  // cancelled.
  if (!done) {
    const Context unhurried{context_.limits, -1};
    S3 location = location_;
    location.region = region_;
    S3Client cleaner(location, unhurried);
    (void)cleaner.perform({.method = "DELETE", .key = key, .query = "uploadId=" + encode(upload)});
  }
  return done;
}

Result<std::vector<std::string>> S3Client::list(const std::string& prefix) {
  std::vector<std::string> keys;
  std::string token;
  for (;;) {
    std::string query = token.empty() ? "" : "continuation-token=" + encode(token) + "&";
    query += "encoding-type=url&list-type=2&prefix=" + encode(prefix);
    auto response = perform({.method = "GET", .query = query});
    if (!response) return fail(std::move(response.error()));
    if (!response->ok()) return fail(error_of(*response, doing_of("LIST", location_, prefix)));
    pugi::xml_document document;
    const bool parsed =
        static_cast<bool>(document.load_buffer(response->body.data(), response->body.size()));
    const pugi::xml_node result = document.child("ListBucketResult");
    if (!parsed || !result) {
      return fail(Code::FailedPrecondition,
                  doing_of("LIST", location_, prefix) + ": the answer is no list");
    }
    const bool encoded = std::string_view(result.child_value("EncodingType")) == "url";
    for (const pugi::xml_node entry : result.children("Contents")) {
      std::string key = entry.child_value("Key");
      if (encoded) {
        std::replace(key.begin(), key.end(), '+', ' ');
        key = percent_decode(key).value_or(key);
      }
      if (!key.ends_with('/')) keys.push_back(std::move(key));
      if (keys.size() > context_.limits.max_entries) {
        return fail(Code::ResourceExhausted,
                    doing_of("LIST", location_, prefix) + ": too many keys");
      }
    }
    const std::string next = result.child_value("NextContinuationToken");
    if (std::string_view(result.child_value("IsTruncated")) != "true" || next.empty() ||
        next == token) {
      return keys;
    }
    token = next;
  }
}

Result<void> S3Client::remove(const std::string& key) {
  auto response = perform({.method = "DELETE", .key = key});
  if (!response) return fail(std::move(response.error()));
  if (!response->ok() && response->status != 404) {
    return fail(error_of(*response, doing_of("DELETE", location_, key)));
  }
  return {};
}

Result<void> S3Client::create_bucket() {
  std::string body;
  if (!region_.empty() && region_ != "us-east-1") {
    body =
        "<CreateBucketConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
        "<LocationConstraint>" +
        region_ + "</LocationConstraint></CreateBucketConfiguration>";
  }
  auto response = perform({.method = "PUT", .body = body});
  if (!response) return fail(std::move(response.error()));
  const std::string code = complaint_of(*response).code;
  if (response->ok() || code == "BucketAlreadyOwnedByYou" || code == "BucketAlreadyExists")
    return {};
  return fail(error_of(*response, "create bucket " + location_.bucket));
}

}  // namespace gantry::artifacts
