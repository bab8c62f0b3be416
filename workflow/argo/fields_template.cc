// The fields of templates, steps, tasks and parameters (argo-workflows pkg/apis/workflow/v1alpha1).

#include "workflow/argo/reader.h"

namespace gantry::workflow::argo {
namespace {

template <class T, auto Parameters>
ObjectType<T> parameters_and_artifacts(std::string_view name) {
  return {name, {field<T, Parameters>("parameters"), later<T>("artifacts")}};
}

/// `template` has a sibling that replaces it and is not supported yet.
template <class T>
Field<T> instead_of_template(std::string_view name) {
  return {name, Support::LaterEvenEmpty,
          [](Reader&, const Node&, T& call) { call.no_template = true; }};
}

template <class T>
ObjectType<T> call(std::string_view name, std::vector<Field<T>> own) {
  ObjectType<T> type{
      name,
      {field<T, &Call::name>("name"), field<T, &Call::template_name>("template"),
       field<T, &Call::arguments>("arguments"), field<T, &Call::when>("when"),
       field<T, &Call::continue_on>("continueOn"), field<T, &Call::on_exit>("onExit"),
       instead_of_template<T>("inline"), instead_of_template<T>("templateRef"), later<T>("hooks"),
       later<T>("withItems"), later<T>("withParam"), later_even_empty<T>("withSequence")}};
  type.fields.insert(type.fields.end(), own.begin(), own.end());
  return type;
}

/// A kind of template that is known but cannot run yet.
Field<Template> later_kind(std::string_view name) {
  return {name, Support::LaterEvenEmpty,
          [](Reader&, const Node&, Template& out) { ++out.other_kinds; }};
}

}  // namespace

const ObjectType<ValueFrom>& type_of(const ValueFrom*) {
  using T = ValueFrom;
  static const ObjectType<T> type{
      "ValueFrom",
      {field<T, &T::path>("path"), field<T, &T::parameter>("parameter"),
       field<T, &T::default_value>("default"), later_even_empty<T>("configMapKeyRef"),
       later<T>("event"), later<T>("expression"), later<T>("jqFilter"), later<T>("jsonPath"),
       later_even_empty<T>("supplied")}};
  return type;
}

const ObjectType<Parameter>& type_of(const Parameter*) {
  using T = Parameter;
  static const ObjectType<T> type{
      "Parameter",
      {field<T, &T::name>("name"), field<T, &T::value>("value"),
       field<T, &T::default_value>("default"), field<T, &T::value_from>("valueFrom"),
       field<T, &T::allowed>("enum"), field<T, &T::description>("description"),
       later<T>("globalName")}};
  return type;
}

const ObjectType<Arguments>& type_of(const Arguments*) {
  static const auto type = parameters_and_artifacts<Arguments, &Arguments::parameters>("Arguments");
  return type;
}
const ObjectType<Inputs>& type_of(const Inputs*) {
  static const auto type = parameters_and_artifacts<Inputs, &Inputs::parameters>("Inputs");
  return type;
}
const ObjectType<Outputs>& type_of(const Outputs*) {
  static const auto type = [] {
    auto outputs = parameters_and_artifacts<Outputs, &Outputs::parameters>("Outputs");
    outputs.fields.push_back(silent<Outputs>("exitCode"));  // these two are filled in by a run
    outputs.fields.push_back(silent<Outputs>("result"));
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

const ObjectType<RetryStrategy>& type_of(const RetryStrategy*) {
  using T = RetryStrategy;
  static const ObjectType<T> type{
      "RetryStrategy",
      {field<T, &T::limit>("limit"), field<T, &T::retry_policy>("retryPolicy"),
       ignored<T>("affinity"), later<T>("backoff"), later<T>("expression")}};
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
       field<T, &T::steps>("steps"),
       field<T, &T::dag>("dag"),
       later_kind("containerSet"),
       later_kind("data"),
       later_kind("http"),
       later_kind("plugin"),
       later_kind("resource"),
       later_kind("suspend"),
       field<T, &T::active_deadline_seconds>("activeDeadlineSeconds"),
       field<T, &T::timeout>("timeout"),
       field<T, &T::parallelism>("parallelism"),
       field<T, &T::fail_fast>("failFast"),
       field<T, &T::retry_strategy>("retryStrategy"),
       field<T, &T::volumes>("volumes"),
       field<T, &T::security_context>("securityContext"),
       field<T, &T::annotations>("annotations"),
       silent<T>("metadata"),  // labels and annotations of a pod that nobody looks at
       ignored<T>("affinity"),
       ignored<T>("automountServiceAccountToken"),
       ignored<T>("executor"),
       ignored<T>("nodeSelector"),
       ignored<T>("priorityClassName"),
       ignored<T>("schedulerName"),
       ignored<T>("serviceAccountName"),
       ignored<T>("tolerations"),
       later<T>("archiveLocation"),
       later<T>("daemon"),
       later<T>("hostAliases"),
       later<T>("initContainers"),
       later<T>("memoize"),
       later<T>("metrics"),
       later<T>("pendingTimeout"),
       later<T>("podResources"),
       later<T>("podSpecPatch"),
       later<T>("resourceClaims"),
       later<T>("sidecars"),
       later<T>("synchronization")}};
  return type;
}

}  // namespace gantry::workflow::argo
