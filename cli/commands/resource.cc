#include "cli/commands/resource.h"

#include <memory>

#include "cli/commands/linting.h"
#include "cli/commands/submission.h"
#include "cli/files.h"

namespace gantry::cli {
namespace {

using Names = std::vector<std::string>;

int get(Session& session, const ResourceFamily& family, const Names& names,
        const std::string& output) {
  for (const std::string& name : names) {
    Result<Json> object =
        session.client->call({.path = collection_of(session, family) + "/" + encode(name)});
    if (!object) return report(object.error());
    show_resource(family, *object, output);
  }
  return 0;
}

struct ListOptions {
  bool all_namespaces = false;
  std::string labels, output;
};

Result<std::vector<Json>> select(Session& session, const ResourceFamily& family,
                                 const ListOptions& options) {
  Request request{.path = options.all_namespaces && family.has_namespace
                              ? std::string("/api/v1/") + family.path + "/"
                              : collection_of(session, family)};
  if (!options.labels.empty()) {
    request.query.emplace_back("listOptions.labelSelector", options.labels);
  }
  Result<Json> answer = session.client->call(std::move(request));
  if (!answer) return fail(answer.error());
  const Json& items = at(*answer, {"items"});
  return items.is_array() ? items.get<std::vector<Json>>() : std::vector<Json>();
}

int list(Session& session, const ResourceFamily& family, const ListOptions& options) {
  auto found = select(session, family, options);
  if (!found) return report(found.error());
  if (options.output == "json") {
    print_json(Json(*found));
  } else if (options.output == "yaml") {
    print_yaml(Json(*found));
  } else if (options.output == "name") {
    for (const Json& object : *found) print_line(text_at(object, {"metadata", "name"}));
  } else {
    print(family.table(*found, options.all_namespaces && family.has_namespace));
  }
  return 0;
}

int remove(Session& session, const ResourceFamily& family, Names names, bool all) {
  if (all) {
    auto found = select(session, family, {});
    if (!found) return report(found.error());
    names.clear();
    for (const Json& object : *found) names.push_back(text_at(object, {"metadata", "name"}));
  } else if (names.empty()) {
    return report("requires a name, or --all");
  }
  for (const std::string& name : names) {
    Result<Json> answer = session.client->call(
        {.method = "DELETE", .path = collection_of(session, family) + "/" + encode(name)});
    if (!answer) return report(answer.error());
    print_line(std::string(family.kind) + " '" + name + "' deleted");
  }
  return 0;
}

}  // namespace

void show_resource(const ResourceFamily& family, const Json& object, const std::string& output) {
  if (output == "json") {
    print_json(object);
  } else if (output == "yaml") {
    print_yaml(object);
  } else if (output == "name") {
    print_line(text_at(object, {"metadata", "name"}));
  } else {
    print(family.view(object));
  }
}

int send_resources(Session& session, const ResourceFamily& family, const Names& files, bool strict,
                   const std::string& output, const char* method) {
  auto documents = read_documents(files);
  if (!documents) return report(documents.error());
  if (documents->empty()) {
    return report(std::string("No ") + family.words + " found in given files");
  }
  for (const Document& document : *documents) {
    Request request{.method = method,
                    .path = collection_of(session, family),
                    .query = {{"file", document.name}},
                    .body = document.text,
                    .content_type = "application/yaml"};
    if (strict) request.query.emplace_back("strict", "true");
    Result<Json> answer = session.client->call(std::move(request));
    if (!answer) return report_document(session, document, answer.error());
    for (const Json& object : at(*answer, {"items"})) show_resource(family, object, output);
  }
  return 0;
}

std::string collection_of(const Session& session, const ResourceFamily& family) {
  return family.has_namespace ? session.collection(family.path)
                              : std::string("/api/v1/") + family.path;
}

void add_resource_commands(Command& parent, Session& session, const ResourceFamily& family) {
  parent.needs_subcommand();
  struct FileOptions {
    Names files;
    std::string output;
    bool strict = true;
  };
  const std::string words = family.words;
  struct Sending {
    const char* name;
    const char* method;
    std::string description;
  };
  for (const Sending& sending : {Sending{"create", "POST", "Create " + words},
                                 {"update", "PUT", "Change " + words + " that there are"}}) {
    if (family.own_create && sending.name == std::string("create")) continue;
    auto options = std::make_shared<FileOptions>();
    parent.add(sending.name, sending.description)
        .arguments("FILE", options->files, "Files or directories; - is standard input")
        .choice("-o,--output", options->output, {"name", "json", "yaml", "wide"})
        .flag("--strict,!--no-strict", options->strict,
              "A number or boolean where a text is wanted is an error (the default)")
        .action([&session, &family, options, method = sending.method] {
          return send_resources(session, family, options->files, options->strict, options->output,
                                method);
        });
  }

  auto got = std::make_shared<FileOptions>();
  parent.add("get", "Show " + words)
      .arguments("NAME", got->files, "Names")
      .choice("-o,--output", got->output, {"name", "json", "yaml", "wide"})
      .action([&session, &family, got] { return get(session, family, got->files, got->output); });

  auto listed = std::make_shared<ListOptions>();
  Command lists = parent.add("list", "List " + words);
  if (family.has_namespace) {
    lists.flag("-A,--all-namespaces", listed->all_namespaces, "In all namespaces");
  }
  lists.option("-l,--selector", listed->labels, "Only with these labels: a=b,c!=d")
      .choice("-o,--output", listed->output, {"name", "json", "yaml", "wide"})
      .action([&session, &family, listed] { return list(session, family, *listed); });

  struct DeleteOptions {
    Names names;
    bool all = false;
  };
  auto deleted = std::make_shared<DeleteOptions>();
  parent.add("delete", "Delete " + words)
      .optional_arguments("NAME", deleted->names, "Names")
      .flag("--all", deleted->all, "All of the namespace")
      .action([&session, &family, deleted] {
        return remove(session, family, deleted->names, deleted->all);
      });

  auto linted = std::make_shared<LintOptions>();
  Command lints = parent.add("lint", "Check files of " + words);
  add_lint_options(lints, *linted);
  linted->kinds = {family.kind};
  lints.action([&session, linted] { return lint_files(session, *linted); });
}

}  // namespace gantry::cli
