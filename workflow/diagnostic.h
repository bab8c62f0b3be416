#pragma once

// What is wrong with a document, and where. All the errors of a file are reported at once.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::workflow {

/// A place in a document; line and column (in bytes) count from 1, 0 means unknown.
struct Mark {
  std::uint32_t line = 0;
  std::uint32_t column = 0;
};

struct Diagnostic {
  enum class Severity : std::uint8_t { Error, Warning, Note };
  Severity severity = Severity::Error;
  Mark at;
  std::string message;
};

/// Whether a message says that Gantry cannot do yet what is asked: "not supported yet: …".
bool is_refusal(std::string_view message);

/// `FILE:LINE:COLUMN: message`; warnings and notes say so in front of the message.
std::string to_string(const Diagnostic& diagnostic, const std::string& file);

class Diagnostics {
 public:
  void error(Mark at, std::string message) {
    add({Diagnostic::Severity::Error, at, std::move(message)});
  }
  void warning(Mark at, std::string message) {
    add({Diagnostic::Severity::Warning, at, std::move(message)});
  }
  void note(Mark at, std::string message) {
    add({Diagnostic::Severity::Note, at, std::move(message)});
  }
  void add(Diagnostic diagnostic) {
    has_errors_ |= diagnostic.severity == Diagnostic::Severity::Error;
    items_.push_back(std::move(diagnostic));
  }

  [[nodiscard]] bool has_errors() const { return has_errors_; }
  [[nodiscard]] const std::vector<Diagnostic>& items() const { return items_; }

 private:
  std::vector<Diagnostic> items_;
  bool has_errors_ = false;
};

}  // namespace gantry::workflow
