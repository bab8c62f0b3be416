#include "daemon/artifact_mover.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/json_text.h"
#include "daemon/artifacts/files.h"

namespace gantry {

using artifacts::LoadRequest;
using artifacts::Location;
using artifacts::Materialised;
using Json = nlohmann::json;
namespace fs = std::filesystem;

/// Transfers with servers that are under way at a time; the workers are a few more (Loop).
constexpr int kRemoteJobs = 4;

/// What is known of one pod. Workers hold it while they work for it, one at a time.
struct ArtifactMover::Pod {
  std::string id, directory, log_directory;
  engine::PodArtifacts artifacts;
  std::string name_space;
  std::vector<Materialised> held;
  UniqueFd cancel{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};

  [[nodiscard]] std::string staged(std::size_t number) const { return directory + "/out/" + std::to_string(number); }
  void fill_staged(runtime::PodSpec& pod) const {
    for (std::size_t i = 0; i < pod.output_artifacts.size(); ++i) pod.output_artifacts[i].staged = staged(i);
  }
};

namespace {

/// moved.json: the inputs as the runtime got them, and the trees of the repository that they are.
struct Moved {
  std::vector<runtime::InputArtifact> inputs;
  std::vector<std::string> trees;
};

Result<void> write_moved(const std::string& path, const Moved& moved) {
  Json inputs = Json::array();
  for (const auto& input : moved.inputs) {
    inputs.push_back({{"path", input.path}, {"source", input.source}, {"containers", input.containers}});
  }
  const std::string text = json_text(Json{{"inputs", inputs}, {"trees", moved.trees}});
  const std::string temporary = path + ".new";
  UniqueFd fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!fd.valid()) return fail(errno_error("create " + temporary, errno));
  if (auto written = write_all(fd.get(), text); !written) return written;
  if (::fsync(fd.get()) != 0) return fail(errno_error("sync " + temporary, errno));
  if (::rename(temporary.c_str(), path.c_str()) != 0) return fail(errno_error("rename " + temporary, errno));
  return {};
}

std::optional<Moved> read_moved(const std::string& path) {
  std::ifstream file(path);
  const Json json = Json::parse(file, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  Moved moved;
  try {
    for (const Json& input : json.at("inputs")) {
      runtime::InputArtifact& to = moved.inputs.emplace_back();
      to.path = input.at("path");
      to.source = input.at("source");
      to.containers = input.at("containers").get<std::vector<std::string>>();
    }
    moved.trees = json.at("trees").get<std::vector<std::string>>();
  } catch (const Json::exception&) {
    return std::nullopt;
  }
  return moved;
}

/// Takes the trees up again. False when one is gone, as after a reboot.
bool hold_all(artifacts::Artifacts& artifacts, const Moved& moved, std::vector<Materialised>& held) {
  auto repository = artifacts.repository(kLocalRepository);
  if (!repository) return false;
  for (const std::string& tree : moved.trees) {
    auto use = (*repository)->hold(tree);
    if (!use) return false;
    held.push_back(std::move(*use));
  }
  return true;
}

Error load_error(const std::string& artifact, Error error) {
  error.message = "init: Error (exit code 64): artifact " + artifact + " failed to load: " + error.message;
  return error;
}

/// stdout, then stderr: the files hold no times to merge them by.
Result<void> join_logs(const std::string& base, const std::string& to) {
  UniqueFd out(::open(to.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!out.valid()) return fail(errno_error("create " + to, errno));
  bool any = false;
  std::string buffer(256 << 10, '\0');
  for (const char* stream : {".stdout", ".stderr"}) {
    const UniqueFd in(::open((base + stream).c_str(), O_RDONLY | O_CLOEXEC));
    if (!in.valid()) continue;
    any = true;
    for (ssize_t got; (got = ::read(in.get(), buffer.data(), buffer.size())) > 0;) {
      auto written = write_all(out.get(), std::string_view(buffer).substr(0, static_cast<std::size_t>(got)));
      if (!written) return written;
    }
  }
  if (!any) return fail(Code::NotFound, "no log");
  return {};
}

}  // namespace

ArtifactMover::ArtifactMover(Settings settings, const Objects& objects, Executor& executor,
                             std::shared_ptr<artifacts::Artifacts> artifacts)
    : settings_(std::move(settings)),
      executor_(executor),
      locations_(objects, settings_.fallback),
      artifacts_(std::move(artifacts)),
      remote_(executor, kRemoteJobs) {}

Result<std::unique_ptr<ArtifactMover>> ArtifactMover::open(Settings settings, const Objects& objects,
                                                           Executor& executor) {
  if (auto made = artifacts::make_directories(settings.directory + "/pods"); !made) return fail(std::move(made.error()));
  auto opened = artifacts::Artifacts::open({.repositories = {{kLocalRepository, settings.directory + "/local"}},
                                            .scratch_directory = settings.directory + "/scratch",
                                            .git = {},
                                            .limits = settings.limits});
  if (!opened) return fail(std::move(opened.error()));
  std::unique_ptr<ArtifactMover> mover(
      new ArtifactMover(std::move(settings), objects, executor, std::shared_ptr<artifacts::Artifacts>(std::move(*opened))));
  mover->hold_what_pods_have();
  return mover;
}

void ArtifactMover::hold_what_pods_have() {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(settings_.directory + "/pods", error)) {
    if (auto moved = read_moved(entry.path() / "moved.json")) hold_all(*artifacts_, *moved, kept_[entry.path().filename()]);
  }
}

// ---- jobs ----

void ArtifactMover::run(bool remote, Job job) {
  if (remote) return remote_.run(std::move(job.work), std::move(job.done));
  executor_.offload(std::move(job.work), std::move(job.done));
}

// ---- into pods ----

std::shared_ptr<ArtifactMover::Pod> ArtifactMover::make(const engine::PodArtifacts& artifacts,
                                                        const std::string& name_space, const runtime::PodSpec& spec) {
  auto pod = std::make_shared<Pod>();
  pod->id = spec.id;
  pod->directory = settings_.directory + "/pods/" + spec.id;
  pod->log_directory = settings_.log_root + "/" + spec.log_directory;
  pod->artifacts = artifacts;
  pod->name_space = name_space;
  if (auto kept = kept_.extract(spec.id)) pod->held = std::move(kept.mapped());
  pods_[spec.id] = pod;
  return pod;
}

void ArtifactMover::load(const engine::PodArtifacts& artifacts, const std::string& name_space, runtime::PodSpec spec,
                         Loaded done) {
  auto pod = make(artifacts, name_space, spec);
  pod->fill_staged(spec);
  struct Work {
    runtime::PodSpec spec;
    std::vector<LoadRequest> requests;
    std::optional<Error> error;
  };
  auto work = std::make_shared<Work>();
  work->spec = std::move(spec);
  bool remote = false;
  for (const auto& input : pod->artifacts.inputs) {
    auto location = locations_.resolve(input.artifact.location, name_space, artifacts.repository);
    if (!location) {
      Error error = load_error(input.artifact.name, std::move(location.error()));
      return executor_.post([done = std::move(done), error] { done(fail(error)); });
    }
    LoadRequest request;
    request.location = std::move(*location);
    request.archive = archive_from_json(input.artifact.archive);
    request.sub_path = input.artifact.sub_path;
    request.mode = input.artifact.mode;
    request.recurse_mode = input.artifact.recurse_mode;
    if (!std::holds_alternative<artifacts::Repository>(request.location)) {
      request.destination = pod->directory + "/in/" + std::to_string(work->requests.size());
    }
    remote |= is_remote(request.location);
    work->requests.push_back(std::move(request));
  }
  auto get = [pod, work, artifacts = artifacts_] {
    const std::string record = pod->directory + "/moved.json";
    if (auto moved = read_moved(record); moved && hold_all(*artifacts, *moved, pod->held)) {
      work->spec.input_artifacts = std::move(moved->inputs);
      return;
    }
    pod->held.clear();
    auto made = artifacts::remove_tree(pod->directory);
    for (const char* below : {"/in", "/out"}) {
      if (made) made = artifacts::make_directories(pod->directory + below);
    }
    Moved moved;
    for (std::size_t i = 0; made && i < work->requests.size(); ++i) {
      const auto& input = pod->artifacts.inputs[i];
      auto loaded = artifacts->load(work->requests[i], pod->cancel.get());
      if (!loaded && loaded.error().code == Code::NotFound && input.artifact.optional) continue;
      if (!loaded) {
        work->error = load_error(input.artifact.name, std::move(loaded.error()));
        return;
      }
      moved.inputs.push_back({.containers = input.containers,
                              .path = input.artifact.path,
                              .source = loaded->path,
                              .mode = std::nullopt,
                              .recurse_mode = false});
      if (!loaded->materialised) continue;
      moved.trees.push_back(loaded->materialised->id());
      pod->held.push_back(std::move(*loaded->materialised));
    }
    if (made) made = write_moved(record, moved);
    if (!made) work->error = std::move(made.error());
    work->spec.input_artifacts = std::move(moved.inputs);
  };
  run(remote, {std::move(get), [work, done = std::move(done)] {
                 if (work->error) return done(fail(std::move(*work->error)));
                 done(std::move(work->spec));
               }});
}

void ArtifactMover::adopt(const engine::PodArtifacts& artifacts, const std::string& name_space, runtime::PodSpec spec,
                          Loaded done) {
  auto pod = make(artifacts, name_space, spec);
  pod->fill_staged(spec);
  auto work = std::make_shared<runtime::PodSpec>(std::move(spec));
  auto take_up = [pod, work, artifacts = artifacts_] {
    if (auto moved = read_moved(pod->directory + "/moved.json")) {
      hold_all(*artifacts, *moved, pod->held);
      work->input_artifacts = std::move(moved->inputs);
    }
    // What was staged when the daemon ended is staged again.
    (void)artifacts::remove_tree(pod->directory + "/out");
    (void)artifacts::make_directories(pod->directory + "/out");
  };
  run(false, {std::move(take_up), [work, done = std::move(done)] { done(std::move(*work)); }});
}

// ---- out of pods ----

bool ArtifactMover::has_outputs(const std::string& id) const {
  const auto found = pods_.find(id);
  return found != pods_.end() && !(found->second->artifacts.outputs.empty() && found->second->artifacts.logs.empty());
}

void ArtifactMover::save(const std::string& id, runtime::PodExit exit, std::function<void(runtime::PodExit)> done) {
  const std::shared_ptr<Pod> pod = pods_.at(id);
  struct Item {
    std::string name, file, called;
    std::string log;  ///< to be joined into the file first
    Result<Location> location;
    artifacts::Archive archive;
  };
  struct Work {
    runtime::PodExit exit;
    std::vector<Item> items;
  };
  auto work = std::make_shared<Work>();
  work->exit = std::move(exit);
  bool remote = false;
  const auto add = [&](const engine::Artifact& artifact, std::string file, std::string called, std::string log) {
    auto location = locations_.resolve(artifact.location, pod->name_space, pod->artifacts.repository);
    remote |= location && is_remote(*location);
    work->items.push_back({artifact.name, std::move(file), std::move(called), std::move(log), std::move(location),
                           archive_from_json(artifact.archive)});
  };
  for (std::size_t i = 0; i < pod->artifacts.outputs.size(); ++i) {
    const engine::Artifact& output = pod->artifacts.outputs[i];
    const auto staged = work->exit.artifacts.find(output.name);
    if (staged == work->exit.artifacts.end() || !staged->second) continue;
    add(output, pod->staged(i), output.path.substr(output.path.rfind('/') + 1), "");
  }
  for (const auto& log : pod->artifacts.logs) {
    const std::string file = log.container + ".log";
    add(log.artifact, pod->directory + "/out/" + file, file, pod->log_directory + "/" + log.container);
  }
  auto put = [pod, work, artifacts = artifacts_] {
    for (Item& item : work->items) {
      Result<void> saved;
      if (!item.location) {
        saved = fail(std::move(item.location.error()));
      } else if (!item.log.empty()) {
        saved = join_logs(item.log, item.file);
      }
      if (saved) {
        auto staged = artifacts::Staged::open(item.file);
        if (staged) staged->name = item.called;
        auto result = staged ? artifacts->save(*staged, *item.location, item.archive, pod->cancel.get())
                             : Result<artifacts::Saved>(fail(std::move(staged.error())));
        if (!result) saved = fail(std::move(result.error()));
      }
      // Only what the container did not write is missing; what could not be saved never is.
      const bool own = !saved && saved.error().code == Code::NotFound && item.log.empty();
      if (own) saved = fail(Code::Unavailable, saved.error().message);
      work->exit.artifacts.insert_or_assign(item.name, std::move(saved));
    }
    (void)artifacts::remove_tree(pod->directory + "/out");
  };
  run(remote, {std::move(put), [work, done = std::move(done)] { done(std::move(work->exit)); }});
}

// ---- letting go ----

void ArtifactMover::cancel(const std::string& id) {
  const auto found = pods_.find(id);
  if (found == pods_.end()) return;
  const std::uint64_t one = 1;
  (void)!::write(found->second->cancel.get(), &one, sizeof one);
}

void ArtifactMover::removed(const std::string& id) {
  const auto found = pods_.find(id);
  if (found == pods_.end()) return;
  const std::shared_ptr<Pod> pod = std::move(found->second);
  pods_.erase(found);
  run(false, {[pod] { (void)artifacts::remove_tree(pod->directory); }, [] {}});
}

void ArtifactMover::keep_only(const std::function<bool(const std::string&)>& wanted) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(settings_.directory + "/pods", error)) {
    const std::string id = entry.path().filename();
    if (pods_.contains(id) || wanted(id)) continue;
    kept_.erase(id);
    run(false, {[path = entry.path().string()] { (void)artifacts::remove_tree(path); }, [] {}});
  }
  collect_garbage();
}

void ArtifactMover::collect_garbage() {
  if (collecting_) {
    collect_again_ = true;
    return;
  }
  collecting_ = true;
  auto collect = [artifacts = artifacts_] {
    if (auto repository = artifacts->repository(kLocalRepository)) (void)(*repository)->collect_garbage();
  };
  run(false, {std::move(collect), [this] {
                collecting_ = false;
                if (std::exchange(collect_again_, false)) collect_garbage();
              }});
}

void ArtifactMover::erase(const std::vector<engine::Artifact>& list, const std::string& name_space,
                          const workflow::RepositoryRef& repository, std::function<void(const std::string&)> log) {
  struct Work {
    std::vector<std::pair<std::string, Location>> places;
    std::vector<Error> errors;
  };
  auto work = std::make_shared<Work>();
  bool remote = false;
  for (const engine::Artifact& artifact : list) {
    auto location = locations_.resolve(artifact.location, name_space, repository);
    if (!location) {
      work->errors.push_back(std::move(location.error()).wrap("artifact " + artifact.name));
      continue;
    }
    // Nothing else can be deleted (upstream's drivers neither).
    if (!std::holds_alternative<artifacts::S3>(*location) && !std::holds_alternative<artifacts::Repository>(*location)) {
      continue;
    }
    remote |= is_remote(*location);
    work->places.emplace_back(artifact.name, std::move(*location));
  }
  auto remove = [work, artifacts = artifacts_] {
    for (const auto& [name, place] : work->places) {
      auto gone = artifacts->remove(place);
      if (!gone && gone.error().code != Code::NotFound) {
        work->errors.push_back(std::move(gone.error()).wrap("artifact " + name));
      }
    }
  };
  run(remote, {std::move(remove), [this, work, log = std::move(log)] {
                 collect_garbage();
                 for (const Error& error : work->errors) log("cannot delete " + error.message);
               }});
}

void ArtifactMover::list(const std::string& location, const std::string& name_space,
                         const workflow::RepositoryRef& repository,
                         std::function<void(Result<std::vector<std::string>>)> done) {
  auto place = locations_.resolve(location, name_space, repository);
  if (!place) return executor_.post([done = std::move(done), error = place.error()] { done(fail(error)); });
  const bool remote = is_remote(*place);
  auto keys = std::make_shared<Result<std::vector<std::string>>>();
  run(remote, {[keys, place = std::move(*place), artifacts = artifacts_] { *keys = artifacts->list(place); },
               [keys, done = std::move(done)] { done(std::move(*keys)); }});
}

void ArtifactMover::read(const engine::Artifact& artifact, const std::string& name_space,
                         const workflow::RepositoryRef& repository, std::function<void(Result<UniqueFd>)> done) {
  auto location = locations_.resolve(artifact.location, name_space, repository);
  if (!location) return executor_.post([done = std::move(done), error = location.error()] { done(fail(error)); });
  const bool remote = is_remote(*location);
  auto result = std::make_shared<Result<UniqueFd>>(fail(Code::Unknown, ""));
  auto get = [result, location = std::move(*location), archive = archive_from_json(artifact.archive),
              sub_path = artifact.sub_path, artifacts = artifacts_] {
    *result = artifacts->read(location, archive, sub_path);
  };
  run(remote, {std::move(get), [result, done = std::move(done)] { done(std::move(*result)); }});
}

}  // namespace gantry
