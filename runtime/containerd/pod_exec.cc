#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/json_text.h"
#include "base/unique_fd.h"
#include "runtime/containerd/outputs.h"
#include "runtime/containerd/pod_life.h"

namespace gantry::containerd {
namespace {

namespace tasks = api::tasks;
namespace fs = std::filesystem;

constexpr Duration kExecDeadline = std::chrono::seconds(30);

// What is exec'd has the surroundings of the container's own program.
std::string process_for(const std::string& own, const runtime::ExecSpec& spec) {
  auto process = nlohmann::json::parse(own, nullptr, false);
  if (!process.is_object()) return {};
  process["terminal"] = false;
  process["args"] = spec.arguments;
  for (const auto& variable : spec.env)
    process["env"].push_back(variable.name + "=" + variable.value);
  if (!spec.working_dir.empty()) process["cwd"] = spec.working_dir;
  return json_text(process);
}

}  // namespace

struct PodLife::Exec {
  runtime::ExecSpec spec;
  ExecDone done;
  std::string id;
  std::string output;  ///< of the host; the files of both streams begin with it
  bool timed_out = false;
  bool over = false;
};

void PodLife::exec(runtime::ExecSpec spec, ExecDone done) {
  const auto index =
      spec.container.empty() ? std::optional(main_container()) : index_of(spec.container);
  if (!index || *index >= containers_.size()) {
    return services_.post(
        [done, name = spec.container] { done(fail(Code::NotFound, "no container " + name)); });
  }
  exec_in(*index, std::move(spec), std::move(done));
}

void PodLife::exec_in(std::size_t index, runtime::ExecSpec spec, ExecDone done) {
  const Container& container = containers_[index];
  if (container.phase != Phase::Running || spec.arguments.empty()) {
    const bool empty = spec.arguments.empty();
    return services_.post([done, empty, name = container.name] {
      done(empty ? fail(Code::InvalidArgument, "nothing to run")
                 : fail(Code::NotFound, "container " + name + " does not run"));
    });
  }
  auto exec = std::make_shared<Exec>();
  exec->spec = std::move(spec);
  exec->done = std::move(done);
  exec->id =
      "exec" + std::to_string(++execs_) + "-" + std::to_string(now().time_since_epoch().count());
  exec->output = services_.volumes->pod_directory(pod_.id) + "/exec/" + exec->id;
  auto made = std::make_shared<Result<void>>();
  services_.offload(
      [exec, made] {
        std::error_code error;
        fs::create_directories(fs::path(exec->output).parent_path(), error);
        for (const char* stream : {".stdout", ".stderr"}) {
          const UniqueFd fd(
              ::open((exec->output + stream).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
          if (!fd.valid()) *made = fail(errno_error("create " + exec->output, errno));
        }
      },
      [self = shared_from_this(), index, exec, made] {
        if (!*made) return exec->done(fail(made->error()));
        self->find_process(index, exec);
      });
}

void PodLife::find_process(std::size_t index, const std::shared_ptr<Exec>& exec) {
  if (!containers_[index].process.empty()) return make_exec(index, exec);
  api::GetContainerRequest request;
  request.set_id(containers_[index].id);
  call(services_.channel, services_.containers, &api::Containers::Stub::PrepareAsyncGet, request,
       kMetadataDeadline,
       [self = shared_from_this(), index, exec](Result<api::GetContainerResponse> answer) {
         if (!answer) return exec->done(fail(answer.error().wrap("exec")));
         const auto spec =
             nlohmann::json::parse(answer->container().spec().value(), nullptr, false);
         if (!spec.is_object() || !spec.contains("process")) {
           return exec->done(fail(Code::DataLoss, "the container's specification has no process"));
         }
         self->containers_[index].process =
             json_text(spec["process"]);
         self->make_exec(index, exec);
       });
}

void PodLife::make_exec(std::size_t index, const std::shared_ptr<Exec>& exec) {
  tasks::ExecProcessRequest request;
  request.set_container_id(containers_[index].id);
  request.set_exec_id(exec->id);
  request.set_stdout(exec->output + ".stdout");
  request.set_stderr(exec->output + ".stderr");
  request.mutable_spec()->set_type_url("types.containerd.io/opencontainers/runtime-spec/1/Process");
  request.mutable_spec()->set_value(process_for(containers_[index].process, exec->spec));
  call(services_.channel, services_.tasks, &tasks::Tasks::Stub::PrepareAsyncExec, request,
       kExecDeadline,
       [self = shared_from_this(), index, exec](Result<google::protobuf::Empty> answer) {
         if (!answer) return exec->done(fail(answer.error().wrap("exec")));
         self->start_exec(index, exec);
       });
}

void PodLife::start_exec(std::size_t index, const std::shared_ptr<Exec>& exec) {
  auto self = shared_from_this();
  tasks::StartRequest start;
  start.set_container_id(containers_[index].id);
  start.set_exec_id(exec->id);
  call(services_.channel, services_.tasks, &tasks::Tasks::Stub::PrepareAsyncStart, start,
       kExecDeadline, [self, index, exec](Result<tasks::StartResponse> started) {
         if (!started) return self->end_exec(index, exec, fail(started.error().wrap("exec")));
         tasks::WaitRequest wait;
         wait.set_container_id(self->containers_[index].id);
         wait.set_exec_id(exec->id);
         call(self->services_.channel, self->services_.tasks, &tasks::Tasks::Stub::PrepareAsyncWait,
              wait, kNoDeadline, [self, index, exec](Result<tasks::WaitResponse> ended) {
                self->end_exec(index, exec,
                               ended ? Result<int>(static_cast<int>(ended->exit_status()))
                                     : fail(ended.error().wrap("exec")));
              });
         if (exec->spec.timeout == Duration(0)) return;
         self->services_.after(exec->spec.timeout, [self, index, exec] {
           if (exec->over) return;
           exec->timed_out = true;
           tasks::KillRequest kill;
           kill.set_container_id(self->containers_[index].id);
           kill.set_exec_id(exec->id);
           kill.set_signal(SIGKILL);
           call(self->services_.channel, self->services_.tasks,
                &tasks::Tasks::Stub::PrepareAsyncKill, kill, kMetadataDeadline,
                [](const Result<google::protobuf::Empty>&) {});
         });
       });
}

/// Its output is complete once the process is deleted.
void PodLife::end_exec(std::size_t index, const std::shared_ptr<Exec>& exec, Result<int> status) {
  exec->over = true;
  tasks::DeleteProcessRequest request;
  request.set_container_id(containers_[index].id);
  request.set_exec_id(exec->id);
  call(services_.channel, services_.tasks, &tasks::Tasks::Stub::PrepareAsyncDeleteProcess, request,
       kExecDeadline,
       [self = shared_from_this(), exec, status](const Result<tasks::DeleteResponse>&) {
         auto output = std::make_shared<std::string>();
         self->services_.offload(
             [exec, output] {
               for (const char* stream : {".stdout", ".stderr"}) {
                 *output += read_tail(exec->output + stream, kStdoutTailBytes);
                 ::unlink((exec->output + stream).c_str());
               }
             },
             [exec, output, status] {
               if (exec->timed_out) {
                 const auto seconds = std::to_string(exec->spec.timeout.count());
                 return exec->done(
                     fail(Code::DeadlineExceeded, "command timed out after " + seconds + " ms"));
               }
               if (!status) return exec->done(fail(status.error()));
               exec->done(runtime::ExecResult{*status, std::move(*output)});
             });
       });
}

}  // namespace gantry::containerd
