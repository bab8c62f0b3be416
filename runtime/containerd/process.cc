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

/// The container's own variables, expanded.
std::map<std::string, std::string> variables_of(const runtime::ContainerSpec& container) {
  std::map<std::string, std::string> variables;
  for (const runtime::EnvVar& variable : container.env) {
    if (variable.literal) variables[variable.name] = variable.value;
  }
  for (const runtime::EnvVar& variable : container.env) {
    if (!variable.literal) variables[variable.name] = expand(variable.value, variables);
  }
  return variables;
}

}  // namespace

std::string expand(std::string_view text, const std::map<std::string, std::string>& variables) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '$' || i + 1 == text.size()) {
      result += text[i];
      continue;
    }
    if (text[i + 1] == '$') {
      result += '$';
      ++i;
      continue;
    }
    const auto end = text[i + 1] == '(' ? text.find(')', i) : std::string_view::npos;
    if (end == std::string_view::npos) {
      result += '$';
      continue;
    }
    const auto found = variables.find(std::string(text.substr(i + 2, end - i - 2)));
    result +=
        found != variables.end() ? std::string_view(found->second) : text.substr(i, end - i + 1);
    i = end;
  }
  return result;
}

Result<std::vector<std::string>> arguments_of(const runtime::ContainerSpec& container,
                                              const ImageConfig& image) {
  const auto variables = variables_of(container);
  std::vector<std::string> result;
  if (!container.command) result = image.entrypoint;
  for (const auto* words : {&container.command, &container.args}) {
    if (!*words) continue;
    for (const std::string& word : **words) result.push_back(expand(word, variables));
  }
  if (!container.command && !container.args && !container.script) {
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
  const auto variables = variables_of(container);
  for (const runtime::EnvVar& variable : container.env) {
    set(result, variable.name + "=" + variables.at(variable.name));
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
