#pragma once

// How the commands declare their options. A thin face on CLI11, which only command_line.cc and
// app.cc see: its headers cost half a minute of compiling in every file that includes them.

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace gantry::cli {

/// One subcommand. Everything takes references that must outlive parsing and the action; the
/// commands keep their options in a shared_ptr that the action holds.
class Command {
 public:
  Command(CLI::App& app, int& exit_status) : app_(&app), exit_status_(&exit_status) {}

  [[nodiscard]] Command add(const std::string& name, const std::string& description,
                            const std::string& group = "Commands");
  Command& alias(const std::string& name);
  Command& footer(const std::string& text);
  /// This one is nothing without a subcommand.
  Command& needs_subcommand();

  Command& flag(const std::string& names, bool& into, const std::string& description);
  Command& option(const std::string& names, std::string& into, const std::string& description);
  Command& option(const std::string& names, std::optional<int>& into,
                  const std::string& description);
  /// One of `choices`, which the description lists.
  Command& choice(const std::string& names, std::string& into,
                  const std::vector<std::string>& choices);
  /// May be given several times, one value each: `-p a=1 -p b=2`. Never swallows what follows.
  Command& repeatable(const std::string& names, std::vector<std::string>& into,
                      const std::string& description);
  /// Values separated by commas.
  Command& list(const std::string& names, std::vector<std::string>& into,
                const std::string& description);
  Command& argument(const std::string& name, std::string& into, const std::string& description);
  Command& optional_argument(const std::string& name, std::string& into,
                             const std::string& description);
  /// At least one.
  Command& arguments(const std::string& name, std::vector<std::string>& into,
                     const std::string& description);
  /// Any number.
  Command& optional_arguments(const std::string& name, std::vector<std::string>& into,
                              const std::string& description);

  /// What the command does; returns the exit status.
  void action(std::function<int()> run);

 private:
  CLI::App* app_;
  int* exit_status_;
};

}  // namespace gantry::cli
