#pragma once

// What the API needs from the daemon: one small interface. The daemon implements it; tests
// implement a fake.
//
// Everything here happens on the loop thread. No call blocks: answers come through `Reply`, at once
// or later, exactly once. Objects are JSON in Argo's shapes (Workflow, WorkflowList items), so that
// the API only routes and filters.

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/document.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/unique_fd.h"

namespace gantry::api {

template <class T>
using Reply = std::function<void(Result<T>)>;

/// Who asks: the peer of the socket (SO_PEERCRED).
struct Caller {
  uid_t uid = 0;
  gid_t gid = 0;
  pid_t pid = 0;
};

/// A stream of objects to one client. The backend holds it while it has something to say; the API
/// ends it when the client goes away. Dropping it ends it. An error that comes first and soon
/// becomes the HTTP status (a 404 for an unknown workflow). The callbacks run after the server's
/// turn, never inside a call of the backend.
class Stream {
 public:
  virtual ~Stream() = default;
  /// Sends `{"result": result}`.
  virtual void send(const Json& result) = 0;
  /// Sends `{"error": …}` and ends the stream.
  virtual void fail(const Error& error) = 0;
  virtual void end() = 0;
  /// Bytes that the client has not taken yet. A backend that reads faster than the client waits for
  /// on_drained.
  [[nodiscard]] virtual std::size_t buffered() const = 0;
  /// True once the client has gone or the stream has ended: nothing more arrives.
  [[nodiscard]] virtual bool closed() const = 0;

  std::function<void()> on_drained;  ///< set by the backend; called when `buffered` falls to zero
  std::function<void()> on_closed;   ///< set by the backend; called once
};
using StreamPtr = std::shared_ptr<Stream>;

/// A document to create or lint, as it came.
struct CreateRequest {
  std::string name_space;
  std::string document;  ///< YAML file, or one Workflow object as JSON
  bool yaml = false;
  std::string file;      ///< how messages call the document ("" for JSON)
  bool dry_run = false;  ///< check and answer with the object, store nothing
  bool strict = false;   ///< lint: unknown fields are errors
  std::vector<std::pair<std::string, std::string>> parameters;
  std::string name, generate_name, entrypoint, service_account;
  std::vector<std::pair<std::string, std::string>> labels, annotations;
  std::optional<int> priority;
  Caller caller;
};

/// One term of a label selector, Kubernetes' grammar.
struct LabelTerm {
  enum class Operator : std::uint8_t { In, NotIn, Exists, NotExists };
  std::string key;
  Operator op = Operator::Exists;
  std::vector<std::string> values;
};

struct ListQuery {
  std::string name_space;  ///< empty: all
  std::vector<LabelTerm> labels;
  std::string name_filter;
  enum class NameMatch : std::uint8_t { Contains, Prefix, Exact } name_match = NameMatch::Contains;
  std::optional<Time> created_after, finished_before;
  std::size_t limit = 0;       ///< 0: all
  std::string continue_token;  ///< of the page before
  bool with_nodes = false;     ///< fill status.nodes (lists usually leave them out)
};
struct ListPage {
  std::vector<Json> items;  ///< newest first
  std::string continue_token;
  std::size_t remaining = 0;
};

struct WatchQuery {
  std::string name_space;
  std::string name;  ///< empty: all; `@latest` is resolved by the backend
  std::vector<LabelTerm> labels;
};

struct LogQuery {
  std::string name_space, name;
  std::string pod;        ///< empty: all pods
  std::string container;  ///< empty: the pod's first
  bool follow = false;
  bool timestamps = false;
  std::optional<std::size_t> tail_lines;
  std::optional<Time> since;
  std::string grep;  ///< ECMAScript regular expression on the line; checked by the API
};

/// An artifact of a node. By uid, or else by namespace and name.
struct ArtifactQuery {
  std::string name_space, name, uid;
  std::string node_id;
  std::string artifact;
  bool input = false;
};
/// Its bytes as they are kept (a tar.gz, a zip, the file itself), to be read from the start.
struct ArtifactFile {
  UniqueFd content;
  std::string name;  ///< for whoever saves it: "out.tgz"
};

enum class Verb : std::uint8_t { Stop, Terminate, Suspend, Resume, Set, Retry, Resubmit };

/// What is to be done with a workflow that there is.
struct Command {
  Verb verb = Verb::Stop;
  /// Which nodes: `displayName=approve,phase=Running` (argo-workflows workflow/util
  /// SelectorMatchesNode); checked by the API, "" is all.
  std::string node_selector;
  std::string message;                                                 ///< Stop, Set
  std::string phase;                                                   ///< Set: "" leaves it
  std::vector<std::pair<std::string, std::string>> output_parameters;  ///< Set
  bool restart_successful = false;                                     ///< Retry
  bool memoized = false;                                               ///< Resubmit
  std::vector<std::pair<std::string, std::string>> parameters;         ///< Retry, Resubmit
  Caller caller;
};

/// A part of the nodes of a workflow, in order of creation.
struct NodePage {
  std::size_t first = 0, limit = 0;  ///< limit 0: all that follow
  bool left_out = false;             ///< nobody wants to see nodes
};

/// A Secret or a ConfigMap. Values go in and never come out again through the API for secrets.
enum class ObjectKind : std::uint8_t { Secret, ConfigMap };
struct Object {
  std::string name_space, name;
  std::map<std::string, std::string> data;  ///< raw bytes
  std::map<std::string, std::string> labels;
  Time created{};
};

/// The ConfigMap of a namespace that holds the limits of its `database` semaphores, one key each.
inline constexpr std::string_view kSyncLimits = "sync-limits";

/// The objects around workflows. A ClusterWorkflowTemplate has no namespace ("").
enum class ResourceKind : std::uint8_t {
  WorkflowTemplate,
  ClusterWorkflowTemplate,
  CronWorkflow,
  WorkflowEventBinding,
};

/// Objects of one kind to create, change or lint, as they came.
struct ResourceRequest {
  ResourceKind kind = ResourceKind::WorkflowTemplate;
  std::string name_space;
  std::string name;      ///< update: what the path says; "": each document's own
  std::string document;  ///< YAML file, or one object as JSON
  bool yaml = false;
  std::string file;  ///< how messages call the document ("" for JSON)
  bool dry_run = false;
  bool strict = false;
  bool lint = false;  ///< set by Backend::lint_resources
  Caller caller;
};

/// `submit --from`: a workflow of what is stored. `options` are those of CreateRequest; its
/// document is empty.
struct SubmitRequest {
  ResourceKind kind = ResourceKind::WorkflowTemplate;
  std::string name;
  CreateRequest options;
};

/// What somebody sent to the events endpoint.
struct Event {
  std::string name_space;  ///< whose bindings are asked; "": all
  std::string discriminator;
  Json payload;  ///< any JSON; null when there is no body
  std::map<std::string, std::vector<std::string>> metadata;  ///< headers `x-…`, lower case
  Caller caller;
};

/// What becomes of the workflows that run when no new ones are taken any more.
enum class DrainMode : std::uint8_t { Finish, Stop, Terminate };

class Backend {
 public:
  virtual ~Backend() = default;

  // Workflows. `{name}` may be `@latest` wherever a workflow is named.
  virtual void create(CreateRequest request, Reply<std::vector<Json>> reply) = 0;
  virtual void lint(CreateRequest request, Reply<std::vector<Json>> reply) = 0;
  virtual void get(const std::string& name_space, const std::string& name, NodePage nodes, Reply<Document> reply) = 0;
  virtual void list(ListQuery query, Reply<ListPage> reply) = 0;
  virtual void remove(const std::string& name_space, const std::string& name,
                      Reply<Json> reply) = 0;
  /// The workflow as it is then; for Resubmit the new one.
  virtual void command(const std::string& name_space, const std::string& name, Command command,
                       Reply<Document> reply) = 0;
  virtual void submit(SubmitRequest request, Reply<Json> reply) = 0;
  /// Sends `{"type": "ADDED"|"MODIFIED"|"DELETED", "object": Workflow}`; the current objects first,
  /// as ADDED.
  virtual void watch(WatchQuery query, StreamPtr stream) = 0;
  /// Sends `{"content": line, "podName": pod}`.
  virtual void logs(LogQuery query, StreamPtr stream) = 0;

  virtual void artifact(ArtifactQuery query, Reply<std::shared_ptr<ArtifactFile>> reply) = 0;

  // Secrets and ConfigMaps. `put` replaces only with `replace`, else AlreadyExists.
  virtual void put_object(ObjectKind kind, Object object, bool replace, Reply<Object> reply) = 0;
  /// Changes a ConfigMap, or makes a new one, which `edit` gets empty. What `edit` fails with is the answer, and nothing is
  /// changed. One edit after another, so that none is lost.
  using Edit = std::function<Result<void>(Object&)>;
  virtual void edit_config_map(const std::string& name_space, const std::string& name, Edit edit, Reply<Object> reply) = 0;
  virtual void list_objects(ObjectKind kind, const std::string& name_space,
                            Reply<std::vector<Object>> reply) = 0;
  virtual void remove_object(ObjectKind kind, const std::string& name_space,
                             const std::string& name, Reply<Json> reply) = 0;

  // Templates, cron workflows, event bindings. Objects in Argo's shapes; the answers in the order
  // of the documents.
  virtual void create_resources(ResourceRequest request, Reply<std::vector<Json>> reply) = 0;
  /// Fails with Aborted when metadata.resourceVersion is given and is not the newest.
  virtual void update_resources(ResourceRequest request, Reply<std::vector<Json>> reply) = 0;
  virtual void lint_resources(ResourceRequest request, Reply<std::vector<Json>> reply) = 0;
  virtual void get_resource(ResourceKind kind, const std::string& name_space,
                            const std::string& name, Reply<Json> reply) = 0;
  /// In order of namespace and name. Of the query: name_space, labels, name_filter and name_match.
  virtual void list_resources(ResourceKind kind, ListQuery query, Reply<ListPage> reply) = 0;
  virtual void remove_resource(ResourceKind kind, const std::string& name_space,
                               const std::string& name, Reply<Json> reply) = 0;
  /// Sets spec.suspend of a CronWorkflow.
  virtual void suspend_cron(const std::string& name_space, const std::string& name, bool suspend,
                            Reply<Json> reply) = 0;
  /// Runs every WorkflowEventBinding whose selector matches; fails when one of them failed.
  virtual void dispatch_event(Event event, Reply<Json> reply) = 0;

  // Images. `file` is a spooled archive that the backend deletes. Progress: `{"status": text}`; the
  // last message is `{"image": {...}}` for every image.
  virtual void import_image(const std::string& file, StreamPtr stream) = 0;
  virtual void pull_image(const std::string& reference, StreamPtr stream) = 0;
  /// Items: `{"name", "digest", "size" (bytes), "createdAt"}`.
  virtual void list_images(Reply<std::vector<Json>> reply) = 0;
  virtual void remove_image(const std::string& name, Reply<Json> reply) = 0;

  // The daemon itself. Only for administrators (handlers/admin.cc), but for status and health.
  /// `{"accepting", "draining", "reasons": […], "workflows", "steps", …}`.
  virtual Json status() = 0;
  /// What is wrong, so that somebody should look; "": nothing.
  virtual std::string health() = 0;
  /// Takes no new workflows until resume(); the answer is status().
  virtual void drain(DrainMode mode, const Caller& caller, Reply<Json> reply) = 0;
  virtual void resume(const Caller& caller, Reply<Json> reply) = 0;
  /// Sends `{"ok", "problems": […], "workflows", "nodes", "bytes"}` once the whole store is read.
  virtual void check_store(StreamPtr stream) = 0;
  /// A copy of the store, Secrets included.
  virtual void backup(Reply<std::shared_ptr<ArtifactFile>> reply) = 0;
  /// The newest `lines` of the audit log, oldest first: each a JSON object.
  virtual void audit_log(std::size_t lines, Reply<std::vector<Json>> reply) = 0;
  /// What happened to a workflow, oldest first: `{"time", "reason", "message", "nodeId", "node"}`.
  virtual void events(const std::string& name_space, const std::string& name,
                      Reply<std::vector<Json>> reply) = 0;

  /// `{"version", "containerd": {...}, "runtime", …}` in Argo's version shape with Gantry's
  /// additions.
  virtual Json version() = 0;
  /// Where bodies too large for memory are spooled.
  virtual std::string spool_directory() = 0;
};

}  // namespace gantry::api
