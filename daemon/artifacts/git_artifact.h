#pragma once

// Git repositories as input artifacts: the git program doing what Argo's driver does
// (workflow/artifacts/git/git.go). Clone (all branches, or one), fetch what `fetch` names, check
// the revision out with HEAD detached, submodules.
//
// The program sees no configuration of the host's; hooks, prompts, and all transports but https,
// http, ssh and git are off, so a repository or its submodules cannot have a command run (ext::) or
// read this host's files (file::). User and password reach it through a credential helper that
// reads a file of a private directory, and only for the host of `repo`: a submodule elsewhere does
// not get them, which is narrower than Argo. The ssh key is such a file. Nothing secret is in
// arguments, in an environment, in .git/config, or in errors.
//
// Blocks for as long as git takes; a cancelled or late one is killed with all that it started.

#include <string>
#include <vector>

#include "base/error.h"
#include "daemon/artifacts/http_transfer.h"
#include "daemon/artifacts/location.h"

namespace gantry::artifacts {

struct GitOptions {
  std::string private_directory;  ///< where files with secrets may lie for a moment; mode 0700,
                                  ///< best on a tmpfs
  bool allow_file = false;        ///< repositories of this host by path or file://
  std::vector<std::string> known_hosts = {"/etc/ssh/ssh_known_hosts", "/root/.ssh/known_hosts"};
};

/// Clones into `destination`, which must not exist. InvalidArgument: the location makes no sense;
/// ResourceExhausted: it is larger than the limits; FailedPrecondition: git failed, with the end of
/// what it said.
Result<void> load_git(const Git& location, const GitOptions& options,
                      const std::string& destination, const Context& context);

}  // namespace gantry::artifacts
