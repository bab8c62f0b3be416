// A call begins and ends: its node, its inputs, locks and memoization.

#include <algorithm>

#include "base/ids.h"
#include "daemon/engine/impl.h"
#include "workflow/quantity.h"

namespace gantry::engine {

using workflow::Template;

// ---- nodes ----

/// `<run>-<fnv32a(name)>`; the root's is the run's name.
std::string Engine::Impl::new_node_id(const Live& live, const std::string& name) {
  const std::string& run_name = live.run.info.name;
  if (name == run_name) return run_name;
  const std::string base = run_name + "-" + std::to_string(fnv32a(name));
  std::string id = base;
  // 32 bits are few for a run of a hundred thousand nodes: two names may have one hash.
  for (int n = 2; live.by_id.contains(id); ++n) id = base + "-" + std::to_string(n);
  return id;
}

/// The node of that full name: a new one, or the one that an earlier life of the daemon stored.
Node& Engine::Impl::make_node(Live& live, const std::string& name, const std::string& display_name, NodeType type,
                              const workflow::Template& tmpl, const SharedText& boundary_id, const SharedText& scope) {
  if (Node* stored = live.run.find(name)) {
    if (stored->boundary_id != boundary_id) {  // carried over: where it belongs is known only now
      stored->boundary_id = boundary_id;
      mark(live, *stored);
    }
    return *stored;
  }
  Node node;
  node.id = new_node_id(live, name);
  node.name = name;
  node.display_name = display_name;
  node.type = type;
  node.template_name = type == NodeType::StepGroup ? SharedText() : live.common_of(tmpl).name;
  node.template_scope = scope;
  node.boundary_id = boundary_id;
  node.life = live.run.status.retries;
  node.started = now_;
  node.phase = type == NodeType::Pod ? Phase::Pending : Phase::Running;
  Node& added = live.run.nodes.emplace_back(std::move(node));
  live.run.by_name.add(added);
  live.by_id.add(added);
  mark(live, added);
  return added;
}

void Engine::Impl::add_child(Live& live, Node& parent, const Node& child) {
  // Only a restored run meets children that are there already; for the others the search would cost n².
  if (live.restored && std::find(parent.children.begin(), parent.children.end(), child.id) != parent.children.end()) {
    return;
  }
  parent.children.push_back(child.id);
  mark(live, parent);
  // After a retry it may stand below its graph meanwhile (retry_run.cc keep_reachable).
  if (live.run.status.retries == 0 || !live.restored || child.boundary_id == parent.id) return;
  Node* graph = live.by_id.find(child.boundary_id);
  if (graph != nullptr && std::erase(graph->children, child.id) > 0) mark(live, *graph);
}

void Engine::Impl::add_child(Live& live, std::string_view parent_id, const Node& child) {
  if (Node* parent = live.by_id.find(parent_id)) add_child(live, *parent, child);
}

/// Null: there was none. The children of a Retry node are its attempts, its hooks, and what follows one without attempts.
static const Node* last_attempt(const Live& live, const Node& retry) {
  for (auto it = retry.children.rbegin(); it != retry.children.rend(); ++it) {
    const Node& child = *live.by_id.find(*it);
    if (child.retried) return &child;
  }
  return nullptr;
}

/// The last nodes of a node, to which its successors are attached (argo-workflows getOutboundNodes).
std::vector<SharedText> Engine::Impl::outbound(Live& live, const Node& node) {
  switch (node.type) {
    case NodeType::Skipped:
    case NodeType::Suspend:
    case NodeType::Http:
      return {node.id};
    case NodeType::Pod:
    case NodeType::Container: {
      // A containerSet: the containers that no other one waits for.
      std::vector<SharedText> ids;
      for (const SharedText& child : node.children) {
        const Node& container = *live.by_id.find(child);
        if (container.type != NodeType::Container) continue;
        for (SharedText& id : outbound(live, container)) {
          if (std::find(ids.begin(), ids.end(), id) == ids.end()) ids.push_back(std::move(id));
        }
      }
      if (ids.empty()) ids.push_back(node.id);
      return ids;
    }
    case NodeType::TaskGroup: {
      std::vector<SharedText> ids;
      for (const SharedText& child : node.children) {
        const Node& member = *live.by_id.find(child);
        if (!member.name.starts_with(node.name + "(")) continue;  // what follows a group without members
        for (SharedText& id : outbound(live, member)) ids.push_back(std::move(id));
      }
      if (ids.empty()) ids.push_back(node.id);
      return ids;
    }
    case NodeType::Retry: {
      const Node* last = last_attempt(live, node);
      return last != nullptr ? outbound(live, *last) : std::vector<SharedText>{node.id};
    }
    case NodeType::StepGroup: {
      std::vector<SharedText> ids;
      for (const SharedText& child : node.children) {
        const Node& member = *live.by_id.find(child);
        if (!member.name.starts_with(node.name + ".")) continue;  // what follows a group without members
        for (SharedText& id : outbound(live, member)) ids.push_back(std::move(id));
      }
      if (ids.empty()) ids.push_back(node.id);
      return ids;
    }
    case NodeType::Steps:
    case NodeType::Dag:
      // What came from a cache has nothing below it.
      return node.memo->hit ? std::vector<SharedText>{node.id} : node.outbound_nodes;
  }
  return {};
}

// ---- beginning ----

std::unique_ptr<Call> Engine::Impl::make_call(Live& live, Call* parent, Call::Role role, Index tmpl) {
  auto call = std::make_unique<Call>();
  call->live = &live;
  call->parent = parent;
  call->role = role;
  call->tmpl = &live.run.plan->templates[tmpl];
  if (parent != nullptr) {
    call->in_exit_handler = parent->in_exit_handler;
    call->height = parent->height;
    call->depth = parent->depth + (role == Call::Role::Attempt ? 0 : 1);
  }
  return call;
}

/// How many templates may be inside each other (argo-workflows' MAX_RECURSION_DEPTH).
constexpr std::uint32_t kMaxDepth = 100;
constexpr std::string_view kTooDeep = "Maximum recursion depth exceeded.";

NodeType type_of(const Template& tmpl, const workflow::Plan& plan, bool attempt) {
  if (tmpl.retry && !attempt) return NodeType::Retry;
  if (tmpl.kind == Template::Kind::Pod || tmpl.kind == Template::Kind::Data) return NodeType::Pod;
  if (tmpl.kind == Template::Kind::Suspend) return NodeType::Suspend;
  if (tmpl.kind == Template::Kind::Http) return NodeType::Http;
  return plan.graphs[tmpl.body].kind == workflow::Graph::Kind::Steps ? NodeType::Steps : NodeType::Dag;
}

/// Other children are hooks, and what comes after it.
static bool has_containers(const Live& live, const Node& pod) {
  return std::any_of(pod.children.begin(), pod.children.end(), [&](const SharedText& id) {
    const Node* child = live.by_id.find(id);
    return child != nullptr && child->type == NodeType::Container;
  });
}

static bool never_began(const Live& live, const Node& node, const Template& tmpl) {
  if (node.phase != Phase::Error) return false;
  if (node.message.starts_with(kTooDeep)) return false;
  switch (node.type) {
    case NodeType::Skipped:
      return true;
    case NodeType::Steps:
      // Everything else that goes wrong below makes steps Failed.
      return true;
    case NodeType::Dag:
      // One whose tasks went wrong has no message.
      return !node.message.empty();
    case NodeType::Pod:
      return !node.has_pod && !has_containers(live, node) && tmpl.kind != Template::Kind::Data;
    default:
      return false;
  }
}

bool never_began(const Call& call) {
  if (never_began(*call.live, *call.node, *call.tmpl)) return true;
  // An attempt that is not tried again, and not because there were too many.
  const Node* last = call.retry ? call.retry->last : nullptr;
  // Null: it has none, or it ended in an earlier life.
  if (call.node->type == NodeType::Retry && last == nullptr) last = last_attempt(*call.live, *call.node);
  return last != nullptr && call.node->message == last->message && never_began(*call.live, *last, *call.tmpl);
}

/// Where the name of the called template was looked up.
SharedText scope_of_caller(const Call& call) {
  if (call.parent == nullptr) {
    const Index entrypoint = call.live->run.plan->entrypoint;
    return entrypoint == workflow::kNone ? SharedText() : call.live->common[entrypoint].scope;
  }
  return call.is_attempt() ? call.parent->node->template_scope : call.live->common_of(*call.parent->tmpl).scope;
}

void Engine::Impl::begin_call(Call& call, const std::string& name, const std::string& display_name,
                              const SharedText& boundary_id, Values arguments) {
  Live& live = *call.live;
  NodeType type = type_of(*call.tmpl, *live.run.plan, call.is_attempt());
  Node& node = make_node(live, name, display_name, type, *call.tmpl, boundary_id, scope_of_caller(call));
  call.node = &node;
  node.retried = call.is_attempt();
  node.hooked = call.role == Call::Role::RunExit || call.role == Call::Role::Hook;
  if (workflow::is_fulfilled(node.phase)) {  // stored by an earlier life of the daemon
    export_outputs(call);
    return call_ended(call);
  }
  if (call.depth >= kMaxDepth) {
    return refuse_call(call, std::string(kTooDeep) + " See https://argo-workflows.readthedocs.io/en/latest/template-recursion/");
  }
  if (call.is_attempt()) {
    node.inputs = call.parent->node->inputs;
  } else {
    auto inputs = resolve_inputs(call, std::move(arguments));
    if (!inputs) return refuse_call(call, inputs.error().message);
    node.inputs = std::move(*inputs);
  }
  if (auto named = name_node(call); !named) return end_call(call, Phase::Error, named.error().message);
  if (!call.is_attempt() && wait_for_locks(call)) return;
  if (workflow::is_fulfilled(node.phase)) return;
  run_template(call);
}

/// Argument value, else the input's own value, its ConfigMap, its default (argo-workflows ProcessArgs).
Result<Values> Engine::Impl::resolve_inputs(Call& call, Values arguments) {
  Values inputs;
  // What is known so far, for those that name others.
  Values& own = call.node->inputs = {};
  CallScope scope(*call.live, call, now_);
  const auto& declared = call.tmpl->inputs;
  const auto given = [&](const workflow::InputParameter& input) {
    auto& values = arguments.parameters;
    const auto found = std::find_if(values.begin(), values.end(), [&](auto& a) { return a.name == input.name; });
    return found == values.end() ? nullptr : &found->value;
  };
  // Values and defaults may name the other inputs, so those that name nothing come first.
  const auto refers = [&](const workflow::InputParameter& input) {
    const auto& text = input.value ? input.value : input.default_value;
    return given(input) == nullptr && !input.config_map_key && text && !text->is_literal();
  };
  std::vector<std::optional<std::string>> resolved(declared.size());
  const auto known = [&] {
    std::vector<Parameter> parameters;
    for (std::size_t i = 0; i < declared.size(); ++i) {
      if (resolved[i]) parameters.push_back({declared[i].name, *resolved[i]});
    }
    return parameters;
  };
  for (const bool referring : {false, true}) {
    for (std::size_t i = 0; i < declared.size(); ++i) {
      const workflow::InputParameter& input = declared[i];
      if (refers(input) != referring) continue;
      if (referring) own.parameters = known();
      Result<std::string> value = fail(Code::InvalidArgument, "inputs.parameters." + input.name + " was not supplied");
      if (std::string* argument = given(input)) {
        value = std::move(*argument);
      } else if (input.value) {
        value = render(*input.value, scope);
      } else {
        if (input.config_map_key) value = config_map_value(*call.live, *input.config_map_key, scope);
        if (!value && input.default_value) value = render(*input.default_value, scope);
      }
      if (!value) return fail(value.error());
      if (!input.allowed.empty() && std::find(input.allowed.begin(), input.allowed.end(), *value) == input.allowed.end()) {
        return fail(Code::InvalidArgument,
                    "inputs.parameters." + input.name + " value '" + *value + "' is not one of its enum values");
      }
      resolved[i] = std::move(*value);
    }
  }
  // Their paths and places may name the parameters.
  own.parameters = inputs.parameters = known();
  auto artifacts = resolve_input_artifacts(call, arguments.artifacts);
  if (!artifacts) return fail(std::move(artifacts.error()));
  inputs.artifacts = std::move(*artifacts);
  return inputs;
}

Result<std::string> Engine::Impl::config_map_value(const Live& live, const workflow::ConfigMapKey& key,
                                                   const workflow::Scope& scope) {
  auto name = key.name.render(scope);
  if (!name) return name;
  auto field = key.key.render(scope);
  if (!field) return field;
  if (settings_.objects == nullptr) {
    return fail(Code::NotFound, "configmaps \"" + *name + "\" not found");
  }
  return settings_.objects->config_map(live.run.info.name_space, *name, *field, true);
}

/// The annotation workflows.argoproj.io/display-name.
Result<void> Engine::Impl::name_node(Call& call) {
  if (!call.tmpl->display_name || call.is_attempt()) return {};
  auto name = render(*call.tmpl->display_name, CallScope(*call.live, call, now_));
  if (!name) return fail(name.error());
  if (name->empty()) return {};
  const auto is_alphanumeric = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; };
  const bool good = name->size() >= 2 && name->size() <= 63 && is_alphanumeric(name->front()) &&
                    is_alphanumeric(name->back()) &&
                    std::all_of(name->begin(), name->end(), [&](char c) { return is_alphanumeric(c) || c == '-' || c == '.'; });
  if (!good) {
    return fail(Code::InvalidArgument,
                "displayName must match the regex ^[a-zA-Z0-9][a-zA-Z0-9-.]{0,61}[a-zA-Z0-9]$");
  }
  call.node->display_name = std::move(*name);
  return {};
}

void Engine::Impl::refuse_call(Call& call, const std::string& message) {
  call.node->type = NodeType::Skipped;
  call.node->inputs = {};
  end_call(call, Phase::Error, message);
}

void Engine::Impl::run_template(Call& call) {
  if (!call.is_attempt() && call.tmpl->memoize) {
    auto hit = recall(call);
    if (!hit) return refuse_call(call, hit.error().message);
    if (*hit) return end_call(call, Phase::Succeeded, "");
  }
  if (call.tmpl->retry && !call.is_attempt()) return open_retry(call);
  switch (call.tmpl->kind) {
    case Template::Kind::Graph: return open_graph(call);
    case Template::Kind::Suspend: return open_suspend(call);
    case Template::Kind::Pod: return open_pod(call);
    case Template::Kind::Http: return open_http(call);
    case Template::Kind::Data: return open_data(call);
  }
}

// ---- locks ----

Result<std::int64_t> Engine::Impl::limit_of(const LockKey& key) const {
  if (key.config_map.empty()) return 1;
  Result<std::string> text = fail(Code::NotFound, "there are no ConfigMaps");
  if (settings_.objects != nullptr) text = settings_.objects->config_map(key.name_space, key.config_map, key.key, false);
  char* end = nullptr;
  const std::int64_t limit = text ? std::strtoll(text->c_str(), &end, 10) : 0;
  // Whatever is wrong with it, upstream has the same words (argo-workflows workflow/sync/semaphore.go).
  if (!text || text->empty() || *end != '\0' || limit == 0) {
    return fail(text ? Code::InvalidArgument : text.error().code, "failed to initialize semaphore " + key.id + " with limit");
  }
  return limit;
}

Result<std::vector<LockKey>> Engine::Impl::lock_keys(const Live& live, const std::vector<workflow::Lock>& locks,
                                                     const workflow::Scope& scope) {
  std::vector<LockKey> keys;
  for (const workflow::Lock& lock : locks) {
    auto name = lock.name.render(scope);
    auto key = lock.key.render(scope);
    auto name_space = lock.name_space.render(scope);
    for (const auto* text : {&name, &key, &name_space}) {
      if (!*text) return fail(text->error());
    }
    LockKey out;
    out.name_space = name_space->empty() ? live.run.info.name_space : *name_space;
    const bool mutex = lock.kind == workflow::Lock::Kind::Mutex;
    if (!mutex) {
      out.config_map = lock.database ? std::string(kSyncLimits) : *name;
      out.key = *key;
    }
    out.id = out.name_space;
    if (lock.database) {
      out.id += "/Database/" + (mutex ? *name : *key);
    } else {
      out.id += mutex ? "/Mutex/" + *name : "/ConfigMap/" + *name + "/" + *key;
    }
    if (std::find(keys.begin(), keys.end(), out) == keys.end()) keys.push_back(std::move(out));
  }
  return keys;
}

/// True when the call has to wait, or has failed; otherwise it holds what its template asks for.
bool Engine::Impl::wait_for_locks(Call& call) {
  if (call.tmpl->locks.empty()) return false;
  Live& live = *call.live;
  auto keys = lock_keys(live, call.tmpl->locks, CallScope(live, call, now_));
  if (!keys) {
    refuse_call(call, keys.error().message);
    return true;
  }
  call.locks = std::move(*keys);
  if (call.node->locked) {
    locks_.force(&call, *call.locks);
    call.locked = true;
    return false;
  }
  for (const LockKey& key : *call.locks) {
    if (auto limit = limit_of(key); !limit) {
      refuse_call(call, limit.error().message);
      return true;
    }
  }
  calls_waiting_.insert(&call);
  locks_.wait({&call, *call.locks, live.run.plan->priority.value_or(0), live.run.info.created});
  pass_locks();
  if (call.locked || workflow::is_fulfilled(call.node->phase)) return true;  // it was begun from there
  call.node->phase = Phase::Pending;
  call.node->message = locks_.message(&call, [this](const LockKey& key) { return limit_of(key); });
  mark(live, *call.node);
  return true;
}

/// Gives free locks to those that wait, in order.
void Engine::Impl::pass_locks() {
  if (restoring_) return;
  const auto limit = [this](const LockKey& key) { return limit_of(key); };
  while (Locks::Holder holder = locks_.grant(limit)) {
    if (calls_waiting_.erase(static_cast<Call*>(holder)) > 0) {
      Call& call = *static_cast<Call*>(holder);
      call.locked = true;
      call.node->locked = true;
      if (call.node->phase == Phase::Pending) call.node->message.clear();
      if (call.node->type != NodeType::Pod) call.node->phase = Phase::Running;
      mark(*call.live, *call.node);
      run_template(call);
    } else {
      Live& live = *static_cast<Live*>(holder);
      live.locked = true;
      begin_root(live);
    }
  }
}

// ---- memoization ----

static std::string memo_id(const std::string& name_space, const std::string& cache, const std::string& key) {
  return name_space + "/" + cache + "/" + key;
}

void Engine::Impl::remember(Memo memo) {
  std::string id = memo_id(memo.name_space, memo.cache, memo.key);
  memos_.insert_or_assign(std::move(id), std::move(memo));
}

/// Whether the cache has the call's outputs, which are then the node's.
Result<bool> Engine::Impl::recall(Call& call) {
  Live& live = *call.live;
  if (taking_up_ && !call.node->memo->key.empty()) {  // it was not there when an earlier life asked
    call.memorizes = true;
    return false;
  }
  const workflow::Memoize& memoize = *call.tmpl->memoize;
  const CallScope scope(live, call, now_);
  auto key = render(memoize.key, scope);
  if (!key) return fail(key.error());
  auto cache = render(memoize.cache, scope);
  if (!cache) return fail(cache.error());
  const bool good = !key->empty() && std::isalnum(static_cast<unsigned char>(key->front())) != 0 &&
                    std::all_of(key->begin(), key->end(), [](char c) {
                      return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-';
                    });
  if (!good) {
    return fail(Code::InvalidArgument, "invalid cache key \"" + *key + "\": it must match ^[a-zA-Z0-9][-a-zA-Z0-9]*$");
  }
  std::optional<Duration> max_age;
  if (memoize.max_age) {
    auto text = render(*memoize.max_age, scope);
    if (!text) return fail(text.error());
    auto age = workflow::parse_duration_or_seconds(*text);
    if (!age) return fail(age.error().wrap("invalid maxAge"));
    max_age = *age;
  }
  call.node->memo = MemoStatus{false, *cache, *key};
  call.memorizes = true;
  mark(live, *call.node);
  const auto found = memos_.find(memo_id(live.run.info.name_space, *cache, *key));
  if (found == memos_.end() || (max_age && found->second.created + *max_age < now_)) return false;
  call.node->memo.edit().hit = true;
  call.node->outputs = found->second.outputs;
  call.node->outputs.edit().exit_code.reset();
  call.memorizes = false;
  if (call.node->type == NodeType::Retry) call.node->type = type_of(*call.tmpl, *live.run.plan, true);
  return true;
}

void Engine::Impl::memorize(Call& call) {
  if (!call.memorizes) return;
  const MemoStatus& to = *call.node->memo;
  Memo memo{call.live->run.info.name_space, to.cache, to.key, call.node->id, *call.node->outputs, now_};
  output_.memos.push_back(memo);
  remember(std::move(memo));
}

// ---- ending ----

void Engine::Impl::end_call(Call& call, Phase phase, const std::string& message) {
  Node& node = *call.node;
  node.phase = phase;
  node.message = message;
  node.finished = now_;
  if (phase == Phase::Succeeded) memorize(call);
  export_outputs(call);
  mark(*call.live, node);
  call.live->waiting.erase(node.id);
  if (!call.locks->empty()) {
    calls_waiting_.erase(&call);
    locks_.release(&call);
    locks_released_ = true;
  }
  call_ended(call);
}

/// globalName: the outputs become the run's.
void Engine::Impl::export_outputs(Call& call) {
  if (call.is_attempt()) return;
  export_artifacts(call);
  Live& live = *call.live;
  for (const auto& declared : call.tmpl->outputs) {
    if (!declared.global_name) continue;
    auto name = render(*declared.global_name, CallScope(live, call, now_));
    if (!name) continue;
    for (const Parameter& p : call.node->outputs->parameters) {
      if (p.name != declared.name) continue;
      auto& outputs = live.run.status.outputs.parameters;
      auto had = std::find_if(outputs.begin(), outputs.end(), [&](const Parameter& o) { return o.name == *name; });
      if (had != outputs.end()) {
        had->value = p.value;
      } else {
        outputs.push_back({*name, p.value});
      }
      mark_status(live);
    }
  }
}

/// The node is fulfilled: tell whoever waits for it.
void Engine::Impl::call_ended(Call& call) {
  switch (call.role) {
    case Call::Role::Root: return root_ended(*call.live);
    case Call::Role::RunExit: return end_run_when_idle(*call.live);
    case Call::Role::Task:
      if (call.daemon) return;  // whoever waited for it has gone on
      return member_call_ended(*call.parent, call.task, call.member);
    case Call::Role::Hook: return hook_ended(call);
    case Call::Role::Attempt: return attempt_ended(*call.parent, call);
  }
}

}  // namespace gantry::engine
