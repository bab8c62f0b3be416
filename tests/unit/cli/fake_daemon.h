#pragma once

// A daemon for the command line's tests: an HTTP/1.1 server on a Unix socket, scripted by the test.

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/unique_fd.h"

namespace gantry::cli {

struct Asked {
  std::string method, path;  ///< the path is decoded
  std::multimap<std::string, std::string> query;
  std::map<std::string, std::string> headers;  ///< names in lower case
  std::string body;

  [[nodiscard]] std::string one(const std::string& key) const {
    auto found = query.find(key);
    return found == query.end() ? "" : found->second;
  }
};

/// What a handler says to the client.
class Answer {
 public:
  explicit Answer(int fd) : fd_(fd) {}
  void json(int status, const std::string& body);
  /// A stream of chunks; `end` ends it as HTTP wants it, else the connection just breaks.
  void begin_stream();
  void line(const std::string& json);
  void end();
  /// True once the client has hung up; waits for it, at most `milliseconds`.
  bool hung_up(int milliseconds);

 private:
  void write(const std::string& bytes);
  int fd_;
};

class FakeDaemon {
 public:
  using Handler = std::function<void(const Asked&, Answer&)>;
  /// Handlers run one thread a connection.
  explicit FakeDaemon(Handler handler);
  ~FakeDaemon();
  FakeDaemon(const FakeDaemon&) = delete;
  FakeDaemon& operator=(const FakeDaemon&) = delete;

  [[nodiscard]] const std::string& socket() const { return path_; }
  /// Every request so far, as "METHOD /path".
  [[nodiscard]] std::vector<std::string> asked() const;
  [[nodiscard]] Asked last() const;

 private:
  void serve(int fd);

  std::string directory_, path_;
  Handler handler_;
  UniqueFd listener_;
  mutable std::mutex mutex_;
  std::vector<Asked> asked_;
  std::vector<std::thread> connections_;
  std::vector<int> open_;
  std::thread acceptor_;
};

}  // namespace gantry::cli
