#pragma once

// A disk for SQLite that behaves as bad disks do: a VFS whose files live in memory and which forgets,
// tears and refuses as it is told. The same seed and the same calls give the same disk.
//
// What is durable: a write reaches the platter when its file is synced; a new name or a deletion with
// the next sync of any file (the journals of ext4 and XFS are ordered), a deletion at once if SQLite
// asks for that. Until then crash() may keep it, drop it or tear it: each 512-byte piece of each write
// by itself, so that a later write may survive an earlier one. A sync that fails has the kernel's way with it
// ("fsyncgate"): what was not synced is dropped or kept piece by piece, and no later sync writes it.
//
// WAL works (shared memory is kept per file and dies with a crash), several connections and threads
// too. sqlite3's own random numbers (salts of the WAL) are seeded as well; that is process-wide.
//
//   LossyVfs disk(seed);
//   auto store = Store::open("/gantry.db", executor, {.vfs = disk.name()});
//   …
//   disk.crash();   // every open file is dead now: SQLITE_IOERR, as for a process that is gone
//   store.reset();
//   store = Store::open("/gantry.db", executor, {.vfs = disk.name()});
//
// Any thread. Connections must be closed before the VFS is destroyed.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace gantry::testing {

class LossyVfs {
 public:
  explicit LossyVfs(std::uint64_t seed);  ///< registers itself under name(), not as the default
  ~LossyVfs();
  LossyVfs(const LossyVfs&) = delete;
  LossyVfs& operator=(const LossyVfs&) = delete;

  [[nodiscard]] const std::string& name() const;  ///< for sqlite3_open_v2 and Store::Options::vfs

  // ---- the end of a process or of the power ----

  /// The power fails: files are what was durable plus a random part of what was not. Handles that
  /// are open are dead for good.
  void crash();
  /// The process dies (SIGKILL) and the machine lives on: nothing is lost, handles are dead.
  void kill();
  /// Lets `changes` more changes of the disk (see changes()) happen; the next one and everything
  /// after it fails, opening included, until crash() or kill(). To crash at every point once.
  void die_after(std::uint64_t changes);
  /// It came to that.
  [[nodiscard]] bool is_dead() const;
  /// How many writes, truncations, syncs and deletions there were.
  [[nodiscard]] std::uint64_t changes() const;

  // ---- errors ----

  enum class Operation : std::uint8_t { Open, Read, Write, Truncate, Sync, Delete };
  struct Fault {
    Operation operation = Operation::Write;
    int code = 0;              ///< what SQLite gets: SQLITE_IOERR_FSYNC, SQLITE_FULL, …
    std::uint64_t after = 0;   ///< lets so many pass first
    std::uint64_t times = 1;   ///< then fails so many
    std::string suffix;        ///< only files whose names end so: "-wal"
  };
  static constexpr std::uint64_t kAlways = ~std::uint64_t{0};
  void inject(Fault fault);
  void clear_faults();  ///< injected ones; limits stay
  /// Files may have so many bytes together; a write that needs more gets SQLITE_FULL. nullopt: no end.
  void limit_bytes(std::optional<std::uint64_t> bytes);
  /// No inode is left: files that are there go on, new ones cannot be made.
  void refuse_new_files(bool refuse);
  /// As a file system that the kernel has remounted read-only after an error.
  void set_read_only(bool read_only);

  // ---- what is on the disk ----

  [[nodiscard]] std::vector<std::string> files() const;  ///< sorted
  [[nodiscard]] std::uint64_t bytes() const;             ///< of all files
  /// What a reader sees now; "" for a file that is not there.
  [[nodiscard]] std::string contents(const std::string& path) const;
  /// Makes or replaces a file, durably. Handles of the old one keep the old one.
  void put(const std::string& path, std::string contents);
  /// Flips `count` random bits of a file, durably.
  void flip_bits(const std::string& path, std::size_t count);
  /// Cuts a file off at a random place, durably.
  void cut(const std::string& path);

  class Disk;

 private:
  std::unique_ptr<Disk> disk_;
};

}  // namespace gantry::testing
