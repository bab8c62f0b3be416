#include "workflow/argo/overrides.h"

#include <algorithm>
#include <unordered_map>

#include "workflow/argo/merge.h"
#include "workflow/argo/reader.h"

namespace gantry::workflow::argo {
namespace {

using Entries = std::vector<Node::Entry>;

Entries copy_of(const Node* map) {
  return map != nullptr && map->is_map() ? Entries(map->entries.begin(), map->entries.end())
                                         : Entries();
}

const Node* make_map(Document& document, const Entries& entries, Mark at) {
  Node* node = document.make_node();
  node->kind = Node::Kind::Map;
  node->at = at;
  node->entries = document.intern(entries);
  return node;
}

/// Puts `value` under `key`, in the place of what stood there.
void set(Entries& entries, std::string_view key, Mark at, const Node* value) {
  const auto found = std::find_if(entries.begin(), entries.end(), [&](const Node::Entry& entry) {
    return equal_but_for_case(entry.key, key);
  });
  if (found != entries.end()) {
    found->value = value;
  } else {
    entries.push_back({key, at, value});
  }
}

/// spec.arguments.parameters with the submitter's values.
const Node* parameters(Document& document, const Node* written, const Options& options, Mark at) {
  std::unordered_map<std::string_view, std::string_view> values;  // the last of a doubled name wins
  for (const auto& [name, value] : options.parameters) values[name] = value;
  std::vector<const Node*> items;
  if (written != nullptr && written->is_sequence()) {
    for (const Node* item : written->items) {
      const Node* name = item->is_map() ? get(item, "name") : nullptr;
      const auto found =
          name != nullptr && name->is_scalar() ? values.find(name->text) : values.end();
      if (found != values.end()) {
        Entries entries = copy_of(item);
        std::erase_if(entries,
                      [](const Node::Entry& e) { return equal_but_for_case(e.key, "valueFrom"); });
        set(entries, "value", item->at, document.make_text(found->second, item->at));
        item = make_map(document, entries, item->at);
        values.erase(found);
      }
      items.push_back(item);
    }
  }
  for (const auto& [name, value] : options.parameters) {
    const auto left = values.find(name);
    if (left == values.end()) continue;
    items.push_back(make_map(document,
                             {{"name", at, document.make_text(name, at)},
                              {"value", at, document.make_text(left->second, at)}},
                             at));
    values.erase(left);
  }
  Node* list = document.make_node();
  list->kind = Node::Kind::Sequence;
  list->at = at;
  list->items = document.intern(items);
  return list;
}

}  // namespace

const Node* with_overrides(Document& document, const Node& root, const Options& options) {
  const Node* spec = get(&root, "spec");
  if ((options.parameters.empty() && options.entrypoint.empty()) || spec == nullptr ||
      !spec->is_map())
    return &root;
  Entries fields = copy_of(spec);
  if (!options.entrypoint.empty()) {
    const Node* written = get(spec, "entrypoint");
    const Mark at = written != nullptr ? written->at : spec->at;
    set(fields, "entrypoint", at, document.make_text(options.entrypoint, at));
  }
  if (!options.parameters.empty()) {
    const Node* written = get(spec, "arguments");
    // A malformed `arguments` stays as it is, for the reader to report.
    if (written == nullptr || written->is_map() || written->is_null()) {
      const Mark at = written != nullptr ? written->at : spec->at;
      Entries arguments = copy_of(written);
      const Node* list = written != nullptr ? get(written, "parameters") : nullptr;
      if (list == nullptr || list->is_sequence() || list->is_null()) {
        set(arguments, "parameters", at, parameters(document, list, options, at));
        set(fields, "arguments", at, make_map(document, arguments, at));
      }
    }
  }
  Entries entries = copy_of(&root);
  set(entries, "spec", spec->at, make_map(document, fields, spec->at));
  return make_map(document, entries, root.at);
}

}  // namespace gantry::workflow::argo
