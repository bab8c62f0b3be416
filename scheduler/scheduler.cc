#include "scheduler/scheduler.h"

#include <algorithm>
#include <thread>

namespace gantry::scheduler {

Scheduler::Scheduler(unsigned workers, Order order) : processors_(std::max(1u, std::thread::hardware_concurrency())) {
  for (unsigned number = 0; number < workers; ++number) {
    workers_.push_back(std::make_unique<Worker>(*this, order, workers > 1, number, number >= processors_));
  }
}

Scheduler::~Scheduler() = default;

void Scheduler::complete(Frame* frame, Index task) {
  auto* message = new Batch;
  message->completed = {frame, task};
  frame->worker_->inbox_.push(message);
  wake_all();
}

void Scheduler::stop() {
  stopped_.store(true, std::memory_order_relaxed);
  wake_all();
}

}  // namespace gantry::scheduler
