#pragma once

// The standard streams of a container's process, as containerd names them: nothing, a FIFO, a file, or a terminal.
//
// A process always writes into a pipe, never into the file itself: programs open /dev/stderr, which on a file would
// empty it, and the OCI runtime gives what it finds there to the container's user. Source of the names:
// containerd 1.6, pkg/process/io.go.

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"

namespace gantry::shim {

struct Stdio {
  std::string in, out, err;
  bool terminal = false;
};

/// Where a stream goes. Without a scheme it is known only when it is opened whether a path is a FIFO.
struct Sink {
  enum class Kind { Nothing, Path, Fifo, File };
  Kind kind = Kind::Nothing;
  std::string path;
};
/// "", PATH, "fifo:///PATH" or "file:///PATH" (made if it is not there). InvalidArgument for other schemes,
/// Unimplemented for binary://. Pure.
Result<Sink> parse_sink(const std::string& uri);

/// An end of a copy: a descriptor, or a FIFO that is opened where it may block.
struct CopyEnd {
  UniqueFd fd;
  std::string fifo;
};
struct CopyJob {
  CopyEnd from, to;
  bool input = false;  ///< to the process; nobody waits for its end
};

/// What a process is started with, and what is to be copied once it is. The owner keeps `stdin_keeper` open until the
/// client closes its input: a FIFO without a writer is at its end.
struct ProcessIo {
  UniqueFd in, out, err;
  UniqueFd stdin_keeper;
  std::vector<CopyJob> jobs;
};
/// For a process without a terminal. `uid` and `gid` own its pipes. Files are opened here, FIFOs by the copy.
Result<ProcessIo> open_io(const Stdio& stdio, uid_t uid, gid_t gid);
/// For a process with one, of which `console` is the master.
Result<ProcessIo> open_terminal_io(const Stdio& stdio, int console);

}  // namespace gantry::shim
