// The fields of templates, steps, tasks and parameters (argo-workflows pkg/apis/workflow/v1alpha1).

#include "workflow/argo/reader.h"

namespace gantry::workflow::argo {
namespace {

template <class T>
ObjectType<T> parameters_and_artifacts(std::string_view name) {
  return {name, {field<T, &T::parameters>("parameters"), field<T, &T::artifacts>("artifacts")}};
}

template <class T>
ObjectType<T> call(std::string_view name, std::vector<Field<T>> own) {
  ObjectType<T> type{
      name,
      {field<T, &Call::name>("name"), field<T, &Call::template_name>("template"),
       field<T, &Call::template_ref>("templateRef"),
       {"inline", Support::Yes,
        [](Reader& reader, const Node& node, T& out) {
          out.inline_template = std::make_shared<Template>();
          read(reader, node, *out.inline_template);
        },
        {},
        info_function<Template>()},
       field<T, &Call::arguments>("arguments"), field<T, &Call::when>("when"),
       field<T, &Call::continue_on>("continueOn"), field<T, &Call::on_exit>("onExit"),
       field<T, &Call::hooks>("hooks"),
       {"withItems", Support::Yes,
        [](Reader& reader, const Node& node, T& out) {
          if (reader.expect_list(node, "a list")) out.with_items = &node;
        }},
       field<T, &Call::with_param>("withParam"),
       field<T, &Call::with_sequence>("withSequence")}};
  type.fields.insert(type.fields.end(), own.begin(), own.end());
  return type;
}

/// A kind of template that is known but cannot run yet.
Field<Template> later_kind(std::string_view name, std::string_view why) {
  return {name, Support::LaterEvenEmpty,
          [](Reader&, const Node& node, Template& out) {
            ++out.other_kinds;
            out.unread.push_back(&node);
          },
          why};
}

}  // namespace

const ObjectType<ValueFrom>& type_of(const ValueFrom*) {
  using T = ValueFrom;
  static const ObjectType<T> type{
      "ValueFrom",
      {field<T, &T::path>("path"), field<T, &T::parameter>("parameter"),
       field<T, &T::default_value>("default"), field<T, &T::expression>("expression"),
       field<T, &T::config_map_key_ref>("configMapKeyRef"), field<T, &T::event>("event"),
       {"supplied", Support::Yes, [](Reader&, const Node&, T& out) { out.supplied = true; }},
       {"jqFilter", Support::Later, [](Reader&, const Node&, T& out) { out.flawed = out.kubernetes_only = true; },
        "of resource templates"},
       {"jsonPath", Support::Later, [](Reader&, const Node&, T& out) { out.flawed = out.kubernetes_only = true; },
        "of resource templates"}}};
  return type;
}

const ObjectType<Parameter>& type_of(const Parameter*) {
  using T = Parameter;
  static const ObjectType<T> type{
      "Parameter",
      {field<T, &T::name>("name"), field<T, &T::value>("value"),
       field<T, &T::default_value>("default"), field<T, &T::value_from>("valueFrom"),
       field<T, &T::allowed>("enum"), field<T, &T::description>("description"),
       field<T, &T::global_name>("globalName")}};
  return type;
}

const ObjectType<Arguments>& type_of(const Arguments*) {
  static const auto type = parameters_and_artifacts<Arguments>("Arguments");
  return type;
}
const ObjectType<Inputs>& type_of(const Inputs*) {
  static const auto type = parameters_and_artifacts<Inputs>("Inputs");
  return type;
}
const ObjectType<Outputs>& type_of(const Outputs*) {
  static const auto type = [] {
    auto outputs = parameters_and_artifacts<Outputs>("Outputs");
    outputs.fields.push_back(silent<Outputs>("exitCode", "a run fills it in"));  // these two are filled in by a run
    outputs.fields.push_back(silent<Outputs>("result", "a run fills it in"));
    return outputs;
  }();
  return type;
}

const ObjectType<ContinueOn>& type_of(const ContinueOn*) {
  using T = ContinueOn;
  static const ObjectType<T> type{"ContinueOn",
                                  {field<T, &T::error>("error"), field<T, &T::failed>("failed")}};
  return type;
}

const ObjectType<Step>& type_of(const Step*) {
  static const auto type = call<Step>("WorkflowStep", {});
  return type;
}

const ObjectType<DagTask>& type_of(const DagTask*) {
  using T = DagTask;
  static const auto type = call<T>(
      "DAGTask", {field<T, &T::depends>("depends"), field<T, &T::dependencies>("dependencies")});
  return type;
}

const ObjectType<DagTemplate>& type_of(const DagTemplate*) {
  using T = DagTemplate;
  static const ObjectType<T> type{"DAGTemplate",
                                  {field<T, &T::tasks>("tasks"), field<T, &T::target>("target"),
                                   field<T, &T::fail_fast>("failFast")}};
  return type;
}

const ObjectType<TemplateRef>& type_of(const TemplateRef*) {
  using T = TemplateRef;
  static const ObjectType<T> type{
      "TemplateRef",
      {field<T, &T::name>("name"), field<T, &T::template_name>("template"),
       field<T, &T::cluster_scope>("clusterScope")}};
  return type;
}

const ObjectType<LifecycleHook>& type_of(const LifecycleHook*) {
  using T = LifecycleHook;
  static const ObjectType<T> type{
      "LifecycleHook",
      {field<T, &T::template_name>("template"), field<T, &T::template_ref>("templateRef"),
       field<T, &T::arguments>("arguments"), field<T, &T::expression>("expression")}};
  return type;
}

const ObjectType<Sequence>& type_of(const Sequence*) {
  using T = Sequence;
  static const ObjectType<T> type{"Sequence",
                                  {field<T, &T::count>("count"), field<T, &T::start>("start"),
                                   field<T, &T::end>("end"), field<T, &T::format>("format")}};
  return type;
}

const ObjectType<Backoff>& type_of(const Backoff*) {
  using T = Backoff;
  static const ObjectType<T> type{
      "Backoff",
      {field<T, &T::duration>("duration"), field<T, &T::factor>("factor"), field<T, &T::cap>("cap"),
       field<T, &T::max_duration>("maxDuration")}};
  return type;
}

const ObjectType<RetryStrategy>& type_of(const RetryStrategy*) {
  using T = RetryStrategy;
  static const ObjectType<T> type{
      "RetryStrategy",
      {field<T, &T::limit>("limit"), field<T, &T::retry_policy>("retryPolicy"),
       field<T, &T::backoff>("backoff"), field<T, &T::expression>("expression"),
       ignored<T>("affinity", "there is one host")}};
  return type;
}

const ObjectType<SuspendTemplate>& type_of(const SuspendTemplate*) {
  using T = SuspendTemplate;
  static const ObjectType<T> type{"SuspendTemplate", {field<T, &T::duration>("duration")}};
  return type;
}

const ObjectType<MutexRef>& type_of(const MutexRef*) {
  using T = MutexRef;
  static const ObjectType<T> type{
      "Mutex",
      {field<T, &T::name>("name"), field<T, &T::name_space>("namespace"),
       field<T, &T::database>("database")}};
  return type;
}

const ObjectType<SyncDatabaseRef>& type_of(const SyncDatabaseRef*) {
  using T = SyncDatabaseRef;
  static const ObjectType<T> type{"SyncDatabaseRef", {field<T, &T::key>("key")}};
  return type;
}

const ObjectType<SemaphoreRef>& type_of(const SemaphoreRef*) {
  using T = SemaphoreRef;
  static const ObjectType<T> type{
      "SemaphoreRef",
      {field<T, &T::config_map_key_ref>("configMapKeyRef"), field<T, &T::name_space>("namespace"),
       field<T, &T::database>("database", "the limit stands in the ConfigMap `sync-limits`")}};
  return type;
}

const ObjectType<Synchronization>& type_of(const Synchronization*) {
  using T = Synchronization;
  static const ObjectType<T> type{
      "Synchronization",
      {field<T, &T::mutexes>("mutexes"), field<T, &T::semaphores>("semaphores")}};
  return type;
}

const ObjectType<CacheSource>& type_of(const CacheSource*) {
  using T = CacheSource;
  static const ObjectType<T> type{"Cache", {field<T, &T::config_map>("configMap")}};
  return type;
}

const ObjectType<Memoize>& type_of(const Memoize*) {
  using T = Memoize;
  static const ObjectType<T> type{
      "Memoize",
      {field<T, &T::key>("key"), field<T, &T::max_age>("maxAge"), field<T, &T::cache>("cache")}};
  return type;
}

const ObjectType<HttpHeaderSource>& type_of(const HttpHeaderSource*) {
  using T = HttpHeaderSource;
  static const ObjectType<T> type{"HTTPHeaderSource", {field<T, &T::secret_key_ref>("secretKeyRef")}};
  return type;
}

const ObjectType<HttpRequestHeader>& type_of(const HttpRequestHeader*) {
  using T = HttpRequestHeader;
  static const ObjectType<T> type{
      "HTTPHeader",
      {field<T, &T::name>("name"), field<T, &T::value>("value"), field<T, &T::value_from>("valueFrom")}};
  return type;
}

const ObjectType<HttpBodySource>& type_of(const HttpBodySource*) {
  using T = HttpBodySource;
  static const ObjectType<T> type{"HTTPBodySource", {field<T, &T::bytes>("bytes")}};
  return type;
}

const ObjectType<HttpTemplate>& type_of(const HttpTemplate*) {
  using T = HttpTemplate;
  static const ObjectType<T> type{
      "HTTP",
      {field<T, &T::method>("method"), field<T, &T::url>("url"), field<T, &T::headers>("headers"),
       field<T, &T::timeout_seconds>("timeoutSeconds"), field<T, &T::success_condition>("successCondition"),
       field<T, &T::body>("body"), field<T, &T::body_from>("bodyFrom"),
       field<T, &T::insecure_skip_verify>("insecureSkipVerify")}};
  return type;
}

const ObjectType<DataSource>& type_of(const DataSource*) {
  using T = DataSource;
  static const ObjectType<T> type{"DataSource", {field<T, &T::artifact_paths>("artifactPaths")}};
  return type;
}

const ObjectType<TransformationStep>& type_of(const TransformationStep*) {
  using T = TransformationStep;
  static const ObjectType<T> type{"TransformationStep", {field<T, &T::expression>("expression")}};
  return type;
}

const ObjectType<DataTemplate>& type_of(const DataTemplate*) {
  using T = DataTemplate;
  static const ObjectType<T> type{
      "Data", {field<T, &T::source>("source"), field<T, &T::transformation>("transformation")}};
  return type;
}

const ObjectType<PodMetadata>& type_of(const PodMetadata*) {
  using T = PodMetadata;
  static const ObjectType<T> type{
      "Metadata",
      {field<T, &T::labels>("labels"), field<T, &T::annotations>("annotations")}};
  return type;
}

const ObjectType<Template>& type_of(const Template*) {
  using T = Template;
  static const ObjectType<T> type{
      "Template",
      {field<T, &T::name>("name"),
       field<T, &T::inputs>("inputs"),
       field<T, &T::outputs>("outputs"),
       field<T, &T::container>("container"),
       field<T, &T::script>("script"),
       field<T, &T::http>("http"),
       field<T, &T::data>("data"),
       field<T, &T::steps>("steps"),
       field<T, &T::dag>("dag"),
       field<T, &T::container_set>("containerSet"),
       field<T, &T::init_containers>("initContainers"),
       field<T, &T::sidecars>("sidecars"),
       field<T, &T::daemon>("daemon"),
       field<T, &T::host_aliases>("hostAliases"),
       later_kind("plugin", "executor plugins run beside Argo's controller"),
       later_kind("resource", "it runs only on Kubernetes"),
       field<T, &T::suspend>("suspend"),
       field<T, &T::active_deadline_seconds>("activeDeadlineSeconds"),
       field<T, &T::timeout>("timeout"),
       field<T, &T::parallelism>("parallelism"),
       field<T, &T::fail_fast>("failFast"),
       field<T, &T::retry_strategy>("retryStrategy"),
       field<T, &T::volumes>("volumes"),
       field<T, &T::security_context>("securityContext"),
       field<T, &T::annotations>("annotations"),
       field<T, &T::metadata>("metadata"),
       field<T, &T::synchronization>("synchronization"),
       field<T, &T::memoize>("memoize"),
       ignored<T>("affinity", "there is one host"),
       ignored<T>("automountServiceAccountToken", "there is no API server to be a client of"),
       ignored<T>("executor", "no executor runs in the pod"),
       ignored<T>("nodeSelector", "there is one host"),
       ignored<T>("priorityClassName", "use priority, which orders what is ready"),
       ignored<T>("schedulerName", "Gantry is the scheduler"),
       ignored<T>("serviceAccountName", "there is no API server to be a client of"),
       ignored<T>("tolerations", "there is one host"),
       field<T, &T::archive_location>("archiveLocation"),
       field<T, &T::metrics>("metrics", "checked, without effect"),
       field<T, &T::pending_timeout>("pendingTimeout"),
       field<T, &T::pod_resources>("podResources", "each container's limit is at most the pod's"),
       field<T, &T::pod_spec_patch>("podSpecPatch", "what exists here of a pod"),
       later<T>("resourceClaims", "devices of a cluster are claimed there")}};
  return type;
}

}  // namespace gantry::workflow::argo
