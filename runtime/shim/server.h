#pragma once

// The shim's side of ttrpc: accepts connections, cuts requests out of them, sends answers back in whatever order they
// come. What is no request gets an error or is passed over; no input ends the shim. Loop thread.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>

#include "base/clock.h"
#include "base/error.h"
#include "base/unique_fd.h"
#include "runtime/shim/loop.h"

namespace gantry::shim {

struct Request {
  std::string service, method, message;
  std::optional<Duration> limit;  ///< that the client waits
};
/// Called once, at any time; nothing happens if the client has gone.
using Reply = std::function<void(Result<std::string>)>;

class Server {
 public:
  using Handler = std::function<void(Request, Reply)>;
  Server(Loop& loop, UniqueFd listener, Handler handler);
  ~Server();
  Server(const Server&) = delete;

 private:
  class Connection;
  void accept();

  Loop& loop_;
  UniqueFd listener_;
  Handler handler_;
  std::unordered_set<std::shared_ptr<Connection>> connections_;
};

}  // namespace gantry::shim
