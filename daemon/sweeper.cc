#include "daemon/sweeper.h"

#include <algorithm>
#include <filesystem>
#include <utility>

namespace gantry {

namespace fs = std::filesystem;

/// Of a long history the store is asked by parts, so that what is to be committed does not wait for it.
constexpr std::size_t kJudgedAtOnce = 500;

Sweeper::Sweeper(Daemon& daemon, Host host) : daemon_(daemon), host_(std::move(host)) {}

void Sweeper::sweep() {
  if (std::exchange(sweeping_, true)) return;
  host_.find([this](const std::vector<runtime::FoundPod>& pods) {
    daemon_.remove_strangers(pods);
    list_owners();
  });
}

void Sweeper::list_owners() {
  host_.owners([this](const std::vector<std::string>& of_runtime) {
    for (const std::string& owner : of_runtime) {
      if (daemon_.engine().find_uid(owner) == nullptr) host_.remove_idle_cgroup(owner);
    }
    auto owners = std::make_shared<std::vector<std::string>>(of_runtime);
    auto list_logs = [owners, root = daemon_.settings().log_root] {
      std::error_code error;
      for (fs::directory_iterator it(root, error), end; !error && it != end; it.increment(error)) {
        std::error_code gone;
        if (it->is_directory(gone)) owners->push_back(it->path().filename());
      }
      std::sort(owners->begin(), owners->end());
      owners->erase(std::unique(owners->begin(), owners->end()), owners->end());
    };
    daemon_.executor().offload(list_logs, [this, owners] { judge(owners); });
  });
}

void Sweeper::judge(const std::shared_ptr<std::vector<std::string>>& owners) {
  if (owners->empty()) {
    sweeping_ = false;
    return;
  }
  const std::size_t left = owners->size() - std::min(kJudgedAtOnce, owners->size());
  std::vector<std::string> some(owners->begin() + static_cast<std::ptrdiff_t>(left), owners->end());
  owners->resize(left);
  std::erase_if(some, [this](const std::string& owner) { return daemon_.engine().find_uid(owner) != nullptr; });
  daemon_.store().load_missing(std::move(some), [this, owners](const Result<std::vector<std::string>>& missing) {
    if (missing) remove(*missing);
    judge(owners);
  });
}

void Sweeper::remove(const std::vector<std::string>& strange) {
  if (strange.empty()) return;
  daemon_.log("removing what is left of " + std::to_string(strange.size()) + " deleted workflow(s)");
  for (const std::string& owner : strange) daemon_.runtime().remove_claims(owner);
  auto remove_logs = [strange, root = daemon_.settings().log_root] {
    std::error_code ignored;
    for (const std::string& owner : strange) fs::remove_all(root + "/" + owner, ignored);
  };
  daemon_.executor().offload(remove_logs, [] {});
}

}  // namespace gantry
