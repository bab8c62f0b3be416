#include "runtime/containerd/image_archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <openssl/evp.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "base/json_text.h"
#include "runtime/containerd/reference.h"

namespace gantry::containerd {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kReadBlock = 256 * 1024;
constexpr std::int64_t kMaxDocument = 20
                                      << 20;  // containerd's limit for the JSON files of an archive
constexpr int kMaxEntries = 100'000;

struct ArchiveCloser {
  void operator()(archive* reader) const { ::archive_read_free(reader); }
};
struct DigestCloser {
  void operator()(EVP_MD_CTX* context) const { ::EVP_MD_CTX_free(context); }
};

class Sha256 {
 public:
  Sha256() { ::EVP_DigestInit_ex(context_.get(), ::EVP_sha256(), nullptr); }
  void update(const void* data, std::size_t size) {
    ::EVP_DigestUpdate(context_.get(), data, size);
  }
  std::string digest() {
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned int length = 0;
    ::EVP_DigestFinal_ex(context_.get(), hash, &length);
    std::string result = "sha256:";
    for (unsigned int i = 0; i < length; ++i) {
      constexpr char kDigits[] = "0123456789abcdef";
      result.push_back(kDigits[hash[i] >> 4]);
      result.push_back(kDigits[hash[i] & 15]);
    }
    return result;
  }

 private:
  std::unique_ptr<EVP_MD_CTX, DigestCloser> context_{::EVP_MD_CTX_new()};
};

/// `name` without `.` and empty parts, or nothing if it is absolute or leaves its root.
std::optional<std::string> clean_path(std::string_view name) {
  if (name.starts_with('/')) return std::nullopt;
  std::vector<std::string_view> parts;
  for (std::size_t begin = 0; begin <= name.size();) {
    const auto end = std::min(name.find('/', begin), name.size());
    const auto part = name.substr(begin, end - begin);
    if (part == "..") {
      if (parts.empty()) return std::nullopt;
      parts.pop_back();
    } else if (!part.empty() && part != ".") {
      parts.push_back(part);
    }
    begin = end + 1;
  }
  std::string result;
  for (const auto part : parts) result.append(result.empty() ? "" : "/").append(part);
  return result;
}

/// A file of the archive that is in the sink now.
struct Blob {
  std::string digest;
  std::int64_t size = 0;
  std::string_view layer_type;  ///< what it would be as a layer, from its first bytes
};

std::string_view layer_type_of(std::string_view head) {
  if (head.starts_with("\x1f\x8b")) return kDockerLayerGzip;
  if (head.starts_with("\x28\xb5\x2f\xfd")) return kOciLayerZstd;
  return kDockerLayer;
}

class Reader {
 public:
  Reader(const std::string& path, BlobSink& sink,
         const std::function<void(std::int64_t, std::int64_t)>& progress)
      : path_(path), sink_(sink), progress_(progress) {}

  Result<std::vector<ArchiveImage>> read() {
    if (auto done = read_entries(); !done) return fail(done.error());
    if (documents_.contains("oci-layout")) return oci_images();
    if (documents_.contains("manifest.json")) return docker_images();
    return bad(
        "is not an image archive: it holds neither an OCI layout (oci-layout, index.json) "
        "nor what docker save writes (manifest.json)");
  }

 private:
  tl::unexpected<Error> bad(const std::string& what) const {
    return fail(Code::InvalidArgument, "image archive " + path_ + " " + what);
  }
  tl::unexpected<Error> damaged() const {
    const char* text = ::archive_error_string(archive_.get());
    return bad(std::string("is damaged or no archive: ") +
               (text != nullptr ? text : "unknown error"));
  }

  Result<void> read_entries() {
    struct stat status {};
    if (::stat(path_.c_str(), &status) != 0) {
      return fail(errno_error("image archive " + path_, errno));
    }
    if (!S_ISREG(status.st_mode)) return bad("is not a regular file");
    total_ = status.st_size;
    ::archive_read_support_format_tar(archive_.get());
    ::archive_read_support_filter_gzip(archive_.get());
    ::archive_read_support_filter_zstd(archive_.get());
    ::archive_read_support_filter_xz(archive_.get());
    ::archive_read_support_filter_bzip2(archive_.get());
    if (::archive_read_open_filename(archive_.get(), path_.c_str(), kReadBlock) != ARCHIVE_OK) {
      return damaged();
    }
    for (int count = 0;; ++count) {
      archive_entry* entry = nullptr;
      const int status_code = ::archive_read_next_header(archive_.get(), &entry);
      if (status_code == ARCHIVE_EOF) return {};
      if (status_code < ARCHIVE_WARN) return damaged();
      if (count == kMaxEntries) return bad("has too many entries");
      if (auto done = read_entry(entry); !done) return done;
    }
  }

  Result<void> read_entry(archive_entry* entry) {
    const char* raw = ::archive_entry_pathname(entry);
    if (raw == nullptr) return bad("has an entry without a name");
    const auto name = clean_path(raw);
    if (!name) return bad("is refused: the entry \"" + std::string(raw) + "\" leaves the archive");

    const char* hard_link = ::archive_entry_hardlink(entry);
    const char* link = ::archive_entry_symlink(entry);
    if (hard_link != nullptr || link != nullptr) {
      // docker save shares equal layers by symbolic links, relative to the link's own directory.
      const auto slash = name->rfind('/');
      const std::string from =
          link != nullptr && slash != std::string::npos ? name->substr(0, slash + 1) : "";
      const std::string target = link != nullptr ? link : hard_link;
      const auto clean = target.starts_with('/') ? std::nullopt : clean_path(from + target);
      if (!clean) {
        return bad("is refused: the link \"" + *name + "\" leads out of it, to \"" + target + "\"");
      }
      links_[*name] = *clean;
      return {};
    }
    if (::archive_entry_filetype(entry) != AE_IFREG) return {};
    const std::int64_t size = ::archive_entry_size(entry);
    if (*name == "oci-layout" || *name == "index.json" || *name == "manifest.json" ||
        *name == "repositories") {
      return read_document(*name, size);
    }
    return read_blob(*name, size);
  }

  /// Calls `take` with each piece of the entry's data.
  template <class Take>
  Result<void> each_block(Take take) {
    for (;;) {
      const void* data = nullptr;
      std::size_t size = 0;
      la_int64_t offset = 0;
      const int status = ::archive_read_data_block(archive_.get(), &data, &size, &offset);
      if (status == ARCHIVE_EOF) return {};
      if (status < ARCHIVE_WARN) return damaged();
      if (Result<void> taken = take(std::string_view(static_cast<const char*>(data), size), offset);
          !taken) {
        return taken;
      }
      if (progress_) progress_(::archive_filter_bytes(archive_.get(), -1), total_);
    }
  }

  Result<void> read_document(const std::string& name, std::int64_t size) {
    if (size > kMaxDocument) return bad("has a " + name + " of " + std::to_string(size) + " bytes");
    std::string& text = documents_[name];
    text.clear();
    return each_block([&](std::string_view data, std::int64_t) -> Result<void> {
      text.append(data);
      return {};
    });
  }

  Result<void> read_blob(const std::string& name, std::int64_t size) {
    // A blob of an OCI layout is named after its digest. Everything else is known only when it has
    // been read.
    constexpr std::string_view kBlobs = "blobs/";
    std::string expected;
    if (name.starts_with(kBlobs)) {
      expected = name.substr(kBlobs.size());
      std::replace(expected.begin(), expected.end(), '/', ':');
      if (!is_sha256_digest(expected))
        return bad("holds \"" + name + "\", which is not named after a sha256 digest");
    }
    auto wanted = sink_.begin(expected, size);
    if (!wanted) return fail(wanted.error());
    if (!*wanted) {
      files_[name] = Blob{expected, size, kDockerLayer};
      return {};
    }
    Sha256 hash;
    std::string head;
    std::int64_t written = 0;
    auto copied = each_block([&](std::string_view data, std::int64_t offset) -> Result<void> {
      // A sparse entry leaves holes out.
      if (offset != written) return bad("has a sparse entry \"" + name + "\"");
      if (head.size() < 4) head.append(data.substr(0, 4 - head.size()));
      hash.update(data.data(), data.size());
      written += static_cast<std::int64_t>(data.size());
      return sink_.write(data);
    });
    const std::string digest = hash.digest();
    if (copied && !expected.empty() && digest != expected) {
      copied = bad("is damaged: the content of \"" + name + "\" has the digest " + digest);
    }
    if (!copied) {
      sink_.abort();
      return copied;
    }
    files_[name] = Blob{digest, written, layer_type_of(head)};
    return sink_.commit(digest, written);
  }

  /// The file called `name`, through at most a few links.
  const Blob* find_file(const std::string& raw) const {
    auto name = clean_path(raw).value_or("");
    for (int hops = 0; hops < 8; ++hops) {
      if (const auto file = files_.find(name); file != files_.end()) return &file->second;
      const auto link = links_.find(name);
      if (link == links_.end()) return nullptr;
      name = link->second;
    }
    return nullptr;
  }

  /// A name for an image that brings none, or a tag only: the file's, made acceptable.
  std::string name_after_file(const std::string& tag) const {
    std::string stem = std::filesystem::path(path_).filename().string();
    stem.resize(std::min(stem.find(".tar"), stem.size()));
    std::string name;
    for (const char c : stem) {
      const char lower = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      const bool plain = (lower >= 'a' && lower <= 'z') || (lower >= '0' && lower <= '9');
      if (plain) {
        name.push_back(lower);
      } else if (!name.empty() && name.back() != '-') {
        name.push_back('-');
      }
    }
    while (name.ends_with('-')) name.pop_back();
    return (name.empty() ? "image" : name) + ":" + (tag.empty() ? "latest" : tag);
  }

  /// The name that index.json gives an image, in full.
  Result<std::string> name_of(const Descriptor& descriptor) const {
    const auto annotation = [&](std::string_view key) {
      const auto found = descriptor.annotations.find(std::string(key));
      return found == descriptor.annotations.end() ? std::string() : found->second;
    };
    std::string name = annotation(kAnnotationImageName);
    if (name.empty()) {
      name = annotation(kAnnotationRefName);
      if (name.find_first_of("/:@") == std::string::npos) name = name_after_file(name);
    }
    auto reference = parse_reference(name);
    if (!reference) return bad("names an image badly: " + reference.error().message);
    return reference->name();
  }

  Result<std::vector<ArchiveImage>> oci_images() {
    const auto layout = Json::parse(documents_["oci-layout"], nullptr, false);
    if (!layout.is_object() || !layout.contains("imageLayoutVersion") ||
        layout["imageLayoutVersion"] != "1.0.0") {
      return bad("is an OCI layout of an unknown version (1.0.0 is known)");
    }
    if (!documents_.contains("index.json")) return bad("is an OCI layout without index.json");
    auto target = parse_target(documents_["index.json"]);
    if (!target) return bad("has a bad index.json: " + target.error().message);
    const auto* index = std::get_if<Index>(&*target);
    if (index == nullptr) return bad("has a bad index.json: it is a manifest, not an index");

    // Several entries under one name are one image for several platforms.
    std::map<std::string, std::vector<Descriptor>> named;
    for (const auto& descriptor : index->manifests) {
      auto name = name_of(descriptor);
      if (!name) return fail(name.error());
      named[*name].push_back(descriptor);
    }
    if (named.empty()) return bad("has an index.json that names no image");
    std::vector<ArchiveImage> images;
    for (const auto& [name, candidates] : named) {
      const Platform host = host_platform();
      const auto fits =
          std::count_if(candidates.begin(), candidates.end(), [&](const Descriptor& candidate) {
            return !candidate.platform || runs_on(*candidate.platform, host);
          });
      const Descriptor* chosen = select_platform(candidates, host);
      if (chosen == nullptr) return bad("has no image " + name + " for " + host.text());
      if (fits > 1 && !chosen->platform) {
        return bad("holds several images that would all be called " + name +
                   ": give each an annotation " + std::string(kAnnotationRefName));
      }
      if (files_.find("blobs/sha256/" + chosen->digest.substr(7)) == files_.end()) {
        return bad("lacks the manifest " + chosen->digest + " of " + name);
      }
      const auto same = std::find_if(images.begin(), images.end(), [&](const ArchiveImage& image) {
        return image.target.digest == chosen->digest;
      });
      if (same != images.end()) {
        same->names.push_back(name);
      } else {
        images.push_back({{name}, *chosen});
      }
    }
    return images;
  }

  Result<std::vector<ArchiveImage>> docker_images() {
    const auto list = Json::parse(documents_["manifest.json"], nullptr, false);
    if (!list.is_array() || list.empty())
      return bad("has a bad manifest.json: it is not a list of images");
    std::vector<ArchiveImage> images;
    for (const auto& element : list) {
      auto image = docker_image(element);
      if (!image) return fail(image.error());
      images.push_back(*std::move(image));
    }
    return images;
  }

  Result<ArchiveImage> docker_image(const Json& element) {
    const auto descriptor = [](std::string_view type, const Blob& blob) {
      return Json{{"mediaType", type}, {"digest", blob.digest}, {"size", blob.size}};
    };
    const auto text = [](const Json& json) {
      return json.is_string() ? json.get<std::string>() : std::string();
    };
    if (!element.is_object() || !element.contains("Config") || !element.contains("Layers") ||
        !element["Layers"].is_array()) {
      return bad("has a bad manifest.json: an image has no Config or no Layers");
    }
    const Blob* config = find_file(text(element["Config"]));
    if (config == nullptr) return bad("lacks the image configuration " + element["Config"].dump());
    Json layers = Json::array();
    for (const auto& layer : element["Layers"]) {
      const Blob* blob = find_file(text(layer));
      if (blob == nullptr) return bad("lacks the layer " + layer.dump());
      layers.push_back(descriptor(blob->layer_type, *blob));
    }
    const std::string manifest = json_text(Json{
        {"schemaVersion", 2},
        {"mediaType", kDockerManifest},
        {"config", descriptor(kDockerConfig, *config)},
        {"layers", layers}});
    auto digest = write_blob(sink_, manifest);
    if (!digest) return fail(digest.error());

    ArchiveImage image;
    image.target.media_type = kDockerManifest;
    image.target.digest = *std::move(digest);
    image.target.size = static_cast<std::int64_t>(manifest.size());
    if (element.contains("RepoTags") && element["RepoTags"].is_array()) {
      for (const auto& tag : element["RepoTags"]) {
        auto reference = parse_reference(text(tag));
        if (!reference) return bad("names an image badly: " + reference.error().message);
        image.names.push_back(reference->name());
      }
    }
    if (image.names.empty()) image.names.push_back(parse_reference(name_after_file(""))->name());
    return image;
  }

  const std::string path_;
  BlobSink& sink_;
  const std::function<void(std::int64_t, std::int64_t)>& progress_;
  std::int64_t total_ = 0;
  std::unique_ptr<archive, ArchiveCloser> archive_{::archive_read_new()};
  std::map<std::string, std::string> documents_;
  std::map<std::string, std::string> links_;
  std::map<std::string, Blob> files_;
};

}  // namespace

Result<std::string> write_blob(BlobSink& sink, std::string_view data) {
  const std::string digest = sha256_digest(data);
  auto wanted = sink.begin(digest, static_cast<std::int64_t>(data.size()));
  if (!wanted) return fail(wanted.error());
  if (!*wanted) return digest;
  auto written = sink.write(data);
  if (!written) {
    sink.abort();
    return fail(written.error());
  }
  auto committed = sink.commit(digest, static_cast<std::int64_t>(data.size()));
  if (!committed) return fail(committed.error());
  return digest;
}

Result<std::vector<ArchiveImage>> read_archive(
    const std::string& path, BlobSink& sink,
    const std::function<void(std::int64_t, std::int64_t)>& progress) {
  return Reader(path, sink, progress).read();
}

}  // namespace gantry::containerd
