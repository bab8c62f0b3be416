#include "cli/commands/object.h"

#include <filesystem>
#include <map>

#include "cli/commands/commands.h"
#include "cli/files.h"
#include "cli/render/age.h"
#include "cli/render/table.h"

namespace gantry::cli {
namespace {

struct CreateOptions {
  std::string name;
  std::vector<std::string> literals, files;
  bool replace = false;
};

using Data = std::map<std::string, std::string>;

Result<Data> collect(const CreateOptions& options) {
  Data data;
  auto add = [&](const std::string& key, std::string value) -> Result<void> {
    // The key becomes a file's name in a volume.
    bool valid = !key.empty() && key != "." && key != ".." && key.size() <= 253 &&
                 key.find_first_not_of(
                     "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                     "-_.") == std::string::npos;
    if (!valid) {
      return fail(Code::InvalidArgument,
                  "'" + key + "' is not a key: letters, digits, '-', '_' and '.' only");
    }
    if (!data.emplace(key, std::move(value)).second) {
      return fail(Code::InvalidArgument, "the key '" + key + "' is given twice");
    }
    return {};
  };
  for (const std::string& literal : options.literals) {
    std::size_t equals = literal.find('=');
    if (equals == std::string::npos) {
      return fail(Code::InvalidArgument, "--from-literal " + literal + ": expected KEY=VALUE");
    }
    if (auto added = add(literal.substr(0, equals), literal.substr(equals + 1)); !added) {
      return fail(added.error());
    }
  }
  for (const std::string& file : options.files) {
    std::size_t equals = file.find('=');
    std::string path = equals == std::string::npos ? file : file.substr(equals + 1);
    std::string key = equals == std::string::npos ? std::filesystem::path(file).filename().string()
                                                  : file.substr(0, equals);
    Result<std::string> text = read_file(path);
    if (!text) return fail(text.error());
    if (auto added = add(key, std::move(*text)); !added) return fail(added.error());
  }
  return data;
}

bool is_utf8(const std::string& text) {
  // nlohmann's strict writer is the judge: it is the one that would refuse.
  try {
    (void)Json(text).dump();
    return true;
  } catch (const Json::exception&) {
    return false;
  }
}

int create(Session& session, const CreateOptions& options, const ObjectKind& kind) {
  auto data = collect(options);
  if (!data) return report(data.error());
  Json object{{"apiVersion", "v1"},
              {"kind", kind.kind},
              {"metadata", {{"name", options.name}, {"namespace", session.name_space}}}};
  if (kind.encoded) object["type"] = "Opaque";
  object["data"] = Json::object();
  for (const auto& [key, value] : *data) {
    if (kind.encoded) {
      object["data"][key] = base64(value);
    } else if (is_utf8(value)) {
      object["data"][key] = value;
    } else {
      object["binaryData"][key] = base64(value);
    }
  }
  Request request{.method = "POST",
                  .path = session.collection(kind.path),
                  .body = object.dump(),
                  .content_type = "application/json"};
  if (options.replace) {
    request.method = "PUT";
    request.path += "/" + encode(options.name);
  }
  Result<Json> answer = session.client->call(std::move(request));
  if (!answer) {
    Error error = answer.error();
    if (error.code == Code::AlreadyExists)
      error.message += " (--replace puts this one in its place)";
    return report(error);
  }
  print_line(std::string(kind.word) + "/" + options.name +
             (options.replace ? " replaced" : " created"));
  return 0;
}

int list(Session& session, const ObjectKind& kind, const std::string& output) {
  Result<Json> answer = session.client->call({.path = session.collection(kind.path)});
  if (!answer) return report(answer.error());
  if (output == "json") return print_json(*answer), 0;
  if (output == "yaml") return print_yaml(*answer), 0;
  const Json& items = at(*answer, {"items"});
  if (output == "name") {
    for (const Json& item : items) print_line(text_at(item, {"metadata", "name"}));
    return 0;
  }
  if (items.empty()) {
    print_line("No " + std::string(kind.path) + " found");
    return 0;
  }
  Table table(3);
  table.row({"NAME", "DATA", "AGE"});
  for (const Json& item : items) {
    // A secret only says which keys it has.
    std::size_t count =
        at(item, {"data"}).size() + at(item, {"binaryData"}).size() + at(item, {"keys"}).size();
    table.row({text_at(item, {"metadata", "name"}), std::to_string(count),
               short_duration(time_at(item, {"metadata", "creationTimestamp"}), std::nullopt,
                              wall_clock())});
  }
  print(table.text());
  return 0;
}

int remove(Session& session, const ObjectKind& kind, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    Result<Json> answer = session.client->call(
        {.method = "DELETE", .path = session.collection(kind.path) + "/" + encode(name)});
    if (!answer) return report(answer.error());
    print_line(std::string(kind.word) + " \"" + name + "\" deleted");
  }
  return 0;
}

}  // namespace

std::string base64(std::string_view bytes) {
  static constexpr char kAlphabet[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    unsigned group = 0;
    for (std::size_t j = 0; j < 3; ++j) {
      group = group << 8 | (i + j < bytes.size() ? static_cast<unsigned char>(bytes[i + j]) : 0);
    }
    for (std::size_t j = 0; j < 4; ++j) {
      out += i + j <= bytes.size() ? kAlphabet[group >> (18 - 6 * j) & 63] : '=';
    }
  }
  return out;
}

void add_object_commands(Command parent, Session& session, const ObjectKind& kind) {
  parent.needs_subcommand();
  auto options = std::make_shared<CreateOptions>();
  parent.add("create", std::string("Create a ") + kind.word)
      .argument("NAME", options->name, "Its name")
      .repeatable("--from-literal", options->literals, "KEY=VALUE")
      .repeatable("--from-file", options->files,
                  "[KEY=]PATH; the key is the file's name, - is standard input")
      .flag("--replace", options->replace, "In place of the one that is there")
      .action([&session, options, &kind] { return create(session, *options, kind); });

  auto output = std::make_shared<std::string>();
  parent.add("list", std::string("List the ") + kind.path)
      .choice("-o,--output", *output, {"name", "json", "yaml"})
      .action([&session, output, &kind] { return list(session, kind, *output); });

  auto names = std::make_shared<std::vector<std::string>>();
  parent.add("delete", std::string("Delete ") + kind.path)
      .arguments("NAME", *names, "Names")
      .action([&session, names, &kind] { return remove(session, kind, *names); });
}

}  // namespace gantry::cli
