#include "api/errors.h"

#include <microhttpd.h>

namespace gantry::api {

unsigned http_status(Code code) {
  switch (code) {
    case Code::Cancelled:
      return 408;
    case Code::InvalidArgument:
    case Code::FailedPrecondition:
    case Code::OutOfRange:
      return 400;
    case Code::DeadlineExceeded:
      return 504;
    case Code::NotFound:
      return 404;
    case Code::AlreadyExists:
    case Code::Aborted:
      return 409;
    case Code::PermissionDenied:
      return 403;
    case Code::Unauthenticated:
      return 401;
    case Code::ResourceExhausted:
      return 429;
    case Code::Unimplemented:
      return 501;
    case Code::Unavailable:
      return 503;
    case Code::Unknown:
    case Code::Internal:
    case Code::DataLoss:
      return 500;
  }
  return 500;
}

Json error_body(const Error& error) {
  return {{"code", static_cast<int>(error.code)}, {"message", error.message}};
}

Json error_in_stream(const Error& error) {
  unsigned status = http_status(error.code);
  return {{"error",
           {{"grpc_code", static_cast<int>(error.code)},
            {"http_code", status},
            {"message", error.message},
            {"http_status", MHD_get_reason_phrase_for(status)}}}};
}

}  // namespace gantry::api
