#include "scheduler/scheduler.h"

namespace gantry::scheduler {

Scheduler::Scheduler(unsigned workers, Order order) {
  for (unsigned number = 0; number < workers; ++number) {
    workers_.push_back(std::make_unique<Worker>(*this, order, workers > 1));
  }
}

Scheduler::~Scheduler() = default;

void Scheduler::complete(Frame* frame, Index task) {
  auto* message = new Batch;
  message->completed = {frame, task};
  frame->worker_->inbox_.push(message);
  sleepers_.wake_all();
}

void Scheduler::stop() {
  stopped_.store(true, std::memory_order_relaxed);
  sleepers_.wake_all();
}

}  // namespace gantry::scheduler
