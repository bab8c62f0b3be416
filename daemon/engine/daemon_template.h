#pragma once

// Which templates are daemons: pods that go on while others use them. Pure.

#include <algorithm>

#include "daemon/engine/node.h"
#include "workflow/plan.h"

namespace gantry::engine {

inline bool is_daemon(const workflow::Plan& plan, const workflow::Template& tmpl) {
  return tmpl.kind == workflow::Template::Kind::Pod && plan.pods[tmpl.body].daemon;
}

/// Of the node's template, which is found by its name.
inline bool is_daemon(const workflow::Plan& plan, const Node& node) {
  return std::any_of(plan.templates.begin(), plan.templates.end(), [&](const workflow::Template& tmpl) {
    return tmpl.name == node.template_name && is_daemon(plan, tmpl);
  });
}

}  // namespace gantry::engine
