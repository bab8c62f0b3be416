// `gantry simulate`: plays a workflow in virtual time, with the daemon's own engine and scheduler.

#include <charconv>
#include <filesystem>
#include <fstream>
#include <memory>
#include <thread>

#include "cli/commands/commands.h"
#include "cli/commands/submission.h"
#include "cli/files.h"
#include "daemon/engine/fit.h"
#include "daemon/simulate/report.h"
#include "workflow/extended_resource.h"
#include "workflow/quantity.h"

namespace gantry::cli {
namespace {

struct SimulateOptions {
  std::string file, cpus, memory, slots, durations = "10s", start_up = "60ms", seed = "1", trace;
  std::vector<std::string> parameters, resources;
};

void print_diagnostics(Session& session, const Document& document, const workflow::Diagnostics& diagnostics) {
  std::string lines;
  for (const workflow::Diagnostic& one : diagnostics.items()) lines += workflow::to_string(one, document.name) + "\n";
  if (!lines.empty()) report_document(session, document, Error{Code::InvalidArgument, lines});
}

/// The one workflow of the file, with the templates that stand beside it.
Result<workflow::Compiled> compile(Session& session, const Document& document, const SimulateOptions& options) {
  const Error wrong{Code::InvalidArgument, document.name + " cannot be simulated"};
  workflow::Options how;
  for (const std::string& parameter : options.parameters) {
    auto assignment = parse_assignment(parameter);
    if (!assignment) return fail(assignment.error());
    how.parameters.push_back(std::move(*assignment));
  }
  workflow::Diagnostics diagnostics;
  const auto objects = workflow::check_objects(document.text, workflow::Format::Yaml, {}, diagnostics);
  print_diagnostics(session, document, diagnostics);
  if (diagnostics.has_errors()) return fail(wrong);
  std::map<std::string, std::string> templates;
  const workflow::Object* found = nullptr;
  for (const workflow::Object& object : objects) {
    if (object.kind == "WorkflowTemplate") templates["namespaced/" + object.metadata.name] = object.json;
    if (object.kind == "ClusterWorkflowTemplate") templates["cluster/" + object.metadata.name] = object.json;
    if (object.kind != "Workflow") continue;
    if (found != nullptr) return fail(Code::InvalidArgument, document.name + " holds more than one Workflow");
    found = &object;
  }
  if (found == nullptr) return fail(Code::InvalidArgument, document.name + " holds no Workflow");
  const auto library = workflow::library_of(std::move(templates));
  how.library = library.get();
  auto compiled = workflow::compile_workflows(found->json, workflow::Format::Json, how, diagnostics);
  if (diagnostics.has_errors() || compiled.size() != 1) {
    print_diagnostics(session, document, diagnostics);
    return fail(wrong);
  }
  return std::move(compiled.front());
}

template <class Number>
Result<Number> number(const std::string& option, const std::string& text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < Number{}) {
    return fail(Code::InvalidArgument, option + ": \"" + text + "\" is no number");
  }
  return value;
}

/// NAME=N
Result<engine::NamedResource> resource_of(const std::string& text) {
  const std::size_t sign = text.find('=');
  if (sign == std::string::npos) return fail(Code::InvalidArgument, "\"" + text + "\" must be NAME=NUMBER, such as nvidia.com/gpu=2");
  engine::NamedResource resource{.name = text.substr(0, sign), .total = 0, .units = {}};
  if (std::string bad = workflow::check_extended_resource(resource.name); !bad.empty()) return fail(Code::InvalidArgument, std::move(bad));
  auto total = workflow::parse_whole(text.substr(sign + 1));
  if (!total) return fail(std::move(total.error()));
  resource.total = *total;
  return resource;
}

Result<simulate::Host> host_of(const SimulateOptions& options) {
  simulate::Host host;
  auto cpus = workflow::parse_cpu_milli(options.cpus.empty() ? std::to_string(std::thread::hardware_concurrency()) : options.cpus);
  if (!cpus) return fail(Code::InvalidArgument, "--cpus: " + cpus.error().message);
  host.capacity.cpu_milli = *cpus;
  auto memory = workflow::parse_bytes(options.memory.empty() ? "8Gi" : options.memory);
  if (!memory) return fail(Code::InvalidArgument, "--memory: " + memory.error().message);
  host.capacity.memory_bytes = *memory;
  auto slots = number<std::int64_t>("--slots", options.slots.empty() ? "110" : options.slots);
  if (!slots) return fail(slots.error());
  host.capacity.slots = *slots;
  for (const std::string& text : options.resources) {
    auto resource = resource_of(text);
    if (!resource) return fail(resource.error().wrap("--resource"));
    if (auto offered = host.offer(std::move(*resource)); !offered) return fail(offered.error().wrap("--resource"));
  }
  auto start_up = workflow::parse_duration_or_seconds(options.start_up);
  if (!start_up) return fail(Code::InvalidArgument, "--start-up: " + start_up.error().message);
  host.start_up = *start_up;
  return host;
}

Result<simulate::Durations> durations_of(Session& session, const std::string& text) {
  if (!std::filesystem::exists(text)) {
    auto distribution = simulate::Distribution::parse(text);
    if (!distribution) return fail(Code::InvalidArgument, "--durations: there is no file " + text + ", and " + distribution.error().message);
    return simulate::Durations::all(*distribution);
  }
  auto content = read_file(text);
  if (!content) return fail(content.error());
  workflow::Diagnostics diagnostics;
  auto durations = simulate::Durations::parse(*content, diagnostics);
  print_diagnostics(session, {text, *content}, diagnostics);
  if (diagnostics.has_errors()) return fail(Code::InvalidArgument, text + " cannot be used");
  return durations;
}

int run(Session& session, const SimulateOptions& options) {
  auto documents = read_documents({options.file});
  if (!documents) return report(documents.error());
  if (documents->size() != 1) return report("expected one file, found " + std::to_string(documents->size()));
  auto compiled = compile(session, documents->front(), options);
  if (!compiled) return report(compiled.error());
  auto host = host_of(options);
  if (!host) return report(host.error());
  // As a daemon of that host would refuse it.
  workflow::Diagnostics diagnostics;
  engine::check_fit(*compiled->plan, *host, diagnostics);
  if (diagnostics.has_errors()) {
    // The plan knows no lines of the file: it was compiled of what the file came to with its templates.
    for (const workflow::Diagnostic& one : diagnostics.items()) report(documents->front().name + ": " + one.message);
    return report(documents->front().name + " cannot be simulated");
  }
  auto durations = durations_of(session, options.durations);
  if (!durations) return report(durations.error());
  auto seed = number<std::uint64_t>("--seed", options.seed);
  if (!seed) return report(seed.error());
  const simulate::Played played = simulate::simulate(*compiled, *host, *durations, *seed);
  print(simulate::report(played, *host));
  if (!options.trace.empty()) {
    std::ofstream file(options.trace);
    file << simulate::trace(played);
    if (!file.flush()) return report("cannot write " + options.trace);
  }
  return played.run->status.phase == engine::RunPhase::Succeeded ? 0 : 1;
}

}  // namespace

void add_simulate(Command& root, Session& session) {
  auto options = std::make_shared<SimulateOptions>();
  root.add("simulate", "Play a workflow in virtual time: how long would it take on which host?", "Workflows")
      .argument("FILE", options->file, "The workflow, and the templates that it refers to; - for standard input")
      .option("--cpus", options->cpus, "CPUs of the host [of this one]")
      .option("--memory", options->memory, "Memory of the host [8Gi]")
      .option("--slots", options->slots, "Pods at once [110]")
      .option("--durations", options->durations,
              "How long steps take: 90s, `uniform 10s 2m`, `normal 60s 10s`, `exponential 30s`, or a YAML file of these by the name of step or template, * for the others [10s]")
      .option("--start-up", options->start_up, "From the start of a pod to that of its program [60ms]")
      .option("--seed", options->seed, "Of what is drawn at random [1]")
      .option("--trace", options->trace, "Write the schedule to this file, for https://ui.perfetto.dev")
      .repeatable("--resource", options->resources, "A resource that the host offers by the piece: NAME=NUMBER (nvidia.com/gpu=2)")
      .repeatable("-p,--parameter", options->parameters, "An argument of the workflow: NAME=VALUE")
      .footer("Nothing is started and no daemon is asked. Suspended steps go on at once.")
      .action([&session, options] { return run(session, *options); });
}

}  // namespace gantry::cli
