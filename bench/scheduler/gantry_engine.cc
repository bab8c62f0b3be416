// Gantry's own scheduler, by its public interface.

#include <deque>
#include <mutex>
#include <thread>

#include "bench/scheduler/engine.h"
#include "scheduler/admission.h"
#include "scheduler/scheduler.h"

namespace gantry::bench {
namespace {

using scheduler::Admission;
using scheduler::Amounts;
using scheduler::Frame;
using scheduler::Order;
using scheduler::Ready;
using scheduler::Scheduler;
using scheduler::Worker;
using Clock = std::chrono::steady_clock;

/// `Admit` is made anew for each run; admit(worker number) is called before each task, and leave() when a worker ends.
template <class Admit>
class Gantry final : public Engine {
 public:
  Gantry(const Shape& shape, unsigned threads, Order order)
      : threads_(threads), order_(order), topology_(shape.topology) {
    plan_bytes = shape.plan_bytes();
  }

  std::chrono::nanoseconds run(std::chrono::nanoseconds work) override {
    Scheduler scheduler(threads_, order_);
    Admit admit(threads_);
    const auto work_as = [&](unsigned number) {
      scheduler.worker(number).work(
          [&](Worker&, Ready) {
            admit.admit(number);
            work_for(work);
            return true;
          },
          [&](Frame*) { scheduler.stop(); });
    };
    std::vector<std::thread> others;
    for (unsigned i = 1; i < threads_; ++i) others.emplace_back(work_as, i);
    const auto before = Clock::now();
    Frame* frame = scheduler.worker().open(topology_, 7, 0, nullptr);
    const auto begin = Clock::now();
    work_as(0);
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
  const workflow::Topology& topology_;
};

struct AdmitAll {
  explicit AdmitAll(unsigned) {}
  void admit(unsigned) {}
};

/// Each task wants a tenth of a CPU, a mebibyte and a slot.
class AdmitByLedger {
 public:
  explicit AdmitByLedger(unsigned threads) : requests_(threads) {}
  ~AdmitByLedger() {
    for (Admission::Request& request : requests_) admission_.release(request);
  }
  AdmitByLedger(const AdmitByLedger&) = delete;
  AdmitByLedger& operator=(const AdmitByLedger&) = delete;

  void admit(unsigned number) {
    Admission::Request& request = requests_[number];
    if (admission_.may_keep(request, kWanted)) return;
    const std::lock_guard lock(mutex_);
    admission_.release(request);
    request.wanted.set(kWanted);
    admission_.ask(request, number, 7, 1);
    // There is room for all workers; whoever is granted waits for nothing.
    while (admission_.grant() != nullptr) {
    }
  }

 private:
  static constexpr Amounts kWanted{.cpu_milli = 100, .memory_bytes = 1 << 20, .slots = 1};
  std::mutex mutex_;
  Admission admission_{{.cpu_milli = 64'000, .memory_bytes = 64ll << 30, .slots = 110}};
  std::deque<Admission::Request> requests_;
};

}  // namespace

std::unique_ptr<Engine> gantry_plain(const Shape& shape, unsigned threads) {
  return std::make_unique<Gantry<AdmitAll>>(shape, threads, Order::Arrival);
}

std::unique_ptr<Engine> gantry_full(const Shape& shape, unsigned threads) {
  return std::make_unique<Gantry<AdmitByLedger>>(shape, threads, Order::Urgent);
}

}  // namespace gantry::bench
