#include "cli/watch.h"

#include "cli/commands/commands.h"
#include "cli/live_view.h"
#include "cli/render/status.h"
#include "cli/render/workflow_view.h"
#include "cli/signals.h"

namespace gantry::cli {
namespace {

constexpr int kPollMs = 250;
constexpr auto kRedraw = std::chrono::seconds(1);

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  for (std::size_t end; (end = text.find('\n')) != std::string_view::npos;) {
    lines.push_back(text.substr(0, end));
    text.remove_prefix(end + 1);
  }
  return lines;
}

}  // namespace

int watch_workflow(Session& session, const std::string& name) {
  Json workflow;
  bool changed = false;
  WorkflowWatch watch(session, name, [&](const Json& state) {
    workflow = state;
    changed = true;
  });
  const bool live = session.out.interactive;
  std::string shown;
  Steady::time_point drawn{};
  std::optional<Signals> signals;
  if (live) {
    signals.emplace();
    print("\x1b[?25l");
  }
  while (!watch.error()) {
    session.client->poll(kPollMs, signals ? signals->fd() : -1);
    if (int signal = signals ? signals->take() : 0) {
      print("\x1b[?25h");
      return 128 + signal;
    }
    watch.tick();
    if (workflow.is_null() || (!changed && !(live && Steady::now() - drawn >= kRedraw))) continue;
    std::string view = workflow_view(workflow, {}, session.out, wall_clock());
    changed = false;
    drawn = Steady::now();
    if (live) {
      // From the top left, each line cleared to its end: no flicker, unlike clearing the screen.
      std::string frame = shown.empty() ? "\x1b[H\x1b[2J" : "\x1b[H";
      Terminal size = Terminal::of(1);
      int room = std::max(1, size.rows - 1);
      for (std::string_view line : lines_of(view)) {
        if (room-- == 0 && !finished(workflow)) break;
        frame +=
            (finished(workflow) ? std::string(line) : clip(line, size.columns - 1)) + "\x1b[K\n";
      }
      print(frame + "\x1b[J");
      shown = view;
    } else {
      // Not a terminal: print the view when a phase in it changed, not when only time went by.
      std::string key = text_at(workflow, {"status", "phase"});
      for (const Json& node : at(workflow, {"status", "nodes"}))
        key += text_at(node, {"phase"}) + ",";
      if (key != shown) print((shown.empty() ? "" : "\n") + view);
      shown = key;
    }
    std::fflush(stdout);
    if (finished(workflow)) watch.stop();
    if (finished(workflow)) break;
  }
  if (live) print("\x1b[?25h");
  return watch.error() ? report(*watch.error()) : 0;
}

void add_watch(Command& root, Session& session) {
  auto name = std::make_shared<std::string>();
  root.add("watch", "Watch a workflow until it is over", "Workflows")
      .argument("WORKFLOW", *name, "Its name; @latest is the newest")
      .action([&session, name] { return watch_workflow(session, *name); });
}

}  // namespace gantry::cli
