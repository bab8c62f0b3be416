#pragma once

// What went wrong, as a value. Every room returns Result<T>; exceptions never cross a callback.

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace gantry {

/// The canonical gRPC codes, with gRPC's numbers: containerd's answers and the API's errors use the same ones.
enum class Code : int {
  Cancelled = 1,
  Unknown = 2,
  InvalidArgument = 3,
  DeadlineExceeded = 4,
  NotFound = 5,
  AlreadyExists = 6,
  PermissionDenied = 7,
  ResourceExhausted = 8,
  FailedPrecondition = 9,
  Aborted = 10,
  OutOfRange = 11,
  Unimplemented = 12,
  Internal = 13,
  Unavailable = 14,
  DataLoss = 15,
  Unauthenticated = 16,
};

/// The code's name as gRPC prints it ("NotFound").
std::string_view code_name(Code code);

struct Error {
  Code code = Code::Unknown;
  std::string message;

  /// The same error, with what was being done put in front: "create task x: no such file".
  [[nodiscard]] Error wrap(std::string_view doing) const&;
  [[nodiscard]] Error wrap(std::string_view doing) &&;
};

template <class T>
using Result = tl::expected<T, Error>;

inline tl::unexpected<Error> fail(Code code, std::string message) {
  return tl::unexpected<Error>(Error{code, std::move(message)});
}
inline tl::unexpected<Error> fail(Error error) { return tl::unexpected<Error>(std::move(error)); }

/// `doing` followed by the text of errno, with the code that fits it best.
Error errno_error(std::string_view doing, int errnum);

}  // namespace gantry
