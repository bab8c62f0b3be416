#include "api/document.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/json_text.h"

namespace gantry::api {

Json Document::whole() && {
  if (!nodes) return std::move(object);
  std::string text(nodes->size(), '\0');
  for (std::size_t read = 0; read < text.size();) {
    const std::size_t count = nodes->read(text.data() + read, text.size() - read);
    if (count == 0) break;
    read += count;
  }
  object["status"]["nodes"] = Json::parse(text, nullptr, false);
  return std::move(object);
}

DocumentReader::DocumentReader(Document document) : nodes_(std::move(document.nodes)) {
  if (!nodes_) {
    before_ = json_text(document.object);
    return;
  }
  // status comes last, and its nodes last in it.
  const Json status = document.object.value("status", Json::object());
  document.object.erase("status");
  const auto open = [](std::string text) {
    text.pop_back();
    return text.size() > 1 ? text + "," : text;
  };
  before_ = open(json_text(document.object)) + "\"status\":" + open(json_text(status)) + "\"nodes\":";
  after_ = "}}";
}

std::size_t DocumentReader::read(char* out, std::size_t size) {
  std::size_t done = 0;
  const auto take = [&](std::string& text) {
    const std::size_t count = std::min(size - done, text.size() - read_);
    std::memcpy(out + done, text.data() + read_, count);
    read_ += count;
    done += count;
    return read_ == text.size();
  };
  if (!before_.empty()) {
    if (!take(before_)) return done;
    before_.clear();
    read_ = 0;
  }
  while (nodes_ && done < size) {
    const std::size_t count = nodes_->read(out + done, size - done);
    if (count == 0) nodes_.reset();
    done += count;
  }
  if (!nodes_) take(after_);
  return done;
}

}  // namespace gantry::api
