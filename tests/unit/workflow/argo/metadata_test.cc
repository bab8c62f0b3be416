#include "workflow/argo/metadata.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/workflows.h"

namespace gantry::workflow {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

CompileOutcome with(const std::string& metadata) {
  return compile_yaml("apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: " + metadata +
                      "\nspec: {entrypoint: a, templates: [{name: a, container: {image: b}}]}\n");
}

TEST(MetadataCheck, GoodMetadataIsKept) {
  const auto outcome = with(
      "{name: a-1.b, namespace: ci, labels: {team: x, example.com/a: '1'}, annotations: {note: any "
      "thing},"
      " uid: x, resourceVersion: '7', managedFields: []}");
  ASSERT_THAT(outcome.diagnostics, IsEmpty());
  const Metadata& metadata = outcome.compiled[0].metadata;
  EXPECT_EQ(metadata.name, "a-1.b");
  EXPECT_EQ(metadata.name_space, "ci");
  EXPECT_EQ(metadata.labels.at("example.com/a"), "1");
  EXPECT_EQ(metadata.annotations.at("note"), "any thing");
  EXPECT_THAT(with("{generateName: a-b-}").diagnostics, IsEmpty());
}

TEST(MetadataCheck, BadNamesAreRefused) {
  const std::pair<std::string, const char*> kCases[] = {
      {"{}", "metadata.name or metadata.generateName is required"},
      {"{name: Upper}",
       "3:18: metadata.name: Invalid value: \"Upper\": a lowercase RFC 1123 subdomain"},
      {"{name: ../../etc}", "metadata.name: Invalid value"},
      {"{name: a..b}", "metadata.name: Invalid value"},
      {"{name: -a}", "metadata.name: Invalid value"},
      {"{name: a-}", "metadata.name: Invalid value"},
      {"{name: a-.b}", "metadata.name: Invalid value"},
      {"{name: 'a b'}", "metadata.name: Invalid value"},
      {"{name: " + std::string(64, 'a') + "}",
       "must not be more than 63 characters long (currently 64)"},
      {"{generateName: A-}", "metadata.generateName: Invalid value"},
      {"{name: a, namespace: a.b}", "metadata.namespace: Invalid value"},
      {"{name: a, labels: {a b: c}}", "metadata.labels.a b: name part must consist of"},
      {"{name: a, labels: {a: 'b c'}}",
       "metadata.labels.a: a valid label must be an empty string or"},
      {"{name: a, labels: {a: b/c}}", "metadata.labels.a: a valid label must be"},
      {"{name: a, annotations: {/: c}}", "name part must consist of"},
  };
  for (const auto& [metadata, error] : kCases) {
    EXPECT_THAT(with(metadata).diagnostics, Contains(HasSubstr(error))) << metadata;
  }
}

}  // namespace
}  // namespace gantry::workflow
