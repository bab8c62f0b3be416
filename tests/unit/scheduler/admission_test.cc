#include "scheduler/admission.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <random>

namespace gantry::scheduler {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Request = Admission::Request;

constexpr Amounts kHost{.cpu_milli = 4000, .memory_bytes = 8ll << 30, .slots = 4};

Amounts cpu(std::int64_t milli) { return {.cpu_milli = milli, .memory_bytes = 0, .slots = 1}; }

class AdmissionTest : public ::testing::Test {
 protected:
  Request& ask(const Amounts& wanted, std::uint64_t group = 1, std::int32_t priority = 0, std::uint32_t height = 1) {
    Request& request = requests_.emplace_back();
    request.wanted = wanted;
    admission_.ask(request, group, priority, height);
    return request;
  }
  std::vector<Request*> grants() {
    std::vector<Request*> granted;
    while (Request* request = admission_.grant()) granted.push_back(request);
    return granted;
  }

  Admission admission_{kHost};
  std::deque<Request> requests_;
};

TEST_F(AdmissionTest, GrantsInOrderOfPriorityThenCriticalPathThenArrival) {
  Request& a = ask(cpu(0), 1, 0, 1);
  Request& b = ask(cpu(0), 1, 0, 1);
  Request& c = ask(cpu(0), 1, 0, 9);
  Request& d = ask(cpu(0), 1, 7, 1);
  EXPECT_THAT(grants(), ElementsAre(&d, &c, &a, &b));
}

TEST_F(AdmissionTest, WorkflowsOfEqualPriorityShareTheHost) {
  Request& old1 = ask(cpu(1000), 1, 0, 9);
  Request& old2 = ask(cpu(1000), 1, 0, 8);
  Request& old3 = ask(cpu(1000), 1, 0, 7);
  Request& young1 = ask(cpu(1000), 2, 0, 1);
  Request& young2 = ask(cpu(1000), 2, 0, 1);
  EXPECT_THAT(grants(), ElementsAre(&old1, &young1, &old2, &young2));
  admission_.release(young1);
  EXPECT_THAT(grants(), ElementsAre(&old3));
}

TEST_F(AdmissionTest, TheShareIsOfWhateverAWorkflowHoldsMostOf) {
  Amounts memory{.cpu_milli = 0, .memory_bytes = 5ll << 30, .slots = 1};  // 5/8 of the memory
  Request& a = ask(memory, 1);
  Request& b = ask(cpu(2000), 2);  // 1/2 of the CPU
  EXPECT_THAT(grants(), ElementsAre(&a, &b));
  Request& c = ask(cpu(100), 1);
  Request& d = ask(cpu(100), 2);
  EXPECT_EQ(admission_.grant(), &d);
  EXPECT_EQ(admission_.grant(), &c);
}

TEST_F(AdmissionTest, BooksAndGivesBackEveryAmount) {
  Request& a = ask({.cpu_milli = 3000, .memory_bytes = 6ll << 30, .slots = 1});
  Request& b = ask(cpu(2000));
  EXPECT_THAT(grants(), ElementsAre(&a));
  EXPECT_EQ(admission_.available(), (Amounts{1000, 2ll << 30, 3}));
  admission_.release(a);
  EXPECT_THAT(grants(), ElementsAre(&b));
  admission_.release(b);
  admission_.release(b);
  EXPECT_EQ(admission_.available(), kHost);
}

TEST_F(AdmissionTest, SmallOnesStartBesideABigOneThatWaitsWhenTheyCannotDelayIt) {
  Request& running = ask(cpu(2000));
  EXPECT_THAT(grants(), ElementsAre(&running));
  Request& big = ask(cpu(3500));
  Request& small1 = ask(cpu(400));
  Request& small2 = ask(cpu(400));
  Request& tiny = ask(cpu(100));
  // 3500 + 400 + 100 = 4000 fit together; with both small ones the big one would wait for one of them.
  EXPECT_THAT(grants(), ElementsAre(&small1, &tiny));
  admission_.release(running);
  EXPECT_THAT(grants(), ElementsAre(&big));
  admission_.release(small1);
  EXPECT_THAT(grants(), ElementsAre(&small2));
}

TEST_F(AdmissionTest, ABigOneIsNotStarvedByAnyNumberOfSmallOnes) {
  Request& first = ask(cpu(1000), 9);
  EXPECT_EQ(admission_.grant(), &first);
  Request& big = ask(cpu(4000), 1);
  std::deque<Request> small(1000);
  for (std::size_t i = 0; i < small.size(); ++i) {
    small[i].wanted = cpu(1);
    admission_.ask(small[i], 2 + i % 5, 0, 1);
  }
  EXPECT_THAT(grants(), ElementsAre()) << "the big one takes all CPUs: beside it there is no place";
  admission_.release(first);
  EXPECT_EQ(admission_.grant(), &big);
  for (Request& request : small) admission_.release(request);
}

TEST_F(AdmissionTest, WhatWasStartedBesideMayEndAndMakeRoomForAnother) {
  Request& running = ask(cpu(2000));
  EXPECT_THAT(grants(), ElementsAre(&running));
  ask(cpu(3500));
  Request& small1 = ask(cpu(400));
  Request& small2 = ask(cpu(400));
  EXPECT_THAT(grants(), ElementsAre(&small1));
  admission_.release(small1);
  EXPECT_THAT(grants(), ElementsAre(&small2));
}

TEST_F(AdmissionTest, AHigherPriorityComesBeforeAReservation) {
  Request& running = ask(cpu(1000));
  EXPECT_THAT(grants(), ElementsAre(&running));
  Request& big = ask(cpu(4000), 1, 0);
  EXPECT_THAT(grants(), ElementsAre());
  Request& urgent = ask(cpu(3500), 2, 5);
  EXPECT_THAT(grants(), ElementsAre()) << "it is the reserved one now";
  admission_.release(running);
  EXPECT_THAT(grants(), ElementsAre(&urgent));
  admission_.release(urgent);
  EXPECT_THAT(grants(), ElementsAre(&big));
}

TEST_F(AdmissionTest, TheReservedOneMayGiveUp) {
  Request& running = ask(cpu(3000));
  EXPECT_THAT(grants(), ElementsAre(&running));
  Request& big = ask(cpu(4000));
  Request& small = ask(cpu(100));
  EXPECT_THAT(grants(), ElementsAre());
  admission_.release(big);
  EXPECT_THAT(grants(), ElementsAre(&small));
}

TEST_F(AdmissionTest, WorkOfTheSameKindMayKeepItsPlaceWhileNobodyWaits) {
  Request& a = ask(cpu(1000));
  EXPECT_FALSE(admission_.may_keep(a, cpu(1000))) << "it has no place yet";
  EXPECT_THAT(grants(), ElementsAre(&a));
  EXPECT_TRUE(admission_.may_keep(a, cpu(1000)));
  EXPECT_FALSE(admission_.may_keep(a, cpu(999)));
  ask(cpu(1));
  EXPECT_FALSE(admission_.may_keep(a, cpu(1000)));
}

TEST_F(AdmissionTest, SaysWhyARequestCanNeverBeGranted) {
  EXPECT_EQ(admission_.impossible(cpu(4000)), std::nullopt);
  EXPECT_THAT(admission_.impossible(cpu(4001)).value(), HasSubstr("requests 4001m CPU, this host offers 4000m"));
  EXPECT_THAT(admission_.impossible({0, 9ll << 30, 1}).value(), HasSubstr("9216 MiB"));
  Amounts gpu = cpu(1);
  gpu.named[2] = 1;
  EXPECT_THAT(admission_.impossible(gpu).value(), HasSubstr("requests 1 of a named resource, this host offers 0"));
}

TEST_F(AdmissionTest, WhatRunsAlreadyIsBookedWhateverTheLedgerSays) {
  std::deque<Request> running(6);
  for (Request& request : running) {
    request.wanted = cpu(1000);
    admission_.book(request, 1);
  }
  EXPECT_EQ(admission_.available().cpu_milli, -2000);
  Request& waiting = ask(cpu(0));
  EXPECT_EQ(admission_.grant(), nullptr);
  for (Request& request : running) admission_.release(request);
  EXPECT_EQ(admission_.grant(), &waiting);
}

/// Random requests: the ledger is exact and never below zero, and whoever is reserved starts once those have ended that
/// ran when it became so.
TEST_F(AdmissionTest, HoldsItsPromisesWhateverTheOrderOfCalls) {
  std::mt19937 random(3);
  std::deque<Request> requests(50);
  std::vector<Amounts> wanted(requests.size());
  for (int i = 0; i < 50'000; ++i) {
    const std::size_t one = random() % requests.size();
    admission_.release(requests[one]);
    if (random() % 2 == 0) {
      wanted[one] = cpu(static_cast<std::int64_t>(random() % 4001));
      wanted[one].memory_bytes = static_cast<std::int64_t>(random() % 9) << 30;
      wanted[one].slots = 1 + static_cast<std::int64_t>(random() % 2);
      requests[one].wanted = wanted[one];
      admission_.ask(requests[one], random() % 4, static_cast<int>(random() % 2), random() % 4);
    }
    while (admission_.grant() != nullptr) {
    }
    Amounts sum{0, 0, 0};
    bool booked = false;
    std::size_t waiting = 0;
    for (std::size_t k = 0; k < requests.size(); ++k) {
      if (requests[k].is_booked()) sum += wanted[k], booked = true;
      waiting += requests[k].is_waiting() ? 1 : 0;
    }
    ASSERT_EQ(admission_.available() + sum, kHost);
    ASSERT_TRUE(sum.fits_into(kHost));
    ASSERT_EQ(admission_.waiting(), waiting);
    ASSERT_TRUE(booked || waiting == 0) << "the host is idle and somebody waits";
  }
  for (Request& request : requests) admission_.release(request);
  EXPECT_EQ(admission_.available(), kHost);
}

}  // namespace
}  // namespace gantry::scheduler
