#pragma once

// A string of a workflow file with its {{…}} tags, parsed once.
//
// Semantics: argo-workflows util/template (simple_template.go on valyala/fasttemplate): a tag goes
// from `{{` to the next
// `}}`; white space inside the braces is allowed; tags may nest
// (`{{workflow.parameters.{{item}}}}`), where of a run of braces the last two open the inner tag
// and an inner tag never stands at the very start (`{{{{x}}` is no nesting). What is not a variable
// of Argo's stays as it is: `{{ .State }}`, `{{}}`, Go's and Rust's `{{1, 2}, {3}}`. Deviations, on
// purpose: a substituted value is never looked at again (upstream substitutes in several passes, so
// a value that holds a tag is replaced once more), and a tag that is not closed is an error here
// (upstream finds braces of the surrounding JSON). `{{=…}}` holds an expression: not supported yet.

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
  static constexpr int kMaxNesting = 16;

  Text() = default;

  /// Linear in the length of the source. Fails with InvalidArgument when a tag is not closed (the
  /// message holds the offset in bytes) or tags nest more than kMaxNesting deep, with Unimplemented
  /// for an expression tag.
  static Result<Text> parse(std::string_view source);
  /// A text in which braces mean nothing.
  static Text literal(std::string value);

  [[nodiscard]] const std::string& source() const { return source_; }
  [[nodiscard]] bool is_literal() const { return segments_.empty(); }
  [[nodiscard]] bool empty() const { return source_.empty(); }

  /// The text with every tag replaced. Fails with NotFound and `failed to resolve {{name}}` when
  /// the scope does not know a name that must resolve (has_known_prefix). Every name is looked up,
  /// so a scope may know others too.
  [[nodiscard]] Result<std::string> render(const Scope& scope) const;

  /// When the whole text is exactly one tag: the tag's name. An argument that is exactly one
  /// reference to an absent output is dropped, so that the input's default applies (argo-workflows
  /// workflow/controller/scope.go absentOptionalRef: no white space around the tag, no tag inside
  /// it).
  [[nodiscard]] std::optional<std::string> single_reference() const;

  /// Calls `visit` with the name of every tag that does not contain a nested tag, those inside
  /// other tags included.
  void for_each_reference(const std::function<void(std::string_view)>& visit) const;

 private:
  /// A piece of text: literal, or a tag. `literal` is the text between the tag's braces as written;
  /// when tags nest in it, it is empty and `name` holds the pieces instead.
  struct Segment {
    bool tag = false;
    std::string literal;
    std::vector<Segment> name;
  };
  friend class TextParser;
  static Result<std::string> render(const std::vector<Segment>& segments, const Scope& scope);
  static void visit_references(const std::vector<Segment>& segments,
                               const std::function<void(std::string_view)>& visit);

  std::string source_;
  std::vector<Segment> segments_;  // empty when there is no tag
};

/// True for the names that must resolve: those that start with `inputs.`, `workflow.`, `steps.`,
/// `tasks.`, `item.` or `pod.` (argo-workflows GlobalVarValidWorkflowVariablePrefix), without the
/// ones that Argo lets stand when nothing defines them: `outputs.…` (metrics are replaced later),
/// `workflow.scheduledTime` (set for runs of a CronWorkflow) and `workflow.creationTimestamp.X`
/// with an X that is no strftime letter. Bare `item`, `retries`, `lastRetry.…` and `node.name` are
/// replaced where they are defined and stay as they are elsewhere: `{{ item }}` is Ansible's and
/// Jinja's word too.
bool has_known_prefix(std::string_view name);

}  // namespace gantry::workflow
