#include "runtime/shim/oci_runtime.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>
#include <utility>

#include "runtime/shim/runtime_log.h"

namespace gantry::shim {
namespace {

constexpr char kDefaultRoot[] = "/run/containerd/runc";

// Files in memory: neither side ever waits for the other, as it would with a pipe.
UniqueFd memory_file(const std::string& content) {
  UniqueFd file(::memfd_create("gantry-shim", MFD_CLOEXEC));
  if (!content.empty()) {
    [[maybe_unused]] const auto written = ::write(file.get(), content.data(), content.size());
    ::lseek(file.get(), 0, SEEK_SET);
  }
  return file;
}

std::string content_of(int file) {
  struct stat info {};
  if (::fstat(file, &info) != 0) return {};
  std::string text(static_cast<std::size_t>(info.st_size), '\0');
  const auto got = ::pread(file, text.data(), text.size(), 0);
  text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return text;
}

std::int64_t size_of(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 ? info.st_size : 0;
}

struct Running {
  OciRuntime::Done done;
  UniqueFd input, output;
  std::int64_t log_before = 0;
  pid_t pid = 0;
  Loop::Timer timer = 0;
  bool timed_out = false;
};

}  // namespace

OciRuntime::Settings OciRuntime::settings(const std::string& binary, const std::string& root,
                                          const std::string& name_space, const std::string& bundle,
                                          bool systemd_cgroup) {
  Settings settings;
  if (!binary.empty()) settings.binary = binary;
  settings.root = (root.empty() ? kDefaultRoot : root) + "/" + name_space;
  settings.log = bundle + "/log.json";
  settings.systemd_cgroup = systemd_cgroup;
  return settings;
}

OciRuntime::OciRuntime(Loop& loop, Children& children, Settings settings)
    : loop_(loop), children_(children), settings_(std::move(settings)) {}

std::vector<std::string> OciRuntime::command(const std::vector<std::string>& arguments) const {
  std::vector<std::string> words = {settings_.binary, "--root",       settings_.root, "--log",
                                    settings_.log,    "--log-format", "json"};
  if (settings_.systemd_cgroup) words.emplace_back("--systemd-cgroup");
  words.insert(words.end(), arguments.begin(), arguments.end());
  return words;
}

void OciRuntime::call(Call call, Done done) {
  auto running = std::make_shared<Running>();
  running->done = std::move(done);
  running->log_before = size_of(settings_.log);
  Children::Io io;
  if (call.io) {
    io = *call.io;
  } else {
    running->output = memory_file({});
    io.out = io.err = running->output.get();
    if (!call.input.empty()) {
      running->input = memory_file(call.input);
      io.in = running->input.get();
    }
  }
  auto ended = [this, running](Exit exit) {
    running_.erase(running->pid);
    loop_.cancel(running->timer);
    if (running->timed_out) return running->done(fail(Code::DeadlineExceeded, "context deadline exceeded"));
    std::string output = running->output.valid() ? content_of(running->output.get()) : std::string();
    if (exit.status == 0) return running->done(std::move(output));
    std::string why = last_error(read_from(settings_.log, running->log_before));
    if (why.empty()) {
      why = settings_.binary + " did not terminate successfully: exit status " + std::to_string(exit.status);
      if (!output.empty()) why += ": " + output;
    }
    running->done(fail(Code::Unknown, std::move(why)));
  };
  const auto pid = children_.start(command(call.arguments), io, std::move(ended));
  if (!pid) {
    loop_.post([running, error = pid.error()] { running->done(fail(Code::Unknown, error.message)); });
    return;
  }
  running->pid = *pid;
  running_[*pid] = call.arguments.front();
  if (!call.limit) return;
  running->timer = loop_.after(*call.limit, [running] {
    running->timed_out = true;
    ::kill(running->pid, SIGKILL);
  });
}

void OciRuntime::abandon(const std::string& verb) {
  for (const auto& [pid, running] : running_) {
    if (running == verb) ::kill(pid, SIGKILL);
  }
}

}  // namespace gantry::shim
