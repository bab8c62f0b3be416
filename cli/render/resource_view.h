#pragma once

// Templates and cron workflows as `argo template` and `argo cron` print them.

#include <string>
#include <vector>

#include "cli/json.h"

namespace gantry::cli {

std::string template_view(const Json& object);
std::string template_table(const std::vector<Json>& objects, bool with_namespace);
std::string cron_view(const Json& object);
std::string cron_table(const std::vector<Json>& objects, bool with_namespace);

}  // namespace gantry::cli
