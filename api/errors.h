#pragma once

// Errors as grpc-gateway shows them, which is what Argo's clients read.

#include <string>

#include "api/backend.h"
#include "base/error.h"

namespace gantry::api {

/// The HTTP status of a code (argo-workflows' server: grpc-gateway's runtime.HTTPStatusFromCode).
unsigned http_status(Code code);

/// An error answer. `status` is nearly always http_status(error.code); 405, 413 and 431 have no
/// gRPC code.
struct HttpError {
  HttpError(Error e)
      : status(http_status(e.code)), error(std::move(e)) {}  // NOLINT: an Error is one
  HttpError(unsigned s, Error e, std::string allowed = {})
      : status(s), error(std::move(e)), allow(std::move(allowed)) {}
  unsigned status;
  Error error;
  std::string allow;  ///< methods for the Allow header of a 405
};

/// `{"code": 5, "message": "…"}`, the body of an error answer.
Json error_body(const Error& error);
/// `{"error": {"grpc_code", "http_code", "message", "http_status"}}`, an error inside a stream.
Json error_in_stream(const Error& error);

}  // namespace gantry::api
