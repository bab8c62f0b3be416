#include "workflow/argo/shapes.h"

#include <algorithm>

#include "workflow/argo/reader.h"

namespace gantry::workflow::argo {
namespace {

using Kind = ShapeField::Kind;

constexpr ShapeField kManifestFrom[] = {{"artifact", Kind::Object}};
constexpr Shape kManifestFromShape{"manifestFrom", kManifestFrom};
constexpr ShapeField kResource[] = {{"action"},
                                    {"mergeStrategy"},
                                    {"manifest"},
                                    {"manifestFrom", Kind::Object, &kManifestFromShape},
                                    {"setOwnerReference", Kind::Boolean},
                                    {"successCondition"},
                                    {"failureCondition"},
                                    {"flags", Kind::Texts}};

constexpr ShapeField kPodGc[] = {{"strategy"}, {"labelSelector", Kind::Object}, {"deleteDelayDuration"}};
constexpr ShapeField kTtl[] = {{"secondsAfterCompletion", Kind::Integer},
                               {"secondsAfterSuccess", Kind::Integer},
                               {"secondsAfterFailure", Kind::Integer}};
constexpr ShapeField kExecutor[] = {{"serviceAccountName"}};
constexpr ShapeField kToleration[] = {
    {"key"}, {"operator"}, {"value"}, {"effect"}, {"tolerationSeconds", Kind::Integer}};
constexpr ShapeField kAffinity[] = {
    {"nodeAffinity", Kind::Object}, {"podAffinity", Kind::Object}, {"podAntiAffinity", Kind::Object}};
constexpr ShapeField kRetryAffinity[] = {{"nodeAntiAffinity", Kind::Object}};
constexpr ShapeField kTemplateReference[] = {{"name"}, {"clusterScope", Kind::Boolean}};
constexpr ShapeField kBudget[] = {{"minAvailable", Kind::Any},
                                  {"maxUnavailable", Kind::Any},
                                  {"selector", Kind::Object},
                                  {"unhealthyPodEvictionPolicy"}};
constexpr ShapeField kPort[] = {
    {"name"}, {"hostPort", Kind::Integer}, {"containerPort", Kind::Integer}, {"protocol"}, {"hostIP"}};
constexpr ShapeField kResources[] = {{"limits", Kind::Object}, {"requests", Kind::Object}, {"claims", Kind::Any}};
constexpr ShapeField kClaim[] = {{"name"}, {"resourceClaimName"}, {"resourceClaimTemplateName"}};

constexpr Shape kShapes[] = {{"resource", kResource},
                             {"podGC", kPodGc},
                             {"ttlStrategy", kTtl},
                             {"executor", kExecutor},
                             {"tolerations", kToleration},
                             {"affinity", kAffinity},
                             {"workflowTemplateRef", kTemplateReference},
                             {"podDisruptionBudget", kBudget},
                             {"ports", kPort},
                             {"podResources", kResources},
                             {"resourceClaims", kClaim}};

}  // namespace

const Shape* shape_of(std::string_view struct_name, std::string_view field) {
  static constexpr Shape retry_affinity{"affinity", kRetryAffinity};
  if (struct_name == "RetryStrategy" && field == "affinity") return &retry_affinity;
  const auto* found = std::find_if(std::begin(kShapes), std::end(kShapes), [&](const Shape& one) { return one.name == field; });
  return found == std::end(kShapes) ? nullptr : found;
}

void Reader::shaped(const Node& node, const Shape& shape) {
  if (node.is_sequence()) {
    for (std::size_t i = 0; i < node.items.size(); ++i) {
      path_.push(i);
      if (!node.items[i]->is_sequence()) shaped(*node.items[i], shape);
      path_.pop();
    }
    return;
  }
  const auto outer = std::pair(struct_name_, field_name_);
  struct_name_ = shape.name;
  if (expect_map(node, "an object")) {
    for (const Node::Entry& entry : node.entries) {
      path_.push(entry.key);
      const auto field = std::find_if(shape.fields.begin(), shape.fields.end(), [&](const ShapeField& one) {
        return one.name == entry.key || (!reading_.strict && equal_but_for_case(one.name, entry.key));
      });
      if (field == shape.fields.end()) {
        std::vector<std::string_view> known;
        for (const ShapeField& one : shape.fields) known.push_back(one.name);
        unknown_field(entry, known);
      } else {
        field_name_ = field->name;
        shaped(*entry.value, *field);
      }
      path_.pop();
    }
  }
  std::tie(struct_name_, field_name_) = outer;
}

void Reader::shaped(const Node& node, const ShapeField& field) {
  switch (field.kind) {
    case Kind::Text: {
      Str ignored;
      return text(node, ignored);
    }
    case Kind::Integer: {
      Int ignored;
      return integer(node, ignored);
    }
    case Kind::Boolean: {
      Flag ignored;
      return flag(node, ignored);
    }
    case Kind::Texts: {
      List<Str> ignored;
      return read(*this, node, ignored);
    }
    case Kind::Object:
      if (!node.is_map()) {
        (void)expect_map(node, "an object");
      } else if (field.below != nullptr) {
        shaped(node, *field.below);
      }
      return;
    case Kind::Objects:
      if (expect_list(node, "a list") && field.below != nullptr) shaped(node, *field.below);
      return;
    case Kind::Any:
      return;
  }
}

}  // namespace gantry::workflow::argo
