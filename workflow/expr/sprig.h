#pragma once

// Internal to functions.cc: Masterminds/sprig v3.3.0, as Argo exposes it. Functions that change a
// map or a list in Go (set, unset, merge …) give a changed copy here.

#include <optional>
#include <span>
#include <string>

#include "workflow/expr/context.h"
#include "workflow/expr/value.h"

namespace gantry::workflow::expr::sprig {

using Arguments = std::span<const Value>;
#define GANTRY_SPRIG(name) Value name(Arguments args, Context& context)

// sprig_text.cc
GANTRY_SPRIG(hello);
GANTRY_SPRIG(abbrev);
GANTRY_SPRIG(abbrevboth);
GANTRY_SPRIG(trunc);
GANTRY_SPRIG(trim);
GANTRY_SPRIG(upper);
GANTRY_SPRIG(lower);
GANTRY_SPRIG(title);
GANTRY_SPRIG(untitle);
GANTRY_SPRIG(substr);
GANTRY_SPRIG(repeat);
GANTRY_SPRIG(trim_all);
GANTRY_SPRIG(trim_suffix);
GANTRY_SPRIG(trim_prefix);
GANTRY_SPRIG(nospace);
GANTRY_SPRIG(initials);
GANTRY_SPRIG(swapcase);
GANTRY_SPRIG(wrap);
GANTRY_SPRIG(wrap_with);
GANTRY_SPRIG(contains);
GANTRY_SPRIG(has_prefix);
GANTRY_SPRIG(has_suffix);
GANTRY_SPRIG(quote);
GANTRY_SPRIG(squote);
GANTRY_SPRIG(cat);
GANTRY_SPRIG(indent);
GANTRY_SPRIG(nindent);
GANTRY_SPRIG(replace);
GANTRY_SPRIG(plural);
GANTRY_SPRIG(to_string);
GANTRY_SPRIG(split);
GANTRY_SPRIG(splitn);
GANTRY_SPRIG(split_list);
GANTRY_SPRIG(to_strings);
GANTRY_SPRIG(join);
GANTRY_SPRIG(sort_alpha);
GANTRY_SPRIG(fail);

// sprig_case.cc
GANTRY_SPRIG(snakecase);
GANTRY_SPRIG(camelcase);
GANTRY_SPRIG(kebabcase);

// sprig_number.cc
GANTRY_SPRIG(atoi);
GANTRY_SPRIG(to_int);
GANTRY_SPRIG(to_float);
GANTRY_SPRIG(seq);
GANTRY_SPRIG(to_decimal);
GANTRY_SPRIG(until);
GANTRY_SPRIG(until_step);
GANTRY_SPRIG(add1);
GANTRY_SPRIG(add);
GANTRY_SPRIG(sub);
GANTRY_SPRIG(div);
GANTRY_SPRIG(mod);
GANTRY_SPRIG(mul);
GANTRY_SPRIG(add1f);
GANTRY_SPRIG(addf);
GANTRY_SPRIG(subf);
GANTRY_SPRIG(divf);
GANTRY_SPRIG(mulf);
GANTRY_SPRIG(max);
GANTRY_SPRIG(min);
GANTRY_SPRIG(maxf);
GANTRY_SPRIG(minf);
GANTRY_SPRIG(ceil);
GANTRY_SPRIG(floor);
GANTRY_SPRIG(round);

// sprig_list.cc
GANTRY_SPRIG(list);
GANTRY_SPRIG(append);
GANTRY_SPRIG(prepend);
GANTRY_SPRIG(first);
GANTRY_SPRIG(rest);
GANTRY_SPRIG(last);
GANTRY_SPRIG(initial);
GANTRY_SPRIG(reverse);
GANTRY_SPRIG(uniq);
GANTRY_SPRIG(without);
GANTRY_SPRIG(has);
GANTRY_SPRIG(slice);
GANTRY_SPRIG(concat);
GANTRY_SPRIG(chunk);
GANTRY_SPRIG(compact);

// sprig_dict.cc
GANTRY_SPRIG(dict);
GANTRY_SPRIG(get);
GANTRY_SPRIG(set);
GANTRY_SPRIG(unset);
GANTRY_SPRIG(has_key);
GANTRY_SPRIG(pluck);
GANTRY_SPRIG(keys);
GANTRY_SPRIG(pick);
GANTRY_SPRIG(omit);
GANTRY_SPRIG(merge);
GANTRY_SPRIG(merge_overwrite);
GANTRY_SPRIG(values);
GANTRY_SPRIG(dig);
GANTRY_SPRIG(deep_copy);

// sprig_default.cc
GANTRY_SPRIG(default_value);
GANTRY_SPRIG(empty);
GANTRY_SPRIG(coalesce);
GANTRY_SPRIG(all);
GANTRY_SPRIG(any);
GANTRY_SPRIG(ternary);
GANTRY_SPRIG(from_json);
GANTRY_SPRIG(must_from_json);
GANTRY_SPRIG(to_json);
GANTRY_SPRIG(must_to_json);
GANTRY_SPRIG(to_pretty_json);
GANTRY_SPRIG(must_to_pretty_json);
GANTRY_SPRIG(to_raw_json);
GANTRY_SPRIG(type_of);
GANTRY_SPRIG(type_is);
GANTRY_SPRIG(type_is_like);
GANTRY_SPRIG(kind_of);
GANTRY_SPRIG(kind_is);
GANTRY_SPRIG(deep_equal);

// sprig_time.cc
GANTRY_SPRIG(now);
GANTRY_SPRIG(ago);
GANTRY_SPRIG(date);
GANTRY_SPRIG(date_in_zone);
GANTRY_SPRIG(date_modify);
GANTRY_SPRIG(must_date_modify);
GANTRY_SPRIG(duration);
GANTRY_SPRIG(duration_round);
GANTRY_SPRIG(html_date);
GANTRY_SPRIG(html_date_in_zone);
GANTRY_SPRIG(to_date);
GANTRY_SPRIG(must_to_date);
GANTRY_SPRIG(unix_epoch);

// sprig_path.cc
GANTRY_SPRIG(base);
GANTRY_SPRIG(dir);
GANTRY_SPRIG(clean);
GANTRY_SPRIG(ext);
GANTRY_SPRIG(is_abs);

// sprig_url.cc
GANTRY_SPRIG(url_parse);
GANTRY_SPRIG(url_join);

// sprig_regex.cc
GANTRY_SPRIG(regex_match);
GANTRY_SPRIG(must_regex_match);
GANTRY_SPRIG(regex_find_all);
GANTRY_SPRIG(regex_find);
GANTRY_SPRIG(regex_replace_all);
GANTRY_SPRIG(regex_replace_all_literal);
GANTRY_SPRIG(regex_split);
GANTRY_SPRIG(regex_quote_meta);

// sprig_crypto.cc
GANTRY_SPRIG(sha1sum);
GANTRY_SPRIG(sha256sum);
GANTRY_SPRIG(sha512sum);
GANTRY_SPRIG(adler32sum);
GANTRY_SPRIG(b64enc);
GANTRY_SPRIG(b64dec);
GANTRY_SPRIG(b32enc);
GANTRY_SPRIG(b32dec);
GANTRY_SPRIG(bcrypt);
GANTRY_SPRIG(htpasswd);
GANTRY_SPRIG(derive_password);
GANTRY_SPRIG(encrypt_aes);
GANTRY_SPRIG(decrypt_aes);

// sprig_random.cc
GANTRY_SPRIG(rand_alpha_num);
GANTRY_SPRIG(rand_alpha);
GANTRY_SPRIG(rand_ascii);
GANTRY_SPRIG(rand_numeric);
GANTRY_SPRIG(rand_bytes);
GANTRY_SPRIG(rand_int);
GANTRY_SPRIG(shuffle);
GANTRY_SPRIG(uuidv4);

// sprig_semver.cc; the others are methods of what semver gives.
GANTRY_SPRIG(semver);
GANTRY_SPRIG(semver_compare);
GANTRY_SPRIG(semver_major);
GANTRY_SPRIG(semver_minor);
GANTRY_SPRIG(semver_patch);
GANTRY_SPRIG(semver_prerelease);
GANTRY_SPRIG(semver_metadata);

#undef GANTRY_SPRIG

// Used by more than one of the files.

/// A text as a value, paid for.
Value text_of(std::string text, Context& context);
Value list_of(Array items, Context& context);
/// How many parts of a text to look for: `n`, or for n < 0 all that there can be.
std::int64_t parts_wanted(const Value& n, const Context& context);
/// A value as sprig makes a text of it (strval).
std::string text_from(const Value& value);
/// spf13/cast: 0 for what is no number.
std::int64_t cast_int(const Value& value);
double cast_float(const Value& value);
bool is_empty(const Value& value);
/// `size` random bytes; nothing, after an error, when the facts hold no randomness.
std::optional<std::string> random_bytes(std::size_t size, Context& context);

}  // namespace gantry::workflow::expr::sprig
