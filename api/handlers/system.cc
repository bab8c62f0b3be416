#include "api/handlers/handlers.h"

namespace gantry::api {

void health(Backend&, Request&, AnswerPtr answer) { answer->text("ok"); }

void version(Backend& backend, Request&, AnswerPtr answer) { answer->object(backend.version()); }

void info(Backend&, Request&, AnswerPtr answer) {
  answer->object({{"managedNamespace", ""},
                  {"links", Json::array()},
                  {"columns", Json::array()},
                  {"modals", Json::object()},
                  {"navColor", ""}});
}

void user_info(Backend&, Request& request, AnswerPtr answer) {
  // By number: names may come from the network (NSS), and this is the loop.
  answer->object({{"issuer", "unix"},
                  {"subject", "uid:" + std::to_string(request.caller.uid)},
                  {"groups", Json::array({"gid:" + std::to_string(request.caller.gid)})}});
}

void tracking_event(Backend&, Request&, AnswerPtr answer) { answer->object(Json::object()); }

void not_supported_yet(Backend&, Request& request, AnswerPtr answer) {
  static constexpr std::pair<std::string_view, std::string_view> kWhat[] = {
      {"/submit",
       "submitting from a WorkflowTemplate, ClusterWorkflowTemplate or CronWorkflow; send the "
       "workflow itself to POST /api/v1/workflows/{namespace}"},
      {"/retry", "retry of a workflow"},
      {"/resubmit", "resubmit of a workflow"},
      {"/suspend", "suspend of a workflow"},
      {"/resume", "resume of a workflow"},
      {"/set", "set of a node"},
  };
  if (request.path.starts_with("/api/v1/workflows/")) {
    for (auto [end, what] : kWhat) {
      if (!request.path.ends_with(end)) continue;
      return answer->fail(Error{Code::Unimplemented, "not supported yet: " + std::string(what)});
    }
  }
  answer->fail(
      Error{Code::Unimplemented, "not supported yet: " + request.method + " " + request.path});
}

}  // namespace gantry::api
