#include "tests/support/image_builder.h"

#include <archive.h>
#include <archive_entry.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <stdexcept>

#include "runtime/containerd/image_manifest.h"

namespace gantry::testing {
namespace {

using Json = nlohmann::json;
using containerd::sha256_digest;

std::string blob_name(const std::string& digest) { return "blobs/sha256/" + digest.substr(7); }

Json descriptor(const std::string& type, const std::string& data) {
  return {{"mediaType", type}, {"digest", sha256_digest(data)}, {"size", data.size()}};
}

Json config_of(const TestImage& image) {
  Json diff_ids = Json::array();
  for (const auto& layer : image.layers) diff_ids.push_back(sha256_digest(layer));
  const auto host = containerd::host_platform();
  return {
      {"architecture", image.architecture.empty() ? host.architecture : image.architecture},
      {"os", "linux"},
      {"config", {{"Cmd", image.command}, {"Entrypoint", image.entrypoint}, {"Env", image.env}}},
      {"rootfs", {{"type", "layers"}, {"diff_ids", diff_ids}}}};
}

std::string compress(const std::string& data, const std::string& filter) {
  if (filter.empty()) return data;
  archive* writer = ::archive_write_new();
  ::archive_write_set_format_raw(writer);
  ::archive_write_add_filter_by_name(writer, filter.c_str());
  std::vector<char> buffer(data.size() + (1 << 20));
  std::size_t used = 0;
  ::archive_write_open_memory(writer, buffer.data(), buffer.size(), &used);
  archive_entry* entry = ::archive_entry_new();
  ::archive_entry_set_filetype(entry, AE_IFREG);
  ::archive_write_header(writer, entry);
  ::archive_write_data(writer, data.data(), data.size());
  ::archive_entry_free(entry);
  ::archive_write_close(writer);
  ::archive_write_free(writer);
  return {buffer.data(), used};
}

Json annotate(Json json, const std::vector<std::pair<std::string, std::string>>& annotations) {
  for (const auto& [key, value] : annotations) json["annotations"][key] = value;
  return json;
}

}  // namespace

std::string make_tar(const std::vector<TarEntry>& entries, const std::string& compression) {
  std::size_t size = 1 << 20;
  for (const auto& entry : entries) size += entry.data.size() + 4096;
  std::vector<char> buffer(size);
  std::size_t used = 0;
  archive* writer = ::archive_write_new();
  ::archive_write_set_format_gnutar(writer);
  if (!compression.empty()) ::archive_write_add_filter_by_name(writer, compression.c_str());
  ::archive_write_open_memory(writer, buffer.data(), buffer.size(), &used);
  for (const auto& item : entries) {
    archive_entry* entry = ::archive_entry_new();
    ::archive_entry_set_pathname(entry, item.name.c_str());
    const bool directory = item.name.ends_with('/');
    ::archive_entry_set_perm(entry, static_cast<unsigned>(item.mode));
    if (!item.symlink.empty()) {
      ::archive_entry_set_filetype(entry, AE_IFLNK);
      ::archive_entry_set_symlink(entry, item.symlink.c_str());
    } else {
      ::archive_entry_set_filetype(entry, directory ? AE_IFDIR : AE_IFREG);
      if (!item.hardlink.empty()) {
        ::archive_entry_set_hardlink(entry, item.hardlink.c_str());
      } else if (!directory) {
        ::archive_entry_set_size(entry, static_cast<la_int64_t>(item.data.size()));
      }
    }
    if (::archive_write_header(writer, entry) != ARCHIVE_OK) {
      throw std::runtime_error(::archive_error_string(writer));
    }
    if (item.symlink.empty() && item.hardlink.empty()) {
      ::archive_write_data(writer, item.data.data(), item.data.size());
    }
    ::archive_entry_free(entry);
  }
  if (::archive_write_close(writer) != ARCHIVE_OK) {
    throw std::runtime_error(::archive_error_string(writer));
  }
  ::archive_write_free(writer);
  return {buffer.data(), used};
}

std::string write_file(const std::string& directory, const std::string& name,
                       const std::string& data) {
  const std::string path = directory + "/" + name;
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << data;
  out.close();
  if (!out) throw std::runtime_error("cannot write " + path);
  return path;
}

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw std::runtime_error("cannot read " + path);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

TestImage busybox_image() {
  std::vector<TarEntry> entries = {{"bin/", ""}, {"bin/busybox", read_file("/bin/busybox")}};
  for (const char* applet : {"sh", "echo", "cat", "sleep", "true", "false"}) {
    entries.push_back({std::string("bin/") + applet, "", "busybox"});
  }
  const std::vector<TarEntry> etc = {{"etc/", ""},
                                     {"etc/passwd", "root:x:0:0::/:/bin/sh\n", "", "", 0644}};
  return {{make_tar(entries), make_tar(etc)}, "", {"/bin/sh"}, {}, {"PATH=/bin"}};
}

OciImage oci_image(const TestImage& image, const std::string& layer_compression,
                   const std::vector<std::pair<std::string, std::string>>& annotations) {
  OciImage result;
  const auto add = [&](const std::string& type, const std::string& data) {
    result.blobs.push_back({blob_name(sha256_digest(data)), data});
    return descriptor(type, data);
  };
  const std::string layer_type = "application/vnd.oci.image.layer.v1.tar" +
                                 (layer_compression.empty() ? "" : "+" + layer_compression);
  Json layers = Json::array();
  for (const auto& layer : image.layers) {
    layers.push_back(add(layer_type, compress(layer, layer_compression)));
  }
  const auto config = config_of(image);
  const Json manifest = {{"schemaVersion", 2},
                         {"mediaType", containerd::kOciManifest},
                         {"config", add("application/vnd.oci.image.config.v1+json", config.dump())},
                         {"layers", layers}};
  Json target = add(std::string(containerd::kOciManifest), manifest.dump());
  target["platform"] = {{"os", "linux"}, {"architecture", config["architecture"]}};
  result.descriptor = annotate(target, annotations).dump();
  return result;
}

OciImage oci_index(const std::vector<OciImage>& images,
                   const std::vector<std::pair<std::string, std::string>>& annotations) {
  OciImage result;
  Json manifests = Json::array();
  for (const auto& image : images) {
    result.blobs.insert(result.blobs.end(), image.blobs.begin(), image.blobs.end());
    manifests.push_back(Json::parse(image.descriptor));
  }
  const std::string text = Json{
      {"schemaVersion", 2},
      {"mediaType", containerd::kOciIndex},
      {"manifests", manifests}}.dump();
  result.blobs.push_back({blob_name(sha256_digest(text)), text});
  result.descriptor =
      annotate(descriptor(std::string(containerd::kOciIndex), text), annotations).dump();
  return result;
}

std::vector<TarEntry> oci_layout(const std::vector<OciImage>& images) {
  std::map<std::string, TarEntry> blobs;
  Json manifests = Json::array();
  for (const auto& image : images) {
    for (const auto& blob : image.blobs) blobs[blob.name] = blob;
    manifests.push_back(Json::parse(image.descriptor));
  }
  std::vector<TarEntry> entries = {{"blobs/", ""}, {"blobs/sha256/", ""}};
  for (const auto& [name, blob] : blobs) entries.push_back(blob);
  entries.push_back({"index.json", Json{{"schemaVersion", 2}, {"manifests", manifests}}.dump()});
  entries.push_back({"oci-layout", R"({"imageLayoutVersion":"1.0.0"})"});
  return entries;
}

std::vector<TarEntry> docker_save(const TestImage& image, const std::vector<std::string>& tags) {
  std::vector<TarEntry> entries;
  const std::string config = config_of(image).dump();
  const std::string config_name = sha256_digest(config).substr(7) + ".json";
  entries.push_back({config_name, config});
  Json layers = Json::array();
  std::map<std::string, std::string> seen;
  for (std::size_t i = 0; i < image.layers.size(); ++i) {
    const std::string name = "layer" + std::to_string(i) + "/layer.tar";
    const auto [first, is_new] = seen.try_emplace(image.layers[i], name);
    entries.push_back(is_new ? TarEntry{name, image.layers[i]}
                             : TarEntry{name, "", "../" + first->second});
    layers.push_back(name);
  }
  const Json manifest = {{{"Config", config_name}, {"RepoTags", tags}, {"Layers", layers}}};
  entries.push_back({"manifest.json", manifest.dump()});
  return entries;
}

}  // namespace gantry::testing
