#include "cli/render/yaml.h"

#include <yaml.h>

#include <cctype>
#include <cstring>
#include <memory>

namespace gantry::cli {
namespace {

yaml_char_t* bytes(const char* text) {
  return reinterpret_cast<yaml_char_t*>(const_cast<char*>(text));
}

/// True when a plain `text` would be read as a number, a boolean, null or a time by some YAML 1.1
/// or 1.2 reader.
bool reads_as_other_type(const std::string& text) {
  if (text.empty()) return true;
  std::string lower;
  for (char c : text) lower += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  for (const char* word : {"true", "false", "yes", "no", "on", "off", "y", "n", "null", "~", "nan",
                           ".nan", ".inf", "-.inf", "+.inf", "=", "<<"}) {
    if (lower == word) return true;
  }
  // Anything that begins like a number, a date included, is quoted: quoting too much is harmless.
  std::size_t sign = text[0] == '-' || text[0] == '+' ? 1 : 0;
  if (sign < text.size() && text[sign] == '.') ++sign;
  return sign < text.size() && std::isdigit(static_cast<unsigned char>(text[sign])) != 0 &&
         text.find_first_not_of("0123456789abcdefABCDEFxXoO_.:+-eETZ ") == std::string::npos;
}

class Emitter {
 public:
  Emitter() {
    yaml_emitter_initialize(&emitter_);
    yaml_emitter_set_output(
        &emitter_,
        [](void* out, unsigned char* data, std::size_t size) {
          static_cast<std::string*>(out)->append(reinterpret_cast<char*>(data), size);
          return 1;
        },
        &out_);
    yaml_emitter_set_unicode(&emitter_, 1);
    yaml_emitter_set_width(&emitter_, -1);
  }
  ~Emitter() { yaml_emitter_delete(&emitter_); }
  Emitter(const Emitter&) = delete;
  Emitter& operator=(const Emitter&) = delete;

  std::string document(const Json& value) {
    yaml_event_t event;
    yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING);
    emit(event);
    yaml_document_start_event_initialize(&event, nullptr, nullptr, nullptr, 1);
    emit(event);
    node(value);
    yaml_document_end_event_initialize(&event, 1);
    emit(event);
    yaml_stream_end_event_initialize(&event);
    emit(event);
    return out_;
  }

 private:
  void emit(yaml_event_t& event) { yaml_emitter_emit(&emitter_, &event); }

  void scalar(const std::string& text, yaml_scalar_style_t style) {
    yaml_event_t event;
    if (yaml_scalar_event_initialize(&event, nullptr, nullptr, bytes(text.c_str()),
                                     static_cast<int>(text.size()), 1, 1, style) != 0) {
      emit(event);
    }
  }

  void text(const std::string& value) {
    auto style = YAML_PLAIN_SCALAR_STYLE;
    if (value.find('\n') != std::string::npos) {
      style = YAML_LITERAL_SCALAR_STYLE;
    } else if (reads_as_other_type(value)) {
      style = YAML_DOUBLE_QUOTED_SCALAR_STYLE;
    }
    scalar(value, style);
  }

  void node(const Json& value) {
    yaml_event_t event;
    if (value.is_object()) {
      auto style = value.empty() ? YAML_FLOW_MAPPING_STYLE : YAML_BLOCK_MAPPING_STYLE;
      yaml_mapping_start_event_initialize(&event, nullptr, nullptr, 1, style);
      emit(event);
      for (const auto& [key, item] : value.items()) {
        text(key);
        node(item);
      }
      yaml_mapping_end_event_initialize(&event);
      emit(event);
    } else if (value.is_array()) {
      auto style = value.empty() ? YAML_FLOW_SEQUENCE_STYLE : YAML_BLOCK_SEQUENCE_STYLE;
      yaml_sequence_start_event_initialize(&event, nullptr, nullptr, 1, style);
      emit(event);
      for (const Json& item : value) node(item);
      yaml_sequence_end_event_initialize(&event);
      emit(event);
    } else if (value.is_string()) {
      text(value.get_ref<const std::string&>());
    } else {
      scalar(value.dump(), YAML_PLAIN_SCALAR_STYLE);
    }
  }

  yaml_emitter_t emitter_{};
  std::string out_;
};

struct Document {
  yaml_parser_t parser{};
  yaml_document_t document{};
  bool loaded = false;

  explicit Document(std::string_view text) {
    yaml_parser_initialize(&parser);
    yaml_parser_set_input_string(&parser, reinterpret_cast<const unsigned char*>(text.data()),
                                 text.size());
    loaded = yaml_parser_load(&parser, &document) != 0;
  }
  ~Document() {
    if (loaded) yaml_document_delete(&document);
    yaml_parser_delete(&parser);
  }
  Document(const Document&) = delete;
  Document& operator=(const Document&) = delete;
};

std::string scalar_text(const yaml_node_t& node) {
  return {reinterpret_cast<const char*>(node.data.scalar.value), node.data.scalar.length};
}

/// A nested value of a parameter file as JSON. Plain scalars keep their JSON type where they have
/// one.
Json to_json(yaml_document_t* document, const yaml_node_t& node, int depth) {
  constexpr int kDeepest = 64;
  if (depth > kDeepest) return nullptr;  // aliases may nest without end
  if (node.type == YAML_SCALAR_NODE) {
    std::string text = scalar_text(node);
    if (node.data.scalar.style == YAML_PLAIN_SCALAR_STYLE) {
      if (text.empty() || text == "~") return nullptr;
      if (auto value = parse_json(text); value && !value->is_structured()) return *value;
    }
    return text;
  }
  if (node.type == YAML_SEQUENCE_NODE) {
    Json list = Json::array();
    for (auto* item = node.data.sequence.items.start; item < node.data.sequence.items.top; ++item) {
      list.push_back(to_json(document, *yaml_document_get_node(document, *item), depth + 1));
    }
    return list;
  }
  Json object = Json::object();
  for (auto* pair = node.data.mapping.pairs.start; pair < node.data.mapping.pairs.top; ++pair) {
    const yaml_node_t& key = *yaml_document_get_node(document, pair->key);
    if (key.type != YAML_SCALAR_NODE) continue;
    object[scalar_text(key)] =
        to_json(document, *yaml_document_get_node(document, pair->value), depth + 1);
  }
  return object;
}

tl::unexpected<Error> error_at(const std::string& file, const yaml_mark_t& mark,
                               const std::string& message) {
  return fail(Code::InvalidArgument, file + ":" + std::to_string(mark.line + 1) + ":" +
                                         std::to_string(mark.column + 1) + ": " + message);
}

}  // namespace

std::string to_yaml(const Json& value) { return Emitter().document(value); }

Result<std::vector<std::pair<std::string, std::string>>> parse_parameter_file(
    std::string_view text, const std::string& file) {
  Document yaml(text);
  if (!yaml.loaded) {
    return error_at(file, yaml.parser.problem_mark,
                    yaml.parser.problem ? yaml.parser.problem : "not YAML");
  }
  std::vector<std::pair<std::string, std::string>> out;
  yaml_node_t* root = yaml_document_get_root_node(&yaml.document);
  if (root == nullptr) return out;
  if (root->type != YAML_MAPPING_NODE) {
    return error_at(file, root->start_mark, "a parameter file is a mapping of names to values");
  }
  for (auto* pair = root->data.mapping.pairs.start; pair < root->data.mapping.pairs.top; ++pair) {
    const yaml_node_t& key = *yaml_document_get_node(&yaml.document, pair->key);
    const yaml_node_t& value = *yaml_document_get_node(&yaml.document, pair->value);
    if (key.type != YAML_SCALAR_NODE) {
      return error_at(file, key.start_mark, "a parameter's name is a text");
    }
    std::string as_text = value.type == YAML_SCALAR_NODE ? scalar_text(value)
                                                         : to_json(&yaml.document, value, 0).dump();
    out.emplace_back(scalar_text(key), std::move(as_text));
  }
  return out;
}

}  // namespace gantry::cli
