#include "runtime/containerd/image_pull.h"

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/containerd/child_process.h"

namespace gantry::containerd {
namespace {

Code code_of(std::string_view reason) {
  const auto says = [&](std::string_view what) {
    return reason.find(what) != std::string_view::npos;
  };
  if (says("not found") || says("no match for platform")) return Code::NotFound;
  if (says("authorization failed") || says("401 Unauthorized")) return Code::Unauthenticated;
  if (says("403 Forbidden") || says("insufficient_scope")) return Code::PermissionDenied;
  return Code::Unavailable;
}

/// "elapsed: 1.2 s   total:  4.1 Mi (3.4 MiB/s)" → "4.1 Mi"; empty for other lines.
std::string total_of(std::string_view line) {
  constexpr std::string_view kTotal = "total:";
  const auto begin = line.find(kTotal);
  if (!line.starts_with("elapsed:") || begin == std::string_view::npos) return {};
  line = line.substr(begin + kTotal.size());
  line = line.substr(0, line.find('('));
  const auto first = line.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return std::string(line.substr(first, line.find_last_not_of(" \t") - first + 1));
}

}  // namespace

std::string ctr_failure(std::string_view output) {
  constexpr std::string_view kPrefix = "ctr: ";
  std::string_view reason, last;
  while (!output.empty()) {
    const auto end = std::min(output.find('\n'), output.size());
    const auto line = output.substr(0, end);
    output.remove_prefix(std::min(end + 1, output.size()));
    if (line.starts_with(kPrefix)) {
      reason = line.substr(kPrefix.size());
    } else if (line.find_first_not_of(" \t\r") != std::string_view::npos) {
      last = line;
    }
  }
  return std::string(reason.empty() ? last : reason);
}

Result<void> pull_image(const Images::Settings& settings, const Reference& reference, int cancel,
                        const std::function<void(std::string)>& progress) {
  std::vector<std::string> argv = {settings.ctr,
                                   "--address",
                                   settings.socket,
                                   "--namespace",
                                   settings.containerd_namespace,
                                   "images",
                                   "pull",
                                   "--snapshotter",
                                   settings.snapshotter};
  if (is_loopback_registry(reference.domain)) argv.emplace_back("--plain-http");
  if (!settings.user.empty()) {
    // ctr takes credentials on its command line only; other users of the host can see it in /proc
    // while the pull runs, unless that is mounted with hidepid.
    argv.insert(argv.end(), {"--user", settings.user});
  }
  argv.push_back(reference.name());

  std::string shown;
  auto ended = run_program(argv, settings.pull_timeout, cancel, [&](std::string_view line) {
    // ctr repaints its table ten times a second; only the sum at its end is of interest, when it
    // has changed.
    auto total = total_of(line);
    if (total.empty() || total == shown) return;
    shown = std::move(total);
    progress("pulling " + reference.name() + ": " + shown + "B");
  });
  if (!ended) return fail(std::move(ended.error()));
  if (ended->exit_code == 0) return {};
  std::string reason = ctr_failure(ended->output);
  if (reason.empty()) reason = "ctr ended with exit code " + std::to_string(ended->exit_code);
  const Code code = code_of(reason);
  return fail(code, std::move(reason));
}

}  // namespace gantry::containerd
