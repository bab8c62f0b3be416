// Documents as the text that clients get.

#include "api/document.h"

#include <gtest/gtest.h>

namespace gantry::api {
namespace {

std::string text_of(Document document, std::size_t piece) {
  DocumentReader reader(std::move(document));
  const std::size_t size = reader.size();
  std::string out, buffer(piece, '\0');
  while (const std::size_t count = reader.read(buffer.data(), piece)) out.append(buffer, 0, count);
  EXPECT_EQ(out.size(), size);
  return out;
}

Document many(Json object, std::size_t count) {
  PackedText nodes;
  for (std::size_t i = 0; i < count; ++i) {
    nodes.append((i == 0 ? "{\"n" : ",\"n") + std::to_string(i) + "\":{\"phase\":\"Pending\",\"name\":\"" + std::string(50, 'x') + "\"}");
  }
  nodes.append("}");
  return {std::move(object), std::move(nodes)};
}

TEST(Document, IsOneJsonObjectHoweverManyNodes) {
  const Json object = {{"apiVersion", "v1"}, {"status", {{"phase", "Running"}, {"progress", "0/2"}}}, {"spec", {{"nodes", nullptr}}}};
  for (const std::size_t count : {std::size_t{1}, std::size_t{2}, std::size_t{20'000}}) {
    for (const std::size_t piece : {std::size_t{1}, std::size_t{13}, std::size_t{32} << 10}) {
      if (piece == 1 && count > 2) continue;
      const Json parsed = Json::parse(text_of(many(object, count), piece));
      EXPECT_EQ(parsed["status"]["nodes"].size(), count);
      EXPECT_EQ(parsed["status"]["nodes"]["n0"]["phase"], "Pending");
      EXPECT_EQ(parsed["status"]["phase"], "Running");
      EXPECT_EQ(parsed["apiVersion"], "v1");
      EXPECT_EQ(parsed, many(object, count).whole());
    }
  }
}

TEST(Document, WithoutNodesIsItsObject) {
  const Json object = {{"metadata", {{"name", "a"}}}, {"status", {{"phase", "Running"}}}};
  EXPECT_EQ(text_of(object, 5), object.dump());
  EXPECT_EQ(Document(object).whole(), object);
}

TEST(Document, WithoutAnythingElseIsItsNodes) {
  EXPECT_EQ(Json::parse(text_of(many(Json::object(), 1), 100))["status"]["nodes"].size(), 1u);
}

}  // namespace
}  // namespace gantry::api
