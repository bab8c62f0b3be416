#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <sstream>
#include <unordered_map>

#include "workflow/document_builder.h"

namespace gantry::workflow {
namespace {

Mark to_mark(const YAML::Mark& mark) {
  if (mark.is_null()) return {};
  return {static_cast<std::uint32_t>(mark.line) + 1, static_cast<std::uint32_t>(mark.column) + 1};
}

constexpr std::string_view kTag = "tag:yaml.org,2002:";

/// Where a line begins; the end of the bytes when there is no such line.
std::size_t line_start(std::string_view bytes, std::uint32_t number) {
  std::size_t start = 0;
  for (std::uint32_t line = 1; line < number && start < bytes.size(); ++line) {
    const std::size_t end = bytes.find('\n', start);
    start = end == std::string_view::npos ? bytes.size() : end + 1;
  }
  return start;
}

/// Whether the quoted scalar at a mark is never closed. yaml-cpp 0.7 takes the rest of the file for
/// its text then.
bool is_unclosed(std::string_view bytes, Mark at) {
  const std::size_t start = line_start(bytes, at.line);
  std::string_view text = bytes.substr(start);
  text.remove_prefix(std::min<std::size_t>(at.column - 1, text.size()));
  while (!text.empty() && (text.front() == '&' || text.front() == '!')) {  // its anchor and tag
    text.remove_prefix(std::min(text.find_first_of(" \t\r\n"), text.size()));
    text.remove_prefix(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
  }
  if (text.empty() || (text.front() != '\'' && text.front() != '"')) return false;
  const char quote = text.front();
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == quote && quote == '\'' && i + 1 < text.size() && text[i + 1] == quote) {
      ++i;
    } else if (text[i] == quote) {
      return false;
    } else if (text[i] == '\\' && quote == '"') {
      ++i;
    }
  }
  return true;
}

/// The text at a mark up to the end of its line, for a message.
std::string found_at(std::string_view bytes, Mark at) {
  const std::size_t start = line_start(bytes, at.line);
  std::string_view line = bytes.substr(std::min(start, bytes.size()));
  line = line.substr(0, line.find_first_of("\r\n"));
  const bool tabbed =
      line.substr(0, line.find_first_not_of(" \t")).find('\t') != std::string_view::npos;

  std::string_view rest = line.substr(std::min<std::size_t>(at.column - 1, line.size()));
  constexpr std::size_t kExcerpt = 40;
  const bool cut = rest.size() > kExcerpt;
  if (cut) {
    rest = rest.substr(0, kExcerpt);
    while (!rest.empty() && (rest.back() & 0xc0) == 0x80) rest.remove_suffix(1);
    if (!rest.empty() && (rest.back() & 0x80) != 0) rest.remove_suffix(1);
  }
  std::string out;
  if (start >= bytes.size()) {
    out = ", found the end of the file";
  } else if (rest.empty()) {
    out = ", found the end of the line";
  } else {
    out = ", found \"" + std::string(rest) + (cut ? "…\"" : "\"");
  }
  if (tabbed) out += "; indentation must be made of spaces, not tabs";
  return out;
}

/// What stands behind the end of a document. yaml-cpp 0.7 takes what it did not understand for the
/// next document, for ever when it cannot even skip it (`}`), so a further document must begin with
/// `---` or stand behind `...`.
class DocumentStarts {
 public:
  explicit DocumentStarts(std::string_view bytes) : bytes_(bytes) {}

  void check(Mark at) {
    bool ended = first_;  // by `...`
    first_ = false;
    for (; line_ < at.line && start_ < bytes_.size(); ++line_) {
      const std::size_t end = std::min(bytes_.find('\n', start_), bytes_.size());
      const std::string_view line = bytes_.substr(start_, end - start_);
      const std::size_t text = line.find_first_not_of(" \t\r");
      if (text != std::string_view::npos && line[text] != '#') ended = line.starts_with("...");
      start_ = std::min(end + 1, bytes_.size());
    }
    if (ended || (at.column == 1 && bytes_.substr(start_).starts_with("---"))) return;
    throw Refused{at, "cannot parse YAML: expected the end of the document" + found_at(bytes_, at)};
  }

 private:
  std::string_view bytes_;
  bool first_ = true;
  std::uint32_t line_ = 1;
  std::size_t start_ = 0;  // where line_ begins
};

/// Builds the tree from the events of one document. Throws Refused through yaml-cpp, which lets it
/// pass.
class Events final : public YAML::EventHandler {
 public:
  Events(DocumentBuilder& builder, DocumentStarts& starts) : builder_(builder), starts_(starts) {}

  [[nodiscard]] const Node* root() const { return root_; }
  /// Where the last scalar begins when it is not plain; line 0: it is plain.
  [[nodiscard]] Mark last_quoted() const { return last_scalar_; }

  void OnDocumentStart(const YAML::Mark& mark) override { starts_.check(to_mark(mark)); }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    add(builder_.scalar(to_mark(mark), ScalarType::Null, ""), anchor, false);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) {  // yaml-cpp knows the name, so the node is still open: it would
                                    // contain itself
      throw Refused{to_mark(mark), "alias refers to a node that contains it"};
    }
    builder_.alias(to_mark(mark), *found->second);
    builder_.check_depth(to_mark(mark), open_.size() + found->second->height);
    add(found->second, 0, false);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    const Mark at = to_mark(mark);
    const bool plain = tag == "?";
    last_scalar_ = plain ? Mark{} : at;
    const bool merge = plain && value == "<<";
    add(plain ? builder_.plain(at, value) : tagged(at, tag, value), anchor, merge);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    start(to_mark(mark), anchor, false);
  }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    start(to_mark(mark), anchor, true);
  }

  void OnSequenceEnd() override {
    const Open open = close();
    add(builder_.sequence(open.at, open.nodes), open.anchor, false);
  }

  void OnMapEnd() override {
    Open open = close();
    std::vector<Node::Entry> entries;
    entries.reserve(open.nodes.size() / 2);
    std::vector<Node::Entry> merged;
    auto next_merge = open.merges.begin();
    for (std::size_t i = 0; i + 1 < open.nodes.size(); i += 2) {
      const Node& key = *open.nodes[i];
      const Node* value = open.nodes[i + 1];
      if (!key.is_scalar()) {
        throw Refused{key.at, "a key must be a text, found " + std::string(kind_name(key))};
      }
      if (next_merge != open.merges.end() && *next_merge == i) {
        ++next_merge;
        merge(*value, key.at, merged);
      } else {
        entries.push_back({key.is_null() ? "null" : key.text, key.at, value});
      }
    }
    if (!merged.empty()) apply(merged, entries);
    add(builder_.map(open.at, entries), open.anchor, false);
  }

 private:
  struct Open {
    Mark at;
    YAML::anchor_t anchor = 0;
    bool is_map = false;
    std::vector<const Node*> nodes;   // a map's keys and values in turn
    std::vector<std::size_t> merges;  // indices of keys that are `<<`
  };

  void start(Mark at, YAML::anchor_t anchor, bool is_map) {
    builder_.check_depth(at, open_.size() + 1);
    open_.push_back({at, anchor, is_map, {}, {}});
  }

  Open close() {
    Open open = std::move(open_.back());
    open_.pop_back();
    return open;
  }

  void add(const Node* node, YAML::anchor_t anchor, bool merge) {
    if (anchor != 0) anchors_[anchor] = node;
    if (open_.empty()) {
      root_ = node;
      return;
    }
    Open& open = open_.back();
    if (merge && open.is_map && open.nodes.size() % 2 == 0)
      open.merges.push_back(open.nodes.size());
    open.nodes.push_back(node);
  }

  const Node* tagged(Mark at, const std::string& tag, const std::string& value) {
    if (!tag.starts_with(kTag))
      return builder_.scalar(at, ScalarType::String, value);  // quoted ("!") or local tag
    const std::string_view name = std::string_view(tag).substr(kTag.size());
    if (name == "str") return builder_.scalar(at, ScalarType::String, value);
    const Node* node = builder_.plain(at, value);
    const bool fits = (name == "int" && node->type == ScalarType::Integer) ||
                      (name == "float" &&
                       (node->type == ScalarType::Float || node->type == ScalarType::Integer)) ||
                      (name == "bool" && node->type == ScalarType::Bool) ||
                      (name == "null" && node->is_null()) ||
                      (name == "timestamp" && node->type == ScalarType::String);
    if (!fits) throw Refused{at, "cannot read \"" + value + "\" as !!" + std::string(name)};
    return node;
  }

  /// Collects what `<<: value` brings. The first map that has a key wins.
  void merge(const Node& value, Mark at, std::vector<Node::Entry>& merged) {
    if (value.is_map()) {
      builder_.alias(at, value);
      merged.insert(merged.end(), value.entries.begin(), value.entries.end());
      return;
    }
    const bool all_maps =
        value.is_sequence() && std::all_of(value.items.begin(), value.items.end(),
                                           [](const Node* item) { return item->is_map(); });
    if (!all_maps) {
      throw Refused{at, "map merge requires map or sequence of maps as the value, found " +
                            std::string(kind_name(value))};
    }
    for (const Node* item : value.items) merge(*item, at, merged);
  }

  /// Adds the merged entries whose keys are not there yet: a map's own keys win.
  static void apply(const std::vector<Node::Entry>& merged, std::vector<Node::Entry>& entries) {
    std::unordered_map<std::string_view, bool> known;
    for (const Node::Entry& entry : entries) known.emplace(entry.key, true);
    for (const Node::Entry& entry : merged) {
      if (known.emplace(entry.key, true).second) entries.push_back(entry);
    }
  }

  DocumentBuilder& builder_;
  DocumentStarts& starts_;
  const Node* root_ = nullptr;
  Mark last_scalar_;
  std::vector<Open> open_;
  std::unordered_map<YAML::anchor_t, const Node*> anchors_;
};

/// yaml-cpp reads all tokens of a line before the first event when brackets stand open, so brackets
/// that never close would cost 100 bytes each before the depth limit can speak.
bool too_many_open_brackets(std::string_view bytes) {
  constexpr std::ptrdiff_t kOpen = 100'000;
  std::ptrdiff_t open = 0;
  for (const char c : bytes) {
    open += (c == '[' || c == '{') - (c == ']' || c == '}');
    if (open > kOpen) return true;
  }
  return false;
}

}  // namespace

Document Document::parse_yaml(std::string_view bytes, const Limits& limits,
                              Diagnostics& diagnostics) {
  if (const std::size_t first = bytes.find_first_not_of(" \t\r\n");
      first != std::string_view::npos && bytes[first] == '{') {
    // Most likely JSON, which is YAML too. simdjson is faster by far, and yaml-cpp would keep the
    // tokens of the whole line in memory. What is wrong is then said in YAML's terms below.
    Diagnostics ignored;
    Document json = parse_json(bytes, limits, ignored);
    if (!ignored.has_errors()) return json;
  }
  Document document;
  if (!check_bytes(bytes, limits, false, diagnostics)) return document;
  if (too_many_open_brackets(bytes)) {
    diagnostics.error(
        {1, 1}, "document is nested more than " + std::to_string(limits.depth) + " levels deep");
    return document;
  }
  try {
    std::istringstream in{std::string(bytes)};
    YAML::Parser parser(in);
    DocumentBuilder builder(document, limits);
    DocumentStarts starts(bytes);
    while (true) {
      Events events(builder, starts);
      if (!parser.HandleNextDocument(events)) break;
      if (const Mark last = events.last_quoted(); last.line != 0 && is_unclosed(bytes, last)) {
        throw Refused{last, "cannot parse YAML: found the end of the file in a quoted text"};
      }
      if (events.root() != nullptr && !events.root()->is_null())
        document.roots_.push_back(events.root());
    }
  } catch (const Refused& refused) {
    diagnostics.error(refused.at, refused.message);
  } catch (const YAML::Exception& error) {
    const Mark at = to_mark(error.mark);
    diagnostics.error(at, "cannot parse YAML: " + error.msg + found_at(bytes, at));
  } catch (const std::exception& error) {
    diagnostics.error({1, 1}, std::string("cannot parse YAML: ") + error.what());
  }
  return document;
}

}  // namespace gantry::workflow
