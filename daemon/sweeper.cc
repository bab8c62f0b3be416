#include "daemon/sweeper.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <utility>

namespace gantry {

namespace fs = std::filesystem;

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
    daemon_.executor().offload(list_logs, [this, owners] {
      daemon_.store().load_uids([this, owners](const Result<std::vector<std::string>>& uids) {
        if (uids) judge(*owners, *uids);
        sweeping_ = false;
      });
    });
  });
}

void Sweeper::judge(const std::vector<std::string>& owners, const std::vector<std::string>& stored) {
  const std::set<std::string> known(stored.begin(), stored.end());
  std::vector<std::string> logs;
  for (const std::string& owner : owners) {
    if (daemon_.engine().find_uid(owner) != nullptr) continue;
    host_.remove_idle_cgroup(owner);
    if (known.contains(owner)) continue;
    daemon_.runtime().remove_claims(owner);
    logs.push_back(daemon_.settings().log_root + "/" + owner);
  }
  if (logs.empty()) return;
  daemon_.log("removing what is left of " + std::to_string(logs.size()) + " deleted workflow(s)");
  auto remove = [logs = std::move(logs)] {
    std::error_code ignored;
    for (const std::string& directory : logs) fs::remove_all(directory, ignored);
  };
  daemon_.executor().offload(remove, [] {});
}

}  // namespace gantry
