#include "daemon/artifacts/git_artifact.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <optional>

#include "daemon/artifacts/files.h"
#include "daemon/artifacts/manifest.h"
#include "daemon/artifacts/program.h"
#include "daemon/artifacts/tree.h"

namespace gantry::artifacts {
namespace {

/// "scheme://[user[:password]@]host[:port]/path", cut up; a scp-like address ("git@host:path") is
/// ssh.
struct Address {
  std::string url;   ///< without user and password, unless it is ssh (where the user is no secret)
  std::string base;  ///< "https://host:port" for http and https
  std::string user, password;
  bool ssh = false;
  bool names_user = false;
};

Result<Address> address_of(const std::string& repo) {
  if (repo.empty() || repo.front() == '-' ||
      repo.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos) {
    return fail(Code::InvalidArgument, "a git artifact needs a proper repo");
  }
  Address address{.url = repo};
  const auto colon = repo.find("://");
  if (colon == std::string::npos) {
    const auto path = repo.find(':');
    address.ssh = path != std::string::npos && path < repo.find('/');
    address.names_user = address.ssh && repo.find('@') < path;
    return address;
  }
  const std::string scheme = repo.substr(0, colon);
  const std::size_t begin = colon + 3;
  const std::size_t end = std::min(repo.find_first_of("/?#", begin), repo.size());
  const std::string authority = repo.substr(begin, end - begin);
  const auto at = authority.rfind('@');
  address.ssh = scheme == "ssh" || scheme == "git+ssh";
  address.names_user = at != std::string::npos;
  if (scheme != "http" && scheme != "https") return address;
  const std::string host = at == std::string::npos ? authority : authority.substr(at + 1);
  address.base = scheme + "://" + host;
  address.url = address.base + repo.substr(end);
  if (at != std::string::npos) {
    const std::string user = authority.substr(0, at);
    const auto divide = user.find(':');
    address.user = percent_decode(user.substr(0, divide)).value_or("");
    if (divide != std::string::npos) {
      address.password = percent_decode(user.substr(divide + 1)).value_or("");
    }
  }
  return address;
}

Result<void> write_private(const std::string& path, const std::string& content, unsigned mode) {
  UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
  if (!fd.valid()) return fail(errno_error("create " + path, errno));
  return write_all(fd.get(), content);
}

/// A value in a git configuration file.
std::string quoted(const std::string& value) {
  std::string text = "\"";
  for (const char c : value) {
    if (c == '"' || c == '\\') text += '\\';
    text += c;
  }
  return text + "\"";
}

class Checkout {
 public:
  Checkout(const Git& location, const GitOptions& options, std::string destination,
           const Context& context, Address address, ScratchDirectory home)
      : location_(location),
        options_(options),
        destination_(std::move(destination)),
        context_(context),
        address_(std::move(address)),
        home_(std::move(home)),
        deadline_(std::chrono::steady_clock::now() + context.limits.transfer_timeout) {}

  Result<void> run() {
    auto done = prepare();
    if (done) done = clone();
    if (!done) return done;
    auto empty = is_empty();
    if (!empty) return fail(std::move(empty.error()));
    // As Argo: an empty repository is an empty directory, whatever the revision.
    if (*empty) return {};
    if (!location_.fetch.empty()) done = fetch(location_.fetch, true);
    if (done && !location_.revision.empty()) done = check_out();
    if (done && !location_.disable_submodules) {
      done = git({"submodule", "update", "--init", "--recursive", "--quiet"}, destination_);
    }
    return done;
  }

 private:
  Result<void> prepare();
  Result<void> clone();
  Result<bool> is_empty();
  Result<void> fetch(const std::vector<std::string>& refspecs, bool with_depth);
  Result<void> check_out();
  Result<std::string> resolve();

  /// Runs git, and gives its output; what it complains about is the error.
  Result<std::string> ask(std::vector<std::string> arguments, const std::string& directory);
  Result<void> git(std::vector<std::string> arguments, const std::string& directory) {
    auto output = ask(std::move(arguments), directory);
    if (!output) return fail(std::move(output.error()));
    return {};
  }
  [[nodiscard]] std::string configuration() const;
  [[nodiscard]] std::string ssh_command() const;

  const Git& location_;
  const GitOptions& options_;
  std::string destination_;
  const Context& context_;
  Address address_;
  ScratchDirectory home_;  ///< configuration and secrets
  std::chrono::steady_clock::time_point deadline_;
  std::vector<std::string> environment_;
};

std::string Checkout::configuration() const {
  std::string text =
      "[core]\n\thooksPath = /dev/null\n\tfsmonitor = false\n\taskPass = /bin/false\n"
      "[gc]\n\tauto = 0\n[maintenance]\n\tauto = false\n"
      "[advice]\n\tdetachedHead = false\n[init]\n\tdefaultBranch = master\n"
      "[safe]\n\tdirectory = *\n[credential]\n\thelper = \"\"\n[submodule]\n\trecurse = false\n";
  if (!address_.base.empty() && (!location_.user.empty() || !location_.password.empty() ||
                                 !address_.user.empty() || !address_.password.empty())) {
    text += "[credential " + quoted(address_.base) +
            "]\n\thelper = " + quoted(home_.file("credential")) + "\n";
  }
  if (location_.insecure_skip_tls) {
    // For this server only.
    text += "[http " + quoted(address_.base) + "]\n\tsslVerify = false\n";
  }
  return text;
}

std::string Checkout::ssh_command() const {
  std::string command = "ssh -F /dev/null -o BatchMode=yes -o ConnectTimeout=30";
  if (!location_.ssh_private_key.empty()) {
    command += " -o IdentitiesOnly=yes -i '" + home_.file("key") + "'";
  }
  // As Argo's GetUser.
  if (address_.ssh && !address_.names_user) command += " -o User=git";
  if (location_.insecure_ignore_host_key) {
    return command +
           " -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR";
  }
  command += " -o StrictHostKeyChecking=yes -o 'UserKnownHostsFile=";
  for (const auto& file : options_.known_hosts) command += file + " ";
  return command + "'";
}

Result<void> Checkout::prepare() {
  const std::string& user = location_.user.empty() ? address_.user : location_.user;
  const std::string& password = location_.password.empty() ? address_.password : location_.password;
  if ((user + password).find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos) {
    return fail(Code::InvalidArgument, "a git artifact's user or password holds a line break");
  }
  // git calls "credential get"; what it would store or erase is ignored.
  auto done =
      write_private(home_.file("credential"),
                    "#!/bin/sh\n[ \"$1\" = get ] && exec cat \"${0%/*}/answer\"\nexit 0\n", 0700);
  if (done) {
    done = write_private(home_.file("answer"), "username=" + user + "\npassword=" + password + "\n",
                         0600);
  }
  if (done && !location_.ssh_private_key.empty()) {
    std::string key = location_.ssh_private_key;
    if (!key.ends_with('\n')) key += '\n';  // without it, ssh takes the key for damaged
    done = write_private(home_.file("key"), key, 0600);
  }
  if (done) done = write_private(home_.file("config"), configuration(), 0600);
  if (!done) return done;
  const char* path = std::getenv("PATH");
  environment_ = {
      "PATH=" + std::string(path != nullptr ? path : "/usr/local/bin:/usr/bin:/bin"),
      "HOME=" + home_.path(),
      "XDG_CONFIG_HOME=" + home_.path(),
      "LC_ALL=C",
      "GIT_CONFIG_NOSYSTEM=1",
      "GIT_CONFIG_GLOBAL=" + home_.file("config"),
      "GIT_TERMINAL_PROMPT=0",
      "GIT_ALLOW_PROTOCOL=https:http:ssh:git" + std::string(options_.allow_file ? ":file" : ""),
      "GIT_SSH_COMMAND=" + ssh_command(),
      "GIT_LFS_SKIP_SMUDGE=1",
  };
  // How to reach the world is the host's matter.
  for (const char* name : {"http_proxy", "https_proxy", "no_proxy", "HTTPS_PROXY", "NO_PROXY",
                           "ALL_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR"}) {
    if (const char* value = std::getenv(name)) {
      environment_.push_back(std::string(name) + "=" + value);
    }
  }
  return {};
}

Result<std::string> Checkout::ask(std::vector<std::string> arguments,
                                  const std::string& directory) {
  const std::string doing = "git " + arguments.front();
  arguments.insert(arguments.begin(), "git");
  const auto left =
      std::chrono::duration_cast<Duration>(deadline_ - std::chrono::steady_clock::now());
  auto exit =
      artifacts::run({std::move(arguments), environment_, directory}, left, context_.cancel);
  if (!exit) return fail(std::move(exit.error()).wrap(doing + " " + public_url(address_.url)));
  if (exit->code == 0) return std::move(exit->output);
  std::string said = redact(std::move(exit->errors), {location_.password, address_.password,
                                                      location_.ssh_private_key, home_.path()});
  while (said.ends_with('\n')) said.pop_back();
  constexpr std::size_t kLongest = 1000;
  if (said.size() > kLongest) said.erase(0, said.size() - kLongest);
  std::replace(said.begin(), said.end(), '\n', ' ');
  return fail(Code::FailedPrecondition, doing + " " + public_url(address_.url) + ": " + said);
}

Result<void> Checkout::clone() {
  std::vector<std::string> arguments = {"clone", "--quiet"};
  if (location_.depth > 0) {
    arguments.insert(arguments.end(),
                     {"--depth", std::to_string(location_.depth), "--no-single-branch"});
  }
  if (location_.single_branch) {
    arguments.insert(arguments.end(), {"--single-branch", "--branch", location_.branch});
  }
  if (!location_.revision.empty()) arguments.push_back("--no-checkout");
  arguments.insert(arguments.end(), {"--", address_.url, destination_});
  return git(std::move(arguments), home_.path());
}

Result<bool> Checkout::is_empty() {
  auto refs = ask({"for-each-ref", "--count=1"}, destination_);
  if (!refs) return fail(std::move(refs.error()));
  return refs->empty();
}

Result<void> Checkout::fetch(const std::vector<std::string>& refspecs, bool with_depth) {
  std::vector<std::string> arguments = {"fetch", "--quiet", "--update-head-ok"};
  if (with_depth && location_.depth > 0) {
    arguments.insert(arguments.end(), {"--depth", std::to_string(location_.depth)});
  }
  arguments.insert(arguments.end(), {"--", "origin"});
  arguments.insert(arguments.end(), refspecs.begin(), refspecs.end());
  return git(std::move(arguments), destination_);
}

Result<std::string> Checkout::resolve() {
  auto commit =
      ask({"rev-parse", "--verify", "--quiet", location_.revision + "^{commit}"}, destination_);
  if (!commit && commit.error().code == Code::FailedPrecondition) {
    return fail(Code::FailedPrecondition, "failed to get resolve revision: " + location_.revision +
                                              " is not in " + public_url(address_.url));
  }
  if (commit) commit->erase(std::min(commit->find('\n'), commit->size()));
  return commit;
}

Result<void> Checkout::check_out() {
  const std::string branch = location_.single_branch ? location_.branch : "*";
  auto done = fetch({"refs/heads/" + branch + ":refs/heads/" + branch}, false);
  if (!done) return done;
  auto commit = resolve();
  const bool is_hash =
      location_.revision.size() == 40 &&
      location_.revision.find_first_not_of("0123456789abcdef") == std::string::npos;
  if (!commit && is_hash && fetch({location_.revision}, true)) {
    commit = resolve();  // a commit that no branch shows, or one below the depth
  }
  if (!commit) return fail(std::move(commit.error()));
  return git({"checkout", "--quiet", "--force", "--detach", *commit}, destination_);
}

Result<void> check(const Git& location) {
  const auto is_odd = [](const std::string& text) {
    return text.starts_with('-') ||
           text.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos;
  };
  if (location.single_branch && location.branch.empty()) {
    return fail(Code::InvalidArgument, "single branch mode without a branch specified");
  }
  if (is_odd(location.revision) || is_odd(location.branch) ||
      std::any_of(location.fetch.begin(), location.fetch.end(), is_odd)) {
    return fail(Code::InvalidArgument,
                "a git artifact's revision, branch or fetch begins with '-'");
  }
  return {};
}

}  // namespace

Result<void> load_git(const Git& location, const GitOptions& options,
                      const std::string& destination, const Context& context) {
  auto sane = check(location);
  if (!sane) return sane;
  auto address = address_of(location.repo);
  if (!address) return fail(std::move(address.error()));
  auto home = ScratchDirectory::create(options.private_directory);
  if (!home) return fail(std::move(home.error()));
  Checkout checkout(location, options, destination, context, *std::move(address), *std::move(home));
  auto done = checkout.run();
  if (done) {
    auto staged = Staged::open(destination);
    if (!staged) return fail(std::move(staged.error()));
    auto scanned = scan(*staged, context.limits);
    if (!scanned) done = fail(std::move(scanned.error()));
  }
  if (!done) (void)remove_tree(destination);
  return done;
}

}  // namespace gantry::artifacts
