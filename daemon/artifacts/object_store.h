#pragma once

// Contents by their SHA-256: `objects/ab/cdef…`, one regular file each, owned by the daemon's user.
// A content is stored once, whatever its name, mode or time.
//
// An object appears under its name complete (written to `tmp/`, then renamed), so a killed writer
// leaves only files in `tmp/`, which the next open() removes. Objects are given away as hard links,
// which share the inode's mode and time: an object that nobody else links takes those that are
// asked for; one that is linked already, with others, is copied.
//
// Nothing that an operation relies on is collected: an operation is a Session, and what it has put
// or pinned stays until it has ended, and until a collection that began meanwhile has ended too. So
// a content that was found there need not be locked while the key that will name it is written.
//
// Any thread, several at once; everything blocks. One process at a time: LocalRepository holds the
// lock.

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"
#include "daemon/artifacts/digest.h"

namespace gantry::artifacts {

class ObjectStore {
 public:
  using Digests = std::unordered_set<Digest, DigestHash>;

  /// One operation. Belongs to one thread.
  class Session {
   public:
    explicit Session(ObjectStore& store) : store_(store) {}
    ~Session();
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    void pin(const Digest& digest);

   private:
    friend class ObjectStore;
    ObjectStore& store_;
    std::vector<Digest> pinned_;
    std::vector<Digest> created_;
    std::unique_ptr<char[]> buffer_;
  };

  struct Put {
    Digest digest;
    std::uint64_t size = 0;
  };

  /// Makes `directory` (objects/ and tmp/ in it) or takes it up again.
  static Result<std::unique_ptr<ObjectStore>> open(const std::string& directory);

  /// Stores what `fd` still holds. ResourceExhausted: more than `limit` bytes.
  Result<Put> put(Session& session, int fd, std::uint64_t limit);
  Result<Put> put(Session& session, std::string_view content);
  /// Makes durable what the session has put.
  Result<void> sync(const Session& session);

  /// NotFound: there is no such object.
  [[nodiscard]] Result<UniqueFd> open_content(const Digest& digest) const;

  struct Attributes {
    unsigned mode;  ///< 0 to 0777
    std::int64_t mtime;
  };
  /// Makes `name` below `directory` a file with this content: a hard link, or a copy where there
  /// must be one.
  Result<void> link(const Digest& digest, Attributes attributes, int directory,
                    const std::string& name);
  /// The same, always a copy, which may be written to.
  Result<void> copy(const Digest& digest, Attributes attributes, int directory,
                    const std::string& name) const;

  struct Swept {
    std::uint64_t objects = 0;
    std::uint64_t bytes = 0;
  };
  /// Removes the objects that `mark` does not name and no session relies on. `mark` is called once,
  /// and must see every key whose session ended before the call. One collection at a time.
  Result<Swept> collect(const std::function<Result<Digests>()>& mark);

  struct Usage {
    std::uint64_t objects = 0;
    std::uint64_t bytes = 0;
  };
  [[nodiscard]] Result<Usage> usage() const;
  /// For files in progress: on the same file system, emptied by open().
  [[nodiscard]] const std::string& temporary_directory() const { return temporary_; }

 private:
  ObjectStore(std::string directory, UniqueFd objects);
  [[nodiscard]] bool contains(const Digest& digest) const;
  Result<Put> put_large(Session& session, int fd, std::size_t buffered, std::uint64_t limit);
  Result<void> publish(Session& session, const std::string& temporary, const Digest& digest);
  std::string next_temporary();
  void unpin(const std::vector<Digest>& digests);
  bool remove_unless_pinned(const Digest& digest, Swept& swept);

  std::string directory_;
  std::string temporary_;
  UniqueFd objects_;

  std::mutex pins_mutex_;  ///< guards what follows
  std::unordered_map<Digest, unsigned, DigestHash> pins_;
  bool collecting_ = false;
  Digests kept_;  ///< pinned at some time since the collection began
  std::uint64_t next_ = 0;

  std::mutex collect_mutex_;
  /// Held while an object's attributes are looked at, changed and the object linked; one for each
  /// first byte.
  std::array<std::mutex, 256> attributes_mutex_;
};

}  // namespace gantry::artifacts
