#include "daemon/watchers.h"

#include <algorithm>
#include <utility>

#include "daemon/labels.h"
#include "daemon/workflow_json.h"

namespace gantry {
namespace {

constexpr std::size_t kPage = 100;
/// A client with more than this to take is behind: it gets the newest state later instead of every
/// one.
constexpr std::size_t kBehind = 64 * 1024;

bool wants(const api::WatchQuery& query, const api::Json& object) {
  const api::Json& metadata = object["metadata"];
  if (!query.name_space.empty() && metadata["namespace"] != query.name_space) return false;
  if (!query.name.empty() && metadata["name"] != query.name) return false;
  if (query.labels.empty()) return true;
  return matches(query.labels, metadata.value("labels", std::map<std::string, std::string>()));
}

}  // namespace

Watchers::~Watchers() {
  for (const WatcherPtr& watcher : watchers_) {
    watcher->stream->on_closed = nullptr;
    watcher->stream->on_drained = nullptr;
  }
}

void Watchers::add(api::WatchQuery query, api::StreamPtr stream) {
  auto watcher = std::make_shared<Watcher>(Watcher{std::move(query), std::move(stream)});
  watchers_.push_back(watcher);
  std::weak_ptr<Watcher> weak = watcher;
  watcher->stream->on_closed = [this, weak] {
    if (auto closed = weak.lock()) remove(closed.get());
  };
  watcher->stream->on_drained = [this, weak] {
    if (auto ready = weak.lock()) drained(ready);
  };
  list(watcher);
}

void Watchers::remove(const Watcher* watcher) {
  std::erase_if(watchers_, [&](const WatcherPtr& w) { return w.get() == watcher; });
}

void Watchers::list(const WatcherPtr& watcher) {
  if (!watcher->listing || std::exchange(watcher->asking, true)) return;
  api::ListQuery query{.name_space = watcher->query.name_space,
                       .labels = watcher->query.labels,
                       .name_filter = watcher->query.name,
                       .name_match = api::ListQuery::NameMatch::Exact,
                       .limit = kPage,
                       .continue_token = watcher->page,
                       .with_nodes = true};
  std::weak_ptr<Watcher> weak = watcher;
  // Behind what is being stored, so that no run falls between the list and the changes.
  daemon_.effects().after_commit([this, weak, query = std::move(query)] {
    daemon_.store().list(query, [this, weak](Result<Store::Page> page) {
      if (auto asked = weak.lock()) listed(asked, std::move(page));
    });
  });
}

void Watchers::listed(const WatcherPtr& watcher, Result<Store::Page> page) {
  watcher->asking = false;
  if (!page) return watcher->stream->fail(page.error());
  for (const StoredRun& stored : page->runs) {
    if (watcher->known.contains(stored.info.uid)) continue;
    const engine::Run* live = daemon_.engine().find_uid(stored.info.uid);
    tell(*watcher, stored.info.uid, live != nullptr ? workflow_json(*live) : workflow_json(stored));
  }
  watcher->page = page->continue_token;
  watcher->listing = !watcher->page.empty();
  if (watcher->stream->buffered() == 0) list(watcher);
}

void Watchers::drained(const WatcherPtr& watcher) {
  for (const std::string& uid : std::exchange(watcher->late, {})) {
    if (const engine::Run* live = daemon_.engine().find_uid(uid)) {
      tell(*watcher, uid, workflow_json(*live));
      continue;
    }
    std::weak_ptr<Watcher> weak = watcher;
    daemon_.store().load(uid, [this, weak](Result<std::vector<StoredRun>> runs) {
      auto waiting = weak.lock();
      if (!waiting || !runs || runs->empty()) return;
      tell(*waiting, runs->front().info.uid, workflow_json(runs->front()));
    });
  }
  if (watcher->stream->buffered() == 0) list(watcher);
}

void Watchers::tell(Watcher& watcher, const std::string& uid, const api::Json& object) {
  bool wanted = wants(watcher.query, object);
  bool known = watcher.known.contains(uid);
  if (!wanted && !known) return;
  // An object whose labels do not match any more is deleted for this client, as in Kubernetes.
  const char* type = !wanted ? "DELETED" : known ? "MODIFIED" : "ADDED";
  if (wanted) {
    watcher.known.insert(uid);
  } else {
    watcher.known.erase(uid);
  }
  watcher.stream->send({{"type", type}, {"object", object}});
}

bool Watchers::know(const std::string& uid) const {
  return std::any_of(watchers_.begin(), watchers_.end(), [&](const WatcherPtr& watcher) { return watcher->known.contains(uid); });
}

void Watchers::run_deleted(const std::string& uid, const api::Json& object) {
  changed_.erase(uid);
  auto watchers = watchers_;  // sending may end a stream
  for (const WatcherPtr& watcher : watchers) {
    watcher->late.erase(uid);
    if (watcher->known.erase(uid) == 0) continue;
    watcher->stream->send({{"type", "DELETED"}, {"object", object}});
  }
}

void Watchers::turn_ended() {
  if (changed_.empty()) return;
  auto changed = std::exchange(changed_, {});
  auto watchers = watchers_;
  for (const std::string& uid : changed) {
    const engine::Run* run = daemon_.engine().find_uid(uid);
    if (run == nullptr) continue;
    api::Json object;
    for (const WatcherPtr& watcher : watchers) {
      const api::WatchQuery& query = watcher->query;
      if (!query.name_space.empty() && query.name_space != run->info.name_space) continue;
      if (!query.name.empty() && query.name != run->info.name) continue;
      if (watcher->stream->closed()) continue;
      if (watcher->stream->buffered() > kBehind) {
        watcher->late.insert(uid);
        continue;
      }
      if (object.is_null()) object = workflow_json(*run);
      tell(*watcher, uid, object);
    }
  }
}

}  // namespace gantry
