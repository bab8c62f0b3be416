#pragma once

// The statements of the table `resources`. Store thread only; no transaction of their own.

#include <cstdint>
#include <optional>
#include <string_view>

#include "daemon/sqlite.h"
#include "daemon/store.h"

namespace gantry::rows {

Result<Store::Resources> resources(Database& database);
Result<void> put_resource(Database& database, const Resource& resource, bool replace,
                          std::optional<std::int64_t> expected);
Result<void> remove_resource(Database& database, api::ResourceKind kind,
                             std::string_view name_space, std::string_view name,
                             std::int64_t version);
/// A resource that has gone, or is another one of the same name, is no error.
Result<void> write_status(Database& database, const ResourceStatus& status);

}  // namespace gantry::rows
