#include "api/handlers/handlers.h"

namespace gantry::api {

// 200 in any case: what is wrong with the disk is not mended by restarting the daemon.
void health(Backend& backend, Request&, AnswerPtr answer) {
  const std::string trouble = backend.health();
  answer->text(trouble.empty() ? "ok" : "degraded: " + trouble);
}

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
  answer->fail(
      Error{Code::Unimplemented, "not supported yet: " + request.method + " " + request.path});
}

}  // namespace gantry::api
