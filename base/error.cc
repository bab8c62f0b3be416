#include "base/error.h"

#include <cerrno>
#include <system_error>

namespace gantry {

std::string_view code_name(Code code) {
  switch (code) {
    case Code::Cancelled: return "Canceled";
    case Code::Unknown: return "Unknown";
    case Code::InvalidArgument: return "InvalidArgument";
    case Code::DeadlineExceeded: return "DeadlineExceeded";
    case Code::NotFound: return "NotFound";
    case Code::AlreadyExists: return "AlreadyExists";
    case Code::PermissionDenied: return "PermissionDenied";
    case Code::ResourceExhausted: return "ResourceExhausted";
    case Code::FailedPrecondition: return "FailedPrecondition";
    case Code::Aborted: return "Aborted";
    case Code::OutOfRange: return "OutOfRange";
    case Code::Unimplemented: return "Unimplemented";
    case Code::Internal: return "Internal";
    case Code::Unavailable: return "Unavailable";
    case Code::DataLoss: return "DataLoss";
    case Code::Unauthenticated: return "Unauthenticated";
  }
  return "Unknown";
}

Error Error::wrap(std::string_view doing) const& { return Error(*this).wrap(doing); }

Error Error::wrap(std::string_view doing) && {
  message.insert(0, ": ");
  message.insert(0, doing);
  return std::move(*this);
}

static Code code_of_errno(int errnum) {
  switch (errnum) {
    case ENOENT: return Code::NotFound;
    case EEXIST: return Code::AlreadyExists;
    case EACCES:
    case EPERM: return Code::PermissionDenied;
    case EINVAL:
    case ENAMETOOLONG: return Code::InvalidArgument;
    case ENOSPC:
    case EMFILE:
    case ENFILE:
    case ENOMEM: return Code::ResourceExhausted;
    case ECONNREFUSED:
    case ECONNRESET: return Code::Unavailable;
    default: return Code::Internal;
  }
}

Error errno_error(std::string_view doing, int errnum) {
  return Error{code_of_errno(errnum),
               std::string(doing) + ": " + std::generic_category().message(errnum)};
}

}  // namespace gantry
