#pragma once

// Artifacts as the host's file system shows them: `trees/<boot>/<id>`, a file or a directory whose
// files are hard links to the objects. Made once, shared by all who want it at the same time, kept
// when nobody does, removed by remove_idle().
//
// What is below must not be written to: a write would change the object for everybody. A container
// gets it as the lower layer of an overlay, or as a copy, or bound read-only; a privileged one
// never bound.
//
// A tree outlives the daemon: who starts again calls hold() with the ids of the trees that its
// containers still use, before the first remove_idle(). A tree does not outlive a boot, as no
// container does: other boots' are removed.
//
// Any thread, several at once; everything blocks.

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "base/error.h"

namespace gantry::artifacts {

class Trees;

/// One use of a tree, which stays until the last one is gone. Copies share the use.
class Materialised {
 public:
  [[nodiscard]] const std::string& path() const { return path_; }  ///< absolute, on the host
  [[nodiscard]] const std::string& id() const { return id_; }      ///< for Trees::hold()
  [[nodiscard]] bool is_directory() const { return is_directory_; }

 private:
  friend class Trees;
  std::string path_, id_;
  bool is_directory_ = false;
  std::shared_ptr<void> use_;
};

class Trees : public std::enable_shared_from_this<Trees> {
 public:
  /// `temporary` is where trees grow; on the same file system.
  static Result<std::shared_ptr<Trees>> open(const std::string& directory, std::string temporary);

  /// The tree `id`, made by `build` (which gets the path to make) unless it is there.
  Result<Materialised> get(const std::string& id,
                           const std::function<Result<void>(const std::string&)>& build);
  /// NotFound: there is no such tree (any more).
  Result<Materialised> hold(const std::string& id);
  /// Removes the trees that nobody uses.
  Result<void> remove_idle();

 private:
  struct Use {
    unsigned count = 0;
    bool building = false;
  };
  Trees(std::string directory, std::string temporary);
  Result<void> build_if_missing(const std::string& id,
                                const std::function<Result<void>(const std::string&)>& build);
  void release(const std::string& id);

  std::string directory_, temporary_;
  std::mutex mutex_;
  std::condition_variable built_;
  std::map<std::string, Use> uses_;  ///< trees in use or being built
};

}  // namespace gantry::artifacts
