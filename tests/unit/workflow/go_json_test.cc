#include "workflow/go_json.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

namespace gantry::workflow {
namespace {

TEST(GoJson, EscapesWhatGoEscapes) {
  EXPECT_EQ(go_escaped(R"({"a":"<b> & c"})"), R"({"a":"\u003cb\u003e \u0026 c"})");
  EXPECT_EQ(go_escaped("\"\xe2\x80\xa8 \xe2\x80\xa9 \xe2\x80\xaa\""), "\"\\u2028 \\u2029 \xe2\x80\xaa\"");
}

TEST(GoJson, CompactsOutsideOfStringsOnly) {
  EXPECT_EQ(go_compact("{ \"a b\" : [ 1.50 ,\n\"\\\" x\" ] }"), "{\"a b\":[1.50,\"\\\" x\"]}");
  EXPECT_EQ(go_compact(" \"\\u00e9 <\" "), "\"\\u00e9 \\u003c\"");
}

// The words are those of go1.24's json.Unmarshal into a list.
TEST(GoJson, SaysWhatIsWrong) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"[1, \"a\", {\"b\": null}, -0.5e+3, true]", ""},
      {"", "unexpected end of JSON input"},
      {"[1, 2", "unexpected end of JSON input"},
      {"\"open", "unexpected end of JSON input"},
      {"hello", "invalid character 'h' looking for beginning of value"},
      {"['a']", "invalid character '\\'' looking for beginning of value"},
      {"no", "invalid character 'o' in literal null (expecting 'u')"},
      {"[1 2]", "invalid character '2' after array element"},
      {"[1,]", "invalid character ']' looking for beginning of value"},
      {"{a: 1}", "invalid character 'a' looking for beginning of object key string"},
      {"{\"a\" 1}", "invalid character '1' after object key"},
      {"{\"a\": 1 \"b\"}", "invalid character '\"' after object key:value pair"},
      {"[] x", "invalid character 'x' after top-level value"},
      {"[01]", "invalid character '1' after array element"},
      {"[-x]", "invalid character 'x' in numeric literal"},
      {"[1.x]", "invalid character 'x' after decimal point in numeric literal"},
      {"[\"\\x\"]", "invalid character 'x' in string escape code"},
      {"[\"a\nb\"]", "invalid character '\\n' in string literal"},
      {"\xc3\xa9", "invalid character '\xc3\x83' looking for beginning of value"},
  };
  for (const auto& [text, error] : cases) EXPECT_EQ(go_json_error(text), error) << text;
}

}  // namespace
}  // namespace gantry::workflow
