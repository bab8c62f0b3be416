#include "daemon/engine/pod_spec.h"

#include <algorithm>

#include "base/ids.h"
#include "workflow/quantity.h"

namespace gantry::engine {

namespace {

/// What the volumes of the workflow see where a pod mounts them: the names of its template, and then those of the graphs
/// around it (argo-workflows workflow/controller substituteParamsInVolumes).
class OutwardScope : public workflow::Scope {
 public:
  OutwardScope(const CallScope& scope, const Call& call) : scope_(scope), call_(call) {}
  [[nodiscard]] std::optional<std::string> lookup(std::string_view name) const override {
    for (const Call* call = &call_; call != nullptr; call = call->parent) {
      if (auto value = scope_.at(*call).lookup(name)) return value;
    }
    return std::nullopt;
  }
  [[nodiscard]] const workflow::expr::Facts& facts() const override { return scope_.facts(); }

 private:
  const CallScope& scope_;
  const Call& call_;
};

/// Whether the text renders whatever the call is: it reads nothing but inputs and the workflow, by names that are written out.
bool always_renders(const workflow::Text& text) {
  if (text.is_literal()) return true;
  const std::string& source = text.source();
  std::size_t tags = 0, plain = 0;
  for (auto at = source.find("{{"); at != std::string::npos; at = source.find("{{", at + 2)) ++tags;
  text.for_each_reference([&](const workflow::Reference& reference) {
    const bool known = reference.name.starts_with("inputs.parameters.") || reference.name.starts_with("workflow.");
    if (known && !reference.expression) ++plain;
  });
  return tags == plain;
}

/// Renders the texts of one pod; the first failure stays and makes the rest moot.
class Builder {
 public:
  Builder(const Live& live, const Call& call, const CallScope& scope) : live_(live), call_(call), scope_(scope) {}

  std::string text(const workflow::Text& source) {
    steady_ = steady_ && always_renders(source);
    auto rendered = of_workflow_ ? source.render(OutwardScope(scope_, call_)) : render(source, scope_);
    if (!rendered) {
      fail_with(rendered.error());
      return {};
    }
    texts_.add(*rendered);
    return std::move(*rendered);
  }

  /// A text that is parsed or looked up: with another value it may be wrong.
  std::string key(const workflow::Text& source) {
    steady_ = steady_ && source.is_literal();
    return text(source);
  }

  void fail_with(Error error) {
    if (!error_) error_ = std::move(error);
  }

  template <class Parse>
  std::int64_t quantity(const std::optional<workflow::Text>& source, Parse parse) {
    if (!source) return 0;
    auto value = parse(key(*source));
    if (value) return *value;
    fail_with(value.error());
    return 0;
  }

  runtime::Resources resources(const workflow::Resources& r) {
    runtime::Resources out;
    out.cpu_limit_milli = quantity(r.limits.cpu, workflow::parse_cpu_milli);
    out.memory_limit_bytes = quantity(r.limits.memory, workflow::parse_bytes);
    // A limit without a request is the request too (Kubernetes core/v1 defaulting).
    out.cpu_request_milli =
        r.requests.cpu ? quantity(r.requests.cpu, workflow::parse_cpu_milli) : out.cpu_limit_milli;
    out.memory_request_bytes =
        r.requests.memory ? quantity(r.requests.memory, workflow::parse_bytes) : out.memory_limit_bytes;
    for (const auto& [name, amount] : r.limits.extended) {
      out.extended[name] = quantity(std::optional(amount), workflow::parse_whole);
    }
    // Variables and patches may have made them differ.
    for (const auto& [name, amount] : r.requests.extended) {
      const auto limit = out.extended.find(name);
      const std::int64_t request = quantity(std::optional(amount), workflow::parse_whole);
      if (limit == out.extended.end()) {
        fail_with({Code::InvalidArgument, name + ": Limit must be set for non overcommitable resources"});
      } else if (limit->second != request) {
        fail_with({Code::InvalidArgument, name + ": the request, " + std::to_string(request) +
                                              ", must be equal to the limit of " + std::to_string(limit->second)});
      }
    }
    return out;
  }

  void environment(const workflow::Container& from, runtime::ContainerSpec& to) {
    for (const auto& all : from.env_from) {
      to.env_references.push_back({all.prefix, {kind(all.kind), text(all.name), "", all.optional}});
    }
    to.env.reserve(5 + from.env.size());
    to.env.push_back({"ARGO_CONTAINER_NAME", from.name});
    to.env.push_back({"ARGO_NODE_ID", call_.node->id});
    to.env.push_back({"ARGO_WORKFLOW_NAME", live_.run.info.name});
    to.env.push_back({"ARGO_WORKFLOW_UID", live_.run.info.uid});
    if (from.role == workflow::Container::Role::Main) to.env.push_back({"ARGO_PROGRESS_FILE", kProgressFile});
    for (const auto& variable : from.env) {
      if (variable.key_ref) {
        const auto& ref = *variable.key_ref;
        to.env_references.push_back(
            {variable.name, {kind(ref.kind), text(ref.name), text(ref.key), ref.optional}});
      } else if (!variable.field_path.empty()) {
        to.env.push_back({variable.name, field(variable.field_path)});
      } else {
        to.env.push_back({variable.name, text(variable.value)});
      }
    }
  }

  /// The downward API, as far as it exists without Kubernetes.
  std::string field(const std::string& path) {
    const RunInfo& info = live_.run.info;
    if (path == "metadata.name") return pod_name(info.name, *call_.node);
    if (path == "metadata.namespace") return info.name_space;
    if (path == "metadata.uid") return info.uid;
    if (path == "metadata.labels['workflows.argoproj.io/workflow']") return info.name;
    if (path == "spec.nodeName" || path == "status.hostIP" || path == "status.podIP") return "";
    if (path == "spec.serviceAccountName") return live_.run.plan->service_account_name;
    fail_with({Code::Unimplemented, "fieldRef " + path + " does not exist here"});
    return {};
  }

  runtime::ContainerSpec container(const workflow::PodTemplate& pod, const workflow::Container& from) {
    runtime::ContainerSpec to;
    to.name = from.name;
    to.role = from.role == workflow::Container::Role::Init      ? runtime::Role::Init
              : from.role == workflow::Container::Role::Sidecar ? runtime::Role::Sidecar
                                                                : runtime::Role::Main;
    to.dependencies = from.dependencies;
    to.image = text(from.image);
    to.pull_policy = from.pull_policy == workflow::PullPolicy::Always  ? runtime::PullPolicy::Always
                     : from.pull_policy == workflow::PullPolicy::Never ? runtime::PullPolicy::Never
                                                                       : runtime::PullPolicy::IfNotPresent;
    to.command = texts(from.command);
    to.args = texts(from.args);
    if (&from == &pod.main && pod.script_source && !pod.script_source->empty()) to.script = text(*pod.script_source);
    to.working_dir = text(from.working_dir);
    environment(from, to);
    mount(from.mounts, to);
    if (from.mirror_volume_mounts) mount(pod.main.mounts, to);
    mount(pod.set_mounts, to);
    to.readiness_probe = probe(from.readiness_probe);
    to.liveness_probe = probe(from.liveness_probe);
    to.startup_probe = probe(from.startup_probe);
    if (from.post_start) to.lifecycle.post_start = handler(*from.post_start);
    if (from.pre_stop) to.lifecycle.pre_stop = handler(*from.pre_stop);
    to.resources = resources(from.resources);
    for (const auto* level : {&live_.run.plan->security, &pod.security, &from.security}) {
      apply(*level, to.security);
    }
    to.tty = from.tty;
    return to;
  }

  /// All containers of the pod.
  std::vector<runtime::ContainerSpec> containers(const workflow::PodTemplate& pod) {
    std::vector<runtime::ContainerSpec> out;
    if (pod.set.empty()) out.push_back(container(pod, pod.main));
    for (const auto* list : {&pod.set, &pod.beside}) {
      for (const auto& one : *list) out.push_back(container(pod, one));
    }
    if (pod.set_retries) {
      const auto attempts = number(*pod.set_retries, "containerSet.retryStrategy.retries");
      Duration pause{0};
      if (pod.set_retry_pause) {
        auto parsed = workflow::parse_duration_or_seconds(key(*pod.set_retry_pause));
        if (!parsed) fail_with(parsed.error().wrap("containerSet.retryStrategy.duration"));
        pause = parsed.value_or(Duration{0});
      }
      for (auto& one : out) {
        one.attempts = static_cast<int>(std::clamp<std::int64_t>(attempts, 1, 1'000'000));
        one.retry_pause = pause;
      }
    }
    return out;
  }

  /// The volumes that the containers mount, each once.
  std::vector<runtime::Volume> volumes(const workflow::PodTemplate& pod,
                                       const std::vector<runtime::ContainerSpec>& containers) {
    std::vector<runtime::Volume> out;
    for (const auto& container : containers) {
      for (const auto& mount : container.mounts) {
        bool known = std::any_of(out.begin(), out.end(), [&](auto& v) { return v.name == mount.volume; });
        if (!known) out.push_back({mount.volume, volume_source(pod, mount.volume)});
      }
    }
    return out;
  }

  /// The user's labels; those of the daemon stay the daemon's.
  void labels(const workflow::PodMetadata& from, std::map<std::string, std::string>& to) {
    for (const auto& [name, value] : from.labels) {
      if (!name.starts_with("gantry.io/")) to[name] = text(value);
    }
  }

  runtime::Dns dns() {
    const auto& from = live_.run.plan->dns;
    runtime::Dns to;
    to.from_host = from.policy != "None";
    for (const auto& server : from.nameservers) to.nameservers.push_back(text(server));
    for (const auto& search : from.searches) to.searches.push_back(text(search));
    for (const auto& [name, value] : from.options) {
      to.options.push_back({text(name), value ? std::optional(text(*value)) : std::nullopt});
    }
    return to;
  }

  std::vector<runtime::HostAlias> host_aliases(const workflow::PodTemplate& pod) {
    std::vector<runtime::HostAlias> out;
    for (const auto* list : {&live_.run.plan->host_aliases, &pod.host_aliases}) {
      for (const auto& alias : *list) {
        runtime::HostAlias& to = out.emplace_back();
        to.ip = text(alias.ip);
        for (const auto& name : alias.hostnames) to.hostnames.push_back(text(name));
      }
    }
    return out;
  }

  [[nodiscard]] bool steady() const { return steady_; }
  [[nodiscard]] const TextsHash& texts() const { return texts_; }
  std::optional<Error> error() && { return std::move(error_); }

 private:
  using Source = decltype(runtime::Volume::source);

  void mount(const std::vector<workflow::VolumeMount>& from, runtime::ContainerSpec& to) {
    for (const auto& mount : from) {
      to.mounts.push_back({key(mount.name), key(mount.mount_path), text(mount.sub_path), mount.read_only});
    }
  }

  std::int64_t number(const workflow::Text& source, const std::string& what) {
    const std::string digits = key(source);
    char* end = nullptr;
    const std::int64_t value = std::strtoll(digits.c_str(), &end, 10);
    if (!error_ && (digits.empty() || *end != '\0')) {
      fail_with({Code::InvalidArgument, what + ": expected a number, found \"" + digits + "\""});
    }
    return value;
  }

  runtime::HttpGetAction http_get(const workflow::ContainerAction& from) {
    runtime::HttpGetAction to;
    if (!from.path.empty()) to.path = text(from.path);
    to.port = static_cast<int>(number(from.port, "port"));
    to.host = text(from.host);
    to.https = from.https;
    for (const auto& [name, value] : from.headers) to.headers.emplace_back(text(name), text(value));
    return to;
  }

  std::vector<std::string> words(const std::vector<workflow::Text>& from) {
    std::vector<std::string> out;
    for (const auto& word : from) out.push_back(text(word));
    return out;
  }

  std::optional<runtime::Probe> probe(const std::optional<workflow::ContainerProbe>& from) {
    if (!from) return std::nullopt;
    using Kind = workflow::ContainerAction::Kind;
    const workflow::ContainerAction& action = from->action;
    runtime::Probe to;
    if (action.kind == Kind::HttpGet) {
      to.action = http_get(action);
    } else if (action.kind == Kind::TcpSocket) {
      to.action = runtime::TcpSocketAction{static_cast<int>(number(action.port, "port")), text(action.host)};
    } else if (action.kind == Kind::Grpc) {
      to.action = runtime::GrpcAction{static_cast<int>(number(action.port, "port")), text(action.service)};
    } else {
      to.action = runtime::ExecAction{words(action.command)};
    }
    to.initial_delay = std::chrono::seconds(from->initial_delay);
    to.period = std::chrono::seconds(from->period);
    to.timeout = std::chrono::seconds(from->timeout);
    to.success_threshold = static_cast<int>(from->success_threshold);
    to.failure_threshold = static_cast<int>(from->failure_threshold);
    return to;
  }

  runtime::Handler handler(const workflow::ContainerAction& action) {
    using Kind = workflow::ContainerAction::Kind;
    if (action.kind == Kind::HttpGet) return http_get(action);
    if (action.kind == Kind::Sleep) return runtime::SleepAction{std::chrono::seconds(action.seconds)};
    if (action.kind == Kind::TcpSocket) {
      return runtime::TcpSocketAction{static_cast<int>(number(action.port, "port")), text(action.host)};
    }
    return runtime::ExecAction{words(action.command)};
  }

  static runtime::ObjectKey::Kind kind(workflow::KeyRef::Kind kind) {
    return kind == workflow::KeyRef::Kind::Secret ? runtime::ObjectKey::Kind::Secret
                                                  : runtime::ObjectKey::Kind::ConfigMap;
  }

  std::optional<std::vector<std::string>> texts(const std::optional<std::vector<workflow::Text>>& sources) {
    if (!sources) return std::nullopt;
    std::vector<std::string> out;
    for (const auto& source : *sources) out.push_back(text(source));
    return out;
  }

  static void apply(const workflow::SecurityContext& from, runtime::Security& to) {
    if (from.run_as_user) to.run_as_user = from.run_as_user;
    if (from.run_as_group) to.run_as_group = from.run_as_group;
    if (from.fs_group) to.fs_group = from.fs_group;
    if (!from.supplemental_groups.empty()) to.supplemental_groups = from.supplemental_groups;
    if (from.run_as_non_root) to.run_as_non_root = *from.run_as_non_root;
    if (from.privileged) to.privileged = *from.privileged;
    if (from.allow_privilege_escalation) to.allow_privilege_escalation = from.allow_privilege_escalation;
    if (from.read_only_root_filesystem) to.read_only_root_filesystem = *from.read_only_root_filesystem;
    if (!from.capabilities_add.empty()) to.capabilities_add = from.capabilities_add;
    if (!from.capabilities_drop.empty()) to.capabilities_drop = from.capabilities_drop;
    if (from.seccomp_type) to.seccomp_unconfined = *from.seccomp_type == "Unconfined";
  }

  Source volume_source(const workflow::PodTemplate& pod, const std::string& name) {
    for (const auto* list : {&pod.volumes, &live_.run.plan->volumes}) {
      for (const auto& volume : *list) {
        if (key(volume.name) != name) continue;
        of_workflow_ = list != &pod.volumes;
        auto source = std::visit([&](const auto& written) { return convert(written); }, volume.source);
        of_workflow_ = false;
        return source;
      }
    }
    for (const auto& claim : live_.run.plan->claim_templates) {
      if (claim.name == name) return runtime::Claim{live_.run.info.uid, name, false};
    }
    fail_with({Code::NotFound, "volume '" + name + "' not found in workflow spec"});
    return runtime::EmptyDir{};
  }

  Source convert(const workflow::EmptyDirVolume& v) {
    return runtime::EmptyDir{v.memory, quantity(v.size_limit, workflow::parse_bytes)};
  }
  Source convert(const workflow::HostPathVolume& v) { return runtime::HostPath{text(v.path), v.type}; }
  Source convert(const workflow::ObjectVolume& v) {
    runtime::Files files;
    files.from = {kind(v.kind), text(v.name), "", v.optional};
    files.default_mode = v.default_mode;
    for (const auto& item : v.items) files.items.push_back({item.key, item.path, item.mode});
    return files;
  }
  /// A named claim belongs to its namespace and outlives every run.
  Source convert(const workflow::ClaimVolume& v) {
    return runtime::Claim{"namespace-" + live_.run.info.name_space, text(v.claim_name), v.read_only};
  }

  const Live& live_;
  const Call& call_;
  const CallScope& scope_;
  bool steady_ = true;        ///< BuiltPod::steady
  TextsHash texts_;           ///< BuiltPod::texts
  bool of_workflow_ = false;  ///< the texts are those of the workflow's volumes
  std::optional<Error> error_;
};

}  // namespace

/// The directory of the progress file is a volume of all main containers, unless the user has put something there.
static void add_progress_file(runtime::PodSpec& pod) {
  constexpr const char* kDirectory = "/var/run/argo";
  const std::string volume = "var-run-argo";
  for (const auto& container : pod.containers) {
    for (const auto& mount : container.mounts) {
      if (mount.volume == volume || mount.mount_path == kDirectory) return;
    }
  }
  pod.volumes.push_back({volume, runtime::EmptyDir{}});
  for (auto& container : pod.containers) {
    if (container.role == runtime::Role::Main) container.mounts.push_back({volume, kDirectory, "", false});
  }
  pod.outputs.push_back({kProgressOutput, container_of_path(pod, kProgressFile), kProgressFile, true});
}

/// podResources: each container's limit is never more than the pod's; of several, all together may still take more.
static void apply_pod_resources(const runtime::Resources& pod_wide, runtime::PodSpec& pod) {
  const auto limit = [](std::int64_t mine, std::int64_t whole) {
    return mine == 0 ? whole : whole == 0 ? mine : std::min(mine, whole);
  };
  for (runtime::ContainerSpec& container : pod.containers) {
    runtime::Resources& own = container.resources;
    own.cpu_limit_milli = limit(own.cpu_limit_milli, pod_wide.cpu_limit_milli);
    own.memory_limit_bytes = limit(own.memory_limit_bytes, pod_wide.memory_limit_bytes);
    // The pod's request is what the host is asked for, whatever its containers ask.
    const bool first = &container == &pod.containers.front();
    if (pod_wide.cpu_request_milli != 0) own.cpu_request_milli = first ? pod_wide.cpu_request_milli : 0;
    if (pod_wide.memory_request_bytes != 0) own.memory_request_bytes = first ? pod_wide.memory_request_bytes : 0;
  }
}

std::string container_of_path(const runtime::PodSpec& pod, const std::string& path) {
  for (const auto& container : pod.containers) {
    if (container.name == "main") return container.name;
  }
  for (const auto& container : pod.containers) {
    for (const auto& mount : container.mounts) {
      if (path == mount.mount_path || path.starts_with(mount.mount_path + "/")) return container.name;
    }
  }
  return pod.containers.front().name;
}

/// Whether the template around the call's step or task reads its outputs.result (argo-workflows workflow/controller
/// includeScriptOutput): of hooks and of the root nobody does.
static bool captures_result(const Call& call) {
  const Call* step = &call;
  while (step->is_attempt()) step = step->parent;
  return step->role == Call::Role::Task && step->parent->graph->graph->tasks[step->task].captures_result;
}

Result<BuiltPod> build_pod(const Live& live, const Call& call, const CallScope& scope, const Settings& settings,
                           const workflow::PodPatch* patch) {
  const workflow::PodTemplate* written = &live.run.plan->pods[call.tmpl->body];
  workflow::PodTemplate patched;
  if (patch != nullptr) {
    patched = *written;
    if (auto done = workflow::apply_patch(*patch, patched); !done) return fail(std::move(done.error()));
    written = &patched;
  }
  const workflow::PodTemplate& from = *written;
  Builder builder(live, call, scope);
  BuiltPod built;
  runtime::PodSpec& pod = built.spec;
  const RunInfo& info = live.run.info;
  std::string name = pod_name(info.name, *call.node);
  pod.id = pod_id(info, *call.node);
  pod.hostname = name.substr(0, 63);
  pod.cgroup = info.uid + "/" + pod.id;
  pod.labels.emplace("gantry.io/run", info.uid);
  pod.labels.emplace("gantry.io/node", call.node->id);
  pod.labels.emplace("workflows.argoproj.io/workflow", info.name);
  pod.log_directory = info.uid + "/" + log_directory(name, *call.node);
  builder.labels(live.run.plan->pod_metadata, pod.labels);
  builder.labels(from.metadata, pod.labels);
  const bool host_network = patch != nullptr && patch->host_network ? *patch->host_network : live.run.plan->host_network;
  pod.network = host_network ? runtime::Network::Host : settings.network;
  for (const auto& secret : live.run.plan->image_pull_secrets) pod.image_pull_secrets.push_back(builder.text(secret));
  if (patch != nullptr) {
    for (const auto& secret : patch->image_pull_secrets) pod.image_pull_secrets.push_back(builder.text(secret));
  }
  const auto grace = patch != nullptr ? patch->termination_grace_seconds : std::nullopt;
  pod.termination_grace = grace ? std::chrono::seconds(*grace) : settings.termination_grace;
  pod.containers = builder.containers(from);
  apply_pod_resources(builder.resources(from.pod_resources), pod);
  pod.volumes = builder.volumes(from, pod.containers);
  add_progress_file(pod);
  for (const auto& container : pod.containers) {
    for (const auto& mount : container.mounts) {
      if (!mount.mount_path.empty()) continue;
      builder.fail_with({Code::InvalidArgument, "container \"" + container.name + "\": volumeMounts \"" + mount.volume +
                                                    "\": mountPath: Required value"});
    }
  }
  pod.dns = builder.dns();
  pod.host_aliases = builder.host_aliases(from);
  for (const auto& output : call.tmpl->outputs) {
    if (!output.path) continue;
    std::string path = builder.text(*output.path);
    std::string container = container_of_path(pod, path);
    pod.outputs.push_back({output.name, std::move(container), std::move(path)});
  }
  pod.capture_stdout = captures_result(call);
  built.steady = builder.steady() && patch == nullptr;
  built.texts = builder.texts();
  built.texts.add(std::to_string(pod.termination_grace.count()) + (host_network ? " host" : ""));
  if (auto error = std::move(builder).error()) return fail(std::move(*error));
  return built;
}

}  // namespace gantry::engine
