#pragma once

// A part of a document that becomes JSON once its {{…}} are replaced: a loop's items, an artifact's location.
//
// What a tag is replaced by stands inside of its string, escaped, so it can never become structure. A tag's own text is
// what the file says, not its JSON escapes ({{=sprig.trim(" x ")}}).

#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "workflow/diagnostic.h"
#include "workflow/document.h"
#include "workflow/text.h"

namespace gantry::workflow {

/// Immutable once made; copied freely; any thread.
class JsonTemplate {
 public:
  JsonTemplate() = default;
  /// `bad` gets each text that does not parse as one.
  static JsonTemplate of(const Node& node, const std::function<void(Mark, const Error&)>& bad);
  /// `{"KEY":INNER}`.
  static JsonTemplate wrapped(std::string_view key, JsonTemplate inner);

  [[nodiscard]] bool empty() const { return pieces_.empty(); }
  [[nodiscard]] bool is_literal() const { return pieces_.size() == 1 && !pieces_.front().is_text; }
  /// Compact JSON; `one` renders a text. Fails with the first error of `one`.
  [[nodiscard]] Result<std::string> render(const std::function<Result<std::string>(const Text&)>& one) const;

  /// The texts that are to be rendered.
  void for_each_text(const std::function<void(const Text&)>& visit) const;

 private:
  struct Piece {
    bool is_text = false;
    std::string json;  ///< as it stands
    Text text;         ///< becomes a JSON string
  };
  std::string& json();
  void add(const Node& node, const std::function<void(Mark, const Error&)>& bad);
  void add_text(std::string_view text, Mark at, const std::function<void(Mark, const Error&)>& bad);

  std::vector<Piece> pieces_;
};

/// Whether a scalar or a key of the tree holds `{{`.
bool holds_tags(const Node& node);

}  // namespace gantry::workflow
