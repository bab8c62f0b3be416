// The limits of semaphores: a key of a ConfigMap each, or of the daemon's own table of `database` semaphores.

#include "cli/commands/commands.h"

namespace gantry::cli {
namespace {

struct Options {
  std::string key, type = "configmap", config_map;
  std::optional<int> limit;
};

const char* type_of(const Options& options) { return options.type == "database" ? "DATABASE" : "CONFIG_MAP"; }

int show(Session& session, Request request) {
  Result<Json> answer = session.client->call(std::move(request));
  if (!answer) return report(answer.error());
  print_line("Key: " + text_at(*answer, {"key"}));
  print_line("Type: " + text_at(*answer, {"type"}));
  if (answer->contains("cmName")) print_line("ConfigMap Name: " + text_at(*answer, {"cmName"}));
  print_line("Namespace: " + text_at(*answer, {"namespace"}));
  print_line("Limit: " + at(*answer, {"limit"}).dump());
  return 0;
}

int put(Session& session, const Options& options, bool is_new) {
  if (!options.limit) return report("--limit is required");
  Json body{{"type", type_of(options)}, {"key", options.key}, {"limit", *options.limit}};
  if (!options.config_map.empty()) body["cmName"] = options.config_map;
  Request request{.method = is_new ? "POST" : "PUT",
                  .path = session.collection("sync"),
                  .body = body.dump(),
                  .content_type = "application/json"};
  if (!is_new) request.path += "/" + encode(options.key);
  return show(session, std::move(request));
}

std::string path_of(const Session& session, const Options& options) {
  return session.collection("sync") + "/" + encode(options.key) + "?type=" + type_of(options) +
         "&cmName=" + encode(options.config_map);
}

int remove(Session& session, const Options& options) {
  Result<Json> answer = session.client->call({.method = "DELETE", .path = path_of(session, options)});
  if (!answer) return report(answer.error());
  print_line("Sync limit \"" + options.key + "\" deleted");
  return 0;
}

}  // namespace

void add_sync(Command& root, Session& session) {
  Command command = root.add("sync", "Create, show, change and delete limits of semaphores", "Objects");
  command.needs_subcommand();
  auto options = std::make_shared<Options>();
  const auto add = [&](const char* name, const char* description) {
    Command one = command.add(name, description);
    one.argument("KEY", options->key, "The semaphore's key")
        .choice("--type", options->type, {"configmap", "database"})
        .option("--cm-name", options->config_map, "The ConfigMap that holds the limit, for --type configmap");
    return one;
  };
  add("create", "Create a limit")
      .option("--limit", options->limit, "How many may hold the semaphore at once")
      .action([&session, options] { return put(session, *options, true); });
  add("update", "Change a limit")
      .option("--limit", options->limit, "How many may hold the semaphore at once")
      .action([&session, options] { return put(session, *options, false); });
  add("get", "Show a limit").action([&session, options] {
    return show(session, {.path = path_of(session, *options)});
  });
  add("delete", "Delete a limit").action([&session, options] { return remove(session, *options); });
}

}  // namespace gantry::cli
