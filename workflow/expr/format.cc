#include "workflow/expr/format.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>

#include "workflow/expr/base64.h"
#include "workflow/expr/go_text.h"
#include "workflow/expr/time.h"
#include "workflow/scalar.h"
#include "workflow/when_token.h"

namespace gantry::workflow::expr {
namespace {

void print(const Value& value, std::string& out) {
  switch (value.kind()) {
    case Kind::Nil:
      out += "<nil>";
      break;
    case Kind::Bool:
      out += value.as_bool() ? "true" : "false";
      break;
    case Kind::Int:
      out += std::to_string(value.as_int());
      break;
    case Kind::Float:
      out += when::go_number(value.as_float());
      break;
    case Kind::String:
      out += value.as_text();
      break;
    case Kind::Bytes: {
      out += '[';
      bool first = true;
      for (const char byte : value.as_text()) {
        if (!std::exchange(first, false)) out += ' ';
        out += std::to_string(static_cast<unsigned char>(byte));
      }
      out += ']';
      break;
    }
    case Kind::Array: {
      out += '[';
      bool first = true;
      for (const Value& item : value.as_array()) {
        if (!std::exchange(first, false)) out += ' ';
        print(item, out);
      }
      out += ']';
      break;
    }
    case Kind::Map: {
      out += "map[";
      bool first = true;
      for (const auto& [key, held] : value.as_map()) {
        if (!std::exchange(first, false)) out += ' ';
        print(key, out);
        out += ':';
        print(held, out);
      }
      out += ']';
      break;
    }
    case Kind::Time:
      out += format_time(value.as_time(), "2006-01-02 15:04:05.999999999 -0700 MST");
      break;
    case Kind::Duration:
      out += format_duration(value.as_int());
      break;
    case Kind::Zone:
      out += value.as_zone().name();
      break;
  }
}

class JsonWriter {
 public:
  JsonWriter(JsonStyle style, std::string& out) : style_(style), out_(out) {}

  /// False when the value, or one in it, has no JSON.
  bool write(const Value& value) {
    switch (value.kind()) {
      case Kind::Nil:
        out_ += "null";
        return true;
      case Kind::Bool:
        out_ += value.as_bool() ? "true" : "false";
        return true;
      case Kind::Int:
      case Kind::Duration:
        out_ += std::to_string(value.as_int());
        return true;
      case Kind::Float:
        return number(value.as_float());
      case Kind::String:
        text(value.as_text());
        return true;
      case Kind::Bytes:
        out_ += '"' + base64_encode(value.as_text()) + '"';
        return true;
      case Kind::Array:
        return array(value.as_array());
      case Kind::Map:
        return map(value.as_map());
      case Kind::Time:
        out_ += '"' + format_time(value.as_time(), kRfc3339Nano) + '"';
        return true;
      case Kind::Zone:
        out_ += "{}";
        return true;
    }
    return false;
  }
  [[nodiscard]] const std::string& error() const { return error_; }

 private:
  bool number(double value) {
    if (!std::isfinite(value)) {
      error_ = "json: unsupported value: " + when::go_number(value);
      return false;
    }
    const double magnitude = std::fabs(value);
    if (magnitude != 0 && (magnitude < 1e-6 || magnitude >= 1e21)) {
      std::array<char, 64> buffer{};
      const auto done = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                                      std::chars_format::scientific);
      std::string digits(buffer.data(), done.ptr);
      // e-09 is written e-9
      if (const std::size_t e = digits.find("e-0"); e != std::string::npos) digits.erase(e + 2, 1);
      out_ += digits;
    } else {
      if (std::signbit(value) && value == 0) out_ += '-';
      out_ += format_float(value);
    }
    return true;
  }

  void text(std::string_view text) {
    out_ += '"';
    char escape[8];
    while (!text.empty()) {
      const Rune rune = decode_rune(text);
      const char32_t c = rune.code;
      const char* shorthand = c == '"'    ? "\\\""
                              : c == '\\' ? "\\\\"
                              : c == '\n' ? "\\n"
                              : c == '\r' ? "\\r"
                              : c == '\t' ? "\\t"
                              : c == '\b' ? "\\b"
                              : c == '\f' ? "\\f"
                                          : nullptr;
      if (shorthand != nullptr) {
        out_ += shorthand;
      } else if (!rune.valid()) {
        out_ += "\\ufffd";
      } else if (c < ' ' || c == 0x2028 || c == 0x2029 ||
                 (style_.escape_html && (c == '<' || c == '>' || c == '&'))) {
        std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned>(c));
        out_ += escape;
      } else {
        out_ += text.substr(0, rune.size);
      }
      text.remove_prefix(rune.size);
    }
    out_ += '"';
  }

  bool array(const Array& items) {
    out_ += '[';
    ++level_;
    bool first = true;
    for (const Value& item : items) {
      if (!std::exchange(first, false)) out_ += ',';
      line();
      if (!write(item)) return false;
    }
    --level_;
    if (!first) line();
    out_ += ']';
    return true;
  }

  bool map(const Map& entries) {
    out_ += '{';
    ++level_;
    bool first = true;
    for (const auto& [key, value] : entries) {
      if (!std::exchange(first, false)) out_ += ',';
      line();
      if (key.is(Kind::String)) {
        text(key.as_text());
      } else if (key.is(Kind::Int)) {
        out_ += '"' + std::to_string(key.as_int()) + '"';
      } else {
        error_ = "json: unsupported type: map[interface {}]interface {}";
        return false;
      }
      out_ += style_.indent ? ": " : ":";
      if (!write(value)) return false;
    }
    --level_;
    if (!first) line();
    out_ += '}';
    return true;
  }

  void line() {
    if (!style_.indent) return;
    out_ += '\n';
    out_.append(static_cast<std::size_t>(level_) * 2, ' ');
  }

  JsonStyle style_;
  std::string& out_;
  std::string error_;
  int level_ = 0;
};

}  // namespace

std::string print(const Value& value) {
  std::string out;
  print(value, out);
  return out;
}

Result<std::string> to_json(const Value& value, JsonStyle style) {
  std::string out;
  JsonWriter writer(style, out);
  if (!writer.write(value)) return fail(Code::InvalidArgument, writer.error());
  return out;
}

}  // namespace gantry::workflow::expr
