#pragma once

// What the tables of fields say, without the types that they are read into: for whoever writes about the fields
// (docs/compatibility.md) or walks over all of them.

#include <memory>
#include <string_view>
#include <type_traits>
#include <vector>

#include "workflow/argo/spec.h"

namespace gantry::workflow::argo {

enum class Support : std::uint8_t;

struct FieldInfo {
  std::string_view name;
  Support support;
  std::string_view note;
  const struct TypeInfo& (*type)();  ///< of what is below it; null: a scalar, or nothing that has a table
};

/// One type of object, with its fields in the order of the table.
struct TypeInfo {
  std::string_view name;  ///< the Go type's
  std::vector<FieldInfo> fields;
};

/// The Workflow object; all other types are below it.
const TypeInfo& workflow_info();

// How the tables make it
// ---------------------------------------------------------------------------------------------------------------

/// A type that has a table.
template <class T>
concept Described = requires(const T* object) {
  type_of(object);
};

template <Described T>
const TypeInfo& info_of() {
  static const TypeInfo info = [] {
    const auto& type = type_of(static_cast<const T*>(nullptr));
    TypeInfo out{type.name, {}};
    for (const auto& field : type.fields) out.fields.push_back({field.name, field.support, field.note, field.type});
    return out;
  }();
  return info;
}

template <class T>
struct Element {
  using Type = T;
};
template <class T>
struct Element<List<T>> : Element<T> {};
template <>
struct Element<StepGroup> : Element<Step> {};
template <>
struct Element<NamedHook> : Element<LifecycleHook> {};

/// info_of() of what a member holds: the object itself, or what is in the list or map. Null when that has no table.
template <class T>
constexpr auto info_function() -> const TypeInfo& (*)() {
  using Inner = typename Element<T>::Type;
  if constexpr (Described<Inner>) {
    return &info_of<Inner>;
  } else {
    return nullptr;
  }
}

}  // namespace gantry::workflow::argo
