#include "tests/simulation/behaviour.h"

#include "base/ids.h"

namespace gantry::testing {

std::uint64_t mix(std::uint64_t seed, std::uint64_t value) {
  std::uint64_t x = seed * 0x9e3779b97f4a7c15u + value;
  x ^= x >> 31, x *= 0xbf58476d1ce4e5b9u, x ^= x >> 27, x *= 0x94d049bb133111ebu, x ^= x >> 31;
  return x;
}

std::string node_id(const std::string& run, const std::string& name) {
  return name == run ? run : run + "-" + std::to_string(fnv32a(name));
}

namespace {

/// Independent draws from one node.
class Draws {
 public:
  Draws(std::uint64_t seed, const std::string& node_id, std::uint32_t life)
      : state_(mix(mix(seed, fnv32a(node_id)), life)) {}
  std::uint64_t below(std::uint64_t n) { return mix(state_, ++count_) % n; }

 private:
  std::uint64_t state_, count_ = 0;
};

}  // namespace

Fate fate_of(std::uint64_t seed, const std::string& node_id, std::uint32_t life) {
  Draws draw(seed, node_id, life);
  Fate fate;
  const std::uint64_t roll = draw.below(100);
  if (roll < 18) fate.exit_code = 1 + static_cast<int>(roll % 3);
  if (roll == 18 || roll == 19) fate.no_image = true;
  if (roll == 20 || roll == 21) fate.lost = true;
  fate.prepare = Duration(draw.below(20));
  fate.start = Duration(draw.below(5));
  fate.run = Duration(draw.below(200));
  const std::uint64_t length = draw.below(30);  // some are so long that deadlines cut them, some nearly
  if (length == 0) fate.run = Duration(4000 + draw.below(2000));
  if (length == 1 || length == 2) fate.run = Duration(1000 + draw.below(900));
  fate.stubborn = draw.below(8) == 0;
  fate.loses_x = draw.below(10) == 0;
  fate.loses_artifact = draw.below(10) == 0;
  fate.number = std::to_string(draw.below(4));
  const std::uint64_t items = draw.below(5);
  if (items == 4) {
    fate.list = "nonsense";
  } else {
    fate.list = "[";
    for (std::uint64_t i = 0; i < items; ++i) fate.list += (i ? "," : "") + std::to_string(draw.below(10));
    fate.list += "]";
  }
  return fate;
}

int container_exit_code(std::uint64_t seed, const std::string& node_id, std::uint32_t life, const std::string& container,
                        int attempt) {
  Draws draw(seed + 77, node_id + "." + container + "/" + std::to_string(attempt), life);
  const std::uint64_t roll = draw.below(100);
  return roll < 14 ? 1 : roll < 16 ? 64 : 0;
}

std::string x_of(const Fate& fate, const std::string& argument) {
  return "x" + fate.number + "n" + std::to_string(fnv32a(argument) % 1000);
}

runtime::SimulatedRuntime::Author author(std::uint64_t seed) {
  return [seed](const runtime::PodSpec& pod) {
    const std::string& id = pod.labels.at("gantry.io/node");
    const auto suffix = pod.id.rfind("-r");
    const std::uint32_t life =
        suffix == std::string::npos ? 0 : static_cast<std::uint32_t>(std::stoul(pod.id.substr(suffix + 2)));
    const Fate fate = fate_of(seed, id, life);
    runtime::Script script;
    script.prepare = fate.prepare;
    script.start = fate.start;
    script.run = fate.run;
    script.ignores_sigterm = fate.stubborn;
    if (fate.no_image) script.prepare_error = "no such image";
    const auto& program = pod.containers.front();
    const std::string word = program.command ? program.command->front() : "";
    if (word == "serve") {
      runtime::ContainerScript serves;
      serves.run.reset();
      serves.ignores_sigterm = fate.stubborn;
      script.containers["main"] = serves;
      return script;
    }
    script.lost = fate.lost;
    script.exit_code = fate.exit_code;
    if (word == "part") {
      for (const auto& container : pod.containers) {
        runtime::ContainerScript& part = script.containers[container.name];
        part.run = fate.run / 2;
        part.ignores_sigterm = fate.stubborn;
        for (int i = 0; i + 1 < container.attempts; ++i) {
          part.earlier_exit_codes.push_back(container_exit_code(seed, id, life, container.name, i));
        }
        part.exit_code = container_exit_code(seed, id, life, container.name, container.attempts - 1);
      }
      return script;
    }
    script.stdout_text = fate.number + "\n";
    if (!fate.loses_x) script.outputs["x"] = x_of(fate, program.args ? program.args->front() : "") + "\n";
    script.outputs["list"] = fate.list;
    if (fate.loses_artifact) script.missing_artifacts.insert("a");
    return script;
  };
}

}  // namespace gantry::testing
