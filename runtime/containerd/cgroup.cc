#include "runtime/containerd/cgroup.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

namespace gantry::containerd {
namespace {

namespace fs = std::filesystem;

std::string slurp(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// mountinfo writes a space as \040.
std::string unescape(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size()) {
      result += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 +
                                  (text[i + 3] - '0'));
      i += 3;
    } else {
      result += text[i];
    }
  }
  return result;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const auto end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return parts;
}

}  // namespace

CgroupLayout CgroupLayout::parse(std::string_view mountinfo) {
  // 36 35 98:0 /root /mount/point rw,noatime shared:1 - cgroup cgroup rw,memory   (proc(5))
  CgroupLayout layout;
  for (const std::string_view line : split(mountinfo, '\n')) {
    const auto dash = line.find(" - ");
    if (dash == std::string_view::npos) continue;
    const auto left = split(line.substr(0, dash), ' ');
    const auto right = split(line.substr(dash + 3), ' ');
    if (left.size() < 5 || right.size() < 3) continue;
    const std::string point = unescape(left[4]);
    if (right[0] == "cgroup2") {
      layout.unified_ = point;
    } else if (right[0] == "cgroup") {
      const auto controllers = split(right[2], ',');
      if (std::find(controllers.begin(), controllers.end(), "memory") != controllers.end()) {
        layout.memory_v1_ = point;
      }
    } else {
      continue;
    }
    layout.mounts_.push_back(point);
  }
  return layout;
}

CgroupLayout CgroupLayout::detect() { return parse(slurp("/proc/self/mountinfo")); }

bool CgroupLayout::swap_accounting() const {
  if (memory_v1_.empty()) return true;
  return ::access((memory_v1_ + "/memory.memsw.limit_in_bytes").c_str(), F_OK) == 0;
}

long CgroupLayout::oom_kills(const std::string& path) const {
  const bool v1 = !memory_v1_.empty();
  return counter(slurp(memory_mount() + path + (v1 ? "/memory.oom_control" : "/memory.events")),
                 "oom_kill");
}

void CgroupLayout::remove(const std::string& path) const {
  if (path.empty() || path == "/") return;
  for (const std::string& mount : mounts_) {
    std::error_code ignored;
    std::vector<fs::path> directories;
    auto it = fs::recursive_directory_iterator(mount + path, ignored);
    for (; !ignored && it != fs::recursive_directory_iterator(); it.increment(ignored)) {
      if (it->is_directory(ignored) && !it->is_symlink(ignored)) directories.push_back(it->path());
    }
    // The deepest first. A cgroup goes by rmdir alone, and only when nothing runs in it.
    for (auto directory = directories.rbegin(); directory != directories.rend(); ++directory) {
      ::rmdir(directory->c_str());
    }
    ::rmdir((mount + path).c_str());
  }
}

std::vector<std::string> CgroupLayout::children(const std::string& path) const {
  // A removal that was cut off may have left one in some hierarchies only.
  std::set<std::string> names;
  for (const std::string& mount : mounts_) {
    std::error_code error;
    for (fs::directory_iterator it(mount + path, error), end; !error && it != end; it.increment(error)) {
      std::error_code gone;
      if (it->is_directory(gone)) names.insert(it->path().filename());
    }
  }
  return {names.begin(), names.end()};
}

long counter(std::string_view text, std::string_view key) {
  for (const std::string_view line : split(text, '\n')) {
    if (!line.starts_with(key) || line.size() <= key.size() || line[key.size()] != ' ') continue;
    const std::string_view digits = line.substr(key.size() + 1);
    long value = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), value);
    return value;
  }
  return 0;
}

}  // namespace gantry::containerd
