#include "workflow/when.h"

#include <gmock/gmock.h>

#include <array>
#include <random>
#include <string>

namespace gantry::workflow {
namespace {

using testing::HasSubstr;

/// "true", "false" or the message. The expectations below are what Argo's shouldExecute answers,
/// run on Knetic/govaluate; only ends of lines in its messages are left out.
std::string evaluated(std::string_view text) {
  const auto value = evaluate_when(text);
  if (value) return *value ? "true" : "false";
  EXPECT_EQ(value.error().code, Code::InvalidArgument) << text;
  return value.error().message;
}

TEST(When, True) {
  for (const char* text : {
           "",
           "true",
           "heads == heads",
           "heads != tails",
           "'heads' == heads",
           "\"heads\" == 'heads'",
           "[two words] == 'two words'",
           "'' == \"\"",
           "é == 'é'",
           "日本 != 'x'",
           "a_1 == 'a_1'",
           "a\\-b == 'a-b'",
           "'it\\'s' == \"it\\'s\"",
           // numbers
           "1 == 1.0",
           "0x1F == 31",
           "0xff == 0xFF",
           ".5 < 1",
           "5. == 5",
           "10 > 9",
           "-1 < 0",
           "1 - -1 == 2",
           "7 % 4 == 3",
           "2 ** 10 == 1024",
           "2 ** 3 ** 2 == 64",
           "8 / 2 / 2 == 2",
           "10 - 3 - 2 == 5",
           "1 + 2 * 3 == 7",
           "(1 + 2) * 3 == 9",
           "-2 ** 2 == 4",
           "1 << 4 == 16",
           "256 >> 4 == 16",
           "1 << 64 == 0",
           "(6 & 3) == 2",
           "6 | 1 == 7",
           "6 ^ 3 == 5",
           "~0 == -1",
           "1 / 0 > 1000",
           // texts
           "a < b",
           "'10' < '9'",
           "b >= a",
           "Z < a",
           "'a' + 'b' == ab",
           "'n' + 1 == n1",
           "1000000 + '' == '1e+06'",
           // types do not mix
           "1 != '1'",
           "true != 'true'",
           "(true == [true]) == false",
           // logic
           "true && true",
           "false || true",
           "false || false || true",
           "true || false && false",
           "!false",
           "!(1 == 2)",
           "1 == 1 && 2 == 2 || x == y",
           "true || 5",
           "false == (false && 5)",
           // ternary and ??
           "true ? true : false",
           "(false ? 1 : 2) == 2",
           "false ? false : true",
           "1 == 1 ? a == a : a == b",
           "(false ? 1) ?? true",
           // in
           "a in (a, b)",
           "b IN ('a', 'b')",
           "3 in (1, 2, 3)",
           "!(1 in ('1', '2'))",
           // regular expressions
           "'release-1.2' =~ '^release-[0-9.]+$'",
           "main !~ '^release'",
           "abc =~ b",
           "'' =~ '^$'",
           "'2024-13-01' =~ '^2024'",  // no date
           "'a+b' =~ ('a' + '.b')",
           // dates are numbers
           "'2024-01-02' < '2024-01-03'",
           "'2024-01-02' == '2024-01-02T00:00:00Z'",
           "'2024-01-02' == 1704153600",
           "'2024-01-02T03:04:05+02:00' == '2024-01-02 01:04:05'",
           "'2024-01-02T03:04Z' == '2024-01-02 03:04'",
           "'2024-01-02T03Z' == '2024-01-02 03:00'",
           "'2024-01-02 03:04:05.7' == '2024-01-02 03:04:05'",
           "'Mon Jan  2 15:04:05 2006' == '2006-01-02 15:04:05'",
           "'mon jan 2 15:04:05 UTC 2006' == '2006-01-02 15:04:05'",
           "'Mon Jan 02 15:04:05 -0700 2006' == '2006-01-02 22:04:05'",
           "'3:04PM' == '15:04' || '3:04PM' < 0",
           "'2024-02-30' == '2024-02-30' && '2024-02-30' > '2024-02'",  // no date, so texts
           // what stands behind a closed bracket is not looked at
           "(1 == 1) false",
           "((1 == 1) 2)",
           "(true) (false)",
       }) {
    EXPECT_EQ(evaluated(text), "true") << text;
  }
}

TEST(When, False) {
  for (const char* text : {
           "false",
           "True == False",  // texts
           "True == true",
           "heads == tails",
           "Heads == heads",
           "1 == '1'",
           "false && true || false",
           "!true",
           "c in (a, b)",
           "1 > 2",
           "'a' == 'b'",
           "(1 == )",  // nothing is no number
           "() == 1",
           "0 / 0 == 0 / 0",
           "'2024-01-02' == '2024-01-03'",
           "main =~ '^release'",
           "a == a == b",  // (a == a) == b
           "1 == 1 ? a == b : true",
       }) {
    EXPECT_EQ(evaluated(text), "false") << text;
  }
}

TEST(When, DoesNotParse) {
  const std::pair<const char*, const char*> cases[] = {
      {" ", "Unexpected end of expression"},
      {"1 ==", "Unexpected end of expression"},
      {"== 1", "Cannot transition token types from UNKNOWN [<nil>] to COMPARATOR [==]"},
      {"a b", "Cannot transition token types from VARIABLE [a] to VARIABLE [b]"},
      {"two words == 'two words'",
       "Cannot transition token types from VARIABLE [two] to VARIABLE [words]"},
      {"1 2", "Cannot transition token types from NUMERIC [1] to NUMERIC [2]"},
      {"1a == 1", "Cannot transition token types from NUMERIC [1] to VARIABLE [a]"},
      {"foo-1.2.3 == x", "Unable to parse numeric value '1.2.3' to float64"},
      {"0x == 1", "Unable to parse hex value '' to uint64"},
      {"0x11112222333344445 == 1", "Unable to parse hex value '11112222333344445' to uint64"},
      {"a = b", "Invalid token: '=' (hint: try wrapping the affected expression in quotes (\"))"},
      {"a === b",
       "Invalid token: '===' (hint: try wrapping the affected expression in quotes (\"))"},
      {"_a == b", "Invalid token: '_' (hint: try wrapping the affected expression in quotes (\"))"},
      {"{{steps.a.outputs.result}} == 1",
       "Invalid token: '{{' (hint: try wrapping the affected expression in quotes (\"))"},
      {"!!true", "Invalid token: '!!' (hint: try wrapping the affected expression in quotes (\"))"},
      {"1 --1 == 2",
       "Invalid token: '--' (hint: try wrapping the affected expression in quotes (\"))"},
      {"'a == b", "Unclosed string literal"},
      {"it's == b", "Unclosed string literal"},
      {"[a == b", "Unclosed parameter bracket"},
      {"(a == b", "Unbalanced parenthesis"},
      {"a == b)", "Unbalanced parenthesis"},
      {") == (", "Cannot transition token types from UNKNOWN [<nil>] to CLAUSE_CLOSE [41]"},
      {"f(1)", "Undefined function f"},
      {"v1. == x", "Hanging accessor on token 'v1.'"},
      {"a.b == x", "Unable to access unexported field 'b' in token 'a.b'"},
      {"a =~ '['", "error parsing regexp: missing closing ]: `[`"},
      {"a =~ '(b'", "error parsing regexp: missing closing ): `(b`"},
      {"a =~ '*'", "error parsing regexp: missing argument to repetition operator: `*`"},
      {"'2024-01-02' ? 1 : 2",
       "Cannot transition token types from TIME [2024-01-02 00:00:00 +0000 UTC] to TERNARY [?]"},
      {"true ? , 1", "Unable to plan token kind: 'SEPARATOR', value: ','"},
      {"a == b\\", "Nothing follows the '\\' at the end"},  // upstream panics
  };
  for (const auto& [text, expected] : cases) {
    EXPECT_EQ(evaluated(text),
              "Invalid 'when' expression '" + std::string(text) + "': " + expected);
  }
}

TEST(When, DoesNotParseTheSecondTime) {
  const std::pair<const char*, const char*> cases[] = {
      {"!foo", "Cannot transition token types from PREFIX [!] to STRING [foo]"},
      {"a =~ 'x' ? 1 : 2", "Cannot transition token types from PATTERN [x] to TERNARY [?]"},
      {"a =~ [(]", "error parsing regexp: missing closing ): `(`"},
  };
  for (const auto& [text, expected] : cases) {
    EXPECT_EQ(evaluated(text),
              "Failed to parse 'when' expression '" + std::string(text) + "': " + expected);
  }
}

TEST(When, DoesNotEvaluate) {
  const std::pair<const char*, const char*> cases[] = {
      {"1 < '2'", "Value '1' cannot be used with the comparator '<', it is not a number"},
      {"a > 1", "Value 'a' cannot be used with the comparator '>', it is not a number"},
      {"true >= false", "Value 'true' cannot be used with the comparator '>=', it is not a number"},
      {"a && true", "Value 'a' cannot be used with the logical operator '&&', it is not a bool"},
      {"true && 1", "Value '1' cannot be used with the logical operator '&&', it is not a bool"},
      {"5 || true", "Value '5' cannot be used with the logical operator '||', it is not a bool"},
      {"!1", "Value '1' cannot be used with the prefix '!'"},
      {"-true == 1", "Value 'true' cannot be used with the prefix '-'"},
      {"(! )", "Value '<nil>' cannot be used with the prefix '!'"},
      {"a - 1 == 1", "Value 'a' cannot be used with the modifier '-', it is not a number"},
      {"1 - a == 1", "Value 'a' cannot be used with the modifier '-', it is not a number"},
      {"true + 1 == 1", "Value 'true' cannot be used with the modifier '+', it is not a number"},
      {"foo-bar == foo-bar",
       "Value 'foo' cannot be used with the modifier '-', it is not a number"},
      {"1 ? true : false",
       "Value '1' cannot be used with the ternary operator '?', it is not a bool"},
      {"a in b", "Value 'b' cannot be used with the comparator 'in', it is not a number"},
      {"a in (b)", "Value 'b' cannot be used with the comparator 'in', it is not a number"},
      {"1 =~ '1'", "Value '1' cannot be used with the comparator '=~', it is not a number"},
      {"'2024-01-02' =~ '2024'",
       "Value '1.7041536e+09' cannot be used with the comparator '=~', it is not a number"},
      {"a =~ ('(' + 'b')",
       "Unable to compile regexp pattern '(b': error parsing regexp: missing closing ): `(b`"},
      {"v1.2 == v1.2", "No parameter 'v1' found."},
  };
  for (const auto& [text, expected] : cases) {
    EXPECT_EQ(evaluated(text),
              "Failed to evaluate 'when' expresion '" + std::string(text) + "': " + expected);
  }
}

TEST(When, IsNoBoolean) {
  const std::pair<const char*, const char*> cases[] = {
      {"1", "1"},
      {"heads", "heads"},
      {"1 + 1", "2"},
      {"1, a", "[1 a]"},
      {"()", "<nil>"},
      {"false ? 1", "<nil>"},
      {"(1, (2, x))", "[1 [2 x]]"},
      {"0.1", "0.1"},
      {"1000000", "1e+06"},
      {"123456.5", "123456.5"},
      {"0.00001", "1e-05"},
      {"1 / 0", "+Inf"},
      {"-(1 / 0)", "-Inf"},
      {"0 / 0", "NaN"},
      {"'3' + 4", "34"},
  };
  for (const auto& [text, got] : cases) {
    EXPECT_EQ(evaluated(text),
              "Expected boolean evaluation for '" + std::string(text) + "'. Got " + got);
  }
}

TEST(When, UnwantedSidesAreNotEvaluated) {
  EXPECT_EQ(evaluated("false && v1.X"), "false");
  EXPECT_EQ(evaluated("true || v1.X"), "true");
  EXPECT_EQ(evaluated("false ? v1.X : true"), "true");
  EXPECT_EQ(evaluated("true ? true : v1.X"), "true");
  EXPECT_THAT(evaluated("true && v1.X"), HasSubstr("No parameter 'v1' found."));
  EXPECT_THAT(evaluated("false && (true ? , 1)"), HasSubstr("Unable to plan"));  // but must parse
}

TEST(When, LimitsBrackets) {
  const auto nested = [](std::size_t depth) {
    return std::string(depth, '(') + "true" + std::string(depth, ')');
  };
  EXPECT_EQ(evaluated(nested(200)), "true");
  EXPECT_THAT(evaluated(nested(201)), HasSubstr("brackets nest more than 200 deep"));
  EXPECT_THAT(evaluated(nested(300'000)), HasSubstr("brackets nest more than 200 deep"));
  std::string bangs;
  for (int i = 0; i < 100'000; ++i) bangs += "!(";
  EXPECT_THAT(evaluated(bangs + "true" + std::string(100'000, ')')), HasSubstr("deep"));
}

TEST(When, LongTextsAreLinear) {
  const auto repeated = [](std::string_view part, int times) {
    std::string text;
    for (int i = 0; i < times; ++i) text += part;
    return text;
  };
  EXPECT_EQ(evaluated("true" + repeated(" && true", 100'000)), "true");
  EXPECT_EQ(evaluated("1" + repeated(" + 1", 100'000) + " == 100001"), "true");
  EXPECT_EQ(evaluated("b in (a" + repeated(", a", 100'000) + ")"), "false");
  EXPECT_EQ(evaluated("('x'" + repeated(" + 'abc'", 100'000) + ") == 1"), "false");
  EXPECT_EQ(evaluated("true" + repeated(" ? true : false", 100'000)), "true");
  EXPECT_EQ(evaluated("'" + repeated("a", 2'000'000) + "' =~ '^(a|a)*$'"), "true");
  EXPECT_THAT(evaluated(repeated("'", 1'000'000)), HasSubstr("Cannot transition"));
  EXPECT_THAT(evaluated(repeated("-", 1'000'000)), HasSubstr("Invalid token"));
  EXPECT_THAT(evaluated("'" + repeated("\\'", 1'000'000)), HasSubstr("Unclosed string literal"));
  EXPECT_THAT(evaluated("a" + repeated(".B", 500'000)), HasSubstr("No parameter 'a' found."));
}

TEST(When, RandomTextsDoNoHarm) {
  constexpr std::array<std::string_view, 56> kWords = {"1",
                                                       "2.5",
                                                       "0x1F",
                                                       ".",
                                                       "a",
                                                       "b.C",
                                                       "true",
                                                       "false",
                                                       "'a'",
                                                       "\"b c\"",
                                                       "'2024-01-02'",
                                                       "'3:04PM'",
                                                       "[x]",
                                                       "é",
                                                       "==",
                                                       "!=",
                                                       "<",
                                                       "<=",
                                                       ">",
                                                       ">=",
                                                       "=~",
                                                       "!~",
                                                       "in",
                                                       "&&",
                                                       "||",
                                                       "+",
                                                       "-",
                                                       "*",
                                                       "/",
                                                       "%",
                                                       "**",
                                                       "&",
                                                       "|",
                                                       "^",
                                                       "<<",
                                                       ">>",
                                                       "?",
                                                       ":",
                                                       "??",
                                                       ",",
                                                       "!",
                                                       "~",
                                                       "(",
                                                       ")",
                                                       "(",
                                                       ")",
                                                       " ",
                                                       " ",
                                                       " ",
                                                       "'",
                                                       "\"",
                                                       "[",
                                                       "]",
                                                       "\\",
                                                       "\xff",
                                                       "\xe3\x81"};
  std::mt19937 random(17);
  int good = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string text;
    for (std::size_t words = 1 + random() % 12; words > 0; --words)
      text += kWords[random() % kWords.size()];
    good += evaluate_when(text).has_value();
  }
  EXPECT_GT(good, 10);
}

}  // namespace
}  // namespace gantry::workflow
