#pragma once

// Runs the built `gantry` command as a process, with pipes or on a pseudo terminal.

#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

#include "base/unique_fd.h"

namespace gantry::cli {

struct Outcome {
  int status = -1;  ///< exit status, or 128 + signal
  std::string out, err;
};

class Process {
 public:
  struct Options {
    bool terminal = false;  ///< stdin, stdout and stderr are one pseudo terminal of 80x24
    std::string input;
    std::vector<std::pair<std::string, std::string>> environment;  ///< set on top of a bare one
  };
  Process(const std::vector<std::string>& arguments, const Options& options);
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  void signal(int number) const;
  /// Reads stdout (the terminal) until it contains `text`; false when it ends or nothing comes for
  /// 10 s.
  bool read_until(const std::string& text);
  /// Reads on to the end and waits for the process.
  Outcome wait();
  [[nodiscard]] const std::string& seen() const { return outcome_.out; }

 private:
  bool read_some();

  pid_t pid_ = -1;
  UniqueFd out_, err_;
  Outcome outcome_;
};

/// Runs to the end.
Outcome run(const std::vector<std::string>& arguments, const Process::Options& options = {});

}  // namespace gantry::cli
