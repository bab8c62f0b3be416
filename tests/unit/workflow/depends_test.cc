#include "workflow/depends.h"

#include <gmock/gmock.h>

#include <array>
#include <map>
#include <random>
#include <string>
#include <vector>

namespace gantry::workflow {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::array<std::string_view, 6> kTasks = {"a", "b", "c", "long-name", "a_1", "a-b-c"};

std::uint32_t resolve(std::string_view name) {
  for (std::uint32_t i = 0; i < kTasks.size(); ++i) {
    if (kTasks[i] == name) return i;
  }
  return 0xffffffffu;
}

/// What is true of the tasks: "a.Failed b.Skipped".
Depends::Ask facts(const std::string& text) {
  return [text](std::uint32_t task, TaskResult result) {
    constexpr std::array<const char*, 8> kNames = {"Succeeded",    "Failed",   "Errored",
                                                   "Skipped",      "Omitted",  "Daemoned",
                                                   "AnySucceeded", "AllFailed"};
    const std::string fact =
        std::string(kTasks[task]) + "." + kNames[static_cast<std::size_t>(result)];
    return (" " + text + " ").find(" " + fact + " ") != std::string::npos;
  };
}

std::string error_of(std::string_view source) {
  const auto depends = Depends::parse(source, resolve, kTasks);
  if (depends) return "no error";
  EXPECT_EQ(depends.error().code, Code::InvalidArgument);
  return depends.error().message;
}

TEST(Depends, Evaluates) {
  struct Case {
    const char* source;
    const char* facts;
    bool expected;
  };
  const Case cases[] = {
      {"a", "a.Succeeded", true},
      {"a", "a.Skipped", true},
      {"a", "a.Daemoned", true},
      {"a", "a.Omitted", false},
      {"a", "a.Failed", false},
      {"a", "a.Errored", false},
      {"a.Succeeded", "a.Skipped", false},
      {"a.Failed", "a.Failed", true},
      {"a.Errored", "a.Errored", true},
      {"a.Errored", "a.Failed", false},
      {"a.Skipped", "a.Skipped", true},
      {"a.Omitted", "a.Omitted", true},
      {"a.Daemoned", "a.Daemoned", true},
      {"a.AnySucceeded", "a.AnySucceeded", true},
      {"a.AllFailed", "a.AllFailed", true},
      {"a.AllFailed", "a.Failed", false},
      {"!a", "a.Succeeded", false},
      {"!a", "a.Failed", true},
      {"!!a", "a.Failed", false},
      {"! ! !a.Failed", "a.Failed", false},
      {"a && b", "a.Succeeded", false},
      {"a && b", "a.Succeeded b.Skipped", true},
      {"a || b", "b.Succeeded", true},
      {"a&&b||c", "c.Succeeded", true},
      {"a||b&&c", "a.Succeeded", true},  // && before ||
      {"(a||b)&&c", "a.Succeeded", false},
      {"!a.Failed&&b", "b.Succeeded", true},  // ! before &&
      {"!(a.Failed&&b)", "a.Failed b.Succeeded", false},
      {"a || b || c", "c.Daemoned", true},
      {"a && b && c", "a.Succeeded b.Succeeded", false},
      {" ( a )\t&& ( ( b.Failed ) || !c.Skipped ) ", "a.Succeeded", true},
      {"long-name.Failed || a_1", "a_1.Succeeded", true},
      {"a-b-c && a", "a-b-c.Succeeded a.Succeeded", true},
  };
  for (const Case& c : cases) {
    const auto depends = Depends::parse(c.source, resolve);
    ASSERT_TRUE(depends) << c.source << ": " << depends.error().message;
    EXPECT_EQ(depends->evaluate(facts(c.facts)), c.expected) << c.source << " with " << c.facts;
  }
}

TEST(Depends, SaysWhatIsWrongAndWhere) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "position 1: found the end of the expression, expected a task name, '(' or '!'"},
      {"  ", "position 3: found the end of the expression, expected a task name, '(' or '!'"},
      {"a &&", "position 5: found the end of the expression, expected a task name, '(' or '!'"},
      {"a & b", "position 3: found '&', expected '&&', '||' or the end of the expression"},
      {"a | b", "position 3: found '|', expected '&&', '||' or the end of the expression"},
      {"a b", "position 3: found 'b', expected '&&', '||' or the end of the expression"},
      {"a and b", "position 3: found 'and', expected '&&', '||' or the end of the expression"},
      {"&& a", "position 1: found '&&', expected a task name, '(' or '!'"},
      {"a && || b", "position 6: found '||', expected a task name, '(' or '!'"},
      {"(a", "position 3: found the end of the expression, expected '&&', '||' or ')'"},
      {"(a b)", "position 4: found 'b', expected '&&', '||' or ')'"},
      {"a)", "position 2: found ')', expected '&&', '||' or the end of the expression"},
      {"()", "position 2: found ')', expected a task name, '(' or '!'"},
      {"!", "position 2: found the end of the expression, expected a task name, '(' or '!'"},
      {"a!", "position 2: found '!', expected '&&', '||' or the end of the expression"},
      {"a == b", "position 3: found '=', expected '&&', '||' or the end of the expression"},
      {"a.",
       "position 3: found the end of the expression, expected a task result such as Succeeded"},
      {"a. Failed", "position 3: found ' ', expected a task result such as Succeeded"},
      {"a.Failed.Failed",
       "position 9: found '.', expected '&&', '||' or the end of the expression"},
      {"_a", "position 1: found '_a', expected a task name, '(' or '!'"},
      {"é", "position 1: found 'é', expected a task name, '(' or '!'"},
      {"a && é", "position 6: found 'é', expected a task name, '(' or '!'"},
      {"x", "dependency 'x' not defined (did you mean 'a'?)"},
      {"nothing-like-it", "dependency 'nothing-like-it' not defined"},
      {"long-nmae.Failed", "dependency 'long-nmae' not defined (did you mean 'long-name'?)"},
      {"a && Long-Name", "dependency 'Long-Name' not defined (did you mean 'long-name'?)"},
      {"a.Succeded", "task result 'Succeded' for task 'a' is invalid (did you mean 'Succeeded'?)"},
      {"a.succeeded",
       "task result 'succeeded' for task 'a' is invalid (did you mean 'Succeeded'?)"},
      {"a.Error", "task result 'Error' for task 'a' is invalid"},
      {"a.Whatever", "task result 'Whatever' for task 'a' is invalid"},
  };
  for (const auto& [source, expected] : cases)
    EXPECT_THAT(error_of(source), testing::StartsWith(expected)) << source;
  EXPECT_EQ(error_of("nothing-like-it"), "dependency 'nothing-like-it' not defined");
}

TEST(Depends, KnowsItsTasks) {
  EXPECT_THAT(Depends::parse("c && (a.Failed || c.Skipped) && !a-b-c", resolve)->tasks(),
              ElementsAre(2, 0, 5));
  const auto depends =
      Depends::parse("b.AllFailed || a || b.AnySucceeded || c.AnySucceeded", resolve);
  EXPECT_THAT(depends->items_tasks(), ElementsAre(1, 2));
  EXPECT_THAT(Depends::parse("a && b.Failed", resolve)->items_tasks(), ElementsAre());
}

TEST(Depends, AllOf) {
  const auto accepts = [](std::uint32_t task) {
    return Depends::Accepts{.failed = task == 1, .error = task == 2};
  };
  const Depends none = Depends::all_of({}, accepts);
  EXPECT_TRUE(none.evaluate(facts("")));
  EXPECT_THAT(none.tasks(), ElementsAre());
  const Depends all = Depends::all_of({0, 1, 2, 1}, accepts);
  EXPECT_THAT(all.tasks(), ElementsAre(0, 1, 2));
  const std::pair<const char*, bool> cases[] = {
      {"a.Succeeded b.Succeeded c.Succeeded", true},
      {"a.Skipped b.Daemoned c.Succeeded", true},
      {"a.Failed b.Succeeded c.Succeeded", false},
      {"a.Succeeded b.Failed c.Succeeded", true},
      {"a.Succeeded b.Errored c.Succeeded", false},
      {"a.Succeeded b.Succeeded c.Errored", true},
      {"a.Succeeded b.Succeeded c.Failed", false},
      {"a.Succeeded b.Succeeded c.Omitted", false},
      {"a.Succeeded b.Succeeded", false},
  };
  for (const auto& [known, expected] : cases)
    EXPECT_EQ(all.evaluate(facts(known)), expected) << known;
}

TEST(Depends, LimitsBrackets) {
  const auto nested = [](int depth, const std::string& inside) {
    return std::string(static_cast<std::size_t>(depth), '(') + inside +
           std::string(static_cast<std::size_t>(depth), ')');
  };
  EXPECT_TRUE(
      Depends::parse(nested(Depends::kMaxDepth, "a"), resolve)->evaluate(facts("a.Succeeded")));
  EXPECT_EQ(error_of(nested(Depends::kMaxDepth + 1, "a")),
            "position 65: brackets nest more than 64 deep");
  EXPECT_THAT(error_of(std::string(1'000'000, '(')), HasSubstr("brackets nest more than 64 deep"));
  // As many values on the stack as there can be: both sides of || and && wait on every level.
  std::string deepest;
  for (int i = 0; i < Depends::kMaxDepth; ++i) deepest += "b || c && (";
  deepest += "b || c && a" + std::string(Depends::kMaxDepth, ')');
  EXPECT_TRUE(Depends::parse(deepest, resolve)->evaluate(facts("a.Succeeded c.Succeeded")));
  EXPECT_FALSE(Depends::parse(deepest, resolve)->evaluate(facts("c.Succeeded")));
}

TEST(Depends, LongSourcesAreLinear) {
  std::string chain = "a", nots;
  for (int i = 0; i < 200'000; ++i) chain += i % 2 == 0 ? " && b" : " || c.Failed";
  nots.assign(1'000'001, '!');
  EXPECT_THAT(Depends::parse(chain, resolve)->tasks(), ElementsAre(0, 1, 2));
  EXPECT_FALSE(Depends::parse(nots + "a", resolve)->evaluate(facts("a.Succeeded")));
  std::vector<std::uint32_t> many(100'000);
  for (std::uint32_t i = 0; i < many.size(); ++i) many[i] = i;
  const Depends all = Depends::all_of(many, [](std::uint32_t) { return Depends::Accepts{}; });
  EXPECT_TRUE(
      all.evaluate([](std::uint32_t, TaskResult result) { return result == TaskResult::Skipped; }));
}

/// A second, slower reading of the same language, straight from its grammar.
class Reading {
 public:
  Reading(std::string source, Depends::Ask ask)
      : source_(std::move(source)), ask_(std::move(ask)) {}
  bool value() { return either(); }

 private:
  bool either() {
    bool value = both();
    while (source_.compare(at_, 2, "||") == 0) {
      at_ += 2;
      const bool right = both();
      value = value || right;
    }
    return value;
  }
  bool both() {
    bool value = one();
    while (source_.compare(at_, 2, "&&") == 0) {
      at_ += 2;
      const bool right = one();
      value = value && right;
    }
    return value;
  }
  bool one() {
    if (source_[at_] == '!') return ++at_, !one();
    if (source_[at_] == '(') {
      ++at_;
      const bool value = either();
      ++at_;
      return value;
    }
    const std::uint32_t task = resolve(source_.substr(at_, 1));
    at_ += 1;
    if (source_.compare(at_, 7, ".Failed") == 0) return at_ += 7, ask_(task, TaskResult::Failed);
    return ask_(task, TaskResult::Succeeded) || ask_(task, TaskResult::Skipped) ||
           ask_(task, TaskResult::Daemoned);
  }
  std::string source_;
  Depends::Ask ask_;
  std::size_t at_ = 0;
};

std::string random_expression(std::mt19937& random, int depth) {
  const auto again = [&] { return random_expression(random, depth - 1); };
  switch (depth <= 0 ? 0 : random() % 6) {
    case 1:
      return std::string("!").append(again());
    case 2:
      return std::string("(").append(again()).append(")");
    case 3:
      return again() + "&&" + again();
    case 4:
      return again() + "||" + again();
    default:
      return std::string(1, "abc"[random() % 3]) + (random() % 2 == 0 ? "" : ".Failed");
  }
}

TEST(Depends, AgreesWithAnotherReading) {
  std::mt19937 random(11);
  for (int round = 0; round < 1'000; ++round) {
    const std::string source = random_expression(random, 6);
    const auto depends = Depends::parse(source, resolve);
    ASSERT_TRUE(depends) << source << ": " << depends.error().message;
    for (const char* known : {"", "a.Succeeded", "b.Failed", "a.Failed b.Skipped",
                              "a.Succeeded b.Succeeded c.Failed"}) {
      EXPECT_EQ(depends->evaluate(facts(known)), Reading(source, facts(known)).value())
          << source << " with " << known;
    }
  }
}

TEST(Depends, RandomTextsDoNoHarm) {
  std::mt19937 random(13);
  constexpr std::array<std::string_view, 16> kWords = {
      "a", "b", "(", ")", "!",       "&&",         "||",   ".",
      " ", "&", "|", "-", ".Failed", ".Succeeded", "\xff", "long-name"};
  int parsed = 0;
  int succeeded = 0;
  for (int round = 0; round < 10'000; ++round) {
    std::string source;
    for (std::size_t words = random() % 10; words > 0; --words)
      source += kWords[random() % kWords.size()];
    const auto depends = Depends::parse(source, resolve, kTasks);
    if (!depends) {
      EXPECT_FALSE(depends.error().message.empty());
      continue;
    }
    ++parsed;
    const auto never = [](std::uint32_t, TaskResult) { return false; };
    succeeded += depends->evaluate(facts("a.Succeeded")) != depends->evaluate(never);
  }
  EXPECT_GT(parsed, 200);
  EXPECT_GT(succeeded, 20);
}

}  // namespace
}  // namespace gantry::workflow
