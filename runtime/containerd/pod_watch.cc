#include <algorithm>

#include "runtime/containerd/outputs.h"
#include "runtime/containerd/pod_life.h"

namespace gantry::containerd {
namespace {

/// As often as Argo's executor reads its progress file (its ARGO_PROGRESS_FILE_TICK_DURATION).
constexpr Duration kWatchInterval = std::chrono::seconds(3);

}  // namespace

// Reads are counted in busy_, because nothing may be open below the root file system when the task is deleted.
void PodLife::watch_outputs() {
  const auto& outputs = pod_.outputs;
  if (std::none_of(outputs.begin(), outputs.end(), [](const auto& output) { return output.watched; })) return;
  services_.after(kWatchInterval, [self = shared_from_this()] {
    if (self->state_ == State::Running && !self->removal_requested_) self->read_watched();
  });
}

void PodLife::read_watched() {
  ++busy_;
  auto found = std::make_shared<std::map<std::string, std::string>>();
  auto self = shared_from_this();
  services_.offload(
      [self, found, bundles = bundle_of("")] {
        for (const Container& container : self->containers_) {
          const ContainerFiles files = self->files_of(container, bundles);
          for (const runtime::OutputFile& output : self->pod_.outputs) {
            if (!output.watched || output.container != container.name) continue;
            if (auto content = files.read(output.path)) found->insert_or_assign(output.name, std::move(*content));
          }
        }
      },
      [self, found] {
        --self->busy_;
        if (self->settle(0)) return;
        if (self->state_ != State::Running) return self->look();
        for (auto& [name, content] : *found) {
          std::string& told = self->watched_[name];
          if (told == content) continue;
          told = content;
          self->services_.listener.on_output(self->pod_.id, name, content);
        }
        self->look();
        self->watch_outputs();
      });
}

}  // namespace gantry::containerd
