#include "runtime/containerd/pod_network.h"

#include <arpa/inet.h>
#include <sys/random.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "runtime/containerd/child_process.h"
#include "runtime/containerd/cni.h"
#include "runtime/containerd/net_namespace.h"
#include "runtime/containerd/volumes.h"

namespace gantry::containerd {
namespace {

namespace fs = std::filesystem;

constexpr const char* kPluginDirectories[] = {"/usr/lib/cni", "/opt/cni/bin", "/usr/libexec/cni"};
constexpr Duration kIptablesTimeout = std::chrono::seconds(10);

std::string read_text(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

Result<void> write_text(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::trunc);
  file << text << std::flush;
  if (!file) return fail(Code::Unknown, "cannot write " + path);
  return {};
}

std::string random_id() {
  unsigned char bytes[8] = {};
  if (::getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes)) return std::to_string(::getpid());
  std::string text = "gantry-";
  char digits[3];
  for (const unsigned char byte : bytes) {
    std::snprintf(digits, sizeof(digits), "%02x", byte);
    text += digits;
  }
  return text;
}

/// Adds a rule unless it is there.
Result<void> ensure_rule(const char* table, const char* add, const std::vector<std::string>& rule) {
  const auto run = [&](const char* how) {
    // -w: others change the tables too.
    std::vector<std::string> words = {"iptables", "-w", "5", "-t", table, how};
    words.insert(words.end(), rule.begin(), rule.end());
    return run_program(words, kIptablesTimeout, -1);
  };
  auto there = run("-C");
  if (!there) return fail(there.error());
  if (there->exit_code == 0) return {};
  auto added = run(add);
  if (!added) return fail(added.error());
  if (added->exit_code == 0) return {};
  const std::string& words = added->output;
  return fail(Code::FailedPrecondition, "iptables: " + words.substr(0, words.find('\n')));
}

}  // namespace

PodNetwork::PodNetwork(std::string directory, BridgeConfig config)
    : directory_(std::move(directory)), config_(std::move(config)) {}

std::unique_ptr<PodNetwork> PodNetwork::open(const std::string& state_dir, BridgeConfig config,
                                             const std::function<void(const std::string&)>& log) {
  std::unique_ptr<PodNetwork> network(new PodNetwork(state_dir + "/network", std::move(config)));
  std::error_code ignored;
  for (const char* name : {"/pods", "/pool"})
    fs::create_directories(network->directory_ + name, ignored);
  // After a reboot only the files are left. Without plugins the leases stay, but then nobody gets
  // one either.
  const bool bridge = network->config_.enabled;
  if (bridge) {
    auto done = network->set_up_bridge();
    network->usable_ = done.has_value();
    if (!done) {
      network->unusable_ = done.error().wrap("network: bridge does not work on this host");
      log(network->unusable_.message);
    }
  }
  for (const std::string& pod : network->pods()) {
    if (is_net_namespace(network->directory_ + "/pods/" + pod + "/ns")) continue;
    if (auto gone = network->detach(pod); !gone)
      log(gone.error().wrap("network of " + pod).message);
  }
  return network;
}

Result<void> PodNetwork::set_up_bridge() {
  if (auto found = find_plugins(); !found) return found;
  if (auto found = find_subnet(); !found) return found;
  if (auto admitted = admit_traffic(); !admitted) return admitted;
  take_over_pool();
  // The trial: it also makes the bridge, which two at a time could not.
  if (!ready_.empty()) return {};
  auto made = prepare_one();
  if (!made) return fail(made.error());
  ready_.push_back(*made);
  return {};
}

Result<void> PodNetwork::find_plugins() {
  std::string looked;
  std::vector<std::string> directories(std::begin(kPluginDirectories),
                                       std::end(kPluginDirectories));
  if (!config_.plugins.empty()) directories = {config_.plugins};
  for (const std::string& directory : directories) {
    if (::access((directory + "/bridge").c_str(), X_OK) == 0 &&
        ::access((directory + "/host-local").c_str(), X_OK) == 0) {
      config_.plugins = directory;
      return {};
    }
    looked += (looked.empty() ? "" : ", ") + directory;
  }
  return fail(Code::NotFound, "the CNI plugins bridge and host-local are not in " + looked +
                                  ": install containernetworking-plugins");
}

Result<void> PodNetwork::find_subnet() {
  const std::string routes = read_text("/proc/net/route");
  const std::string file = directory_ + "/subnet";
  Result<Subnet> subnet = fail(Code::NotFound, "");
  if (!config_.subnet.empty()) {
    subnet = parse_subnet(config_.subnet);
  } else if (auto kept = parse_subnet(read_text(file));
             kept && !colliding_route(*kept, routes, config_.name)) {
    subnet = kept;  // what runs has its addresses from it
  } else {
    subnet = choose_subnet(routes, config_.name);
  }
  if (!subnet) return fail(subnet.error());
  if (auto other = colliding_route(*subnet, routes, config_.name)) {
    return fail(Code::FailedPrecondition,
                "the subnet " + subnet->text() + " collides with the host's route to " + *other);
  }
  subnet_ = *subnet;
  // Packets that are larger than the way out can take would get lost.
  const std::string out = default_interface(routes);
  if (!out.empty()) mtu_ = std::atoi(read_text("/sys/class/net/" + out + "/mtu").c_str());
  return write_text(file, subnet_.text());
}

// One rule for all pods, made once: the plugin's ipMasq would make a chain for each of them.
Result<void> PodNetwork::admit_traffic() const {
  const std::string pods = subnet_.text();
  if (config_.masquerade) {
    auto masked =
        ensure_rule("nat", "-A", {"POSTROUTING", "-s", pods, "!", "-d", pods, "-j", "MASQUERADE"});
    if (!masked) return masked;
  }
  // Docker lets nothing through that it does not know.
  for (const char* direction : {"-s", "-d"}) {
    auto through = ensure_rule("filter", "-I", {"FORWARD", direction, pods, "-j", "ACCEPT"});
    if (!through) return through;
  }
  return {};
}

std::string PodNetwork::configuration() const {
  nlohmann::json conf = {{"cniVersion", "1.0.0"},
                         {"name", "gantry"},
                         {"type", "bridge"},
                         {"bridge", config_.name},
                         {"isDefaultGateway", true},
                         {"ipMasq", false},
                         {"ipam",
                          {{"type", "host-local"},
                           {"dataDir", directory_ + "/leases"},
                           {"ranges", {{{{"subnet", subnet_.text()}}}}}}}};
  if (mtu_ > 0) conf["mtu"] = mtu_;
  return conf.dump();
}

void PodNetwork::take_over_pool() {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(directory_ + "/pool", ignored)) {
    const std::string place = entry.path();
    const auto address = address_in(read_text(place + "/result"));
    in_addr parsed{};
    const bool ours = address && ::inet_pton(AF_INET, address->c_str(), &parsed) == 1 &&
                      Subnet{ntohl(parsed.s_addr), 32}.overlaps(subnet_);
    if (ours && is_net_namespace(place + "/ns")) {
      ready_.push_back(place);
    } else {
      (void)remove_directory(place);
    }
  }
}

Result<std::string> PodNetwork::prepare_one() {
  const std::string id = random_id(), place = directory_ + "/pool/" + id;
  std::error_code error;
  fs::create_directories(place, error);
  if (error) return fail(errno_error("mkdir " + place, error.value()));
  // The id first: whatever comes of the rest is removed by it.
  auto done = write_text(place + "/cni", id);
  if (done) done = make_net_namespace(place + "/ns");
  if (done) {
    auto answer =
        call_plugin(config_.plugins, "bridge", configuration(), {"ADD", id, place + "/ns"});
    done = answer ? write_text(place + "/result", *answer) : fail(answer.error());
    if (auto address = address_in(answer.value_or("")); done && !address)
      done = fail(address.error());
  }
  if (done) return place;
  (void)remove_directory(place);
  return fail(done.error());
}

Result<PodAttachment> PodNetwork::attach(const std::string& pod, runtime::Network network) {
  if (auto there = find(pod)) return there;
  const std::string place = directory_ + "/pods/" + pod;
  if (auto gone = remove_directory(place); !gone) return fail(gone.error());
  std::error_code error;
  if (network == runtime::Network::None) {
    fs::create_directories(place, error);
    if (error) return fail(errno_error("mkdir " + place, error.value()));
    if (auto made = make_net_namespace(place + "/ns"); !made) return fail(made.error());
    return find(pod);
  }
  if (!usable_) return fail(unusable_);
  std::string from;
  {
    const std::lock_guard lock(mutex_);
    if (!ready_.empty()) {
      from = std::move(ready_.front());
      ready_.pop_front();
    }
  }
  if (from.empty()) {
    auto made = prepare_one();
    if (!made) return fail(made.error());
    from = *made;
  }
  fs::rename(from, place, error);
  if (error) return fail(errno_error("rename " + from, error.value()));
  return find(pod);
}

Result<PodAttachment> PodNetwork::find(const std::string& pod) const {
  const std::string place = directory_ + "/pods/" + pod;
  if (!is_net_namespace(place + "/ns"))
    return fail(Code::NotFound, "pod " + pod + " has no network");
  PodAttachment attachment{place + "/ns", ""};
  if (::access((place + "/cni").c_str(), F_OK) == 0) {
    auto address = address_in(read_text(place + "/result"));
    if (!address) return fail(address.error());
    attachment.address = *address;
  }
  return attachment;
}

Result<void> PodNetwork::detach(const std::string& pod) {
  if (!is_safe_name(pod)) return fail(Code::InvalidArgument, "bad pod id");
  return remove_directory(directory_ + "/pods/" + pod);
}

Result<void> PodNetwork::remove_directory(const std::string& directory) const {
  std::error_code error;
  if (!fs::exists(directory, error)) return {};
  Result<void> released;
  const std::string id = read_text(directory + "/cni");
  if (!id.empty() && !config_.plugins.empty()) {
    const bool alive = is_net_namespace(directory + "/ns");
    auto answer = call_plugin(config_.plugins, "bridge", configuration(),
                              {"DEL", id, alive ? directory + "/ns" : ""});
    if (!answer) released = fail(answer.error());
  }
  // The interface goes with the namespace, whatever the plugin said.
  if (auto gone = remove_net_namespace(directory + "/ns"); !gone) return gone;
  fs::remove_all(directory, error);
  if (error) return fail(errno_error("remove " + directory, error.value()));
  return released;
}

std::vector<std::string> PodNetwork::pods() const {
  std::vector<std::string> names;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(directory_ + "/pods", ignored)) {
    names.push_back(entry.path().filename());
  }
  return names;
}

bool PodNetwork::wants_refill() const {
  const std::lock_guard lock(mutex_);
  return usable_ && static_cast<int>(ready_.size()) + being_made_ < config_.prepared;
}

void PodNetwork::refill() {
  {
    const std::lock_guard lock(mutex_);
    if (!usable_ || static_cast<int>(ready_.size()) + being_made_ >= config_.prepared) return;
    ++being_made_;
  }
  auto made = prepare_one();
  const std::lock_guard lock(mutex_);
  --being_made_;
  // Whatever is wrong, the pod that makes its own is told.
  if (made) ready_.push_back(std::move(*made));
}

void PodNetwork::drain() {
  std::deque<std::string> ready;
  {
    const std::lock_guard lock(mutex_);
    ready.swap(ready_);
  }
  for (const std::string& place : ready) (void)remove_directory(place);
}

}  // namespace gantry::containerd
