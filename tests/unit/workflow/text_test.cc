#include "workflow/text.h"

#include <gmock/gmock.h>

#include <chrono>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "workflow/expr/facts.h"

namespace gantry::workflow {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class MapScope : public Scope {
 public:
  MapScope(std::initializer_list<std::pair<const std::string, std::string>> values)
      : values_(values) {}
  [[nodiscard]] std::optional<std::string> lookup(std::string_view name) const override {
    const auto found = values_.find(std::string(name));
    return found == values_.end() ? std::nullopt : std::optional(found->second);
  }

 private:
  std::map<std::string, std::string> values_;
};

const MapScope kScope = {{"inputs.parameters.x", "X"},
                         {"inputs.parameters.which", "x"},
                         {"inputs.parameters.tag", "{{inputs.parameters.x}}"},
                         {"inputs.parameters.empty", ""},
                         {"inputs.parameters", "[]"},
                         {"item", "I"},
                         {"steps.a-b.outputs.result", "two\nlines"},
                         {"workflow.labels.a.b/c", "label"}};

std::string rendered(std::string_view source) {
  const auto text = Text::parse(source);
  if (!text) return "parse: " + text.error().message;
  const auto value = text->render(kScope);
  return value ? *value : "render: " + value.error().message;
}

std::vector<std::string> references(std::string_view source) {
  std::vector<std::string> names;
  const auto text = Text::parse(source);
  if (!text) return {text.error().message};
  text->for_each_reference([&](std::string_view name) { names.emplace_back(name); });
  return names;
}

TEST(Text, Renders) {
  const std::pair<const char*, const char*> cases[] = {
      {"", ""},
      {"plain", "plain"},
      {"a { b } c }} d", "a { b } c }} d"},
      {"{{inputs.parameters.x}}", "X"},
      {"{{ inputs.parameters.x\t}}", "X"},
      {"a{{inputs.parameters.x}}b{{inputs.parameters.x}}", "aXbX"},
      {"{{inputs.parameters.x}}{{inputs.parameters.empty}}{{item}}", "XI"},
      {"{{steps.a-b.outputs.result}}!", "two\nlines!"},
      {"{{workflow.labels.a.b/c}}", "label"},
      {"{{inputs.parameters}}", "[]"},
      // what is not Argo's stays
      {"{{ .State }}", "{{ .State }}"},
      {"{{custom.x}} {{}} {{ }}", "{{custom.x}} {{}} {{ }}"},
      {"[][]int{{1, 2},\n{3}}", "[][]int{{1, 2},\n{3}}"},
      {"{{retries}} {{lastRetry.exitCode}} {{node.name}}",
       "{{retries}} {{lastRetry.exitCode}} {{node.name}}"},
      {"{{outputs.parameters.x.path}} {{workflow.scheduledTime}}",
       "{{outputs.parameters.x.path}} {{workflow.scheduledTime}}"},
      {"{{workflow.creationTimestamp.q}}", "{{workflow.creationTimestamp.q}}"},
      {"{{inputsparameters}} {{ items.x }}", "{{inputsparameters}} {{ items.x }}"},
      // nesting
      {"{{inputs.parameters.{{inputs.parameters.which}}}}", "X"},
      {"{{inputs.parameters.{{ inputs.parameters.which }} }}", "X"},
      {"{{inputs.{{custom}}}}", "render: failed to resolve {{inputs.{{custom}}}}"},
      {"{{a {{inputs.parameters.x}} b}}", "{{a X b}}"},
      {"{{a{{{inputs.parameters.x}}}}", "{{a{X}}"},
      // braces in a row, as upstream reads them
      {"{{{inputs.parameters.x}}}", "{{{inputs.parameters.x}}}"},
      {"{{{{inputs.parameters.x}}", "{{{{inputs.parameters.x}}"},
      {"{{{{{inputs.parameters.x}}}}", "{{{X}}"},
      {"{{inputs.parameters.x}}}}", "X}}"},
      {"}}{{inputs.parameters.x}}", "}}X"},
      // a value is never looked at again
      {"{{inputs.parameters.tag}}", "{{inputs.parameters.x}}"},
      {"{{inputs.parameters.{{inputs.parameters.tag}}}}",
       "render: failed to resolve {{inputs.parameters.{{inputs.parameters.x}}}}"},
      // must resolve
      {"{{inputs.parameters.y}}", "render: failed to resolve {{inputs.parameters.y}}"},
      {"{{ workflow.nam }}", "render: failed to resolve {{workflow.nam}}"},
      {"{{steps.x.id}}", "render: failed to resolve {{steps.x.id}}"},
      {"{{tasks.x.id}}", "render: failed to resolve {{tasks.x.id}}"},
      {"{{item.key}}", "render: failed to resolve {{item.key}}"},
      {"{{pod.nam}}", "render: failed to resolve {{pod.nam}}"},
  };
  for (const auto& [source, expected] : cases) EXPECT_EQ(rendered(source), expected) << source;
}

TEST(Text, RefusesWhatIsNotClosed) {
  const std::pair<const char*, const char*> cases[] = {
      {"{{", "offset 0: `{{`"},
      {"abc {{x} y", "offset 4: `{{x} y`"},
      {"{{a}} {{b", "offset 6: `{{b`"},
      {"{{a {{b}} c", "offset 0: `{{a {{b}} c`"},
      {"{{a {{b", "offset 4: `{{b`"},
      {"{{one\ntwo", "offset 0: `{{one`"},
      {"{{aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaé",
       "offset 0: `{{aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa…`"},
  };
  for (const auto& [source, expected] : cases) {
    const auto text = Text::parse(source);
    ASSERT_FALSE(text) << source;
    EXPECT_EQ(text.error().code, Code::InvalidArgument);
    EXPECT_THAT(text.error().message, HasSubstr("Cannot find end tag=\"}}\"")) << source;
    EXPECT_THAT(text.error().message, HasSubstr(expected)) << source;
  }
}

/// A scope with all that expressions may ask for.
class ExpressionScope final : public MapScope {
 public:
  using MapScope::MapScope;
  [[nodiscard]] bool is_absent(std::string_view name) const override {
    return name == "steps.skipped.outputs.result";
  }
  void for_each_below(std::string_view name,
                      const std::function<void(std::string_view, std::optional<std::string>)>&
                          visit) const override {
    if (name != "inputs.parameters") return;
    visit("inputs.parameters.x", "X");
    visit("inputs.parameters.which", "x");
    visit("inputs.parameters.none", std::nullopt);
  }
  [[nodiscard]] const expr::Facts& facts() const override { return facts_; }

 private:
  expr::Facts facts_ = {.now = std::chrono::sys_seconds(std::chrono::seconds(1'700'000'000)),
                        .random = {}};
};

TEST(Text, EvaluatesExpressions) {
  const ExpressionScope scope = {{"inputs.parameters", "[]"},
                                 {"inputs.parameters.x", "X"},
                                 {"inputs.parameters.n", "41"},
                                 {"inputs.parameters.quotes", "a \"b\"\n<c>"},
                                 {"steps.a b.status", "Failed"}};
  const auto evaluated = [&](std::string_view source) {
    const auto text = Text::parse(source);
    if (!text) return "parse: " + text.error().message;
    const auto value = text->render(scope);
    return value ? *value : "render: " + value.error().message;
  };
  const std::pair<const char*, const char*> cases[] = {
      {"{{=1 + 1}}", "2"},
      {"a{{= inputs.parameters.x }}b{{inputs.parameters.x}}c", "aXbXc"},
      {"{{=asInt(inputs.parameters.n) + 1}} {{=steps['a b'].status == 'Failed'}}", "42 true"},
      {"{{=inputs.parameters.quotes}}", "a \"b\"\n<c>"},
      {"{{=[inputs.parameters.quotes]}}", R"(["a \"b\"\n\u003cc\u003e"])"},
      {"{{=1 +\n1}}", "2"},
      {"{{=toJson('test')}}", "\"test\""},
      {"{{=toJson({test: 1})}}", R"({"test":1})"},
      {"{{=now().Year()}}", "2023"},
      {"{{=toJson(inputs.parameters)}}", R"({"none":null,"which":"x","x":"X"})"},
      {"{{inputs.parameters.{{='x'}}}}", "X"},
      {"{{=steps.skipped.outputs.result ?? 'none'}}", "none"},
      {"{{=inputs.parameters.nope ?? 'none'}}", "none"},
      // who is not known stays
      {"{{=retries}} {{=asInt(lastRetry.exitCode) + 1}} {{=item}}",
       "{{=retries}} {{=asInt(lastRetry.exitCode) + 1}} {{=item}}"},
      {"{{ = x}}", "{{ = x}}"},
      // everything else is an error
      {"{{=inputs.parameters.nope}}",
       "render: failed to evaluate expression: inputs.parameters.nope is missing (1:1)"},
      {"{{=inputs.parameters.x + 1}}",
       "render: failed to evaluate expression: invalid operation: string + int (1:21)"},
      {"{{=steps.skipped.outputs.result}}",
       "render: failed to evaluate expression \"steps.skipped.outputs.result\": the result is nil"},
      {"x {{=1 +}} y",
       "parse: invalid expression in the tag at offset 2: `{{=1 +}} y`: unexpected token "
       "EOF (1:3)"},
      {"{{='{{inputs.parameters.x}}'}}",
       "parse: invalid expression in the tag at offset 0: `{{='{{inputs.parameters.x}}'}}`: "
       "literal not "
       "terminated (1:23); a variable stands in an expression without braces"},
      {"{{=", "parse: Cannot find end tag=\"}}\" of the tag at offset 0: `{{=`"},
      {"{{={a: {b: 1}}}}",
       "parse: invalid expression in the tag at offset 0: `{{={a: {b: 1}}}}`: unexpected "
       "token EOF (1:9)"},
      {"{{={a: {b: 1} } }}", R"({"a":{"b":1}})"},
  };
  for (const auto& [source, expected] : cases) EXPECT_EQ(evaluated(source), expected) << source;
  EXPECT_EQ(Text::parse("{{=inputs.parameters.nope}}")->render(scope).error().code, Code::NotFound);
}

// A scope that knows nothing but values: members that it does not know are nil, behind the first
// names that Argo has.
TEST(Text, EvaluatesExpressionsInAPlainScope) {
  EXPECT_EQ(rendered("{{=inputs.parameters.x}}"), "X");
  EXPECT_EQ(rendered("{{=inputs.parameters.nope ?? inputs.parameters.empty}}"), "");
  EXPECT_EQ(rendered("{{=steps.nope.outputs.result ?? 'd'}}"), "d");
  EXPECT_EQ(rendered("{{=nope.x ?? 'd'}}"), "{{=nope.x ?? 'd'}}");
  EXPECT_EQ(rendered("{{=now()}}"),
            "render: failed to evaluate expression: the time is not known here (1:1)");
}

TEST(Text, LimitsNesting) {
  const auto nested = [](int depth) {
    std::string text;
    for (int i = 0; i < depth; ++i) text += "{{a";
    for (int i = 0; i < depth; ++i) text += "}}";
    return text;
  };
  EXPECT_EQ(rendered(nested(Text::kMaxNesting)), nested(Text::kMaxNesting));
  EXPECT_THAT(rendered(nested(Text::kMaxNesting + 1)),
              HasSubstr("nest more than 16 deep at offset 48"));
  EXPECT_THAT(rendered(nested(500'000)), HasSubstr("nest more than 16 deep"));
}

TEST(Text, LiteralsHaveNoTags) {
  EXPECT_TRUE(Text().is_literal());
  EXPECT_TRUE(Text().empty());
  EXPECT_TRUE(Text::parse("a }} b")->is_literal());
  EXPECT_FALSE(Text::parse("{{x}}")->is_literal());
  const Text text = Text::literal("{{inputs.parameters.x}} {{");
  EXPECT_TRUE(text.is_literal());
  EXPECT_EQ(*text.render(kScope), "{{inputs.parameters.x}} {{");
  EXPECT_EQ(text.source(), "{{inputs.parameters.x}} {{");
  EXPECT_EQ(text.single_reference(), std::nullopt);
}

TEST(Text, SingleReference) {
  EXPECT_EQ(Text::parse("{{steps.a.outputs.parameters.x}}")->single_reference(),
            "steps.a.outputs.parameters.x");
  EXPECT_EQ(Text::parse("{{ a }}")->single_reference(), "a");
  for (const char* source :
       {"{{=a}}", "", "a", " {{a}}", "{{a}} ", "{{a}}{{b}}", "{{a{{b}}}}", "x{{a}}"}) {
    EXPECT_EQ(Text::parse(source)->single_reference(), std::nullopt) << source;
  }
}

TEST(Text, VisitsReferences) {
  EXPECT_THAT(references("plain"), ElementsAre());
  EXPECT_THAT(references("{{ a }}{{b.c}}{{}}"), ElementsAre("a", "b.c", ""));
  EXPECT_THAT(references("{{x.{{ y }}.{{z}}}}{{w}}"), ElementsAre("y", "z", "w"));
  EXPECT_THAT(references("{{=a.b + steps['x y'].outputs.result}}"),
              ElementsAre("a.b", "steps.x y.outputs.result"));
  EXPECT_THAT(references("{{=a.b ?? c.d}}{{=toJson(steps.x.outputs)}}{{=keys(tasks.x)}}"),
              ElementsAre("c.d"));

  std::vector<std::string> all;
  const auto text = Text::parse("{{a}}{{=b.c ?? d.e}}");
  text->for_each_reference([&](const Reference& reference) {
    all.push_back(std::string(reference.name) + (reference.expression ? "=" : "") +
                  (reference.guarded ? "?" : ""));
  });
  EXPECT_THAT(all, ElementsAre("a", "b.c=?", "d.e="));
}

TEST(Text, KnownPrefixes) {
  for (const char* name : {"inputs.x", "workflow.x", "steps.x", "tasks.x", "item.x", "pod.name"}) {
    EXPECT_TRUE(has_known_prefix(name)) << name;
  }
  for (const char* name :
       {"", "inputs", "input.x", "item", "outputs.x", "retries", "lastRetry.status", "node.name",
        "workflow.scheduledTime", " inputs.x"}) {
    EXPECT_FALSE(has_known_prefix(name)) << name;
  }
}

// A text whose tags nobody knows comes out as it went in, and parsing takes one look at each byte.
TEST(Text, RandomTextsStayOrFail) {
  const MapScope nothing = {};
  std::mt19937 random(7);
  constexpr std::string_view kAlphabet = "{{{{}}}} a.\n";
  int parsed = 0;
  for (int round = 0; round < 5'000; ++round) {
    std::string source;
    for (std::size_t length = random() % 40; length > 0; --length)
      source += kAlphabet[random() % kAlphabet.size()];
    const auto text = Text::parse(source);
    if (!text) continue;
    ++parsed;
    EXPECT_EQ(text->source(), source);
    EXPECT_EQ(*text->render(nothing), source);
    EXPECT_EQ(*Text::parse(*text->render(nothing))->render(nothing), source);
  }
  EXPECT_GT(parsed, 1'000);
}

TEST(Text, LongTextsAreLinear) {
  std::string tags, braces;
  for (int i = 0; i < 300'000; ++i) tags += "{{item}} ";
  EXPECT_EQ(rendered(tags).size(), 600'000u);
  EXPECT_EQ(rendered("{{" + std::string(4'000'000, '{') + "}}}}").size(), 4'000'006u);
  EXPECT_THAT(rendered("{{" + std::string(4'000'000, '}')), testing::SizeIs(4'000'002));
  for (int i = 0; i < 300'000; ++i) braces += "{{a{{b}}";  // every other one stays open
  EXPECT_THAT(rendered(braces), HasSubstr("nest more than 16 deep"));
}

}  // namespace
}  // namespace gantry::workflow
