#include "tests/simulation/daemon/clients.h"

#include "tests/simulation/manifest.h"

namespace gantry::testing::whole {

using Submission = ClientRun::Submission;

Life* Clients::serving() const {
  Life* life = life_();
  return life != nullptr && life->alive() && life->serves() ? life : nullptr;
}

const engine::Run* Clients::live(const ClientRun& run) const {
  const engine::Run* found = serving()->daemon().engine().find(kNameSpace, run.name);
  return found != nullptr && !engine::is_ended(found->status.phase) ? found : nullptr;
}

// ---- new runs ----

void Clients::submit(const model::Workflow& workflow) {
  ClientRun run;
  run.name = "wf" + std::to_string(runs.size());
  run.workflow = &workflow;
  runs.push_back(std::move(run));
  ask_for(runs.size() - 1);
}

void Clients::ask_again(std::size_t run) {
  machine_.after(Duration(1000), [this, run, life = lives_] {
    if (life == lives_ && runs[run].submission == Submission::Asking) ask_for(run);
  });
}

void Clients::ask_for(std::size_t number) {
  Life* life = serving();
  if (life == nullptr) return;  // it is asked once it serves
  const ClientRun& run = runs[number];
  machine_.tell("client: create " + run.name);
  api::CreateRequest request{.name_space = kNameSpace, .document = manifest(*run.workflow), .yaml = true, .file = "f.yaml"};
  request.name = run.name;
  life->turn([&] {
    life->backend().create(std::move(request), [this, life, number](Result<std::vector<api::Json>> created) {
      const std::string& name = runs[number].name;
      if (!life->effect("answer that " + name + (created ? " is created" : ": " + created.error().message))) return;
      if (created) return accepted(number, created->front()["metadata"]["uid"]);
      if (created.error().code == Code::AlreadyExists) return ask_for_uid(number);
      if (created.error().code == Code::InvalidArgument) return machine_.problem("it does not compile: " + created.error().message);
      ask_again(number);
    });
  });
}

/// It was accepted, and the answer got lost.
void Clients::ask_for_uid(std::size_t number) {
  Life* life = serving();
  if (life == nullptr) return;
  life->turn([&] {
    life->backend().get(kNameSpace, runs[number].name, {}, [this, life, number](const Result<api::Document>& found) {
      if (!life->effect("answer what " + runs[number].name + " is")) return;
      if (found) return accepted(number, found->object["metadata"]["uid"]);
      ask_again(number);
    });
  });
}

void Clients::accepted(std::size_t number, const std::string& uid) {
  runs[number].submission = Submission::Accepted;
  runs[number].uid = uid;
}

void Clients::life_began() {
  ++lives_;
  for (std::size_t run = 0; run < runs.size(); ++run) {
    if (runs[run].submission == Submission::Asking) {
      if (machine_.dice.chance(10)) {
        runs[run].submission = Submission::GivenUp;
      } else {
        ask_for(run);
      }
    }
    if (runs[run].deleting && !runs[run].deleted) remove(run);
  }
}

// ---- what is done to runs ----

void Clients::disturb(const Mishap& mishap) {
  using Kind = Mishap::Kind;
  if (serving() == nullptr || mishap.run >= runs.size()) return;
  ClientRun& run = runs[mishap.run];
  if (run.submission != Submission::Accepted || run.deleting) return;
  switch (mishap.kind) {
    case Kind::RunStopped: return shut_down(run, engine::Shutdown::Stop);
    case Kind::RunTerminated: return shut_down(run, engine::Shutdown::Terminate);
    case Kind::RunSuspended: return command(run, api::Verb::Suspend, [] {});
    case Kind::RunResumed: return command(run, api::Verb::Resume, [] {});
    case Kind::RunRetried: return retry(run);
    case Kind::RunDeleted: run.deleting = true; return remove(mishap.run);
    default: return;
  }
}

void Clients::command(const ClientRun& run, api::Verb verb, std::function<void()> done) {
  Life* life = serving();
  constexpr const char* kVerbs[] = {"stop", "terminate", "suspend", "resume", "set", "retry", "resubmit"};
  const std::string what = std::string(kVerbs[static_cast<std::size_t>(verb)]) + " " + run.name;
  machine_.tell("client: " + what);
  api::Command command;
  command.verb = verb;
  life->turn([&] {
    life->backend().command(kNameSpace, run.name, command, [life, what, done](const Result<api::Document>& answer) {
      if (!life->effect("answer to " + what + (answer ? "" : ": " + answer.error().message))) return;
      if (answer) done();
    });
  });
}

void ClientRun::landed(std::uint32_t retries) {
  Interference& life = lives[retries];
  if (!life.terminated && !life.stopped) life.stopped = in_flight.stopped;
  if (!life.terminated) life.terminated = in_flight.terminated;
  in_flight = {};
}

void Clients::shut_down(ClientRun& run, engine::Shutdown how) {
  const engine::Run* now = live(run);
  const bool stop = how == engine::Shutdown::Stop;
  std::optional<std::uint32_t> retries;
  if (now != nullptr) retries = now->status.retries;
  Interference& life = retries ? run.lives[*retries] : run.in_flight;
  auto& at = stop ? life.stopped : life.terminated;
  if (!at && !(stop && life.terminated)) at = machine_.wall();
  Life* to = serving();
  command(run, stop ? api::Verb::Stop : api::Verb::Terminate, [to, &run, retries]() mutable {
    if (const engine::Run* then = to->daemon().engine().find(kNameSpace, run.name); !retries && then != nullptr) {
      retries = then->status.retries;
      run.landed(*retries);
    }
    run.stop_acknowledged = retries;
  });
}

void Clients::retry(ClientRun& run) {
  Life* life = serving();
  command(run, api::Verb::Retry, [this, &run, life] {
    // Nobody else retries it: the answer is about the last one.
    const engine::Run* now = life->daemon().engine().find(kNameSpace, run.name);
    if (now != nullptr) run.retries_acknowledged = now->status.retries;
  });
}

void Clients::remove(std::size_t number) {
  Life* life = serving();
  if (life == nullptr) return;  // it is asked again once it serves
  const std::string& name = runs[number].name;
  machine_.tell("client: delete " + name);
  life->turn([&] {
    life->backend().remove(kNameSpace, name, [this, life, number](const Result<api::Json>& answer) {
      const std::string& deleted = runs[number].name;
      if (!life->effect("answer that " + deleted + (answer ? " is deleted" : ": " + answer.error().message))) return;
      if (answer || answer.error().code == Code::NotFound) {
        runs[number].deleted = true;
        return;
      }
      machine_.after(Duration(1000), [this, number, life = lives_] {
        if (life == lives_ && !runs[number].deleted) remove(number);
      });
    });
  });
}

bool Clients::resume_all() {
  bool any = false;
  for (const ClientRun& run : runs) {
    if (serving() == nullptr || live(run) == nullptr) continue;
    any = true;
    command(run, api::Verb::Resume, [] {});
  }
  // Commands that change nothing are answered, too; a few of them in a row, and it hangs.
  if (any && ++idle_ > 60) return false;
  return any;
}

}  // namespace gantry::testing::whole
