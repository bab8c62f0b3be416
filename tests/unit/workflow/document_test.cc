#include "workflow/document.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/diagnostics.h"

namespace gantry::workflow {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string yaml(std::string_view bytes, const Limits& limits = {}) {
  Diagnostics diagnostics;
  const Document document = Document::parse_yaml(bytes, limits, diagnostics);
  std::string out;
  for (const Node* root : document.roots()) out += to_json(*root) + "\n";
  for (const std::string& text : texts(diagnostics)) out += text + "\n";
  return out;
}

std::string json(std::string_view bytes, const Limits& limits = {}) {
  Diagnostics diagnostics;
  const Document document = Document::parse_json(bytes, limits, diagnostics);
  std::string out;
  for (const Node* root : document.roots()) out += to_json(*root) + "\n";
  for (const std::string& text : texts(diagnostics)) out += text + "\n";
  return out;
}

TEST(Yaml, BecomesTheTreeThatGoYamlMakes) {
  const std::pair<const char*, const char*> kCases[] = {
      {"a: 1\nb: [x, 'y', 1.10, yes, ~, \"no\"]\n", R"({"a":1,"b":["x","y",1.1,true,null,"no"]})"},
      {"a: |\n  one\n  two\nb: >-\n  one\n  two\n", R"({"a":"one\ntwo\n","b":"one two"})"},
      {"a: !!str 012\nb: !!int \"7\"\nc: !own x\nd: !!float 1\n",
       R"({"a":"012","b":7,"c":"x","d":1})"},
      {"base: &b {x: 1, z: 2}\nuse:\n  <<: *b\n  z: 3\n",
       R"({"base":{"x":1,"z":2},"use":{"z":3,"x":1}})"},
      {"a: &a {x: 1}\nb: &b {x: 2, z: 3}\nuse:\n  <<: [*a, *b]\n",
       R"({"a":{"x":1},"b":{"x":2,"z":3},"use":{"x":1,"z":3}})"},
      {"'<<': 1\n", R"({"<<":1})"},
      {"a: &x [1]\nb: *x\n", R"({"a":[1],"b":[1]})"},
      {"012: a\nyes: b\n1.0: c\n~: d\n", R"({"10":"a","true":"b","1":"c","null":"d"})"},
      {"a:\n", R"({"a":null})"},
      {"\xef\xbb\xbf"
       "a: \xc3\xa9\n",
       "{\"a\":\"\xc3\xa9\"}"},
      {"a: 1\r\nb: 2\r\n", R"({"a":1,"b":2})"},
      {"{\"a\": \"x\\u00e9\\n\", \"b\": 1e3}", "{\"a\":\"x\xc3\xa9\\n\",\"b\":1000}"},
      {"{a: 1, b: {c: d}}\n", R"({"a":1,"b":{"c":"d"}})"},
  };
  for (const auto& [source, tree] : kCases)
    EXPECT_EQ(yaml(source), std::string(tree) + "\n") << source;
}

TEST(Yaml, DocumentsAreSeparate) {
  EXPECT_EQ(yaml("a: 1\n---\n---\n# only a comment\n---\nb: 2\n...\n"), "{\"a\":1}\n{\"b\":2}\n");
  EXPECT_EQ(yaml("a: 1\n...\n# between\nb: 2\n"), "{\"a\":1}\n{\"b\":2}\n");
  EXPECT_EQ(yaml(""), "");
  EXPECT_EQ(yaml("# nothing\n\n"), "");
}

TEST(Yaml, MarksAreLineAndColumn) {
  Diagnostics diagnostics;
  const Document document =
      Document::parse_yaml("\na:\n  - \xc3\xa9: x\n    b: {c: 7}\n", {}, diagnostics);
  ASSERT_EQ(document.roots().size(), 1u);
  const Node& item = *document.roots()[0]->find("a")->items[0];
  EXPECT_EQ(item.entries[1].at.line, 4u);
  EXPECT_EQ(item.entries[1].at.column, 5u);
  EXPECT_EQ(item.find("b")->find("c")->at.column, 12u);
  EXPECT_EQ(item.find("\xc3\xa9")->at.column, 9u);  // columns count bytes
}

struct Bad {
  std::string source;
  const char* error;
};

TEST(Yaml, BadInputIsRefusedWithItsPlace) {
  const Bad kCases[] = {
      {"a: b: c\n", "1:5: cannot parse YAML: illegal map value, found \": c\""},
      {"a: [1, 2\n",
       "cannot parse YAML: end of sequence flow not found, found the end of the file"},
      {"a:\n\t- b\n", "indentation must be made of spaces, not tabs"},
      {"a: 'x\n", "1:4: cannot parse YAML: found the end of the file in a quoted text"},
      {"a: &k \"x\\\"\nb: c\n",
       "1:4: cannot parse YAML: found the end of the file in a quoted text"},
      {"a: *nobody\n", "1:4: cannot parse YAML: the referenced anchor is not defined"},
      {"a: 1\nb: 2\na: 3\n", "3:1: duplicate key \"a\": already set at line 1"},
      {"yes: 1\ntrue: 2\n", "2:1: duplicate key \"true\": already set at line 1"},
      {"a: &a [*a]\n", "1:8: alias refers to a node that contains it"},
      {"&a x: {b: &c {d: *c}}\n", "alias refers to a node that contains it"},
      {"? [a]\n: b\n", "1:3: a key must be a text, found a list"},
      {"<<: 7\n", "1:1: map merge requires map or sequence of maps as the value, found a number"},
      {"a: .inf\n", "1:4: a number must be finite, found .inf"},
      {"a: !!int x\n", "1:4: cannot read \"x\" as !!int"},
      {std::string("a: b\0c\n", 7), "1:5: control characters are not allowed, found 0x00"},
      {"a: 1\nb: \x01\n", "2:4: control characters are not allowed, found 0x01"},
      {"a: 1\nb: \xff\n", "2:4: invalid UTF-8: byte 0xff"},
      {"a: \xed\xa0\x80\n", "1:4: invalid UTF-8: byte 0xed"},
      {"a: \xc3", "1:4: invalid UTF-8: byte 0xc3"},
      {"}\n", "1:1: cannot parse YAML: illegal flow end, found \"}\""},
      {"a: 1\n]\n", "cannot parse YAML"},
      {"'a' b\n", "cannot parse YAML: expected the end of the document"},
      {"\x7f"
       "ELF\x02\x01",
       "control characters are not allowed, found 0x7f"},
      {"%FOO\n---\na: [\n", "cannot parse YAML"},
  };
  for (const Bad& bad : kCases) EXPECT_THAT(yaml(bad.source), HasSubstr(bad.error)) << bad.source;
}

TEST(Yaml, DuplicateKeysOfBigMapsAreFound) {
  std::string source;
  for (int i = 0; i < 1000; ++i) source += "k" + std::to_string(i) + ": 1\n";
  EXPECT_THAT(yaml(source + "k500: 2\n"),
              HasSubstr("1001:1: duplicate key \"k500\": already set at line 501"));
}

TEST(Yaml, LimitsHold) {
  EXPECT_THAT(yaml(std::string(10u << 20, 'a')),
              HasSubstr("document is 10485760 bytes long, the limit is 4194304"));
  EXPECT_THAT(yaml("a: [1, 2, 3]\n", {.nodes = 4}), HasSubstr("document has more than 4 nodes"));
  EXPECT_THAT(yaml("a: {b: {c: d}}\n", {.depth = 2}), HasSubstr("nested more than 2 levels deep"));
  EXPECT_EQ(yaml("a: {b: c}\n", {.depth = 2}), "{\"a\":{\"b\":\"c\"}}\n");
  EXPECT_THAT(yaml("a: " + std::string(99'000, '[')), HasSubstr("nested more than 64 levels deep"));
  EXPECT_THAT(yaml(std::string(4'000'000, '[')), HasSubstr("nested more than 64 levels deep"));
  EXPECT_THAT(yaml(std::string(3'000'000, '{')), HasSubstr("nested more than 64 levels deep"));
  std::string dashes;
  for (int i = 0; i < 100'000; ++i) dashes += "- ";
  EXPECT_THAT(yaml(dashes), HasSubstr("nested more than 64 levels deep"));
  // The levels of what an alias names count as if they stood there.
  EXPECT_THAT(yaml("a: &a [[1]]\nb: [[*a]]\n", {.depth = 4}),
              HasSubstr("nested more than 4 levels deep"));
}

TEST(Yaml, AliasBombIsRefused) {
  std::string source = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n";
  for (int i = 1; i < 10; ++i) {
    const std::string below = "*a" + std::to_string(i - 1);
    source += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + below;
    for (int k = 0; k < 8; ++k) source += "," + below;
    source += "]\n";
  }
  EXPECT_THAT(yaml(source), HasSubstr("aliases expand to more than 100000 nodes"));
  // The same through merge keys.
  source = "m0: &m0 {k0: 1}\n";
  for (int i = 1; i < 1000; ++i) {
    const std::string n = std::to_string(i);
    source += "m" + n + ": &m" + n + " {<<: *m" + std::to_string(i - 1) + ", k" + n + ": 1}\n";
  }
  EXPECT_THAT(yaml(source), HasSubstr("aliases expand to more than 100000 nodes"));
}

TEST(Json, BecomesTheSameTree) {
  EXPECT_EQ(json(R"({"a": [1, -2.50, true, null, "x\"\u00e9"], "b": {}})"),
            "{\"a\":[1,-2.5,true,null,\"x\\\"\xc3\xa9\"],\"b\":{}}\n");
  EXPECT_EQ(json("{\"n\": 123456789012345678901234567890}"),
            "{\"n\":123456789012345678901234567890}\n");
  EXPECT_EQ(json("\xef\xbb\xbf{}"), "{}\n");
  EXPECT_EQ(json(""), "");
  Diagnostics diagnostics;
  const Document document =
      Document::parse_json("{\n  \"a\": [\n    {\"b\": 7}]}", {}, diagnostics);
  const Node& item = *document.roots()[0]->find("a")->items[0];
  EXPECT_EQ(item.entries[0].at.line, 3u);
  EXPECT_EQ(item.entries[0].at.column, 6u);
  EXPECT_EQ(item.find("b")->at.column, 11u);
}

TEST(Json, BadInputIsRefusedWithItsPlace) {
  const Bad kCases[] = {
      {"{\"a\": 1,\n\"a\": 2}", "2:1: duplicate key \"a\": already set at line 1"},
      {"{\"a\": 01}", "cannot parse JSON"},
      {"{\"a\": +1}", "cannot parse JSON"},
      {"{\"a\": nul}", "cannot parse JSON"},
      {"{\"a\": 1", "cannot parse JSON"},
      {"{\"a\" 1}", "cannot parse JSON"},
      {"{\"a\": 1,}", "cannot parse JSON"},
      {"[1 2]", "cannot parse JSON"},
      {"{} {}", "1:4: cannot parse JSON: text behind the value"},
      {"{\"a\": \"\x01\"}", "cannot parse JSON"},
      {"{\"a\": \"\xff\"}", "1:8: invalid UTF-8: byte 0xff"},
      {"7", "cannot parse JSON: expected an object"},
      {std::string(1'000'000, '['), "nested more than 64 levels deep"},
      {std::string(100, '[') + std::string(100, ']'), "nested more than 64 levels deep"},
  };
  for (const Bad& bad : kCases) {
    EXPECT_THAT(json(bad.source), HasSubstr(bad.error)) << bad.source.substr(0, 40);
    EXPECT_THAT(json(bad.source), testing::MatchesRegex("(.|\n)*[0-9]+:[0-9]+: (.|\n)*"))
        << bad.source.substr(0, 40);
  }
  EXPECT_THAT(json("{\"a\": [1, 2, 3]}", {.nodes = 4}), HasSubstr("more than 4 nodes"));
}

TEST(Json, StringsAreEscaped) {
  std::string out;
  append_json_string(out, std::string_view("a\"\\\n\t\r\x01\x1f\xc3\xa9\0", 11));
  EXPECT_EQ(out, "\"a\\\"\\\\\\n\\t\\r\\u0001\\u001f\xc3\xa9\\u0000\"");
}

}  // namespace
}  // namespace gantry::workflow
