#include "runtime/containerd/process.h"

#include <algorithm>

namespace gantry::containerd {
namespace {

std::string_view name_of(std::string_view variable) {
  return variable.substr(0, variable.find('='));
}

void set(std::vector<std::string>& environment, std::string variable) {
  const auto same = std::find_if(environment.begin(), environment.end(), [&](const auto& entry) {
    return name_of(entry) == name_of(variable);
  });
  if (same == environment.end()) {
    environment.push_back(std::move(variable));
  } else {
    *same = std::move(variable);
  }
}

}  // namespace

Result<std::vector<std::string>> arguments_of(const runtime::ContainerSpec& container,
                                              const ImageConfig& image) {
  std::vector<std::string> result = container.command ? *container.command : image.entrypoint;
  if (container.args) {
    result.insert(result.end(), container.args->begin(), container.args->end());
  } else if (!container.command && !container.script) {
    result.insert(result.end(), image.command.begin(), image.command.end());
  }
  if (container.script) result.emplace_back(kScriptPath);
  if (result.empty() || result.front().empty()) {
    return fail(Code::FailedPrecondition, "no command specified: neither container \"" +
                                              container.name + "\" nor image \"" + container.image +
                                              "\" names a program");
  }
  return result;
}

std::vector<std::string> environment_of(const runtime::ContainerSpec& container,
                                        const ImageConfig& image, const std::string& hostname,
                                        const std::string& home) {
  std::vector<std::string> result = {std::string("PATH=") + kDefaultPath, "HOSTNAME=" + hostname,
                                     "HOME=" + home};
  if (container.tty) result.emplace_back("TERM=xterm");
  for (const std::string& variable : image.env) set(result, variable);
  for (const runtime::EnvVar& variable : container.env) {
    set(result, variable.name + "=" + variable.value);
  }
  return result;
}

std::string environment_value(const std::vector<std::string>& environment, std::string_view name) {
  for (const std::string& entry : environment) {
    if (name_of(entry) == name && entry.size() > name.size()) return entry.substr(name.size() + 1);
  }
  return {};
}

}  // namespace gantry::containerd
