// The fields of the Workflow object itself and of its volume claims.

#include "workflow/argo/reader.h"

namespace gantry::workflow::argo {

const ObjectType<ClaimMetadata>& type_of(const ClaimMetadata*) {
  using T = ClaimMetadata;
  static const ObjectType<T> type = [] {
    ObjectType<T> meta{"ObjectMeta", {field<T, &T::name>("name")}};
    for (const char* name :
         {"annotations", "creationTimestamp", "deletionGracePeriodSeconds", "deletionTimestamp",
          "finalizers", "generateName", "generation", "labels", "managedFields", "namespace",
          "ownerReferences", "resourceVersion", "selfLink", "uid"}) {
      meta.fields.push_back(silent<T>(name, "a claim is a directory"));
    }
    return meta;
  }();
  return type;
}

const ObjectType<ClaimResources>& type_of(const ClaimResources*) {
  using T = ClaimResources;
  static const ObjectType<T> type{"VolumeResourceRequirements",
                                  {field<T, &T::requests>("requests"), silent<T>("limits", "a claim has no limit of its own")}};
  return type;
}

const ObjectType<ClaimSpec>& type_of(const ClaimSpec*) {
  using T = ClaimSpec;
  static const ObjectType<T> type{
      "PersistentVolumeClaimSpec",
      {field<T, &T::resources>("resources"), silent<T>("accessModes", "all pods of a run may read and write"),
       ignored<T>("storageClassName", "a directory of the host"), ignored<T>("volumeAttributesClassName", "a directory of the host"),
       later<T>("volumeMode", "a directory of the host"), later<T>("dataSource", "a claim begins empty"), later<T>("dataSourceRef", "a claim begins empty"),
       later<T>("selector", "a directory of the host"), later<T>("volumeName", "a directory of the host")}};
  return type;
}

const ObjectType<VolumeClaim>& type_of(const VolumeClaim*) {
  using T = VolumeClaim;
  static const ObjectType<T> type{
      "PersistentVolumeClaim",
      {field<T, &T::metadata>("metadata"), field<T, &T::spec>("spec"), silent<T>("apiVersion", "there is one version"),
       silent<T>("kind", "there is one kind"), silent<T>("status", "the daemon writes it")}};
  return type;
}

const ObjectType<ObjectMeta>& type_of(const ObjectMeta*) {
  using T = ObjectMeta;
  static const ObjectType<T> type = [] {
    ObjectType<T> meta{"ObjectMeta",
                       {field<T, &T::name>("name"), field<T, &T::generate_name>("generateName"),
                        field<T, &T::name_space>("namespace"), field<T, &T::labels>("labels"),
                        field<T, &T::annotations>("annotations")}};
    for (const char* name :
         {"creationTimestamp", "deletionGracePeriodSeconds", "deletionTimestamp", "finalizers",
          "generation", "managedFields", "ownerReferences", "resourceVersion", "selfLink", "uid"}) {
      meta.fields.push_back(silent<T>(name, "an API server sets it; an exported object still has it"));
    }
    return meta;
  }();
  return type;
}

const ObjectType<VolumeClaimGc>& type_of(const VolumeClaimGc*) {
  using T = VolumeClaimGc;
  static const ObjectType<T> type{"VolumeClaimGC", {field<T, &T::strategy>("strategy")}};
  return type;
}

const ObjectType<WorkflowSpec>& type_of(const WorkflowSpec*) {
  using T = WorkflowSpec;
  static const ObjectType<T> type{"WorkflowSpec",
                                  {field<T, &T::entrypoint>("entrypoint"),
                                   field<T, &T::templates>("templates"),
                                   field<T, &T::arguments>("arguments"),
                                   field<T, &T::on_exit>("onExit"),
                                   field<T, &T::hooks>("hooks"),
                                   field<T, &T::retry_strategy>("retryStrategy"),
                                   field<T, &T::synchronization>("synchronization"),
                                   field<T, &T::volume_claim_gc>("volumeClaimGC"),
                                   field<T, &T::parallelism>("parallelism"),
                                   field<T, &T::active_deadline_seconds>("activeDeadlineSeconds"),
                                   field<T, &T::priority>("priority"),
                                   silent<T>("ttlStrategy", "as in Argo, by the daemon"),  // of the stored spec: daemon/ttl.h
                                   silent<T>("podGC", "containers are removed at once; logs stay with the run"),
                                   field<T, &T::suspend>("suspend"),
                                   field<T, &T::volumes>("volumes"),
                                   field<T, &T::volume_claim_templates>("volumeClaimTemplates"),
                                   field<T, &T::security_context>("securityContext"),
                                   field<T, &T::service_account_name>("serviceAccountName"),
                                   field<T, &T::host_aliases>("hostAliases"),
                                   field<T, &T::host_network>("hostNetwork"),
                                   field<T, &T::dns_policy>("dnsPolicy"),
                                   field<T, &T::dns_config>("dnsConfig"),
                                    ignored<T>("affinity", "there is one host"),
                                    ignored<T>("automountServiceAccountToken", "there is no API server to be a client of"),
                                    ignored<T>("executor", "no executor runs in the pod"),
                                    ignored<T>("executorPlugins", "executor plugins run beside Argo's controller"),
                                    ignored<T>("nodeSelector", "there is one host"),
                                    ignored<T>("podDisruptionBudget", "nobody drains the one host"),
                                    ignored<T>("podPriorityClassName", "use priority, which orders what is ready"),
                                    ignored<T>("schedulerName", "Gantry is the scheduler"),
                                    ignored<T>("tolerations", "there is one host"),
                                    field<T, &T::archive_logs>("archiveLogs"),
                                    field<T, &T::artifact_gc>("artifactGC", "the daemon deletes them itself"),
                                    field<T, &T::artifact_repository_ref>("artifactRepositoryRef"),
                                    field<T, &T::image_pull_secrets>("imagePullSecrets"),
                                    field<T, &T::metrics>("metrics", "checked, without effect"),
                                    field<T, &T::pod_metadata>("podMetadata", "labels of the containers"),
                                    field<T, &T::pod_resources>("podResources", "each container's limit is at most the pod's"),
                                    field<T, &T::pod_spec_patch>("podSpecPatch", "what exists here of a pod"),
                                    later<T>("resourceClaims", "devices of a cluster are claimed there"),
                                    field<T, &T::shutdown>("shutdown"),
                                    silent<T>("templateDefaults", "as in Argo, merged into the templates before"),  // merge.h
                                    silent<T>("workflowTemplateRef", "as in Argo, merged into the spec before"),
                                    field<T, &T::workflow_metadata>("workflowMetadata")}};
  return type;
}

const ObjectType<Workflow>& type_of(const Workflow*) {
  using T = Workflow;
  static const ObjectType<T> type{
      "Workflow",
      {field<T, &T::api_version>("apiVersion"), field<T, &T::kind>("kind"),
       field<T, &T::metadata>("metadata"), field<T, &T::spec>("spec"), silent<T>("status", "the daemon writes it")}};
  return type;
}

const TypeInfo& workflow_info() { return info_of<Workflow>(); }

}  // namespace gantry::workflow::argo
