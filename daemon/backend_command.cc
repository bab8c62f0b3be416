// What can be done with a workflow that there is: stopped, suspended and the like
// (backend_rerun.cc: run again).

#include <nlohmann/json.hpp>
#include <utility>

#include "daemon/backend.h"
#include "daemon/node_selector.h"
#include "daemon/workflow_json.h"

namespace gantry {

using api::Command;
using api::Json;
using api::Verb;

std::string user_of(const api::Caller& caller) {
  return caller.pid == 0 && caller.uid == 0 ? "gantryd" : "uid:" + std::to_string(caller.uid);
}

/// The reason of the event that a command becomes.
static std::string_view past_of(Verb verb) {
  switch (verb) {
    case Verb::Stop:
      return "Stopped";
    case Verb::Terminate:
      return "Terminated";
    case Verb::Suspend:
      return "Suspended";
    case Verb::Resume:
      return "Resumed";
    case Verb::Set:
      return "Set";
    case Verb::Retry:
      return "Retried";
    case Verb::Resubmit:
      return "Resubmitted";
  }
  return "Commanded";
}

/// Why a command has nothing to do with a workflow that is over.
static Error is_over(const engine::RunInfo& info, Verb verb) {
  switch (verb) {
    case Verb::Suspend:
      return {Code::FailedPrecondition, "cannot suspend completed workflows"};
    case Verb::Resume:
    case Verb::Set:
      return {Code::FailedPrecondition,
              "currently, set only targets suspend nodes: no suspend nodes matching the selector "
              "in the completed workflow \"" +
                  info.name + "\""};
    case Verb::Stop:
    case Verb::Terminate:
    case Verb::Retry:
    case Verb::Resubmit:
      break;
  }
  return {Code::FailedPrecondition, "cannot shutdown a completed workflow: workflow: \"" +
                                        info.name + "\", namespace: \"" + info.name_space + "\""};
}

void DaemonBackend::terminate(const std::string& uid) {
  auto output = daemon_.engine().shut_down(uid, engine::Shutdown::Terminate, daemon_.now());
  // One that is over already needs no stopping.
  if (output) daemon_.effects().apply(std::move(*output));
}

void DaemonBackend::command(const std::string& name_space, const std::string& name, Command command,
                            api::Reply<api::Document> reply) {
  find(name_space, name,
       [this, command = std::move(command), reply = std::move(reply)](Result<Found> found) {
         if (!found) return reply(fail(std::move(found.error())));
         if (command.verb == Verb::Resubmit) return resubmit(*found, command, reply);
         if (command.verb == Verb::Retry) return retry(*found, command, reply);
         const auto* live = std::get_if<const engine::Run*>(&*found);
         if (live == nullptr) {
           return reply(fail(is_over(std::get<StoredRun>(*found).info, command.verb)));
         }
         const std::string uid = (*live)->info.uid;
         Result<engine::Output> output = act(**live, command);
         if (!output) return reply(fail(std::move(output.error())));
         daemon_.record(uid, std::string(past_of(command.verb)), said_by(command));
         daemon_.effects().apply(std::move(*output));
         const engine::Run* run = daemon_.engine().find_uid(uid);
         api::Document document = run == nullptr ? Json::object() : workflow_document(*run);
         daemon_.effects().after_commit(
             [reply, document = std::move(document)]() mutable { reply(std::move(document)); });
       });
}

/// `by uid:0, nodes displayName=x: because`.
std::string DaemonBackend::said_by(const Command& command) {
  std::string text = "by " + user_of(command.caller);
  if (!command.node_selector.empty()) text += ", nodes " + command.node_selector;
  if (!command.message.empty()) text += ": " + command.message;
  return text;
}

Result<engine::Output> DaemonBackend::act(const engine::Run& run, const Command& command) {
  auto selector = NodeSelector::parse(command.node_selector);
  if (!selector) return fail(std::move(selector.error()));
  const engine::Engine::Wanted wanted = [&](const engine::Run&, const engine::Node& node) {
    return selector->matches(node);
  };
  engine::Engine& engine = daemon_.engine();
  const std::string& uid = run.info.uid;
  switch (command.verb) {
    case Verb::Stop:
      if (!command.node_selector.empty()) {
        return engine.fail_suspended(uid, wanted, command.message, daemon_.now());
      }
      return daemon_.engine().shut_down(run.info.uid, engine::Shutdown::Stop, daemon_.now());
    case Verb::Terminate:
      return daemon_.engine().shut_down(run.info.uid, engine::Shutdown::Terminate, daemon_.now());
    case Verb::Suspend:
      return engine.suspend(uid, daemon_.now());
    case Verb::Resume:
      return engine.resume(uid, command.node_selector.empty() ? engine::Engine::Wanted() : wanted,
                           "Resumed by: map[User:" + user_of(command.caller) + "]", daemon_.now());
    case Verb::Set: {
      engine::Engine::NodeChange change;
      for (const auto& [name, value] : command.output_parameters)
        change.outputs.push_back({name, value});
      if (!command.message.empty()) change.message = command.message;
      if (!command.phase.empty()) {
        change.phase = engine::phase_from(command.phase);
        if (!change.phase)
          return fail(Code::InvalidArgument, "unknown phase \"" + command.phase + "\"");
      }
      return engine.set_nodes(uid, wanted, change, daemon_.now());
    }
    case Verb::Retry:
    case Verb::Resubmit:
      break;
  }
  return fail(Code::Internal, "no such command");
}

}  // namespace gantry
