#pragma once

// One line of the audit log: who asked for a change, and what became of it. Made for every request
// that is not a read, and for every one that is refused (401, 403). It names things and holds no
// contents: no body, no query (parameters are in it), no value of a Secret. The message of a refusal may
// quote a workflow that is wrong.

#include <string>

#include "api/backend.h"

namespace gantry::api {

struct AuditRecord {
  Time at{};
  Caller caller;
  std::string method, path;  ///< as they came, without the query
  std::string object;        ///< "namespace/name" of what was made, where the path does not say it
  unsigned status = 0;       ///< HTTP's; 499 when the client went away before the answer
  std::string error;         ///< the message of a refusal or failure
};

}  // namespace gantry::api
