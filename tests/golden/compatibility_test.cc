// docs/compatibility.md is what the tables of fields say. GANTRY_UPDATE_GOLDEN=1 writes it anew.

#include <gtest/gtest.h>

#include <cstdlib>
#include <deque>
#include <fstream>
#include <set>
#include <sstream>

#include "workflow/argo/field_info.h"
#include "workflow/argo/reader.h"

namespace gantry::workflow::argo {
namespace {

constexpr const char* kDocument = "docs/compatibility.md";

constexpr std::string_view kHead = R"(# Compatibility with Argo Workflows

What Gantry does with each field of a workflow, generated from the tables that the files are read with
(`workflow/argo/fields_*.cc`); do not edit it, but run
`GANTRY_UPDATE_GOLDEN=1 build/release/tests/golden_compatibility_test` in the checkout.

| word | when a workflow is submitted | `gantry lint` |
|---|---|---|
| yes | it means what it means in Argo | |
| adapted | it means what stands beside it | |
| accepted | it changes nothing here, for the reason beside it | |
| ignored | it is accepted; that it has no effect is said in a note | a note |
| no | the workflow is refused: `not supported yet: FIELD at FILE:LINE:COLUMN` | a note: the file is good for Argo |

A field that Argo does not have is an error. `kind: CronWorkflow` has the fields of Argo 4, its `workflowSpec` those of
WorkflowSpec.
)";

std::string_view word(const FieldInfo& field) {
  switch (field.support) {
    case Support::Yes:
      return field.note.empty() ? "yes" : "adapted";
    case Support::Silent:
      return "accepted";
    case Support::Ignored:
      return "ignored";
    case Support::Later:
    case Support::LaterEvenEmpty:
      return "no";
  }
  return "";
}

std::string anchor(std::string_view name) {
  std::string out = "#";
  for (const char c : name) out += c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
  return out;
}

/// All types that a Workflow can hold, outer ones first. ObjectMeta has two tables; a name says which.
std::string document() {
  std::string out(kHead);
  std::deque<const TypeInfo*> open = {&workflow_info()};
  std::set<const TypeInfo*> seen = {open.front()};
  std::set<std::string_view> names;
  while (!open.empty()) {
    const TypeInfo& type = *open.front();
    open.pop_front();
    out += "\n## " + std::string(type.name) + (names.insert(type.name).second ? "" : " of a claim") +
           "\n| field | | |\n|---|---|---|\n";
    for (const FieldInfo& field : type.fields) {
      std::string name = "`" + std::string(field.name) + "`";
      if (field.type != nullptr) {
        const TypeInfo& below = field.type();
        name = "[" + name + "](" + anchor(below.name) + ")";
        if (seen.insert(&below).second) open.push_back(&below);
      }
      out += "| " + name + " | " + std::string(word(field)) + " | " + std::string(field.note) + " |\n";
    }
  }
  return out;
}

TEST(Compatibility, DocumentIsWhatTheTablesSay) {
  const std::string made = document();
  if (std::getenv("GANTRY_UPDATE_GOLDEN") != nullptr) std::ofstream(kDocument, std::ios::binary) << made;
  std::ifstream in(kDocument, std::ios::binary);
  std::stringstream written;
  written << in.rdbuf();
  EXPECT_EQ(made, written.str()) << "run GANTRY_UPDATE_GOLDEN=1 golden_compatibility_test";
}

TEST(Compatibility, EveryIgnoredFieldSaysWhy) {
  std::deque<const TypeInfo*> open = {&workflow_info()};
  std::set<const TypeInfo*> seen = {open.front()};
  for (; !open.empty(); open.pop_front()) {
    std::set<std::string_view> names;
    for (const FieldInfo& field : open.front()->fields) {
      EXPECT_TRUE(names.insert(field.name).second) << open.front()->name << "." << field.name << " is there twice";
      EXPECT_FALSE(field.support == Support::Ignored && field.note.empty()) << open.front()->name << "." << field.name;
      if (field.type != nullptr && seen.insert(&field.type()).second) open.push_back(&field.type());
    }
  }
  EXPECT_GT(seen.size(), 50u);
}

}  // namespace
}  // namespace gantry::workflow::argo
