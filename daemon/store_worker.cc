#include "daemon/store_worker.h"

#include <pthread.h>

#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

namespace gantry {
namespace {

class StoreThread final : public StoreWorker {
 public:
  StoreThread(const std::string& name, std::function<void()> work)
      : work_(std::move(work)), thread_([this] { serve(); }) {
    pthread_setname_np(thread_.native_handle(), name.c_str());
  }
  ~StoreThread() override {
    {
      std::lock_guard lock(mutex_);
      closing_ = true;
    }
    ready_.notify_one();
    thread_.join();
  }

  void wake() override {
    {
      std::lock_guard lock(mutex_);
      woken_ = true;
    }
    ready_.notify_one();
  }

 private:
  void serve() {
    while (true) {
      {
        std::unique_lock lock(mutex_);
        ready_.wait(lock, [this] { return closing_ || woken_; });
        if (!std::exchange(woken_, false)) return;
      }
      work_();
    }
  }

  const std::function<void()> work_;
  std::mutex mutex_;
  std::condition_variable ready_;
  bool woken_ = false;
  bool closing_ = false;
  std::thread thread_;
};

}  // namespace

std::unique_ptr<StoreWorker> store_thread(const std::string& name, std::function<void()> work) {
  return std::make_unique<StoreThread>(name, std::move(work));
}

}  // namespace gantry
