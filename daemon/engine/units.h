#pragma once

// Which unit of a named resource is whose. Admission counts how many a pod gets; this says which ones, the lowest free ones
// first, and what is in them for the pod's containers. The node remembers what its pod holds (Node::units), in the transaction
// that says it is about to be started; so a pod that is taken over keeps what it had.

#include <cstdint>
#include <string>
#include <vector>

#include "daemon/engine/host.h"
#include "daemon/engine/node.h"

namespace gantry::engine {

/// One thread: the engine's.
class Units {
 public:
  explicit Units(const Host& host);

  /// The lowest free ones, now held. The ledger has granted `wanted`, so they are there, unless the host offered something else
  /// in an earlier life: then it is what is left.
  HeldUnits take(const scheduler::Amounts& wanted);
  /// Of a pod that runs already. What this host does not offer any more is passed over.
  void hold(const HeldUnits& held) { count(held, 1); }
  void give_back(const HeldUnits& held) { count(held, -1); }

 private:
  struct Resource {
    std::string name;
    std::vector<int> holders;  ///< of each unit; more than 1 only if the configuration changed under a running pod
  };
  void count(const HeldUnits& held, int by);

  std::vector<Resource> resources_;  ///< as Host::resources
};

/// The label of pods that hold units: `nvidia.com/gpu=0,2 example.com/board=1`.
inline constexpr const char* kUnitsLabel = "gantry.io/units";

/// Gives the pod's containers the devices and variables of its units, and the pod its label. Init containers run alone, so each
/// gets from the first unit on; all others get units of their own. A variable that several units of a container set is their
/// values with commas between; one that the container sets itself stays.
void give_units(const HeldUnits& held, const Host& host, runtime::PodSpec& pod);

}  // namespace gantry::engine
