#pragma once

#include <gtest/gtest.h>

#include <string>

#include "daemon/simulate/simulation.h"

namespace gantry::simulate {

inline workflow::Compiled compile(const std::string& yaml) {
  workflow::Diagnostics diagnostics;
  auto compiled = workflow::compile_workflows(yaml, workflow::Format::Yaml, {}, diagnostics);
  for (const auto& one : diagnostics.items()) ADD_FAILURE() << workflow::to_string(one, "test");
  if (compiled.size() != 1) std::abort();
  return std::move(compiled.front());
}

inline Durations durations(const std::string& yaml) {
  workflow::Diagnostics diagnostics;
  Durations parsed = Durations::parse(yaml, diagnostics);
  for (const auto& one : diagnostics.items()) ADD_FAILURE() << workflow::to_string(one, "durations");
  return parsed;
}

inline Host host(std::int64_t cpus) {
  Host host;
  host.capacity = {.cpu_milli = cpus * 1000, .memory_bytes = 8ll << 30, .slots = 100};
  host.start_up = Duration(0);
  return host;
}

/// compile → (unit, lint) → package; each wants one CPU.
inline const char* const kDiamond = R"(
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: ci}
spec:
  entrypoint: main
  templates:
  - name: main
    dag:
      tasks:
      - {name: compile, template: work}
      - {name: unit, template: work, depends: compile}
      - {name: lint, template: work, depends: compile}
      - {name: package, template: work, depends: unit && lint}
  - name: work
    container: {image: busybox, resources: {requests: {cpu: "1"}}}
)";

}  // namespace gantry::simulate
