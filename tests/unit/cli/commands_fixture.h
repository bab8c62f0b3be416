#pragma once

// The commands, run as processes against a scripted daemon.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "cli/json.h"
#include "fake_daemon.h"
#include "process.h"

namespace gantry::cli {

class Commands : public testing::Test {
 protected:
  Commands() {
    char name[] = "/tmp/gantry-cli-test-XXXXXX";
    directory_ = ::mkdtemp(name);
  }
  ~Commands() override { std::filesystem::remove_all(directory_); }

  std::string file(const std::string& name, const std::string& text) {
    std::string path = directory_ + "/" + name;
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }

  /// Runs `gantry ARGUMENTS` against a daemon that answers every request with `status` and `body`.
  Outcome against(int status, const std::string& body, std::vector<std::string> arguments,
                  Process::Options options = {}) {
    FakeDaemon daemon([&](const Asked&, Answer& answer) { answer.json(status, body); });
    arguments.insert(arguments.begin(), {"--socket", daemon.socket()});
    Outcome outcome = run(arguments, options);
    asked_ = daemon.asked();
    last_ = daemon.last();
    return outcome;
  }

  std::string directory_;
  std::vector<std::string> asked_;
  Asked last_;
};

inline std::string items(const std::vector<Json>& list) { return Json{{"items", list}}.dump(); }

}  // namespace gantry::cli
