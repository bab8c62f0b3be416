#include "runtime/shim/task_service.h"

#include <google/protobuf/empty.pb.h>
#include <unistd.h>

#include <utility>

#include "runtime/shim/timestamp.h"

namespace gantry::shim {
namespace {

using google::protobuf::Empty;
namespace types = ::containerd::v1::types;

constexpr char kService[] = "containerd.task.v2.Task";

template <class T>
bool parse(const Request& request, T& message, const Reply& reply) {
  if (message.ParseFromString(request.message)) return true;
  reply(fail(Code::Internal, "ttrpc: error unmarshalling payload"));
  return false;
}

/// Answers with what `convert` makes of a success.
template <class T, class Convert>
Container::Done<T> answer(Reply reply, Convert convert) {
  return [reply = std::move(reply), convert](Result<T> result) {
    if (!result) return reply(fail(std::move(result.error())));
    reply(convert(*result).SerializeAsString());
  };
}

Container::Done<void> answer_empty(Reply reply) {
  return [reply = std::move(reply)](Result<void> result) {
    if (!result) return reply(fail(std::move(result.error())));
    reply(Empty().SerializeAsString());
  };
}

types::Status status_of(Phase phase) {
  switch (phase) {
    case Phase::Created: return types::CREATED;
    case Phase::Running: return types::RUNNING;
    case Phase::Pausing: return types::PAUSING;
    case Phase::Paused: return types::PAUSED;
    case Phase::Stopped:
    case Phase::Deleted: return types::STOPPED;
  }
  return types::UNKNOWN;
}

}  // namespace

TaskService::TaskService(Loop& loop, Children& children, std::string name_space, Container::Tell tell,
                         std::function<void()> shut_down)
    : loop_(loop),
      children_(children),
      name_space_(std::move(name_space)),
      tell_(std::move(tell)),
      shut_down_(std::move(shut_down)) {}

void TaskService::handle(Request request, Reply reply) {
  if (request.service != kService) return reply(fail(Code::Unimplemented, "service " + request.service));
  if (request.method == "Connect") {
    api::ConnectResponse response;
    response.set_shim_pid(static_cast<std::uint32_t>(::getpid()));
    if (stage_ == Stage::There && !container_->deleted()) response.set_task_pid(static_cast<std::uint32_t>(container_->pid()));
    return reply(response.SerializeAsString());
  }
  if (stage_ == Stage::Creating) {
    waiting_.push_back([this, request = std::move(request), reply = std::move(reply)] { dispatch(request, reply); });
    return;
  }
  dispatch(request, std::move(reply));
}

void TaskService::dispatch(const Request& request, Reply reply) {
  if (request.method == "Create") return create(request, std::move(reply));
  if (request.method == "Shutdown") {
    reply(Empty().SerializeAsString());
    if (idle()) shut_down_();
    return;
  }
  if (request.method == "Checkpoint") return reply(fail(Code::Unimplemented, "this shim makes no checkpoints"));
  if (request.method == "Stats") {
    return reply(fail(Code::Unimplemented, "this shim counts nothing: the cgroup file system has the figures"));
  }
  with_container(request, std::move(reply));
}

void TaskService::create(const Request& request, Reply reply) {
  api::CreateTaskRequest asked;
  if (!parse(request, asked, reply)) return;
  if (stage_ == Stage::There) return reply(fail(Code::AlreadyExists, "this shim has its container already"));
  container_ = std::make_unique<Container>(loop_, children_, name_space_, tell_);
  stage_ = Stage::Creating;
  container_->create(asked, request.limit, [this, reply = std::move(reply)](Result<pid_t> pid) {
    if (pid) {
      api::CreateTaskResponse response;
      response.set_pid(static_cast<std::uint32_t>(*pid));
      reply(response.SerializeAsString());
    } else {
      reply(fail(std::move(pid.error())));
    }
    // Not from here: the container that failed is still in use.
    loop_.post([this, success = pid.has_value()] { created(success); });
  });
}

void TaskService::created(bool success) {
  stage_ = success ? Stage::There : Stage::None;
  for (const auto& request : std::exchange(waiting_, {})) request();
}

void TaskService::with_container(const Request& request, Reply reply) {
  if (stage_ != Stage::There || container_->deleted()) {
    return reply(fail(Code::NotFound, "container not created: not found"));
  }
  Container& container = *container_;
  const auto& limit = request.limit;
  const std::string& method = request.method;
  if (method == "State") {
    api::StateRequest asked;
    if (parse(request, asked, reply)) state(asked, reply);
  } else if (method == "Start") {
    api::StartRequest asked;
    if (!parse(request, asked, reply)) return;
    container.start(asked.exec_id(), limit, answer<pid_t>(std::move(reply), [](pid_t pid) {
                      api::StartResponse response;
                      response.set_pid(static_cast<std::uint32_t>(pid));
                      return response;
                    }));
  } else if (method == "Delete") {
    api::DeleteRequest asked;
    if (!parse(request, asked, reply)) return;
    container.remove(asked.exec_id(), limit,
                     answer<api::DeleteResponse>(std::move(reply), [](auto& response) { return response; }));
  } else if (method == "Kill") {
    api::KillRequest asked;
    if (!parse(request, asked, reply)) return;
    container.kill(asked.exec_id(), static_cast<int>(asked.signal()), asked.all(), limit,
                   answer_empty(std::move(reply)));
  } else if (method == "Wait") {
    api::WaitRequest asked;
    if (!parse(request, asked, reply)) return;
    if (auto found = container.process(asked.exec_id()); !found) return reply(fail(std::move(found.error())));
    container.wait(asked.exec_id(), [reply = std::move(reply)](const Exit& exit) {
      api::WaitResponse response;
      response.set_exit_status(static_cast<std::uint32_t>(exit.status));
      set_time(*response.mutable_exited_at(), exit.at);
      reply(response.SerializeAsString());
    });
  } else if (method == "Exec") {
    api::ExecProcessRequest asked;
    if (parse(request, asked, reply)) answer_empty(std::move(reply))(container.add_exec(asked));
  } else if (method == "CloseIO") {
    api::CloseIORequest asked;
    if (parse(request, asked, reply)) answer_empty(std::move(reply))(container.close_input(asked.exec_id()));
  } else if (method == "ResizePty") {
    api::ResizePtyRequest asked;
    if (!parse(request, asked, reply)) return;
    answer_empty(std::move(reply))(container.resize(asked.exec_id(), asked.width(), asked.height()));
  } else if (method == "Pids") {
    pids(request, std::move(reply));
  } else if (method == "Pause") {
    container.pause(limit, answer_empty(std::move(reply)));
  } else if (method == "Resume") {
    container.resume(limit, answer_empty(std::move(reply)));
  } else if (method == "Update") {
    api::UpdateTaskRequest asked;
    if (parse(request, asked, reply)) container.update(asked.resources().value(), limit, answer_empty(std::move(reply)));
  } else {
    reply(fail(Code::Unimplemented, "method " + method));
  }
}

void TaskService::state(const api::StateRequest& request, const Reply& reply) {
  const auto found = container_->process(request.exec_id());
  if (!found) return reply(fail(found.error()));
  const Process& process = **found;
  const Phase first = (*container_->process(""))->phase;
  const bool frozen = first == Phase::Pausing || first == Phase::Paused;
  api::StateResponse response;
  response.set_id(process.id.empty() ? container_->id() : process.id);
  response.set_bundle(container_->bundle().path());
  response.set_pid(static_cast<std::uint32_t>(process.pid));
  response.set_status(status_of(frozen ? first : process.phase));
  response.set_stdin(process.stdio.in);
  response.set_stdout(process.stdio.out);
  response.set_stderr(process.stdio.err);
  response.set_terminal(process.stdio.terminal);
  if (process.exit) {
    response.set_exit_status(static_cast<std::uint32_t>(process.exit->status));
    set_time(*response.mutable_exited_at(), process.exit->at);
  }
  reply(response.SerializeAsString());
}

void TaskService::pids(const Request& request, Reply reply) {
  container_->pids(request.limit, answer<std::vector<pid_t>>(std::move(reply), [this](const auto& pids) {
                     api::PidsResponse response;
                     for (const pid_t pid : pids) {
                       auto& process = *response.add_processes();
                       process.set_pid(static_cast<std::uint32_t>(pid));
                       ::containerd::runc::v1::ProcessDetails details;
                       details.set_exec_id(container_->exec_of(pid));
                       if (details.exec_id().empty()) continue;
                       process.mutable_info()->set_type_url(details.GetTypeName());
                       details.SerializeToString(process.mutable_info()->mutable_value());
                     }
                     return response;
                   }));
}

}  // namespace gantry::shim
