#pragma once

// Argo's submitOptions (pkg/apis/workflow/v1alpha1 SubmitOpts): fields of a JSON message, or
// `submitOptions.NAME=VALUE` in the query beside a YAML body. Pure; any thread.

#include <string>
#include <string_view>

#include "api/backend.h"

namespace gantry::api {

/// `NAME=VALUE`; the words of argo-workflows workflow/util ApplySubmitOpts.
Result<std::pair<std::string, std::string>> parse_parameter(const std::string& text);

/// Sets one option from its text. InvalidArgument for a value that cannot be, Unimplemented for an
/// option that Gantry does not have.
Result<void> set_submit_option(std::string_view name, const std::string& value, CreateRequest& out);

/// Sets all options of a JSON object; null is none. Null, empty and false values count as absent.
Result<void> read_submit_options(const Json& options, CreateRequest& out);

/// A list of `NAME=VALUE`, as retry and resubmit take them; null is none.
Result<std::vector<std::pair<std::string, std::string>>> read_parameters(const Json& list);

}  // namespace gantry::api
