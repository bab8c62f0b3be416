// What surrounds a run and its pods: labels, metrics, podSpecPatch, credentials for images (argo-workflows
// workflow/validate).

#include <algorithm>

#include "workflow/argo/compiler.h"
#include "workflow/pod_patch.h"
#include "workflow/quantity.h"

namespace gantry::workflow::argo {

void Compiler::surroundings() {
  const Str& shutdown = spec_.shutdown;
  if (shutdown.value == "Stop" || shutdown.value == "Terminate") {
    plan_.shutdown = shutdown.value;
  } else if (!shutdown.empty()) {
    error(shutdown.at, "spec.shutdown must be Stop or Terminate, found \"" + std::string(shutdown.value) + "\"");
  }
  const WorkflowMetadata& metadata = spec_.workflow_metadata;
  for (const auto& [key, at, value] : metadata.labels.value) plan_.metadata.labels.emplace_back(key, value.value);
  for (const auto& [key, at, value] : metadata.annotations.value) {
    plan_.metadata.annotations.emplace_back(key, value.value);
  }
  for (const NamedLabelFrom& from : metadata.labels_from.value) {
    const std::string where = "spec.workflowMetadata.labelsFrom." + std::string(from.key) + ".expression";
    if (from.value.expression.empty()) {
      if (!from.value.flawed) error(from.at, where + " is required");
      continue;
    }
    if (auto expression = formula(from.value.expression, where)) {
      plan_.metadata.labels_from.push_back(
          {std::string(from.key), std::move(*expression), std::string(from.value.expression.value)});
    }
  }
  plan_.pod_metadata = pod_metadata(spec_.pod_metadata, "spec.podMetadata");
  plan_.pod_spec_patch = pod_spec_patch(spec_.pod_spec_patch, "spec.podSpecPatch");
  for (const LocalObjectReference& secret : spec_.image_pull_secrets.value) {
    if (secret.name.empty()) {
      if (!secret.flawed) error(secret.at, "spec.imagePullSecrets: name is required");
      continue;
    }
    plan_.image_pull_secrets.push_back(text(secret.name, "spec.imagePullSecrets.name"));
  }
  metrics(spec_.metrics, "spec");
}

workflow::PodMetadata Compiler::pod_metadata(const argo::PodMetadata& written, const std::string& where) {
  workflow::PodMetadata out;
  for (const auto& [key, at, value] : written.labels.value) {
    out.labels.emplace_back(key, text(value, where + ".labels." + std::string(key)));
  }
  for (const auto& [key, at, value] : written.annotations.value) {
    out.annotations.emplace_back(key, text(value, where + ".annotations." + std::string(key)));
  }
  return out;
}

/// One without variables can be checked at once.
std::optional<Text> Compiler::pod_spec_patch(const Str& written, const std::string& where) {
  if (written.empty()) return std::nullopt;
  Text patch = text(written, where);
  if (patch.is_literal()) {
    if (auto parsed = parse_pod_patch(written.value); !parsed) {
      error(written.at, where + ": " + parsed.error().message);
    }
  }
  return patch;
}

/// Prometheus' names, without colons (argo-workflows workflow/metrics/util.go).
static bool is_metric_name(std::string_view name) {
  const auto is_letter = [](char c) { return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  return !name.empty() && is_letter(name.front()) &&
         std::all_of(name.begin(), name.end(), [&](char c) { return is_letter(c) || (c >= '0' && c <= '9'); });
}

void Compiler::metrics(const argo::Metrics& written, const std::string& where) {
  if (!written.set) return;
  for (const Prometheus& metric : written.prometheus.value) {
    const std::string name(metric.name.value);
    if (metric.flawed) continue;
    if (!is_metric_name(name)) {
      error(metric.at, where + " metric name '" + name +
                           "' is invalid. Metric names must contain alphanumeric characters or '_'");
    }
    for (const MetricLabel& label : metric.labels.value) {
      if (is_metric_name(label.key.value)) continue;
      error(label.at, where + " metric '" + name + "' label '" + std::string(label.key.value) +
                          "' is invalid: names of labels must contain alphanumeric characters or '_'");
    }
    if (metric.help.empty()) {
      error(metric.at, where + " metric '" + name + "' must contain a help string under 'help: ' field");
    }
    const auto problem = [&](const char* what) { error(metric.at, where + " metric '" + name + "' error: " + what); };
    if (metric.gauge.set && metric.gauge.value.empty()) problem("missing gauge.value");
    if (metric.gauge.realtime.value && metric.gauge.value.value.find("resourcesDuration.") != std::string_view::npos) {
      problem("'resourcesDuration.*' metrics cannot be used in real-time");
    }
    if (metric.counter.set && metric.counter.value.empty()) problem("missing counter.value");
    if (metric.histogram.set && metric.histogram.value.empty()) problem("missing histogram.value");
  }
  diagnostics_.note(written.at, where + ".metrics has no effect yet");
}

void Compiler::pending_timeout(const argo::Template& written, workflow::Template& out, const std::string& where) {
  const Str& timeout = written.pending_timeout;
  if (timeout.empty()) return;
  out.pending_timeout = text(timeout, where + ".pendingTimeout");
  if (written.is_graph()) {
    error(timeout.at,
          where + " " + (written.steps.set ? "Steps" : "DAG") + " template doesn't support pendingTimeout field");
  } else if (out.pending_timeout->is_literal() && !parse_duration_or_seconds(timeout.value)) {
    error(timeout.at, where + " has invalid duration format in pendingTimeout: \"" + std::string(timeout.value) +
                          "\" (for example 30s, 1h30m)");
  }
}

}  // namespace gantry::workflow::argo
