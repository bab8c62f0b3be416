#include "runtime/containerd/user_lookup.h"

#include <algorithm>
#include <charconv>
#include <functional>
#include <optional>

namespace gantry::containerd {
namespace {

std::optional<std::uint32_t> number(std::string_view text) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || text.empty()) return {};
  return value;
}

// Calls `visit` with the fields of each line until it returns true.
void each_line(std::string_view text,
               const std::function<bool(const std::vector<std::string_view>&)>& visit) {
  while (!text.empty()) {
    const auto end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    if (line.empty() || line.front() == '#') continue;
    std::vector<std::string_view> fields;
    for (;;) {
      const auto colon = line.find(':');
      fields.push_back(line.substr(0, colon));
      if (colon == std::string_view::npos) break;
      line.remove_prefix(colon + 1);
    }
    if (visit(fields)) return;
  }
}

struct PasswdEntry {
  std::string name;
  std::uint32_t uid = 0, gid = 0;
  std::string home;
};

// By name first, then, if `user` is a number, by number.
std::optional<PasswdEntry> find_user(std::string_view passwd, std::string_view user) {
  std::optional<PasswdEntry> found;
  const auto scan = [&](auto matches) {
    each_line(passwd, [&](const std::vector<std::string_view>& fields) {
      if (fields.size() < 6) return false;
      const auto uid = number(fields[2]), gid = number(fields[3]);
      if (!uid || !gid || !matches(fields[0], *uid)) return false;
      found = PasswdEntry{std::string(fields[0]), *uid, *gid, std::string(fields[5])};
      return true;
    });
  };
  scan([&](std::string_view name, std::uint32_t) { return name == user; });
  if (const auto uid = number(user); !found && uid) {
    scan([&](std::string_view, std::uint32_t entry) { return entry == *uid; });
  }
  return found;
}

std::optional<std::uint32_t> find_group(std::string_view groups, std::string_view group) {
  std::optional<std::uint32_t> found;
  each_line(groups, [&](const std::vector<std::string_view>& fields) {
    if (fields.size() >= 3 && fields[0] == group) found = number(fields[2]);
    return found.has_value();
  });
  return found ? found : number(group);
}

bool is_member(std::string_view members, std::string_view name) {
  while (!members.empty()) {
    const auto comma = members.find(',');
    if (members.substr(0, comma) == name) return true;
    if (comma == std::string_view::npos) break;
    members.remove_prefix(comma + 1);
  }
  return false;
}

std::string context(std::string_view pod, std::string_view container) {
  return " (pod: \"" + std::string(pod) + "\", container: " + std::string(container) + ")";
}

}  // namespace

Result<Identity> resolve_identity(const runtime::Security& security, std::string_view image_user,
                                  std::string_view passwd, std::string_view group,
                                  std::string_view pod, std::string_view container) {
  std::string user(image_user);
  std::string group_name;
  if (const auto colon = user.find(':'); colon != std::string::npos) {
    group_name = user.substr(colon + 1);
    user.resize(colon);
  }
  if (security.run_as_non_root) {
    if (security.run_as_user == 0) {
      return fail(Code::FailedPrecondition,
                  "container's runAsUser breaks non-root policy" + context(pod, container));
    }
    if (!security.run_as_user) {
      const auto uid = number(user);
      if (!user.empty() && !uid) {
        return fail(Code::FailedPrecondition,
                    "container has runAsNonRoot and image has non-numeric user (" + user +
                        "), cannot verify user is non-root" + context(pod, container));
      }
      if (uid.value_or(0) == 0) {
        return fail(
            Code::FailedPrecondition,
            "container has runAsNonRoot and image will run as root" + context(pod, container));
      }
    }
  }
  if (security.run_as_user) {
    user = std::to_string(*security.run_as_user);
    group_name.clear();
  }
  if (user.empty()) user = "0";

  Identity identity;
  const auto entry = find_user(passwd, user);
  if (entry) {
    identity.uid = entry->uid;
    identity.gid = entry->gid;
    if (!entry->home.empty()) identity.home = entry->home;
  } else if (const auto uid = number(user)) {
    identity.uid = *uid;
  } else {
    return fail(Code::InvalidArgument,
                "unable to find user " + user + ": no matching entries in passwd file");
  }
  if (!group_name.empty()) {
    const auto gid = find_group(group, group_name);
    if (!gid) {
      return fail(Code::InvalidArgument,
                  "unable to find group " + group_name + ": no matching entries in group file");
    }
    identity.gid = *gid;
  }
  if (security.run_as_group) identity.gid = static_cast<std::uint32_t>(*security.run_as_group);

  auto& more = identity.additional_gids;
  if (entry) {
    each_line(group, [&](const std::vector<std::string_view>& fields) {
      if (fields.size() >= 4 && is_member(fields[3], entry->name)) {
        if (const auto gid = number(fields[2])) more.push_back(*gid);
      }
      return false;
    });
  }
  for (const auto gid : security.supplemental_groups) {
    more.push_back(static_cast<std::uint32_t>(gid));
  }
  if (security.fs_group) more.push_back(static_cast<std::uint32_t>(*security.fs_group));
  std::sort(more.begin(), more.end());
  more.erase(std::unique(more.begin(), more.end()), more.end());
  // The primary group too (CVE-2023-25173): a process may be kept out of a file by a group that it is in.
  std::erase(more, identity.gid);
  more.insert(more.begin(), identity.gid);
  return identity;
}

}  // namespace gantry::containerd
