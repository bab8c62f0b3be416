#include <sys/stat.h>

#include <cerrno>
#include <cstdio>

#include "cli/commands/commands.h"
#include "cli/render/age.h"
#include "cli/render/table.h"

namespace gantry::cli {
namespace {

/// `1.4MB`: decimal units, as docker's lists have them.
std::string size_text(double bytes) {
  const char* const kUnits[] = {"B", "kB", "MB", "GB", "TB"};
  std::size_t unit = 0;
  while (bytes >= 999.5 && unit + 1 < std::size(kUnits)) {
    bytes /= 1000;
    ++unit;
  }
  char text[32];
  std::snprintf(text, sizeof text, bytes < 9.95 && unit > 0 ? "%.1f%s" : "%.0f%s", bytes,
                kUnits[unit]);
  return text;
}

double size_of(const Json& image) {
  const Json& size = at(image, {"size"});
  return size.is_number() ? size.get<double>() : 0;
}

std::string short_digest(const std::string& digest) {
  std::size_t colon = digest.find(':');
  return digest.substr(colon == std::string::npos ? 0 : colon + 1, 12);
}

/// One line that says how far it is, rewritten on a terminal; nothing of it stays.
class Progress {
 public:
  explicit Progress(const Terminal& terminal) : terminal_(terminal) {}
  void show(const std::string& text) {
    if (text == shown_) return;
    shown_ = text;
    if (terminal_.interactive) {
      print("\r" + clip(flatten(text), terminal_.columns - 1) + "\x1b[K");
    } else {
      print_line(text);
    }
    std::fflush(stdout);
  }
  /// How much was sent: only where it can be rewritten.
  void transferred(const std::string& text) {
    if (terminal_.interactive) show(text);
  }
  void clear() {
    if (terminal_.interactive && !shown_.empty()) print("\r\x1b[K");
    shown_.clear();
  }

 private:
  const Terminal& terminal_;
  std::string shown_;
};

/// Runs an import or a pull to its end; prints the images that came of it.
int transfer(Session& session, Request request, const char* done) {
  Progress progress(session.out);
  std::vector<Json> images;
  request.on_upload = [&, total = request.upload_size,
                       tenth = std::uint64_t(0)](std::uint64_t sent) mutable {
    constexpr std::uint64_t kStep = 1 << 20;
    bool whole = total && sent == *total;
    if (sent / kStep == tenth && !whole) return;
    tenth = sent / kStep;
    std::string text = "Sending " + size_text(static_cast<double>(sent));
    if (total) text += " of " + size_text(static_cast<double>(*total));
    progress.transferred(text);
  };
  Result<void> end = session.client->stream(std::move(request), [&](const Json& result) {
    if (const Json& image = at(result, {"image"}); image.is_object()) images.push_back(image);
    std::string status = text_at(result, {"status"});
    if (!status.empty()) progress.show(status);
  });
  progress.clear();
  for (const Json& image : images) {
    print_line(std::string(done) + " " + text_at(image, {"name"}) + "  " +
               short_digest(text_at(image, {"digest"})) + "  " + size_text(size_of(image)));
  }
  if (!end) return report(end.error());
  if (images.empty()) return report("no image came of it");
  return 0;
}

int import(Session& session, const std::string& path) {
  std::FILE* file = path == "-" ? stdin : std::fopen(path.c_str(), "re");
  if (!file) return report(errno_error(path, errno));
  Request request{.method = "POST",
                  .path = "/api/v1/images/import",
                  .content_type = "application/x-tar",
                  .upload = file};
  struct stat info {};
  if (::fstat(::fileno(file), &info) == 0) {
    if (S_ISDIR(info.st_mode)) {
      if (file != stdin) std::fclose(file);
      return report(path + " is a directory; an image comes as a tar archive (docker save)");
    }
    if (S_ISREG(info.st_mode) && path != "-") {
      request.upload_size = static_cast<std::uint64_t>(info.st_size);
    }
  }
  int status = transfer(session, std::move(request), "Imported");
  if (file != stdin) std::fclose(file);
  return status;
}

int list(Session& session, const std::string& output) {
  Result<Json> answer = session.client->call({.path = "/api/v1/images"});
  if (!answer) return report(answer.error());
  const Json& items = at(*answer, {"items"});
  if (output == "json") return print_json(items.is_null() ? Json::array() : items), 0;
  if (output == "yaml") return print_yaml(items.is_null() ? Json::array() : items), 0;
  if (output == "name") {
    for (const Json& image : items) print_line(text_at(image, {"name"}));
    return 0;
  }
  if (items.empty()) {
    print_line("No images found");
    return 0;
  }
  Table table(3);
  table.row({"NAME", "DIGEST", "SIZE", "AGE"});
  for (const Json& image : items) {
    table.row({text_at(image, {"name"}), short_digest(text_at(image, {"digest"})),
               size_text(size_of(image)),
               short_duration(time_at(image, {"createdAt"}), std::nullopt, wall_clock())});
  }
  print(table.text());
  return 0;
}

int remove(Session& session, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    Result<Json> answer =
        session.client->call({.method = "DELETE", .path = "/api/v1/images/" + encode(name)});
    if (!answer) return report(answer.error());
    print_line("image \"" + name + "\" deleted");
  }
  return 0;
}

}  // namespace

void add_image(Command& root, Session& session) {
  Command parent = root.add("image", "Import, pull, list and delete images", "Objects");
  parent.needs_subcommand();
  auto text = std::make_shared<std::string>();
  auto names = std::make_shared<std::vector<std::string>>();
  parent.add("import", "Import images from an archive (docker save)")
      .argument("FILE", *text, "A tar archive; - is standard input")
      .action([&session, text] { return import(session, *text); });
  parent.add("pull", "Pull an image from its registry")
      .argument("REFERENCE", *text, "As in a workflow: alpine:3.20")
      .action([&session, text] {
        return transfer(
            session,
            {.method = "POST", .path = "/api/v1/images/pull", .query = {{"reference", *text}}},
            "Pulled");
      });
  parent.add("list", "List the images")
      .alias("ls")
      .choice("-o,--output", *text, {"name", "json", "yaml"})
      .action([&session, text] { return list(session, *text); });
  parent.add("rm", "Delete images").arguments("NAME", *names, "Names").action([&session, names] {
    return remove(session, *names);
  });
}

}  // namespace gantry::cli
