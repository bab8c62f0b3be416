#pragma once

// Those who submit runs and do things to them through the backend, as the API does. A request that got no answer because
// the daemon died is made again. They remember what was acknowledged.

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/simulation/daemon/life.h"
#include "tests/simulation/daemon/mishap.h"
#include "tests/simulation/oracle/oracle.h"

namespace gantry::testing::whole {

inline constexpr const char* kNameSpace = "default";

/// A run as its clients know it.
struct ClientRun {
  std::string name;
  const model::Workflow* workflow = nullptr;
  enum class Submission : std::uint8_t { Asking, Accepted, GivenUp } submission = Submission::Asking;
  std::string uid;  ///< once it was accepted
  bool deleting = false, deleted = false;
  std::map<std::uint32_t, Interference> lives;  ///< what was done to it, by how often it was retried before
  /// A stop and a terminate that are asked for while nothing of it is live: perhaps it was to be retried, and they are of
  /// that life. Entered into `lives` once it is known which one they reached.
  Interference in_flight;
  // How often it had been retried when the daemon acknowledged something.
  std::optional<std::uint32_t> stop_acknowledged;
  std::uint32_t retries_acknowledged = 0;

  /// `in_flight` reached the life after so many retries.
  void landed(std::uint32_t retries);
};

class Clients {
 public:
  /// `life`: the daemon of now, or null.
  Clients(Machine& machine, std::function<Life*()> life) : machine_(machine), life_(std::move(life)) {}

  void submit(const model::Workflow& workflow);
  void disturb(const Mishap& mishap);
  /// A daemon serves, perhaps a new one.
  void life_began();
  /// Whoever waits for a user goes on. False when nobody does.
  bool resume_all();

  std::vector<ClientRun> runs;

 private:
  void ask_for(std::size_t run);
  void ask_for_uid(std::size_t run);
  void ask_again(std::size_t run);
  void accepted(std::size_t run, const std::string& uid);
  void shut_down(ClientRun& run, engine::Shutdown how);
  void retry(ClientRun& run);
  void remove(std::size_t run);
  void command(const ClientRun& run, api::Verb verb, std::function<void()> done);
  [[nodiscard]] Life* serving() const;
  /// The engine's, of a run that is not over.
  [[nodiscard]] const engine::Run* live(const ClientRun& run) const;

  Machine& machine_;
  const std::function<Life*()> life_;
  int idle_ = 0;
  int lives_ = 0;  ///< of the daemon, that have served: what was to be asked of one is not asked of the next
};

}  // namespace gantry::testing::whole
