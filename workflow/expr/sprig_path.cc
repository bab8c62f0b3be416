// Go's package path, which filepath is too on Linux.

#include "workflow/expr/go_text.h"
#include "workflow/expr/sprig.h"

namespace gantry::workflow::expr::sprig {
namespace {

std::string cleaned(std::string_view path) {
  const bool rooted = path.starts_with('/');
  std::vector<std::string_view> parts;
  for (const std::string_view part : expr::split(path, "/")) {
    if (part.empty() || part == ".") continue;
    if (part != "..") {
      parts.push_back(part);
    } else if (!parts.empty() && parts.back() != "..") {
      parts.pop_back();
    } else if (!rooted) {
      parts.push_back(part);
    }
  }
  std::string out = rooted ? "/" : "";
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) out += '/';
    out += parts[i];
  }
  return out.empty() ? "." : out;
}

}  // namespace

Value base(Arguments args, Context&) {
  std::string_view path = args[0].as_text();
  if (path.empty()) return Value::borrowed(".");
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  if (path == "/") return Value::borrowed("/");
  return Value::text(std::string(path.substr(path.rfind('/') + 1)));
}
Value dir(Arguments args, Context&) {
  const std::string_view path = args[0].as_text();
  return Value::text(cleaned(path.substr(0, path.rfind('/') + 1)));
}
Value clean(Arguments args, Context&) { return Value::text(cleaned(args[0].as_text())); }
Value ext(Arguments args, Context&) {
  const std::string_view path = args[0].as_text();
  const std::size_t at = path.find_last_of("./");
  if (at == std::string_view::npos || path[at] == '/') return Value::borrowed("");
  return Value::text(std::string(path.substr(at)));
}
Value is_abs(Arguments args, Context&) {
  return Value::boolean(args[0].as_text().starts_with('/'));
}

}  // namespace gantry::workflow::expr::sprig
