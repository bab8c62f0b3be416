#pragma once

// Secrets and config maps: what both command families share.

#include <string>
#include <vector>

#include "cli/command_line.h"
#include "cli/session.h"

namespace gantry::cli {

/// One of the two kinds, as paths, objects and messages spell it.
struct ObjectKind {
  const char* path;  ///< secrets
  const char* kind;  ///< Secret
  const char* word;  ///< secret
  bool encoded;      ///< data is base64
};
inline constexpr ObjectKind kSecret{"secrets", "Secret", "secret", true};
inline constexpr ObjectKind kConfigMap{"configmaps", "ConfigMap", "configmap", false};

/// `create`, `list` and `delete` under `parent`.
void add_object_commands(Command parent, Session& session, const ObjectKind& kind);

/// RFC 4648, with padding.
std::string base64(std::string_view bytes);

}  // namespace gantry::cli
