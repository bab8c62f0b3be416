#pragma once

// JSON bodies of requests. Pure; any thread.

#include <string>
#include <string_view>

#include "api/backend.h"

namespace gantry::api {

/// The parts of `{namespace, OBJECT, createOptions{dryRun}, serverDryRun}` that matter.
struct CreateBody {
  std::string name_space;
  std::string object;  ///< the text of the value exactly as it came, so that lines and columns
                       ///< are the sender's
  bool dry_run = false;
};

/// Reads the message of create, update and lint; `field` is what the object is called in it
/// (`workflow`, `template`, `cronWorkflow`). `body` may get more capacity, its text stays.
/// Errors: InvalidArgument for what is not JSON or has no such object.
Result<CreateBody> parse_create_body(std::string& body, std::string_view field);

/// A JSON object; an empty text is an empty object (Argo's UI sends no body where nothing is
/// needed).
Result<Json> parse_object(std::string_view body);

/// Standard base64 (RFC 4648) with padding; white space and line ends are skipped as Kubernetes'
/// clients may wrap.
Result<std::string> base64_decode(std::string_view text);
std::string base64_encode(std::string_view bytes);

}  // namespace gantry::api
