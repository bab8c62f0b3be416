#include "cli/follow.h"

#include <unistd.h>

#include <csignal>
#include <deque>
#include <limits>
#include <map>
#include <set>

#include "cli/live_view.h"
#include "cli/log_prefix.h"
#include "cli/render/age.h"
#include "cli/render/status.h"
#include "cli/render/tree.h"
#include "cli/render/workflow_view.h"
#include "cli/signals.h"
#include "cli/watch.h"

namespace gantry::cli {
namespace {

using namespace std::chrono_literals;

constexpr int kFrameMs = 100;
/// Without news for this long, a step's end is told: its last log lines have come.
constexpr int kQuietMs = 20;
/// How long a finished workflow's log may take to drain.
constexpr auto kDrain = 3s;
/// How long a line waits for the state that names its step: the two come on different streams.
constexpr auto kName = 500ms;

class Follower {
 public:
  Follower(Session& session, const Json& workflow)
      : session_(session),
        name_(text_at(workflow, {"metadata", "name"})),
        live_(session.out.interactive),
        watch_(
            session, name_, [this](const Json& state) { on_state(state); }, true),
        logs_(session, name_, {{"logOptions.container", "main"}, {"logOptions.follow", "true"}},
              true, [this](const LogLine& line) { on_log(line); }) {
    if (live_) area_.emplace();
    on_state(workflow);
  }

  int run() {
    for (;;) {
      session_.client->poll(live_                             ? kFrameMs
                            : held_.empty() && lines_.empty() ? 1000
                                                              : kQuietMs,
                            signals_.fd());
      watch_.tick();
      logs_.tick();
      while (int signal = signals_.take()) {
        if (int status = on_signal(signal)) return status;
      }
      if (watch_.error() && !over_) {
        show();
        area_.reset();
        return report(*watch_.error());
      }
      if (logs_.ended() && !over_)
        logs_.resume();  // the daemon restarts, or a retry of a pod comes
      show();
      if (over_ && (logs_.ended() || logs_.error() || Steady::now() - *over_ > kDrain))
        return finish();
    }
  }

 private:
  void on_state(const Json& state) {
    workflow_ = state;
    prefix_.learn(workflow_);
    view_.observe(workflow_, Steady::now());
    if (!live_) print_changes();
    if (finished(workflow_) && !over_) {
      over_ = Steady::now();
      watch_.stop();
    }
  }

  void on_log(const LogLine& line) { lines_.emplace_back(Steady::now(), line); }

  /// Prints the lines whose step has a name, in their order.
  void name_lines() {
    for (; !lines_.empty(); lines_.pop_front()) {
      const auto& [came, line] = lines_.front();
      if (!prefix_.knows(line.pod) && !over_ && Steady::now() - came < kName) return;
      above_ += prefix_.of(line.pod, session_.out) +
                (live_ ? sanitize_line(line.content, session_.out.color) : line.content) + "\n";
    }
  }

  /// Without a terminal: one line for the workflow's and every pod's change of phase.
  void print_changes() {
    std::string phase = text_at(workflow_, {"status", "phase"});
    if (phase.empty()) phase = "Pending";
    if (phase != told_phase_ && !fulfilled(phase)) {
      told_phase_ = phase;
      above_ += phase_icon(phase, session_.out) + " " + name_ + "  " + phase + "\n";
    }
    Tree tree = node_tree(workflow_, {});
    tree.main.insert(tree.main.end(), tree.on_exit.begin(), tree.on_exit.end());
    for (const TreeRow& row : tree.main) {
      const Json& node = *row.node;
      std::string type = text_at(node, {"type"});
      if (type != "Pod" && type != "Skipped" && type != "Suspend") continue;
      if (text_at(node, {"name"}) == name_) continue;  // the workflow's own lines tell it
      std::string& known = phases_[text_at(node, {"id"})];
      std::string now_in = text_at(node, {"phase"});
      if (now_in == known || now_in.empty()) continue;
      known = now_in;
      std::string label = type == "Pod" ? prefix_.label(pod_name(name_, node))
                                        : flatten(text_at(node, {"displayName"}));
      std::string line = phase_icon(now_in, session_.out) + " " + label + "  " + now_in;
      std::string took = fulfilled(now_in) ? view_.elapsed(node, Steady::now(), wall_clock()) : "";
      if (!took.empty()) line += "  " + took;
      std::string message = flatten(text_at(node, {"message"}));
      if (!message.empty()) line += "  " + message;
      held_ += line + "\n";
      // A step's last lines may still be on their way: its end is told after them, when the next
      // round is quiet.
      if (!fulfilled(now_in)) flush_held();
    }
  }

  void flush_held() { above_ += std::exchange(held_, {}); }

  int on_signal(int signal) {
    if (signal == SIGINT && !stopping_ && !over_) {
      stopping_ = true;
      note_ = "stopping " + name_ + " … Ctrl-C again to let go of it";
      if (!live_) print_error(note_);
      session_.client->start(
          {.method = "PUT",
           .path = session_.workflow(name_) + "/stop",
           .body = Json{{"name", name_}, {"namespace", session_.name_space}}.dump(),
           .content_type = "application/json"},
          nullptr, [this](const Result<std::string>& answer) {
            if (!answer) note_ = "could not be stopped: " + answer.error().message;
            if (!answer && !live_) print_error(note_);
          });
      return 0;
    }
    flush_held();
    show();
    area_.reset();
    print_error("let go of " + name_ + ", which goes on. Come back with: gantry watch " + name_);
    return 128 + signal;
  }

  void show() {
    name_lines();
    if (!live_) {
      bool quiet = above_.empty() && lines_.empty();
      if (quiet) flush_held();
      if (above_.empty()) return;
      print(std::exchange(above_, {}));
      std::fflush(stdout);
      return;
    }
    Terminal size = Terminal::of(STDOUT_FILENO);  // it may have been resized
    size.color = session_.out.color;
    size.utf8 = session_.out.utf8;
    std::string note =
        watch_.reconnecting() && !over_ ? "gantryd is away, waiting for it …" : note_;
    area_->draw(std::exchange(above_, {}),
                view_.lines(workflow_, size, Steady::now(), wall_clock(), note), size);
  }

  int finish() {
    name_lines();
    if (live_) {
      // The last frame stays, whole.
      Terminal whole = session_.out;
      whole.columns = Terminal::of(STDOUT_FILENO).columns;
      whole.rows = std::numeric_limits<int>::max();
      area_->draw(above_, view_.lines(workflow_, whole, Steady::now(), wall_clock(), ""), whole);
      area_.reset();
      print("\n");
    } else {
      flush_held();
      std::string table = node_table(workflow_, {}, session_.out, wall_clock());
      print(above_ + (table.empty() ? "" : "\n" + table + "\n"));
    }
    std::string phase = text_at(workflow_, {"status", "phase"});
    std::string line = phase_icon(phase, session_.out) + " " + bold(name_, session_.out.color) +
                       " " + paint(phase, phase_color(phase), session_.out.color);
    line += " in " + running_time(std::chrono::duration_cast<Duration>(*over_ - begin_));
    std::vector<std::string> causes = failed(phase) ? failures() : std::vector<std::string>();
    std::string message = flatten(text_at(workflow_, {"status", "message"}));
    // `child 'ID' failed` says nothing to a reader who is told which step it was.
    bool told = !causes.empty() && message.starts_with("child '");
    if (!message.empty() && !told) line += ": " + message;
    print_line(line);
    for (const std::string& cause : causes) print_line("  " + cause);
    if (logs_.error()) print_error("the log is not complete: " + logs_.error()->message);
    return phase == "Succeeded" ? 0 : 1;
  }

  /// `step: message`, whole, for every pod whose failure counted: of retried ones the last attempt.
  std::vector<std::string> failures() {
    const Json& nodes = at(workflow_, {"status", "nodes"});
    std::set<std::string> retried;
    std::vector<std::string> out;
    if (!nodes.is_object()) return out;
    for (const Json& node : nodes) {
      const Json& children = at(node, {"children"});
      if (text_at(node, {"type"}) != "Retry" || !children.is_array()) continue;
      std::size_t superseded = failed(text_at(node, {"phase"})) && !children.empty()
                                   ? children.size() - 1
                                   : children.size();
      for (std::size_t i = 0; i < superseded; ++i) {
        if (children[i].is_string()) retried.insert(children[i].get<std::string>());
      }
    }
    Tree tree = node_tree(workflow_, {});
    tree.main.insert(tree.main.end(), tree.on_exit.begin(), tree.on_exit.end());
    for (const TreeRow& row : tree.main) {
      const Json& node = *row.node;
      std::string message = flatten(text_at(node, {"message"}));
      if (text_at(node, {"type"}) != "Pod" || !failed(text_at(node, {"phase"}))) continue;
      if (message.empty() || retried.contains(text_at(node, {"id"}))) continue;
      if (text_at(node, {"name"}) == name_) continue;  // the workflow's own message says it
      out.push_back(prefix_.label(pod_name(name_, node)) + ": " + message);
    }
    return out;
  }

  Session& session_;
  std::string name_;
  Steady::time_point begin_ = Steady::now();
  bool live_;
  Signals signals_;
  Json workflow_;
  LiveView view_;
  LogPrefix prefix_;
  std::optional<LiveArea> area_;
  std::map<std::string, std::string> phases_;  // node id → last phase told
  std::deque<std::pair<Steady::time_point, LogLine>> lines_;
  std::string above_, held_, note_, told_phase_;
  std::optional<Steady::time_point> over_;
  bool stopping_ = false;
  WorkflowWatch watch_;
  LogStream logs_;
};

}  // namespace

int follow(Session& session, const Json& workflow) { return Follower(session, workflow).run(); }

}  // namespace gantry::cli
