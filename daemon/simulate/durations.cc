#include "daemon/simulate/durations.h"

#include <algorithm>
#include <charconv>
#include <vector>

#include "base/ids.h"
#include "workflow/document.h"
#include "workflow/quantity.h"
#include "workflow/suggestion.h"

namespace gantry::simulate {
namespace {

std::vector<std::string_view> words(std::string_view text) {
  std::vector<std::string_view> found;
  while (true) {
    const std::size_t begin = text.find_first_not_of(' ');
    if (begin == std::string_view::npos) return found;
    text.remove_prefix(begin);
    found.push_back(text.substr(0, text.find(' ')));
    text.remove_prefix(found.back().size());
  }
}

Duration milliseconds(double value) { return Duration(std::max<std::int64_t>(0, std::llround(value))); }

}  // namespace

Result<Distribution> Distribution::parse(std::string_view text) {
  const auto wrong = [&] {
    std::string quoted = "\"";
    quoted.append(text).append("\" is no duration: expected `90s`, `uniform 10s 2m`, `normal 60s 10s` or `exponential 30s`");
    return fail(Code::InvalidArgument, std::move(quoted));
  };
  std::vector<std::string_view> parts = words(text);
  if (parts.empty()) return wrong();
  Distribution made;
  std::size_t durations = 1;
  if (parts[0] == "uniform" || parts[0] == "normal") {
    made.kind_ = parts[0] == "uniform" ? Kind::Uniform : Kind::Normal;
    durations = 2;
    parts.erase(parts.begin());
  } else if (parts[0] == "exponential") {
    made.kind_ = Kind::Exponential;
    parts.erase(parts.begin());
  }
  if (parts.size() != durations) return wrong();
  for (std::size_t i = 0; i < durations; ++i) {
    const auto value = workflow::parse_duration_or_seconds(parts[i]);
    if (!value || value->count() < 0) return wrong();
    (i == 0 ? made.a_ : made.b_) = *value;
  }
  if (made.kind_ == Kind::Uniform && made.b_ < made.a_) return wrong();
  return made;
}

Duration Distribution::draw(std::uint64_t seed) const {
  if (kind_ == Kind::Constant) return a_;
  std::mt19937_64 random(seed);
  const auto a = static_cast<double>(a_.count()), b = static_cast<double>(b_.count());
  switch (kind_) {
    case Kind::Uniform: return milliseconds(std::uniform_real_distribution<>(a, b)(random));
    case Kind::Normal: return milliseconds(b == 0 ? a : std::normal_distribution<>(a, b)(random));
    case Kind::Exponential: return milliseconds(a == 0 ? 0 : std::exponential_distribution<>(1 / a)(random));
    case Kind::Constant: break;
  }
  return a_;
}

Durations Durations::all(Distribution distribution) {
  Durations durations;
  durations.entries_["*"].duration = distribution;
  return durations;
}

Durations Durations::parse(std::string_view yaml, workflow::Diagnostics& diagnostics) {
  using workflow::Node;
  Durations durations;
  const workflow::Document document = workflow::Document::parse_yaml(yaml, {}, diagnostics);
  if (diagnostics.has_errors() || document.roots().empty()) return durations;
  const Node& root = *document.roots().front();
  if (!root.is_map()) {
    diagnostics.error(root.at, "expected a map of steps or templates, found " + std::string(workflow::kind_name(root)));
    return durations;
  }
  const auto distribution = [&](const Node& node, Entry& entry) {
    const auto parsed = Distribution::parse(node.is_scalar() ? node.text : workflow::kind_name(node));
    if (parsed) {
      entry.duration = *parsed;
    } else {
      diagnostics.error(node.at, parsed.error().message);
    }
  };
  for (const Node::Entry& named : root.entries) {
    Entry& entry = durations.entries_[std::string(named.key)];
    if (!named.value->is_map()) {
      distribution(*named.value, entry);
      continue;
    }
    for (const Node::Entry& field : named.value->entries) {
      const Node& value = *field.value;
      if (field.key == "duration") {
        distribution(value, entry);
      } else if (field.key == "result") {
        entry.result = value.text;
      } else if (field.key == "exitCode") {
        const auto [end, error] = std::from_chars(value.text.data(), value.text.data() + value.text.size(), entry.exit_code);
        if (error != std::errc() || end != value.text.data() + value.text.size()) {
          diagnostics.error(value.at, "exitCode: expected a number, found " + std::string(workflow::kind_name(value)));
        }
      } else if (field.key == "outputs" && value.is_map()) {
        for (const Node::Entry& output : value.entries) entry.outputs[std::string(output.key)] = output.value->text;
      } else {
        constexpr std::string_view kFields[] = {"duration", "exitCode", "outputs", "result"};
        diagnostics.error(field.at, "unknown field \"" + std::string(field.key) + "\"" +
                                        workflow::did_you_mean(field.key, kFields));
      }
    }
  }
  return durations;
}

const Durations::Entry* Durations::find(std::string_view name) const {
  const auto found = entries_.find(name);
  return found == entries_.end() ? nullptr : &found->second;
}

runtime::Script Durations::script(std::string_view step, std::string_view tmpl, std::string_view identity,
                                  std::uint64_t seed) const {
  runtime::Script script;
  const Entry* entry = find(step);
  if (entry == nullptr) entry = find(tmpl);
  if (entry == nullptr) entry = find("*");
  if (entry == nullptr) return script;
  script.run = entry->duration.draw(seed * 0x9e3779b97f4a7c15u + fnv32a(identity));
  script.exit_code = entry->exit_code;
  script.stdout_text = entry->result;
  script.outputs = entry->outputs;
  return script;
}

}  // namespace gantry::simulate
