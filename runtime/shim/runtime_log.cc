#include "runtime/shim/runtime_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "base/unique_fd.h"

namespace gantry::shim {
namespace {

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const auto begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

}  // namespace

std::string last_error(std::string_view log) {
  while (!log.empty()) {
    const auto begin = log.rfind('\n');
    const std::string_view line = begin == std::string_view::npos ? log : log.substr(begin + 1);
    log = begin == std::string_view::npos ? std::string_view() : log.substr(0, begin);
    const auto entry = nlohmann::json::parse(line, nullptr, false);
    if (!entry.is_object()) continue;
    const auto level = entry.find("level"), message = entry.find("msg");
    if (level == entry.end() || message == entry.end() || !message->is_string()) continue;
    if (*level == "error") return std::string(trimmed(message->get_ref<const std::string&>()));
  }
  return {};
}

std::string read_from(const std::string& path, std::int64_t offset) {
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string text;
  char buffer[4096];
  for (;;) {
    const auto got = ::pread(file.get(), buffer, sizeof(buffer), offset + static_cast<std::int64_t>(text.size()));
    if (got <= 0) return text;
    text.append(buffer, static_cast<std::size_t>(got));
  }
}

}  // namespace gantry::shim
