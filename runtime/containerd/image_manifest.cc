#include "runtime/containerd/image_manifest.h"

#include <openssl/evp.h>
#include <sys/utsname.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

namespace gantry::containerd {
namespace {

using Json = nlohmann::json;

// Documents come from strangers: every field may be missing or of another type, and nothing here
// may throw.
std::string text_of(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

const Json* list_of(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_array() ? &*found : nullptr;
}

Platform platform_of(const Json& object) {
  return {text_of(object, "os"), text_of(object, "architecture"), text_of(object, "variant")};
}

Result<Descriptor> descriptor_of(const Json& object, std::string_view what) {
  Descriptor result;
  if (!object.is_object()) {
    return fail(Code::InvalidArgument, "the " + std::string(what) + " is not a descriptor");
  }
  result.media_type = text_of(object, "mediaType");
  result.digest = text_of(object, "digest");
  if (!is_sha256_digest(result.digest)) {
    return fail(Code::InvalidArgument, "the digest \"" + result.digest + "\" of the " +
                                           std::string(what) + " is not a sha256 digest");
  }
  const auto size = object.find("size");
  if (size == object.end() || !size->is_number_integer() || size->get<std::int64_t>() < 0) {
    return fail(Code::InvalidArgument, "the " + std::string(what) + " has no size");
  }
  result.size = size->get<std::int64_t>();
  if (const auto platform = object.find("platform");
      platform != object.end() && platform->is_object()) {
    result.platform = platform_of(*platform);
  }
  if (const auto found = object.find("annotations"); found != object.end() && found->is_object()) {
    for (const auto& [key, value] : found->items()) {
      if (value.is_string()) result.annotations[key] = value.get<std::string>();
    }
  }
  return result;
}

Result<std::vector<Descriptor>> descriptors_of(const Json& list, std::string_view what) {
  std::vector<Descriptor> result;
  for (const auto& element : list) {
    auto descriptor = descriptor_of(element, what);
    if (!descriptor) return fail(descriptor.error());
    result.push_back(*std::move(descriptor));
  }
  return result;
}

Result<Json> parse(std::string_view text, std::string_view what) {
  auto json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) {
    return fail(Code::InvalidArgument, "the " + std::string(what) + " is not a JSON object");
  }
  return json;
}

int variant_number(const std::string& variant) {
  return variant.size() == 2 && variant[0] == 'v' ? variant[1] - '0' : 0;
}

}  // namespace

std::string Platform::text() const {
  std::string result = (os.empty() ? "?" : os) + "/" + (architecture.empty() ? "?" : architecture);
  return variant.empty() ? result : result + "/" + variant;
}

Platform host_platform() {
  utsname name{};
  ::uname(&name);
  const std::string_view machine = name.machine;
  constexpr std::pair<std::string_view, std::pair<const char*, const char*>> kNames[] = {
      {"x86_64", {"amd64", ""}}, {"aarch64", {"arm64", "v8"}}, {"armv7l", {"arm", "v7"}},
      {"armv6l", {"arm", "v6"}}, {"i686", {"386", ""}},        {"ppc64le", {"ppc64le", ""}},
      {"s390x", {"s390x", ""}},  {"riscv64", {"riscv64", ""}},
  };
  for (const auto& [kernel, go] : kNames) {
    if (machine == kernel) return {"linux", go.first, go.second};
  }
  return {"linux", std::string(machine), ""};
}

bool runs_on(const Platform& image, const Platform& host) {
  if (!image.os.empty() && image.os != host.os) return false;
  if (!image.architecture.empty() && image.architecture != host.architecture) return false;
  // A newer machine runs what was built for an older variant. amd64's variants are not known here:
  // v1 runs everywhere.
  return variant_number(image.variant) <= std::max(variant_number(host.variant), 1);
}

const Descriptor* select_platform(const std::vector<Descriptor>& manifests,
                                  const Platform& platform) {
  const Descriptor* best = nullptr;
  int best_score = 0;
  for (const auto& candidate : manifests) {
    int score = 1;
    if (candidate.platform) {
      // Attestations beside an image call their platform unknown/unknown and so fit nowhere.
      if (!runs_on(*candidate.platform, platform)) continue;
      score = 2 + variant_number(candidate.platform->variant);
    }
    if (score > best_score) {
      best = &candidate;
      best_score = score;
    }
  }
  return best;
}

Result<std::variant<Index, Manifest>> parse_target(std::string_view text) {
  auto json = parse(text, "image manifest");
  if (!json) return fail(json.error());
  const Json* manifests = list_of(*json, "manifests");
  const Json* layers = list_of(*json, "layers");
  // Both at once is how one digest could mean two images (CVE-2021-41190).
  if ((manifests != nullptr) == (layers != nullptr)) {
    return fail(Code::InvalidArgument, manifests != nullptr
                                           ? "the image manifest is an index and a manifest at once"
                                           : "the image manifest has neither layers nor manifests");
  }
  if (manifests != nullptr) {
    auto list = descriptors_of(*manifests, "manifest");
    if (!list) return fail(list.error());
    return Index{*std::move(list)};
  }
  const auto config = json->find("config");
  if (config == json->end()) return fail(Code::InvalidArgument, "the image manifest has no config");
  auto descriptor = descriptor_of(*config, "image configuration");
  if (!descriptor) return fail(descriptor.error());
  auto list = descriptors_of(*layers, "layer");
  if (!list) return fail(list.error());
  return Manifest{*std::move(descriptor), *std::move(list)};
}

Result<ImageRootFs> parse_root_fs(std::string_view text) {
  auto json = parse(text, "image configuration");
  if (!json) return fail(json.error());
  ImageRootFs result{platform_of(*json), {}};
  const auto rootfs = json->find("rootfs");
  const Json* diff_ids =
      rootfs != json->end() && rootfs->is_object() ? list_of(*rootfs, "diff_ids") : nullptr;
  if (diff_ids == nullptr) {
    return fail(Code::InvalidArgument, "the image configuration has no rootfs.diff_ids");
  }
  for (const auto& id : *diff_ids) {
    if (!id.is_string() || !is_sha256_digest(id.get_ref<const std::string&>())) {
      return fail(Code::InvalidArgument,
                  "the image configuration has a diff_id that is no sha256 digest");
    }
    result.diff_ids.push_back(id.get<std::string>());
  }
  return result;
}

bool is_sha256_digest(std::string_view text) {
  constexpr std::string_view kPrefix = "sha256:";
  if (!text.starts_with(kPrefix) || text.size() != kPrefix.size() + 64) return false;
  return std::all_of(text.begin() + kPrefix.size(), text.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

std::string sha256_digest(std::string_view data) {
  unsigned char hash[EVP_MAX_MD_SIZE];
  unsigned int length = 0;
  ::EVP_Digest(data.data(), data.size(), hash, &length, ::EVP_sha256(), nullptr);
  std::string result = "sha256:";
  for (unsigned int i = 0; i < length; ++i) {
    constexpr char kDigits[] = "0123456789abcdef";
    result.push_back(kDigits[hash[i] >> 4]);
    result.push_back(kDigits[hash[i] & 15]);
  }
  return result;
}

std::string chain_id(const std::vector<std::string>& diff_ids, std::size_t count) {
  std::string chain;
  for (std::size_t i = 0; i < count; ++i) {
    chain = i == 0 ? diff_ids[0] : sha256_digest(chain + " " + diff_ids[i]);
  }
  return chain;
}

}  // namespace gantry::containerd
