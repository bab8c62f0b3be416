#include "scheduler/admission.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace gantry::scheduler {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr Amounts kHost{.cpu_milli = 4000, .memory_bytes = 8ll << 30, .slots = 4};

Amounts cpu(std::int64_t milli) { return {.cpu_milli = milli, .memory_bytes = 0, .slots = 1}; }

std::vector<Admission::Ticket> grants(Admission& admission) {
  std::vector<Admission::Ticket> tickets;
  while (auto ticket = admission.grant()) tickets.push_back(*ticket);
  return tickets;
}

TEST(Admission, GrantsInOrderOfPriorityThenCriticalPathThenArrival) {
  Admission admission(kHost);
  admission.enqueue(1, cpu(0), 0, 1);
  admission.enqueue(2, cpu(0), 0, 1);
  admission.enqueue(3, cpu(0), 0, 9);
  admission.enqueue(4, cpu(0), 7, 1);
  EXPECT_THAT(grants(admission), ElementsAre(4, 3, 1, 2));
}

TEST(Admission, BooksAndGivesBackEveryAmount) {
  Admission admission(kHost);
  admission.enqueue(1, {.cpu_milli = 3000, .memory_bytes = 6ll << 30, .slots = 1}, 0, 1);
  admission.enqueue(2, cpu(2000), 0, 1);
  EXPECT_THAT(grants(admission), ElementsAre(1));
  EXPECT_EQ(admission.available(), (Amounts{1000, 2ll << 30, 3}));
  admission.release(1);
  EXPECT_THAT(grants(admission), ElementsAre(2));
  admission.release(2);
  admission.release(2);
  EXPECT_EQ(admission.available(), kHost);
}

TEST(Admission, TheFirstInTheQueueIsNotOvertaken) {
  Admission admission(kHost);
  admission.enqueue(1, cpu(3000), 0, 1);
  EXPECT_THAT(grants(admission), ElementsAre(1));
  admission.enqueue(2, cpu(4000), 0, 1);
  admission.enqueue(3, cpu(100), 0, 1);
  EXPECT_THAT(grants(admission), ElementsAre());
  admission.release(2);  // it gives up: the next one gets its turn
  EXPECT_THAT(grants(admission), ElementsAre(3));
}

TEST(Admission, SaysWhyARequestCanNeverBeGranted) {
  Admission admission(kHost);
  EXPECT_EQ(admission.impossible(cpu(4000)), std::nullopt);
  EXPECT_THAT(admission.impossible(cpu(4001)).value(), HasSubstr("requests 4001m CPU, this host offers 4000m"));
  EXPECT_THAT(admission.impossible({0, 9ll << 30, 1}).value(), HasSubstr("9216 MiB"));
}

TEST(Admission, WhatRunsAlreadyIsBookedWhateverTheLedgerSays) {
  Admission admission(kHost);
  for (Admission::Ticket ticket = 1; ticket <= 6; ++ticket) admission.book(ticket, cpu(1000));
  EXPECT_EQ(admission.available().cpu_milli, -2000);
  admission.enqueue(7, cpu(0), 0, 1);
  EXPECT_FALSE(admission.grant());
  for (Admission::Ticket ticket = 1; ticket <= 6; ++ticket) admission.release(ticket);
  EXPECT_EQ(admission.grant(), 7u);
}

TEST(Admission, TheLedgerIsExactAfterAnyOrderOfCalls) {
  Admission admission(kHost);
  std::mt19937 random(3);
  for (int i = 0; i < 20'000; ++i) {
    Admission::Ticket ticket = random() % 50;
    if (random() % 2 == 0) {
      admission.release(ticket);
      admission.enqueue(ticket, cpu(random() % 2000), static_cast<int>(random() % 3), random() % 4);
    } else {
      admission.release(ticket);
    }
    admission.grant();
    ASSERT_GE(admission.available().cpu_milli, 0);
    ASSERT_GE(admission.available().slots, 0);
  }
  for (Admission::Ticket ticket = 0; ticket < 50; ++ticket) admission.release(ticket);
  EXPECT_EQ(admission.available(), kHost);
  EXPECT_EQ(admission.waiting(), 0u);
}

}  // namespace
}  // namespace gantry::scheduler
