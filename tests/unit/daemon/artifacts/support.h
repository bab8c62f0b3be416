#pragma once

// Small files and trees for the tests of artifacts.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>

#include "daemon/artifacts/tree.h"
#include "tests/unit/daemon/temporary_directory.h"

namespace gantry::artifacts {

inline void write_file(const std::string& path, const std::string& content, unsigned mode = 0644,
                       std::int64_t mtime = 1'700'000'000) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream(path, std::ios::binary) << content;
  ::chmod(path.c_str(), mode);
  const timespec times[] = {{mtime, 0}, {mtime, 0}};
  ::utimensat(AT_FDCWD, path.c_str(), times, 0);
}

inline std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline struct stat stat_of(const std::string& path) {
  struct stat info {};
  EXPECT_EQ(::lstat(path.c_str(), &info), 0) << path;
  return info;
}

inline unsigned mode_of(const std::string& path) { return stat_of(path).st_mode & 07777; }

/// Everything below `root`: files by content, links by "-> target", directories by "/".
inline std::map<std::string, std::string> listing(const std::string& root) {
  namespace fs = std::filesystem;
  std::map<std::string, std::string> result;
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    const std::string name = fs::relative(entry.path().parent_path(), root) == "."
                                 ? entry.path().filename().string()
                                 : entry.path().lexically_relative(root).string();
    if (entry.is_symlink()) {
      result[name] = "-> " + fs::read_symlink(entry.path()).string();
    } else if (entry.is_directory()) {
      result[name] = "/";
    } else {
      result[name] = read_file(entry.path().string());
    }
  }
  return result;
}

inline Staged staged(const std::string& path) {
  auto opened = Staged::open(path);
  EXPECT_TRUE(opened) << opened.error().message;
  return std::move(*opened);
}

/// For EXPECT_THAT(result, IsOk()) and EXPECT_THAT(result, FailsWith(Code::NotFound)).
MATCHER(IsOk, "") {
  if (!arg) *result_listener << code_name(arg.error().code) << ": " << arg.error().message;
  return arg.has_value();
}
MATCHER_P(FailsWith, code, std::string(code_name(code))) {
  if (!arg) *result_listener << code_name(arg.error().code) << ": " << arg.error().message;
  return !arg && arg.error().code == code;
}

}  // namespace gantry::artifacts
