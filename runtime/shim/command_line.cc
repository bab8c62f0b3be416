#include "runtime/shim/command_line.h"

#include <string_view>

namespace gantry::shim {

Result<CommandLine> parse_command_line(int argc, const char* const* argv) {
  CommandLine line;
  std::string publish_binary;  // for shims that publish through a program
  int i = 1;
  for (; i < argc && argv[i][0] == '-'; ++i) {
    std::string_view flag(argv[i]);
    flag.remove_prefix(flag.starts_with("--") ? 2 : 1);
    const auto equals = flag.find('=');
    const std::string_view name = flag.substr(0, equals);
    if (name == "debug" || name == "v") {
      (name == "v" ? line.version : line.debug) = equals == std::string_view::npos || flag.ends_with("true");
      continue;
    }
    std::string* value = nullptr;
    if (name == "namespace") value = &line.name_space;
    if (name == "address") value = &line.address;
    if (name == "id") value = &line.id;
    if (name == "bundle") value = &line.bundle;
    if (name == "publish-binary") value = &publish_binary;
    if (value == nullptr) return fail(Code::InvalidArgument, "unknown flag " + std::string(argv[i]));
    if (equals != std::string_view::npos) {
      *value = flag.substr(equals + 1);
    } else if (++i < argc) {
      *value = argv[i];
    } else {
      return fail(Code::InvalidArgument, "no value for " + std::string(name));
    }
  }
  if (i < argc) line.action = argv[i];
  if (line.version) return line;
  // They become parts of paths.
  for (const auto& [what, value] : {std::pair("namespace", &line.name_space), std::pair("id", &line.id)}) {
    if (value->empty() || (*value)[0] == '.' || value->find('/') != std::string::npos) {
      return fail(Code::InvalidArgument, std::string("shim ") + what + " cannot be \"" + *value + "\"");
    }
  }
  return line;
}

}  // namespace gantry::shim
