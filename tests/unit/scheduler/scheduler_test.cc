#include "scheduler/scheduler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

namespace gantry::scheduler {
namespace {

using ::testing::ElementsAre;

Topology graph_of(Index tasks, const std::vector<std::pair<Index, Index>>& edges) {
  return workflow::build_topology(tasks, edges);
}

std::vector<Index> take_all(Worker& worker) {
  std::vector<Index> tasks;
  while (auto ready = worker.next()) tasks.push_back(ready->task);
  return tasks;
}

TEST(Scheduler, GivesRootsFirstAndSuccessorsWhenTheirLastDependencyIsDone) {
  Topology graph = graph_of(4, {{0, 1}, {0, 2}, {1, 3}, {2, 3}});
  Scheduler scheduler;
  Worker& worker = scheduler.worker();
  Frame* frame = worker.open(graph, 0, 0, nullptr);
  EXPECT_THAT(take_all(worker), ElementsAre(0));
  EXPECT_FALSE(worker.complete(frame, 0));
  EXPECT_THAT(take_all(worker), ElementsAre(1, 2));
  EXPECT_FALSE(worker.complete(frame, 1));
  EXPECT_THAT(take_all(worker), ElementsAre());
  EXPECT_FALSE(worker.complete(frame, 2));
  EXPECT_THAT(take_all(worker), ElementsAre(3));
  EXPECT_TRUE(worker.complete(frame, 3));
  EXPECT_TRUE(frame->is_done());
  worker.close(frame);
}

TEST(Scheduler, CompletingTwiceCountsOnce) {
  Topology graph = graph_of(3, {{0, 2}, {1, 2}});
  Scheduler scheduler;
  Worker& worker = scheduler.worker();
  Frame* frame = worker.open(graph, 0, 0, nullptr);
  take_all(worker);
  worker.complete(frame, 0);
  worker.complete(frame, 0);
  EXPECT_THAT(take_all(worker), ElementsAre());
  EXPECT_FALSE(frame->is_done());
  worker.close(frame);
}

TEST(Scheduler, LongerCriticalPathComesFirstThenWrittenOrder) {
  // 2 → 3 → 4 is longer than 0 and 1 → 5.
  Topology graph = graph_of(6, {{2, 3}, {3, 4}, {1, 5}});
  Scheduler scheduler;
  Worker& worker = scheduler.worker();
  Frame* frame = worker.open(graph, 0, 0, nullptr);
  EXPECT_THAT(take_all(worker), ElementsAre(2, 1, 0));
  worker.close(frame);
}

TEST(Scheduler, PriorityBeatsCriticalPathAndEqualsComeInOrderOfOpening) {
  Topology lone = graph_of(1, {}), chain = graph_of(2, {{0, 1}});
  Scheduler scheduler;
  Worker& worker = scheduler.worker();
  int a = 0, b = 0, c = 0, d = 0;
  Frame* frames[] = {worker.open(chain, 0, 0, &a), worker.open(lone, 5, 0, &b), worker.open(lone, 0, 0, &c),
                     worker.open(lone, 0, 0, &d)};
  std::vector<void*> owners;
  while (auto ready = worker.next()) owners.push_back(ready->frame->owner());
  EXPECT_THAT(owners, ElementsAre(&b, &a, &c, &d));
  for (Frame* frame : frames) worker.close(frame);
}

TEST(Scheduler, AClosedFrameGivesNothingMoreWhereverItsEntriesStand) {
  Topology graph = graph_of(3, {});
  Scheduler scheduler;
  Worker& worker = scheduler.worker();
  worker.close(worker.open(graph, 0, 0, nullptr));  // entries in the inbox
  Frame* in_heap = worker.open(graph, 0, 0, nullptr);
  ASSERT_TRUE(worker.next());
  worker.close(in_heap);
  EXPECT_FALSE(worker.next());
  Frame* left = worker.open(graph, 0, 0, nullptr);  // closed after the scheduler saw it, never asked again
  ASSERT_TRUE(worker.next());
  worker.close(left);
}

TEST(Scheduler, TheWayBehindAFrameCounts) {
  Topology lone = graph_of(1, {}), chain = graph_of(2, {{0, 1}});
  Scheduler scheduler;
  Worker& worker = scheduler.worker();
  int a = 0, b = 0;
  Frame* frames[] = {worker.open(chain, 0, 0, &a), worker.open(lone, 0, 5, &b)};
  EXPECT_EQ(worker.next()->frame->owner(), &b) << "one task, but five behind it";
  EXPECT_EQ(worker.next()->frame->owner(), &a);
  for (Frame* frame : frames) worker.close(frame);
}

TEST(Scheduler, WhatBecomesReadyLaterMayBeMoreUrgent) {
  // 0 → 4 → 5 → 6 is long; 1, 2 and 3 are short.
  Topology graph = graph_of(7, {{0, 4}, {4, 5}, {5, 6}});
  Scheduler scheduler;
  Worker& worker = scheduler.worker();
  Frame* frame = worker.open(graph, 0, 0, nullptr);
  EXPECT_EQ(worker.next()->task, 0u);
  EXPECT_EQ(worker.next()->task, 1u);
  worker.complete(frame, 0);
  EXPECT_EQ(worker.next()->task, 4u);
  EXPECT_THAT(take_all(worker), ElementsAre(2, 3));
  worker.close(frame);
}

TEST(Scheduler, FramesOpenInsideOfFrames) {
  Topology graph = graph_of(2, {{0, 1}});
  Scheduler scheduler;
  Worker& worker = scheduler.worker();
  Frame* outer = worker.open(graph, 0, 0, nullptr);
  Frame* inner = nullptr;
  std::vector<std::pair<bool, Index>> order;
  while (auto ready = worker.next()) {
    const bool is_outer = ready->frame == outer;
    order.emplace_back(is_outer, ready->task);
    if (is_outer && ready->task == 0) {
      inner = worker.open(graph, 0, 1, nullptr);
    } else if (worker.complete(ready->frame, ready->task) && !is_outer) {
      worker.close(inner);
      worker.complete(outer, 0);
    }
  }
  EXPECT_THAT(order, ElementsAre(std::pair(true, 0u), std::pair(false, 0u), std::pair(false, 1u), std::pair(true, 1u)));
  EXPECT_TRUE(outer->is_done());
  worker.close(outer);
}

TEST(Scheduler, AThreadWithoutAWorkerCompletes) {
  Topology graph = graph_of(3, {{0, 2}, {1, 2}});
  Scheduler scheduler;
  Worker& worker = scheduler.worker();
  Frame* frame = worker.open(graph, 0, 0, nullptr);
  EXPECT_THAT(take_all(worker), ElementsAre(0, 1));
  std::thread([&] {
    scheduler.complete(frame, 1);
    scheduler.complete(frame, 0);
    scheduler.complete(frame, 0);
  }).join();
  EXPECT_THAT(take_all(worker), ElementsAre(2));
  EXPECT_EQ(worker.take_done(), nullptr);
  std::thread([&] { scheduler.complete(frame, 2); }).join();
  EXPECT_THAT(take_all(worker), ElementsAre());
  EXPECT_EQ(worker.take_done(), frame);
  EXPECT_TRUE(frame->is_done());
  worker.close(frame);
}

}  // namespace
}  // namespace gantry::scheduler
