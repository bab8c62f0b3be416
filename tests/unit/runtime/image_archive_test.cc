#include "runtime/containerd/image_archive.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <set>

#include "runtime/containerd/image_pull.h"
#include "tests/support/image_builder.h"

namespace gantry::containerd {
namespace {

using gantry::testing::docker_save;
using gantry::testing::make_tar;
using gantry::testing::oci_image;
using gantry::testing::oci_index;
using gantry::testing::oci_layout;
using gantry::testing::OciImage;
using gantry::testing::TarEntry;
using gantry::testing::TestImage;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class MapSink : public BlobSink {
 public:
  Result<bool> begin(const std::string& digest, std::int64_t) override {
    current_.clear();
    return digest.empty() || !blobs.contains(digest);
  }
  Result<void> write(std::string_view data) override {
    current_.append(data);
    return {};
  }
  Result<void> commit(const std::string& digest, std::int64_t size) override {
    EXPECT_EQ(digest, sha256_digest(current_));
    EXPECT_EQ(size, static_cast<std::int64_t>(current_.size()));
    blobs[digest] = current_;
    return {};
  }
  void abort() override { ++aborted; }

  std::map<std::string, std::string> blobs;
  int aborted = 0;

 private:
  std::string current_;
};

class ImageArchive : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "/gantry-archive-XXXXXX";
    directory = ::mkdtemp(pattern.data());
  }
  void TearDown() override { std::filesystem::remove_all(directory); }

  Result<std::vector<ArchiveImage>> read(const std::string& data,
                                         const std::string& name = "my App_1.tar") {
    return read_archive(gantry::testing::write_file(directory, name, data), sink, {});
  }
  void expect_bad(const std::vector<TarEntry>& entries, const std::string& why) {
    const auto images = read(make_tar(entries));
    ASSERT_FALSE(images) << why;
    EXPECT_EQ(images.error().code, Code::InvalidArgument);
    EXPECT_THAT(images.error().message, HasSubstr(why));
  }

  std::string directory;
  MapSink sink;
};

TestImage small_image(const std::string& text = "hello") {
  return {{make_tar({{"greeting", text}}), make_tar({{"other", "x"}})}};
}

using Annotations = std::vector<std::pair<std::string, std::string>>;
Annotations named(const std::string& name) { return {{std::string(kAnnotationImageName), name}}; }
Annotations ref_name(const std::string& name) { return {{std::string(kAnnotationRefName), name}}; }

TEST_F(ImageArchive, ReadsAnOciLayoutInEveryCompression) {
  for (const char* outer : {"", "gzip", "zstd", "xz"}) {
    for (const char* inner : {"", "gzip", "zstd"}) {
      sink.blobs.clear();
      const auto image = oci_image(small_image(), inner, named("docker.io/library/x:1"));
      const auto images = read(make_tar(oci_layout({image}), outer));
      ASSERT_TRUE(images) << outer << inner << images.error().message;
      ASSERT_EQ(images->size(), 1u);
      EXPECT_THAT(images->front().names, ElementsAre("docker.io/library/x:1"));
      EXPECT_EQ(images->front().target.media_type, kOciManifest);
      EXPECT_TRUE(sink.blobs.contains(images->front().target.digest));
      EXPECT_EQ(sink.blobs.size(), 4u);  // two layers, the configuration, the manifest
    }
  }
}

TEST_F(ImageArchive, ReadsWhatDockerSaves) {
  auto image = small_image();
  image.layers.push_back(image.layers[0]);  // becomes a link
  const auto images = read(make_tar(docker_save(image, {"busybox", "localhost:5000/y:2"})));
  ASSERT_TRUE(images) << images.error().message;
  ASSERT_EQ(images->size(), 1u);
  EXPECT_THAT(images->front().names,
              ElementsAre("docker.io/library/busybox:latest", "localhost:5000/y:2"));
  const auto target = parse_target(sink.blobs.at(images->front().target.digest));
  ASSERT_TRUE(target);
  const auto& manifest = std::get<Manifest>(*target);
  ASSERT_EQ(manifest.layers.size(), 3u);
  EXPECT_EQ(manifest.layers[0].digest, manifest.layers[2].digest);
  for (const auto& layer : manifest.layers) {
    EXPECT_EQ(layer.media_type, kDockerLayer);
    EXPECT_EQ(layer.size, static_cast<std::int64_t>(sink.blobs.at(layer.digest).size()));
  }
  EXPECT_TRUE(sink.blobs.contains(manifest.config.digest));
}

TEST_F(ImageArchive, NamesAreFoundOrMade) {
  const struct {
    Annotations annotations;
    std::string name;
  } cases[] = {
      {named("docker.io/library/x:1"), "docker.io/library/x:1"},
      {named("x"), "docker.io/library/x:latest"},
      {ref_name("quay.io/a/b:c"), "quay.io/a/b:c"},
      {ref_name("b:c"), "docker.io/library/b:c"},
      {ref_name("v2"), "docker.io/library/my-app-1:v2"},  // a tag only: called after the file
      {{}, "docker.io/library/my-app-1:latest"},
  };
  for (const auto& c : cases) {
    const auto images = read(make_tar(oci_layout({oci_image(small_image(), "", c.annotations)})));
    ASSERT_TRUE(images) << c.name << images.error().message;
    EXPECT_THAT(images->front().names, ElementsAre(c.name));
  }
  const auto docker = read(make_tar(docker_save(small_image(), {})), "tool.tar.gz");
  ASSERT_TRUE(docker);
  EXPECT_THAT(docker->front().names, ElementsAre("docker.io/library/tool:latest"));
  expect_bad(oci_layout({oci_image(small_image(), "", named("UPPER"))}), "names an image badly");
  expect_bad(docker_save(small_image(), {"a b"}), "names an image badly");
}

TEST_F(ImageArchive, SeveralImagesAndPlatforms) {
  auto foreign = small_image("foreign");
  foreign.architecture = "mips64le";
  const auto a = oci_image(small_image("a"), "", named("a"));
  const auto also_a = oci_image(small_image("a"), "", named("a2"));
  const auto b = oci_image(small_image("b"), "", named("b"));
  auto images = read(make_tar(oci_layout({a, also_a, b})));
  ASSERT_TRUE(images) << images.error().message;
  ASSERT_EQ(images->size(), 2u);
  EXPECT_THAT(images->front().names,
              ElementsAre("docker.io/library/a2:latest", "docker.io/library/a:latest"));

  // One name, two platforms: ours is taken, wherever it stands.
  const auto theirs = oci_image(foreign, "", named("a"));
  images = read(make_tar(oci_layout({theirs, a})));
  ASSERT_TRUE(images) << images.error().message;
  ASSERT_EQ(images->size(), 1u);
  EXPECT_THAT(a.descriptor, HasSubstr(images->front().target.digest));
  expect_bad(oci_layout({theirs}), "has no image docker.io/library/a:latest for linux/");

  const auto index = oci_index({theirs, a}, named("multi"));
  images = read(make_tar(oci_layout({index})));
  ASSERT_TRUE(images);
  EXPECT_EQ(images->front().target.media_type, kOciIndex);
}

TEST_F(ImageArchive, RefusesBadArchives) {
  const auto good = oci_layout({oci_image(small_image(), "", named("x"))});
  const auto with = [&](TarEntry entry) {
    auto entries = good;
    entries.insert(entries.begin(), std::move(entry));
    return entries;
  };
  const auto without = [&](const std::string& name) {
    auto entries = good;
    std::erase_if(entries, [&](const TarEntry& entry) { return entry.name == name; });
    return entries;
  };
  const std::string zero(64, '0');
  expect_bad(with({"../escape", "x"}), "\"../escape\" leaves the archive");
  expect_bad(with({"blobs/../../escape", "x"}), "leaves the archive");
  expect_bad(with({"/etc/passwd", "x"}), "leaves the archive");
  expect_bad(with({"a/link", "", "../../etc/passwd"}), "leads out of it");
  expect_bad(with({"link", "", "/etc/passwd"}), "leads out of it");
  expect_bad(with({"link", "", "", "../x"}), "leads out of it");
  expect_bad(with({"blobs/sha256/" + zero, "not zero"}),
             "is damaged: the content of \"blobs/sha256/" + zero);
  expect_bad(with({"blobs/sha256/abc", "x"}), "not named after a sha256 digest");
  expect_bad(with({"blobs/md5/" + zero, "x"}), "not named after a sha256 digest");
  EXPECT_EQ(sink.aborted, 1);
  expect_bad(without("index.json"), "without index.json");
  expect_bad(without("oci-layout"), "neither an OCI layout");
  expect_bad({{"readme", "hello"}}, "neither an OCI layout");
  expect_bad({{"oci-layout", "{}"}}, "unknown version");
  expect_bad({{"oci-layout", "[1"}}, "unknown version");
  expect_bad({{"oci-layout", R"({"imageLayoutVersion":"1.0.0"})"}, {"index.json", "nonsense"}},
             "bad index.json");
  expect_bad(
      {{"oci-layout", R"({"imageLayoutVersion":"1.0.0"})"}, {"index.json", R"({"manifests":[]})"}},
      "names no image");
  expect_bad({{"oci-layout", R"({"imageLayoutVersion":"1.0.0"})"},
              {"index.json", R"({"manifests":[{"digest":"sha256:../../x","size":1}]})"}},
             "is not a sha256 digest");
  expect_bad({{"oci-layout", R"({"imageLayoutVersion":"1.0.0"})"},
              {"index.json", R"({"manifests":[{"digest":"sha256:)" + zero + R"(","size":1}]})"}},
             "lacks the manifest sha256:" + zero);
  expect_bad({{"manifest.json", "{}"}}, "not a list of images");
  expect_bad({{"manifest.json", "[{}]"}}, "no Config or no Layers");
  expect_bad({{"manifest.json", R"([{"Config":"c","Layers":[]}])"}},
             "lacks the image configuration \"c\"");
  expect_bad({{"c", "{}"}, {"manifest.json", R"([{"Config":"c","Layers":["l"]}])"}},
             "lacks the layer \"l\"");
  expect_bad({{"c", "{}"},
              {"l", "", "l2"},
              {"l2", "", "l"},
              {"manifest.json", R"([{"Config":"c","Layers":["l"]}])"}},
             "lacks the layer \"l\"");
}

TEST_F(ImageArchive, RefusesDamagedFiles) {
  const std::string tar =
      make_tar(oci_layout({oci_image(small_image(std::string(100'000, 'x')), "", named("x"))}));
  const std::string gzip = make_tar(oci_layout({oci_image(small_image(), "", named("x"))}), "gzip");
  for (const auto& data : {std::string("this is no archive"), std::string(), tar.substr(0, 60'000),
                           gzip.substr(0, gzip.size() / 2)}) {
    const auto images = read(data);
    ASSERT_FALSE(images);
    EXPECT_EQ(images.error().code, Code::InvalidArgument) << images.error().message;
    EXPECT_THAT(images.error().message, HasSubstr("my App_1.tar"));
  }
  EXPECT_EQ(read_archive(directory + "/none.tar", sink, {}).error().code, Code::NotFound);
  EXPECT_EQ(read_archive(directory, sink, {}).error().code, Code::InvalidArgument);
}

TEST(ImageManifest, ChainIds) {
  // From the example of the containerd sources' identity package: the chain of one is itself.
  const std::string a = "sha256:" + std::string(64, 'a'), b = "sha256:" + std::string(64, 'b');
  EXPECT_EQ(chain_id({}, 0), "");
  EXPECT_EQ(chain_id({a, b}, 1), a);
  EXPECT_EQ(chain_id({a, b}, 2), sha256_digest(a + " " + b));
  EXPECT_EQ(chain_id({a, b, a}, 3), sha256_digest(sha256_digest(a + " " + b) + " " + a));
  EXPECT_EQ(sha256_digest(""),
            "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(ImageManifest, PlatformsFit) {
  const Platform amd64{"linux", "amd64", ""}, arm64{"linux", "arm64", "v8"};
  EXPECT_TRUE(runs_on(amd64, amd64));
  EXPECT_TRUE(runs_on({"", "", ""}, amd64));
  EXPECT_TRUE(runs_on({"linux", "arm64", ""}, arm64));
  EXPECT_TRUE(runs_on({"linux", "arm64", "v8"}, arm64));
  EXPECT_FALSE(runs_on({"linux", "arm64", "v9"}, arm64));
  EXPECT_FALSE(runs_on({"linux", "amd64", "v3"}, amd64));
  EXPECT_FALSE(runs_on({"windows", "amd64", ""}, amd64));
  EXPECT_FALSE(runs_on({"unknown", "unknown", ""}, amd64));
}

TEST(ImageManifest, RefusesBadDocuments) {
  const std::string d = R"({"digest":"sha256:)" + std::string(64, 'a') + R"(","size":1})";
  EXPECT_TRUE(parse_target(R"({"config":)" + d + R"(,"layers":[]})"));
  EXPECT_TRUE(parse_target(R"({"manifests":[)" + d + "]}"));
  const std::string digest = "sha256:" + std::string(64, 'a');
  const std::vector<std::string> bad = {
      "{}",
      "[]",
      "nonsense",
      "",
      R"({"manifests":[)" + d + R"(],"layers":[],"config":)" + d + "}",  // CVE-2021-41190
      R"({"layers":[]})",
      R"({"layers":[1],"config":)" + d + "}",
      R"({"layers":{},"config":1})",
      R"({"manifests":[{"digest":"sha256:x","size":1}]})",
      R"({"manifests":[{"digest":")" + digest + R"(","size":-1}]})",
      R"({"manifests":[{"digest":")" + digest + R"("}]})",
  };
  for (const auto& text : bad) {
    const auto target = parse_target(text);
    ASSERT_FALSE(target) << text;
    EXPECT_EQ(target.error().code, Code::InvalidArgument);
  }
  for (const char* text : {"{}", "1", R"({"rootfs":1})", R"({"rootfs":{"diff_ids":["x"]}})",
                           R"({"rootfs":{"diff_ids":[1]}})"}) {
    EXPECT_FALSE(parse_root_fs(text)) << text;
  }
}

TEST(ImagePull, CtrsReasonIsFound) {
  EXPECT_EQ(ctr_failure(""), "");
  EXPECT_EQ(ctr_failure("elapsed: 0.1 s\n\x1b[2Kctr...\nctr: failed to resolve: not found\n"),
            "failed to resolve: not found");
  EXPECT_EQ(ctr_failure("ctr: first\nctr: second"), "second");
  EXPECT_EQ(ctr_failure("something else\n\n"), "something else");
}

}  // namespace
}  // namespace gantry::containerd
