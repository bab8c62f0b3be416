#include "cli/files.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <memory>

namespace gantry::cli {

Result<std::string> read_file(const std::string& path) {
  struct Close {
    void operator()(std::FILE* file) const {
      if (file != stdin) std::fclose(file);
    }
  };
  std::unique_ptr<std::FILE, Close> file(path == "-" ? stdin : std::fopen(path.c_str(), "re"));
  if (!file) return fail(errno_error(path, errno));
  std::string text;
  char buffer[1 << 16];
  while (std::size_t got = std::fread(buffer, 1, sizeof buffer, file.get()))
    text.append(buffer, got);
  if (std::ferror(file.get())) return fail(errno_error(path, errno));
  return text;
}

Result<std::vector<Document>> read_documents(const std::vector<std::string>& paths) {
  namespace fs = std::filesystem;
  std::vector<std::string> files;
  for (const std::string& path : paths) {
    if (path.starts_with("http://") || path.starts_with("https://")) {
      return fail(Code::Unimplemented,
                  path + ": download it first, or pipe it: curl " + path + " | gantry submit -");
    }
    std::error_code error;
    if (path == "-" || !fs::is_directory(path, error)) {
      files.push_back(path);
      continue;
    }
    std::vector<std::string> found;
    for (fs::recursive_directory_iterator it(path, error), end; !error && it != end;
         it.increment(error)) {
      std::string extension = it->path().extension();
      if (extension != ".yaml" && extension != ".yml" && extension != ".json") continue;
      if (it->is_regular_file(error)) found.push_back(it->path());
    }
    if (error) return fail(errno_error(path, error.value()));
    std::sort(found.begin(), found.end());
    files.insert(files.end(), found.begin(), found.end());
  }
  std::vector<Document> documents;
  for (const std::string& file : files) {
    Result<std::string> text = read_file(file);
    if (!text) return fail(text.error());
    documents.push_back({file == "-" ? "stdin" : file, std::move(*text)});
  }
  return documents;
}

}  // namespace gantry::cli
