#pragma once

// Tree → typed structs, driven by one table of fields for each type of object (fields_*.cc). The
// table knows every field of the real object by name, says what Gantry does with it, and feeds "did
// you mean".

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_set>
#include <utility>
#include <vector>

#include "workflow/argo/field_info.h"
#include "workflow/argo/shapes.h"
#include "workflow/argo/spec.h"
#include "workflow/document.h"

namespace gantry::workflow::argo {

class Reader;

enum class Support : std::uint8_t {
  Yes,
  Silent,          ///< accepted, has no meaning for anybody here (status, ports)
  Ignored,         ///< accepted, but the user is told that it has no effect on one host
  Later,           ///< refused unless it is empty or false: `not supported yet: PATH`; a note in a lint
  LaterEvenEmpty,  ///< refused also when it is `{}`, because its presence is its meaning
};

struct TypeInfo;

template <class T>
struct Field {
  std::string_view name;
  Support support;
  void (*read)(Reader&, const Node&, T&);  ///< may be null unless Yes
  /// How a field that is read differs from Argo's, what becomes of one that is accepted, why one is refused.
  std::string_view note = {};
  const TypeInfo& (*type)() = nullptr;  ///< of what is below it; null: a scalar, or nothing that has a table
};

/// The fields of one type of object. `name` is the Go type's, for messages.
template <class T>
struct ObjectType {
  std::string_view name;
  std::vector<Field<T>> fields;
};

/// Where the reading is, for messages: "spec.templates[0].container".
class Path {
 public:
  void push(std::string_view name) { parts_.push_back({name, kNoIndex}); }
  void push(std::size_t index) { parts_.push_back({{}, index}); }
  void pop() { parts_.pop_back(); }
  [[nodiscard]] std::string text() const;

 private:
  static constexpr std::size_t kNoIndex = std::numeric_limits<std::size_t>::max();
  struct Part {
    std::string_view name;
    std::size_t index;
  };
  std::vector<Part> parts_;
};

/// How strictly a document is read.
struct Reading {
  bool strict = false;  ///< a number or boolean where a text is wanted is an error
  /// As `argo lint`: what this host cannot run is a note. Names of fields count in upper and lower case, and unknown ones
  /// are errors if `strict`, else notes.
  bool lint = false;
};

/// One reading of one document. Errors go to the diagnostics; reading goes on behind them.
class Reader {
 public:
  Reader(Document& document, Reading reading, Diagnostics& diagnostics)
      : document_(document), reading_(reading), diagnostics_(diagnostics) {}

  template <class T>
  void object(const Node& node, T& out, const ObjectType<T>& type);

  void text(const Node& node, Str& out);
  void any_text(const Node& node, Str& out);     ///< AnyString
  void int_or_text(const Node& node, Str& out);  ///< IntOrString: integers and texts
  void quantity(const Node& node, Str& out);     ///< numbers and texts
  void flag(const Node& node, Flag& out);
  void integer(const Node& node, Int& out);

  /// False and an error when the node is not a list / a map. Null is neither and no error.
  bool expect_list(const Node& node, std::string_view of);
  bool expect_map(const Node& node, std::string_view of);

  void error(Mark at, std::string message);
  Path& path() { return path_; }
  /// Numbers and booleans that were taken as texts: what to write as texts into the JSON of the
  /// spec.
  [[nodiscard]] const std::unordered_set<const Node*>& taken_as_text() const {
    return taken_as_text_;
  }

 private:
  void take(const Node& node, Str& out);
  void wrong_type(const Node& node, std::string_view expected, std::string_view go_type);
  void unknown_field(const Node::Entry& entry, const std::vector<std::string_view>& known);
  void refuse(const Node::Entry& entry, std::string_view why);
  void ignore(const Node::Entry& entry, std::string_view why);
  /// shapes.cc: a lint's look at what is not read.
  void shaped(const Node& node, const Shape& shape);
  void shaped(const Node& node, const ShapeField& field);
  /// Whether a text may not be written as a number or a boolean.
  [[nodiscard]] bool strict_types() const { return reading_.strict || reading_.lint; }

  Document& document_;
  Reading reading_;
  Diagnostics& diagnostics_;
  Path path_;
  std::string_view struct_name_, field_name_;  // of the field being read, for Go's wording
  std::unordered_set<const Node*> taken_as_text_;
  const Node* last_wrong_ = nullptr;  // the node of the last wrong_type
};

/// ASCII letters count the same in upper and lower case.
bool equal_but_for_case(std::string_view a, std::string_view b);
/// False, "", an empty list or map: what Go's decoder cannot tell from an absent field.
bool is_zero(const Node& node);
/// The index of the field called `key`: the same, or else the same but for upper and lower case, as
/// Go's decoders have it. npos: none.
std::size_t find_field(std::string_view key, std::size_t count, const void* fields,
                       std::string_view (*name)(const void* fields, std::size_t index));

// How a value of each type is read
// ---------------------------------------------------------------------------------

inline void read(Reader& reader, const Node& node, Str& out) { reader.text(node, out); }
inline void read(Reader& reader, const Node& node, AnyStr& out) { reader.any_text(node, out); }
inline void read(Reader& reader, const Node& node, IntOrStr& out) { reader.int_or_text(node, out); }
inline void read(Reader& reader, const Node& node, Quantity& out) { reader.quantity(node, out); }
inline void read(Reader& reader, const Node& node, Flag& out) { reader.flag(node, out); }
inline void read(Reader& reader, const Node& node, Int& out) { reader.integer(node, out); }
void read(Reader& reader, const Node& node, StepGroup& out);

template <Described T>
void read(Reader& reader, const Node& node, T& out) {
  reader.object(node, out, type_of(&out));
}

template <class T>
void read(Reader& reader, const Node& node, List<T>& out) {
  if (!reader.expect_list(node, "a list")) return;
  out.at = node.at;
  out.set = true;
  out.value.resize(node.items.size());
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    reader.path().push(i);
    if constexpr (Described<T>) out.value[i].at = node.items[i]->at;  // also when it is null
    read(reader, *node.items[i], out.value[i]);
    reader.path().pop();
  }
}

template <class Item>
void read_map(Reader& reader, const Node& node, List<Item>& out) {
  if (!reader.expect_map(node, "a map")) return;
  out.at = node.at;
  out.set = true;
  out.value.reserve(node.entries.size());
  for (const Node::Entry& entry : node.entries) {
    reader.path().push(entry.key);
    Item& item = out.value.emplace_back(Item{entry.key, entry.at, {}});
    read(reader, *entry.value, item.value);
    reader.path().pop();
  }
}
inline void read(Reader& reader, const Node& node, StrMap& out) { read_map(reader, node, out); }
inline void read(Reader& reader, const Node& node, Amounts& out) { read_map(reader, node, out); }
inline void read(Reader& reader, const Node& node, Hooks& out) { read_map(reader, node, out); }
inline void read(Reader& reader, const Node& node, List<NamedLabelFrom>& out) { read_map(reader, node, out); }

// The words of the tables
// -------------------------------------------------------------------------------------------

/// A field that is read into the member: `field<Container, &Container::image>("image")`.
template <class T, auto Member>
Field<T> field(std::string_view name, std::string_view note = {}) {
  using Value = std::remove_reference_t<decltype(std::declval<T&>().*Member)>;
  return {name, Support::Yes,
          [](Reader& reader, const Node& node, T& out) { read(reader, node, out.*Member); }, note,
          info_function<Value>()};
}
template <class T>
Field<T> silent(std::string_view name, std::string_view note = {}) {
  return {name, Support::Silent, nullptr, note};
}
template <class T>
Field<T> ignored(std::string_view name, std::string_view note) {
  return {name, Support::Ignored, nullptr, note};
}
template <class T>
Field<T> later(std::string_view name, std::string_view note = {}) {
  return {name, Support::Later, nullptr, note};
}
template <class T>
Field<T> later_even_empty(std::string_view name, std::string_view note = {}) {
  return {name, Support::LaterEvenEmpty, nullptr, note};
}

template <class T>
void Reader::object(const Node& node, T& out, const ObjectType<T>& type) {
  if (!expect_map(node, "an object")) {
    out.flawed = !node.is_null();
    return;
  }
  out.at = node.at;
  out.set = true;
  const auto outer = std::pair(struct_name_, field_name_);
  const auto name_of = [](const void* fields, std::size_t i) {
    return static_cast<const Field<T>*>(fields)[i].name;
  };
  std::vector<const Node::Entry*> given(type.fields.size());
  for (const Node::Entry& entry : node.entries) {
    path_.push(entry.key);
    last_wrong_ = nullptr;
    bool flaw = false;
    const std::size_t index =
        find_field(entry.key, type.fields.size(), type.fields.data(), name_of);
    const bool misspelt = reading_.lint && reading_.strict && index != std::string_view::npos &&
                          type.fields[index].name != entry.key;
    if (index == std::string_view::npos || misspelt) {
      std::vector<std::string_view> known;
      for (const Field<T>& field : type.fields) known.push_back(field.name);
      unknown_field(entry, known);
      flaw = reading_.strict || !reading_.lint;
    } else if (given[index] != nullptr) {
      error(entry.at, "duplicate key \"" + std::string(entry.key) + "\": already set as \"" +
                          std::string(given[index]->key) + "\" at line " +
                          std::to_string(given[index]->at.line));
      flaw = true;
    } else if (given[index] = &entry; !entry.value->is_null()) {
      const Field<T>& field = type.fields[index];
      const bool refused = field.support == Support::LaterEvenEmpty ||
                           (field.support == Support::Later && !is_zero(*entry.value));
      if (refused) refuse(entry, field.note);
      if (field.support == Support::Ignored) ignore(entry, field.note);
      if (reading_.lint && field.support != Support::Yes) {
        if (const Shape* shape = shape_of(type.name, field.name)) shaped(*entry.value, *shape);
      }
      if (field.read != nullptr) {
        struct_name_ = type.name;
        field_name_ = field.name;
        field.read(*this, *entry.value, out);
      }
      // A lint goes on without what is refused, unless something else seems to be missing for it.
      const bool missed = field.support == Support::LaterEvenEmpty || !reading_.lint;
      flaw = (refused && missed) || last_wrong_ == entry.value;
    }
    out.flawed |= flaw;
    path_.pop();
  }
  std::tie(struct_name_, field_name_) = outer;
}

// The types that have tables: fields_artifact.cc, fields_metadata.cc, fields_pod.cc, fields_template.cc, fields_workflow.cc
// --------------------------------

const ObjectType<ConfigMapKeySelector>& type_of(const ConfigMapKeySelector*);
const ObjectType<SecretKeySelector>& type_of(const SecretKeySelector*);
const ObjectType<FieldRef>& type_of(const FieldRef*);
const ObjectType<EnvVarSource>& type_of(const EnvVarSource*);
const ObjectType<EnvVar>& type_of(const EnvVar*);
const ObjectType<ConfigMapEnvSource>& type_of(const ConfigMapEnvSource*);
const ObjectType<SecretEnvSource>& type_of(const SecretEnvSource*);
const ObjectType<EnvFromSource>& type_of(const EnvFromSource*);
const ObjectType<VolumeMount>& type_of(const VolumeMount*);
const ObjectType<ResourceRequirements>& type_of(const ResourceRequirements*);
const ObjectType<SeccompProfile>& type_of(const SeccompProfile*);
const ObjectType<Capabilities>& type_of(const Capabilities*);
const ObjectType<PodSecurityContext>& type_of(const PodSecurityContext*);
const ObjectType<SecurityContext>& type_of(const SecurityContext*);
const ObjectType<ExecAction>& type_of(const ExecAction*);
const ObjectType<HttpHeader>& type_of(const HttpHeader*);
const ObjectType<HttpGetAction>& type_of(const HttpGetAction*);
const ObjectType<TcpSocketAction>& type_of(const TcpSocketAction*);
const ObjectType<GrpcAction>& type_of(const GrpcAction*);
const ObjectType<SleepAction>& type_of(const SleepAction*);
const ObjectType<Probe>& type_of(const Probe*);
const ObjectType<LifecycleHandler>& type_of(const LifecycleHandler*);
const ObjectType<Lifecycle>& type_of(const Lifecycle*);
const ObjectType<Container>& type_of(const Container*);
const ObjectType<UserContainer>& type_of(const UserContainer*);
const ObjectType<ContainerNode>& type_of(const ContainerNode*);
const ObjectType<ContainerSetRetry>& type_of(const ContainerSetRetry*);
const ObjectType<ContainerSetTemplate>& type_of(const ContainerSetTemplate*);
const ObjectType<HostAlias>& type_of(const HostAlias*);
const ObjectType<DnsOption>& type_of(const DnsOption*);
const ObjectType<DnsConfig>& type_of(const DnsConfig*);
const ObjectType<ScriptTemplate>& type_of(const ScriptTemplate*);
const ObjectType<EmptyDir>& type_of(const EmptyDir*);
const ObjectType<HostPath>& type_of(const HostPath*);
const ObjectType<KeyToPath>& type_of(const KeyToPath*);
const ObjectType<SecretSource>& type_of(const SecretSource*);
const ObjectType<ConfigMapSource>& type_of(const ConfigMapSource*);
const ObjectType<ClaimSource>& type_of(const ClaimSource*);
const ObjectType<Volume>& type_of(const Volume*);

const ObjectType<ValueFrom>& type_of(const ValueFrom*);
const ObjectType<Parameter>& type_of(const Parameter*);
const ObjectType<ArtifactLocation>& type_of(const ArtifactLocation*);
const ObjectType<ArtifactGc>& type_of(const ArtifactGc*);
const ObjectType<Artifact>& type_of(const Artifact*);
const ObjectType<ArtifactRepositoryRef>& type_of(const ArtifactRepositoryRef*);
const ObjectType<Arguments>& type_of(const Arguments*);
const ObjectType<Inputs>& type_of(const Inputs*);
const ObjectType<Outputs>& type_of(const Outputs*);
const ObjectType<ContinueOn>& type_of(const ContinueOn*);
const ObjectType<Step>& type_of(const Step*);
const ObjectType<DagTask>& type_of(const DagTask*);
const ObjectType<DagTemplate>& type_of(const DagTemplate*);
const ObjectType<TemplateRef>& type_of(const TemplateRef*);
const ObjectType<LifecycleHook>& type_of(const LifecycleHook*);
const ObjectType<Sequence>& type_of(const Sequence*);
const ObjectType<Backoff>& type_of(const Backoff*);
const ObjectType<RetryStrategy>& type_of(const RetryStrategy*);
const ObjectType<SuspendTemplate>& type_of(const SuspendTemplate*);
const ObjectType<MutexRef>& type_of(const MutexRef*);
const ObjectType<SyncDatabaseRef>& type_of(const SyncDatabaseRef*);
const ObjectType<SemaphoreRef>& type_of(const SemaphoreRef*);
const ObjectType<Synchronization>& type_of(const Synchronization*);
const ObjectType<CacheSource>& type_of(const CacheSource*);
const ObjectType<Memoize>& type_of(const Memoize*);
const ObjectType<HttpHeaderSource>& type_of(const HttpHeaderSource*);
const ObjectType<HttpRequestHeader>& type_of(const HttpRequestHeader*);
const ObjectType<HttpBodySource>& type_of(const HttpBodySource*);
const ObjectType<HttpTemplate>& type_of(const HttpTemplate*);
const ObjectType<DataSource>& type_of(const DataSource*);
const ObjectType<TransformationStep>& type_of(const TransformationStep*);
const ObjectType<DataTemplate>& type_of(const DataTemplate*);
const ObjectType<PodMetadata>& type_of(const PodMetadata*);
const ObjectType<VolumeClaimGc>& type_of(const VolumeClaimGc*);
const ObjectType<MetricLabel>& type_of(const MetricLabel*);
const ObjectType<Counter>& type_of(const Counter*);
const ObjectType<Gauge>& type_of(const Gauge*);
const ObjectType<Histogram>& type_of(const Histogram*);
const ObjectType<Prometheus>& type_of(const Prometheus*);
const ObjectType<Metrics>& type_of(const Metrics*);
const ObjectType<LabelValueFrom>& type_of(const LabelValueFrom*);
const ObjectType<WorkflowMetadata>& type_of(const WorkflowMetadata*);
const ObjectType<LocalObjectReference>& type_of(const LocalObjectReference*);
const ObjectType<PodSpecPatch>& type_of(const PodSpecPatch*);
const ObjectType<Template>& type_of(const Template*);

const ObjectType<ClaimMetadata>& type_of(const ClaimMetadata*);
const ObjectType<ClaimResources>& type_of(const ClaimResources*);
const ObjectType<ClaimSpec>& type_of(const ClaimSpec*);
const ObjectType<VolumeClaim>& type_of(const VolumeClaim*);
const ObjectType<ObjectMeta>& type_of(const ObjectMeta*);
const ObjectType<WorkflowSpec>& type_of(const WorkflowSpec*);
const ObjectType<Workflow>& type_of(const Workflow*);

}  // namespace gantry::workflow::argo
