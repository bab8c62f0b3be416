#include <algorithm>
#include <csignal>

#include "runtime/containerd/health_check.h"
#include "runtime/containerd/pod_life.h"

namespace gantry::containerd {
namespace {

using runtime::ExecAction;
using runtime::Handler;
using runtime::Probe;

/// A hook over the network has no time limit of its own (Kubernetes:
/// pkg/kubelet/lifecycle/handlers.go).
constexpr Duration kHookTimeout = std::chrono::seconds(30);

const char* name_of(int kind) {
  constexpr const char* kNames[] = {"Startup", "Readiness", "Liveness"};
  return kNames[kind];
}

}  // namespace

// A container's address is its pod's. A pod on the host's network is asked at the loopback address,
// one without a network from the inside.
std::string PodLife::address_for_probes() const {
  return pod_.network == runtime::Network::Bridge ? network_.address : "127.0.0.1";
}

std::string PodLife::namespace_for_probes(std::size_t index) const {
  if (pod_.network != runtime::Network::None) return {};
  if (!network_.net_namespace.empty()) return network_.net_namespace;
  return "/proc/" + std::to_string(containers_[index].pid) + "/ns/net";
}

// ---- hooks ----

void PodLife::begin_health(std::size_t index) {
  const runtime::ContainerSpec& spec = *containers_[index].spec;
  if (spec.lifecycle.post_start && !containers_[index].start_unclear) return run_post_start(index);
  begin_probes(index);
}

void PodLife::run_post_start(std::size_t index) {
  Container& container = containers_[index];
  container.hook_pending = true;
  run_hook(
      index, *container.spec->lifecycle.post_start,
      [self = shared_from_this(), index, attempt = container.attempt](const Result<void>& done) {
        Container& one = self->containers_[index];
        if (one.attempt != attempt || one.phase != Phase::Running) return;
        one.hook_pending = false;
        if (!done)
          return self->stop_for_good(index, "PostStartHook failed: " + done.error().message);
        self->begin_probes(index);
        self->look_at_readiness();
      });
}

void PodLife::run_hook(std::size_t index, const Handler& handler,
                       std::function<void(Result<void>)> done) {
  if (const auto* sleep = std::get_if<runtime::SleepAction>(&handler)) {
    return services_.after(sleep->duration, [done] { done({}); });
  }
  if (const auto* exec = std::get_if<ExecAction>(&handler)) {
    runtime::ExecSpec spec;
    spec.arguments = exec->command;
    return exec_in(index, std::move(spec), [done](Result<runtime::ExecResult> result) {
      if (!result) return done(fail(result.error()));
      if (result->exit_code == 0) return done({});
      done(fail(Code::Unknown, "command exited with " + std::to_string(result->exit_code) + ": " +
                                   result->output));
    });
  }
  auto result = std::make_shared<Result<void>>();
  const HealthTarget target{address_for_probes(), namespace_for_probes(index)};
  services_.offload(
      [handler, target, result] {
        if (const auto* http = std::get_if<runtime::HttpGetAction>(&handler)) {
          *result = check_http(*http, target, kHookTimeout);
        } else if (const auto* tcp = std::get_if<runtime::TcpSocketAction>(&handler)) {
          *result = check_tcp(*tcp, target, kHookTimeout);
        }
      },
      [result, done] { done(*result); });
}

// ---- probes ----

const std::optional<Probe>& PodLife::probe_of(std::size_t index, ProbeKind kind) const {
  const runtime::ContainerSpec& spec = *containers_[index].spec;
  if (kind == ProbeKind::Startup) return spec.startup_probe;
  return kind == ProbeKind::Readiness ? spec.readiness_probe : spec.liveness_probe;
}

// The others begin when the startup probe has passed (pkg/kubelet/prober/worker.go).
void PodLife::begin_probes(std::size_t index) {
  const auto since = std::max(Duration(0), now() - containers_[index].started_at);
  const auto begin = [&](ProbeKind kind) {
    if (const auto& probe = probe_of(index, kind)) {
      schedule_probe(index, kind, std::max(Duration(0), probe->initial_delay - since));
    }
  };
  if (probe_of(index, ProbeKind::Startup) && !containers_[index].startup.passed)
    return begin(ProbeKind::Startup);
  begin(ProbeKind::Readiness);
  begin(ProbeKind::Liveness);
}

void PodLife::schedule_probe(std::size_t index, ProbeKind kind, Duration delay) {
  services_.after(delay,
                  [self = shared_from_this(), index, kind, attempt = containers_[index].attempt] {
                    const Container& container = self->containers_[index];
                    if (self->state_ >= State::Ending || self->removal_requested_ ||
                        container.attempt != attempt || container.phase != Phase::Running) {
                      return;
                    }
                    self->run_probe(index, kind);
                  });
}

void PodLife::run_probe(std::size_t index, ProbeKind kind) {
  const Probe& probe = *probe_of(index, kind);
  auto self = shared_from_this();
  const auto answered = [self, index, kind,
                         attempt = containers_[index].attempt](const Result<void>& answer) {
    const Container& container = self->containers_[index];
    if (self->state_ >= State::Ending || container.attempt != attempt ||
        container.phase != Phase::Running)
      return;
    self->probe_answered(index, kind, answer);
  };
  if (const auto* exec = std::get_if<ExecAction>(&probe.action)) {
    runtime::ExecSpec spec;
    spec.arguments = exec->command;
    spec.timeout = probe.timeout;
    return exec_in(index, std::move(spec), [answered](Result<runtime::ExecResult> result) {
      if (!result) return answered(fail(result.error()));
      if (result->exit_code == 0) return answered({});
      answered(fail(Code::Unknown, result->output));
    });
  }
  const HealthTarget target{address_for_probes(), namespace_for_probes(index)};
  auto result = std::make_shared<Result<void>>();
  services_.offload(
      [result, target, self, &probe] {
        if (const auto* http = std::get_if<runtime::HttpGetAction>(&probe.action)) {
          *result = check_http(*http, target, probe.timeout);
        } else if (const auto* tcp = std::get_if<runtime::TcpSocketAction>(&probe.action)) {
          *result = check_tcp(*tcp, target, probe.timeout);
        } else if (const auto* grpc = std::get_if<runtime::GrpcAction>(&probe.action)) {
          *result = check_grpc(*grpc, target, probe.timeout);
        }
      },
      [result, answered] { answered(*result); });
}

void PodLife::probe_answered(std::size_t index, ProbeKind kind, Result<void> answer) {
  Container& container = containers_[index];
  const Probe& probe = *probe_of(index, kind);
  Health& health = kind == ProbeKind::Startup     ? container.startup
                   : kind == ProbeKind::Readiness ? container.readiness
                                                  : container.liveness;
  health.successes = answer ? health.successes + 1 : 0;
  health.failures = answer ? 0 : health.failures + 1;
  const bool passes = health.successes >= probe.success_threshold;
  if (passes && !std::exchange(health.passed, true)) {
    if (kind == ProbeKind::Startup) begin_probes(index);
    look_at_readiness();
  }
  if (kind == ProbeKind::Startup && health.passed) return;
  // on_ready comes once: what is ready is not asked again.
  if (kind == ProbeKind::Readiness && health.passed) return;
  if (kind != ProbeKind::Readiness && health.failures >= probe.failure_threshold) {
    return stop_for_good(index, std::string(name_of(static_cast<int>(kind))) +
                                    " probe failed: " + answer.error().message);
  }
  schedule_probe(index, kind, probe.period);
}

void PodLife::look_at_readiness() {
  if (ready_ || state_ != State::Running) return;
  for (const Container& container : containers_) {
    if (container.spec->role == runtime::Role::Init) continue;
    if (container.hook_pending) return;
    if (container.spec->startup_probe && !container.startup.passed) return;
    if (container.spec->readiness_probe && !container.readiness.passed) return;
  }
  ready_ = true;
  services_.listener.on_ready(
      pod_.id, pod_.network == runtime::Network::Host ? services_.host_address : network_.address);
}

}  // namespace gantry::containerd
