// Workflow files and the plans that come out of them, whole. GANTRY_UPDATE_GOLDEN=1 writes the
// plans anew: read the difference before it is committed.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

#include "tests/support/plan_dump.h"
#include "workflow/parse.h"

namespace gantry::workflow {
namespace {

std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream bytes;
  bytes << in.rdbuf();
  return bytes.str();
}

/// Diagnostics, then each plan.
std::string outcome(const std::string& yaml, const std::string& name) {
  Diagnostics diagnostics;
  const auto compiled = compile_workflows(yaml, Format::Yaml, {}, diagnostics);
  std::string out;
  for (const Diagnostic& diagnostic : diagnostics.items())
    out += to_string(diagnostic, name) + "\n";
  if (!out.empty() && !compiled.empty()) out += "\n";
  if (diagnostics.has_errors()) return out;
  for (const Compiled& one : compiled) {
    out += one.metadata.name.empty() ? "generateName " + one.metadata.generate_name
                                     : "name " + one.metadata.name;
    out += "\n" + dump(*one.plan);
  }
  return out;
}

std::vector<std::filesystem::path> files() {
  std::vector<std::filesystem::path> out;
  for (const auto& entry : std::filesystem::directory_iterator("tests/golden/workflow")) {
    if (entry.path().extension() == ".yaml") out.push_back(entry.path());
  }
  std::sort(out.begin(), out.end());
  return out;
}

class GoldenPlan : public testing::TestWithParam<std::filesystem::path> {};

TEST_P(GoldenPlan, IsAsBefore) {
  std::filesystem::path golden = GetParam();
  const std::string made = outcome(read_file(golden), golden.filename().string());
  golden.replace_extension(".plan");
  if (std::getenv("GANTRY_UPDATE_GOLDEN") != nullptr)
    std::ofstream(golden, std::ios::binary) << made;
  EXPECT_EQ(made, read_file(golden)) << golden;
}

INSTANTIATE_TEST_SUITE_P(Files, GoldenPlan, testing::ValuesIn(files()), [](const auto& of) {
  std::string name = of.param.stem().string();
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

}  // namespace
}  // namespace gantry::workflow
