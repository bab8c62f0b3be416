#include "cli/commands/commands.h"

namespace gantry::cli {
namespace {

int version(Session& session, bool brief) {
  print_line(brief ? GANTRY_VERSION : "gantry:  " GANTRY_VERSION);
  if (brief) return 0;
  Result<Json> answer = session.client->call({.path = "/api/v1/version"});
  if (!answer) return report(answer.error());
  print_line("gantryd: " + text_at(*answer, {"version"}));
  for (const auto& [key, value] : answer->items()) {
    if (key == "containerd" && value.is_object()) {
      std::string text = text_at(value, {"version"});
      if (!text.empty()) print_line("  containerd: " + text);
    } else if (key == "containerd" || key == "runtime" || key == "shim") {
      if (value.is_string()) print_line("  " + key + ": " + value.get<std::string>());
    }
  }
  return 0;
}

}  // namespace

void add_version(Command& root, Session& session) {
  auto brief = std::make_shared<bool>(false);
  root.add("version", "Show the versions of gantry and gantryd", "Daemon")
      .flag("--short", *brief, "Only gantry's own")
      .action([&session, brief] { return version(session, *brief); });
}

}  // namespace gantry::cli
