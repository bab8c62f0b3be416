// gantryd: what must be done before the loop runs, and exit codes. 1: it could not start or go on.
// 2: the command line or the configuration is wrong. With --check-store: 1, something is wrong with it.

#include <spdlog/spdlog.h>
#include <sys/resource.h>

#include <csignal>
#include <cstdio>

#include "daemon/config.h"
#include "daemon/gantryd.h"
#include "daemon/log.h"
#include "daemon/store_check.h"

/// Every step has log files, every client a socket: the soft limit of 1024 is for programs that use
/// select(2).
static void raise_descriptor_limit() {
  struct rlimit limit {};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

/// Says what is wrong with a store. No daemon needs to run.
static int check_store(const std::string& file) {
  auto report = gantry::check_store_file(file);
  if (!report) {
    std::fprintf(stderr, "gantryd: %s\n", report.error().message.c_str());
    return 1;
  }
  for (const std::string& problem : report->problems) std::fprintf(stderr, "%s\n", problem.c_str());
  if (report->more) std::fputs("… and more\n", stderr);
  if (!report->problems.empty()) return 1;
  if (report->older_schema != 0) {
    std::printf("%s: sound (schema %lld; gantryd brings it forward when it starts)\n", file.c_str(),
                static_cast<long long>(report->older_schema));
  } else {
    std::printf("%s: sound (%lld workflows, %lld nodes)\n", file.c_str(), static_cast<long long>(report->runs),
                static_cast<long long>(report->nodes));
  }
  return 0;
}

int main(int argc, char** argv) {
  auto line = gantry::parse_command_line(argc, argv);
  if (!line) {
    bool help = line.error().code == gantry::Code::Cancelled;
    std::fprintf(help ? stdout : stderr, "%s%s\n",
                 help ? "" : "gantryd: ", line.error().message.c_str());
    return help ? 0 : 2;
  }
  if (line->show_version) {
    std::puts("gantryd " GANTRY_VERSION);
    return 0;
  }
  if (line->check_store) {
    const std::string& file = *line->check_store;
    return check_store(file.empty() ? line->config.state_dir + "/gantry.db" : file);
  }
  std::signal(SIGPIPE, SIG_IGN);
  raise_descriptor_limit();
  gantry::start_log(line->config.log_level);
  for (const std::string& warning : line->config.warnings) spdlog::warn("{}", warning);
  gantry::fill_from_host(line->config);
  auto done = gantry::run_gantryd(std::move(line->config));
  if (!done) {
    spdlog::critical("{}", done.error().message);
    return 1;
  }
  return 0;
}
