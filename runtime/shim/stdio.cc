#include "runtime/shim/stdio.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

namespace gantry::shim {
namespace {

std::string percent_decoded(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned byte = 0;
    if (text[i] == '%' && i + 2 < text.size() &&
        std::from_chars(text.data() + i + 1, text.data() + i + 3, byte, 16).ptr == text.data() + i + 3) {
      result.push_back(static_cast<char>(byte));
      i += 2;
    } else {
      result.push_back(text[i]);
    }
  }
  return result;
}

/// The length of "file" in "file:…"; 0 if the text has no scheme (RFC 3986, 3.1).
std::size_t scheme_length(std::string_view text) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == ':') return i;
    const bool more = i > 0 && ((c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.');
    if (!letter(c) && !more) return 0;
  }
  return 0;
}

bool is_fifo(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 && S_ISFIFO(info.st_mode);
}

Result<UniqueFd> open_file(const Sink& sink) {
  const bool made = sink.kind == Sink::Kind::File;
  if (made) {
    std::error_code ignored;  // what is wrong shows when the file is opened
    std::filesystem::create_directories(std::filesystem::path(sink.path).parent_path(), ignored);
  }
  const int flags = O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY | (made ? O_CREAT : 0);
  UniqueFd file(::open(sink.path.c_str(), flags, 0644));
  if (!file.valid()) {
    const std::string why = std::strerror(errno);
    return fail(Code::Unknown, "opening file \"" + sink.path + "\" failed: " + why);
  }
  return file;
}

Result<CopyEnd> open_sink(const Sink& sink) {
  if (sink.kind == Sink::Kind::Fifo || (sink.kind == Sink::Kind::Path && is_fifo(sink.path))) {
    return CopyEnd{UniqueFd(), sink.path};
  }
  auto file = open_file(sink);
  if (!file) return fail(std::move(file.error()));
  return CopyEnd{std::move(*file), {}};
}

/// The process's end of a stream, whose other end is copied to the sink.
Result<UniqueFd> open_output(const Sink& sink, uid_t uid, gid_t gid, std::vector<CopyJob>& jobs) {
  if (sink.kind == Sink::Kind::Nothing) return UniqueFd();
  auto to = open_sink(sink);
  if (!to) return fail(std::move(to.error()));
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return fail(errno_error("pipe", errno));
  jobs.push_back({{UniqueFd(ends[0]), {}}, std::move(*to)});
  UniqueFd end(ends[1]);
  if (::fchown(end.get(), uid, gid) != 0) return fail(errno_error("chown pipe", errno));
  return end;
}

/// The reading end of standard input, which blocks again, and its keeper.
Result<UniqueFd> open_input(const std::string& path, UniqueFd& keeper) {
  if (is_fifo(path)) keeper.reset(::open(path.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
  UniqueFd end(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
  if (!end.valid()) {
    const std::string why = std::strerror(errno);
    return fail(Code::Unknown, "opening " + path + " failed: " + why);
  }
  ::fcntl(end.get(), F_SETFL, 0);
  return end;
}

}  // namespace

Result<Sink> parse_sink(const std::string& uri) {
  if (uri.empty()) return Sink{};
  const std::size_t length = scheme_length(uri);
  if (length == 0) return Sink{Sink::Kind::Path, uri};
  const std::string scheme = uri.substr(0, length);
  std::string_view rest = std::string_view(uri).substr(length + 1);
  if (scheme == "binary") {
    return fail(Code::Unimplemented, "this shim starts no logging binaries: " + uri);
  }
  if (scheme != "fifo" && scheme != "file") return fail(Code::InvalidArgument, "unknown STDIO scheme " + scheme);
  if (rest.starts_with("//")) {  // a host may follow; there is none but this one
    rest.remove_prefix(2);
    rest.remove_prefix(std::min(rest.find('/'), rest.size()));
  }
  rest = rest.substr(0, rest.find_first_of("?#"));
  if (rest.empty()) return fail(Code::InvalidArgument, "no path in " + uri);
  return Sink{scheme == "fifo" ? Sink::Kind::Fifo : Sink::Kind::File, percent_decoded(rest)};
}

Result<ProcessIo> open_io(const Stdio& stdio, uid_t uid, gid_t gid) {
  auto out = parse_sink(stdio.out);
  if (!out) return fail(std::move(out.error()));
  // With file:// both streams go to the file of standard output.
  auto err = out->kind == Sink::Kind::File ? Result<Sink>(*out) : parse_sink(stdio.err);
  if (!err) return fail(std::move(err.error()));
  ProcessIo io;
  if (!stdio.in.empty()) {
    auto in = open_input(stdio.in, io.stdin_keeper);
    if (!in) return fail(std::move(in.error()));
    io.in = std::move(*in);
  }
  for (const auto& [sink, end] : {std::pair(&*out, &io.out), std::pair(&*err, &io.err)}) {
    auto opened = open_output(*sink, uid, gid, io.jobs);
    if (!opened) return fail(std::move(opened.error()));
    *end = std::move(*opened);
  }
  return io;
}

Result<ProcessIo> open_terminal_io(const Stdio& stdio, int console) {
  const auto another = [&] { return UniqueFd(::fcntl(console, F_DUPFD_CLOEXEC, 3)); };
  auto out = parse_sink(stdio.out);
  if (!out) return fail(std::move(out.error()));
  ProcessIo io;
  if (out->kind != Sink::Kind::Nothing) {
    auto to = open_sink(*out);
    if (!to) return fail(std::move(to.error()));
    io.jobs.push_back({{another(), {}}, std::move(*to)});
  }
  if (!stdio.in.empty()) {
    auto in = open_input(stdio.in, io.stdin_keeper);
    if (!in) return fail(std::move(in.error()));
    io.jobs.push_back({{std::move(*in), {}}, {another(), {}}, true});
  }
  return io;
}

}  // namespace gantry::shim
