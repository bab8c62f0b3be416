#pragma once

// The files of a bundle (containerd's directory of one task) that the shim writes, for containerd and for the shim
// that is started to clean up after one that was killed. Loop thread.
//
//   address    the socket that the shim serves; a restarted containerd reads it
//   runtime    the OCI runtime's name, as the stock shim writes it
//   options    containerd.runc.v1.Options, encoded
//   init.pid   written by the OCI runtime
//   deleted    containerd.task.v2.DeleteResponse, encoded: the task was deleted, and nothing is left of it

#include <sys/types.h>

#include <string>

#include "base/error.h"

namespace gantry::shim {

class Bundle {
 public:
  explicit Bundle(std::string path) : path_(std::move(path)) {}

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string file(const char* name) const { return path_ + "/" + name; }
  [[nodiscard]] std::string rootfs() const { return file("rootfs"); }

  /// Whole or not at all.
  Result<void> write(const char* name, const std::string& content) const;
  /// Empty if it is not there.
  [[nodiscard]] std::string read(const char* name) const;

 private:
  std::string path_;
};

/// What a runtime has written with --pid-file; 0 if that is no number.
pid_t read_pid(const std::string& path);

}  // namespace gantry::shim
