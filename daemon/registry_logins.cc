#include "daemon/registry_logins.h"

#include <nlohmann/json.hpp>

#include "workflow/expr/base64.h"

namespace gantry {

using Json = nlohmann::json;

static std::string text_at(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

Result<std::vector<runtime::RegistryLogin>> registry_logins(
    const std::map<std::string, std::string>& data) {
  constexpr const char* kNew = ".dockerconfigjson";
  constexpr const char* kOld = ".dockercfg";
  std::vector<runtime::RegistryLogin> logins;
  for (const char* key : {kNew, kOld}) {
    const auto found = data.find(key);
    if (found == data.end()) continue;
    // No value of it goes into a message.
    const auto damaged = [&] {
      return fail(Code::InvalidArgument,
                  std::string(key) + " is not a configuration of Docker with credentials");
    };
    Json json = Json::parse(found->second, nullptr, false);
    if (json.is_object() && key == kNew) json = json.value("auths", Json::object());
    if (!json.is_object()) return damaged();
    for (const auto& [server, entry] : json.items()) {
      if (!entry.is_object()) return damaged();
      runtime::RegistryLogin login{server, text_at(entry, "username"), text_at(entry, "password")};
      if (const std::string auth = text_at(entry, "auth"); !auth.empty()) {
        const auto decoded = workflow::expr::base64_decode(auth);
        const auto colon = decoded ? decoded->find(':') : std::string::npos;
        if (colon == std::string::npos) return damaged();
        login.user = decoded->substr(0, colon);
        login.password = decoded->substr(colon + 1);
      }
      if (!login.user.empty()) logins.push_back(std::move(login));
    }
  }
  return logins;
}

}  // namespace gantry
