#include <simdjson.h>

#include "workflow/document_builder.h"

namespace gantry::workflow {
namespace {

namespace ondemand = simdjson::ondemand;

/// A number of RFC 8259; simdjson's own check fails on numbers beyond 64 bits, which are fine as
/// texts.
bool is_json_number(std::string_view text) {
  std::size_t i = 0;
  const auto digits = [&] {
    const std::size_t start = i;
    while (i < text.size() && text[i] >= '0' && text[i] <= '9') ++i;
    return i - start;
  };
  if (i < text.size() && text[i] == '-') ++i;
  const std::size_t whole = i;
  const std::size_t length = digits();
  if (length == 0 || (length > 1 && text[whole] == '0')) return false;
  if (i < text.size() && text[i] == '.') {
    ++i;
    if (digits() == 0) return false;
  }
  if (i < text.size() && (text[i] | 0x20) == 'e') {
    ++i;
    if (i < text.size() && (text[i] == '-' || text[i] == '+')) ++i;
    if (digits() == 0) return false;
  }
  return i == text.size();
}

class JsonReader {
 public:
  JsonReader(DocumentBuilder& builder, std::string_view bytes)
      : builder_(builder), bytes_(bytes), lines_(bytes) {}

  const Node* read(ondemand::value value, std::size_t depth) {
    const char* location = nullptr;
    if (value.current_location().get(location) == simdjson::SUCCESS) last_ = mark(location);
    const Mark at = last_;
    ondemand::json_type type;
    check(value.type().get(type), at);
    switch (type) {
      case ondemand::json_type::object:
        return object(value, at, depth);
      case ondemand::json_type::array:
        return array(value, at, depth);
      case ondemand::json_type::string: {
        std::string_view text;
        check(value.get_string().get(text), at);
        return builder_.scalar(at, ScalarType::String, text);
      }
      default:
        return token(value.raw_json_token(), at);
    }
  }

  /// A scalar that is not a string: `raw` is its text with the white space behind it.
  const Node* token(std::string_view raw, Mark at) {
    raw = raw.substr(0, raw.find_last_not_of(" \t\r\n") + 1);
    if (raw == "null") return builder_.scalar(at, ScalarType::Null, "");
    if (raw != "true" && raw != "false" && !is_json_number(raw)) {
      throw Refused{at, "cannot parse JSON: expected a value, found \"" +
                            std::string(raw.substr(0, 40)) + "\""};
    }
    return builder_.plain(at, raw);
  }

  void check(simdjson::error_code error, Mark at) const {
    if (error)
      throw Refused{at, std::string("cannot parse JSON: ") + simdjson::error_message(error)};
  }

  Mark mark(const char* location) { return lines_.mark(location - bytes_.data()); }

 private:
  const Node* object(ondemand::value& value, Mark at, std::size_t depth) {
    builder_.check_depth(at, depth);
    ondemand::object object;
    check(value.get_object().get(object), at);
    std::vector<Node::Entry> entries;
    for (auto result : object) {
      ondemand::field field;
      check(std::move(result).get(field), last_);
      last_ = mark(field.key().raw() - 1);
      std::string_view key;
      check(field.unescaped_key().get(key), last_);
      const std::string_view kept =
          builder_.document().intern(key);  // the value may reuse the parser's buffer
      const Mark at_key = last_;
      entries.push_back({kept, at_key, read(field.value(), depth + 1)});
    }
    return builder_.map(at, entries);
  }

  const Node* array(ondemand::value& value, Mark at, std::size_t depth) {
    builder_.check_depth(at, depth);
    ondemand::array array;
    check(value.get_array().get(array), at);
    std::vector<const Node*> items;
    for (auto result : array) {
      ondemand::value item;
      check(std::move(result).get(item), last_);
      items.push_back(read(item, depth + 1));
    }
    return builder_.sequence(at, items);
  }

  DocumentBuilder& builder_;
  std::string_view bytes_;
  LineCounter lines_;
  Mark last_{1, 1};  // where the reading is, for errors without a place of their own
};

}  // namespace

Document Document::parse_json(std::string_view bytes, const Limits& limits,
                              Diagnostics& diagnostics) {
  Document document;
  if (bytes.starts_with("\xef\xbb\xbf")) bytes.remove_prefix(3);
  if (!check_bytes(bytes, limits, true, diagnostics)) return document;
  if (bytes.find_first_not_of(" \t\r\n") == std::string_view::npos) return document;
  try {
    ondemand::parser parser;
    const simdjson::padded_string padded(bytes);
    const std::string_view source(padded.data(), padded.size());
    DocumentBuilder builder(document, limits);
    JsonReader reader(builder, source);
    ondemand::document json;
    reader.check(parser.iterate(padded).get(json), Mark{1, 1});
    ondemand::json_type type;
    reader.check(json.type().get(type), Mark{1, 1});
    if (type == ondemand::json_type::object || type == ondemand::json_type::array) {
      ondemand::value value;
      reader.check(json.get_value().get(value), Mark{1, 1});
      document.roots_.push_back(reader.read(value, 1));
    } else {
      diagnostics.error({1, 1}, "cannot parse JSON: expected an object");
      return document;
    }
    const char* rest = nullptr;  // an error at the end of the document, where nothing is left
    if (json.current_location().get(rest) == simdjson::SUCCESS) {
      diagnostics.error(reader.mark(rest), "cannot parse JSON: text behind the value");
    }
  } catch (const Refused& refused) {
    diagnostics.error(refused.at, refused.message);
  } catch (const std::exception& error) {
    diagnostics.error({1, 1}, std::string("cannot parse JSON: ") + error.what());
  }
  return document;
}

}  // namespace gantry::workflow
