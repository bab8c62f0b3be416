#pragma once

// Where the store works: a thread, unless whoever opens it has something else, such as a simulation in which nothing
// happens at the same time.

#include <functional>
#include <memory>
#include <string>

namespace gantry {

class StoreWorker {
 public:
  /// Nothing is under way any more once it is destroyed; what it was woken for has been done.
  virtual ~StoreWorker() = default;
  /// Has the work called soon, once or more often, but never twice at the same time. Any thread.
  virtual void wake() = 0;
};

/// `name`: what it is for, at most 15 characters.
using MakeStoreWorker =
    std::function<std::unique_ptr<StoreWorker>(const std::string& name, std::function<void()> work)>;

/// A thread that sleeps until it is woken.
std::unique_ptr<StoreWorker> store_thread(const std::string& name, std::function<void()> work);

}  // namespace gantry
