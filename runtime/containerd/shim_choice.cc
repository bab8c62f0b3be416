#include "runtime/containerd/shim_choice.h"

#include <unistd.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <utility>

#include "runtime/containerd/child_process.h"

namespace gantry::containerd {
namespace {

namespace fs = std::filesystem;

constexpr Duration kLimit = std::chrono::seconds(2);
constexpr char kProgram[] = "containerd-shim-gantry-v1";
constexpr char kContainerdsOwn[] = "io.containerd.runc.v2";

Result<ShimChoice> try_shim(const std::string& path) {
  const auto ended = run_program({path, "-v"}, kLimit, -1);
  if (!ended) return fail(Error(ended.error()).wrap(path));
  const std::string line = ended->output.substr(0, ended->output.find('\n'));
  if (ended->exit_code != 0) {
    return fail(Code::FailedPrecondition,
                path + " does not run: exit code " + std::to_string(ended->exit_code) + " " + line);
  }
  return ShimChoice{path, line, {}};
}

Result<ShimChoice> try_own(const std::string& directory) {
  std::error_code error;
  const fs::path here = directory.empty() ? fs::read_symlink("/proc/self/exe", error).parent_path() : fs::path(directory);
  for (const fs::path& place : {here, here / ".." / "libexec" / "gantry"}) {
    const fs::path path = (place / kProgram).lexically_normal();
    if (::access(path.c_str(), F_OK) == 0) return try_shim(path);
  }
  return fail(Code::NotFound, std::string(kProgram) + " is not installed beside " + here.string());
}

}  // namespace

Result<ShimChoice> choose_shim(const std::string& setting, const std::string& directory) {
  if (setting == "runc") return ShimChoice{{}, kContainerdsOwn, {}};
  if (setting == "gantry") return try_own(directory);
  if (setting.empty() || setting == "auto") {
    auto own = try_own(directory);
    return own ? own : ShimChoice{{}, kContainerdsOwn, std::move(own.error().message)};
  }
  if (!fs::path(setting).is_absolute()) {
    return fail(Code::InvalidArgument, "a shim is auto, gantry, runc or an absolute path, not " + setting);
  }
  if (::access(setting.c_str(), F_OK) != 0) return fail(Code::NotFound, "no shim " + setting);
  return try_shim(setting);
}

void choose_shim(Executor& executor, const std::string& setting, std::function<void(Result<ShimChoice>)> done) {
  auto result = std::make_shared<std::optional<Result<ShimChoice>>>();
  executor.offload([result, setting] { *result = choose_shim(setting); },
                   [result, done = std::move(done)] { done(std::move(**result)); });
}

}  // namespace gantry::containerd
