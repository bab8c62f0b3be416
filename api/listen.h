#pragma once

// The socket that the server listens on: made and removed by us, or inherited.

#include <sys/types.h>

#include <string>

#include "base/error.h"
#include "base/unique_fd.h"

namespace gantry::api {

/// A listening Unix socket. The path and its lock are ours until destruction.
///
/// `PATH.lock` is held by flock(2) for the life of the socket: without it two daemons that start
/// together could both find a dead socket file, and the second would unlink what the first has just
/// bound.
class Listener {
 public:
  /// Binds `path`, removing the file of a dead daemon. Nobody can connect before mode and group are
  /// set.
  static Result<Listener> bind(const std::string& path, mode_t mode, const std::string& group);
  /// Takes a socket over that somebody else has bound and listens on; checks that it is one.
  static Result<Listener> inherit(UniqueFd fd);

  Listener(Listener&& other) noexcept;
  Listener& operator=(Listener&&) = delete;
  ~Listener();

  [[nodiscard]] int fd() const { return fd_.get(); }

 private:
  Listener(UniqueFd fd, UniqueFd lock, std::string path)
      : fd_(std::move(fd)), lock_(std::move(lock)), path_(std::move(path)) {}

  UniqueFd fd_, lock_;
  std::string path_;  ///< to remove at the end; empty: not ours
};

}  // namespace gantry::api
