// From a document to runs: compiled on a worker, named and reserved, accepted by the engine,
// answered once stored.

#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/json_text.h"
#include "daemon/backend.h"
#include "daemon/engine/carry_over.h"
#include "daemon/engine/fit.h"
#include "daemon/names.h"
#include "daemon/resource_document.h"
#include "daemon/submission.h"
#include "daemon/workflow_json.h"

namespace gantry {
namespace {

using api::CreateRequest;
using api::Json;

struct Document {
  CreateRequest request;
  std::shared_ptr<const workflow::TemplateLibrary> library;  ///< as it was when the request came
  std::vector<RunOrigin> origins;                            ///< of compiled, in its order
  workflow::Options options;
  engine::Host host;
  workflow::Diagnostics diagnostics;
  std::vector<workflow::Compiled> compiled;
};

/// Options that override fields of the spec. Worker thread.
void override_spec(workflow::Compiled& compiled, const CreateRequest& request) {
  if (!request.priority && request.service_account.empty()) return;
  auto plan = std::make_shared<workflow::Plan>(*compiled.plan);
  auto spec = nlohmann::ordered_json::parse(compiled.spec_json, nullptr, false);
  if (request.priority) {
    plan->priority = *request.priority;
    spec["priority"] = *request.priority;
  }
  if (!request.service_account.empty()) {
    plan->service_account_name = request.service_account;
    spec["serviceAccountName"] = request.service_account;
  }
  compiled.plan = std::move(plan);
  compiled.spec_json = spec.dump();
}

/// What the store keeps of what the run was made of. Worker thread.
RunOrigin origin_of(const workflow::Compiled& compiled) {
  RunOrigin origin{.ttl = to_text(ttl_of_spec(compiled.effective_spec_json))};
  if (!compiled.templates.empty()) {
    origin.templates = json_text(nlohmann::json(compiled.templates));
  }
  return origin;
}

Result<engine::RunInfo> info_of(workflow::Compiled& compiled, const CreateRequest& request) {
  workflow::Metadata& metadata = compiled.metadata;
  engine::RunInfo info;
  info.name_space = request.name_space.empty() ? metadata.name_space : request.name_space;
  if (!metadata.name_space.empty() && metadata.name_space != info.name_space) {
    return fail(Code::InvalidArgument,
                "the namespace of the provided object does not match the namespace sent on the "
                "request (" +
                    metadata.name_space + ", " + info.name_space + ")");
  }
  if (auto valid = check_namespace(info.name_space); !valid) return fail(valid.error());
  info.name = request.name.empty() ? metadata.name : request.name;
  info.generate_name =
      request.generate_name.empty() ? metadata.generate_name : request.generate_name;
  if (request.name.empty() && !request.generate_name.empty()) info.name.clear();
  if (info.name.empty() && info.generate_name.empty()) {
    return fail(Code::InvalidArgument, "metadata: name or generateName is required");
  }
  // A generated name is valid when the prefix with a suffix is.
  auto valid =
      check_workflow_name(info.name.empty() ? generate_name(info.generate_name) : info.name);
  if (!valid) return fail(valid.error());
  info.labels = std::move(metadata.labels);
  if (!compiled.template_name.empty()) {
    info.labels[std::string(compiled.cluster_template ? kClusterTemplateLabel : kTemplateLabel)] = compiled.template_name;
  }
  for (const auto& [key, value] : request.labels) info.labels[key] = value;
  info.annotations = std::move(metadata.annotations);
  for (const auto& [key, value] : request.annotations) info.annotations[key] = value;
  info.spec_json = std::move(compiled.spec_json);
  return info;
}

}  // namespace

void DaemonBackend::compile(CreateRequest request, bool lint, api::Reply<Candidates> reply) {
  if (daemon_.stopping()) return reply(fail(Code::Unavailable, "gantryd is stopping"));
  if (!lint && !request.dry_run) {
    if (auto admitted = daemon_.admission().check(); !admitted) return reply(fail(std::move(admitted.error())));
  }
  auto document = std::make_shared<Document>();
  document->options = {.parameters = std::move(request.parameters),
                       .entrypoint = std::move(request.entrypoint),
                       .strict = lint && request.strict,
                       .lint = lint,
                       .limits = daemon_.settings().limits};
  document->library = daemon_.resources().library(request.name_space);
  document->options.library = document->library.get();
  document->request = std::move(request);
  document->host = daemon_.engine().host();
  auto work = [document] {
    auto format = document->request.yaml ? workflow::Format::Yaml : workflow::Format::Json;
    document->compiled = workflow::compile_workflows(document->request.document, format,
                                                     document->options, document->diagnostics);
    if (document->diagnostics.has_errors()) return;
    for (workflow::Compiled& compiled : document->compiled) {
      // A lint says what would be wrong elsewhere, too; this host's size is no matter of the file.
      if (!document->options.lint) engine::check_fit(*compiled.plan, document->host, document->diagnostics);
      override_spec(compiled, document->request);
      add_template_label(compiled.spec_json, compiled.metadata.labels);
      document->origins.push_back(origin_of(compiled));
    }
  };
  daemon_.executor().offload(work, [document, reply = std::move(reply)] {
    if (document->diagnostics.has_errors()) {
      return reply(
          fail(Code::InvalidArgument,
               explain(document->diagnostics, document->request.file, document->request.yaml)));
    }
    if (document->compiled.empty()) {
      return reply(fail(Code::InvalidArgument,
                        (document->request.file.empty() ? "" : document->request.file + ": ") +
                            std::string("there is no Workflow in it")));
    }
    Candidates candidates;
    for (std::size_t i = 0; i < document->compiled.size(); ++i) {
      workflow::Compiled& compiled = document->compiled[i];
      auto info = info_of(compiled, document->request);
      if (!info) return reply(fail(std::move(info.error())));
      candidates.push_back(
          {std::move(*info), std::move(compiled.plan), std::move(document->origins[i]), nullptr, document->request.caller});
    }
    reply(std::move(candidates));
  });
}

static std::vector<Json> checked_objects(const std::vector<engine::RunInfo>& infos) {
  std::vector<Json> objects;
  for (const engine::RunInfo& info : infos) objects.push_back(workflow_json(info));
  return objects;
}

void DaemonBackend::lint(CreateRequest request, api::Reply<std::vector<Json>> reply) {
  const bool lint = !request.dry_run;
  compile(std::move(request), lint, [reply = std::move(reply)](Result<Candidates> candidates) {
    if (!candidates) return reply(fail(std::move(candidates.error())));
    std::vector<engine::RunInfo> infos;
    for (Candidate& candidate : *candidates) infos.push_back(std::move(candidate.info));
    reply(checked_objects(infos));
  });
}

void DaemonBackend::create(CreateRequest request, api::Reply<std::vector<Json>> reply) {
  create(std::move(request), nullptr, std::move(reply));
}

void DaemonBackend::create(CreateRequest request, Accepted accepted,
                           api::Reply<std::vector<Json>> reply,
                           std::shared_ptr<const Previous> previous) {
  if (request.dry_run) return lint(std::move(request), std::move(reply));
  compile(std::move(request), false,
          [this, accepted = std::move(accepted), reply = std::move(reply),
           previous = std::move(previous)](Result<Candidates> candidates) {
            if (!candidates) return reply(fail(std::move(candidates.error())));
            for (Candidate& candidate : *candidates) candidate.previous = previous;
            reserve(std::move(*candidates), accepted, reply);
          });
}

/// Gives every workflow its name, and makes sure that it is free: in the engine, among those that
/// are being asked about just now, and in the store. All workflows of a document are accepted, or
/// none.
void DaemonBackend::reserve(Candidates candidates, Accepted accepted,
                            api::Reply<std::vector<Json>> reply) {
  struct Questions {
    Candidates candidates;
    Accepted accepted;
    api::Reply<std::vector<Json>> reply;
    std::size_t open = 0;
    std::optional<Error> error;
  };
  auto questions = std::make_shared<Questions>();
  questions->reply = std::move(reply);
  questions->accepted = std::move(accepted);
  auto taken = [](const std::string& name) {
    return Error{Code::AlreadyExists, "workflows.argoproj.io \"" + name + "\" already exists"};
  };
  std::vector<std::pair<std::string, std::string>> names;
  for (Candidate& candidate : candidates) {
    engine::RunInfo& info = candidate.info;
    if (info.name.empty()) info.name = generate_name(info.generate_name);
    std::pair key(info.name_space, info.name);
    if (daemon_.engine().find(info.name_space, info.name) != nullptr ||
        !reserved_.insert(key).second) {
      for (const auto& name : names) reserved_.erase(name);
      // The one that has the name is stored first: what the client hears is true after a crash, too.
      return daemon_.effects().after_news([questions, error = taken(info.name)] { questions->reply(fail(error)); });
    }
    names.push_back(std::move(key));
  }
  questions->candidates = std::move(candidates);
  questions->open = names.size();
  for (const auto& name : names) {
    daemon_.store().load(name.first, name.second,
                         [this, questions, name, taken](Result<std::vector<StoredRun>> runs) {
                           if (!runs) {
                             questions->error = std::move(runs.error());
                           } else if (!runs->empty()) {
                             questions->error = taken(name.second);
                           }
                           if (--questions->open > 0) return;
                           for (const Candidate& c : questions->candidates) {
                             reserved_.erase({c.info.name_space, c.info.name});
                           }
                           if (questions->error)
                             return questions->reply(fail(std::move(*questions->error)));
                           submit(std::move(questions->candidates), std::move(questions->accepted),
                                  std::move(questions->reply));
                         });
  }
}

void DaemonBackend::submit(Candidates candidates, Accepted accepted,
                           api::Reply<std::vector<Json>> reply) {
  struct Answer {
    std::vector<Json> objects;
    api::Reply<std::vector<Json>> reply;
    std::size_t open = 0;
    std::optional<Error> error;
  };
  auto answer = std::make_shared<Answer>();
  answer->reply = std::move(reply);
  answer->open = candidates.size();
  for (Candidate& candidate : candidates) {
    candidate.info.uid = daemon_.new_uid();
    candidate.info.created = daemon_.now();
    std::string uid = candidate.info.uid;
    expiry_.accepted(uid, read_ttl(candidate.origin.ttl));
    std::vector<engine::Node> carried;
    if (const Previous* previous = candidate.previous.get()) {
      carried = engine::carry_over(previous->name, previous->nodes, candidate.info.name,
                                   *candidate.plan, daemon_.now());
    }
    engine::Output output =
        daemon_.engine().submit(std::move(candidate.info), std::move(candidate.plan),
                                std::move(carried), daemon_.now());
    daemon_.record(uid, "Submitted", "by " + user_of(candidate.caller));
    const engine::Run* run = daemon_.engine().find_uid(uid);
    // Without its nodes: Argo answers before there are any, and a large workflow has very many.
    if (run != nullptr) answer->objects.push_back(workflow_json(*run, false));
    daemon_.effects().submit(uid, std::move(output), std::move(candidate.origin),
                             [answer](const Result<void>& stored) {
                               if (!stored) answer->error = stored.error();
                               if (--answer->open > 0) return;
                               if (answer->error) {
                                 return answer->reply(fail(std::move(*answer->error)));
                               }
                               answer->reply(std::move(answer->objects));
                             });
    if (accepted && run != nullptr) {
      const engine::RunInfo info = run->info;  // what follows may change the engine
      accepted(info);
    }
  }
}

}  // namespace gantry
