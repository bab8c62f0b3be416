#include "daemon/store_history.h"

#include <algorithm>
#include <limits>

namespace gantry::rows {
namespace {

/// What is in use; pages that deletions freed are used again before the file grows.
Result<std::int64_t> used_bytes(Database& database) {
  std::int64_t figures[3] = {};
  const char* questions[3] = {"PRAGMA page_count", "PRAGMA freelist_count", "PRAGMA page_size"};
  for (int i = 0; i < 3; ++i) {
    auto answer = database.query_integer(questions[i]);
    if (!answer) return answer;
    figures[i] = *answer;
  }
  return (figures[0] - figures[1]) * figures[2];
}

/// How many of the oldest go, whatever their age.
Result<std::int64_t> beyond_room(Database& database, const HistoryLimits& limits, std::int64_t most) {
  std::int64_t surplus = 0;
  if (limits.max_workflows > 0) {
    auto ended = database.query_integer("SELECT count(*) FROM runs INDEXED BY runs_by_end WHERE finished IS NOT NULL");
    if (!ended) return ended;
    surplus = *ended - limits.max_workflows;
  }
  if (limits.max_size > 0) {
    auto used = used_bytes(database);
    if (!used) return used;
    if (*used > limits.max_size) surplus = most;
  }
  return std::clamp(surplus, std::int64_t{0}, most);
}

}  // namespace

Result<std::vector<std::string>> surplus(Database& database, const HistoryLimits& limits, Time now, std::size_t most) {
  const auto at_most = static_cast<std::int64_t>(most);
  auto beyond = beyond_room(database, limits, at_most);
  if (!beyond) return fail(std::move(beyond.error()));
  const std::int64_t oldest = limits.max_age > Duration::zero() ? (now - limits.max_age).time_since_epoch().count()
                                                                : std::numeric_limits<std::int64_t>::min();
  auto rows = database.prepare(
      "SELECT uid, finished FROM runs INDEXED BY runs_by_end WHERE finished IS NOT NULL ORDER BY finished, id LIMIT ?");
  if (!rows) return fail(std::move(rows.error()));
  rows->bind({at_most});
  std::vector<std::string> uids;
  while (true) {
    auto more = rows->step();
    if (!more) return fail(std::move(more.error()));
    const bool goes = *more && (static_cast<std::int64_t>(uids.size()) < *beyond || rows->integer(1) < oldest);
    if (!goes) return uids;
    uids.push_back(rows->text(0));
  }
}

}  // namespace gantry::rows
