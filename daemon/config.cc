#include "daemon/config.h"

#include <sys/stat.h>
#include <sys/sysinfo.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <functional>
#include <set>
#include <span>
#include <thread>

#include "daemon/config_resources.h"
#include "daemon/policy.h"
#include "runtime/containerd/subnet.h"
#include "workflow/document.h"
#include "workflow/quantity.h"
#include "workflow/suggestion.h"

namespace gantry {
namespace {

using workflow::Diagnostics;
using workflow::Node;

/// Reads one map of the file: each key by its own function.
class Section {
 public:
  Section(const Node& node, std::string path, Diagnostics& diagnostics)
      : node_(node), path_(std::move(path)), diagnostics_(diagnostics) {}

  using Read = std::function<void(const Node&)>;
  void key(std::string_view name, Read read) { keys_.push_back({name, std::move(read)}); }

  void text(std::string_view name, std::string& out) {
    key(name, [this, name, &out](const Node& value) {
      if (is_text(value, name)) out = value.text;
    });
  }
  void flag(std::string_view name, bool& out) {
    key(name, [this, name, &out](const Node& value) {
      if (value.is_scalar() && value.type == workflow::ScalarType::Bool) {
        out = value.text == "true";
      } else {
        wrong(value, name, "true or false");
      }
    });
  }
  template <class Int>
  void integer(std::string_view name, Int& out, Int least) {
    key(name, [this, name, &out, least](const Node& value) {
      Int number{};
      const char* end = value.text.data() + value.text.size();
      auto parsed = std::from_chars(value.text.data(), end, number);
      bool whole = value.is_scalar() && value.type == workflow::ScalarType::Integer &&
                   parsed.ec == std::errc() && parsed.ptr == end;
      if (whole && number >= least) {
        out = number;
      } else {
        wrong(value, name, "a whole number from " + std::to_string(least) + " up");
      }
    });
  }
  /// A scalar that `parse` turns into a value or an Error.
  template <class T, class Parse>
  void scalar(std::string_view name, T& out, Parse parse) {
    key(name, [this, name, &out, parse](const Node& value) {
      if (!is_text(value, name)) return;
      auto parsed = parse(value.text);
      if (parsed) {
        out = std::move(*parsed);
      } else {
        diagnostics_.error(value.at, full(name) + ": " + parsed.error().message);
      }
    });
  }
  void choice(std::string_view name, std::span<const std::string_view> choices,
              const std::function<void(std::size_t)>& chosen) {
    key(name, [this, name, choices, chosen](const Node& value) {
      auto it = std::find(choices.begin(), choices.end(), value.text);
      if (value.is_scalar() && it != choices.end()) {
        return chosen(static_cast<std::size_t>(it - choices.begin()));
      }
      std::string list;
      for (std::string_view choice : choices)
        list += (list.empty() ? "" : ", ") + std::string(choice);
      wrong(value, name, "one of " + list);
    });
  }

  void read() {
    if (node_.is_null()) return;  // a section whose keys are all commented out
    if (!node_.is_map()) {
      diagnostics_.error(node_.at, (path_.empty() ? "the configuration" : path_) +
                                       " must be a map, not " + std::string(kind_name(node_)));
      return;
    }
    std::vector<std::string_view> names;
    for (const auto& [name, read] : keys_) names.push_back(name);
    for (const Node::Entry& entry : node_.entries) {
      auto known = std::find(names.begin(), names.end(), entry.key);
      if (known == names.end()) {
        diagnostics_.error(entry.at, "unknown key '" + full(entry.key) + "'" +
                                         workflow::did_you_mean(entry.key, names));
      } else if (!entry.value->is_null()) {
        keys_[static_cast<std::size_t>(known - names.begin())].second(*entry.value);
      }
    }
  }

  bool is_text(const Node& value, std::string_view name) {
    if (value.is_scalar()) return true;
    wrong(value, name, "a text");
    return false;
  }
  void wrong(const Node& value, std::string_view name, const std::string& wanted) {
    std::string found =
        value.is_scalar() ? "'" + std::string(value.text) + "'" : std::string(kind_name(value));
    diagnostics_.error(value.at, full(name) + " must be " + wanted + ", not " + found);
  }
  [[nodiscard]] std::string full(std::string_view name) const {
    return path_.empty() ? std::string(name) : path_ + "." + std::string(name);
  }

 private:
  const Node& node_;
  std::string path_;
  Diagnostics& diagnostics_;
  std::vector<std::pair<std::string_view, Read>> keys_;
};

Result<Duration> parse_grace(std::string_view text) {
  auto grace = workflow::parse_duration_or_seconds(text);
  if (grace && grace->count() < 0) return fail(Code::InvalidArgument, "must not be negative");
  return grace;
}

Result<std::string> absolute_path(std::string_view text) {
  if (text.empty() || text.front() != '/') {
    return fail(Code::InvalidArgument, "'" + std::string(text) + "' must be an absolute path");
  }
  return normalise_path(std::string(text));
}

Result<std::string> private_user(std::string_view text) {
  if (!text.empty() && text.find(':') == std::string_view::npos) {
    return fail(Code::InvalidArgument, "must be NAME:PASSWORD");
  }
  return std::string(text);
}

void read_mode(Section& section, const Node& value, mode_t& out) {
  // Without quotes YAML has already read 0660 as an octal number; in quotes it is still text.
  unsigned mode = 0;
  bool number = value.type == workflow::ScalarType::Integer;
  const char* end = value.text.data() + value.text.size();
  auto parsed = std::from_chars(value.text.data(), end, mode, number ? 10 : 8);
  if (value.is_scalar() && parsed.ec == std::errc() && parsed.ptr == end && mode <= 0777) {
    out = mode;
  } else {
    section.wrong(value, "mode", "an octal mode such as 0660");
  }
}

void read_paths(Section& section, const Node& value, std::string_view name,
                Diagnostics& diagnostics, std::vector<std::string>& out) {
  if (!value.is_sequence()) return section.wrong(value, name, "a list of paths");
  out.clear();
  for (const Node* item : value.items) {
    if (!section.is_text(*item, name)) continue;
    auto path = absolute_path(item->text);
    if (path) {
      out.push_back(std::move(*path));
    } else {
      diagnostics.error(item->at, std::string(name) + ": " + path.error().message);
    }
  }
}

constexpr std::array<std::string_view, 3> kNetworks{"host", "none", "bridge"};
constexpr std::array kNetworkValues{runtime::Network::Host, runtime::Network::None,
                                    runtime::Network::Bridge};
constexpr std::array<std::string_view, 5> kLevels{"trace", "debug", "info", "warn", "error"};

void read_socket(const Node& node, Diagnostics& diagnostics, DaemonConfig& config) {
  Section section(node, "socket", diagnostics);
  section.scalar("path", config.socket_path, absolute_path);
  section.key("mode", [&](const Node& value) { read_mode(section, value, config.socket_mode); });
  section.text("group", config.socket_group);
  section.read();
}

Result<std::string> subnet(std::string_view text) {
  auto parsed = containerd::parse_subnet(text);
  if (!parsed) return fail(std::move(parsed.error()));
  return parsed->text();
}

/// A name that the kernel takes for an interface.
Result<std::string> interface_name(std::string_view text) {
  const bool known = !text.empty() && text.size() <= 15 &&
                     std::all_of(text.begin(), text.end(), [](unsigned char c) {
                       return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.';
                     });
  if (known) return std::string(text);
  return fail(Code::InvalidArgument,
              "'" + std::string(text) + "' must be at most 15 letters, digits, '-', '_' and '.'");
}

void read_bridge(const Node& node, Diagnostics& diagnostics, DaemonConfig& config) {
  Section section(node, "bridge", diagnostics);
  section.scalar("name", config.bridge.name, interface_name);
  section.scalar("subnet", config.bridge.subnet, subnet);
  section.scalar("plugins", config.bridge.plugins, absolute_path);
  section.flag("masquerade", config.bridge.masquerade);
  section.integer<int>("prepared", config.bridge.prepared, 0);
  section.read();
}

void read_capacity(const Node& node, Diagnostics& diagnostics, DaemonConfig& config) {
  Section section(node, "capacity", diagnostics);
  section.scalar("cpu", config.cpu_milli, workflow::parse_cpu_milli);
  section.scalar("memory", config.memory_bytes, workflow::parse_bytes);
  section.integer<std::int64_t>("slots", config.slots, 1);
  section.integer<std::int64_t>("pids", config.pids, 1);
  section.key("resources", [&](const Node& n) { config.resources = read_resources(n, diagnostics); });
  section.read();
}

void read_images(const Node& node, Diagnostics& diagnostics, DaemonConfig& config) {
  Section section(node, "images", diagnostics);
  section.scalar("user", config.registry_user, private_user);
  section.integer<int>("parallel_pulls", config.parallel_pulls, 1);
  section.read();
}

/// A duration (`168h`) or a number of seconds, from 0 up.
Result<std::optional<Duration>> parse_ttl(std::string_view text) {
  auto ttl = workflow::parse_duration_or_seconds(text);
  if (!ttl) return fail(std::move(ttl.error()));
  if (ttl->count() < 0) return fail(Code::InvalidArgument, "must not be negative");
  return std::optional<Duration>(*ttl);
}

void read_ttl(const Node& node, Diagnostics& diagnostics, DaemonConfig& config) {
  Section section(node, "workflow_ttl", diagnostics);
  section.scalar("after_completion", config.ttl.after_completion, parse_ttl);
  section.scalar("after_success", config.ttl.after_success, parse_ttl);
  section.scalar("after_failure", config.ttl.after_failure, parse_ttl);
  section.read();
}

void read_store(const Node& node, Diagnostics& diagnostics, DaemonConfig& config) {
  constexpr static std::array<std::string_view, 2> kWays{"refuse", "set-aside"};
  Section section(node, "store", diagnostics);
  section.choice("on_corruption", kWays, [&](std::size_t chosen) { config.set_aside_corrupt_store = chosen == 1; });
  section.read();
}

void read_history(const Node& node, Diagnostics& diagnostics, DaemonConfig& config) {
  Section section(node, "history", diagnostics);
  section.scalar("max_age", config.history.max_age, [](std::string_view text) -> Result<Duration> {
    auto age = parse_ttl(text);
    if (!age) return fail(std::move(age.error()));
    return **age;
  });
  section.integer<std::int64_t>("max_workflows", config.history.max_workflows, 0);
  section.scalar("max_size", config.history.max_size, workflow::parse_bytes);
  section.read();
}

void read_disk(const Node& node, Diagnostics& diagnostics, DaemonConfig& config) {
  Section section(node, "disk", diagnostics);
  section.scalar("reserve_bytes", config.disk_reserve.bytes, workflow::parse_bytes);
  section.integer<std::int64_t>("reserve_inodes", config.disk_reserve.inodes, 0);
  section.read();
}

void read_audit(const Node& node, Diagnostics& diagnostics, DaemonConfig& config) {
  Section section(node, "audit", diagnostics);
  section.key("file", [&](const Node& value) {
    if (!section.is_text(value, "file")) return;
    config.audit = !value.text.empty();
    if (!config.audit) return;
    auto path = absolute_path(value.text);
    if (!path) return diagnostics.error(value.at, "audit.file: " + path.error().message);
    config.audit_file = std::move(*path);
  });
  section.scalar("max_size", config.audit_max_size, workflow::parse_bytes);
  section.read();
}

/// {"s3":{…}} with the fields of Argo's.
void read_repository(const Node& node, Diagnostics& diagnostics, DaemonConfig& config) {
  Section section(node, "artifacts.repository", diagnostics);
  section.key("s3", [&](const Node& s3) {
    Section fields(s3, "artifacts.repository.s3", diagnostics);
    for (const char* name : {"bucket", "endpoint", "region", "addressingStyle"}) {
      fields.key(name, [&fields, name](const Node& value) { fields.is_text(value, name); });
    }
    bool ignored = false;
    fields.flag("insecure", ignored);
    for (const char* name : {"accessKeySecret", "secretKeySecret", "sessionTokenSecret", "caSecret",
                             "createBucketIfNotPresent"}) {
      fields.key(name, [&fields, name](const Node& value) {
        if (!value.is_map()) fields.wrong(value, name, "a map");
      });
    }
    fields.read();
    const Node* bucket = s3.find("bucket");
    if (bucket == nullptr || bucket->text.empty()) fields.wrong(s3, "bucket", "the name of a bucket");
  });
  section.read();
  config.artifact_repository = node.is_map() && !node.entries.empty() ? workflow::to_json(node) : "";
}

void read_artifacts(const Node& node, Diagnostics& diagnostics, DaemonConfig& config) {
  constexpr static std::array<std::string_view, 2> kStrategies{"OnWorkflowDeletion", "Never"};
  Section section(node, "artifacts", diagnostics);
  section.flag("archive_logs", config.archive_logs);
  section.choice("gc", kStrategies, [&](std::size_t chosen) { config.artifact_gc = kStrategies[chosen]; });
  section.key("repository", [&](const Node& n) { read_repository(n, diagnostics, config); });
  section.read();
}

void read_limits(const Node& node, Diagnostics& diagnostics, DaemonConfig& config) {
  Section section(node, "limits", diagnostics);
  section.scalar("document_bytes", config.limits.bytes,
                 [](std::string_view text) -> Result<std::size_t> {
                   auto bytes = workflow::parse_bytes(text);
                   if (!bytes) return fail(std::move(bytes.error()));
                   return static_cast<std::size_t>(*bytes);
                 });
  section.integer<std::size_t>("document_depth", config.limits.depth, 1);
  section.integer<std::size_t>("document_nodes", config.limits.nodes, 1);
  section.integer<std::size_t>("alias_nodes", config.limits.alias_nodes, 0);
  section.read();
}

void read_root(const Node& root, Diagnostics& diagnostics, DaemonConfig& config) {
  Section section(root, "", diagnostics);
  section.scalar("state_dir", config.state_dir, absolute_path);
  section.key("socket", [&](const Node& n) { read_socket(n, diagnostics, config); });
  section.text("containerd", config.containerd);
  section.text("runtime", config.runtime);
  section.text("shim", config.shim);
  section.choice("network", kNetworks, [&](std::size_t chosen) {
    config.network = kNetworkValues[chosen];
    config.bridge.enabled = config.network == runtime::Network::Bridge;
  });
  section.key("bridge", [&](const Node& n) { read_bridge(n, diagnostics, config); });
  section.flag("allow_host_network", config.allow_host_network);
  section.key("host_path_allow", [&](const Node& n) {
    read_paths(section, n, "host_path_allow", diagnostics, config.host_path_allow);
  });
  section.flag("allow_privileged", config.allow_privileged);
  section.scalar("seccomp_profiles", config.seccomp_profiles, absolute_path);
  section.key("capacity", [&](const Node& n) { read_capacity(n, diagnostics, config); });
  section.scalar("termination_grace", config.termination_grace, parse_grace);
  section.key("workflow_ttl", [&](const Node& n) { read_ttl(n, diagnostics, config); });
  section.key("store", [&](const Node& n) { read_store(n, diagnostics, config); });
  section.key("history", [&](const Node& n) { read_history(n, diagnostics, config); });
  section.key("disk", [&](const Node& n) { read_disk(n, diagnostics, config); });
  section.key("audit", [&](const Node& n) { read_audit(n, diagnostics, config); });
  section.key("artifacts", [&](const Node& n) { read_artifacts(n, diagnostics, config); });
  section.key("images", [&](const Node& n) { read_images(n, diagnostics, config); });
  section.key("limits", [&](const Node& n) { read_limits(n, diagnostics, config); });
  section.choice("log_level", kLevels,
                 [&](std::size_t chosen) { config.log_level = kLevels[chosen]; });
  section.read();
}

}  // namespace

Result<void> read_config(std::string_view text, const std::string& file, DaemonConfig& config) {
  Diagnostics diagnostics;
  auto document = workflow::Document::parse_yaml(text, {}, diagnostics);
  if (!diagnostics.has_errors() && document.roots().size() > 1) {
    diagnostics.error(document.roots()[1]->at, "a configuration is one document");
  }
  if (!diagnostics.has_errors() && !document.roots().empty()) {
    read_root(*document.roots()[0], diagnostics, config);
  }
  if (!diagnostics.has_errors()) return {};
  std::string message;
  for (const auto& diagnostic : diagnostics.items()) {
    if (!message.empty()) message += '\n';
    message += workflow::to_string(diagnostic, file);
  }
  return fail(Code::InvalidArgument, std::move(message));
}

void fill_from_host(DaemonConfig& config) {
  if (config.cpu_milli == 0) {
    config.cpu_milli = std::max(1u, std::thread::hardware_concurrency()) * std::int64_t{1000};
  }
  struct sysinfo host {};
  if (config.memory_bytes == 0 && ::sysinfo(&host) == 0) {
    config.memory_bytes = static_cast<std::int64_t>(host.totalram) * host.mem_unit / 10 * 9;
  }
}

}  // namespace gantry
