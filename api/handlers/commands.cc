// What can be done with a workflow that there is: PUT …/{name}/VERB.

#include "api/body.h"
#include "api/handlers/handlers.h"
#include "api/selector.h"
#include "api/submit_options.h"

namespace gantry::api {
namespace {

tl::unexpected<Error> pass(Error error) { return tl::unexpected<Error>(std::move(error)); }

/// A text field of a message; absent and null are "".
Result<std::string> text_of(const Json& body, const char* field) {
  auto value = body.find(field);
  if (value == body.end() || value->is_null()) return std::string();
  if (!value->is_string()) {
    return fail(Code::InvalidArgument, std::string(field) + " is not a string");
  }
  return value->get<std::string>();
}

Result<bool> flag_of(const Json& body, const char* field) {
  auto value = body.find(field);
  if (value == body.end() || value->is_null()) return false;
  if (!value->is_boolean()) {
    return fail(Code::InvalidArgument, std::string(field) + " is not true or false");
  }
  return value->get<bool>();
}

/// `outputParameters`: JSON text inside a string, as Argo's clients send it.
Result<std::vector<std::pair<std::string, std::string>>> read_outputs(const std::string& text) {
  std::vector<std::pair<std::string, std::string>> out;
  if (text.empty()) return out;
  Json map = Json::parse(text, nullptr, false);
  if (!map.is_object()) {
    return fail(Code::InvalidArgument, "unable to parse output parameter set request: \"" + text +
                                           "\" is not a JSON object");
  }
  for (const auto& [name, value] : map.items()) {
    if (!value.is_string()) {
      return fail(Code::InvalidArgument,
                  "unable to parse output parameter set request: " + name + " is not a string");
    }
    out.emplace_back(name, value.get<std::string>());
  }
  return out;
}

Result<Command> read_command(const Request& request, Verb verb) {
  auto body = parse_object(request.body);
  if (!body) return pass(std::move(body.error()));
  Command command{.verb = verb, .caller = request.caller};
  struct Text {
    const char* field;
    std::string* into;
  };
  std::string outputs;
  const Text texts[] = {{"nodeFieldSelector", &command.node_selector},
                        {"message", &command.message},
                        {"phase", &command.phase},
                        {"outputParameters", &outputs}};
  for (const Text& text : texts) {
    auto value = text_of(*body, text.field);
    if (!value) return pass(std::move(value.error()));
    *text.into = std::move(*value);
  }
  if (auto ok = check_field_selector(command.node_selector); !ok) {
    return pass(std::move(ok.error()));
  }
  auto restart = flag_of(*body, "restartSuccessful"), memoized = flag_of(*body, "memoized");
  if (!restart) return pass(std::move(restart.error()));
  if (!memoized) return pass(std::move(memoized.error()));
  command.restart_successful = *restart;
  command.memoized = *memoized;
  auto parameters = read_parameters(body->value("parameters", Json()));
  if (!parameters) return pass(std::move(parameters.error()));
  command.parameters = std::move(*parameters);
  auto output_parameters = read_outputs(outputs);
  if (!output_parameters) return pass(std::move(output_parameters.error()));
  command.output_parameters = std::move(*output_parameters);
  return command;
}

}  // namespace

void command_workflow(Backend& backend, Request& request, AnswerPtr answer) {
  struct Name {
    std::string_view end;
    Verb verb;
  };
  static constexpr Name kVerbs[] = {{"/stop", Verb::Stop},        {"/terminate", Verb::Terminate},
                                    {"/suspend", Verb::Suspend},  {"/resume", Verb::Resume},
                                    {"/set", Verb::Set},          {"/retry", Verb::Retry},
                                    {"/resubmit", Verb::Resubmit}};
  for (const Name& name : kVerbs) {
    if (!request.path.ends_with(name.end)) continue;
    auto command = read_command(request, name.verb);
    if (!command) return answer->fail(std::move(command.error()));
    return backend.command(request.name_space(), request.name(), std::move(*command),
                           reply_with_document(std::move(answer)));
  }
  answer->fail(Error{Code::Internal, "no such command: " + request.path});
}

}  // namespace gantry::api
