#pragma once

// Plays a case: the real parser, compiler, engine and scheduler, with pods that end as the case says, in virtual time.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/features/case.h"
#include "tests/simulation/world.h"
#include "workflow/parse.h"

namespace gantry::features {

/// One of the documents after the description.
struct Manifest {
  std::string text;
  std::string kind, name, name_space;
  bool cluster_scope = false;  ///< kind ClusterWorkflowTemplate
};
std::vector<Manifest> split_manifests(const std::string& text);

class Player {
 public:
  explicit Player(const Case& what);

  /// What is wrong with how it went; empty: all is as expected.
  std::vector<std::string> play();
  /// How it went, in the form of a feature file.
  [[nodiscard]] std::string story() const;

 private:
  class Objects : public engine::Objects {
   public:
    [[nodiscard]] Result<std::string> config_map(const std::string& name_space, const std::string& name,
                                                 const std::string& key, bool parameter) const override;
    struct ConfigMap {
      std::map<std::string, std::string> data;
      bool parameters = false;
    };
    std::map<std::string, ConfigMap> config_maps;  ///< by name
  };

  testing::World::Options options();
  void take_config_map(const std::string& text);
  runtime::Script script(const runtime::PodSpec& pod);
  void check_refusals();
  void check_lint();
  void submit(const workflow::Compiled& compiled);
  void act(const Action& action);
  std::string answer(const Action& action);
  void check(const Json& expected, const std::string& run, const std::string& when);

  const Case& case_;
  std::vector<Manifest> manifests_;
  std::map<std::string, std::string> templates_;
  Objects objects_;
  testing::World world_;
  Time begin_{};
  std::string first_;                            ///< the first workflow's name
  std::map<std::string, std::size_t> lives_;     ///< node → pods so far
  std::map<std::string, Json> given_;            ///< node → its pod
  struct Start { std::string run, node, pod; };
  std::vector<Start> starts_;                    ///< pods in the order in which they were asked for
  std::vector<std::string> wrong_;
};

/// The same for the life of a CronWorkflow.
std::vector<std::string> play_cron(const Case& what, std::string& story);

}  // namespace gantry::features
