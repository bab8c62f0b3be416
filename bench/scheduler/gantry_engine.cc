// Gantry's own scheduler, by its public interface.

#include <thread>

#include "bench/scheduler/engine.h"
#include "scheduler/scheduler.h"

namespace gantry::bench {
namespace {

using scheduler::Frame;
using scheduler::Order;
using scheduler::Ready;
using scheduler::Scheduler;
using scheduler::Worker;
using Clock = std::chrono::steady_clock;

class Plain final : public Engine {
 public:
  Plain(const Shape& shape, unsigned threads, Order order) : threads_(threads), order_(order) {
    topology_ = workflow::build_topology(shape.count, shape.edges);
    plan_bytes = sizeof(Index) * (topology_.dependency_count.capacity() + topology_.first_successor.capacity() +
                                  topology_.successors.capacity() + topology_.height.capacity());
  }

  std::chrono::nanoseconds run(std::chrono::nanoseconds work) override {
    Scheduler scheduler(threads_, order_);
    std::vector<std::thread> others;
    const auto runner = [&](Worker&, Ready) {
      work_for(work);
      return true;
    };
    const auto done = [&](Frame*) { scheduler.stop(); };
    for (unsigned i = 1; i < threads_; ++i) {
      others.emplace_back([&, i] { scheduler.worker(i).work(runner, done); });
    }
    const auto before = Clock::now();
    Frame* frame = scheduler.worker().open(topology_, 0, 0, nullptr);
    const auto begin = Clock::now();
    scheduler.worker().work(runner, done);
    const auto end = Clock::now();
    build_seconds = std::chrono::duration<double>(begin - before).count();
    for (auto& thread : others) thread.join();
    run_bytes = Frame::bytes(topology_);
    for (unsigned i = 0; i < threads_; ++i) run_bytes += scheduler.worker(i).bytes();
    scheduler.worker().close(frame);
    return end - begin;
  }

 private:
  unsigned threads_;
  Order order_;
  workflow::Topology topology_;
};

}  // namespace

std::unique_ptr<Engine> gantry_plain(const Shape& shape, unsigned threads) {
  return std::make_unique<Plain>(shape, threads, getenv("ORD")? Order::Urgent : Order::Newest);
}

}  // namespace gantry::bench
