#pragma once

// A server over a real Unix socket in a temporary directory with a fake daemon behind it, driven by
// a poll loop on one thread; the test's own thread is the client.

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <future>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "api/server.h"

namespace gantry::api {

using namespace std::chrono_literals;

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string name = "/tmp/gantry-api-XXXXXX";
    path_ = mkdtemp(name.data());
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  std::string operator/(std::string_view name) const { return path_ + "/" + std::string(name); }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// Records what it is asked as JSON and answers what it is told to. Loop thread only, but for the
/// atomics.
class FakeBackend final : public Backend {
 public:
  std::vector<Json> calls;
  std::optional<Error> error;               ///< the answer to everything
  std::vector<std::function<void()>> held;  ///< answers while `hold`
  bool hold = false;
  bool drop = false;  ///< forget the reply
  std::function<void(StreamPtr)> on_stream = [](const StreamPtr& stream) { stream->end(); };
  std::vector<Json> workflows = {{{"metadata", {{"name", "hello"}}},
                                  {"status", {{"phase", "Succeeded"}, {"nodes", Json::object()}}}}};
  std::vector<Object> objects;
  std::string spool;
  std::string imported;  ///< contents of the last archive

  template <class T>
  void answer(Reply<T> reply, T value) {
    if (drop) return;
    auto call = [reply = std::move(reply), value = std::move(value), e = error] {
      reply(e ? Result<T>(tl::unexpected<Error>(*e)) : Result<T>(value));
    };
    if (hold) {
      held.push_back(std::move(call));
    } else {
      call();
    }
  }
  void release() {
    for (auto& call : std::exchange(held, {})) call();
  }

  static Json json(const std::vector<LabelTerm>& labels) {
    Json out = Json::array();
    for (const auto& t : labels) out.push_back({t.key, static_cast<int>(t.op), t.values});
    return out;
  }
  static Json json(const CreateRequest& r, const char* what) {
    Json out = {{"call", what},
                {"ns", r.name_space},
                {"document", r.document},
                {"yaml", r.yaml},
                {"file", r.file},
                {"dryRun", r.dry_run},
                {"strict", r.strict},
                {"name", r.name},
                {"generateName", r.generate_name},
                {"entrypoint", r.entrypoint},
                {"uid", r.caller.uid},
                {"pid", r.caller.pid},
                {"serviceAccount", r.service_account},
                {"parameters", r.parameters},
                {"labels", r.labels},
                {"annotations", r.annotations}};
    out["priority"] = r.priority ? Json(*r.priority) : Json();
    return out;
  }

  void create(CreateRequest request, Reply<std::vector<Json>> reply) override {
    calls.push_back(json(request, "create"));
    answer<std::vector<Json>>(std::move(reply), workflows);
  }
  void lint(CreateRequest request, Reply<std::vector<Json>> reply) override {
    calls.push_back(json(request, "lint"));
    answer<std::vector<Json>>(std::move(reply), workflows);
  }
  void get(const std::string& ns, const std::string& name, NodePage nodes, Reply<Document> reply) override {
    calls.push_back({{"call", "get"}, {"ns", ns}, {"name", name}, {"first", nodes.first}, {"limit", nodes.limit}});
    answer<Document>(std::move(reply), workflows.front());
  }
  void list(ListQuery q, Reply<ListPage> reply) override {
    calls.push_back({{"call", "list"},
                     {"ns", q.name_space},
                     {"labels", json(q.labels)},
                     {"filter", q.name_filter},
                     {"match", static_cast<int>(q.name_match)},
                     {"limit", q.limit},
                     {"continue", q.continue_token},
                     {"nodes", q.with_nodes},
                     {"after", q.created_after ? Json(rfc3339(*q.created_after)) : Json()},
                     {"before", q.finished_before ? Json(rfc3339(*q.finished_before)) : Json()}});
    answer<ListPage>(std::move(reply),
                     {workflows, q.limit > 0 ? "next" : "", q.limit > 0 ? 7u : 0u});
  }
  void remove(const std::string& ns, const std::string& name, Reply<Json> reply) override {
    calls.push_back({{"call", "remove"}, {"ns", ns}, {"name", name}});
    answer<Json>(std::move(reply), Json::object());
  }
  void command(const std::string& ns, const std::string& name, Command c,
               Reply<Document> reply) override {
    static constexpr const char* kVerbs[] = {"stop", "terminate", "suspend", "resume",
                                             "set",  "retry",     "resubmit"};
    calls.push_back({{"call", kVerbs[static_cast<int>(c.verb)]},
                     {"ns", ns},
                     {"name", name},
                     {"selector", c.node_selector},
                     {"message", c.message},
                     {"phase", c.phase},
                     {"outputs", c.output_parameters},
                     {"restart", c.restart_successful},
                     {"memoized", c.memoized},
                     {"parameters", c.parameters}});
    answer<Document>(std::move(reply), workflows.front());
  }
  void submit(SubmitRequest request, Reply<Json> reply) override {
    calls.push_back(json(request.options, "submit"));
    calls.back()["kind"] = static_cast<int>(request.kind);
    calls.back()["from"] = request.name;
    answer<Json>(std::move(reply), workflows.front());
  }
  void resources(ResourceRequest r, const char* what, Reply<std::vector<Json>> reply) {
    calls.push_back({{"call", what},
                     {"kind", static_cast<int>(r.kind)},
                     {"ns", r.name_space},
                     {"name", r.name},
                     {"document", r.document},
                     {"yaml", r.yaml},
                     {"file", r.file},
                     {"dryRun", r.dry_run},
                     {"strict", r.strict}});
    answer<std::vector<Json>>(std::move(reply), workflows);
  }
  void artifact(ArtifactQuery q, Reply<std::shared_ptr<ArtifactFile>> reply) override {
    calls.push_back({"artifact", q.name_space, q.name, q.uid, q.node_id, q.artifact, q.input});
    auto file = std::make_shared<ArtifactFile>();
    file->name = "a \"b\".tgz";
    file->content = UniqueFd(::memfd_create("artifact", 0));
    const std::string bytes = "the bytes";
    (void)!::write(file->content.get(), bytes.data(), bytes.size());
    answer(std::move(reply), std::move(file));
  }
  void create_resources(ResourceRequest r, Reply<std::vector<Json>> reply) override {
    resources(std::move(r), "create", std::move(reply));
  }
  void update_resources(ResourceRequest r, Reply<std::vector<Json>> reply) override {
    resources(std::move(r), "update", std::move(reply));
  }
  void lint_resources(ResourceRequest r, Reply<std::vector<Json>> reply) override {
    resources(std::move(r), "lint", std::move(reply));
  }
  void get_resource(ResourceKind kind, const std::string& ns, const std::string& name,
                    Reply<Json> reply) override {
    calls.push_back(
        {{"call", "get"}, {"kind", static_cast<int>(kind)}, {"ns", ns}, {"name", name}});
    answer<Json>(std::move(reply), workflows.front());
  }
  void list_resources(ResourceKind kind, ListQuery q, Reply<ListPage> reply) override {
    calls.push_back({{"call", "list"},
                     {"kind", static_cast<int>(kind)},
                     {"ns", q.name_space},
                     {"labels", json(q.labels)},
                     {"filter", q.name_filter},
                     {"match", static_cast<int>(q.name_match)}});
    answer<ListPage>(std::move(reply), {workflows, "", 0});
  }
  void remove_resource(ResourceKind kind, const std::string& ns, const std::string& name,
                       Reply<Json> reply) override {
    calls.push_back(
        {{"call", "remove"}, {"kind", static_cast<int>(kind)}, {"ns", ns}, {"name", name}});
    answer<Json>(std::move(reply), Json::object());
  }
  void suspend_cron(const std::string& ns, const std::string& name, bool suspend,
                    Reply<Json> reply) override {
    calls.push_back(
        {{"call", suspend ? "suspend cron" : "resume cron"}, {"ns", ns}, {"name", name}});
    answer<Json>(std::move(reply), workflows.front());
  }
  void dispatch_event(Event e, Reply<Json> reply) override {
    calls.push_back({{"call", "event"},
                     {"ns", e.name_space},
                     {"discriminator", e.discriminator},
                     {"payload", e.payload},
                     {"metadata", e.metadata}});
    answer<Json>(std::move(reply), Json::object());
  }
  void watch(WatchQuery q, StreamPtr stream) override {
    calls.push_back(
        {{"call", "watch"}, {"ns", q.name_space}, {"name", q.name}, {"labels", json(q.labels)}});
    on_stream(std::move(stream));
  }
  void logs(LogQuery q, StreamPtr stream) override {
    calls.push_back({{"call", "logs"},
                     {"ns", q.name_space},
                     {"name", q.name},
                     {"pod", q.pod},
                     {"container", q.container},
                     {"follow", q.follow},
                     {"timestamps", q.timestamps},
                     {"tail", q.tail_lines ? Json(*q.tail_lines) : Json()},
                     {"since", q.since ? Json(rfc3339(*q.since)) : Json()},
                     {"grep", q.grep}});
    on_stream(std::move(stream));
  }
  void put_object(ObjectKind kind, Object object, bool replace, Reply<Object> reply) override {
    calls.push_back({{"call", replace ? "replace" : "put"},
                     {"secret", kind == ObjectKind::Secret},
                     {"ns", object.name_space},
                     {"name", object.name},
                     {"data", object.data},
                     {"labels", object.labels}});
    answer<Object>(std::move(reply), std::move(object));
  }
  void edit_config_map(const std::string& ns, const std::string& name, Edit edit, Reply<Object> reply) override {
    Object object{.name_space = ns, .name = name};
    for (const Object& one : objects) {
      if (one.name == name) object = one;
    }
    if (auto edited = edit(object); !edited) return reply(fail(edited.error()));
    calls.push_back({{"call", "edit"}, {"ns", ns}, {"name", name}, {"data", object.data}});
    answer<Object>(std::move(reply), std::move(object));
  }
  void list_objects(ObjectKind, const std::string& ns, Reply<std::vector<Object>> reply) override {
    calls.push_back({{"call", "objects"}, {"ns", ns}});
    answer<std::vector<Object>>(std::move(reply), objects);
  }
  void remove_object(ObjectKind, const std::string& ns, const std::string& name,
                     Reply<Json> reply) override {
    calls.push_back({{"call", "remove_object"}, {"ns", ns}, {"name", name}});
    answer<Json>(std::move(reply), Json::object());
  }
  void import_image(const std::string& file, StreamPtr stream) override {
    std::ifstream in(file, std::ios::binary);
    imported.assign(std::istreambuf_iterator<char>(in), {});
    std::filesystem::remove(file);
    calls.push_back({{"call", "import"}, {"size", imported.size()}});
    on_stream(std::move(stream));
  }
  void pull_image(const std::string& reference, StreamPtr stream) override {
    calls.push_back({{"call", "pull"}, {"reference", reference}});
    on_stream(std::move(stream));
  }
  void list_images(Reply<std::vector<Json>> reply) override {
    calls.push_back({{"call", "images"}});
    answer<std::vector<Json>>(std::move(reply), {{{"name", "a"}}});
  }
  void remove_image(const std::string& name, Reply<Json> reply) override {
    calls.push_back({{"call", "remove_image"}, {"name", name}});
    answer<Json>(std::move(reply), Json::object());
  }
  Json status() override { return {{"accepting", true}}; }
  std::string health() override { return trouble; }
  void drain(DrainMode mode, const Caller& caller, Reply<Json> reply) override {
    calls.push_back({{"call", "drain"}, {"mode", static_cast<int>(mode)}, {"uid", caller.uid}});
    answer<Json>(std::move(reply), status());
  }
  void resume(const Caller& caller, Reply<Json> reply) override {
    calls.push_back({{"call", "resume"}, {"uid", caller.uid}});
    answer<Json>(std::move(reply), status());
  }
  void check_store(StreamPtr stream) override {
    calls.push_back({{"call", "check"}});
    stream->send({{"ok", true}});
    stream->end();
  }
  void backup(Reply<std::shared_ptr<ArtifactFile>> reply) override {
    calls.push_back({{"call", "backup"}});
    auto file = std::make_shared<ArtifactFile>();
    file->content = UniqueFd(::memfd_create("backup", MFD_CLOEXEC));
    if (::write(file->content.get(), "SQLite", 6) != 6) throw std::runtime_error("write");
    file->name = "gantry.db";
    answer<std::shared_ptr<ArtifactFile>>(std::move(reply), file);
  }
  void audit_log(std::size_t lines, Reply<std::vector<Json>> reply) override {
    calls.push_back({{"call", "audit"}, {"lines", lines}});
    answer<std::vector<Json>>(std::move(reply), {{{"method", "PUT"}}});
  }
  void events(const std::string& ns, const std::string& name, Reply<std::vector<Json>> reply) override {
    calls.push_back({{"call", "events"}, {"ns", ns}, {"name", name}});
    answer<std::vector<Json>>(std::move(reply), {{{"reason", "Submitted"}}});
  }
  std::string trouble;
  Json version() override { return {{"version", "v0"}}; }
  std::string spool_directory() override { return spool; }
};

/// Runs a server on a thread of its own. `on_loop` is how a test touches the server and the
/// backend.
class Harness : public Executor {
 public:
  explicit Harness(bool with_executor = false) : wake_(eventfd(0, EFD_CLOEXEC)) {
    backend.spool = directory.path();
    Config config;
    config.socket_path = directory / "api.sock";
    config.wake = [this] { ++wakes; };
    config.steady = [this] { return SteadyTime(std::chrono::milliseconds(clock_.load())); };
    config.wall = [] { return *parse_rfc3339("2024-05-01T12:00:00Z"); };
    config.audit = [this](const AuditRecord& record) { audited.push_back(record); };
    if (with_executor) config.executor = this;
    auto opened = Server::open(std::move(config), backend);
    if (!opened) throw std::runtime_error(opened.error().message);
    server = std::move(*opened);
    loop_ = std::thread([this] { run(); });
  }
  ~Harness() override {
    post([this] {
      server.reset();
      stop_ = true;
    });
    loop_.join();
    for (auto& worker : workers_) worker.join();
  }

  template <class F>
  auto on_loop(F task) -> decltype(task()) {
    std::packaged_task<decltype(task())()> packaged(std::move(task));
    auto done = packaged.get_future();
    post([&] { packaged(); });
    return done.get();
  }
  /// Moves the server's clock.
  void advance(std::chrono::milliseconds by) {
    clock_ += by.count();
    on_loop([] {});
  }
  Json last_call() {
    return on_loop([this] { return backend.calls.empty() ? Json() : backend.calls.back(); });
  }
  /// Waits until `condition` holds on the loop; it is looked at after each turn.
  void await(std::function<bool()> condition) {
    std::promise<void> done;
    post([&] { conditions_.push_back({std::move(condition), &done}); });
    ASSERT_EQ(done.get_future().wait_for(10s), std::future_status::ready) << "waited in vain";
  }
  [[nodiscard]] std::string socket() const { return directory / "api.sock"; }

  // Executor
  void post(std::function<void()> task) override {
    std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
    std::uint64_t one = 1;
    (void)!write(wake_.get(), &one, sizeof one);
  }
  void offload(std::function<void()> work, std::function<void()> done) override {
    ++offloaded;
    workers_.emplace_back([this, work = std::move(work), done = std::move(done)]() mutable {
      work();
      work = nullptr;  // what it holds is gone before the turn after which conditions are looked at
      post(std::move(done));
    });
  }
  void after(Duration, std::function<void()>) override {}

  TemporaryDirectory directory;
  FakeBackend backend;
  std::unique_ptr<Server> server;
  std::vector<AuditRecord> audited;  ///< loop thread
  std::atomic<int> wakes = 0, offloaded = 0, turns = 0;

 private:
  void run() {
    while (!stop_) {
      pollfd fds[] = {{server->epoll_fd(), POLLIN, 0}, {wake_.get(), POLLIN, 0}};
      auto timeout = server->timeout();
      // The fake clock does not move by itself: only the test's `advance` makes a deadline pass.
      int wait = timeout && timeout->count() == 0 ? 0 : timeout ? 1000 : -1;
      poll(fds, 2, wait);
      if ((fds[1].revents & POLLIN) != 0) {
        std::uint64_t count = 0;
        (void)!read(wake_.get(), &count, sizeof count);
      }
      std::vector<std::function<void()>> tasks;
      {
        std::lock_guard lock(mutex_);
        tasks.swap(tasks_);
      }
      for (auto& task : tasks) task();
      if (server) server->turn();
      ++turns;
      std::erase_if(conditions_, [](auto& c) {
        if (!c.first()) return false;
        c.second->set_value();
        return true;
      });
    }
  }

  UniqueFd wake_;
  std::mutex mutex_;
  std::vector<std::function<void()>> tasks_;
  std::vector<std::pair<std::function<bool()>, std::promise<void>*>> conditions_;
  std::atomic<std::int64_t> clock_ = 1000000;
  std::vector<std::thread> workers_;
  std::thread loop_;
  bool stop_ = false;
};

struct Response {
  int status = 0;
  std::string headers, body;
  [[nodiscard]] Json json() const { return Json::parse(body, nullptr, false); }
};

/// A client on a raw socket. Reads time out after 10 s (the test fails then).
class Client {
 public:
  explicit Client(const std::string& path) : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path, path.c_str());
    EXPECT_EQ(connect(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0)
        << strerror(errno);
    timeval limit{10, 0};
    setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(fd_.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  }

  /// False when the server has closed the connection.
  bool send(std::string_view text) {
    while (!text.empty()) {
      ssize_t count = ::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL);
      if (count <= 0) return false;
      text.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
  }
  bool request(std::string_view method, std::string_view target, std::string_view body = {},
               std::string_view headers = {}) {
    std::string text = std::string(method) + " " + std::string(target) +
                       " HTTP/1.1\r\nHost: localhost\r\n" + std::string(headers);
    if (!body.empty() || method == "POST" || method == "PUT")
      text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    return send(text + "\r\n" + std::string(body));
  }
  /// Everything up to and with `end`; what was read beyond it stays. "" at the end of the
  /// connection.
  std::string until(std::string_view end) {
    std::size_t at;
    while ((at = buffer_.find(end)) == std::string::npos) {
      if (!fill()) return {};
    }
    std::string out = buffer_.substr(0, at + end.size());
    buffer_.erase(0, at + end.size());
    return out;
  }
  std::string exactly(std::size_t size) {
    while (buffer_.size() < size) {
      if (!fill()) return {};
    }
    std::string out = buffer_.substr(0, size);
    buffer_.erase(0, size);
    return out;
  }
  Response head() {
    Response response;
    response.headers = until("\r\n\r\n");
    if (response.headers.size() > 12) response.status = std::atoi(response.headers.c_str() + 9);
    return response;
  }
  /// One chunk of a stream; "" at its end (or that of the connection).
  std::string chunk() {
    std::size_t size = std::strtoul(until("\r\n").c_str(), nullptr, 16);
    std::string data = exactly(size);
    until("\r\n");
    return data;
  }
  Response response() {
    Response response = head();
    std::string lower = response.headers;
    for (char& c : lower) c = static_cast<char>(std::tolower(c));
    if (std::size_t at = lower.find("content-length:"); at != std::string::npos) {
      response.body = exactly(std::strtoul(lower.c_str() + at + 15, nullptr, 10));
    } else {
      for (std::string piece; !(piece = chunk()).empty();) response.body += piece;
    }
    return response;
  }
  Response call(std::string_view method, std::string_view target, std::string_view body = {},
                std::string_view headers = {}) {
    request(method, target, body, headers);
    return response();
  }
  /// True once the server has closed its end.
  bool at_end() {
    while (fill()) {
    }
    return last_ == 0 || last_errno_ == ECONNRESET;
  }
  void close() { fd_.reset(); }
  [[nodiscard]] int fd() const { return fd_.get(); }

 private:
  bool fill() {
    char data[65536];
    last_ = recv(fd_.get(), data, sizeof data, 0);
    last_errno_ = last_ < 0 ? errno : 0;
    if (last_ > 0) buffer_.append(data, static_cast<std::size_t>(last_));
    return last_ > 0;
  }
  UniqueFd fd_;
  std::string buffer_;
  ssize_t last_ = 1;
  int last_errno_ = 0;
};

}  // namespace gantry::api
