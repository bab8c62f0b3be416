#include <algorithm>
#include <filesystem>
#include <set>

#include "runtime/containerd/pod_life.h"
#include "runtime/containerd/process.h"

namespace gantry::containerd {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxIdLength = 76;
constexpr std::size_t kCacheEntries = 256;

// containerd/identifiers: ^[A-Za-z0-9]+(?:[._-][A-Za-z0-9]+)*$, but Gantry's ids may not be as
// strict inside; what containerd refuses it tells itself.
bool is_container_id(const std::string& id) {
  return is_safe_name(id) && id.size() <= kMaxIdLength;
}

bool is_safe_path(const std::string& path) {
  if (path.empty() || path.starts_with('/')) return false;
  for (const auto& part : fs::path(path)) {
    if (!is_safe_name(part.string())) return false;
  }
  return true;
}

}  // namespace

PodLife::PodLife(Services& services, runtime::PodSpec pod)
    : services_(services), pod_(std::move(pod)) {
  const std::size_t main = main_index();
  // They run in the order of the list, and before all others.
  const auto add = [&](std::size_t i) {
    const runtime::ContainerSpec& spec = pod_.containers[i];
    Container container;
    container.spec = &spec;
    container.name = spec.name;
    container.id = pod_.id;
    if (i != main) {
      const std::string number = "." + std::to_string(i);
      container.id = pod_.id.substr(0, kMaxIdLength - number.size()) + number;
    }
    container.cgroups_path = services_.config.cgroup_root + "/" + pod_.cgroup;
    // With one container its cgroup is the pod's: one level less to make and remove.
    if (pod_.containers.size() > 1) container.cgroups_path += "/" + container.name;
    containers_.push_back(std::move(container));
  };
  for (std::size_t i = 0; i < pod_.containers.size(); ++i) {
    if (pod_.containers[i].role == runtime::Role::Init) add(i);
  }
  init_containers_ = containers_.size();
  for (std::size_t i = 0; i < pod_.containers.size(); ++i) {
    if (pod_.containers[i].role != runtime::Role::Init) add(i);
  }
}

std::size_t PodLife::main_container() const {
  const auto found =
      std::find_if(containers_.begin(), containers_.end(),
                   [&](const Container& container) { return container.id == pod_.id; });
  return static_cast<std::size_t>(found - containers_.begin());
}

/// In the pod's own list.
std::size_t PodLife::main_index() const {
  std::optional<std::size_t> first;
  for (std::size_t i = 0; i < pod_.containers.size(); ++i) {
    if (pod_.containers[i].role != runtime::Role::Main) continue;
    if (pod_.containers[i].name == "main") return i;
    if (!first) first = i;
  }
  return first.value_or(0);
}

std::vector<std::size_t> PodLife::stage_members() const {
  if (!in_last_stage()) return {stage_};
  std::vector<std::size_t> members;
  for (std::size_t i = init_containers_; i < containers_.size(); ++i) members.push_back(i);
  return members;
}

Result<void> PodLife::check() const {
  const auto bad = [](const std::string& what) { return fail(Code::InvalidArgument, what); };
  if (!is_container_id(pod_.id)) return bad("bad pod id \"" + pod_.id + "\"");
  if (!is_safe_path(pod_.cgroup)) return bad("bad cgroup path \"" + pod_.cgroup + "\"");
  if (!is_safe_path(pod_.log_directory)) {
    return bad("bad log directory \"" + pod_.log_directory + "\"");
  }
  std::set<std::string> names;
  for (const auto& container : pod_.containers) {
    if (!is_safe_name(container.name)) {
      return bad("bad container name \"" + container.name + "\"");
    }
    if (!names.insert(container.name).second) {
      return bad("two containers are called \"" + container.name + "\"");
    }
    const bool extras = container.lifecycle.post_start || container.lifecycle.pre_stop ||
                        container.readiness_probe || container.liveness_probe ||
                        container.startup_probe;
    if (container.role == runtime::Role::Init && extras) {
      return bad("init container \"" + container.name + "\" cannot have probes or lifecycle hooks");
    }
    if (container.role != runtime::Role::Main &&
        (!container.dependencies.empty() || container.attempts != 1)) {
      return bad("container \"" + container.name +
                 "\": only main containers have dependencies and attempts");
    }
    if (container.attempts < 1)
      return bad("container \"" + container.name + "\": attempts must be at least 1");
    const std::string& profile = container.security.seccomp_profile;
    if (!profile.empty() && !is_safe_path(profile))
      return bad("bad seccomp profile \"" + profile + "\"");
  }
  return check_dependencies();
}

// Each round takes away those that wait for nothing that is left.
Result<void> PodLife::check_dependencies() const {
  std::set<std::string> left;
  for (const auto& container : pod_.containers) {
    if (container.role == runtime::Role::Main) left.insert(container.name);
  }
  if (left.empty()) return fail(Code::InvalidArgument, "the pod has no main container");
  for (const auto& container : pod_.containers) {
    for (const std::string& name : container.dependencies) {
      if (left.contains(name)) continue;
      return fail(Code::InvalidArgument, "container \"" + container.name + "\" depends on \"" +
                                             name + "\", which is no main container of the pod");
    }
  }
  for (std::size_t before = 0; before != left.size();) {
    before = left.size();
    for (const auto& container : pod_.containers) {
      const auto& names = container.dependencies;
      if (std::none_of(names.begin(), names.end(),
                       [&](const auto& name) { return left.contains(name); })) {
        left.erase(container.name);
      }
    }
  }
  if (left.empty()) return {};
  return fail(Code::InvalidArgument, "container \"" + *left.begin() + "\" depends on itself");
}

void PodLife::prepare() {
  if (removal_requested_) return;
  state_ = State::Preparing;
  services_.post([self = shared_from_this()] {
    if (self->settle(0)) return;
    if (auto checked = self->check(); !checked) return self->prepare_failed(checked.error());
    self->ensure_image(0);
  });
}

// Nothing of the pod exists while its images come in, so remove() does not wait for them: what
// arrives later finds the pod removed.
void PodLife::ensure_image(std::size_t index) {
  if (state_ != State::Preparing) return;
  auto self = shared_from_this();
  if (!services_.connected) {
    return services_.retry([self, index] { self->ensure_image(index); });
  }
  if (index == containers_.size()) {
    return services_.prepares.enter([self] {
      self->in_prepares_ = true;
      if (self->state_ != State::Preparing) return self->leave_prepares();
      ++self->busy_;
      self->create_all();
    });
  }
  const runtime::ContainerSpec& spec = *containers_[index].spec;
  services_.images.ensure(
      spec.image, spec.pull_policy,
      [self](const std::string& what) {
        if (self->state_ != State::Preparing) return;
        self->services_.listener.on_progress(self->pod_.id, what);
      },
      [self, index](Result<ImageRef> image) { self->have_image(index, std::move(image)); },
      pod_.logins);
}

void PodLife::have_image(std::size_t index, Result<ImageRef> image) {
  if (state_ != State::Preparing) return;
  auto self = shared_from_this();
  if (!image && image.error().code == Code::Unavailable && !services_.connected) {
    return services_.retry([self, index] { self->ensure_image(index); });
  }
  if (!image) return prepare_failed(image.error());
  if (auto used = use_image(index, std::move(*image)); !used) return prepare_failed(used.error());
  ensure_image(index + 1);
}

/// For a container of a pod that was taken over.
void PodLife::find_image(std::size_t index) {
  const runtime::ContainerSpec& spec = *containers_[index].spec;
  // It was pulled when the pod was prepared.
  const auto policy = spec.pull_policy == runtime::PullPolicy::Always
                          ? runtime::PullPolicy::IfNotPresent
                          : spec.pull_policy;
  services_.images.ensure(
      spec.image, policy, [](const std::string&) {},
      [self = shared_from_this(), index](Result<ImageRef> image) {
        if (self->settle()) return;
        if (!image) return self->prepare_failed(image.error());
        if (auto used = self->use_image(index, std::move(*image)); !used)
          return self->prepare_failed(used.error());
        self->make_snapshot(index);
      },
      pod_.logins);
}

Result<void> PodLife::use_image(std::size_t index, ImageRef image) {
  Container& container = containers_[index];
  container.image = std::move(image);
  auto& configs = services_.image_configs;
  if (configs.size() > kCacheEntries) configs.clear();
  auto& config = configs[container.image.digest];
  if (!config) {
    auto parsed = parse_image_config(container.image.config);
    if (!parsed) return fail(parsed.error().wrap(container.image.name));
    config = std::make_shared<const ImageConfig>(std::move(*parsed));
  }
  container.config = config;
  auto arguments = arguments_of(*container.spec, *config);
  if (!arguments) return fail(arguments.error());
  container.arguments = std::move(*arguments);
  container.working_dir = container.spec->working_dir;
  if (container.working_dir.empty()) container.working_dir = config->working_dir;
  return {};
}

// ---- the end of preparing ----

void PodLife::leave_prepares() {
  if (!std::exchange(in_prepares_, false)) return;
  services_.prepares.leave();
}

void PodLife::prepared() {
  --busy_;
  leave_prepares();
  state_ = State::Prepared;
  if (settle(0)) return;
  services_.listener.on_prepared(pod_.id);
  // The listener may have asked for its removal or its start.
  if (state_ == State::Prepared && start_requested_) begin();
}

/// Of the pod, or of a later stage.
void PodLife::prepare_failed(Error error) {
  auto self = shared_from_this();
  if (error.code == Code::Unavailable && touched_ && !removal_requested_) {
    // containerd went away in the middle. What it has done by then is found as existing.
    cleanings_ = 0;
    if (state_ == State::Preparing) {
      for (Container& container : containers_) container.phase = Phase::Absent;
      return services_.retry([self] {
        if (!self->settle()) self->create_all();
      });
    }
    return services_.retry([self] { self->create_next(); });
  }
  if (touched_) --busy_;
  leave_prepares();
  state_ = State::Ended;
  if (settle(0)) return;
  services_.listener.on_failed(pod_.id, error);
}

std::string PodLife::log_directory() const {
  return services_.config.log_root + "/" + pod_.log_directory + "/";
}

bool PodLife::settle(int held) {
  if (!removal_requested_) return false;
  busy_ -= held;
  if (busy_ == 0 && state_ < State::Removing) begin_removal();
  return true;
}

}  // namespace gantry::containerd
