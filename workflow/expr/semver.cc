#include "workflow/expr/semver.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <vector>

#include "workflow/expr/go_text.h"

namespace gantry::workflow::expr {
namespace {

constexpr std::string_view kDigits = "0123456789";
constexpr std::string_view kIdentifier =
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-";

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

int order(std::uint64_t a, std::uint64_t b) { return a < b ? -1 : a > b ? 1 : 0; }

/// Reads a version, in which numbers may be x or * when it is one of a constraint.
struct Reader {
  std::string_view text;
  std::size_t at = 0;

  std::string_view take(std::string_view allowed) {
    const std::size_t end = std::min(text.find_first_not_of(allowed, at), text.size());
    const std::string_view taken = text.substr(at, end - at);
    at = end;
    return taken;
  }
  bool take(char c) {
    if (at == text.size() || text[at] != c) return false;
    ++at;
    return true;
  }
  /// Identifiers with dots between them; nothing when one is missing.
  std::optional<std::string_view> identifiers() {
    const std::size_t begin = at;
    do {
      if (take(kIdentifier).empty()) return std::nullopt;
    } while (take('.'));
    return text.substr(begin, at - begin);
  }
};

/// A version as it is written.
struct Written {
  std::string_view numbers[3];
  std::string_view prerelease, metadata;
};
std::optional<Written> read(Reader& reader, std::string_view allowed) {
  Written out;
  reader.take('v');
  out.numbers[0] = reader.take(allowed);
  if (out.numbers[0].empty()) return std::nullopt;
  for (int i = 1; i < 3; ++i) {
    const std::size_t before = reader.at;
    if (!reader.take('.')) break;
    out.numbers[i] = reader.take(allowed);
    if (out.numbers[i].empty()) {
      reader.at = before;
      break;
    }
  }
  for (const auto& [mark, part] :
       {std::pair('-', &out.prerelease), std::pair('+', &out.metadata)}) {
    const std::size_t before = reader.at;
    if (!reader.take(mark)) continue;
    const auto identifiers = reader.identifiers();
    if (!identifiers) {
      reader.at = before;
      continue;
    }
    *part = *identifiers;
  }
  return out;
}

int compare_identifier(std::string_view a, std::string_view b) {
  if (a == b) return 0;
  if (a.empty() || b.empty()) return a.empty() ? -1 : 1;
  const auto x = number(a);
  const auto y = number(b);
  if (x && y) return *x > *y ? 1 : -1;
  if (x || y) return x ? -1 : 1;  // numbers before words
  return a > b ? 1 : -1;
}
int compare_prerelease(std::string_view a, std::string_view b) {
  const auto x = split(a, ".");
  const auto y = split(b, ".");
  for (std::size_t i = 0; i < std::max(x.size(), y.size()); ++i) {
    const int found = compare_identifier(i < x.size() ? x[i] : "", i < y.size() ? y[i] : "");
    if (found != 0) return found;
  }
  return 0;
}

// Constraints -------------------------------------------------------------------------------------

struct Constraint {
  std::string_view op;
  Version version;
  bool dirty = false;       ///< something is left open …
  bool minor_open = false;  ///< … from the minor number on
  bool patch_open = false;  ///< … only the patch

  [[nodiscard]] bool holds(const Version& v) const {
    const bool release_only = !v.prerelease.empty() && version.prerelease.empty();
    if (op == "!=") return dirty ? differs(v, release_only) : v.compare(version) != 0;
    if (release_only) return false;
    if (op == ">") {
      if (!dirty) return v.compare(version) > 0;
      if (v.major != version.major) return v.major > version.major;
      if (minor_open) return false;
      if (patch_open) return v.minor > version.minor;
      return v.compare(version) > 0;
    }
    if (op == "<") return v.compare(version) < 0;
    if (op == ">=" || op == "=>") return v.compare(version) >= 0;
    if (op == "<=" || op == "=<") {
      if (!dirty) return v.compare(version) <= 0;
      if (v.major > version.major) return false;
      return !(v.major == version.major && v.minor > version.minor && !minor_open);
    }
    if (op == "^") return caret(v);
    if (op == "~" || op == "~>" || dirty) return tilde(v);
    return v.compare(version) == 0;
  }

 private:
  [[nodiscard]] bool differs(const Version& v, bool release_only) const {
    if (release_only) return false;
    if (version.major != v.major) return true;
    if (version.minor != v.minor && !minor_open) return true;
    if (minor_open) return false;
    if (version.patch != v.patch && !patch_open) return true;
    if (patch_open) {
      return (!v.prerelease.empty() || !version.prerelease.empty()) &&
             compare_prerelease(v.prerelease, version.prerelease) != 0;
    }
    return v.compare(version) != 0;
  }
  [[nodiscard]] bool tilde(const Version& v) const {
    if (v.compare(version) < 0) return false;
    if (version.major == 0 && version.minor == 0 && version.patch == 0 && !minor_open &&
        !patch_open) {
      return true;
    }
    return v.major == version.major && (v.minor == version.minor || minor_open);
  }
  [[nodiscard]] bool caret(const Version& v) const {
    if (v.compare(version) < 0) return false;
    if (version.major > 0 || minor_open) return v.major == version.major;
    if (v.major > 0) return false;
    if (version.minor > 0 || patch_open) return v.minor == version.minor;
    return v.minor == 0 && version.patch == v.patch;
  }
};

class ConstraintParser {
 public:
  explicit ConstraintParser(std::string_view text) : whole_(text) {}

  /// Alternatives of constraints that must all hold.
  Result<std::vector<std::vector<Constraint>>> run() {
    std::vector<std::vector<Constraint>> out;
    for (const std::string_view alternative : split(whole_, "||")) {
      reader_ = {alternative};
      std::vector<Constraint> all;
      for (;;) {
        space();
        if (reader_.at == alternative.size()) break;
        if (!all.empty() && reader_.take(',')) space();
        if (!one(all)) return improper(alternative);
      }
      if (all.empty()) return improper(alternative);
      out.push_back(std::move(all));
    }
    return out;
  }

 private:
  void space() { reader_.take(" \t\n\f\r"); }

  bool one(std::vector<Constraint>& all) {
    std::string_view op = reader_.take("=!<>~^");
    static constexpr std::array<std::string_view, 12> kOperators = {
        "", "=", "!=", ">", "<", ">=", "=>", "<=", "=<", "~", "~>", "^"};
    if (std::find(kOperators.begin(), kOperators.end(), op) == kOperators.end()) return false;
    space();
    const auto written = read(reader_, "0123456789xX*");
    if (!written) return false;
    // Behind a version stands a blank, a comma or the end.
    const bool ends =
        reader_.at == reader_.text.size() || reader_.text[reader_.at] == ',' ||
        std::string_view(" \t\n\f\r").find(reader_.text[reader_.at]) != std::string_view::npos;
    if (!ends) return false;
    auto made = constraint(op, *written);
    if (!made) return false;
    // 1.2 - 1.4 is >= 1.2, <= 1.4
    const std::size_t before = reader_.at;
    if (op.empty() && !reader_.take(" \t\n\f\r").empty() && reader_.take('-') &&
        !reader_.take(" \t\n\f\r").empty()) {
      if (const auto end = read(reader_, "0123456789xX*")) {
        auto last = constraint("<=", *end);
        if (!last) return false;
        made->op = ">=";
        all.push_back(std::move(*made));
        all.push_back(std::move(*last));
        return true;
      }
    }
    reader_.at = before;
    all.push_back(std::move(*made));
    return true;
  }

  static std::optional<Constraint> constraint(std::string_view op, const Written& written) {
    const auto open = [](std::string_view text) {
      return text.empty() || text == "x" || text == "X" || text == "*";
    };
    Constraint made;
    made.op = op;
    std::string text;
    const std::string prerelease =
        written.prerelease.empty() ? "" : "-" + std::string(written.prerelease);
    if (open(written.numbers[0])) {
      text = "0.0.0" + prerelease;
      made.dirty = true;
    } else if (open(written.numbers[1])) {
      text = std::string(written.numbers[0]) + ".0.0" + prerelease;
      made.dirty = made.minor_open = true;
    } else if (open(written.numbers[2])) {
      text = std::string(written.numbers[0]) + "." + std::string(written.numbers[1]) + ".0" +
             prerelease;
      made.dirty = made.patch_open = true;
    } else {
      text = std::string(written.numbers[0]) + "." + std::string(written.numbers[1]) + "." +
             std::string(written.numbers[2]) + prerelease;
    }
    auto version = Version::parse(text);
    if (!version) return std::nullopt;
    made.version = std::move(*version);
    return made;
  }

  static tl::unexpected<Error> improper(std::string_view text) {
    return fail(Code::InvalidArgument, "improper constraint: " + std::string(text));
  }

  std::string_view whole_;
  Reader reader_{{}};
};

}  // namespace

Result<Version> Version::parse(std::string_view text) {
  Reader reader{text};
  const auto written = read(reader, kDigits);
  if (!written || reader.at != text.size()) {
    return fail(Code::InvalidArgument, "Invalid Semantic Version");
  }
  Version out;
  std::uint64_t* numbers[] = {&out.major, &out.minor, &out.patch};
  for (int i = 0; i < 3; ++i) {
    if (written->numbers[i].empty()) continue;
    const auto value = number(written->numbers[i]);
    if (!value) {
      return fail(Code::InvalidArgument,
                  "Error parsing version segment: strconv.ParseUint: parsing \"" +
                      std::string(written->numbers[i]) + "\": value out of range");
    }
    *numbers[i] = *value;
  }
  for (const std::string_view part : split(written->prerelease, ".")) {
    if (part.size() > 1 && part[0] == '0' &&
        part.find_first_not_of(kDigits) == std::string_view::npos) {
      return fail(Code::InvalidArgument, "Version segment starts with 0");
    }
  }
  out.prerelease = written->prerelease;
  out.metadata = written->metadata;
  return out;
}

std::string Version::text() const {
  std::string out =
      std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(patch);
  if (!prerelease.empty()) out += "-" + prerelease;
  if (!metadata.empty()) out += "+" + metadata;
  return out;
}

int Version::compare(const Version& other) const {
  if (major != other.major) return order(major, other.major);
  if (minor != other.minor) return order(minor, other.minor);
  if (patch != other.patch) return order(patch, other.patch);
  if (prerelease.empty() || other.prerelease.empty()) {
    return static_cast<int>(prerelease.empty()) - static_cast<int>(other.prerelease.empty());
  }
  return compare_prerelease(prerelease, other.prerelease);
}

Result<bool> version_matches(std::string_view constraint, std::string_view version) {
  const auto alternatives = ConstraintParser(constraint).run();
  if (!alternatives) return fail(alternatives.error());
  const auto parsed = Version::parse(version);
  if (!parsed) return fail(parsed.error());
  for (const auto& all : *alternatives) {
    bool holds = true;
    for (const Constraint& each : all) holds = holds && each.holds(*parsed);
    if (holds) return true;
  }
  return false;
}

}  // namespace gantry::workflow::expr
