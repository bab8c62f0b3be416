#pragma once

// The objects that Gantry does not read, as far as a lint needs to know them: which fields they have, so that a misspelt
// one is found there, too (argo-workflows pkg/apis/workflow/v1alpha1, Kubernetes core/v1).

#include <span>
#include <string_view>

namespace gantry::workflow::argo {

struct Shape;

struct ShapeField {
  enum class Kind : unsigned char { Text, Integer, Boolean, Texts, Any, Object, Objects };
  std::string_view name;
  Kind kind = Kind::Text;
  const Shape* below = nullptr;  ///< Object, Objects: what it has; null: anything
};

/// What stands under a field: an object, or a list of such objects.
struct Shape {
  std::string_view name;  ///< the field's
  std::span<const ShapeField> fields;
};

/// The shape of what stands under a field, of an object of that type, that is not read; null: nothing is known of it.
const Shape* shape_of(std::string_view struct_name, std::string_view field);

}  // namespace gantry::workflow::argo
