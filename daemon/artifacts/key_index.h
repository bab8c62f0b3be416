#pragma once

// What the keys of a repository stand for. One small file for a key: `keys/wf/pod/=main.tgz` for
// "wf/pod/main.tgz"; each part is percent-encoded, and '=' (which the encoding never leaves) tells
// a key from a part that others share. The file is one line:
//
//   gantry-key 1 <manifest's sha256> <bytes> <files> <tar|none|zip> <name, percent-encoded>
//
// It is replaced by rename, so a reader sees the old one or the new one. Any thread, several at
// once; blocks.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "daemon/artifacts/archive.h"
#include "daemon/artifacts/digest.h"

namespace gantry::artifacts {

struct KeyRecord {
  Digest manifest;
  std::uint64_t bytes = 0;                        ///< of all files
  std::uint64_t files = 0;                        ///< and links
  Archive::Format format = Archive::Format::Tar;  ///< how the owner wanted it packed
  std::string name;                               ///< what archives call the root
};

class KeyIndex {
 public:
  /// `temporary` is for files in progress; on the same file system.
  static Result<KeyIndex> open(const std::string& directory, std::string temporary);

  /// InvalidArgument: an empty key, one of more than 1024 bytes, or with a part that is too long
  /// for a file name. Durable when it returns.
  Result<void> write(const std::string& key, const KeyRecord& record) const;
  [[nodiscard]] Result<KeyRecord> read(const std::string& key) const;
  /// NotFound: there was no such key.
  Result<void> remove(const std::string& key) const;
  /// Calls `visit` for each key that starts with the directory `prefix` ("" or ending in '/'), in
  /// no order, until it fails.
  Result<void> each(const std::string& prefix,
                    const std::function<Result<void>(std::string key)>& visit) const;

 private:
  KeyIndex(std::string directory, std::string temporary)
      : directory_(std::move(directory)), temporary_(std::move(temporary)) {}
  [[nodiscard]] Result<std::string> path_of(std::string_view key) const;
  static Result<void> walk(const std::string& directory, const std::string& prefix,
                           const std::function<Result<void>(std::string key)>& visit);

  std::string directory_, temporary_;
};

}  // namespace gantry::artifacts
