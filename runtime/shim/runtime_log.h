#pragma once

// What an OCI runtime says of its failure: with `--log FILE --log-format json` runc and crun write one JSON object a
// line, {"level": "error", "msg": …, "time": …}.

#include <cstdint>
#include <string>
#include <string_view>

namespace gantry::shim {

/// The message of the last line of level "error", trimmed; empty if there is none. Lines that are not such JSON are
/// passed over.
std::string last_error(std::string_view log);

/// The end of the file from byte `offset` on; empty if it cannot be read.
std::string read_from(const std::string& path, std::int64_t offset);

}  // namespace gantry::shim
