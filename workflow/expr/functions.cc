#include <algorithm>
#include <string>
#include <unordered_map>

#include "workflow/expr/builtins.h"
#include "workflow/expr/function.h"
#include "workflow/expr/methods.h"
#include "workflow/expr/sprig.h"

namespace gantry::workflow::expr {
namespace {

constexpr bool kVolatile = true;

constexpr Function kFunctions[] = {
    // expr-lang
    {"len", "a", builtins::len},
    {"type", "a", builtins::type},
    {"abs", "a", builtins::abs},
    {"ceil", "n", builtins::ceil},
    {"floor", "n", builtins::floor},
    {"round", "n", builtins::round},
    {"int", "a", builtins::to_int},
    {"float", "a", builtins::to_float},
    {"string", "a", builtins::to_string},
    {"trim", "s?s", builtins::trim},
    {"trimPrefix", "s?s", builtins::trim_prefix},
    {"trimSuffix", "s?s", builtins::trim_suffix},
    {"upper", "s", builtins::upper},
    {"lower", "s", builtins::lower},
    {"split", "ss?i", builtins::split},
    {"splitAfter", "ss?i", builtins::split_after},
    {"replace", "sss?i", builtins::replace},
    {"repeat", "si", builtins::repeat},
    {"join", "l?s", builtins::join},
    {"indexOf", "ss", builtins::index_of},
    {"lastIndexOf", "ss", builtins::last_index_of},
    {"hasPrefix", "ss", builtins::has_prefix},
    {"hasSuffix", "ss", builtins::has_suffix},
    {"max", "a*a", builtins::max},
    {"min", "a*a", builtins::min},
    {"mean", "a*a", builtins::mean},
    {"median", "a*a", builtins::median},
    {"toJSON", "a", builtins::to_json},
    {"fromJSON", "s", builtins::from_json},
    {"toBase64", "s", builtins::to_base64},
    {"fromBase64", "s", builtins::from_base64},
    {"now", "?z", builtins::now, kVolatile},
    {"duration", "s", builtins::duration},
    {"date", "a?aaa", builtins::date},
    {"timezone", "s", builtins::timezone},
    {"first", "a", builtins::first},
    {"last", "a", builtins::last},
    {"get", "aa", builtins::get},
    {"take", "li", builtins::take},
    {"keys", "m", builtins::keys},
    {"values", "m", builtins::values},
    {"toPairs", "m", builtins::to_pairs},
    {"fromPairs", "l", builtins::from_pairs},
    {"reverse", "l", builtins::reverse},
    {"uniq", "l", builtins::uniq},
    {"concat", "l*l", builtins::concat},
    {"flatten", "l", builtins::flatten},
    {"sort", "l?s", builtins::sort},
    {"bitand", "ii", builtins::bitand_},
    {"bitor", "ii", builtins::bitor_},
    {"bitxor", "ii", builtins::bitxor},
    {"bitnand", "ii", builtins::bitnand},
    {"bitnot", "i", builtins::bitnot},
    {"bitshl", "ii", builtins::bitshl},
    {"bitshr", "ii", builtins::bitshr},
    {"bitushr", "ii", builtins::bitushr},

    // Argo
    {"asInt", "a", builtins::to_int},
    {"asFloat", "a", builtins::to_float},
    {"toJson", "a", builtins::to_compact_json},
    {"jsonpath", "ss", builtins::json_path},

    // Methods of instants, durations and time zones
    {"time.Year", "t", methods::year},
    {"time.Month", "t", methods::month},
    {"time.Day", "t", methods::day},
    {"time.Hour", "t", methods::hour},
    {"time.Minute", "t", methods::minute},
    {"time.Second", "t", methods::second},
    {"time.Nanosecond", "t", methods::nanosecond},
    {"time.YearDay", "t", methods::year_day},
    {"time.Weekday", "t", methods::weekday},
    {"time.Unix", "t", methods::unix_seconds},
    {"time.UnixMilli", "t", methods::unix_milli},
    {"time.UnixMicro", "t", methods::unix_micro},
    {"time.UnixNano", "t", methods::unix_nano},
    {"time.Format", "ts", methods::format},
    {"time.String", "t", methods::text},
    {"time.Add", "td", methods::add},
    {"time.AddDate", "tiii", methods::add_date},
    {"time.Sub", "tt", methods::sub},
    {"time.Before", "tt", methods::before},
    {"time.After", "tt", methods::after},
    {"time.Equal", "tt", methods::equal},
    {"time.UTC", "t", methods::utc},
    {"time.In", "tz", methods::in},
    {"duration.Hours", "d", methods::hours},
    {"duration.Minutes", "d", methods::minutes},
    {"duration.Seconds", "d", methods::seconds},
    {"duration.Milliseconds", "d", methods::milliseconds},
    {"duration.Microseconds", "d", methods::microseconds},
    {"duration.Nanoseconds", "d", methods::nanoseconds},
    {"duration.String", "d", methods::text},
    {"duration.Round", "dd", methods::round},
    {"duration.Truncate", "dd", methods::truncate},
    {"zone.String", "z", methods::text},
    {"semver.Major", "s", sprig::semver_major},
    {"semver.Minor", "s", sprig::semver_minor},
    {"semver.Patch", "s", sprig::semver_patch},
    {"semver.Prerelease", "s", sprig::semver_prerelease},
    {"semver.Metadata", "s", sprig::semver_metadata},
    {"semver.String", "s", sprig::semver},

    // sprig: texts
    {"sprig.hello", "", sprig::hello},
    {"sprig.abbrev", "is", sprig::abbrev},
    {"sprig.abbrevboth", "iis", sprig::abbrevboth},
    {"sprig.trunc", "is", sprig::trunc},
    {"sprig.trim", "s", sprig::trim},
    {"sprig.upper", "s", sprig::upper},
    {"sprig.lower", "s", sprig::lower},
    {"sprig.title", "s", sprig::title},
    {"sprig.untitle", "s", sprig::untitle},
    {"sprig.substr", "iis", sprig::substr},
    {"sprig.repeat", "is", sprig::repeat},
    {"sprig.trimall", "ss", sprig::trim_all},
    {"sprig.trimAll", "ss", sprig::trim_all},
    {"sprig.trimSuffix", "ss", sprig::trim_suffix},
    {"sprig.trimPrefix", "ss", sprig::trim_prefix},
    {"sprig.nospace", "s", sprig::nospace},
    {"sprig.initials", "s", sprig::initials},
    {"sprig.swapcase", "s", sprig::swapcase},
    {"sprig.snakecase", "s", sprig::snakecase},
    {"sprig.camelcase", "s", sprig::camelcase},
    {"sprig.kebabcase", "s", sprig::kebabcase},
    {"sprig.wrap", "is", sprig::wrap},
    {"sprig.wrapWith", "iss", sprig::wrap_with},
    {"sprig.contains", "ss", sprig::contains},
    {"sprig.hasPrefix", "ss", sprig::has_prefix},
    {"sprig.hasSuffix", "ss", sprig::has_suffix},
    {"sprig.quote", "*a", sprig::quote},
    {"sprig.squote", "*a", sprig::squote},
    {"sprig.cat", "*a", sprig::cat},
    {"sprig.indent", "is", sprig::indent},
    {"sprig.nindent", "is", sprig::nindent},
    {"sprig.replace", "sss", sprig::replace},
    {"sprig.plural", "ssi", sprig::plural},
    {"sprig.toString", "a", sprig::to_string},
    {"sprig.split", "ss", sprig::split},
    {"sprig.splitn", "sis", sprig::splitn},
    {"sprig.splitList", "ss", sprig::split_list},
    {"sprig.toStrings", "a", sprig::to_strings},
    {"sprig.join", "sa", sprig::join},
    {"sprig.sortAlpha", "a", sprig::sort_alpha},
    {"sprig.fail", "s", sprig::fail},

    // sprig: numbers
    {"sprig.atoi", "s", sprig::atoi},
    {"sprig.int64", "a", sprig::to_int},
    {"sprig.int", "a", sprig::to_int},
    {"sprig.float64", "a", sprig::to_float},
    {"sprig.seq", "*i", sprig::seq},
    {"sprig.toDecimal", "a", sprig::to_decimal},
    {"sprig.until", "i", sprig::until},
    {"sprig.untilStep", "iii", sprig::until_step},
    {"sprig.add1", "a", sprig::add1},
    {"sprig.add", "*a", sprig::add},
    {"sprig.sub", "aa", sprig::sub},
    {"sprig.div", "aa", sprig::div},
    {"sprig.mod", "aa", sprig::mod},
    {"sprig.mul", "a*a", sprig::mul},
    {"sprig.add1f", "a", sprig::add1f},
    {"sprig.addf", "*a", sprig::addf},
    {"sprig.subf", "a*a", sprig::subf},
    {"sprig.divf", "a*a", sprig::divf},
    {"sprig.mulf", "a*a", sprig::mulf},
    {"sprig.biggest", "a*a", sprig::max},
    {"sprig.max", "a*a", sprig::max},
    {"sprig.min", "a*a", sprig::min},
    {"sprig.maxf", "a*a", sprig::maxf},
    {"sprig.minf", "a*a", sprig::minf},
    {"sprig.ceil", "a", sprig::ceil},
    {"sprig.floor", "a", sprig::floor},
    {"sprig.round", "ai?n", sprig::round},

    // sprig: lists
    {"sprig.tuple", "*a", sprig::list},
    {"sprig.list", "*a", sprig::list},
    {"sprig.append", "la", sprig::append},
    {"sprig.push", "la", sprig::append},
    {"sprig.mustAppend", "la", sprig::append},
    {"sprig.mustPush", "la", sprig::append},
    {"sprig.prepend", "la", sprig::prepend},
    {"sprig.mustPrepend", "la", sprig::prepend},
    {"sprig.first", "l", sprig::first},
    {"sprig.mustFirst", "l", sprig::first},
    {"sprig.rest", "l", sprig::rest},
    {"sprig.mustRest", "l", sprig::rest},
    {"sprig.last", "l", sprig::last},
    {"sprig.mustLast", "l", sprig::last},
    {"sprig.initial", "l", sprig::initial},
    {"sprig.mustInitial", "l", sprig::initial},
    {"sprig.reverse", "l", sprig::reverse},
    {"sprig.mustReverse", "l", sprig::reverse},
    {"sprig.uniq", "l", sprig::uniq},
    {"sprig.mustUniq", "l", sprig::uniq},
    {"sprig.without", "l*a", sprig::without},
    {"sprig.mustWithout", "l*a", sprig::without},
    {"sprig.has", "aa", sprig::has},
    {"sprig.mustHas", "aa", sprig::has},
    {"sprig.slice", "l*a", sprig::slice},
    {"sprig.mustSlice", "l*a", sprig::slice},
    {"sprig.concat", "*l", sprig::concat},
    {"sprig.chunk", "il", sprig::chunk},
    {"sprig.mustChunk", "il", sprig::chunk},
    {"sprig.compact", "l", sprig::compact},
    {"sprig.mustCompact", "l", sprig::compact},

    // sprig: maps
    {"sprig.dict", "*a", sprig::dict},
    {"sprig.get", "ms", sprig::get},
    {"sprig.set", "msa", sprig::set},
    {"sprig.unset", "ms", sprig::unset},
    {"sprig.hasKey", "ms", sprig::has_key},
    {"sprig.pluck", "s*m", sprig::pluck},
    {"sprig.keys", "*m", sprig::keys},
    {"sprig.pick", "m*s", sprig::pick},
    {"sprig.omit", "m*s", sprig::omit},
    {"sprig.merge", "m*m", sprig::merge},
    {"sprig.mustMerge", "m*m", sprig::merge},
    {"sprig.mergeOverwrite", "m*m", sprig::merge_overwrite},
    {"sprig.mustMergeOverwrite", "m*m", sprig::merge_overwrite},
    {"sprig.values", "m", sprig::values},
    {"sprig.dig", "*a", sprig::dig},
    {"sprig.deepCopy", "a", sprig::deep_copy},
    {"sprig.mustDeepCopy", "a", sprig::deep_copy},

    // sprig: defaults, JSON, types
    {"sprig.default", "a*a", sprig::default_value},
    {"sprig.empty", "a", sprig::empty},
    {"sprig.coalesce", "*a", sprig::coalesce},
    {"sprig.all", "*a", sprig::all},
    {"sprig.any", "*a", sprig::any},
    {"sprig.ternary", "aab", sprig::ternary},
    {"sprig.fromJson", "s", sprig::from_json},
    {"sprig.mustFromJson", "s", sprig::must_from_json},
    {"sprig.toJson", "a", sprig::to_json},
    {"sprig.mustToJson", "a", sprig::must_to_json},
    {"sprig.toPrettyJson", "a", sprig::to_pretty_json},
    {"sprig.mustToPrettyJson", "a", sprig::must_to_pretty_json},
    {"sprig.toRawJson", "a", sprig::to_raw_json},
    {"sprig.mustToRawJson", "a", sprig::to_raw_json},
    {"sprig.typeOf", "a", sprig::type_of},
    {"sprig.typeIs", "sa", sprig::type_is},
    {"sprig.typeIsLike", "sa", sprig::type_is_like},
    {"sprig.kindOf", "a", sprig::kind_of},
    {"sprig.kindIs", "sa", sprig::kind_is},
    {"sprig.deepEqual", "aa", sprig::deep_equal},

    // sprig: time
    {"sprig.now", "", sprig::now, kVolatile},
    {"sprig.ago", "a", sprig::ago, kVolatile},
    {"sprig.date", "sa", sprig::date, kVolatile},  // of anything that is no time it is now
    {"sprig.date_in_zone", "sas", sprig::date_in_zone, kVolatile},
    {"sprig.dateInZone", "sas", sprig::date_in_zone, kVolatile},
    {"sprig.date_modify", "st", sprig::date_modify},
    {"sprig.dateModify", "st", sprig::date_modify},
    {"sprig.must_date_modify", "st", sprig::must_date_modify},
    {"sprig.mustDateModify", "st", sprig::must_date_modify},
    {"sprig.duration", "a", sprig::duration},
    {"sprig.durationRound", "a", sprig::duration_round, kVolatile},
    {"sprig.htmlDate", "a", sprig::html_date, kVolatile},
    {"sprig.htmlDateInZone", "as", sprig::html_date_in_zone, kVolatile},
    {"sprig.toDate", "ss", sprig::to_date},
    {"sprig.mustToDate", "ss", sprig::must_to_date},
    {"sprig.unixEpoch", "t", sprig::unix_epoch},

    // sprig: paths, URLs, regular expressions, versions
    {"sprig.base", "s", sprig::base},
    {"sprig.dir", "s", sprig::dir},
    {"sprig.clean", "s", sprig::clean},
    {"sprig.ext", "s", sprig::ext},
    {"sprig.isAbs", "s", sprig::is_abs},
    {"sprig.osBase", "s", sprig::base},
    {"sprig.osDir", "s", sprig::dir},
    {"sprig.osClean", "s", sprig::clean},
    {"sprig.osExt", "s", sprig::ext},
    {"sprig.osIsAbs", "s", sprig::is_abs},
    {"sprig.urlParse", "s", sprig::url_parse},
    {"sprig.urlJoin", "m", sprig::url_join},
    {"sprig.regexMatch", "ss", sprig::regex_match},
    {"sprig.mustRegexMatch", "ss", sprig::must_regex_match},
    {"sprig.regexFindAll", "ssi", sprig::regex_find_all},
    {"sprig.mustRegexFindAll", "ssi", sprig::regex_find_all},
    {"sprig.regexFind", "ss", sprig::regex_find},
    {"sprig.mustRegexFind", "ss", sprig::regex_find},
    {"sprig.regexReplaceAll", "sss", sprig::regex_replace_all},
    {"sprig.mustRegexReplaceAll", "sss", sprig::regex_replace_all},
    {"sprig.regexReplaceAllLiteral", "sss", sprig::regex_replace_all_literal},
    {"sprig.mustRegexReplaceAllLiteral", "sss", sprig::regex_replace_all_literal},
    {"sprig.regexSplit", "ssi", sprig::regex_split},
    {"sprig.mustRegexSplit", "ssi", sprig::regex_split},
    {"sprig.regexQuoteMeta", "s", sprig::regex_quote_meta},
    {"sprig.semver", "s", sprig::semver},
    {"sprig.semverCompare", "ss", sprig::semver_compare},

    // sprig: hashes, encodings, randomness
    {"sprig.sha1sum", "s", sprig::sha1sum},
    {"sprig.sha256sum", "s", sprig::sha256sum},
    {"sprig.sha512sum", "s", sprig::sha512sum},
    {"sprig.adler32sum", "s", sprig::adler32sum},
    {"sprig.b64enc", "s", sprig::b64enc},
    {"sprig.b64dec", "s", sprig::b64dec},
    {"sprig.b32enc", "s", sprig::b32enc},
    {"sprig.b32dec", "s", sprig::b32dec},
    {"sprig.bcrypt", "s", sprig::bcrypt, kVolatile},
    {"sprig.htpasswd", "ss", sprig::htpasswd, kVolatile},
    {"sprig.derivePassword", "issss", sprig::derive_password},
    {"sprig.encryptAES", "ss", sprig::encrypt_aes, kVolatile},
    {"sprig.decryptAES", "ss", sprig::decrypt_aes},
    {"sprig.randAlphaNum", "i", sprig::rand_alpha_num, kVolatile},
    {"sprig.randAlpha", "i", sprig::rand_alpha, kVolatile},
    {"sprig.randAscii", "i", sprig::rand_ascii, kVolatile},
    {"sprig.randNumeric", "i", sprig::rand_numeric, kVolatile},
    {"sprig.randBytes", "i", sprig::rand_bytes, kVolatile},
    {"sprig.randInt", "ii", sprig::rand_int, kVolatile},
    {"sprig.shuffle", "s", sprig::shuffle, kVolatile},
    {"sprig.uuidv4", "", sprig::uuidv4, kVolatile},
};

std::string_view type_name(char letter) {
  switch (letter) {
    case 's':
      return "string";
    case 'i':
      return "int";
    case 'n':
      return "float64";
    case 'b':
      return "bool";
    case 'l':
      return "[]interface {}";
    case 'm':
      return "map[string]interface {}";
    case 't':
      return "time.Time";
    case 'd':
      return "time.Duration";
    case 'z':
      return "*time.Location";
    default:
      return "interface {}";
  }
}

bool fits(char letter, const Value& value, bool zero_for_nil) {
  switch (letter) {
    case 's':
      return value.is(Kind::String) || (zero_for_nil && value.is_nil());
    case 'i':
      return value.is(Kind::Int) || (zero_for_nil && value.is_nil());
    case 'n':
      return value.is_number() || (zero_for_nil && value.is_nil());
    case 'b':
      return value.is(Kind::Bool) || (zero_for_nil && value.is_nil());
    case 'l':
      return value.is(Kind::Array);
    case 'm':
      return value.is(Kind::Map);
    case 't':
      return value.is(Kind::Time);
    case 'd':
      return value.is(Kind::Duration);
    case 'z':
      return value.is(Kind::Zone);
    default:
      return true;
  }
}

/// Behind the last dot, as messages name a function.
std::string short_name(const Function& function) {
  return std::string(function.name.substr(function.name.rfind('.') + 1));
}

}  // namespace

std::span<const Function> functions() { return kFunctions; }

const Function* find_function(std::string_view name) {
  static const auto* const index = [] {
    auto* made = new std::unordered_map<std::string_view, const Function*>;
    for (const Function& function : kFunctions) made->emplace(function.name, &function);
    return made;
  }();
  const auto found = index->find(name);
  return found == index->end() ? nullptr : found->second;
}

bool check_arguments(const Function& function, std::span<const Value> args, Context& context) {
  const bool zero_for_nil = function.name.starts_with("sprig.");
  const std::string_view letters = function.signature;
  std::size_t at = 0;
  bool optional = false;
  bool repeated = false;
  for (std::size_t i = 0; i < args.size(); ++i) {
    if (!repeated) {
      while (at < letters.size() && (letters[at] == '?' || letters[at] == '*')) {
        repeated = repeated || letters[at++] == '*';
        optional = true;
      }
      if (at == letters.size()) {
        context.fail("too many arguments to call " + short_name(function));
        return false;
      }
    }
    const char letter = letters[at];
    if (!fits(letter, args[i], zero_for_nil)) {
      const std::string type(args[i].is_nil() ? "nil" : go_type(args[i]));
      context.fail("cannot use " + type + " as argument (type " + std::string(type_name(letter)) +
                   ") to call " + short_name(function));
      return false;
    }
    if (!repeated) ++at;
  }
  if (!optional && at < letters.size() && letters[at] != '?' && letters[at] != '*') {
    context.fail("not enough arguments to call " + short_name(function));
    return false;
  }
  return true;
}

}  // namespace gantry::workflow::expr
