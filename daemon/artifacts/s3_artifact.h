#pragma once

// Artifacts in S3 by the rules of Argo's driver (workflow/artifacts/s3/s3.go): a key is an object,
// or, where there is no such object, a directory of all objects below "key/". Blocks.

#include <string>
#include <vector>

#include "base/error.h"
#include "daemon/artifacts/http_transfer.h"
#include "daemon/artifacts/location.h"
#include "daemon/artifacts/tree.h"

namespace gantry::artifacts {

/// Makes `destination`, which must not exist, a file (mode 0644) or a directory of files. NotFound:
/// neither.
Result<void> load_s3(const S3& location, const std::string& destination, const Context& context);

/// Puts a file at the key.
Result<void> save_s3_file(const S3& location, int fd, std::uint64_t size, const Context& context);
/// Puts each file of a directory at "key/<its path>". Links and empty directories have no place
/// there, as in Argo.
Result<void> save_s3_tree(const S3& location, const Tree& tree, const OpenContent& open,
                          const Context& context);

/// The keys below "key/". NotFound: none, and no object at the key either.
Result<std::vector<std::string>> list_s3(const S3& location, const Context& context);
/// Removes the object; with '/' at the key's end all below it.
Result<void> remove_s3(const S3& location, const Context& context);

}  // namespace gantry::artifacts
