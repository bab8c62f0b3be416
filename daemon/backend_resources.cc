// WorkflowTemplates, ClusterWorkflowTemplates, CronWorkflows and WorkflowEventBindings: read and
// checked on a worker, kept by the store, and known in memory once the store has them.

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/ids.h"
#include "base/json_text.h"
#include "daemon/backend.h"
#include "daemon/labels.h"
#include "daemon/names.h"
#include "daemon/resource_json.h"

namespace gantry {

using api::Json;
using api::ResourceKind;
using api::ResourceRequest;

static bool has_namespace(ResourceKind kind) {
  return kind != ResourceKind::ClusterWorkflowTemplate;
}

void DaemonBackend::read(ResourceRequest request,
                         std::function<void(const ResourceRequest&, Result<Documents>)> reply) {
  if (daemon_.stopping()) {
    return reply(request, fail(Code::Unavailable, "gantryd is stopping"));
  }
  struct Work {
    ResourceRequest request;
    std::shared_ptr<const workflow::TemplateLibrary> library;
    ResourceReading reading;
    workflow::Diagnostics diagnostics;
    Documents documents;
  };
  auto work = std::make_shared<Work>();
  work->library = daemon_.resources().library(request.name_space);
  work->reading = {.library = work->library.get(),
                   .limits = daemon_.settings().limits,
                   .strict = request.strict,
                   .lint = request.lint};
  work->request = std::move(request);
  daemon_.executor().offload(
      [work] { work->documents = read_resources(work->request, work->reading, work->diagnostics); },
      [work, reply = std::move(reply)] {
        if (work->diagnostics.has_errors()) {
          return reply(work->request,
                       fail(Code::InvalidArgument,
                            explain(work->diagnostics, work->request.file, work->request.yaml)));
        }
        reply(work->request, std::move(work->documents));
      });
}

/// The namespace of an object, from itself and from where it was sent.
static Result<std::string> namespace_of(const ResourceRequest& request,
                                        const ResourceDocument& document) {
  if (!has_namespace(request.kind)) return std::string();
  std::string name_space = request.name_space.empty() ? document.name_space : request.name_space;
  if (!document.name_space.empty() && document.name_space != name_space) {
    return fail(Code::InvalidArgument,
                "the namespace of the provided object does not match the namespace sent on the "
                "request (" +
                    document.name_space + ", " + name_space + ")");
  }
  if (auto valid = check_namespace(name_space); !valid) return fail(valid.error());
  return name_space;
}

/// A resource of a document with what the daemon sets itself; not yet one that there is.
Result<Resource> DaemonBackend::new_resource(const ResourceRequest& request,
                                             ResourceDocument document) {
  auto name_space = namespace_of(request, document);
  if (!name_space) return fail(std::move(name_space.error()));
  Resource resource{
      .kind = request.kind,
      .name_space = std::move(*name_space),
      .name = document.name.empty() ? generate_name(document.generate_name) : document.name,
      .uid = random_uuid(),
      .created = daemon_.now(),
      .version = daemon_.resources().next_version(),
      .json = std::make_shared<const std::string>(std::move(document.json)),
      .labels = std::move(document.labels)};
  return resource;
}

void DaemonBackend::create_resources(ResourceRequest request, api::Reply<std::vector<Json>> reply) {
  read(std::move(request),
       [this, reply = std::move(reply)](const ResourceRequest& asked, Result<Documents> documents) {
         if (!documents) return reply(fail(std::move(documents.error())));
         std::vector<Change> changes;
         std::vector<Json> dry;
         for (ResourceDocument& document : *documents) {
           auto resource = new_resource(asked, std::move(document));
           if (!resource) return reply(fail(std::move(resource.error())));
           if (daemon_.resources().find(resource->kind, resource->name_space, resource->name)) {
             return reply(fail(resource_exists(resource->kind, resource->name)));
           }
           dry.push_back(resource_json(*resource));
           changes.push_back({std::move(*resource), std::nullopt});
         }
         if (asked.dry_run) return reply(std::move(dry));
         put_resources(std::move(changes), false, reply);
       });
}

/// The resource that is there with what the document changes of it.
Result<Resource> DaemonBackend::changed_resource(const ResourceRequest& request,
                                                 const ResourceDocument& document) {
  auto name_space = namespace_of(request, document);
  if (!name_space) return fail(std::move(name_space.error()));
  const std::string name = request.name.empty() ? document.name : request.name;
  if (!document.name.empty() && document.name != name) {
    return fail(Code::InvalidArgument,
                "metadata.name is \"" + document.name + "\", the path says \"" + name + "\"");
  }
  const Resource* old = daemon_.resources().find(request.kind, *name_space, name);
  if (old == nullptr) return fail(resource_not_found(request.kind, name));
  Resource resource = *old;
  // The spec ends the text.
  if (!old->json->ends_with(",\"spec\":" + document.spec + "}")) ++resource.generation;
  resource.version = daemon_.resources().next_version();
  resource.json = std::make_shared<const std::string>(document.json);
  resource.labels = document.labels;
  return resource;
}

void DaemonBackend::update_resources(ResourceRequest request, api::Reply<std::vector<Json>> reply) {
  read(std::move(request),
       [this, reply = std::move(reply)](const ResourceRequest& asked, Result<Documents> documents) {
         if (!documents) return reply(fail(std::move(documents.error())));
         std::vector<Change> changes;
         std::vector<Json> dry;
         for (const ResourceDocument& document : *documents) {
           auto resource = changed_resource(asked, document);
           if (!resource) return reply(fail(std::move(resource.error())));
           dry.push_back(resource_json(*resource));
           changes.push_back({std::move(*resource), document.version});
         }
         if (asked.dry_run) return reply(std::move(dry));
         put_resources(std::move(changes), true, reply);
       });
}

void DaemonBackend::lint_resources(ResourceRequest request, api::Reply<std::vector<Json>> reply) {
  request.lint = true;
  read(std::move(request),
       [this, reply = std::move(reply)](const ResourceRequest& asked, Result<Documents> documents) {
         if (!documents) return reply(fail(std::move(documents.error())));
         std::vector<Json> objects;
         for (ResourceDocument& document : *documents) {
           auto resource = new_resource(asked, std::move(document));
           if (!resource) return reply(fail(std::move(resource.error())));
           Json object = resource_json(*resource);
           for (const char* field : {"uid", "creationTimestamp", "generation", "resourceVersion"}) {
             object["metadata"].erase(field);
           }
           objects.push_back(std::move(object));
         }
         reply(std::move(objects));
       });
}

/// Each is stored for itself; the answer comes when all are, and is the first error if there is
/// one.
void DaemonBackend::put_resources(std::vector<Change> changes, bool replace,
                                  api::Reply<std::vector<Json>> reply) {
  struct Answer {
    std::vector<Json> objects;
    api::Reply<std::vector<Json>> reply;
    std::size_t open = 0;
    std::optional<Error> error;
  };
  auto answer = std::make_shared<Answer>();
  answer->reply = std::move(reply);
  answer->open = changes.size();
  for (Change& change : changes) {
    Resource stored = change.resource;
    auto done = [this, answer, resource = std::move(change.resource)](const Result<void>& put) {
      if (put) {
        Resource newest = resource;
        // Its status may have changed while the store wrote; that change is the store's as well.
        const Resource* old =
            daemon_.resources().find(resource.kind, resource.name_space, resource.name);
        if (old != nullptr && old->uid == resource.uid) {
          newest.status = old->status;
          newest.version = std::max(newest.version, old->version);
        }
        answer->objects.push_back(resource_json(newest));
        daemon_.resources().put(newest);
        if (newest.kind == ResourceKind::CronWorkflow) cron_.put(newest);
      } else if (!answer->error) {
        answer->error = put.error();
      }
      if (--answer->open > 0) return;
      if (answer->error) return answer->reply(fail(std::move(*answer->error)));
      answer->reply(std::move(answer->objects));
    };
    // Behind statuses that are being stored: they change the version that `expected` is about.
    daemon_.effects().after_commit(
        [this, stored = std::move(stored), replace, expected = change.expected, done] {
          daemon_.store().put_resource(stored, replace, expected, done);
        });
  }
}

void DaemonBackend::get_resource(ResourceKind kind, const std::string& name_space,
                                 const std::string& name, api::Reply<Json> reply) {
  const Resource* resource =
      daemon_.resources().find(kind, has_namespace(kind) ? name_space : "", name);
  if (resource == nullptr) return reply(fail(resource_not_found(kind, name)));
  reply(resource_json(*resource));
}

static bool is_named(const api::ListQuery& query, const std::string& name) {
  using Match = api::ListQuery::NameMatch;
  if (query.name_filter.empty()) return true;
  switch (query.name_match) {
    case Match::Contains:
      return name.find(query.name_filter) != std::string::npos;
    case Match::Prefix:
      return name.starts_with(query.name_filter);
    case Match::Exact:
      return name == query.name_filter;
  }
  return false;
}

void DaemonBackend::list_resources(ResourceKind kind, api::ListQuery query,
                                   api::Reply<api::ListPage> reply) {
  api::ListPage page;
  std::string last;  // a page ends with an object, whose place is the token of the next
  for (const Resource* resource :
       daemon_.resources().list(kind, has_namespace(kind) ? query.name_space : "")) {
    // '/' sorts behind '-' and '.', which names have; a character below them keeps the order.
    std::string place = resource->name_space + "!" + resource->name;
    if (!query.continue_token.empty() && place <= query.continue_token) continue;
    if (!is_named(query, resource->name) || !matches(query.labels, resource->labels)) continue;
    if (query.limit != 0 && page.items.size() >= query.limit) {
      page.continue_token = last;
      ++page.remaining;
      continue;
    }
    page.items.push_back(resource_json(*resource));
    last = std::move(place);
  }
  reply(std::move(page));
}

void DaemonBackend::remove_resource(ResourceKind kind, const std::string& name_space,
                                    const std::string& name, api::Reply<Json> reply) {
  const std::string space = has_namespace(kind) ? name_space : "";
  if (daemon_.resources().find(kind, space, name) == nullptr) {
    return reply(fail(resource_not_found(kind, name)));
  }
  daemon_.store().remove_resource(
      kind, space, name, daemon_.resources().next_version(),
      [this, kind, space, name, reply = std::move(reply)](const Result<void>& done) {
        if (!done) return reply(fail(done.error()));
        daemon_.resources().remove(kind, space, name);
        if (kind == ResourceKind::CronWorkflow) cron_.remove(space, name);
        reply(Json::object());
      });
}

void DaemonBackend::suspend_cron(const std::string& name_space, const std::string& name,
                                 bool suspend, api::Reply<Json> reply) {
  const Resource* old = daemon_.resources().find(ResourceKind::CronWorkflow, name_space, name);
  if (old == nullptr) return reply(fail(resource_not_found(ResourceKind::CronWorkflow, name)));
  auto object = nlohmann::ordered_json::parse(*old->json, nullptr, false);
  if (!object.is_object()) {
    return reply(fail(Code::DataLoss, "the stored CronWorkflow " + name + " cannot be read"));
  }
  object["spec"]["suspend"] = suspend;
  Resource resource = *old;
  resource.json = std::make_shared<const std::string>(json_text(object));
  if (*resource.json != *old->json) ++resource.generation;
  resource.version = daemon_.resources().next_version();
  std::vector<Change> changes;
  changes.push_back({std::move(resource), std::nullopt});
  put_resources(std::move(changes), true,
                [reply = std::move(reply)](Result<std::vector<Json>> objects) {
                  if (!objects) return reply(fail(std::move(objects.error())));
                  reply(std::move(objects->front()));
                });
}

}  // namespace gantry
