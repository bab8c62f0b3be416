// `gantry cron`.

#include <memory>

#include "cli/commands/commands.h"
#include "cli/commands/cron_create.h"
#include "cli/commands/resource.h"
#include "cli/render/resource_view.h"

namespace gantry::cli {
namespace {

constexpr ResourceFamily kCrons{"cron-workflows", "CronWorkflow", "cron workflows", true,
                                cron_view,        cron_table,     true};

int set_suspended(Session& session, const std::vector<std::string>& names, const char* verb,
                  const char* done) {
  for (const std::string& name : names) {
    Json body{{"name", name}, {"namespace", session.name_space}};
    Result<Json> answer = session.client->call(
        {.method = "PUT",
         .path = collection_of(session, kCrons) + "/" + encode(name) + "/" + verb,
         .body = body.dump(),
         .content_type = "application/json"});
    if (!answer) return report(answer.error());
    print_line("CronWorkflow '" + name + "' " + done);
  }
  return 0;
}

}  // namespace

void add_cron(Command& root, Session& session) {
  Command parent = root.add("cron", "Workflows that run by the clock", "Objects");
  add_resource_commands(parent, session, kCrons);
  add_cron_create(parent, session, kCrons);
  struct Verb {
    const char* verb;
    const char* done;
    const char* description;
  };
  for (const Verb& verb : {Verb{"suspend", "suspended", "Let cron workflows not run any more"},
                           {"resume", "resumed", "Let suspended cron workflows run again"}}) {
    auto names = std::make_shared<std::vector<std::string>>();
    parent.add(verb.verb, verb.description)
        .arguments("NAME", *names, "Names")
        .action([&session, names, verb] {
          return set_suspended(session, *names, verb.verb, verb.done);
        });
  }
}

}  // namespace gantry::cli
