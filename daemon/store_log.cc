#include "daemon/store_log.h"

#include <sqlite3.h>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <vector>

namespace gantry {
namespace {

constexpr int kChunk = 64 << 10;  // what SQLite itself asks of a VFS at most: of more, its own takes the low 17 bits

/// A file by way of SQLite's own VFS, as a connection would have it.
class VfsFile {
 public:
  explicit VfsFile(sqlite3_vfs& vfs)
      : memory_(std::make_unique<std::max_align_t[]>(static_cast<std::size_t>(vfs.szOsFile) / sizeof(std::max_align_t) + 1)) {}
  ~VfsFile() {
    if (get()->pMethods != nullptr) get()->pMethods->xClose(get());
  }
  VfsFile(const VfsFile&) = delete;
  VfsFile& operator=(const VfsFile&) = delete;
  sqlite3_file* get() { return reinterpret_cast<sqlite3_file*>(memory_.get()); }
  const sqlite3_io_methods& methods() { return *get()->pMethods; }

 private:
  std::unique_ptr<std::max_align_t[]> memory_;  // zero: nothing is open
};

int rewrite(VfsFile& file) {
  sqlite3_int64 size = 0;
  if (int status = file.methods().xFileSize(file.get(), &size)) return status;
  std::vector<char> chunk(static_cast<std::size_t>(std::min<sqlite3_int64>(size, kChunk)));
  for (sqlite3_int64 at = 0; at < size; at += kChunk) {
    const int count = static_cast<int>(std::min<sqlite3_int64>(size - at, kChunk));
    if (int status = file.methods().xRead(file.get(), chunk.data(), count, at)) return status;
    if (int status = file.methods().xWrite(file.get(), chunk.data(), count, at)) return status;
  }
  return file.methods().xSync(file.get(), SQLITE_SYNC_NORMAL);
}

Code code_of(int status) {
  switch (status & 0xff) {
    case SQLITE_FULL: return Code::ResourceExhausted;
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY: return Code::PermissionDenied;
    default: return Code::Internal;
  }
}

}  // namespace

Result<void> rewrite_log(const std::string& path, const std::string& vfs_name) {
  const std::string log = path + "-wal";
  sqlite3_vfs* const vfs = ::sqlite3_vfs_find(vfs_name.empty() ? nullptr : vfs_name.c_str());
  const auto failed = [&](int status) {
    return fail(code_of(status), "write " + log + " anew: " + ::sqlite3_errstr(status));
  };
  if (vfs == nullptr) return fail(Code::Internal, "there is no SQLite VFS " + vfs_name);
  int exists = 0;
  if (int status = vfs->xAccess(vfs, log.c_str(), SQLITE_ACCESS_EXISTS, &exists)) return failed(status);
  if (exists == 0) return {};
  VfsFile file(*vfs);
  int flags = 0;
  constexpr int kWanted = SQLITE_OPEN_WAL | SQLITE_OPEN_READWRITE;
  if (int status = vfs->xOpen(vfs, log.c_str(), file.get(), kWanted, &flags)) return failed(status);
  if ((flags & SQLITE_OPEN_READONLY) != 0) return {};
  if (int status = rewrite(file)) return failed(status);
  return {};
}

}  // namespace gantry
