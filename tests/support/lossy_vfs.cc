#include "tests/support/lossy_vfs.h"

#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <map>
#include <mutex>
#include <random>
#include <set>

namespace gantry::testing {
namespace {

constexpr std::size_t kSector = 512;  ///< what is written whole or not at all

/// A change of a file that is not synced yet. No bytes: a truncation to `at`.
struct Change {
  std::uint64_t at = 0;
  std::string bytes;
  bool truncates = false;
};

void play(const Change& change, std::string& contents) {
  if (change.truncates) {
    contents.resize(std::min<std::uint64_t>(contents.size(), change.at));
  } else if (!change.bytes.empty()) {
    contents.resize(std::max<std::uint64_t>(contents.size(), change.at + change.bytes.size()));
    contents.replace(change.at, change.bytes.size(), change.bytes);
  }
}

struct Handle;

/// What a WAL's connections share; lives while one of them has it mapped.
struct SharedMemory {
  std::vector<std::unique_ptr<std::byte[]>> regions;
  std::array<int, SQLITE_SHM_NLOCK> readers{};
  std::array<Handle*, SQLITE_SHM_NLOCK> writer{};
  int users = 0;
};

struct File {
  std::string contents;  ///< as readers see it
  std::string durable;   ///< as it is on the platter
  std::vector<Change> pending;
  bool named = false;  ///< its name is on the platter

  int shared = 0;
  Handle* reserved = nullptr;
  Handle* pending_lock = nullptr;
  Handle* exclusive = nullptr;
  SharedMemory memory;

  void change(Change change) {
    play(change, contents);
    pending.push_back(std::move(change));
  }
};
using FilePtr = std::shared_ptr<File>;

}  // namespace

class LossyVfs::Disk {
 public:
  explicit Disk(std::uint64_t seed);
  ~Disk() { sqlite3_vfs_unregister(&vfs); }

  std::uint64_t below(std::uint64_t end) { return end == 0 ? 0 : random() % end; }
  bool coin() { return below(2) == 0; }
  [[nodiscard]] std::uint64_t size() const {
    std::uint64_t sum = 0;
    for (const auto& [path, file] : files) sum += file->contents.size();
    return sum;
  }
  void replace(const std::string& path, std::string contents) {
    auto file = std::make_shared<File>();
    file->durable = file->contents = std::move(contents);
    file->named = true;
    files[path] = std::move(file);
  }

  /// A random part of what is pending reaches the platter.
  void settle(File& file);
  /// False once the power is gone. Counts.
  bool may_change();
  /// The code that an injected fault wants, or SQLITE_OK.
  int fault(Operation operation, const std::string& path);

  std::string name;
  sqlite3_vfs vfs{};
  mutable std::mutex mutex;
  std::mt19937_64 random;
  std::map<std::string, FilePtr> files;
  std::map<std::string, FilePtr> undead;  ///< deleted, but not yet on the platter
  std::uint64_t generation = 0;           ///< handles of an earlier one are dead
  bool powered = true;
  std::uint64_t changes = 0;
  std::optional<std::uint64_t> dies_at;
  std::vector<Fault> faults;
  std::optional<std::uint64_t> limit;
  bool refuses_new = false;
  bool read_only = false;
};

namespace {

using Disk = LossyVfs::Disk;
using Operation = LossyVfs::Operation;

/// An open file. `base` comes first: SQLite knows only that.
struct Handle {
  sqlite3_file base;
  Disk* disk;
  FilePtr file;
  std::string path;
  std::uint64_t generation;
  bool delete_on_close;
  int lock = SQLITE_LOCK_NONE;
  bool maps = false;
  unsigned shared_mask = 0, exclusive_mask = 0;

  [[nodiscard]] bool dead() const { return generation != disk->generation || !disk->powered; }
};

Handle& of(sqlite3_file* file) { return *reinterpret_cast<Handle*>(file); }
Disk& of(sqlite3_vfs* vfs) { return *static_cast<Disk*>(vfs->pAppData); }

void release_memory(Handle& handle) {
  if (!handle.maps) return;
  handle.maps = false;
  SharedMemory& memory = handle.file->memory;
  for (int i = 0; i < SQLITE_SHM_NLOCK; ++i) {
    if ((handle.shared_mask >> i) & 1U) --memory.readers[i];
    if ((handle.exclusive_mask >> i) & 1U) memory.writer[i] = nullptr;
  }
  handle.shared_mask = handle.exclusive_mask = 0;
  if (--memory.users == 0) memory = {};
}

void release_lock(Handle& handle, int level) {
  File& file = *handle.file;
  if (handle.lock <= level) return;
  for (Handle** holder : {&file.reserved, &file.pending_lock, &file.exclusive}) {
    if (*holder == &handle) *holder = nullptr;
  }
  if (level == SQLITE_LOCK_NONE) --file.shared;
  handle.lock = level;
}

// ---- the methods of a file ----

int x_close(sqlite3_file* raw) {
  Handle& handle = of(raw);
  std::lock_guard guard(handle.disk->mutex);
  release_memory(handle);
  release_lock(handle, SQLITE_LOCK_NONE);
  if (handle.delete_on_close) handle.disk->files.erase(handle.path);
  handle.~Handle();
  return SQLITE_OK;
}

int x_read(sqlite3_file* raw, void* out, int count, sqlite3_int64 at) {
  Handle& handle = of(raw);
  std::lock_guard guard(handle.disk->mutex);
  if (handle.dead()) return SQLITE_IOERR_READ;
  if (int code = handle.disk->fault(Operation::Read, handle.path)) return code;
  const std::string& contents = handle.file->contents;
  const auto from = std::min<std::uint64_t>(static_cast<std::uint64_t>(at), contents.size());
  const auto got = std::min<std::uint64_t>(static_cast<std::uint64_t>(count), contents.size() - from);
  std::memcpy(out, contents.data() + from, got);
  if (got == static_cast<std::uint64_t>(count)) return SQLITE_OK;
  std::memset(static_cast<char*>(out) + got, 0, static_cast<std::size_t>(count) - got);  // SQLite relies on this
  return SQLITE_IOERR_SHORT_READ;
}

int x_write(sqlite3_file* raw, const void* data, int count, sqlite3_int64 at) {
  Handle& handle = of(raw);
  Disk& disk = *handle.disk;
  std::lock_guard guard(disk.mutex);
  if (handle.dead() || !disk.may_change() || disk.read_only) return SQLITE_IOERR_WRITE;
  if (int code = disk.fault(Operation::Write, handle.path)) return code;
  const std::uint64_t end = static_cast<std::uint64_t>(at) + static_cast<std::uint64_t>(count);
  const std::uint64_t had = handle.file->contents.size();
  if (disk.limit && end > had && disk.size() + (end - had) > *disk.limit) return SQLITE_FULL;
  handle.file->change({.at = static_cast<std::uint64_t>(at),
                       .bytes = std::string(static_cast<const char*>(data), static_cast<std::size_t>(count))});
  return SQLITE_OK;
}

int x_truncate(sqlite3_file* raw, sqlite3_int64 size) {
  Handle& handle = of(raw);
  Disk& disk = *handle.disk;
  std::lock_guard guard(disk.mutex);
  if (handle.dead() || !disk.may_change() || disk.read_only) return SQLITE_IOERR_TRUNCATE;
  if (int code = disk.fault(Operation::Truncate, handle.path)) return code;
  handle.file->change({.at = static_cast<std::uint64_t>(size), .truncates = true});
  return SQLITE_OK;
}

int x_sync(sqlite3_file* raw, int) {
  Handle& handle = of(raw);
  Disk& disk = *handle.disk;
  std::lock_guard guard(disk.mutex);
  if (handle.dead() || !disk.may_change()) return SQLITE_IOERR_FSYNC;
  File& file = *handle.file;
  if (int code = disk.fault(Operation::Sync, handle.path)) {
    disk.settle(file);
    return code;
  }
  for (const Change& change : file.pending) play(change, file.durable);
  file.pending.clear();
  disk.undead.clear();
  for (auto& [path, other] : disk.files) other->named = true;
  return SQLITE_OK;
}

int x_file_size(sqlite3_file* raw, sqlite3_int64* size) {
  Handle& handle = of(raw);
  std::lock_guard guard(handle.disk->mutex);
  if (handle.dead()) return SQLITE_IOERR_FSTAT;
  *size = static_cast<sqlite3_int64>(handle.file->contents.size());
  return SQLITE_OK;
}

int x_lock(sqlite3_file* raw, int level) {
  Handle& handle = of(raw);
  std::lock_guard guard(handle.disk->mutex);
  if (handle.dead()) return SQLITE_IOERR_LOCK;
  if (level <= handle.lock) return SQLITE_OK;
  File& file = *handle.file;
  auto others = [&](const Handle* holder) { return holder != nullptr && holder != &handle; };
  if (level == SQLITE_LOCK_SHARED) {
    if (others(file.pending_lock) || others(file.exclusive)) return SQLITE_BUSY;
    ++file.shared;
  } else if (level == SQLITE_LOCK_RESERVED) {
    if (others(file.reserved)) return SQLITE_BUSY;
    file.reserved = &handle;
  } else {
    if (others(file.reserved) || others(file.pending_lock)) return SQLITE_BUSY;
    file.pending_lock = &handle;
    handle.lock = SQLITE_LOCK_PENDING;
    if (file.shared > 1) return SQLITE_BUSY;
    file.exclusive = &handle;
  }
  handle.lock = level;
  return SQLITE_OK;
}

int x_unlock(sqlite3_file* raw, int level) {
  Handle& handle = of(raw);
  std::lock_guard guard(handle.disk->mutex);
  release_lock(handle, level);
  return SQLITE_OK;
}

int x_check_reserved(sqlite3_file* raw, int* held) {
  Handle& handle = of(raw);
  std::lock_guard guard(handle.disk->mutex);
  *held = handle.file->reserved != nullptr || handle.file->pending_lock != nullptr;
  return SQLITE_OK;
}

int x_file_control(sqlite3_file*, int, void*) { return SQLITE_NOTFOUND; }
int x_sector_size(sqlite3_file*) { return 4096; }
// As SQLite's own VFS for Unix says of the disks that gantryd runs on.
int x_characteristics(sqlite3_file*) { return SQLITE_IOCAP_POWERSAFE_OVERWRITE; }

int x_shm_map(sqlite3_file* raw, int region, int size, int extend, void volatile** out) {
  Handle& handle = of(raw);
  std::lock_guard guard(handle.disk->mutex);
  *out = nullptr;
  if (handle.dead()) return SQLITE_IOERR_SHMMAP;
  SharedMemory& memory = handle.file->memory;
  if (!handle.maps) {
    handle.maps = true;
    ++memory.users;
  }
  while (extend != 0 && memory.regions.size() <= static_cast<std::size_t>(region)) {
    memory.regions.push_back(std::make_unique<std::byte[]>(static_cast<std::size_t>(size)));
  }
  if (static_cast<std::size_t>(region) < memory.regions.size()) {
    *out = memory.regions[static_cast<std::size_t>(region)].get();
  }
  return SQLITE_OK;
}

int x_shm_lock(sqlite3_file* raw, int first, int count, int flags) {
  Handle& handle = of(raw);
  std::lock_guard guard(handle.disk->mutex);
  SharedMemory& memory = handle.file->memory;
  const unsigned mask = ((1U << count) - 1U) << first;
  if ((flags & SQLITE_SHM_UNLOCK) != 0) {
    for (int i = first; i < first + count; ++i) {
      if ((handle.shared_mask >> i) & 1U) --memory.readers[i];
      if ((handle.exclusive_mask >> i) & 1U) memory.writer[i] = nullptr;
    }
    handle.shared_mask &= ~mask;
    handle.exclusive_mask &= ~mask;
    return SQLITE_OK;
  }
  if (handle.dead()) return SQLITE_IOERR_SHMLOCK;
  const bool shared = (flags & SQLITE_SHM_SHARED) != 0;
  for (int i = first; i < first + count; ++i) {
    const bool mine = ((handle.shared_mask >> i) & 1U) != 0;
    if (memory.writer[i] != nullptr && memory.writer[i] != &handle) return SQLITE_BUSY;
    if (!shared && memory.readers[i] > (mine ? 1 : 0)) return SQLITE_BUSY;
  }
  for (int i = first; i < first + count; ++i) {
    const unsigned bit = 1U << i;
    if (shared) {
      if ((handle.shared_mask & bit) == 0) ++memory.readers[i];
      handle.shared_mask |= bit;
    } else {
      memory.writer[i] = &handle;
      handle.exclusive_mask |= bit;
    }
  }
  return SQLITE_OK;
}

void x_shm_barrier(sqlite3_file* raw) {
  // A lock taken is a barrier, and one that ThreadSanitizer understands.
  std::lock_guard guard(of(raw).disk->mutex);
}

int x_shm_unmap(sqlite3_file* raw, int) {
  Handle& handle = of(raw);
  std::lock_guard guard(handle.disk->mutex);
  release_memory(handle);
  return SQLITE_OK;
}

constexpr sqlite3_io_methods kMethods{
    .iVersion = 2,
    .xClose = x_close,
    .xRead = x_read,
    .xWrite = x_write,
    .xTruncate = x_truncate,
    .xSync = x_sync,
    .xFileSize = x_file_size,
    .xLock = x_lock,
    .xUnlock = x_unlock,
    .xCheckReservedLock = x_check_reserved,
    .xFileControl = x_file_control,
    .xSectorSize = x_sector_size,
    .xDeviceCharacteristics = x_characteristics,
    .xShmMap = x_shm_map,
    .xShmLock = x_shm_lock,
    .xShmBarrier = x_shm_barrier,
    .xShmUnmap = x_shm_unmap,
    .xFetch = nullptr,
    .xUnfetch = nullptr,
};

// ---- the methods of the file system ----

int x_open(sqlite3_vfs* vfs, const char* name, sqlite3_file* out, int flags, int* out_flags) {
  Disk& disk = of(vfs);
  std::lock_guard guard(disk.mutex);
  out->pMethods = nullptr;  // so that SQLite does not close what was not opened
  std::string path = name == nullptr ? "temporary-" + std::to_string(disk.random()) : name;
  if (!disk.powered) return SQLITE_CANTOPEN;
  if (int code = disk.fault(Operation::Open, path)) return code;
  auto at = disk.files.find(path);
  if (at == disk.files.end()) {
    const bool creates = (flags & SQLITE_OPEN_CREATE) != 0;
    if (!creates || disk.refuses_new || disk.read_only) return SQLITE_CANTOPEN;
    at = disk.files.emplace(path, std::make_shared<File>()).first;
  } else if (disk.read_only && (flags & SQLITE_OPEN_READWRITE) != 0) {
    flags = (flags & ~(SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE)) | SQLITE_OPEN_READONLY;
  }
  auto* handle = new (out) Handle{.base = {&kMethods},
                                  .disk = &disk,
                                  .file = at->second,
                                  .path = path,
                                  .generation = disk.generation,
                                  .delete_on_close = (flags & SQLITE_OPEN_DELETEONCLOSE) != 0};
  (void)handle;
  if (out_flags != nullptr) *out_flags = flags;
  return SQLITE_OK;
}

int x_delete(sqlite3_vfs* vfs, const char* name, int sync_directory) {
  Disk& disk = of(vfs);
  std::lock_guard guard(disk.mutex);
  if (!disk.may_change() || disk.read_only) return SQLITE_IOERR_DELETE;
  if (int code = disk.fault(Operation::Delete, name)) return code;
  auto at = disk.files.find(name);
  if (at == disk.files.end()) return SQLITE_IOERR_DELETE_NOENT;
  if (sync_directory == 0 && at->second->named) {
    disk.undead.emplace(name, at->second);  // the first that had the name, if there are two
  } else if (sync_directory != 0) {
    disk.undead.erase(name);
  }
  disk.files.erase(at);
  return SQLITE_OK;
}

int x_access(sqlite3_vfs* vfs, const char* name, int flags, int* result) {
  Disk& disk = of(vfs);
  std::lock_guard guard(disk.mutex);
  if (!disk.powered) return SQLITE_IOERR_ACCESS;
  auto at = disk.files.find(name);
  // As SQLite's own: an empty file is none.
  *result = at != disk.files.end() &&
            (flags == SQLITE_ACCESS_READWRITE ? !disk.read_only : !at->second->contents.empty());
  return SQLITE_OK;
}

int x_full_path(sqlite3_vfs*, const char* name, int size, char* out) {
  sqlite3_snprintf(size, out, "%s", name);
  return SQLITE_OK;
}

int x_randomness(sqlite3_vfs* vfs, int count, char* out) {
  Disk& disk = of(vfs);
  std::lock_guard guard(disk.mutex);
  for (int i = 0; i < count; ++i) out[i] = static_cast<char>(disk.below(256));
  return count;
}

int x_sleep(sqlite3_vfs*, int microseconds) { return microseconds; }  // nobody waits in a simulation

int x_current_time(sqlite3_vfs*, sqlite3_int64* julian_milliseconds) {
  *julian_milliseconds = 212'000'000'000'000;  // some day in 2005; Gantry's rows have their own times
  return SQLITE_OK;
}
int x_current_time_double(sqlite3_vfs* vfs, double* julian_days) {
  sqlite3_int64 now = 0;
  x_current_time(vfs, &now);
  *julian_days = static_cast<double>(now) / 86'400'000.0;
  return SQLITE_OK;
}
int x_last_error(sqlite3_vfs*, int, char*) { return 0; }

}  // namespace

LossyVfs::Disk::Disk(std::uint64_t seed) : random(seed) {
  static std::atomic<unsigned> count{0};
  name = "lossy-" + std::to_string(count.fetch_add(1));
  vfs.iVersion = 2;
  vfs.szOsFile = sizeof(Handle);
  vfs.mxPathname = 512;
  vfs.zName = name.c_str();
  vfs.pAppData = this;
  vfs.xOpen = x_open;
  vfs.xDelete = x_delete;
  vfs.xAccess = x_access;
  vfs.xFullPathname = x_full_path;
  vfs.xRandomness = x_randomness;
  vfs.xSleep = x_sleep;
  vfs.xCurrentTime = x_current_time_double;
  vfs.xGetLastError = x_last_error;
  vfs.xCurrentTimeInt64 = x_current_time;
  sqlite3_vfs_register(&vfs, 0);
  sqlite3_test_control(SQLITE_TESTCTRL_PRNG_SEED, static_cast<int>(seed % 0x7fffffff) | 1, nullptr);
}

void LossyVfs::Disk::settle(File& file) {
  // How much gets through differs from one failure to the next: all, nothing, or any part.
  const std::uint64_t chance = below(5);
  auto survives = [&] { return below(4) < chance; };
  for (const Change& change : file.pending) {
    if (change.truncates) {
      if (survives()) play(change, file.durable);
      continue;
    }
    for (std::size_t at = 0; at < change.bytes.size();) {
      const std::size_t to_border = kSector - (change.at + at) % kSector;
      const std::size_t count = std::min(to_border, change.bytes.size() - at);
      if (survives()) play({.at = change.at + at, .bytes = change.bytes.substr(at, count)}, file.durable);
      at += count;
    }
  }
  file.pending.clear();
}

bool LossyVfs::Disk::may_change() {
  if (dies_at && changes >= *dies_at) powered = false;
  if (powered) ++changes;
  return powered;
}

int LossyVfs::Disk::fault(Operation operation, const std::string& path) {
  for (Fault& fault : faults) {
    if (fault.operation != operation || !path.ends_with(fault.suffix) || fault.times == 0) continue;
    if (fault.after > 0) {
      --fault.after;
      continue;
    }
    if (fault.times != kAlways) --fault.times;
    return fault.code;
  }
  return SQLITE_OK;
}

LossyVfs::LossyVfs(std::uint64_t seed) : disk_(std::make_unique<Disk>(seed)) {}
LossyVfs::~LossyVfs() = default;

const std::string& LossyVfs::name() const { return disk_->name; }

void LossyVfs::crash() {
  std::lock_guard guard(disk_->mutex);
  std::map<std::string, FilePtr> survivors;
  for (auto& [path, file] : disk_->undead) {
    if (disk_->coin()) survivors[path] = file;  // its deletion did not reach the platter
  }
  for (auto& [path, file] : disk_->files) {
    if (file->named || disk_->coin()) survivors[path] = file;
  }
  disk_->files.clear();
  disk_->undead.clear();
  for (auto& [path, file] : survivors) {
    disk_->settle(*file);
    disk_->replace(path, file->durable);
  }
  ++disk_->generation;
  disk_->powered = true;
  disk_->dies_at.reset();
}

void LossyVfs::kill() {
  std::lock_guard guard(disk_->mutex);
  for (auto& [path, file] : disk_->files) {
    auto next = std::make_shared<File>();  // without the locks of the dead
    next->contents = file->contents;
    next->durable = file->durable;
    next->pending = file->pending;
    next->named = file->named;
    file = std::move(next);
  }
  ++disk_->generation;
  disk_->powered = true;
  disk_->dies_at.reset();
}

void LossyVfs::die_after(std::uint64_t changes) {
  std::lock_guard guard(disk_->mutex);
  disk_->dies_at = disk_->changes + changes;
}

bool LossyVfs::is_dead() const {
  std::lock_guard guard(disk_->mutex);
  return !disk_->powered;
}

std::uint64_t LossyVfs::changes() const {
  std::lock_guard guard(disk_->mutex);
  return disk_->changes;
}

void LossyVfs::inject(Fault fault) {
  std::lock_guard guard(disk_->mutex);
  disk_->faults.push_back(std::move(fault));
}

void LossyVfs::clear_faults() {
  std::lock_guard guard(disk_->mutex);
  disk_->faults.clear();
}

void LossyVfs::limit_bytes(std::optional<std::uint64_t> bytes) {
  std::lock_guard guard(disk_->mutex);
  disk_->limit = bytes;
}

void LossyVfs::refuse_new_files(bool refuse) {
  std::lock_guard guard(disk_->mutex);
  disk_->refuses_new = refuse;
}

void LossyVfs::set_read_only(bool read_only) {
  std::lock_guard guard(disk_->mutex);
  disk_->read_only = read_only;
}

std::vector<std::string> LossyVfs::files() const {
  std::lock_guard guard(disk_->mutex);
  std::vector<std::string> paths;
  for (const auto& [path, file] : disk_->files) paths.push_back(path);
  return paths;
}

std::uint64_t LossyVfs::bytes() const {
  std::lock_guard guard(disk_->mutex);
  return disk_->size();
}

std::string LossyVfs::contents(const std::string& path) const {
  std::lock_guard guard(disk_->mutex);
  auto at = disk_->files.find(path);
  return at == disk_->files.end() ? std::string() : at->second->contents;
}

void LossyVfs::put(const std::string& path, std::string contents) {
  std::lock_guard guard(disk_->mutex);
  disk_->replace(path, std::move(contents));
}

void LossyVfs::flip_bits(const std::string& path, std::size_t count) {
  std::lock_guard guard(disk_->mutex);
  auto at = disk_->files.find(path);
  if (at == disk_->files.end() || at->second->contents.empty()) return;
  std::string contents = at->second->contents;
  for (; count > 0; --count) {
    contents[disk_->below(contents.size())] ^= static_cast<char>(1U << disk_->below(8));
  }
  disk_->replace(path, std::move(contents));
}

void LossyVfs::cut(const std::string& path) {
  std::lock_guard guard(disk_->mutex);
  auto at = disk_->files.find(path);
  if (at == disk_->files.end()) return;
  disk_->replace(path, at->second->contents.substr(0, disk_->below(at->second->contents.size())));
}

}  // namespace gantry::testing
