#pragma once

// The model: what the daemon has promised, and whether it holds. Looked at whenever a life of the daemon has opened the
// store, while it goes, and when everything is at rest.
//
//   accepted     an acknowledged workflow is there until its deletion is asked for; a deleted one is not
//   started      every attempt at most once
//   recorded     what became of a step is recorded once and does not change, across all lives
//   allowed      every run and step ended as the oracle says, or as containerd says it exited
//   left over    no pods, no claims of runs that are gone, no rows but those of the runs, no open transaction

#include <map>
#include <string>
#include <vector>

#include "daemon/store.h"
#include "tests/simulation/daemon/clients.h"

namespace gantry::testing::whole {

class Promises {
 public:
  Promises(Machine& machine, SimulatedContainerd& containerd, Clients& clients)
      : machine_(machine), containerd_(containerd), clients_(clients) {}

  /// A life has opened the store, and has not yet changed it.
  void store_opened();
  /// While a life goes: the daemon thinks that the run is so.
  void changed(const engine::Run& run);
  /// Nothing happens any more; `life` still serves.
  void at_rest(Life& life);
  /// The last life has stopped. `exact`: nothing happened of which the oracle does not know.
  void in_the_end(std::uint64_t seed, const scheduler::Amounts& capacity, bool exact, bool disturbed);

 private:
  struct Outcome {
    engine::Phase phase;
    std::optional<std::string> exit_code;
    bool operator==(const Outcome&) const = default;
  };
  struct Seen {
    std::uint32_t retries = 0;
    bool ended = false;
    std::map<std::string, Outcome> results;  ///< of steps that are over, by id
  };

  /// What is committed, by name.
  std::map<std::string, StoredRun> read_store();
  void compare(const std::string& when, const std::string& uid, const engine::RunStatus& status,
               const std::vector<const engine::Node*>& nodes, std::map<std::string, Seen>& seen);
  void check_acknowledged(const std::map<std::string, StoredRun>& stored);
  void check_exits(const StoredRun& run);
  void check_claims(const ClientRun& client, const StoredRun& run, bool disturbed);

  Machine& machine_;
  SimulatedContainerd& containerd_;
  Clients& clients_;
  std::map<std::string, Seen> committed_;  ///< by uid, as the last life found it
  std::map<std::string, Seen> told_;       ///< by uid, as the present life thinks
  std::vector<engine::Memo> memos_;
};

}  // namespace gantry::testing::whole
