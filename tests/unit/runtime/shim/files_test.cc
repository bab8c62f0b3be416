// What the shim reads: names of streams, mount options, runtimes' logs, its command line.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>

#include "runtime/shim/command_line.h"
#include "runtime/shim/mounts.h"
#include "runtime/shim/runtime_log.h"
#include "runtime/shim/stdio.h"

namespace gantry::shim {
namespace {

using ::testing::HasSubstr;

TEST(StdioTest, Sinks) {
  struct Case {
    const char* uri;
    Sink::Kind kind;
    const char* path;
  };
  const Case cases[] = {
      {"", Sink::Kind::Nothing, ""},
      {"/logs/a.stdout", Sink::Kind::Path, "/logs/a.stdout"},
      {"/logs/what:is?this%20", Sink::Kind::Path, "/logs/what:is?this%20"},
      {"relative", Sink::Kind::Path, "relative"},
      {"fifo:///run/f", Sink::Kind::Fifo, "/run/f"},
      {"file:///logs/a%20b.log", Sink::Kind::File, "/logs/a b.log"},
      {"file:///logs/50%.log", Sink::Kind::File, "/logs/50%.log"},
      {"file:///logs/a%2", Sink::Kind::File, "/logs/a%2"},
      {"file:/logs/a", Sink::Kind::File, "/logs/a"},
      {"file:///a?x=y", Sink::Kind::File, "/a"},
  };
  for (const Case& one : cases) {
    const auto sink = parse_sink(one.uri);
    ASSERT_TRUE(sink) << one.uri;
    EXPECT_EQ(sink->kind, one.kind) << one.uri;
    EXPECT_EQ(sink->path, one.path) << one.uri;
  }
  EXPECT_EQ(parse_sink("binary:///bin/logger").error().code, Code::Unimplemented);
  EXPECT_EQ(parse_sink("http://x/y").error().message, "unknown STDIO scheme http");
  EXPECT_EQ(parse_sink("file://host").error().code, Code::InvalidArgument);
}

TEST(MountsTest, Options) {
  const auto bind = parse_mount_options({"bind", "/a", {"rbind", "ro", "nosuid", "suid", "defaults"}}, 4096);
  ASSERT_TRUE(bind);
  EXPECT_EQ(bind->flags, static_cast<unsigned long>(MS_BIND | MS_REC | MS_RDONLY));
  EXPECT_EQ(bind->data, "");
  const auto overlay = parse_mount_options(
      {"overlay", "overlay", {"index=off", "workdir=/s/3/work", "upperdir=/s/3/fs", "lowerdir=/s/2/fs:/s/1/fs", "volatile"}},
      4096);
  ASSERT_TRUE(overlay);
  EXPECT_EQ(overlay->flags, 0u);
  EXPECT_EQ(overlay->data, "index=off,workdir=/s/3/work,upperdir=/s/3/fs,lowerdir=/s/2/fs:/s/1/fs,volatile");
  EXPECT_EQ(overlay->directory, "");
}

TEST(MountsTest, ManyLayersAreNamedFromTheirDirectory) {
  std::string lower = "lowerdir=", shorter = "lowerdir=";
  for (int i = 0; i < 100; ++i) {
    if (i > 0) lower += ':', shorter += ':';
    lower += "/var/lib/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots/" + std::to_string(i) + "/fs";
    shorter += std::to_string(i) + "/fs";
  }
  const auto options = parse_mount_options({"overlay", "overlay", {"upperdir=/u", lower, "workdir=/w"}}, 4096);
  ASSERT_TRUE(options) << options.error().message;
  EXPECT_EQ(options->directory, "/var/lib/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots/");
  EXPECT_EQ(options->data, "upperdir=/u," + shorter + ",workdir=/w");
  EXPECT_THAT(parse_mount_options({"overlay", "overlay", {lower}}, 100).error().message, HasSubstr("too long"));
  EXPECT_THAT(parse_mount_options({"ext4", "/d", {std::string(5000, 'x')}}, 4096).error().message, HasSubstr("too long"));
}

TEST(RuntimeLogTest, TheLastErrorCounts) {
  EXPECT_EQ(last_error(R"({"level":"error","msg":"first","time":"t"}
{"level":"warning","msg":"careful"}
{"level":"error","msg":"  exec: \"nope\": not found\n"}
{"level":"info","msg":"later"}
)"),
            "exec: \"nope\": not found");
  EXPECT_EQ(last_error(""), "");
  EXPECT_EQ(last_error("{\"level\":\"info\",\"msg\":\"x\"}\n"), "");
  EXPECT_EQ(last_error("{\"level\":\"error\",\"msg\":\"whole\"}\n{\"level\":\"error\",\"ms"), "whole");
  EXPECT_EQ(last_error("no json\n[1]\n{\"level\":3,\"msg\":4}\n\xff\xfe"), "");
}

TEST(CommandLineTest, IsGos) {
  const char* words[] = {"shim", "-namespace", "ns", "--address=/c.sock", "-publish-binary", "/c", "-id", "x", "-debug", "start"};
  const auto line = parse_command_line(10, words);
  ASSERT_TRUE(line) << line.error().message;
  EXPECT_EQ(line->name_space, "ns");
  EXPECT_EQ(line->address, "/c.sock");
  EXPECT_EQ(line->id, "x");
  EXPECT_TRUE(line->debug);
  EXPECT_EQ(line->action, "start");
  const char* bad[][3] = {{"shim", "-id", "x"}, {"shim", "-what", "x"}, {"shim", "-id", "../x"}, {"shim", "x", "-id"}};
  for (const auto& one : bad) EXPECT_FALSE(parse_command_line(3, one)) << one[1];
  const char* version[] = {"shim", "-v"};
  EXPECT_TRUE(parse_command_line(2, version)->version);
}

}  // namespace
}  // namespace gantry::shim
