#pragma once

// What every command gets: the client, the namespace, and where to print. One per process, on the
// main thread.

#include <memory>
#include <string>
#include <string_view>

#include "cli/client.h"
#include "cli/render/terminal.h"

namespace gantry::cli {

struct Session {
  std::string socket;      ///< --socket
  std::string name_space;  ///< -n
  bool no_color = false, no_utf8 = false;

  /// Once the command line is read: resolves the socket's path and looks at the terminals.
  Result<void> open();

  Terminal out, err;  ///< what stdout and stderr can show
  std::unique_ptr<Client> client;

  /// `/api/v1/KIND/NAMESPACE`, encoded.
  [[nodiscard]] std::string collection(std::string_view kind) const;
  /// `/api/v1/workflows/NAMESPACE/NAME`, encoded.
  [[nodiscard]] std::string workflow(std::string_view name) const;
  /// One workflow; `@latest` is the newest.
  Result<Json> get_workflow(std::string_view name);
};

void print(std::string_view text);        ///< to stdout
void print_line(std::string_view text);   ///< to stdout, with a newline
void print_error(std::string_view text);  ///< to stderr, with a newline

/// Prints `Error: …` to stderr; the exit status 1.
int report(const Error& error);
int report(std::string_view message);

/// Prints `value` as the `-o json` and `-o yaml` of every command do.
void print_json(const Json& value);
void print_yaml(const Json& value);

Time wall_clock();

}  // namespace gantry::cli
