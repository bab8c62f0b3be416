// Several workers: each task exactly once, and never before its dependencies. ThreadSanitizer watches.

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <fstream>
#include <random>
#include <string>
#include <thread>

#include "scheduler/scheduler.h"

namespace gantry::scheduler {
namespace {

using std::chrono::nanoseconds;
using std::chrono::steady_clock;

Topology random_graph(Index tasks, unsigned edges, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<std::pair<Index, Index>> pairs;
  for (Index i = 1; i < tasks; ++i) {
    for (unsigned n = 0; n < edges; ++n) pairs.emplace_back(static_cast<Index>(random() % i), i);
  }
  return workflow::build_topology(tasks, pairs);
}

struct Case {
  unsigned workers;
  Order order;
  nanoseconds work;  ///< of every 8th task; the others take nothing
};

void PrintTo(const Case& c, std::ostream* out) {
  *out << c.workers << " workers, order " << static_cast<int>(c.order) << ", " << c.work.count() << " ns";
}

class Workers : public ::testing::TestWithParam<Case> {};

TEST_P(Workers, DoEachTaskOnceAndAfterItsDependencies) {
  const Case& c = GetParam();
  for (std::uint32_t seed = 1; seed <= 3; ++seed) {
    const Topology graph = random_graph(20'000, seed, seed);
    // Plain memory: what a task reads of those it depends on must have been published by the scheduler alone.
    std::vector<int> done(graph.task_count());
    std::vector<std::vector<Index>> dependencies(graph.task_count());
    for (Index from = 0; from < graph.task_count(); ++from) {
      for (const Index to : graph.successors_of(from)) dependencies[to].push_back(from);
    }
    Scheduler scheduler(c.workers, c.order);
    std::atomic<int> frames_done{0};
    const auto run = [&](Worker&, Ready ready) {
      for (const Index dependency : dependencies[ready.task]) EXPECT_EQ(done[dependency], 1);
      if (c.work.count() > 0 && ready.task % 8 == 0) {
        for (const auto end = steady_clock::now() + c.work; steady_clock::now() < end;) {
        }
      }
      ++done[ready.task];
      return true;
    };
    const auto over = [&](Frame*) {
      ++frames_done;
      scheduler.stop();
    };
    Frame* frame = scheduler.worker().open(graph, 0, 0, nullptr);
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < c.workers; ++i) threads.emplace_back([&, i] { scheduler.worker(i).work(run, over); });
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(frames_done, 1);
    EXPECT_TRUE(frame->is_done());
    for (Index task = 0; task < graph.task_count(); ++task) ASSERT_EQ(done[task], 1) << task;
    scheduler.worker().close(frame);
  }
}

INSTANTIATE_TEST_SUITE_P(Scheduler, Workers,
                         ::testing::Values(Case{1, Order::Urgent, {}}, Case{2, Order::Urgent, {}},
                                           Case{2, Order::Arrival, {}}, Case{4, Order::Urgent, {}},
                                           Case{3, Order::Arrival, nanoseconds(3000)},
                                           Case{2, Order::Urgent, nanoseconds(20'000)},
                                           Case{4, Order::Urgent, nanoseconds(5000)}));

/// Tasks that take long are shared at once: both workers must be inside of one at the same time, or neither goes on.
TEST(Workers, ShareWhatIsSlowFromTheBeginning) {
  const Topology two = workflow::build_topology(2, {});
  Scheduler scheduler(2);
  std::atomic<int> inside{0};
  const auto run = [&](Worker&, Ready) {
    ++inside;
    while (inside.load() < 2) std::this_thread::yield();
    return true;
  };
  const auto over = [&](Frame*) { scheduler.stop(); };
  std::thread other([&] { scheduler.worker(1).work(run, over); });
  Frame* frame = scheduler.worker().open(two, 0, 0, nullptr);
  scheduler.worker().work(run, over);
  other.join();
  EXPECT_TRUE(frame->is_done());
  scheduler.worker().close(frame);
}

/// A thread that has no worker, and completes what it is given.
class Elsewhere {
 public:
  explicit Elsewhere(Scheduler& scheduler) : scheduler_(scheduler) {}
  ~Elsewhere() {
    over_ = true;
    thread_.join();
  }
  Elsewhere(const Elsewhere&) = delete;
  Elsewhere& operator=(const Elsewhere&) = delete;

  void complete(Ready ready) {
    auto* batch = new Batch;
    batch->completed = ready;
    given_.push(batch);
  }

 private:
  void run() {
    while (!over_.load()) {
      Batch* batch = given_.take_all();
      if (batch == nullptr) std::this_thread::yield();
      while (batch != nullptr) {
        scheduler_.complete(batch->completed.frame, batch->completed.task);
        delete std::exchange(batch, batch->next);
      }
    }
  }
  Scheduler& scheduler_;
  Stack<Batch> given_;
  std::atomic<bool> over_{false};
  std::thread thread_{[this] { run(); }};
};

/// A fan whose leaves are slow enough to be shared: what several of them count in one is there when the last one is done.
TEST(Workers, CountTheEndOfAFanTogether) {
  constexpr Index kLeaves = 2'000;
  std::vector<std::pair<Index, Index>> edges;
  for (Index leaf = 0; leaf < kLeaves; ++leaf) edges.emplace_back(leaf, kLeaves);
  const Topology fan = workflow::build_topology(kLeaves + 1, edges);
  for (const Order order : {Order::Urgent, Order::Arrival}) {
    Scheduler scheduler(3, order);
    Elsewhere elsewhere(scheduler);
    std::vector<int> done(kLeaves + 1);
    const auto run = [&](Worker&, Ready ready) {
      if (ready.task == kLeaves) {
        for (Index leaf = 0; leaf < kLeaves; ++leaf) EXPECT_EQ(done[leaf], 1);
      }
      for (const auto end = steady_clock::now() + std::chrono::microseconds(2); steady_clock::now() < end;) {
      }
      ++done[ready.task];
      // Some are completed by others, in the middle of what is counted together.
      if (ready.task == kLeaves || ready.task % 97 != 0) return true;
      elsewhere.complete(ready);
      return false;
    };
    const auto end = [&](Frame*) { scheduler.stop(); };
    Frame* frame = scheduler.worker().open(fan, 0, 0, nullptr);
    std::thread one([&] { scheduler.worker(1).work(run, end); }), two([&] { scheduler.worker(2).work(run, end); });
    scheduler.worker().work(run, end);
    one.join();
    two.join();
    EXPECT_TRUE(frame->is_done());
    EXPECT_EQ(done, std::vector<int>(kLeaves + 1, 1));
    scheduler.worker().close(frame);
  }
}

/// Fast and slow tasks by turns: frames are shared, come back to their owner, and are shared again.
TEST(Workers, ShareAndTakeBackByTurns) {
  const Topology graph = random_graph(60'000, 2, 11);
  Scheduler scheduler(2);
  std::vector<int> done(graph.task_count());
  const auto run = [&](Worker&, Ready ready) {
    if (ready.task / 5'000 % 2 == 1 && ready.task % 50 == 0) std::this_thread::sleep_for(std::chrono::microseconds(20));
    ++done[ready.task];
    return true;
  };
  const auto over = [&](Frame*) { scheduler.stop(); };
  Frame* frame = scheduler.worker().open(graph, 0, 0, nullptr);
  std::thread other([&] { scheduler.worker(1).work(run, over); });
  scheduler.worker().work(run, over);
  other.join();
  EXPECT_TRUE(frame->is_done());
  EXPECT_EQ(done, std::vector<int>(graph.task_count(), 1));
  scheduler.worker().close(frame);
}

/// Workers and threads that have none, together: the runner gives every other task away.
TEST(Workers, TasksAreCompletedElsewhere) {
  const Topology graph = random_graph(5'000, 2, 9);
  Scheduler scheduler(2);
  Elsewhere elsewhere(scheduler);
  std::atomic<Index> ran{0};
  const auto run = [&](Worker&, Ready ready) {
    ++ran;
    if (ready.task % 2 == 0) return true;
    elsewhere.complete(ready);
    return false;
  };
  const auto done = [&](Frame*) { scheduler.stop(); };
  Frame* frame = scheduler.worker().open(graph, 0, 0, nullptr);
  std::thread other([&] { scheduler.worker(1).work(run, done); });
  scheduler.worker().work(run, done);
  other.join();
  EXPECT_EQ(ran, graph.task_count());
  EXPECT_TRUE(frame->is_done());
  scheduler.worker().close(frame);
}

/// What was completed elsewhere ends its frame at once, although the worker has other tasks: one follows the other until then.
TEST(Workers, HearOfTheEndOfAFrameWhileTheyAreBusy) {
  const Topology one = workflow::build_topology(1, {});
  Scheduler scheduler;
  Worker& worker = scheduler.worker();
  Elsewhere elsewhere(scheduler);
  Frame* awaited = worker.open(one, 0, 0, nullptr);
  worker.open(one, 0, 0, nullptr);
  worker.work(
      [&](Worker&, Ready ready) {
        if (ready.frame == awaited) {
          elsewhere.complete(ready);
          return false;
        }
        if (awaited != nullptr) worker.open(one, 0, 0, nullptr);
        return true;
      },
      [&](Frame* frame) {
        if (frame != awaited && awaited == nullptr) scheduler.stop();
        if (frame == awaited) awaited = nullptr;
        worker.close(frame);
      });
  EXPECT_EQ(awaited, nullptr);
}

/// Whether a thread of this process sleeps.
bool sleeps(pid_t thread) {
  std::ifstream stat("/proc/self/task/" + std::to_string(thread) + "/stat");
  std::string line;
  std::getline(stat, line);
  const std::size_t name_end = line.rfind(')');
  return name_end + 2 < line.size() && line[name_end + 2] == 'S';
}

/// What a worker has completed it does not keep to itself while another has nothing to do, not even if tasks were fast so far that
/// are counted together: the task after it may be long, and here it lasts until the other has done what was waited for.
TEST(Workers, CountAtOnceWhileAnotherIsIdle) {
  if (std::thread::hardware_concurrency() < 2) GTEST_SKIP() << "the second worker keeps aside where there is one processor";
  constexpr Index kBefore = 2'000, kBeside = 200, kJoin = kBefore, kFirst = kJoin + 1, kLong = kFirst + 1,
                  kAwaited = kLong + kBeside + 1;
  std::vector<std::pair<Index, Index>> edges;
  for (Index i = 0; i < kJoin; ++i) edges.emplace_back(i, kJoin);
  for (Index i = kFirst; i < kAwaited; ++i) edges.emplace_back(kJoin, i);
  edges.emplace_back(kFirst, kAwaited);
  const Topology graph = workflow::build_topology(kAwaited + 1, edges);
  Scheduler scheduler(2, Order::Arrival);
  std::array<std::atomic<pid_t>, 2> threads{};
  std::atomic<bool> long_runs = false, awaited_ran = false, in_time = false;
  const auto work = [&](unsigned number) {
    threads[number] = gettid();
    const auto run = [&](Worker&, Ready ready) {
      const pid_t other = threads[1 - number];
      const auto begin = steady_clock::now();
      const auto wait_until = [&](auto&& condition, nanoseconds longest) {
        while (!condition() && steady_clock::now() - begin < longest) {
        }
      };
      if (ready.task == kFirst) {
        wait_until([&] { return long_runs || sleeps(other); }, std::chrono::seconds(20));
      } else if (ready.task == kLong) {
        long_runs = true;
        wait_until([&] { return awaited_ran.load(); }, std::chrono::seconds(20));
        in_time = awaited_ran.load();
      } else if (ready.task == kAwaited) {
        awaited_ran = true;
      } else {
        wait_until([] { return false; }, std::chrono::microseconds(1));
      }
      return true;
    };
    scheduler.worker(number).work(run, [&](Frame*) { scheduler.stop(); });
  };
  std::thread other([&] {
    while (threads[0] == 0) std::this_thread::yield();
    work(1);
  });
  Frame* frame = scheduler.worker().open(graph, 0, 0, nullptr);
  work(0);
  other.join();
  EXPECT_TRUE(in_time);
  scheduler.worker().close(frame);
}

/// What several of them complete is counted together: tasks of a large frame and of small ones, whose ends are near.
TEST(Workers, CountTasksOfSeveralFramesTogether) {
  const Topology large = workflow::build_topology(20'000, {});
  const Topology small = workflow::build_topology(4, {{{0, 3}, {1, 3}, {2, 3}}});
  Scheduler scheduler(2);
  std::atomic<int> frames_open{1}, ran{0};
  const auto run = [&](Worker& worker, Ready ready) {
    for (const auto end = steady_clock::now() + std::chrono::microseconds(1); steady_clock::now() < end;) {
    }
    ++ran;
    if (ready.frame->owner() == nullptr && ready.task % 50 == 0) {
      ++frames_open;
      worker.open(small, 1, 0, &scheduler);
    }
    return true;
  };
  const auto work = [&](unsigned number) {
    Worker& worker = scheduler.worker(number);
    worker.work(run, [&](Frame* frame) {
      worker.close(frame);
      if (--frames_open == 0) scheduler.stop();
    });
  };
  scheduler.worker().open(large, 0, 0, nullptr);
  std::thread other([&] { work(1); });
  work(0);
  other.join();
  EXPECT_EQ(ran, 20'000 + 400 * 4);
}

/// A million loops of loops: frames are opened and closed by whoever is there.
TEST(Workers, OpenAndCloseFramesAsTheyGo) {
  const Topology outer = workflow::build_topology(200, {});
  const Topology inner = random_graph(20, 2, 4);
  Scheduler scheduler(3);
  std::atomic<Index> ran{0};
  const auto run = [&](Worker& worker, Ready ready) {
    if (ready.frame->owner() != nullptr) {
      ++ran;
      return true;
    }
    worker.open(inner, 0, 0, new Ready(ready));
    return false;
  };
  Frame* frame = nullptr;
  const auto done = [&](Worker& worker, Frame* ended) {
    if (ended->owner() == nullptr) return scheduler.stop();
    const std::unique_ptr<Ready> caller(static_cast<Ready*>(ended->owner()));
    worker.close(ended);
    if (worker.complete(caller->frame, caller->task)) scheduler.stop();  // of another worker's frame that one hears of it
  };
  const auto work = [&](unsigned number) {
    Worker& worker = scheduler.worker(number);
    worker.work(run, [&](Frame* ended) { done(worker, ended); });
  };
  frame = scheduler.worker().open(outer, 0, 0, nullptr);
  std::thread one([&] { work(1); }), two([&] { work(2); });
  work(0);
  one.join();
  two.join();
  EXPECT_EQ(ran, 4'000u);
  EXPECT_TRUE(frame->is_done());
  scheduler.worker().close(frame);
}

}  // namespace
}  // namespace gantry::scheduler
