#include "workflow/expr/expression.h"

#include <gmock/gmock.h>

#include <atomic>
#include <chrono>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "tests/unit/workflow/expr/cases.h"
#include "tests/unit/workflow/expr/map_names.h"
#include "workflow/expr/format.h"
#include "workflow/expr/function.h"

namespace gantry::workflow::expr {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

Facts facts() {
  Facts facts;
  facts.now = std::chrono::sys_time<std::chrono::nanoseconds>(std::chrono::seconds(1'700'000'000));
  facts.random = [state = std::uint64_t{1}]() mutable {
    state = state * 6'364'136'223'846'793'005u + 1'442'695'040'888'963'407u;
    return state ^ (state >> 31);
  };
  return facts;
}

/// The value as JSON, or "! " and the error.
std::string result(std::string_view source, const Evaluation& how = {}) {
  const auto expression = Expression::parse(source);
  if (!expression) return "! " + expression.error().message;
  const auto value = expression->evaluate(MapNames(), facts(), how);
  if (!value) return "! " + value.error().message;
  const auto json = to_json(*value);
  return json ? *json : "! " + json.error().message;
}

std::vector<std::string> paths(std::string_view source) {
  std::vector<std::string> out;
  const auto expression = Expression::parse(source);
  if (!expression) return {expression.error().message};
  expression->for_each_path([&](const Expression::PathUse& path) {
    out.push_back(std::string(path.name) + (path.guarded ? "?" : ""));
  });
  return out;
}

/// Everything here was computed with expr-lang v1.17.8, sprig v3.3.0 and evilmonkeyinc/jsonpath
/// v0.8.1, in the environment that argo-workflows gives them.
TEST(Expression, AgreesWithUpstream) {
  for (const auto& [source, expected] : kLanguageCases)
    EXPECT_EQ(result(source), expected) << source;
  for (const auto& [source, expected] : kSprigCases) EXPECT_EQ(result(source), expected) << source;
  for (const auto& [source, expected] : kJsonPathCases)
    EXPECT_EQ(result(source), expected) << source;
}

// Where this differs from upstream on purpose, or what upstream leaves to chance.
constexpr Case kOurCases[] = {
    // types are looked at when a value is there
    {R"(1 + "a")", "! invalid operation: int + string (1:3)"},
    {R"("3" + 1)", "! invalid operation: string + int (1:5)"},
    {R"(false && 1 + "a" == 2)", "false"},
    {R"("a" == 1)", "false"},
    {R"("1" in [1])", "false"},
    {"1 ? 2 : 3", "! interface conversion: interface {} is int, not bool (1:3)"},
    {"upper(1)", "! cannot use int as argument (type string) to call upper (1:1)"},
    {R"("abc"[1])", "98"},
    // maps are in order
    {"keys({b: 1, a: 2, c: 3})", R"(["a","b","c"])"},
    {"values({b: 1, a: 2})", "[2,1]"},
    {"toPairs({b: 1, a: 2})", R"([["a",2],["b",1]])"},
    {R"(fromPairs([["a", 1], ["b", 2]]))", R"({"a":1,"b":2})"},
    {"groupBy([1, 2, 3], # % 2)", R"({"0":[2],"1":[1,3]})"},
    {"fromPairs([[[1], 1]])", "! runtime error: hash of unhashable type []interface {} (1:1)"},
    {"sprig.keys({b: 1}, {a: 1})", R"(["b","a"])"},
    {"sprig.values({b: 1, a: 2})", "[2,1]"},
    // equal ones keep their order
    {"sortBy([{k: 1, v: 1}, {k: 0}, {k: 1, v: 2}], .k)",
     R"([{"k":0},{"k":1,"v":1},{"k":1,"v":2}])"},
    // what goes wrong has a place
    {"1 +\n upper(2)", "! cannot use int as argument (type string) to call upper (2:2)"},
    {"'é' + 1", "! invalid operation: string + int (1:5)"},
    {"sprig.nope(1)", "! unknown function sprig.nope (1:7)"},
    {"sprig.env('HOME')", "! unknown function sprig.env (1:7)"},
    {"sprig.genPrivateKey('rsa')", "! unknown function sprig.genPrivateKey (1:7)"},
    {"9223372036854775808",
     "! invalid integer literal: \"9223372036854775808\": value out of range (1:1)"},
    {"1 % 0", "! runtime error: integer divide by zero (1:3)"},
    {"let x = 1; x()", "! x is not callable (1:12)"},
    // in Go, an integer that is written is no int64
    {"sprig.duration(95)", R"("1m35s")"},
    {R"(sprig.derivePassword(1, "long", "password", "user", "example.com"))",
     R"("ZedaFaxcZaso9*")"},
    {R"(sprig.derivePassword(1, "nope", "password", "user", "example.com"))",
     R"("cannot find password template nope")"},
    // in and not in are words in a JSON path's filter
    {R"(jsonpath('[{"inner":1},{"inner":2}]', '$[?(@.inner > 1)].inner'))", "[2]"},
    {R"(jsonpath('[1,2,3]', '$[?(@ not in [1,2])]'))", "[3]"},
};
TEST(Expression, DiffersWhereItSaysSo) {
  for (const auto& [source, expected] : kOurCases) EXPECT_EQ(result(source), expected) << source;
}

// What depends on the time or on randomness, with a regular expression for the value.
constexpr Case kVolatileCases[] = {
    {"now()", R"("2023-11-14T22:13:20Z")"},
    {"now(timezone('Europe/Berlin'))", R"("2023-11-14T23:13:20\+01:00")"},
    {"sprig.now()", R"("2023-11-14T22:13:20Z")"},
    {"sprig.ago(1699999990)", R"("10s")"},
    {"sprig.date('2006', 'x')", R"("2023")"},
    {"sprig.htmlDate(nil)", R"("2023-11-14")"},
    {"sprig.durationRound(now() - duration('49h'))", R"("2d")"},
    {"sprig.randAlphaNum(20)", R"("[a-zA-Z0-9]{20}")"},
    {"sprig.randAlpha(20)", R"("[a-zA-Z]{20}")"},
    {"sprig.randNumeric(20)", R"("[0-9]{20}")"},
    {"len(sprig.randAscii(20))", "20"},
    {"sprig.randBytes(3)", R"("[a-zA-Z0-9+/]{4}")"},
    {"sprig.randInt(3, 5)", "[34]"},
    {"sprig.randInt(5, 5)", R"(! invalid argument to Intn \(1:7\))"},
    {"sort(split(sprig.shuffle('abc'), ''))", R"re(\["a","b","c"\])re"},
    {"sprig.uuidv4()", R"("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")"},
    {"sprig.bcrypt('p')", R"re("\$2a\$10\$[./A-Za-z0-9]{53}")re"},
    {"sprig.htpasswd('u', 'p')", R"re("u:\$2a\$10\$[./A-Za-z0-9]{53}")re"},
    {"sprig.decryptAES('key', sprig.encryptAES('key', 'plain text'))", R"("plain text")"},
};
TEST(Expression, TimeAndRandomnessComeIn) {
  for (const auto& [source, expected] : kVolatileCases) {
    const std::string first = result(source);
    EXPECT_THAT(first, testing::ContainsRegex("^" + std::string(expected) + "$")) << source;
    EXPECT_EQ(result(source), first) << "the same facts give the same: " << source;
    EXPECT_TRUE(Expression::parse(source)->is_volatile()) << source;
  }
  EXPECT_FALSE(Expression::parse("inputs.parameters.x + sprig.upper('a')")->is_volatile());
  const auto without = [](std::string_view source) {
    return Expression::parse(source)->evaluate(MapNames(), Facts()).error().message;
  };
  EXPECT_EQ(without("now()"), "the time is not known here (1:1)");
  EXPECT_EQ(without("sprig.uuidv4()"), "there is no randomness here (1:7)");
}

TEST(Expression, EveryFunctionHasACase) {
  std::string all;
  for (const auto& [source, expected] : kLanguageCases) all.append(source).append("\n");
  for (const auto& [source, expected] : kSprigCases) all.append(source).append("\n");
  for (const auto& [source, expected] : kJsonPathCases) all.append(source).append("\n");
  for (const auto& [source, expected] : kOurCases) all.append(source).append("\n");
  for (const auto& [source, expected] : kVolatileCases) all.append(source).append("\n");
  EXPECT_GT(functions().size(), 280u);
  for (const Function& function : functions()) {
    const bool method = !function.name.starts_with("sprig.");
    const std::size_t dot = method ? function.name.find('.') : std::string_view::npos;
    const std::string called = dot == std::string_view::npos
                                   ? std::string(function.name)
                                   : std::string(function.name.substr(dot));
    EXPECT_THAT(all, HasSubstr(called + "(")) << function.name;
  }
  for (const std::string_view predicate : kPredicates)
    EXPECT_THAT(all, HasSubstr(std::string(predicate) + "(")) << predicate;
}

TEST(Expression, MissingVariables) {
  const Evaluation strict = {.missing = Evaluation::Missing::Error, .budget = {}};
  const std::pair<const char*, const char*> cases[] = {
      {"inputs.parameters.x", "\"X\""},
      {"inputs.parameters.nope", "! inputs.parameters.nope is missing (1:1)"},
      {"inputs.parameters.nope ?? 'd'", "\"d\""},
      {"upper(inputs.parameters.nope ?? 'd')", "\"D\""},
      {"inputs.parameters?.nope", "null"},
      {"inputs?.nope?.x", "null"},
      {"inputs.nope?.x", "null"},
      {"steps.a.outputs.absent", "null"},
      {"steps.a.outputs.absent ?? 'd'", "\"d\""},
      {"steps.b.outputs.result ?? 'd'", "! cannot fetch outputs from <nil> (1:9)"},
      {"steps.b?.outputs?.result ?? 'd'", "\"d\""},
      {"true ? 1 : steps.b.status", "1"},
      {"nope ?? 'd'", "! unknown name nope (1:1)"},
      {"nope?.x", "! unknown name nope (1:1)"},
  };
  for (const auto& [source, expected] : cases)
    EXPECT_EQ(result(source, strict), expected) << source;
  const auto code = [&](std::string_view source) {
    return Expression::parse(source)->evaluate(MapNames(), facts(), strict).error().code;
  };
  EXPECT_EQ(code("inputs.parameters.nope"), Code::FailedPrecondition);
  EXPECT_EQ(code("nope"), Code::NotFound);
  EXPECT_EQ(code("1 + nil"), Code::InvalidArgument);
}

TEST(Expression, VisitsPaths) {
  EXPECT_THAT(paths("1 + len('a')"), ElementsAre());
  EXPECT_THAT(paths("inputs.parameters['my-param'] + steps['a b'].status"),
              ElementsAre("inputs.parameters.my-param", "steps.a b.status"));
  EXPECT_THAT(paths("a.b ?? c.d"), ElementsAre("a.b?", "c.d"));
  EXPECT_THAT(paths("item ?? 1"), ElementsAre("item"));
  EXPECT_THAT(paths("a?.b + c.d[x]"), ElementsAre("a.b?", "c.d", "x"));
  EXPECT_THAT(paths("map(items.list, #.name + prefix)"), ElementsAre("items.list", "prefix"));
  EXPECT_THAT(paths("let x = a.b; x.c"), ElementsAre("a.b"));
  EXPECT_THAT(paths("sprig.upper(a.b)"), ElementsAre("a.b"));
  EXPECT_THAT(paths("steps.a.outputs['result']"), ElementsAre("steps.a.outputs.result"));
}

TEST(Expression, Booleans) {
  const auto truth = [](std::string_view source) {
    const auto value = Expression::parse(source)->evaluate_bool(MapNames(), facts());
    return value ? (*value ? "true" : "false") : value.error().message;
  };
  EXPECT_EQ(truth("steps.a.status == 'Succeeded'"), "true");
  EXPECT_EQ(truth("asInt(retries) > 2"), "false");
  EXPECT_EQ(truth("retries"), "unable to cast expression result '2' to bool");
  EXPECT_EQ(truth("nope"), "unable to evaluate expression 'nope': unknown name nope (1:1)");
}

TEST(Expression, Texts) {
  const auto text = [](std::string_view source) {
    const auto value = to_text(*Expression::parse(source)->evaluate(MapNames(), facts()));
    return value ? *value : "! " + value.error().message;
  };
  const std::pair<const char*, const char*> cases[] = {
      {"'a\"b'", "a\"b"},
      {"1", "1"},
      {"2 / 1", "2"},
      {"0.1 + 0.2", "0.30000000000000004"},
      {"true", "true"},
      {"[1, 'a<']", R"([1,"a\u003c"])"},
      {"toJson('test')", R"("test")"},
      {"now()", "2023-11-14T22:13:20Z"},
      {"duration('1s')", "1000000000"},
      {"nil", "! the result is nil"},
      {"0 / 0", "! failed to marshal evaluated expression: json: unsupported value: NaN"},
  };
  for (const auto& [source, expected] : cases) EXPECT_EQ(text(source), expected) << source;
}

TEST(Expression, KeepsTheOffsetOfASyntaxError) {
  std::size_t offset = 0;
  const auto expression = Expression::parse("'é' +\n  )", &offset);
  ASSERT_FALSE(expression);
  EXPECT_EQ(expression.error().code, Code::InvalidArgument);
  EXPECT_EQ(expression.error().message, "unexpected token Bracket(\")\") (2:3)");
  EXPECT_EQ(offset, 9u);
}

TEST(Expression, HasLimits) {
  const auto nested = [](int depth) {
    return std::string(depth, '(') + "1" + std::string(depth, ')');
  };
  EXPECT_EQ(result(nested(150)), "1");
  EXPECT_THAT(result(nested(100'000)), HasSubstr("nests too deep"));
  std::string sum = "1";
  for (int i = 0; i < 400; ++i) sum += " + item";
  EXPECT_THAT(result(sum), StartsWith("! invalid operation"));
  for (int i = 0; i < 3'000; ++i) sum += " + item";
  EXPECT_THAT(result(sum), HasSubstr("nests too deep"));
  std::string list = "[";
  for (int i = 0; i < 20'000; ++i) list += "item,";
  EXPECT_THAT(result(list + "]"), HasSubstr("exceeds maximum allowed nodes"));

  const Evaluation small = {.budget = {.steps = 100'000, .elements = 20'000}};
  EXPECT_THAT(result("len(1..2000000)", small), HasSubstr("memory budget exceeded"));
  EXPECT_THAT(result("1..9223372036854775807", small), HasSubstr("memory budget exceeded"));
  EXPECT_THAT(result("-9223372036854775807..9223372036854775807", small),
              HasSubstr("memory budget exceeded"));
  EXPECT_THAT(result("repeat(repeat(repeat('aaaaaaaaaa', 1000), 1000), 1000)", small),
              HasSubstr("memory budget exceeded"));
  EXPECT_THAT(result("map(1..3000, map(1..3000, # * 2))", small), HasSubstr("budget exceeded"));
  EXPECT_THAT(result("count(1..3000, any(1..3000, # == 5000))", small),
              HasSubstr("budget exceeded"));
  EXPECT_THAT(result("uniq(1..9000)", small), HasSubstr("step budget exceeded"));
  EXPECT_THAT(result("reduce(1..3000, [#acc], 0)", small), HasSubstr("nests too deep"));
  EXPECT_THAT(result("reduce(1..100, #acc + #acc, 'aaaa')", small),
              HasSubstr("memory budget exceeded"));
  EXPECT_THAT(result("fromJSON(repeat('[', 100000))", small), HasSubstr("exceeded max depth"));
  EXPECT_THAT(result("sprig.until(9223372036854775807)", small),
              HasSubstr("memory budget exceeded"));
  EXPECT_THAT(result("sprig.indent(9223372036854775807, 'a')", small),
              HasSubstr("memory budget exceeded"));
  EXPECT_THAT(result("replace(repeat('a', 100000), '', repeat('b', 100000))", small),
              HasSubstr("memory budget exceeded"));
}

TEST(Expression, IsSharedBetweenThreads) {
  const auto expression = Expression::parse(
      "inputs.parameters.x == 'X' ? {list: [1, 2, 'three'], name: upper(item)} : nil");
  ASSERT_TRUE(expression);
  std::vector<std::thread> threads;
  std::atomic<int> good = 0;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, copy = *expression] {
      for (int n = 0; n < 500; ++n) {
        const auto value = copy.evaluate(MapNames(), Facts());
        if (value && to_json(*value) == R"({"list":[1,2,"three"],"name":"IT"})") ++good;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(good, 2'000);
}

// A value outlives the expression and the variables that it came from.
TEST(Expression, ValuesOwnTheirTexts) {
  Value value;
  {
    const auto expression =
        Expression::parse("true ? 'a text that is longer than any small one' : item");
    value = *expression->evaluate(MapNames(), Facts());
  }
  EXPECT_EQ(value.as_text(), "a text that is longer than any small one");
  {
    const std::string text = "a borrowed text that is longer than any small one";
    class Borrowing final : public Names {
     public:
      explicit Borrowing(std::string_view text) : text_(text) {}
      [[nodiscard]] std::optional<Value> find(std::string_view) const override {
        return Value::borrowed(text_);
      }
      [[nodiscard]] bool has_below(std::string_view) const override { return false; }

     private:
      std::string_view text_;
    };
    value = *Expression::parse("[item, {a: item}]")->evaluate(Borrowing(text), Facts());
  }
  EXPECT_EQ(print(value),
            "[a borrowed text that is longer than any small one map[a:a borrowed text "
            "that is longer than any small one]]");
}

}  // namespace
}  // namespace gantry::workflow::expr
