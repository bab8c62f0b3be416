#include "daemon/store_list.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <variant>
#include <vector>

#include "daemon/labels.h"
#include "daemon/store_rows.h"

namespace gantry::rows {
namespace {

using Operator = api::LabelTerm::Operator;

/// Runs that a page looks at before it ends unfilled: some 20 ms.
constexpr std::int64_t kMaxExamined = 20'000;
/// More matches than this are not counted, and not sorted by name.
constexpr std::int64_t kMaxCounted = 10'000;

/// A piece of SQL with its values, in order.
struct Piece {
  std::string sql;
  std::vector<std::variant<std::int64_t, std::string>> values;

  Piece& add(std::string_view text) {
    sql += text;
    return *this;
  }
  Piece& add(std::string_view text, std::string value) {
    values.emplace_back(std::move(value));
    return add(text);
  }
  Piece& add(std::string_view text, std::int64_t value) {
    values.emplace_back(value);
    return add(text);
  }
  Piece& add(const Piece& other) {
    values.insert(values.end(), other.values.begin(), other.values.end());
    return add(other.sql);
  }
  /// ` AND condition`, but for the first.
  Piece& also(const Piece& condition) {
    if (!sql.empty()) add(" AND ");
    return add(condition);
  }
};

Result<Statement> prepare(Database& database, const Piece& piece) {
  auto statement = database.prepare_once(piece.sql);
  if (!statement) return statement;
  int index = 0;
  for (const auto& value : piece.values) {
    if (const auto* integer = std::get_if<std::int64_t>(&value)) {
      statement->bind(++index, *integer);
    } else {
      statement->bind(++index, std::string_view(std::get<std::string>(value)));
    }
  }
  return statement;
}

Piece one_of(std::string_view column, const std::vector<std::string>& values) {
  Piece piece;
  piece.add(column).add(" IN (");
  for (std::size_t i = 0; i < values.size(); ++i) piece.add(i == 0 ? "?" : ", ?", values[i]);
  return std::move(piece.add(")"));
}

std::int64_t millis(Time time) { return time.time_since_epoch().count(); }

// ---- what is asked of each run ----

/// A term on the labels that the daemon sets, as the phases that satisfy it.
std::vector<std::string> phases_of(const api::LabelTerm& term) {
  constexpr std::array kAll{engine::RunPhase::Pending, engine::RunPhase::Running, engine::RunPhase::Succeeded,
                            engine::RunPhase::Failed, engine::RunPhase::Error};
  std::vector<std::string> phases;
  for (const engine::RunPhase phase : kAll) {
    if (matches({term}, all_labels({}, {.phase = phase}))) phases.emplace_back(engine::run_phase_name(phase));
  }
  return phases;
}

bool is_ours(const api::LabelTerm& term) { return term.key == kPhaseLabel || term.key == kCompletedLabel; }

Piece label_condition(const api::LabelTerm& term) {
  const bool negative = term.op == Operator::NotIn || term.op == Operator::NotExists;
  Piece piece;
  piece.add(negative ? "NOT EXISTS (" : "EXISTS (");
  piece.add("SELECT 1 FROM run_labels l WHERE l.run_id = r.id AND l.key = ?", term.key);
  if (term.op == Operator::In || term.op == Operator::NotIn) piece.also(one_of("l.value", term.values));
  return std::move(piece.add(")"));
}

/// Every name that begins with `prefix` is at or after it and before this; "" when none is.
std::string after_prefix(std::string prefix) {
  while (!prefix.empty() && static_cast<unsigned char>(prefix.back()) == 0xff) prefix.pop_back();
  if (!prefix.empty()) prefix.back() = static_cast<char>(static_cast<unsigned char>(prefix.back()) + 1);
  return prefix;
}

// ---- where runs come from ----

/// An index of runs, asked for one value or several: each gives runs in the order of the list.
struct Source {
  std::string from;  ///< FROM clause, the run is r, or l of its labels
  std::string place = "(r.created, r.id)";
  bool has_run = true;  ///< false: r must be joined
  std::vector<Piece> branches;  ///< conditions; no run fits two of them
  std::size_t answers = 0;      ///< which of the query's conditions it answers
};

/// The query, taken apart.
struct Question {
  std::vector<Piece> conditions;  ///< each of a run
  std::vector<Source> sources;    ///< at least one
};

Question question_of(const api::ListQuery& query) {
  Question question;
  constexpr std::size_t kNothing = ~std::size_t{0};
  auto next = [&] { return question.conditions.size(); };

  if (!query.name_filter.empty() && query.name_match != api::ListQuery::NameMatch::Contains) {
    Source source{.from = "runs r INDEXED BY runs_by_name", .answers = next()};
    Piece range;
    if (query.name_match == api::ListQuery::NameMatch::Exact) {
      range.add("r.name = ?", query.name_filter);
    } else {
      range.add("r.name >= ?", query.name_filter);
      if (std::string end = after_prefix(query.name_filter); !end.empty()) range.add(" AND r.name < ?", end);
    }
    source.branches.push_back(range);
    question.conditions.push_back(std::move(range));
    question.sources.push_back(std::move(source));
  } else if (!query.name_filter.empty()) {
    question.conditions.push_back(Piece().add("instr(r.name, ?) > 0", query.name_filter));
  }
  for (const api::LabelTerm& term : query.labels) {
    if (is_ours(term)) {
      const auto phases = phases_of(term);
      Source source{.from = "runs r INDEXED BY runs_by_phase", .answers = next()};
      for (const std::string& phase : phases) source.branches.push_back(Piece().add("r.phase = ?", phase));
      question.conditions.push_back(one_of("r.phase", phases));
      if (!phases.empty()) question.sources.push_back(std::move(source));
    } else {
      if (term.op == Operator::In && !term.values.empty()) {
        Source source{.from = "run_labels l", .place = "(l.created, l.run_id)", .has_run = false, .answers = next()};
        auto values = term.values;
        std::sort(values.begin(), values.end());
        values.erase(std::unique(values.begin(), values.end()), values.end());
        for (const std::string& value : values) {
          source.branches.push_back(Piece().add("l.key = ?", term.key).add(" AND l.value = ?", value));
        }
        question.sources.push_back(std::move(source));
      }
      question.conditions.push_back(label_condition(term));
    }
  }
  if (query.finished_before) question.conditions.push_back(Piece().add("r.finished < ?", millis(*query.finished_before)));
  if (!query.name_space.empty()) {
    Source source{.from = "runs r INDEXED BY runs_of_namespace", .answers = next()};
    source.branches.push_back(Piece().add("r.namespace = ?", query.name_space));
    question.conditions.push_back(source.branches.front());
    question.sources.push_back(std::move(source));
  } else {
    question.sources.push_back(
        {.from = "runs r INDEXED BY runs_by_creation", .branches = {Piece().add("1")}, .answers = kNothing});
  }
  return question;
}

/// How many runs a source has, at most kMaxCounted.
Result<std::int64_t> count(Database& database, const Source& source) {
  std::int64_t sum = 0;
  for (const Piece& branch : source.branches) {
    Piece piece;
    piece.add("SELECT count(*) FROM (SELECT 1 FROM " + source.from + " WHERE ").add(branch);
    piece.add(" LIMIT ?)", kMaxCounted);
    auto rows = prepare(database, piece);
    if (!rows) return fail(std::move(rows.error()));
    if (auto row = rows->step(); !row) return fail(std::move(row.error()));
    sum += rows->integer(0);
  }
  return std::min(sum, kMaxCounted);
}

Result<Source> best_source(Database& database, std::vector<Source> sources) {
  // The last is always there, and is the one that is read in order without knowing more.
  if (sources.size() == 1) return std::move(sources.front());
  std::size_t best = sources.size() - 1;
  std::int64_t fewest = kMaxCounted;
  for (std::size_t i = 0; i + 1 < sources.size(); ++i) {
    auto has = count(database, sources[i]);
    if (!has) return fail(std::move(has.error()));
    const bool sorts = sources[i].from.ends_with("runs_by_name");
    if (*has < fewest || (*has == fewest && best + 1 == sources.size() && !sorts)) {
      best = i;
      fewest = *has;
    }
  }
  return std::move(sources[best]);
}

/// All runs of the source from the page's start on: created, id, and whether it fits.
Piece candidates(const api::ListQuery& query, const Question& question, const Source& source,
                 const std::optional<std::pair<std::int64_t, std::int64_t>>& after) {
  Piece fits;
  for (std::size_t i = 0; i < question.conditions.size(); ++i) {
    if (i != source.answers) fits.also(question.conditions[i]);
  }
  const bool joins = !source.has_run && !fits.sql.empty();
  if (fits.sql.empty()) fits.add("1");
  const std::string created = source.has_run ? "r.created" : "l.created";
  const std::string id = source.has_run ? "r.id" : "l.run_id";
  Piece all;
  for (const Piece& branch : source.branches) {
    if (!all.sql.empty()) all.add(" UNION ALL ");
    all.add("SELECT " + created + ", " + id + ", (").add(fits).add(") FROM " + source.from);
    if (joins) all.add(" CROSS JOIN runs r ON r.id = l.run_id");
    all.add(" WHERE ").add(branch);
    if (query.created_after) all.add(" AND " + created + " > ?", millis(*query.created_after));
    if (after) {
      all.add(" AND " + source.place + " < (?", after->first);
      all.add(", ?)", after->second);
    }
  }
  return std::move(all.add(" ORDER BY 1 DESC, 2 DESC"));
}

/// A continue token is the place of the last run of a page: `<created>-<id>`.
Result<std::pair<std::int64_t, std::int64_t>> parse_token(const std::string& token) {
  std::int64_t created = 0, id = 0;
  const char* end = token.data() + token.size();
  auto first = std::from_chars(token.data(), end, created);
  if (first.ec == std::errc() && first.ptr != end && *first.ptr == '-') {
    auto second = std::from_chars(first.ptr + 1, end, id);
    if (second.ec == std::errc() && second.ptr == end) return std::pair(created, id);
  }
  return fail(Code::InvalidArgument, "the continue token \"" + token + "\" is not one of a list");
}

/// How many runs come after the page; 0 where that is not known cheaply (Kubernetes leaves it out, too).
Result<std::size_t> remaining(Database& database, const api::ListQuery& query, const Source& source,
                              const std::pair<std::int64_t, std::int64_t>& last) {
  std::int64_t sum = 0;
  for (const Piece& branch : source.branches) {
    Piece piece;
    piece.add("SELECT count(*) FROM (SELECT 1 FROM " + source.from + " WHERE ").add(branch);
    if (query.created_after) piece.add(" AND r.created > ?", millis(*query.created_after));
    piece.add(" AND " + source.place + " < (?", last.first).add(", ?)", last.second);
    piece.add(" LIMIT ?)", kMaxCounted + 1);
    auto rows = prepare(database, piece);
    if (!rows) return fail(std::move(rows.error()));
    if (auto row = rows->step(); !row) return fail(std::move(row.error()));
    sum += rows->integer(0);
  }
  return sum > kMaxCounted ? 0 : static_cast<std::size_t>(sum);
}

}  // namespace

Result<Store::Page> list(Database& database, const api::ListQuery& query) {
  std::optional<std::pair<std::int64_t, std::int64_t>> after;
  if (!query.continue_token.empty()) {
    auto place = parse_token(query.continue_token);
    if (!place) return fail(std::move(place.error()));
    after = *place;
  }
  Question question = question_of(query);
  auto source = best_source(database, std::move(question.sources));
  if (!source) return fail(std::move(source.error()));
  auto rows = prepare(database, candidates(query, question, *source, after));
  if (!rows) return fail(std::move(rows.error()));

  Store::Page page;
  std::vector<std::int64_t> ids;
  std::pair<std::int64_t, std::int64_t> last;  // of the page, or the last that was looked at
  bool ends_early = false;
  for (std::int64_t examined = 0;; ++examined) {
    auto more = rows->step();
    if (!more) return fail(std::move(more.error()));
    if (!*more) break;
    const bool fits = rows->integer(2) != 0;
    ends_early = query.limit != 0 && (fits ? ids.size() == query.limit : examined >= kMaxExamined);
    if (ends_early) break;
    if (fits) ids.push_back(rows->integer(1));
    if (fits || ids.size() < query.limit) last = {rows->integer(0), rows->integer(1)};
  }
  if (ends_early) {
    page.continue_token = std::to_string(last.first) + "-" + std::to_string(last.second);
    // Only where the index itself is the answer.
    const bool counts = source->has_run && question.conditions.size() == (source->answers < question.conditions.size());
    if (counts) {
      auto left = remaining(database, query, *source, last);
      if (!left) return fail(std::move(left.error()));
      page.remaining = *left;
    }
  }
  for (const std::int64_t id : ids) {
    auto run = by_id(database, id, query.with_nodes);
    if (!run) return fail(std::move(run.error()));
    if (*run) page.runs.push_back(std::move(**run));
  }
  return page;
}

}  // namespace gantry::rows
