#include "workflow/suggestion.h"

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

namespace gantry::workflow {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

/// Restricted Damerau-Levenshtein distance in half edits, or `limit + 1` when it is beyond `limit`.
std::size_t distance(std::string_view a, std::string_view b, std::size_t limit) {
  const std::size_t apart = a.size() > b.size() ? a.size() - b.size() : b.size() - a.size();
  if (2 * apart > limit) return limit + 1;
  std::vector<std::size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = 2 * j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = 2 * i;
    std::size_t best = row[0];
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replace = a[i - 1] == b[j - 1]                 ? 0
                                  : lower(a[i - 1]) == lower(b[j - 1]) ? 1
                                                                       : 2;
      row[j] = std::min({last[j] + 2, row[j - 1] + 2, last[j - 1] + replace});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before[j - 2] + 2);
      best = std::min(best, row[j]);
    }
    if (best > limit) return limit + 1;
    std::swap(before, last);
    std::swap(last, row);
  }
  return std::min(last[b.size()], limit + 1);
}

}  // namespace

std::string_view nearest(std::string_view name, std::span<const std::string_view> names) {
  // Names longer than this are not typed by hand.
  constexpr std::size_t kLongest = 256;
  if (name.empty() || name.size() > kLongest) return {};
  std::size_t limit = 2 * std::clamp<std::size_t>(name.size() / 3, 1, 3);
  std::string_view found;
  for (const std::string_view candidate : names) {
    if (candidate.empty() || candidate.size() > kLongest) continue;
    const std::size_t edits = distance(name, candidate, limit);
    if (edits > limit || edits == 0) continue;
    found = candidate;
    limit = edits - 1;
    if (limit == 0) break;
  }
  return found;
}

std::string did_you_mean(std::string_view name, std::span<const std::string_view> names) {
  const std::string_view near = nearest(name, names);
  return near.empty() ? std::string() : " (did you mean '" + std::string(near) + "'?)";
}

}  // namespace gantry::workflow
