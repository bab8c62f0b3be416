#pragma once

// Stories of the engine: YAML through the real parser, engine and scheduler, pods simulated.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "daemon/engine/engine.h"
#include "tests/simulation/world.h"
#include "workflow/parse.h"

namespace gantry::engine {

using testing::World;

/// The programs of the simulated containers: `command: [exit, "3"]`, `[print, text]`, `[sleep, ms]`, `[write, name,
/// text]`, `[oom]`, `[fail-until, N]` (fails in attempts before N), `[no-image]`, `[lost]`, `[stubborn, ms]`,
/// `[lose, artifact, artifact]`.
/// `[broken, N]` (fails until its run was retried N times).
inline runtime::Script interpret(const runtime::PodSpec& pod) {
  runtime::Script script;
  std::vector<std::string> words = pod.containers.front().command.value_or(std::vector<std::string>{});
  for (const std::string& arg : pod.containers.front().args.value_or(std::vector<std::string>{})) words.push_back(arg);
  words.resize(std::max<std::size_t>(words.size(), 3));
  if (words[0] == "exit") script.exit_code = std::stoi(words[1]);
  if (words[0] == "print") script.stdout_text = words[1] + "\n";
  if (words[0] == "sleep" || words[0] == "stubborn") script.run = Duration(std::stoi(words[1]));
  if (words[0] == "stubborn") script.ignores_sigterm = true;
  if (words[0] == "write") script.outputs[words[1]] = words[2] + "\n";
  if (words[0] == "fail-until") script.exit_code = std::stoi(words[2]) < std::stoi(words[1]) ? 1 : 0;
  if (words[0] == "broken") {
    const auto life = pod.id.rfind("-r");
    script.exit_code = (life == std::string::npos ? 0 : std::stoi(pod.id.substr(life + 2))) < std::stoi(words[1]) ? 1 : 0;
  }
  if (words[0] == "no-image") script.prepare_error = "image not found";
  if (words[0] == "lost") script.lost = true;
  if (words[0] == "lose") script.missing_artifacts = {words[1], words[2]};
  if (words[0] == "oom") script.exit_code = 137, script.oom_killed = true;
  if (words[0] == "full") script.exit_code = 1, script.disk_full = true;
  return script;
}

class EngineTest : public ::testing::Test {
 protected:
  explicit EngineTest(World::Options how = options()) : world_(std::move(how)) {}

  static World::Options options() {
    World::Options options;
    options.author = [](const runtime::PodSpec& pod) { return interpret(pod); };
    options.settings.host.capacity = {.cpu_milli = 2000, .memory_bytes = 1 << 30, .slots = 10};
    return options;
  }

  /// Submits `spec` (the indented text below `spec:`) as the run `wf`.
  void submit(const std::string& spec, std::vector<std::pair<std::string, std::string>> parameters = {}) {
    workflow::Diagnostics diagnostics;
    workflow::Options options;
    options.parameters = std::move(parameters);
    const auto library = workflow::library_of(templates_);
    options.library = library.get();
    std::string yaml = "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {name: wf}\nspec:\n" + spec;
    auto compiled = workflow::compile_workflows(yaml, workflow::Format::Yaml, options, diagnostics);
    for (const auto& item : diagnostics.items()) ADD_FAILURE() << workflow::to_string(item, "test.yaml");
    ASSERT_EQ(compiled.size(), 1u);
    world_.submit("wf", compiled.front().plan);
  }
  void run(const std::string& spec) {
    submit(spec);
    world_.run_to_rest();
  }
  /// Runs for a while of virtual time.
  void run_for(Duration time) {
    bool over = false;
    world_.runtime().at(world_.runtime().now() + time, [&over] { over = true; });
    while (!over && world_.step()) {
    }
  }

  const World::StoredRun& stored() { return world_.stored().at("wf"); }
  const Node& node(const std::string& name) { return stored().nodes.at(name); }
  /// `name Type Phase message` of every node, in order of creation.
  std::vector<std::string> story() {
    std::vector<std::string> lines;
    for (const std::string& name : stored().order) {
      const Node& n = node(name);
      std::string line = name + " " + std::string(node_type_name(n.type)) + " " + std::string(workflow::phase_name(n.phase));
      lines.push_back(n.message.empty() ? line : line + " | " + n.message);
    }
    return lines;
  }
  std::string end() {
    std::string text(run_phase_name(stored().status.phase));
    return stored().status.message.empty() ? text : text + " | " + stored().status.message;
  }
  std::string id(const std::string& name) { return node(name).id; }

  std::map<std::string, std::string> templates_;  ///< by "namespaced/NAME"
  World world_;
};

}  // namespace gantry::engine
