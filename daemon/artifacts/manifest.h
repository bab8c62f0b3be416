#pragma once

// A tree as bytes. Format, one entry a line, fields parted by single spaces:
//
//   gantry-manifest 1
//   file 0644 1700000000 12 <sha256> <path>
//   dir 0755 1700000000 <path>
//   link 1700000000 <path> <target>
//
// Modes are octal, times seconds since 1970, sizes bytes. In paths and targets every byte but
// [A-Za-z0-9._/-] is %XX; the root's empty path is written ".". The same tree always gives the same
// bytes, so the SHA-256 of them names it.

#include <string>
#include <string_view>

#include "daemon/artifacts/tree.h"

namespace gantry::artifacts {

std::string encode_manifest(const Tree& tree);
/// DataLoss: not a manifest, or one that breaks the invariants of Tree.
Result<Tree> decode_manifest(std::string_view text);

/// `text` with every byte but [A-Za-z0-9._-] and those of `also` as %XX, and back (nothing: bad
/// escapes).
std::string percent_encode(std::string_view text, std::string_view also);
std::optional<std::string> percent_decode(std::string_view text);

}  // namespace gantry::artifacts
