#include "cli/session.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "cli/render/yaml.h"

namespace gantry::cli {
namespace {

constexpr std::string_view kDefaultSocket = "/run/gantry/gantry.sock";
constexpr std::string_view kUnixScheme = "unix://";
/// A status of a hundred thousand nodes in one piece would keep the daemon from everything else for a while.
constexpr std::size_t kNodesAtOnce = 2000;

}  // namespace

Result<void> Session::open() {
  if (socket.empty()) {
    const char* host = std::getenv("GANTRY_HOST");
    socket = host && *host ? host : kDefaultSocket;
  }
  if (socket.starts_with(kUnixScheme)) {
    socket.erase(0, kUnixScheme.size());
  } else if (socket.find("://") != std::string::npos) {
    return fail(Code::InvalidArgument,
                "GANTRY_HOST is " + socket + ", but only unix:///PATH is known");
  }
  out = Terminal::of(STDOUT_FILENO);
  err = Terminal::of(STDERR_FILENO);
  for (Terminal* terminal : {&out, &err}) {
    terminal->color = terminal->color && !no_color;
    terminal->utf8 = !no_utf8;
  }
  client = std::make_unique<Client>(socket);
  return {};
}

std::string Session::collection(std::string_view kind) const {
  return "/api/v1/" + std::string(kind) + "/" + encode(name_space);
}

std::string Session::workflow(std::string_view name) const {
  // The API knows `@latest` by its plain spelling.
  return collection("workflows") + "/" + (name == "@latest" ? std::string(name) : encode(name));
}

Result<Json> Session::get_workflow(std::string_view name) {
  const std::string path = workflow(name) + "?nodes.limit=" + std::to_string(kNodesAtOnce);
  Result<Json> whole = client->call({.path = path});
  if (!whole) return whole;
  for (std::string next = text_at(*whole, {"metadata", "continue"}); !next.empty();) {
    Result<Json> part = client->call({.path = path + "&nodes.continue=" + next});
    if (!part) return part;
    next = text_at(*part, {"metadata", "continue"});
    // What was there already is as old as the first page.
    Json& nodes = (*whole)["status"]["nodes"];
    for (auto& [id, node] : (*part)["status"]["nodes"].items()) nodes[id] = std::move(node);
  }
  (*whole)["metadata"].erase("continue");
  (*whole)["metadata"].erase("remainingItemCount");
  return whole;
}

void print(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

void print_line(std::string_view text) {
  print(text);
  print("\n");
}

void print_error(std::string_view text) {
  std::fflush(stdout);  // in the order in which it was said
  std::string line(text);
  line += '\n';
  std::fwrite(line.data(), 1, line.size(), stderr);
}

int report(const Error& error) { return report(error.message); }

int report(std::string_view message) {
  while (!message.empty() && message.back() == '\n') message.remove_suffix(1);
  print_error("Error: " + std::string(message));
  return 1;
}

void print_json(const Json& value) {
  // A log line or parameter need not be UTF-8; an exception here would lose the whole answer.
  print_line(value.dump(2, ' ', false, Json::error_handler_t::replace));
}

void print_yaml(const Json& value) { print(to_yaml(value)); }

Time wall_clock() {
  return std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now());
}

}  // namespace gantry::cli
