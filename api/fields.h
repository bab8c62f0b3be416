#pragma once

// Argo's `fields` query: a comma list of dotted paths that an answer keeps
// (`items.metadata.name,items.status.phase`) or, after a leading `-`, drops
// (`-items.status.nodes`). Arrays are transparent. Pure; any thread. Semantic: argo-workflows
// util/fields/cleaner.go, but paths match by whole segments where upstream compares bytes.

#include <string>
#include <string_view>
#include <vector>

#include "api/backend.h"

namespace gantry::api {

class Fields {
 public:
  Fields() = default;
  explicit Fields(std::string_view text);

  [[nodiscard]] bool empty() const { return paths_.empty(); }
  /// Removes what was not asked for.
  void apply(Json& json) const;
  /// True when nothing at or below `path` would be left, so that it need not be made at all.
  [[nodiscard]] bool excludes(std::string_view path) const;

 private:
  using Path = std::vector<std::string>;
  void clean(Json& json, Path& at) const;

  bool exclude_ = false;
  std::vector<Path> paths_;
};

}  // namespace gantry::api
