#include "cli/app.h"

#include <CLI/CLI.hpp>
#include <cstdio>

#include "cli/commands/commands.h"

namespace gantry::cli {

int run_app(int argc, const char* const* argv) {
  Session session;
  CLI::App app("Runs Argo workflows on this host.", "gantry");
  app.require_subcommand(1);
  app.add_option("--socket", session.socket,
                 "The daemon's socket [/run/gantry/gantry.sock] (or GANTRY_HOST=unix:///PATH)");
  app.add_option("-n,--namespace", session.name_space, "The namespace [default]")
      ->envname("GANTRY_NAMESPACE");
  app.add_flag("--no-color", session.no_color, "Without colours (or NO_COLOR=1)");
  app.add_flag("--no-utf8", session.no_utf8, "Plain ASCII for icons and branches");
  app.get_formatter()->column_width(34);

  int exit_status = 0;
  Command root(app, exit_status);
  for (auto* add :
       {add_run,       add_submit, add_lint,     add_simulate, add_list,      add_get,      add_watch,
        add_logs,      add_wait,   add_suspend,  add_resume,    add_node,     add_stop,
        add_terminate, add_retry,  add_resubmit, add_cp, add_delete,    add_template, add_cluster_template,
        add_cron,      add_image,  add_secret,   add_configmap, add_sync, add_admin,    add_version}) {
    add(root, session);
  }
  // Runs once everything is parsed and before the subcommand's action.
  app.parse_complete_callback([&session] {
    if (session.name_space.empty()) session.name_space = "default";
    if (Result<void> opened = session.open(); !opened)
      throw CLI::RuntimeError(report(opened.error()));
  });
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 1;
  }
  std::fflush(stdout);
  return exit_status;
}

}  // namespace gantry::cli
