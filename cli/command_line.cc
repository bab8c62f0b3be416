#include "cli/command_line.h"

#include <CLI/CLI.hpp>

namespace gantry::cli {

Command Command::add(const std::string& name, const std::string& description,
                     const std::string& group) {
  CLI::App* command = app_->add_subcommand(name, description);
  // `gantry list -n ci` as well as `gantry -n ci list`.
  command->group(group)->fallthrough();
  return {*command, *exit_status_};
}

Command& Command::alias(const std::string& name) {
  app_->alias(name);
  return *this;
}

Command& Command::footer(const std::string& text) {
  app_->footer(text);
  return *this;
}

Command& Command::needs_subcommand() {
  app_->require_subcommand(1);
  return *this;
}

Command& Command::flag(const std::string& names, bool& into, const std::string& description) {
  app_->add_flag(names, into, description);
  return *this;
}

Command& Command::option(const std::string& names, std::string& into,
                         const std::string& description) {
  CLI::Option* option = app_->add_option(names, into, description);
  if (!into.empty()) option->capture_default_str();
  return *this;
}

Command& Command::option(const std::string& names, std::optional<int>& into,
                         const std::string& description) {
  app_->add_option(names, into, description);
  return *this;
}

Command& Command::choice(const std::string& names, std::string& into,
                         const std::vector<std::string>& choices) {
  std::string description;
  for (std::size_t i = 0; i < choices.size(); ++i) {
    if (i > 0) description += i + 1 == choices.size() ? " or " : ", ";
    description += choices[i];
  }
  CLI::Option* option = app_->add_option(names, into, description);
  if (!into.empty()) option->capture_default_str();
  auto known = [choices, description](const std::string& value) {
    for (const std::string& choice : choices) {
      if (value == choice) return std::string();
    }
    return "'" + value + "' is not " + description;
  };
  option->check(known, "")->type_name("TEXT");
  return *this;
}

Command& Command::repeatable(const std::string& names, std::vector<std::string>& into,
                             const std::string& description) {
  app_->add_option(names, into, description)
      ->allow_extra_args(false)
      ->type_name("TEXT")
      ->expected(1)
      ->take_all();
  return *this;
}

Command& Command::list(const std::string& names, std::vector<std::string>& into,
                       const std::string& description) {
  app_->add_option(names, into, description)
      ->delimiter(',')
      ->allow_extra_args(false)
      ->type_name("TEXT,…");
  return *this;
}

Command& Command::argument(const std::string& name, std::string& into,
                           const std::string& description) {
  app_->add_option(name, into, description)->required();
  return *this;
}

Command& Command::optional_argument(const std::string& name, std::string& into,
                                    const std::string& description) {
  app_->add_option(name, into, description);
  return *this;
}

Command& Command::arguments(const std::string& name, std::vector<std::string>& into,
                            const std::string& description) {
  app_->add_option(name, into, description)->required();
  return *this;
}

Command& Command::optional_arguments(const std::string& name, std::vector<std::string>& into,
                                     const std::string& description) {
  app_->add_option(name, into, description);
  return *this;
}

void Command::action(std::function<int()> run) {
  app_->callback([status = exit_status_, run = std::move(run)] { *status = run(); });
}

}  // namespace gantry::cli
