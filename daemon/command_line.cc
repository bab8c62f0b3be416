// gantryd's command line, and the file that it names.

#include <sys/stat.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "daemon/config.h"

namespace gantry {

constexpr const char* kDefaultFile = "/etc/gantry/gantry.yaml";

static Result<void> load(const std::string& file, DaemonConfig& config) {
  std::ifstream in(file, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(in)), {});
  if (!in.is_open() || in.bad()) {
    return fail(errno_error("read the configuration " + file, errno == 0 ? EIO : errno));
  }
  if (auto read = read_config(text, file, config); !read) return read;
  struct stat info {};
  if (!config.registry_user.empty() && ::stat(file.c_str(), &info) == 0 &&
      (info.st_mode & 0044) != 0) {
    config.warnings.push_back(file +
                              " holds a password (images.user) and others may read it: chmod 600");
  }
  return {};
}

Result<CommandLine> parse_command_line(int argc, const char* const* argv) {
  CommandLine line;
  CLI::App app("Gantry's daemon: runs workflows of containers on this host.", "gantryd");
  std::string file, state_dir, socket, containerd, runtime, shim, level;
  app.add_option("--config", file,
                 "Configuration file (default: " + std::string(kDefaultFile) + ", if it is there)");
  app.add_option("--state-dir", state_dir, "Directory of the store, logs and volumes");
  app.add_option("--socket", socket, "Unix socket to serve");
  app.add_option("--containerd", containerd, "auto, private, or the address of a containerd")
      ->type_name("auto|private|ADDRESS");
  app.add_option("--runtime", runtime, "Program that runs containers")
      ->type_name("auto|runc|crun|PATH");
  app.add_option("--shim", shim, "Program between containerd and a container")
      ->type_name("auto|gantry|runc|PATH");
  app.add_option("--log-level", level, "trace, debug, info, warn or error")
      ->check(CLI::IsMember({"trace", "debug", "info", "warn", "error"}));
  std::string checked;
  auto* check = app.add_option("--check-store", checked,
                               "Check a store and exit: FILE, or the one of the state directory (which may be in use). "
                               "Exit status 1 when something is wrong with it")
                    ->type_name("[FILE]")
                    ->expected(0, 1);
  app.add_flag("--version", line.show_version, "Print the version and exit");
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    return fail(Code::Cancelled, app.help());
  } catch (const CLI::ParseError& error) {
    return fail(Code::InvalidArgument, error.what());
  }
  if (check->count() > 0) line.check_store = checked;
  DaemonConfig& config = line.config;
  struct stat info {};
  if (file.empty() && ::stat(kDefaultFile, &info) == 0) file = kDefaultFile;
  // A store of its own can be checked where no daemon is set up.
  if (!file.empty() && !line.show_version && checked.empty()) {
    if (auto loaded = load(file, config); !loaded) return fail(std::move(loaded.error()));
  }
  if (!state_dir.empty())
    config.state_dir = std::filesystem::absolute(state_dir).lexically_normal();
  if (!socket.empty()) config.socket_path = std::filesystem::absolute(socket).lexically_normal();
  if (!containerd.empty()) config.containerd = containerd;
  if (!runtime.empty()) config.runtime = runtime;
  if (!shim.empty()) config.shim = shim;
  if (!level.empty()) config.log_level = level;
  while (config.state_dir.size() > 1 && config.state_dir.back() == '/') config.state_dir.pop_back();
  return line;
}

}  // namespace gantry
