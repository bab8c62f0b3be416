#include "api/body.h"

#include <simdjson.h>

#include <algorithm>
#include <cstdint>

namespace gantry::api {
namespace {

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

tl::unexpected<Error> not_json(std::string_view why) {
  return fail(Code::InvalidArgument, "the body is not valid JSON: " + std::string(why));
}

/// `line 3, column 7` of a place in the text.
std::string place_of(std::string_view text, const char* at) {
  auto offset = static_cast<std::size_t>(at - text.data());
  std::string_view before = text.substr(0, std::min(offset, text.size()));
  auto lines = std::count(before.begin(), before.end(), '\n');
  std::size_t line_start = before.rfind('\n') + 1;  // npos + 1 is 0
  return "line " + std::to_string(lines + 1) + ", column " +
         std::to_string(before.size() - line_start + 1);
}

namespace ondemand = simdjson::ondemand;
using simdjson::error_code;

/// Each step stops at the first error; the caller knows where the document stands.
error_code read_dry_run(ondemand::value value, bool& dry_run, std::string& wrong) {
  ondemand::object options;
  if (auto e = value.get_object().get(options)) return e;
  for (auto field : options) {
    std::string_view key;
    if (auto e = field.unescaped_key().get(key)) return e;
    if (key != "dryRun") continue;
    ondemand::array modes;
    if (auto e = field.value().get_array().get(modes)) return e;
    for (auto mode : modes) {
      std::string_view text;
      if (auto e = mode.get_string().get(text)) return e;
      if (text == "All") {
        dry_run = true;
      } else {
        wrong = text;
      }
    }
  }
  return simdjson::SUCCESS;
}

error_code read_create(ondemand::document& document, std::string_view name, CreateBody& out,
                       std::string& wrong_mode) {
  ondemand::object message;
  if (auto e = document.get_object().get(message)) return e;
  for (auto field : message) {
    std::string_view key;
    if (auto e = field.unescaped_key().get(key)) return e;
    ondemand::value value;
    if (auto e = field.value().get(value)) return e;
    ondemand::json_type type{};
    if (auto e = value.type().get(type)) return e;
    if (type == ondemand::json_type::null) continue;  // Go's clients write null for what is unset
    if (key == "namespace") {
      std::string_view text;
      if (auto e = value.get_string().get(text)) return e;
      out.name_space = text;
    } else if (key == name) {
      ondemand::object object;
      std::string_view text;
      if (auto e = value.get_object().get(object)) return e;
      if (auto e = object.raw_json().get(text)) return e;
      out.object = text;
    } else if (key == "serverDryRun") {
      bool dry = false;
      if (auto e = value.get_bool().get(dry)) return e;
      out.dry_run = out.dry_run || dry;
    } else if (key == "createOptions") {
      if (auto e = read_dry_run(value, out.dry_run, wrong_mode)) return e;
    }
  }
  // Out of bounds is where a document of one value ends.
  const char* rest = nullptr;
  return document.current_location().get(rest) == simdjson::OUT_OF_BOUNDS
             ? simdjson::SUCCESS
             : simdjson::TRAILING_CONTENT;
}

}  // namespace

Result<CreateBody> parse_create_body(std::string& body, std::string_view field) {
  if (body.find_first_not_of(" \t\r\n") == std::string::npos) {
    return fail(Code::InvalidArgument,
                "the body is empty; wanted {\"" + std::string(field) + "\": {…}}");
  }
  body.reserve(body.size() + simdjson::SIMDJSON_PADDING);
  ondemand::parser parser;
  ondemand::document document;
  if (auto e = parser.iterate(body.data(), body.size(), body.capacity()).get(document)) {
    return not_json(simdjson::error_message(e));
  }
  CreateBody out;
  std::string wrong_mode;
  if (error_code e = read_create(document, field, out, wrong_mode)) {
    const char* at = nullptr;
    std::string why = simdjson::error_message(e);
    if (document.current_location().get(at) == simdjson::SUCCESS && at != nullptr) {
      why += " (near " + place_of(body, at) + ")";
    }
    return not_json(why);
  }
  if (!wrong_mode.empty()) {
    return fail(Code::InvalidArgument,
                "createOptions.dryRun: \"" + wrong_mode + "\" is not \"All\"");
  }
  if (out.object.empty()) {
    return fail(Code::InvalidArgument, std::string(field) + " is not specified");
  }
  return out;
}

Result<Json> parse_object(std::string_view body) {
  if (body.find_first_not_of(" \t\r\n") == std::string_view::npos) return Json::object();
  try {
    Json json = Json::parse(body);
    if (!json.is_object()) return fail(Code::InvalidArgument, "the body is not a JSON object");
    return json;
  } catch (const Json::exception& e) {
    // "[json.exception.parse_error.101] parse error at line 1, column 5: …"
    std::string_view what(e.what());
    std::size_t at = what.find("] ");
    return not_json(at == std::string_view::npos ? what : what.substr(at + 2));
  }
}

Result<std::string> base64_decode(std::string_view text) {
  std::string out;
  std::uint32_t bits = 0;
  std::size_t characters = 0, padding = 0;
  for (char c : text) {
    if (c == '\n' || c == '\r' || c == ' ' || c == '\t') continue;
    ++characters;
    if (c == '=') {
      ++padding;
      continue;
    }
    std::size_t value = kAlphabet.find(c);
    if (value == std::string_view::npos || padding > 0)
      return fail(Code::InvalidArgument, "not base64");
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    // The first character of four completes no byte, each further one does.
    if (std::size_t place = (characters - 1) % 4; place > 0) {
      out.push_back(static_cast<char>(bits >> (6 - 2 * place) & 0xff));
    }
  }
  if (characters % 4 != 0 || padding > 2) return fail(Code::InvalidArgument, "not base64");
  return out;
}

std::string base64_encode(std::string_view bytes) {
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::size_t count = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t bits = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      bits = bits << 8 | (k < count ? static_cast<unsigned char>(bytes[i + k]) : 0u);
    }
    for (std::size_t k = 0; k < 4; ++k) {
      out.push_back(k <= count ? kAlphabet[bits >> (18 - 6 * k) & 63] : '=');
    }
  }
  return out;
}

}  // namespace gantry::api
