#pragma once

// Which of the seeded bugs is at work in the sources that mutate.cmake has changed; 0: none. Nothing of this is in the
// engine itself.

#include <set>

namespace gantry::testing {

extern int active_mutation;
/// Those whose place in the engine's sources was not found.
std::set<int>& lost_mutations();
bool lose_mutation(int number);

}  // namespace gantry::testing

#define MUTATED(number) (::gantry::testing::active_mutation == (number))
