#pragma once

// A string of a workflow file with its {{…}} tags, parsed once.
//
// Semantics: argo-workflows util/template (simple tags): white space inside the braces is allowed, tags may nest
// (`{{workflow.parameters.{{item}}}}`), names whose first part is not one of Argo's stay as they are.

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace gantry::workflow {

/// Where the values of variables come from while a text is rendered.
class Scope {
 public:
  virtual ~Scope() = default;
  /// The value of `name` ("inputs.parameters.x"), or nothing when the scope does not know it.
  [[nodiscard]] virtual std::optional<std::string> lookup(std::string_view name) const = 0;
};

/// Immutable once parsed; copied freely; any thread.
class Text {
 public:
  Text() = default;

  /// Fails with InvalidArgument when a tag is not closed or is empty.
  static Result<Text> parse(std::string_view source);
  /// A text in which braces mean nothing.
  static Text literal(std::string value);

  [[nodiscard]] const std::string& source() const { return source_; }
  [[nodiscard]] bool is_literal() const { return segments_.empty(); }
  [[nodiscard]] bool empty() const { return source_.empty(); }

  /// The text with every tag replaced. Fails with NotFound and `failed to resolve {{name}}` when the scope does not
  /// know a name that starts with one of Argo's prefixes.
  [[nodiscard]] Result<std::string> render(const Scope& scope) const;

  /// When the whole text is exactly one tag: the tag's name. An argument that is exactly one reference to an absent
  /// output is dropped, so that the input's default applies.
  [[nodiscard]] std::optional<std::string> single_reference() const;

  /// Calls `visit` with the name of every tag that does not contain a nested tag.
  void for_each_reference(const std::function<void(std::string_view)>& visit) const;

 private:
  /// A piece of text: literal, or a tag whose name is itself made of pieces (so that tags nest).
  struct Segment {
    bool tag = false;
    std::string literal;
    std::vector<Segment> name;
  };
  friend class TextParser;
  static Result<std::string> render(const std::vector<Segment>& segments, const Scope& scope);

  std::string source_;
  std::vector<Segment> segments_;  // empty when there is no tag
};

/// True when the first part of a variable's name is one that Argo defines (workflow, inputs, outputs, steps, tasks,
/// item, pod, node, retries, lastRetry, status, …). Such names must resolve; others stay in the text.
bool has_known_prefix(std::string_view name);

}  // namespace gantry::workflow
