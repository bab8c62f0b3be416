#include "workflow/argo/merge.h"

#include <algorithm>
#include <iterator>
#include <vector>

#include "workflow/argo/reader.h"

namespace gantry::workflow::argo {
namespace {

using Entries = std::vector<Node::Entry>;

/// The fields whose lists are merged, with the key that tells which items are the same (patchMergeKey of
/// argo-workflows' and Kubernetes' types).
struct MergeKey {
  std::string_view field, key;
};
constexpr MergeKey kMergeKeys[] = {
    {"parameters", "name"},     {"artifacts", "name"},         {"templates", "name"},
    {"tasks", "name"},          {"volumes", "name"},           {"volumeClaimTemplates", "name"},
    {"containers", "name"},     {"initContainers", "name"},    {"sidecars", "name"},
    {"env", "name"},            {"volumeMounts", "mountPath"}, {"imagePullSecrets", "name"},
    {"hostAliases", "ip"},      {"ports", "containerPort"},    {"volumeDevices", "devicePath"},
};

constexpr std::string_view kKinds[] = {"container", "containerSet", "script", "steps",    "dag",
                                       "suspend",   "http",         "plugin", "resource", "data"};

bool is_kind(std::string_view field) {
  return std::any_of(std::begin(kKinds), std::end(kKinds),
                     [&](std::string_view kind) { return equal_but_for_case(kind, field); });
}

std::string_view merge_key(std::string_view field) {
  const auto* found = std::find_if(std::begin(kMergeKeys), std::end(kMergeKeys), [&](const MergeKey& key) {
    return equal_but_for_case(key.field, field);
  });
  return found == std::end(kMergeKeys) ? std::string_view() : found->key;
}

const Node* make_map(Document& document, const Entries& entries, Mark at) {
  Node* node = document.make_node();
  node->kind = Node::Kind::Map;
  node->at = at;
  node->entries = document.intern(entries);
  return node;
}

const Node* make_list(Document& document, const std::vector<const Node*>& items, Mark at) {
  Node* node = document.make_node();
  node->kind = Node::Kind::Sequence;
  node->at = at;
  node->items = document.intern(items);
  return node;
}

std::string_view key_of(const Node& item, std::string_view key) {
  const Node* value = get(&item, key);
  // A volume claim's name is in its metadata.
  if (value == nullptr) value = get(get(&item, "metadata"), key);
  return value != nullptr && value->is_scalar() ? value->text : std::string_view();
}

const Node* merge_field(Document& document, std::string_view field, const Node* under, const Node* over);

const Node* merge_maps(Document& document, const Node& under, const Node& over) {
  Entries entries;
  for (const Node::Entry& entry : under.entries) {
    const auto found = std::find_if(over.entries.begin(), over.entries.end(), [&](const Node::Entry& other) {
      return equal_but_for_case(other.key, entry.key);
    });
    if (found == over.entries.end()) {
      entries.push_back(entry);
    } else {
      entries.push_back({found->key, found->at, merge_field(document, entry.key, entry.value, found->value)});
    }
  }
  for (const Node::Entry& entry : over.entries) {
    if (get(&under, entry.key) == nullptr) entries.push_back(entry);
  }
  return make_map(document, entries, over.at);
}

/// The items of `over` in their order, each over its counterpart; then what only `under` has.
const Node* merge_lists(Document& document, const Node& under, const Node& over, std::string_view key) {
  std::vector<const Node*> items;
  const auto same = [&](const Node& list, std::string_view name) -> const Node* {
    for (const Node* item : list.items) {
      if (!name.empty() && key_of(*item, key) == name) return item;
    }
    return nullptr;
  };
  for (const Node* item : over.items) {
    const Node* below = same(under, key_of(*item, key));
    items.push_back(below != nullptr ? merge(document, below, item) : item);
  }
  for (const Node* item : under.items) {
    if (same(over, key_of(*item, key)) == nullptr) items.push_back(item);
  }
  return make_list(document, items, over.at);
}

const Node* merge_field(Document& document, std::string_view field, const Node* under, const Node* over) {
  if (over->is_null()) return under;
  if (under->is_map() && over->is_map()) return merge_maps(document, *under, *over);
  const std::string_view key = merge_key(field);
  if (!key.empty() && under->is_sequence() && over->is_sequence()) {
    return merge_lists(document, *under, *over, key);
  }
  return over;
}

const Node* with_defaults(Document& document, const Node& tmpl, const Node& defaults);

/// Fields that only templates without tasks may have, and those that only templates with tasks may have.
bool is_for_leaves(std::string_view field) {
  return equal_but_for_case(field, "activeDeadlineSeconds") || equal_but_for_case(field, "timeout") ||
         equal_but_for_case(field, "pendingTimeout");
}
bool is_for_graphs(std::string_view field) { return equal_but_for_case(field, "parallelism"); }

/// Steps or tasks: their inline templates get the defaults too.
const Node* calls_with_defaults(Document& document, const Node* list, const Node& defaults) {
  if (list == nullptr || !list->is_sequence()) return list;
  std::vector<const Node*> items;
  for (const Node* item : list->items) {
    const Node* steps = get(item, "steps");
    const Node* body = get(item, "inline");
    if (item->is_sequence()) {
      items.push_back(calls_with_defaults(document, item, defaults));
    } else if (steps != nullptr && get(item, "name") == nullptr) {
      items.push_back(with(document, *item, "steps", calls_with_defaults(document, steps, defaults)));
    } else if (body != nullptr && body->is_map()) {
      items.push_back(with(document, *item, "inline", with_defaults(document, *body, defaults)));
    } else {
      items.push_back(item);
    }
  }
  return make_list(document, items, list->at);
}

const Node* with_defaults(Document& document, const Node& tmpl, const Node& defaults) {
  const bool has_kind = std::any_of(tmpl.entries.begin(), tmpl.entries.end(),
                                    [](const Node::Entry& entry) { return is_kind(entry.key); });
  const bool graph = get(&tmpl, "steps") != nullptr || get(&tmpl, "dag") != nullptr;
  Entries wanted;
  for (const Node::Entry& entry : defaults.entries) {
    if (is_kind(entry.key) && has_kind && get(&tmpl, entry.key) == nullptr) continue;
    // Argo checks the templates as they are written, so what one cannot have does not matter as a default.
    if (has_kind && (graph ? is_for_leaves(entry.key) : is_for_graphs(entry.key))) continue;
    wanted.push_back(entry);
  }
  const Node* merged = merge(document, make_map(document, wanted, defaults.at), &tmpl);
  if (const Node* steps = get(merged, "steps")) {
    merged = with(document, *merged, "steps", calls_with_defaults(document, steps, defaults));
  }
  if (const Node* dag = get(merged, "dag"); dag != nullptr && dag->is_map()) {
    const Node* tasks = calls_with_defaults(document, get(dag, "tasks"), defaults);
    if (tasks != nullptr) merged = with(document, *merged, "dag", with(document, *dag, "tasks", tasks));
  }
  return merged;
}

}  // namespace

const Node* get(const Node* map, std::string_view key) {
  if (map == nullptr || !map->is_map()) return nullptr;
  for (const Node::Entry& entry : map->entries) {
    if (equal_but_for_case(entry.key, key)) return entry.value;
  }
  return nullptr;
}

const Node* with(Document& document, const Node& map, std::string_view key, const Node* value) {
  Entries entries(map.entries.begin(), map.entries.end());
  const auto found = std::find_if(entries.begin(), entries.end(), [&](const Node::Entry& entry) {
    return equal_but_for_case(entry.key, key);
  });
  if (value == nullptr) {
    if (found != entries.end()) entries.erase(found);
  } else if (found != entries.end()) {
    found->value = value;
  } else {
    entries.push_back({key, value->at, value});
  }
  return make_map(document, entries, map.at);
}

const Node* merge(Document& document, const Node* under, const Node* over) {
  if (under == nullptr) return over;
  if (over == nullptr) return under;
  return merge_field(document, "", under, over);
}

const Node* with_template_defaults(Document& document, const Node& spec, const Node* defaults) {
  const Node* templates = get(&spec, "templates");
  if (defaults == nullptr || !defaults->is_map() || templates == nullptr || !templates->is_sequence()) return &spec;
  std::vector<const Node*> items;
  for (const Node* tmpl : templates->items) {
    items.push_back(tmpl->is_map() ? with_defaults(document, *tmpl, *defaults) : tmpl);
  }
  return with(document, spec, "templates", make_list(document, items, templates->at));
}

}  // namespace gantry::workflow::argo
