#include "scheduler/ready_list.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace gantry::scheduler {

void ReadyList::grow(Index count) {
  const Index size = this->size();
  const Index capacity = std::bit_ceil(std::max<Index>(size + count, 4));
  auto runs = std::make_unique_for_overwrite<ReadyRun[]>(capacity);
  for (Index i = 0; i < size; ++i) runs[i] = runs_[(head_ + i) & mask_];
  runs_ = std::move(runs);
  capacity_ = capacity;
  mask_ = capacity - 1;
  head_ = 0;
  tail_ = size;
}

}  // namespace gantry::scheduler
