#pragma once

// The container of a shim: what containerd asks of it becomes calls of the OCI runtime, and what happens to its
// processes becomes events. Loop thread; nothing here blocks but the mounting of its root file system.
//
// Calls that change the first process (start, pause, resume, update, delete) are made one after the other. Signals,
// waits and execs do not wait for them: a runtime that hangs cannot keep a container from being killed.
//
// Errors have the stock shim's codes and words (containerd 1.6, pkg/process), by which clients tell them apart.

#include <google/protobuf/message_lite.h>

#include <deque>
#include <map>
#include <memory>

#include "github.com/containerd/containerd/runtime/v2/runc/options/oci.pb.h"
#include "github.com/containerd/containerd/runtime/v2/task/shim.pb.h"
#include "runtime/shim/bundle.h"
#include "runtime/shim/oci_runtime.h"
#include "runtime/shim/process.h"

namespace gantry::shim {

namespace api = ::containerd::task::v2;

class Container {
 public:
  using Limit = std::optional<Duration>;
  template <class T>
  using Done = std::function<void(Result<T>)>;
  /// Tells containerd.
  using Tell = std::function<void(const char* topic, const google::protobuf::MessageLite& event)>;

  Container(Loop& loop, Children& children, std::string name_space, Tell tell);
  ~Container();
  Container(const Container&) = delete;

  /// First and once. After an error nothing is mounted, and the runtime may have left something (remove.h).
  void create(const api::CreateTaskRequest& request, const Limit& limit, Done<pid_t> done);

  // From here on: an empty `exec` is the first process. NotFound: there is no such process.
  void start(const std::string& exec, const Limit& limit, Done<pid_t> done);
  Result<void> add_exec(const api::ExecProcessRequest& request);
  void kill(const std::string& exec, int signal, bool all, const Limit& limit, Done<void> done);
  void remove(const std::string& exec, const Limit& limit, Done<api::DeleteResponse> done);
  void pause(const Limit& limit, Done<void> done);
  void resume(const Limit& limit, Done<void> done);
  /// `resources`: the OCI LinuxResources, JSON.
  void update(const std::string& resources, const Limit& limit, Done<void> done);
  /// The processes that the runtime finds in the container's cgroup.
  void pids(const Limit& limit, Done<std::vector<pid_t>> done);
  void wait(const std::string& exec, std::function<void(const Exit&)> done);
  Result<void> resize(const std::string& exec, unsigned width, unsigned height);
  Result<void> close_input(const std::string& exec);

  Result<Process*> process(const std::string& exec);
  /// The id of the exec with this pid; empty if it is none.
  [[nodiscard]] std::string exec_of(pid_t pid) const;
  [[nodiscard]] const std::string& id() const { return id_; }
  [[nodiscard]] const Bundle& bundle() const { return bundle_; }
  [[nodiscard]] pid_t pid() const { return init_ ? init_->pid : 0; }
  [[nodiscard]] bool deleted() const { return init_ && init_->phase == Phase::Deleted; }

 private:
  using Next = std::function<void()>;
  struct Launch;

  // Of the first process and of execs.
  Result<std::shared_ptr<Launch>> open(Process& process);
  void launch(Process& process, std::vector<std::string> arguments, const std::string& pid_file, const Limit& limit,
              std::shared_ptr<Launch> launch, Done<pid_t> done);
  void follow(const std::shared_ptr<Process>& process);
  void ended(Process& process, Exit exit);
  void tell_end(Process& process, Exit exit);
  void finish(Process& process, Exit exit);
  void tell_exit(Process& process, Exit exit);

  void start_init(const Limit& limit, Done<pid_t> done);
  void start_exec(Process& process, const Limit& limit, Done<pid_t> done);
  void remove_init(const Limit& limit, Done<api::DeleteResponse> done);
  void remove_exec(Process& process, Done<api::DeleteResponse> done);
  void unmount(int attempt, Next done);
  void simple(const char* verb, const char* failed, const Limit& limit, Done<void> done);
  void one_by_one(std::function<void(Next)> task);
  void run_next();

  Loop& loop_;
  Children& children_;
  const std::string name_space_;
  Tell tell_;
  std::string id_;
  Bundle bundle_{""};
  ::containerd::runc::v1::Options options_;
  std::unique_ptr<OciRuntime> runtime_;
  bool mounted_ = false;
  bool kill_all_at_end_ = false;  ///< its first process is not the first of a pid namespace
  std::shared_ptr<Process> init_;
  std::map<std::string, std::shared_ptr<Process>> execs_;
  std::deque<std::function<void(Next)>> tasks_;
  bool busy_ = false;
};

}  // namespace gantry::shim
