#include "workflow/scalar.h"

#include <gtest/gtest.h>

namespace gantry::workflow {
namespace {

struct Case {
  const char* plain;
  ScalarType type;
  const char* text;
};

// What Argo makes of each as a parameter's value, seen in real runs; the rest from go-yaml v2's
// tables.
TEST(Scalar, PlainIsReadAsYaml11) {
  using enum ScalarType;
  constexpr Case kCases[] = {
      {"012", Integer, "10"},
      {"0x1f", Integer, "31"},
      {"0o17", Integer, "15"},
      {"0b11", Integer, "3"},
      {"1_000", Integer, "1000"},
      {"1e3", Float, "1000"},
      {"1.10", Float, "1.1"},
      {"1.0", Float, "1"},
      {".5", Float, "0.5"},
      {"+7", Integer, "7"},
      {"-0", Integer, "0"},
      {"-12", Integer, "-12"},
      {"yes", Bool, "true"},
      {"On", Bool, "true"},
      {"y", Bool, "true"},
      {"TRUE", Bool, "true"},
      {"no", Bool, "false"},
      {"n", Bool, "false"},
      {"off", Bool, "false"},
      {"False", Bool, "false"},
      {"2024-01-02", String, "2024-01-02"},
      {"1:30", String, "1:30"},
      {"", Null, ""},
      {"~", Null, ""},
      {"Null", Null, ""},
      {".inf", Float, ""},
      {"-.INF", Float, ""},
      {".nan", Float, ""},
      {"123456789012345678", Integer, "123456789012345678"},
      {"123456789012345678901234567890", Integer, "123456789012345678901234567890"},
      {"08", Float, "8"},
      {"1.5e-3", Float, "0.0015"},
      {"1e21", Float, "1000000000000000000000"},
      {"-1.5", Float, "-1.5"},
      {"1.", Float, "1"},
      {"-0x10", Integer, "-16"},
      {"1e400", String, "1e400"},
      {"yEs", String, "yEs"},
      {"nope", String, "nope"},
      {"0x", String, "0x"},
      {"0b2", String, "0b2"},
      {"1.2.3", String, "1.2.3"},
      {"-", String, "-"},
      {"+", String, "+"},
      {".", String, "."},
      {"--1", String, "--1"},
      {"10m", String, "10m"},
      {"1e", String, "1e"},
      {"_1", String, "_1"},
      {"a_b", String, "a_b"},
      {"0.5", Float, "0.5"},
      {"0", Integer, "0"},
      {"00", Integer, "0"},
      {"0.0", Float, "0"},
  };
  for (const Case& one : kCases) {
    const Scalar scalar = resolve_plain(one.plain);
    EXPECT_EQ(scalar.type, one.type) << one.plain;
    EXPECT_EQ(scalar.text, one.text) << one.plain;
  }
}

TEST(Scalar, FloatsAreShortestWithoutExponent) {
  EXPECT_EQ(format_float(0.1), "0.1");
  EXPECT_EQ(format_float(-0.0), "0");
  EXPECT_EQ(format_float(100), "100");
  EXPECT_EQ(format_float(123.456), "123.456");
  EXPECT_EQ(format_float(12345678901234567890.0), "12345678901234567000");
  EXPECT_EQ(format_float(-1e-7), "-0.0000001");
  EXPECT_EQ(format_float(1.7976931348623157e308).size(), 309u);
}

}  // namespace
}  // namespace gantry::workflow
