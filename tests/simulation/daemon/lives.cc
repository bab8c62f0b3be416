#include "tests/simulation/daemon/lives.h"

#include <sqlite3.h>

#include "daemon/store_rows.h"
#include "daemon/store_schema.h"
#include "tests/simulation/watch.h"

namespace gantry::testing::whole {

void make_store(LossyVfs& disk) {
  static const std::string image = [] {
    LossyVfs maker(1);
    {
      auto database = open_database(kStorePath, maker.name()).value();
      api::Object locks{.name_space = kNameSpace, .name = "locks"};
      for (const char* key : {"w1", "s1", "s2", "g0", "g1", "g2", "g3"}) locks.data[key] = std::to_string(limit_of(key));
      (void)rows::put_object(database, api::ObjectKind::ConfigMap, locks, false);
    }
    return maker.contents(kStorePath);
  }();
  disk.put(kStorePath, image);
}

Lives::Lives(Machine& machine, SimulatedContainerd& containerd, engine::Settings settings)
    : clients(machine, [this] { return life_.get(); }),
      promises(machine, containerd, clients),
      machine_(machine),
      containerd_(containerd),
      settings_(std::move(settings)) {
  make_store(machine_.disk);
}

void Lives::begin() {
  machine_.tell("gantryd begins");
  ++lives_;
  power_fails_ = false;
  life_ = std::make_unique<Life>(machine_, containerd_, settings_,
                                 Life::Hooks{.store_opened = [this] { promises.store_opened(); },
                                             .serving = [this] { clients.life_began(); },
                                             .changed = [this](const engine::Run& run) { promises.changed(run); },
                                             .over = [this] { over(); }});
}

/// What the disk is left with.
void Lives::cut_off_disk() {
  machine_.tell(power_fails_ ? "the power fails" : "gantryd is killed");
  if (power_fails_) {
    machine_.disk.crash();
  } else {
    machine_.disk.kill();
  }
}

void Lives::over() {
  if (life_->was_cut_off()) {
    cut_off_disk();
  } else if (life_->failure() && life_->failure()->code == Code::DataLoss) {
    machine_.problem("gantryd does not start: " + life_->failure()->message);
    last_ = true;
  }
  containerd_.detach();
  life_.reset();
  if (machine_.disk.is_dead()) cut_off_disk();  // while it closed the store
  if (last_) return;
  machine_.after(machine_.dice.chance(50) ? machine_.a_while(20) : machine_.a_while(3000), [this] { begin(); });
}

void Lives::fill_disk(std::uint64_t roll) {
  machine_.tell("the disk is full");
  machine_.disk.limit_bytes(machine_.disk.bytes() + roll % 30'000);
  machine_.after(Duration(1000 + roll % 8000), [this] {
    machine_.tell("the disk has room again");
    machine_.disk.limit_bytes(std::nullopt);
  });
}

void Lives::disturb(const Mishap& mishap) {
  using Kind = Mishap::Kind;
  machine_.tell("MISHAP " + to_string(mishap));
  const bool alive = life_ && life_->alive();
  switch (mishap.kind) {
    case Kind::Power:
    case Kind::PowerAtEffect:
    case Kind::PowerAtDisk: power_fails_ = alive; break;
    default: break;
  }
  switch (mishap.kind) {
    case Kind::Kill:
    case Kind::Power:
      if (alive) life_->cut_off();
      break;
    case Kind::KillAtEffect:
    case Kind::PowerAtEffect:
      if (alive) life_->cut_off_after(mishap.roll % 6);
      break;
    case Kind::KillAtDisk:
    case Kind::PowerAtDisk:
      if (alive) machine_.disk.die_after(mishap.roll % 30);
      break;
    case Kind::Reboot:
      power_fails_ = alive;
      if (alive) life_->cut_off();
      containerd_.forget_all();
      break;
    case Kind::Terminate:
      if (alive) life_->stop();
      break;
    case Kind::DiskFull: fill_disk(mishap.roll); break;
    case Kind::DiskFails: {
      const bool sync = mishap.roll % 2 == 0;
      machine_.disk.inject({.operation = sync ? LossyVfs::Operation::Sync : LossyVfs::Operation::Write,
                            .code = sync ? SQLITE_IOERR_FSYNC : SQLITE_IOERR_WRITE,
                            .after = mishap.roll / 2 % 8,
                            .times = 1 + mishap.roll / 16 % 3,
                            .suffix = ""});
      break;
    }
    case Kind::ContainerdDies: containerd_.die(Duration(10 + mishap.roll % 20'000)); break;
    case Kind::TaskForgotten: containerd_.forget(mishap.roll); break;
    case Kind::ClockForward: machine_.jump(Duration(mishap.roll % 100'000'000)); break;
    case Kind::ClockBack: machine_.jump(-Duration(mishap.roll % 3'000'000)); break;
    default: clients.disturb(mishap); break;
  }
}

void Lives::calm() {
  machine_.disk.clear_faults();
  machine_.disk.limit_bytes(std::nullopt);
}

void Lives::sweep() {
  // A life that was not cut off leaves nothing to sweep up.
  if (lives_ == 1 && !containerd_.pods_left().empty()) machine_.problem("the pod " + containerd_.pods_left().front() + " is left over");
  if (life_) life_->sweep();
}

void Lives::end() {
  last_ = true;
  if (life_) life_->stop();
}

}  // namespace gantry::testing::whole
