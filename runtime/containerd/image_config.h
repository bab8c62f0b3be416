#pragma once

// What an image says about its containers: the part of the OCI image configuration that Gantry
// uses. Pure.

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace gantry::containerd {

struct ImageConfig {
  std::vector<std::string> entrypoint, command;
  std::vector<std::string> env;  ///< NAME=value
  std::string working_dir, user;
};

/// `json` is an OCI image configuration
/// (https://github.com/opencontainers/image-spec/blob/v1.0.2/config.md). InvalidArgument if it is
/// not one.
Result<ImageConfig> parse_image_config(std::string_view json);

}  // namespace gantry::containerd
