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
// (upstream finds braces of the surrounding JSON).
//
// `{{=…}}` holds an expression (expr/expression.h), which goes to the next `}}` whatever stands in
// it (expression_template.go). Where it reads a variable whose first name nobody knows (`retries`
// where nothing is tried again) the tag stays as it is; a member that is missing, a nil, and an
// expression that fails are errors. Upstream leaves the tag in most of these cases and may come
// back in a later pass; here a text is rendered once, when all values are there. It also asks for
// what a branch reads that is not taken, here that may be missing.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace gantry::workflow {

namespace expr {
class Expression;
struct Facts;
}  // namespace expr

/// Where the values of variables come from while a text is rendered.
class Scope {
 public:
  virtual ~Scope() = default;
  /// The value of `name` ("inputs.parameters.x"), or nothing when the scope does not know it.
  [[nodiscard]] virtual std::optional<std::string> lookup(std::string_view name) const = 0;

  // For expressions.

  /// True when `name` is an optional output that is absent: nil for an expression.
  [[nodiscard]] virtual bool is_absent(std::string_view name) const;
  /// Calls `visit` with each name that begins with `name` and a dot, and its value (nothing:
  /// absent), for an expression that takes a map as a value, like toJson(inputs.parameters). By
  /// default there are none.
  virtual void for_each_below(
      std::string_view name,
      const std::function<void(std::string_view, std::optional<std::string>)>& visit) const;
  /// Whether there are names that begin with `name` and a dot; where that is not known, true. By
  /// default of the first names that Argo has (`steps` …) and all below them.
  [[nodiscard]] virtual bool has_below(std::string_view name) const;
  /// The time and randomness for functions that ask for them; by default there is neither, and they
  /// fail. Must live as long as the scope.
  [[nodiscard]] virtual const expr::Facts& facts() const;
};

/// A variable that a text refers to.
struct Reference {
  std::string_view name;
  bool expression = false;  ///< read by a {{=…}}: a map may be meant, a missing member may be nil …
  bool guarded = false;  ///< … and this one may be missing, because of `??` or `?.`
};

/// Immutable once parsed; copied freely; any thread.
class Text {
 public:
  static constexpr int kMaxNesting = 16;

  Text() = default;

  /// Linear in the length of the source. Fails with InvalidArgument when a tag is not closed (the
  /// message holds the offset in bytes), tags nest more than kMaxNesting deep, or an expression
  /// does not parse (the message holds the position in it).
  static Result<Text> parse(std::string_view source);
  /// A text in which braces mean nothing.
  static Text literal(std::string value);

  [[nodiscard]] const std::string& source() const { return source_; }
  [[nodiscard]] bool is_literal() const { return segments_.empty(); }
  [[nodiscard]] bool empty() const { return source_.empty(); }

  /// The text with every tag replaced. Fails with NotFound and `failed to resolve {{name}}` when
  /// the scope does not know a name that must resolve (has_known_prefix). Every name is looked up,
  /// so a scope may know others too. Expressions fail with `failed to evaluate expression: …`:
  /// NotFound for a member that is missing, InvalidArgument for everything else.
  [[nodiscard]] Result<std::string> render(const Scope& scope) const;

  /// When the whole text is exactly one tag: the tag's name. An argument that is exactly one
  /// reference to an absent output is dropped, so that the input's default applies (argo-workflows
  /// workflow/controller/scope.go absentOptionalRef: no white space around the tag, no tag inside
  /// it).
  [[nodiscard]] std::optional<std::string> single_reference() const;

  /// Calls `visit` with the name of every tag that does not contain a nested tag, those inside
  /// other tags included, and with every chain of constant names that an expression reads.
  void for_each_reference(const std::function<void(const Reference&)>& visit) const;
  /// The names that have to be there for the text to render: not the guarded ones, and not those
  /// that an expression reads as maps (`steps.a`, `steps.a.outputs`).
  void for_each_reference(const std::function<void(std::string_view)>& visit) const;

 private:
  /// A piece of text: literal, or a tag. `literal` is the text between the tag's braces as written;
  /// when tags nest in it, it is empty and `name` holds the pieces instead.
  struct Segment {
    bool tag = false;
    std::string literal;
    std::vector<Segment> name;
    std::shared_ptr<const expr::Expression> expression;  ///< of {{=…}}
  };
  friend class TextParser;
  static Result<std::string> render(const std::vector<Segment>& segments, const Scope& scope);
  static void visit_references(const std::vector<Segment>& segments,
                               const std::function<void(const Reference&)>& visit);

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
