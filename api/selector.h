#pragma once

// Kubernetes' selectors. Pure; any thread.
// Grammar:
// https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/backend.h"

namespace gantry::api {

/// `a=b, c!=d, e in (f,g), h notin (i), j, !k`: all terms must hold. "" is no term. `!=` is NotIn
/// with one value.
Result<std::vector<LabelTerm>> parse_label_selector(std::string_view text);

/// Whether `labels` satisfy every term. As in Kubernetes, NotIn holds for an absent key.
bool matches(const std::vector<LabelTerm>& terms, const std::map<std::string, std::string>& labels);

/// The value of `metadata.name=VALUE` (also `==`), "" for no selector. Any other field is
/// InvalidArgument.
Result<std::string> parse_name_selector(std::string_view text);

/// Whether `text` is a field selector of nodes, `displayName=a,phase!=b` with `\\`, `\,` and `\=`
/// as escapes in values ("" too); the words are apimachinery's fields.ParseSelector's.
Result<void> check_field_selector(std::string_view text);

/// `a=b,c=d`, as submitOptions.labels writes labels; each checked.
Result<std::vector<std::pair<std::string, std::string>>> parse_labels(std::string_view text);
/// The same for annotations, whose values may be anything without a comma.
Result<std::vector<std::pair<std::string, std::string>>> parse_annotations(std::string_view text);

/// Kubernetes' rules for a label's key (`[dns.prefix/]name`) and value.
Result<void> check_label_key(std::string_view key);
Result<void> check_label_value(std::string_view value);
/// RFC 1123: a name of an object (253 bytes, dots allowed), and of a namespace (63 bytes, no dots).
bool is_dns_subdomain(std::string_view text);
bool is_dns_label(std::string_view text);

}  // namespace gantry::api
