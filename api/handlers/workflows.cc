#include "api/handlers/handlers.h"
#include "api/selector.h"

namespace gantry::api {
namespace {

tl::unexpected<Error> pass(Error error) { return tl::unexpected<Error>(std::move(error)); }

Result<ListQuery> read_workflow_list(const Request& request, const Fields& fields) {
  const Query& query = request.query;
  auto list = read_list(request);
  if (!list) return list;
  auto after = query.time("createdAfter"), before = query.time("finishedBefore");
  if (!after) return pass(std::move(after.error()));
  if (!before) return pass(std::move(before.error()));
  list->created_after = *after;
  list->finished_before = *before;
  list->with_nodes = !fields.excludes("items.status.nodes");
  return list;
}

}  // namespace

Result<ListQuery> read_list(const Request& request) {
  const Query& query = request.query;
  ListQuery list;
  list.name_space = request.name_space();
  auto labels = parse_label_selector(query.text("listOptions.labelSelector"));
  if (!labels) return pass(std::move(labels.error()));
  list.labels = std::move(*labels);
  // In Argo `nameFilter` says only how the field selector's name is meant.
  auto name = parse_name_selector(query.text("listOptions.fieldSelector"));
  if (!name) return pass(std::move(name.error()));
  list.name_filter = std::move(*name);
  const std::string& match = query.text("nameFilter");
  if (match.empty() || match == "Exact") {
    list.name_match = ListQuery::NameMatch::Exact;
  } else if (match == "Contains") {
    list.name_match = ListQuery::NameMatch::Contains;
  } else if (match == "Prefix") {
    list.name_match = ListQuery::NameMatch::Prefix;
  } else {
    return fail(Code::InvalidArgument,
                "query parameter nameFilter: \"" + match + "\" is not Contains, Prefix or Exact");
  }
  auto limit = query.number("listOptions.limit");
  if (!limit) return pass(std::move(limit.error()));
  list.limit = limit->value_or(0);
  list.continue_token = query.text("listOptions.continue");
  return list;
}

Json list_json(ListPage page, const Fields& fields) {
  Json metadata = {{"resourceVersion", ""}};
  if (!page.continue_token.empty()) metadata["continue"] = page.continue_token;
  if (page.remaining > 0) metadata["remainingItemCount"] = page.remaining;
  Json out = {{"metadata", std::move(metadata)}, {"items", std::move(page.items)}};
  fields.apply(out);
  // Clients iterate over `items` whatever they asked to see.
  if (!out.contains("items")) out["items"] = Json::array();
  return out;
}

void list_workflows(Backend& backend, Request& request, AnswerPtr answer) {
  Fields fields(request.query.text("fields"));
  auto list = read_workflow_list(request, fields);
  if (!list) return answer->fail(std::move(list.error()));
  backend.list(std::move(*list), reply_with<ListPage>(std::move(answer), [fields](ListPage page) {
                 return list_json(std::move(page), fields);
               }));
}

void get_workflow(Backend& backend, Request& request, AnswerPtr answer) {
  Fields fields(request.query.text("fields"));
  auto first = request.query.number("nodes.continue"), limit = request.query.number("nodes.limit");
  if (!first) return answer->fail(std::move(first.error()));
  if (!limit) return answer->fail(std::move(limit.error()));
  const NodePage nodes{.first = first->value_or(0), .limit = limit->value_or(0), .left_out = fields.excludes("status.nodes")};
  if (fields.empty()) return backend.get(request.name_space(), request.name(), nodes, reply_with_document(std::move(answer)));
  backend.get(request.name_space(), request.name(), nodes,
              reply_with<Document>(std::move(answer), [fields](Document workflow) {
                Json whole = std::move(workflow).whole();
                fields.apply(whole);
                return whole;
              }));
}

void delete_workflow(Backend& backend, Request& request, AnswerPtr answer) {
  backend.remove(request.name_space(), request.name(), reply_with_object(std::move(answer)));
}

}  // namespace gantry::api
