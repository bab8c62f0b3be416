#include "daemon/artifacts/pack.h"

#include <archive.h>
#include <archive_entry.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <vector>

#include "daemon/artifacts/files.h"

namespace gantry::artifacts {
namespace {

constexpr std::size_t kChunk = 256 << 10;

struct FreeWriter {
  void operator()(struct archive* a) const { ::archive_write_free(a); }
};
struct FreeEntry {
  void operator()(struct archive_entry* e) const { ::archive_entry_free(e); }
};
using Writer = std::unique_ptr<struct archive, FreeWriter>;

Error archive_error(struct archive* a, std::string_view doing) {
  const char* text = ::archive_error_string(a);
  const int error = ::archive_errno(a);
  if (error == ENOSPC || error == EDQUOT || error == EPIPE) return errno_error(doing, error);
  return {Code::Internal, std::string(doing) + ": " + (text != nullptr ? text : "failed")};
}

Result<Writer> open_writer(const Archive& archive, int fd) {
  Writer writer(::archive_write_new());
  if (!writer) return fail(Code::ResourceExhausted, "out of memory");
  int status = ARCHIVE_OK;
  const auto then = [&](int next) { status = std::min(status, next); };
  if (archive.format == Archive::Format::Zip) {
    then(::archive_write_set_format_zip(writer.get()));
  } else {
    then(::archive_write_set_format_pax_restricted(writer.get()));
    then(::archive_write_add_filter_gzip(writer.get()));
    const std::string level = std::to_string(archive.level.value_or(6));
    then(::archive_write_set_filter_option(writer.get(), "gzip", "compression-level",
                                           level.c_str()));
    then(::archive_write_set_filter_option(writer.get(), "gzip", "timestamp", nullptr));
  }
  // No padding to whole records after the last byte.
  then(::archive_write_set_bytes_in_last_block(writer.get(), 1));
  then(::archive_write_open_fd(writer.get(), fd));
  if (status < ARCHIVE_WARN) return fail(archive_error(writer.get(), "start an archive"));
  return writer;
}

Result<void> write_content(struct archive* writer, const Entry& entry, const OpenContent& open,
                           std::vector<char>& buffer) {
  auto fd = open(entry);
  if (!fd) return fail(std::move(fd.error()));
  for (std::uint64_t left = entry.size; left > 0;) {
    const ssize_t got = ::read(fd->get(), buffer.data(), std::min<std::uint64_t>(left, kChunk));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(errno_error("read " + entry.path, errno));
    if (got == 0) return fail(Code::Aborted, entry.path + " became shorter while it was packed");
    if (::archive_write_data(writer, buffer.data(), static_cast<std::size_t>(got)) < got) {
      return fail(archive_error(writer, "pack " + entry.path));
    }
    left -= static_cast<std::uint64_t>(got);
  }
  return {};
}

Result<void> write_entry(struct archive* writer, const Entry& entry, const std::string& name,
                         const OpenContent& open, std::vector<char>& buffer) {
  const std::unique_ptr<struct archive_entry, FreeEntry> header(::archive_entry_new());
  const std::string path = entry.path.empty() ? name : name + "/" + entry.path;
  ::archive_entry_copy_pathname(header.get(), path.c_str());
  ::archive_entry_set_mode(header.get(), entry.mode);
  ::archive_entry_set_mtime(header.get(), entry.mtime, 0);
  switch (entry.kind) {
    case Kind::File:
      ::archive_entry_set_filetype(header.get(), AE_IFREG);
      ::archive_entry_set_size(header.get(), static_cast<la_int64_t>(entry.size));
      break;
    case Kind::Directory:
      ::archive_entry_set_filetype(header.get(), AE_IFDIR);
      break;
    case Kind::Link:
      ::archive_entry_set_filetype(header.get(), AE_IFLNK);
      ::archive_entry_copy_symlink(header.get(), entry.target.c_str());
      break;
  }
  // ARCHIVE_WARN is a name that is not the locale's: it is stored as the bytes that it is.
  if (::archive_write_header(writer, header.get()) < ARCHIVE_WARN) {
    return fail(archive_error(writer, "pack " + path));
  }
  if (entry.kind != Kind::File) return {};
  return write_content(writer, entry, open, buffer);
}

}  // namespace

Result<void> pack(const Tree& tree, const std::string& name, const OpenContent& open,
                  const Archive& archive, int fd) {
  if (archive.format == Archive::Format::None) {
    if (tree.is_directory()) {
      return fail(Code::InvalidArgument, name + " is a directory, and there is no archive");
    }
    auto content = open(tree.entries.front());
    if (!content) return fail(std::move(content.error()));
    return copy_content(content->get(), fd);
  }
  auto writer = open_writer(archive, fd);
  if (!writer) return fail(std::move(writer.error()));
  std::vector<char> buffer(kChunk);
  for (const Entry& entry : tree.entries) {
    auto written = write_entry(writer->get(), entry, name, open, buffer);
    if (!written) return written;
  }
  if (::archive_write_close(writer->get()) != ARCHIVE_OK) {
    return fail(archive_error(writer->get(), "finish an archive"));
  }
  return {};
}

}  // namespace gantry::artifacts
