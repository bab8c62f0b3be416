#include "runtime/containerd/layers.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "runtime/containerd/rooted.h"

namespace gantry::containerd {
namespace {

constexpr std::size_t kLimit = 1 << 20;

bool take_prefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

}  // namespace

std::vector<std::string> layer_directories(const std::string& type, const std::string& source,
                                           const std::vector<std::string>& options) {
  if (type != "overlay") return {source};
  std::vector<std::string> upper, lower;
  for (const std::string& option : options) {
    std::string_view rest = option;
    if (take_prefix(rest, "upperdir=")) {
      upper.emplace_back(rest);
    } else if (take_prefix(rest, "lowerdir=")) {
      while (!rest.empty()) {
        const auto colon = rest.find(':');
        lower.emplace_back(rest.substr(0, colon));
        rest = colon == std::string_view::npos ? std::string_view{} : rest.substr(colon + 1);
      }
    }
  }
  upper.insert(upper.end(), lower.begin(), lower.end());
  return upper;
}

std::optional<std::string> read_in_layers(const std::vector<std::string>& directories,
                                          const std::string& path) {
  for (const std::string& directory : directories) {
    auto root = open_root(directory);
    if (!root) continue;
    auto file = open_in(root->get(), path, O_RDONLY | O_NONBLOCK);
    if (!file) {
      if (file.error().code == Code::NotFound) continue;
      return std::nullopt;
    }
    struct stat info {};
    const bool whiteout =
        ::fstat(file->get(), &info) == 0 && S_ISCHR(info.st_mode) && info.st_rdev == 0;
    if (whiteout) return std::nullopt;
    auto content = read_regular(file->get(), kLimit);
    if (!content) return std::nullopt;
    return std::move(*content);
  }
  return std::nullopt;
}

}  // namespace gantry::containerd
