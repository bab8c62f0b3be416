#include "runtime/containerd/cni.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <nlohmann/json.hpp>

#include "runtime/containerd/child_process.h"

namespace gantry::containerd {
namespace {

constexpr Duration kTimeout = std::chrono::seconds(10);

/// Warnings on standard error come before the JSON.
nlohmann::json json_in(const std::string& output) {
  const auto begin = output.find('{');
  if (begin == std::string::npos) return nullptr;
  return nlohmann::json::parse(output.substr(begin), nullptr, false);
}

std::string words_of(const std::string& output) {
  const auto answer = json_in(output);
  if (answer.is_object() && answer.contains("msg") && answer["msg"].is_string()) {
    std::string words = answer["msg"];
    if (answer.contains("details") && answer["details"].is_string() &&
        !answer["details"].get<std::string>().empty()) {
      words += ": " + answer["details"].get<std::string>();
    }
    return words;
  }
  return output.empty() ? "no answer" : output;
}

}  // namespace

Result<std::string> call_plugin(const std::string& directory, const std::string& program,
                                const std::string& configuration, const CniCall& call) {
  const UniqueFd input(::memfd_create("cni", MFD_CLOEXEC));
  if (!input.valid() ||
      ::write(input.get(), configuration.data(), configuration.size()) !=
          static_cast<ssize_t>(configuration.size()) ||
      ::lseek(input.get(), 0, SEEK_SET) != 0) {
    return fail(errno_error("pass the CNI configuration", errno));
  }
  ProgramInput with;
  with.standard_input = input.get();
  with.environment = {"CNI_COMMAND=" + call.command, "CNI_CONTAINERID=" + call.container,
                      "CNI_NETNS=" + call.net_namespace, "CNI_IFNAME=" + call.interface,
                      "CNI_PATH=" + directory};
  auto exit = run_program({directory + "/" + program}, kTimeout, -1, {}, with);
  if (!exit) return fail(exit.error());
  if (exit->exit_code != 0) {
    return fail(Code::FailedPrecondition, "CNI plugin " + program + ": " + words_of(exit->output));
  }
  return std::move(exit->output);
}

Result<std::string> address_in(const std::string& cni_result) {
  const auto answer = json_in(cni_result);
  const nlohmann::json::json_pointer where("/ips/0/address");
  if (!answer.is_object() || !answer.contains(where) || !answer[where].is_string()) {
    return fail(Code::DataLoss, "the CNI plugin names no address");
  }
  const std::string address = answer[where];
  return address.substr(0, address.find('/'));
}

}  // namespace gantry::containerd
