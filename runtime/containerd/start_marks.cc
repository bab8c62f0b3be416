#include "runtime/containerd/start_marks.h"

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>

namespace gantry::containerd {

namespace fs = std::filesystem;

Result<void> write_start_mark(const std::string& pod_directory, const std::string& container,
                              StartMark mark) {
  const std::string directory = pod_directory + "/started";
  std::error_code error;
  fs::create_directories(directory, error);
  if (error) return fail(errno_error("mkdir " + directory, error.value()));
  // Beside it and then in its place: a half-written mark would be none.
  const std::string file = directory + "/" + container, draft = directory + "/" + container + "~";
  std::ofstream out(draft, std::ios::trunc);
  out << mark.attempt << (mark.started ? " started\n" : " made\n") << std::flush;
  if (!out) return fail(Code::Unknown, "cannot write " + draft);
  if (std::rename(draft.c_str(), file.c_str()) != 0)
    return fail(errno_error("rename " + draft, errno));
  return {};
}

std::map<std::string, StartMark> read_start_marks(const std::string& pod_directory) {
  std::map<std::string, StartMark> marks;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(pod_directory + "/started", ignored)) {
    std::ifstream in(entry.path());
    StartMark mark;
    std::string word;
    if (in >> mark.attempt >> word) {
      mark.started = word == "started";
      marks[entry.path().filename()] = mark;
    }
  }
  return marks;
}

}  // namespace gantry::containerd
