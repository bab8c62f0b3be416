#pragma once

// A containerd that outlives the daemon: it keeps pods with their labels, and claims. What it is asked takes a while and
// may hang; what it tells comes late, twice, and of two pods in any order; it forgets tasks, dies and comes back. Below it
// is the simulated runtime, which knows how pods run.

#include <deque>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "tests/simulation/daemon/machine.h"

namespace gantry::testing::whole {

class SimulatedContainerd final : public runtime::Runtime, private runtime::Listener {
 public:
  explicit SimulatedContainerd(Machine& machine);
  ~SimulatedContainerd() override { machine_.pods.set_listener(nullptr); }

  /// The daemon of today.
  struct Client {
    /// Before each request: false when the daemon is dead.
    std::function<bool(const std::string& what)> may_ask;
    /// Has the listener told on the daemon's loop.
    std::function<void(std::function<void(runtime::Listener&)>)> tell;
  };
  void attach(Client client);
  /// The daemon is gone. Of what it asked last, some was heard.
  void detach();

  /// It dies, and is back after a while. What runs goes on.
  void die(Duration down);
  /// The task of some running pod vanishes. False: there is none.
  bool forget(std::uint64_t roll);
  /// The machine is rebooted: no task is left.
  void forget_all();

  void find(std::function<void(std::vector<runtime::FoundPod>)> done);
  void owners(std::function<void(std::vector<std::string>)> done);

  void prepare(runtime::PodSpec pod) override;
  void start(const std::string& pod) override;
  void signal(const std::string& pod, int signal, bool everything) override;
  void signal_container(const std::string& pod, const std::string& container, int signal) override;
  void adopt(runtime::PodSpec pod) override;
  void remove(const std::string& pod) override;
  void remove_claims(const std::string& owner) override;

  // What a checker wants to know.
  [[nodiscard]] std::vector<std::string> pods_left() const;
  [[nodiscard]] const std::set<std::string>& claims() const { return claims_; }
  /// Exit codes of main containers that ended by themselves or were killed, by pod.
  [[nodiscard]] const std::map<std::string, int>& exit_codes() const { return exit_codes_; }
  [[nodiscard]] bool did_forget() const { return did_forget_; }

 private:
  struct Pod {
    std::map<std::string, std::string> labels;
    bool exists = false, started = false, ended = false, forgotten = false;
    bool removing_silently = false;  ///< its task only
    std::deque<std::function<void()>> requests;
    Time told_until{};
  };

  void ask(const std::string& pod, const std::string& what, std::function<void()> request);
  void serve_later(const std::string& pod);
  void serve(const std::string& pod);
  void tell(const std::string& pod, const std::string& what, std::function<void(runtime::Listener&)> event);
  void deliver(Duration delay, const std::string& what, std::function<void(runtime::Listener&)> event);
  void forget_task(const std::string& id, Pod& pod);

  // What the simulated runtime tells.
  void on_prepared(const std::string& pod) override;
  void on_failed(const std::string& pod, const Error& error) override;
  void on_started(const std::string& pod, Time at) override;
  void on_container(const std::string& pod, const std::string& container, const runtime::ContainerChange& change) override;
  void on_ready(const std::string& pod, const std::string& address) override;
  void on_output(const std::string& pod, const std::string& output, const std::string& content) override;
  void on_exited(const std::string& pod, runtime::PodExit exit) override;
  void on_lost(const std::string& pod, const Error& error) override;
  void on_removed(const std::string& pod) override;
  void on_progress(const std::string&, const std::string&) override {}
  void on_connected(bool) override {}

  Machine& machine_;
  std::optional<Client> client_;
  std::uint64_t connection_ = 0;  ///< what was under way on an earlier one is void
  std::uint64_t death_ = 0;
  bool down_ = false;
  std::vector<std::function<void()>> held_;  ///< while it is down
  std::map<std::string, Pod> pods_;
  std::set<std::string> claims_;  ///< owners
  std::map<std::string, int> exit_codes_;
  bool did_forget_ = false;
};

}  // namespace gantry::testing::whole
