#pragma once

// Image archives for tests, made with libarchive: an OCI layout or what docker save writes.

#include <string>
#include <utility>
#include <vector>

namespace gantry::testing {

struct TarEntry {
  std::string name;
  std::string data;
  std::string symlink = {};   ///< not empty: a symbolic link to this
  std::string hardlink = {};  ///< not empty: a hard link to this
  int mode = 0755;
};

/// "", "gzip", "zstd" or "xz".
std::string make_tar(const std::vector<TarEntry>& entries, const std::string& compression = "");

/// Writes `data` to a new file `name` in `directory`; its path.
std::string write_file(const std::string& directory, const std::string& name,
                       const std::string& data);
std::string read_file(const std::string& path);

struct TestImage {
  std::vector<std::string> layers;  ///< uncompressed tars, bottom first
  std::string architecture;         ///< empty: this host's
  std::vector<std::string> command = {"/bin/sh"};
  std::vector<std::string> entrypoint = {};
  std::vector<std::string> env = {};
};
/// The static busybox of Debian with links for `sh`, `echo`, `cat`, `sleep`, `true`, and
/// /etc/passwd. Throws if busybox-static is not installed, so that a test fails.
TestImage busybox_image();

/// An image as blobs: (`blobs/sha256/…`, content), and the descriptor (JSON) of its manifest.
struct OciImage {
  std::vector<TarEntry> blobs;
  std::string descriptor;
};
OciImage oci_image(const TestImage& image, const std::string& layer_compression = "gzip",
                   const std::vector<std::pair<std::string, std::string>>& annotations = {});
/// An index of several images, itself a blob.
OciImage oci_index(const std::vector<OciImage>& images,
                   const std::vector<std::pair<std::string, std::string>>& annotations = {});
/// The entries of an OCI layout with these images in index.json.
std::vector<TarEntry> oci_layout(const std::vector<OciImage>& images);
/// The entries of an archive as docker save writes it; equal layers are links.
std::vector<TarEntry> docker_save(const TestImage& image, const std::vector<std::string>& tags);

}  // namespace gantry::testing
