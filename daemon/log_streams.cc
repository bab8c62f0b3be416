#include "daemon/log_streams.h"

#include <algorithm>
#include <map>
#include <optional>
#include <regex>
#include <utility>
#include <vector>

#include "daemon/log_file.h"

namespace gantry {
namespace {

/// Bytes that one read takes from each file, so that no pod waits long for another.
constexpr std::size_t kBudget = 256 * 1024;
/// A client with more than this to take gets no more until it has taken all.
constexpr std::size_t kBehind = 1 << 20;
constexpr Duration kPoll = std::chrono::seconds(1);
/// How long the files of an ended pod may still grow: until containerd has copied the last bytes,
/// which is certain once the pod is removed.
constexpr Duration kSettle = std::chrono::seconds(5);

/// The two files of a pod's container. `files` and `opened` are the worker's while it reads,
/// `started` is the loop's.
struct Source {
  Source(std::string pod_name, const std::string& base, std::optional<Time> started_at)
      : pod(std::move(pod_name)),
        started(started_at),
        files{LogFile(base + ".stdout"), LogFile(base + ".stderr")} {}
  std::string pod;
  std::optional<Time> started;
  LogFile files[2];
  bool opened = false;
};

struct Line {
  std::string text;
  std::shared_ptr<Source> source;
  bool old;  // was there when the file was first read
};

struct Reading {
  std::vector<Line> lines;
  bool more = false;
  std::optional<Error> error;
};

/// What a client asked for, as the worker needs it.
struct Selection {
  std::optional<std::size_t> tail_lines;
  std::optional<Time> since;
  std::optional<std::regex> grep;
};

Result<void> open_source(Source& source, const Selection& selection) {
  if (selection.since) {
    for (LogFile& file : source.files) {
      auto written = file.last_written();
      if (written && *written < *selection.since) (void)file.seek_tail(0);
    }
  }
  if (!selection.tail_lines) return {};
  std::size_t left = *selection.tail_lines;
  for (LogFile* file : {&source.files[1], &source.files[0]}) {
    auto found = file->seek_tail(left);
    if (!found) return fail(std::move(found.error()));
    left -= *found;
  }
  return {};
}

/// One round over all files. Worker thread.
Reading read_round(std::vector<std::shared_ptr<Source>>& sources, const Selection& selection,
                   bool last) {
  Reading reading;
  for (const auto& source : sources) {
    bool fresh = !std::exchange(source->opened, true);
    if (fresh) {
      if (auto opened = open_source(*source, selection); !opened) reading.error = opened.error();
    }
    for (LogFile& file : source->files) {
      std::vector<std::string> lines;
      auto more = file.read(kBudget, lines);
      if (!more) {
        reading.error = more.error();
        continue;
      }
      if (last && !*more) file.finish(lines);
      reading.more |= *more;
      for (std::string& text : lines) {
        if (selection.grep && !std::regex_search(text, *selection.grep)) continue;
        reading.lines.push_back({std::move(text), source, fresh});
      }
    }
  }
  return reading;
}

}  // namespace

// ---- one client ----

class LogStreams::Follower : public std::enable_shared_from_this<Follower> {
 public:
  Follower(Daemon& daemon, Watch& watch, const api::LogQuery& query, engine::RunInfo info,
           api::StreamPtr stream)
      : daemon_(daemon),
        watch_(watch),
        query_(query),
        info_(std::move(info)),
        selection_(std::make_shared<Selection>()),
        stream_(std::move(stream)) {
    selection_->tail_lines = query.tail_lines;
    selection_->since = query.since;
  }

  Result<void> compile_grep() {
    if (query_.grep.empty()) return {};
    try {
      selection_->grep.emplace(query_.grep, std::regex::ECMAScript | std::regex::optimize);
    } catch (const std::regex_error& error) {
      return fail(Code::InvalidArgument, "grep: " + std::string(error.what()));
    }
    return {};
  }

  [[nodiscard]] const std::string& uid() const { return info_.uid; }
  [[nodiscard]] bool done() const { return done_; }
  [[nodiscard]] bool has_sources() const { return !sources_.empty(); }
  api::Stream& stream() { return *stream_; }

  template <class Nodes>
  void look_at(const Nodes& nodes, engine::RunPhase phase) {
    for (const engine::Node& node : nodes) {
      if (node.type != engine::NodeType::Pod || !node.has_pod) continue;
      std::string name = engine::pod_name(info_.name, node);
      if (!query_.pod.empty() && query_.pod != name) continue;
      auto [at, fresh] = known_.try_emplace(name, nullptr);
      if (!fresh) {
        if (!at->second->started) at->second->started = node.started;
        continue;
      }
      std::string directory = daemon_.settings().log_root + "/" + info_.uid + "/" +
                              engine::log_directory(name, node);
      std::string container = query_.container.empty() ? "main" : query_.container;
      at->second = std::make_shared<Source>(name, directory + "/" + container, node.started);
      sources_.push_back(at->second);
      directories_.push_back(std::move(directory));
    }
    if (engine::is_ended(phase)) over();
  }

  /// The run is over: what is read from now on, once the pods are gone, is the rest.
  void over() {
    if (!std::exchange(over_, true)) over_since_ = daemon_.now();
  }

  void pump() {
    if (busy_ || done_) return;
    if (stream_->closed()) return finish();
    if (stream_->buffered() > kBehind) return;  // on_drained calls again
    busy_ = true;
    bool last = !query_.follow ? settled() : over_ && settled();
    auto sources = std::make_shared<std::vector<std::shared_ptr<Source>>>(sources_);
    auto reading = std::make_shared<Reading>();
    daemon_.executor().offload(
        [sources, reading, last, selection = selection_] {
          *reading = read_round(*sources, *selection, last);
        },
        [self = shared_from_this(), reading, last] { self->take(*reading, last); });
  }

 private:
  /// Nothing more is written into the files: none of the run's ended pods is still there.
  [[nodiscard]] bool settled() const {
    if (over_ && daemon_.now() - over_since_ > kSettle) return true;
    const engine::Run* run = daemon_.engine().find_uid(info_.uid);
    if (run == nullptr) return true;
    return std::none_of(run->nodes.begin(), run->nodes.end(), [&](const engine::Node& node) {
      return node.has_pod && workflow::is_fulfilled(node.phase) &&
             daemon_.engine().owner_of(engine::pod_id(run->info, node)).has_value();
    });
  }

  void take(Reading& reading, bool last) {
    busy_ = false;
    if (stream_->closed()) return finish();
    for (Line& line : reading.lines) {
      std::string content;
      if (query_.timestamps) {
        std::optional<Time> stamp = line.old ? line.source->started : std::nullopt;
        content = rfc3339_millis(stamp.value_or(daemon_.now())) + " ";
      }
      content += line.text;
      stream_->send({{"content", std::move(content)}, {"podName", line.source->pod}});
    }
    if (reading.error) {
      stream_->fail(*reading.error);
      return finish();
    }
    if (reading.more || std::exchange(again_, false)) return pump();
    if (last) {
      stream_->end();
      return finish();
    }
    wait();
  }

  void wait() {
    watches_.resize(directories_.size());
    for (std::size_t i = 0; query_.follow && i < directories_.size(); ++i) {
      if (watches_[i]) continue;  // a directory that is not there yet is tried again
      watches_[i] = watch_(directories_[i], [weak = weak_from_this()] {
        if (auto self = weak.lock()) self->poke();
      });
    }
    if (std::exchange(timer_set_, true)) return;
    // Directories that are not there yet cannot be watched, and a pod's removal is no change of a
    // file.
    Duration delay = over_ || !query_.follow ? std::chrono::milliseconds(20) : kPoll;
    daemon_.executor().after(delay, [weak = weak_from_this()] {
      if (auto self = weak.lock()) {
        self->timer_set_ = false;
        self->poke();
      }
    });
  }

 public:
  /// There may be something new.
  void poke() {
    if (busy_) {
      again_ = true;
    } else {
      pump();
    }
  }

  void finish() {
    done_ = true;
    watches_.clear();
  }

 private:
  Daemon& daemon_;
  Watch& watch_;
  api::LogQuery query_;
  engine::RunInfo info_;
  std::shared_ptr<Selection> selection_;
  api::StreamPtr stream_;
  std::map<std::string, std::shared_ptr<Source>> known_;
  std::vector<std::shared_ptr<Source>> sources_;  // a worker's while busy_
  std::vector<std::string> directories_;
  std::vector<std::shared_ptr<void>> watches_;
  Time over_since_{};
  bool over_ = false;
  bool busy_ = false;
  bool again_ = false;
  bool timer_set_ = false;
  bool done_ = false;
};

// ---- all clients ----

LogStreams::LogStreams(Daemon& daemon, Watch watch) : daemon_(daemon), watch_(std::move(watch)) {}

LogStreams::~LogStreams() {
  for (const auto& follower : followers_) {
    follower->stream().on_closed = nullptr;
    follower->stream().on_drained = nullptr;
    follower->finish();
  }
}

void LogStreams::start(std::shared_ptr<Follower> follower) {
  std::erase_if(followers_, [](const auto& old) { return old->done(); });
  if (auto grep = follower->compile_grep(); !grep) return follower->stream().fail(grep.error());
  followers_.push_back(follower);
  std::weak_ptr<Follower> weak = follower;
  follower->stream().on_drained = [weak] {
    if (auto self = weak.lock()) self->poke();
  };
  follower->stream().on_closed = [weak] {
    if (auto self = weak.lock()) self->finish();
  };
  follower->pump();
}

void LogStreams::add(const api::LogQuery& query, const engine::Run& run, api::StreamPtr stream) {
  auto follower = std::make_shared<Follower>(daemon_, watch_, query, run.info, std::move(stream));
  follower->look_at(run.nodes, run.status.phase);
  start(std::move(follower));
}

void LogStreams::add(const api::LogQuery& query, const StoredRun& run, api::StreamPtr stream) {
  auto follower = std::make_shared<Follower>(daemon_, watch_, query, run.info, std::move(stream));
  follower->look_at(run.nodes, run.status.phase);
  start(std::move(follower));
}

void LogStreams::run_changed(const std::string& uid) {
  std::erase_if(followers_, [](const auto& old) { return old->done(); });
  const engine::Run* run = daemon_.engine().find_uid(uid);
  for (const auto& follower : followers_) {
    if (follower->uid() != uid) continue;
    if (run != nullptr) follower->look_at(run->nodes, run->status.phase);
    follower->poke();
  }
}

void LogStreams::run_deleted(const std::string& uid) {
  for (const auto& follower : followers_) {
    if (follower->uid() != uid) continue;
    follower->over();
    follower->poke();
  }
}

}  // namespace gantry
