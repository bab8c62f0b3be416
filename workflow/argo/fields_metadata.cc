// The fields of what surrounds a run and its pods: metadata, metrics, podSpecPatch.

#include "workflow/argo/reader.h"

namespace gantry::workflow::argo {

const ObjectType<MetricLabel>& type_of(const MetricLabel*) {
  using T = MetricLabel;
  static const ObjectType<T> type{"MetricLabel", {field<T, &T::key>("key"), field<T, &T::value>("value")}};
  return type;
}

const ObjectType<Counter>& type_of(const Counter*) {
  using T = Counter;
  static const ObjectType<T> type{"Counter", {field<T, &T::value>("value")}};
  return type;
}

const ObjectType<Gauge>& type_of(const Gauge*) {
  using T = Gauge;
  static const ObjectType<T> type{"Gauge",
                                  {field<T, &T::value>("value"), field<T, &T::realtime>("realtime"),
                                   field<T, &T::operation>("operation")}};
  return type;
}

const ObjectType<Histogram>& type_of(const Histogram*) {
  using T = Histogram;
  static const ObjectType<T> type{"Histogram",
                                  {field<T, &T::value>("value"), field<T, &T::buckets>("buckets")}};
  return type;
}

const ObjectType<Prometheus>& type_of(const Prometheus*) {
  using T = Prometheus;
  static const ObjectType<T> type{
      "Prometheus",
      {field<T, &T::name>("name"), field<T, &T::help>("help"), field<T, &T::labels>("labels"),
       field<T, &T::when>("when"), field<T, &T::counter>("counter"), field<T, &T::gauge>("gauge"),
       field<T, &T::histogram>("histogram")}};
  return type;
}

const ObjectType<Metrics>& type_of(const Metrics*) {
  using T = Metrics;
  static const ObjectType<T> type{"Metrics", {field<T, &T::prometheus>("prometheus")}};
  return type;
}

const ObjectType<LabelValueFrom>& type_of(const LabelValueFrom*) {
  using T = LabelValueFrom;
  static const ObjectType<T> type{"LabelValueFrom", {field<T, &T::expression>("expression")}};
  return type;
}

const ObjectType<WorkflowMetadata>& type_of(const WorkflowMetadata*) {
  using T = WorkflowMetadata;
  static const ObjectType<T> type{
      "WorkflowMetadata",
      {field<T, &T::labels>("labels"), field<T, &T::annotations>("annotations"),
       field<T, &T::labels_from>("labelsFrom")}};
  return type;
}

const ObjectType<LocalObjectReference>& type_of(const LocalObjectReference*) {
  using T = LocalObjectReference;
  static const ObjectType<T> type{"LocalObjectReference", {field<T, &T::name>("name")}};
  return type;
}

const ObjectType<PodSpecPatch>& type_of(const PodSpecPatch*) {
  using T = PodSpecPatch;
  static const ObjectType<T> type = [] {
    ObjectType<T> spec{"PodSpec",
                       {field<T, &T::containers>("containers"),
                        field<T, &T::init_containers>("initContainers"),
                        field<T, &T::volumes>("volumes"),
                        field<T, &T::active_deadline_seconds>("activeDeadlineSeconds"),
                        field<T, &T::termination_grace_seconds>("terminationGracePeriodSeconds"),
                        field<T, &T::host_network>("hostNetwork"),
                        field<T, &T::security_context>("securityContext"),
                        field<T, &T::host_aliases>("hostAliases"),
                        field<T, &T::image_pull_secrets>("imagePullSecrets")}};
    // Where a pod is put, and what a cluster does with it.
    for (const char* name :
         {"affinity", "automountServiceAccountToken", "enableServiceLinks", "hostnameOverride",
          "nodeName", "nodeSelector", "os", "overhead", "preemptionPolicy", "priority",
          "priorityClassName", "readinessGates", "restartPolicy", "runtimeClassName",
          "schedulerName", "schedulingGates", "serviceAccount", "serviceAccountName",
          "setHostnameAsFQDN", "tolerations", "topologySpreadConstraints"}) {
      spec.fields.push_back(silent<T>(name));
    }
    for (const char* name :
         {"dnsConfig", "dnsPolicy", "ephemeralContainers", "hostIPC", "hostPID", "hostUsers",
          "hostname", "resourceClaims", "resources", "shareProcessNamespace", "subdomain"}) {
      spec.fields.push_back(later<T>(name));
    }
    return spec;
  }();
  return type;
}

}  // namespace gantry::workflow::argo
