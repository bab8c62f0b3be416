#pragma once

// One tree laid over another, as Kubernetes' strategic merge patch does it with Argo's types: the workflow over its
// WorkflowTemplate, a template over templateDefaults.

#include "workflow/document.h"

namespace gantry::workflow::argo {

/// `over` wins; maps are merged key by key; lists that have a merge key (parameters, artifacts, templates, volumes,
/// env, … by name; volumeMounts by mountPath) item by item, other lists as a whole. New nodes live in `document`; both
/// trees must outlive the result.
const Node* merge(Document& document, const Node* under, const Node* over);

/// The value of a key, whatever its case; null: absent.
const Node* get(const Node* map, std::string_view key);

/// `map` with `key` set to `value` (null: without it).
const Node* with(Document& document, const Node& map, std::string_view key, const Node* value);

/// The spec with `defaults` (spec.templateDefaults, null: none) laid under each of its templates, inline ones too. A
/// default for another kind of template than a template's own is left out (argo-workflows
/// workflow/controller/operator.go mergedTemplateDefaultsInto).
const Node* with_template_defaults(Document& document, const Node& spec, const Node* defaults);

}  // namespace gantry::workflow::argo
