// snakecase, camelcase and kebabcase: huandu/xstrings v1.5.0 convert.go.

#include <utf8proc.h>

#include "workflow/expr/go_text.h"
#include "workflow/expr/sprig.h"

namespace gantry::workflow::expr::sprig {
namespace {

bool is_connector(char32_t rune) { return rune == '-' || rune == '_' || is_space(rune); }
bool is_punct(char32_t rune) {
  const auto of = utf8proc_category(static_cast<utf8proc_int32_t>(rune));
  return of >= UTF8PROC_CATEGORY_PC && of <= UTF8PROC_CATEGORY_PO;
}
/// Letters that have no capital form do not count.
bool is_alphabet(char32_t rune) { return is_upper(rune) || is_lower(rune) || is_title(rune); }

struct Word {
  enum class Kind { None, Number, Upper, Alphabet, Connector, Punct, Other } kind = Kind::None;
  std::vector<char32_t> text;
};

/// Cuts a text into words; capitals begin a new one.
class Words {
 public:
  explicit Words(std::string_view text) : runes_(runes(text)) {}

  [[nodiscard]] bool done() const { return at_ == runes_.size(); }

  Word next() {
    if (done()) return {};
    const std::size_t begin = at_;
    const char32_t first = runes_[at_++];
    Word::Kind kind = Word::Kind::Other;
    if (is_connector(first)) {
      kind = Word::Kind::Connector;
      skip(is_connector);
    } else if (is_punct(first)) {
      kind = Word::Kind::Punct;
      skip(is_punct);
    } else if (is_upper(first)) {
      kind = Word::Kind::Upper;
      if (!done() && is_upper(runes_[at_])) {
        skip(is_upper);
        // The last capital belongs to the word that follows: HTTPServer is HTTP, Server.
        if (!done() && is_alphabet(runes_[at_])) --at_;
      } else {
        skip([](char32_t rune) { return is_alphabet(rune) && !is_upper(rune); });
      }
    } else if (is_alphabet(first)) {
      kind = Word::Kind::Alphabet;
      skip([](char32_t rune) { return is_alphabet(rune) && !is_upper(rune); });
    } else if (is_number(first)) {
      kind = Word::Kind::Number;
      skip(is_number);
    } else {
      skip([](char32_t rune) {
        return !is_connector(rune) && !is_alphabet(rune) && !is_number(rune) && !is_punct(rune);
      });
    }
    return {kind,
            {runes_.begin() + static_cast<std::ptrdiff_t>(begin),
             runes_.begin() + static_cast<std::ptrdiff_t>(at_)}};
  }

 private:
  template <class Test>
  void skip(const Test& test) {
    while (!done() && test(runes_[at_])) ++at_;
  }

  std::vector<char32_t> runes_;
  std::size_t at_ = 0;
};

class LowerCase {
 public:
  LowerCase(std::string_view text, char connector) : words_(text), connector_(connector) {}

  std::string run() {
    using K = Word::Kind;
    const auto is_joint = [](const Word& word) {
      return word.kind == K::None || word.kind == K::Connector || word.kind == K::Punct;
    };
    const auto is_tail = [](const Word& word) {
      return word.kind == K::Alphabet || word.kind == K::Number;
    };
    const auto write_tail = [&](Word& word) {
      for (; is_tail(word); word = words_.next()) write(word);
      if (!is_joint(word)) out_ += connector_;
    };
    Word word = words_.next();
    while (!words_.done()) {
      if (word.kind != K::Connector) write(word);
      const Word before = std::exchange(word, words_.next());
      switch (before.kind) {
        case K::Number:
          write_tail(word);
          break;
        case K::Connector:
          write(before);
          break;
        case K::Punct:
          break;
        default:
          if (word.kind != K::Number) {
            if (word.kind != K::Connector && word.kind != K::Punct) out_ += connector_;
            break;
          }
          if (words_.done()) break;
          const Word number = std::exchange(word, words_.next());
          if (word.kind != K::Alphabet) {
            write(number);
            if (word.kind != K::Connector && word.kind != K::Punct) out_ += connector_;
            break;
          }
          out_ += connector_;
          write(number);
          write_tail(word);
      }
    }
    write(word);
    return std::move(out_);
  }

 private:
  void write(const Word& word) {
    const bool lower = word.kind == Word::Kind::Upper || word.kind == Word::Kind::Connector;
    for (const char32_t rune : word.text) {
      if (lower && is_connector(rune)) {
        out_ += connector_;
      } else {
        append_rune(out_, lower && is_upper(rune) ? to_lower(rune) : rune);
      }
    }
  }

  Words words_;
  char connector_;
  std::string out_;
};

/// ToPascalCase.
std::string pascal_case(std::string_view text) {
  const std::vector<char32_t> all = runes(text);
  std::string out;
  std::size_t at = 0;
  while (at < all.size() && is_connector(all[at])) append_rune(out, all[at++]);
  if (at == all.size()) return out;
  bool word_began_upper = is_upper(all[at]);
  char32_t current = expr::to_upper(all[at++]);
  for (; at < all.size(); ++at) {
    const char32_t before = current;
    current = all[at];
    if (is_connector(current) && is_connector(before)) {
      append_rune(out, before);
      continue;
    }
    if (is_connector(before)) {
      word_began_upper = is_upper(current);
      current = expr::to_upper(current);
      continue;
    }
    if (word_began_upper) {
      if (is_upper(current)) {
        current = expr::to_lower(current);
      } else {
        word_began_upper = false;
      }
    }
    append_rune(out, before);
  }
  append_rune(out, current);
  return out;
}

}  // namespace

Value snakecase(Arguments args, Context& context) {
  return text_of(LowerCase(args[0].as_text(), '_').run(), context);
}
Value kebabcase(Arguments args, Context& context) {
  return text_of(LowerCase(args[0].as_text(), '-').run(), context);
}
Value camelcase(Arguments args, Context& context) {
  return text_of(pascal_case(args[0].as_text()), context);
}

}  // namespace gantry::workflow::expr::sprig
