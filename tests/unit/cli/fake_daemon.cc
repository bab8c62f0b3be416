#include "fake_daemon.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>

namespace gantry::cli {
namespace {

std::string decode(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      out += static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

/// Reads up to and including `end`, or "" when the client hangs up.
std::string read_until(int fd, const std::string& end) {
  std::string text;
  char c = 0;
  while (!text.ends_with(end)) {
    if (::read(fd, &c, 1) != 1) return {};
    text += c;
  }
  return text;
}

std::string read_exactly(int fd, std::size_t size) {
  std::string text(size, '\0');
  std::size_t got = 0;
  while (got < size) {
    ssize_t n = ::read(fd, text.data() + got, size - got);
    if (n <= 0) break;
    got += static_cast<std::size_t>(n);
  }
  return text;
}

}  // namespace

void Answer::write(const std::string& bytes) {
  ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
}

void Answer::json(int status, const std::string& body) {
  write("HTTP/1.1 " + std::to_string(status) +
        " X\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: " +
        std::to_string(body.size()) + "\r\n\r\n" + body);
}
void Answer::begin_stream() {
  write("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n");
}
void Answer::line(const std::string& json) {
  char size[16];
  std::snprintf(size, sizeof size, "%zx\r\n", json.size() + 1);
  write(size + json + "\n\r\n");
}
void Answer::end() { write("0\r\n\r\n"); }
bool Answer::hung_up(int milliseconds) {
  pollfd event{fd_, POLLRDHUP, 0};
  return ::poll(&event, 1, milliseconds) == 1;
}

FakeDaemon::FakeDaemon(Handler handler) : handler_(std::move(handler)) {
  char name[] = "/tmp/gantry-cli-test-XXXXXX";
  directory_ = ::mkdtemp(name);
  path_ = directory_ + "/gantry.sock";
  listener_.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strcpy(address.sun_path, path_.c_str());
  if (::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(listener_.get(), 64) != 0) {
    std::abort();
  }
  acceptor_ = std::thread([this] {
    for (int fd; (fd = ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC)) >= 0;) {
      std::lock_guard lock(mutex_);
      open_.push_back(fd);
      connections_.emplace_back([this, fd] { serve(fd); });
    }
  });
}

FakeDaemon::~FakeDaemon() {
  ::shutdown(listener_.get(), SHUT_RDWR);
  acceptor_.join();
  for (int fd : open_) ::shutdown(fd, SHUT_RDWR);
  for (std::thread& thread : connections_) thread.join();
  for (int fd : open_) ::close(fd);
  std::filesystem::remove_all(directory_);
}

void FakeDaemon::serve(int fd) {
  for (;;) {
    std::string head = read_until(fd, "\r\n\r\n");
    if (head.empty()) break;
    Asked asked;
    std::size_t space = head.find(' '), second = head.find(' ', space + 1);
    asked.method = head.substr(0, space);
    std::string target = head.substr(space + 1, second - space - 1);
    std::size_t question = target.find('?');
    asked.path = decode(target.substr(0, question));
    for (std::string rest = question == std::string::npos ? "" : target.substr(question + 1);
         !rest.empty();) {
      std::size_t end = std::min(rest.find('&'), rest.size());
      std::string pair = rest.substr(0, end);
      std::size_t equals = pair.find('=');
      asked.query.emplace(decode(pair.substr(0, equals)), decode(pair.substr(equals + 1)));
      rest.erase(0, end + 1);
    }
    for (std::size_t at = head.find("\r\n") + 2; at < head.size() - 2;) {
      std::size_t end = head.find("\r\n", at), colon = head.find(": ", at);
      if (colon < end) {
        std::string name = head.substr(at, colon - at);
        std::transform(name.begin(), name.end(), name.begin(), ::tolower);
        asked.headers[name] = head.substr(colon + 2, end - colon - 2);
      }
      at = end + 2;
    }
    if (asked.headers.contains("content-length")) {
      asked.body = read_exactly(fd, std::stoul(asked.headers["content-length"]));
    } else if (asked.headers["transfer-encoding"] == "chunked") {
      for (;;) {
        std::size_t size = std::stoul(read_until(fd, "\r\n"), nullptr, 16);
        asked.body += read_exactly(fd, size);
        read_until(fd, "\r\n");
        if (size == 0) break;
      }
    }
    {
      std::lock_guard lock(mutex_);
      asked_.push_back(asked);
    }
    Answer answer(fd);
    handler_(asked, answer);
    break;  // one request a connection: a handler that just returns has cut its stream off
  }
  ::shutdown(fd, SHUT_RDWR);
}

std::vector<std::string> FakeDaemon::asked() const {
  std::lock_guard lock(mutex_);
  std::vector<std::string> out;
  for (const Asked& asked : asked_) out.push_back(asked.method + " " + asked.path);
  return out;
}

Asked FakeDaemon::last() const {
  std::lock_guard lock(mutex_);
  return asked_.empty() ? Asked{} : asked_.back();
}

}  // namespace gantry::cli
