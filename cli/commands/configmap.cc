#include "cli/commands/commands.h"
#include "cli/commands/object.h"

namespace gantry::cli {
namespace {

int get(Session& session, const std::string& name, const std::string& output) {
  Result<Json> answer =
      session.client->call({.path = session.collection(kConfigMap.path) + "/" + encode(name)});
  if (!answer) return report(answer.error());
  if (output == "json") {
    print_json(*answer);
  } else {
    print_yaml(*answer);
  }
  return 0;
}

}  // namespace

void add_configmap(Command& root, Session& session) {
  Command command = root.add("configmap", "Create, list, show and delete config maps", "Objects");
  command.alias("cm");
  add_object_commands(command, session, kConfigMap);
  struct Options {
    std::string name, output = "yaml";
  };
  auto options = std::make_shared<Options>();
  command.add("get", "Show a config map")
      .argument("NAME", options->name, "Its name")
      .choice("-o,--output", options->output, {"json", "yaml"})
      .action([&session, options] { return get(session, options->name, options->output); });
}

}  // namespace gantry::cli
