#include "daemon/artifacts/manifest.h"

#include <array>
#include <charconv>
#include <cstdio>
#include <unordered_set>

#include "daemon/artifacts/files.h"

namespace gantry::artifacts {
namespace {

constexpr std::string_view kHeader = "gantry-manifest 1";

std::string encode_path(const std::string& path) {
  return path.empty() ? "." : percent_encode(path, "/");
}

std::string_view cut(std::string_view& text, char at) {
  const auto end = text.find(at);
  const std::string_view part = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return part;
}

template <class Number>
bool parse(std::string_view text, Number& number, int base = 10) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

bool parse_path(std::string_view text, std::string& path) {
  if (text == ".") return true;
  auto decoded = percent_decode(text);
  if (!decoded || !is_plain_path(*decoded)) return false;
  path = std::move(*decoded);
  return true;
}

bool parse_entry(std::string_view line, Entry& entry) {
  const std::string_view kind = cut(line, ' ');
  if (kind == "file") {
    const std::string_view mode = cut(line, ' '), mtime = cut(line, ' '), size = cut(line, ' ');
    const auto content = Digest::parse(cut(line, ' '));
    if (!content) return false;
    entry.content = *content;
    return parse(mode, entry.mode, 8) && parse(mtime, entry.mtime) && parse(size, entry.size) &&
           parse_path(line, entry.path);
  }
  if (kind == "dir") {
    entry.kind = Kind::Directory;
    const std::string_view mode = cut(line, ' '), mtime = cut(line, ' ');
    return parse(mode, entry.mode, 8) && parse(mtime, entry.mtime) && parse_path(line, entry.path);
  }
  if (kind == "link") {
    entry.kind = Kind::Link;
    entry.mode = 0777;
    const std::string_view mtime = cut(line, ' '), path = cut(line, ' ');
    auto target = percent_decode(line);
    if (!target || target->empty()) return false;
    entry.target = std::move(*target);
    return parse(mtime, entry.mtime) && parse_path(path, entry.path);
  }
  return false;
}

/// Everything but the root lies in a directory that came before, and nothing comes twice.
bool is_well_formed(const Tree& tree) {
  std::unordered_set<std::string_view> directories, seen;
  for (const Entry& entry : tree.entries) {
    const bool root = &entry == &tree.entries.front();
    if (root != entry.path.empty() || entry.mode > 0777 || !seen.insert(entry.path).second) {
      return false;
    }
    if (!root) {
      const auto slash = entry.path.rfind('/');
      const auto parent =
          std::string_view(entry.path).substr(0, slash == std::string::npos ? 0 : slash);
      if (!directories.contains(parent)) return false;
    }
    if (entry.kind == Kind::Directory) directories.insert(entry.path);
  }
  return !tree.entries.empty() && tree.entries.front().kind != Kind::Link;
}

}  // namespace

std::string percent_encode(std::string_view text, std::string_view also) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  std::string encoded;
  encoded.reserve(text.size());
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '.' || c == '_' || c == '-' || also.find(c) != std::string_view::npos;
    if (plain) {
      encoded.push_back(c);
    } else {
      const auto byte = static_cast<unsigned char>(c);
      encoded.push_back('%');
      encoded.push_back(kDigits[byte >> 4]);
      encoded.push_back(kDigits[byte & 15]);
    }
  }
  return encoded;
}

std::optional<std::string> percent_decode(std::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded.push_back(text[i]);
      continue;
    }
    unsigned byte = 0;
    if (i + 2 >= text.size() || !parse(text.substr(i + 1, 2), byte, 16)) return std::nullopt;
    decoded.push_back(static_cast<char>(byte));
    i += 2;
  }
  return decoded;
}

std::string encode_manifest(const Tree& tree) {
  std::string text(kHeader);
  text += '\n';
  std::array<char, 64> head{};
  for (const Entry& entry : tree.entries) {
    const auto mtime = static_cast<long long>(entry.mtime);
    switch (entry.kind) {
      case Kind::File:
        std::snprintf(head.data(), head.size(), "file %04o %lld %llu ", entry.mode, mtime,
                      static_cast<unsigned long long>(entry.size));
        text += head.data();
        text += entry.content.hex() + " " + encode_path(entry.path);
        break;
      case Kind::Directory:
        std::snprintf(head.data(), head.size(), "dir %04o %lld ", entry.mode, mtime);
        text += head.data();
        text += encode_path(entry.path);
        break;
      case Kind::Link:
        std::snprintf(head.data(), head.size(), "link %lld ", mtime);
        text += head.data();
        text += encode_path(entry.path) + " " + percent_encode(entry.target, "/");
        break;
    }
    text += '\n';
  }
  return text;
}

Result<Tree> decode_manifest(std::string_view text) {
  Tree tree;
  bool good = text.ends_with('\n') && cut(text, '\n') == kHeader;
  while (good && !text.empty()) good = parse_entry(cut(text, '\n'), tree.entries.emplace_back());
  if (!good || !is_well_formed(tree)) return fail(Code::DataLoss, "the manifest is damaged");
  return tree;
}

}  // namespace gantry::artifacts
