#include "tests/simulation/daemon/life.h"

#include <cstdio>
#include <utility>

namespace gantry::testing::whole {

/// Of the seed, and never the same again.
static std::string new_uid(Machine& machine) {
  char text[37];
  const auto part = [&](std::size_t bits) { return static_cast<unsigned long>(machine.dice.below(std::size_t{1} << bits)); };
  std::snprintf(text, sizeof text, "%08lx-%04lx-%04lx-%04lx-%012lx", part(32), part(16), part(16), part(16), part(48));
  return text;
}

Life::Life(Machine& machine, SimulatedContainerd& containerd, engine::Settings settings, Hooks hooks)
    : machine_(machine),
      containerd_(containerd),
      engine_settings_(std::move(settings)),
      hooks_(std::move(hooks)),
      loop_(machine, [this](const auto& task) { turn(task); }, [this] { look_at_disk(); }) {
  loop_.later(Duration(0), [this] { open(); });
}

Life::~Life() {
  loop_.end();
  sweeper_.reset();
  backend_.reset();
  daemon_.reset();
  store_.reset();
}

void Life::open() {
  auto opened = Store::open(kStorePath, loop_, {.vfs = machine_.disk.name(), .worker = [this](const auto& name, auto work) {
                                                  return loop_.store_worker(name, std::move(work));
                                                }});
  if (machine_.disk.is_dead()) return cut_off();
  if (!opened) return give_up(opened.error());
  store_ = std::move(*opened);
  if (hooks_.store_opened) hooks_.store_opened();
  Daemon::Settings settings;
  settings.engine = engine_settings_;
  settings.instance = kInstance;
  settings.log_root = "/nonexistent/gantry-simulation";  // the simulation keeps no logs
  daemon_ = std::make_unique<Daemon>(
      std::move(settings), Daemon::Environment{.store = *store_,
                                               .executor = loop_,
                                               .now = [this] { return machine_.wall(); },
                                               .log = [this](const std::string& text) { machine_.tell("log: " + text); },
                                               .new_uid = [this] { return new_uid(machine_); }});
  daemon_->set_runtime(containerd_);
  daemon_->add_observer(*this);
  containerd_.attach({.may_ask = [this](const std::string& what) { return effect(what); },
                      .tell = [this](auto event) { loop_.post([this, event] { event(*daemon_); }); }});
  turn([this] { daemon_->recover([this](const Result<std::size_t>& runs) { recovered(runs); }); });
}

void Life::recovered(const Result<std::size_t>& runs) {
  if (!runs) return give_up(runs.error());
  machine_.tell("serving; took up " + std::to_string(*runs) + " runs");
  backend_ = std::make_unique<DaemonBackend>(
      *daemon_, nullptr, [](const std::string&, const std::function<void()>&) { return nullptr; }, DaemonBackend::Settings{});
  backend_->start();
  sweeper_ = std::make_unique<Sweeper>(*daemon_, Sweeper::Host{.find = [this](auto done) { containerd_.find(std::move(done)); },
                                                               .owners = [this](auto done) { containerd_.owners(std::move(done)); },
                                                               .remove_idle_cgroup = [](const std::string&) {}});
  sweeper_->sweep();
  if (hooks_.serving) loop_.later(Duration(0), hooks_.serving);
}

void Life::turn(const std::function<void()>& task) {
  if (!alive()) return;
  task();
  if (!alive()) return;
  if (machine_.dice.chance(static_cast<std::size_t>(machine_.temper.merged))) {
    if (std::exchange(end_of_turn_waits_, true)) return;
    return loop_.later(Duration(0), [this] { end_turn(); });
  }
  end_turn();
}

void Life::end_turn() {
  end_of_turn_waits_ = false;
  if (daemon_) daemon_->end_turn();
}

bool Life::effect(const std::string& what) {
  if (!alive()) return false;
  if (effects_left_ && *effects_left_ == 0) {
    machine_.tell("the daemon dies before it can " + what);
    cut_off();
    return false;
  }
  if (effects_left_) --*effects_left_;
  machine_.tell(what);
  return true;
}

void Life::look_at_disk() {
  if (machine_.tells()) machine_.tell("the store has worked; " + std::to_string(machine_.disk.changes()) + " changes of the disk");
  if (!machine_.disk.is_dead()) return;
  machine_.tell("the daemon dies while it writes");
  cut_off();
}

void Life::cut_off() {
  if (!alive()) return;
  cut_off_ = true;
  end();
}

/// It may be in the middle of a task, so it is cleared away after it.
void Life::end() {
  loop_.end();
  machine_.after(Duration(0), hooks_.over);
}

void Life::give_up(const Error& error) {
  machine_.tell("gantryd cannot start: " + error.message);
  failure_ = error;
  end();
}

void Life::stop() {
  if (!serves()) return cut_off();
  stopping_ = true;
  turn([this] {
    daemon_->stop([this] {
      machine_.tell("stopped in order");
      loop_.later(Duration(0), [this] { end(); });
    });
  });
}

void Life::sweep() {
  if (serves()) turn([this] { sweeper_->sweep(); });
}

void Life::run_changed(const std::string& uid) {
  const engine::Run* run = daemon_->engine().find_uid(uid);
  if (run != nullptr && alive() && hooks_.changed) hooks_.changed(*run);
}

}  // namespace gantry::testing::whole
