#pragma once

// A workflow on its way to a client. Its nodes may be a hundred thousand, so they are made one after the other and kept as
// text, not as a tree. Loop thread.

#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "api/packed_text.h"

namespace gantry::api {

using Json = nlohmann::json;

struct Document {
  Document(Json whole) : object(std::move(whole)) {}  // NOLINT: any object is a document
  Document(Json rest, PackedText packed) : object(std::move(rest)), nodes(std::make_shared<PackedText>(std::move(packed))) {}

  Json object;
  std::shared_ptr<PackedText> nodes;  ///< status.nodes, which `object` lacks then: a JSON object; null: there is no more

  /// All of it as a tree. Ends the document.
  Json whole() &&;
};

/// The text of a document, from its beginning to its end.
class DocumentReader {
 public:
  explicit DocumentReader(Document document);
  [[nodiscard]] std::size_t size() const { return before_.size() + (nodes_ ? nodes_->size() : 0) + after_.size(); }
  /// The next bytes, `size` of them at most; 0: that was all.
  std::size_t read(char* out, std::size_t size);

 private:
  std::string before_, after_;
  std::size_t read_ = 0;  ///< bytes of before_, then of after_
  std::shared_ptr<PackedText> nodes_;
};

}  // namespace gantry::api
