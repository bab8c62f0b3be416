#include <deque>

#include "daemon/cron/clock.h"
#include "daemon/submission.h"
#include "tests/features/player.h"
#include "workflow/document.h"

namespace gantry::features {

namespace {

/// Drives the clock as the daemon does: ticks when the clock wants it, makes the workflows and tells of their ends.
class CronPlayer {
 public:
  CronPlayer(const Case& what, cron::Definition definition, const Json& object)
      : story_(*what.cron), definition_(std::move(definition)), now_(story_.from) {
    object_.name = definition_.key.second;
    object_.name_space = definition_.key.first;
    object_.labels = definition_.labels;
    object_.json = std::make_shared<const std::string>(object.dump());
  }

  std::vector<std::string> play() {
    take(clock_.restored(now_));
    take(clock_.put(definition_, {}, now_));
    while (true) {
      auto next = clock_.next();
      if (!ends_.empty() && (!next || ends_.front().first < *next)) next = ends_.front().first;
      if (!next || *next > story_.until) return log_;
      now_ = std::max(now_, *next);
      if (story_.down && now_ >= story_.down->first && now_ < story_.down->second) restart(story_.down->second);
      if (!ends_.empty() && ends_.front().first <= now_) {
        end(ends_.front().second);
      } else {
        take(clock_.tick(now_));
      }
    }
  }
  [[nodiscard]] const cron::Status& status() const { return status_; }
  /// The newest workflow that was made, as it is submitted.
  [[nodiscard]] const Json& child() const { return child_; }

 private:
  /// The daemon was ended and is started again at `when`; its store has the status.
  void restart(Time when) {
    now_ = when;
    clock_ = cron::Clock();
    take(clock_.put(definition_, cron::read_status(cron::to_text(status_)), now_));
    take(clock_.restored(now_));
  }

  void note(const std::string& what) { log_.push_back(rfc3339(now_) + " " + what); }

  void end(const std::string& name, bool terminated = false) {
    std::erase_if(ends_, [&](const auto& one) { return one.second == name; });
    const std::string phase = terminated               ? "Failed"
                              : story_.phases.empty() ? "Succeeded"
                                                       : story_.phases[std::min(ended_, story_.phases.size() - 1)];
    ++ended_;
    using State = cron::Child::State;
    take(clock_.child(definition_.key, {name, name, phase == "Succeeded" ? State::Succeeded : State::Failed, now_}, now_));
  }

  void take(const cron::Effects& effects) {
    for (const cron::Effect& effect : effects) {
      if (const auto* create = std::get_if<cron::CreateRun>(&effect)) {
        note("creates " + create->name);
        if (auto document = cron_document(object_, create->name, create->scheduled)) child_ = Json::parse(*document);
        ends_.emplace_back(now_ + story_.runs_take, create->name);
        take(clock_.created(create->cron, create->scheduled, create->name, create->name, now_));
      } else if (const auto* terminate = std::get_if<cron::TerminateRun>(&effect)) {
        note("terminates " + terminate->uid);
        end(terminate->uid, true);
      } else if (const auto* remove = std::get_if<cron::DeleteRun>(&effect)) {
        note("deletes " + remove->uid);
        take(clock_.child_gone(definition_.key, remove->uid, now_));
      } else {
        status_ = std::get<cron::WriteStatus>(effect).status;
      }
    }
  }

  const CronStory& story_;
  cron::Definition definition_;
  cron::Clock clock_;
  cron::Status status_;
  Resource object_;
  Json child_;
  Time now_;
  std::deque<std::pair<Time, std::string>> ends_;  ///< of workflows, in order
  std::size_t ended_ = 0;
  std::vector<std::string> log_;
};

std::map<std::string, std::string> texts_of(const Json& json, const char* key) {
  std::map<std::string, std::string> out;
  for (const auto& [name, value] : map_at(json, key).items()) out[name] = text_of(value);
  return out;
}

}  // namespace

std::vector<std::string> play_cron(const Case& what, std::string& story) {
  workflow::Diagnostics diagnostics;
  const auto document = workflow::Document::parse_yaml(what.manifests, {}, diagnostics);
  if (diagnostics.has_errors() || document.roots().size() != 1) return {"the manifest is no single document"};
  const Json object = Json::parse(workflow::to_json(*document.roots().front()));
  const Json metadata = object.at("metadata");
  cron::Definition definition;
  definition.key = {metadata.value("namespace", "default"), metadata.value("name", "")};
  definition.labels = texts_of(metadata, "labels");
  definition.annotations = texts_of(metadata, "annotations");
  definition.spec = workflow::read_cron_spec(*document.roots().front(), diagnostics);
  if (diagnostics.has_errors()) return {diagnostics.items().front().message};
  CronPlayer player(what, std::move(definition), object);
  Json seen;
  seen["happens"] = player.play();
  seen["status"] = cron::status_json(player.status(), "default");
  seen["child"] = player.child();
  story = seen.dump(2);
  std::vector<std::string> wrong;
  const Json expected = what.expect.value("cron", Json::object());
  for (const auto& [key, value] : expected.items()) {
    if (key == "status") {
      for (const auto& [field, wanted] : value.items()) {
        const Json is = seen["status"].value(field, Json());
        if (text_of(wanted) == text_of(is)) continue;
        wrong.push_back("status " + field + ": expected " + text_of(wanted) + ", seen " + text_of(is));
      }
    } else if (seen.value(key, Json()) != value) {
      wrong.push_back(key + ":\n  expected " + value.dump(2) + "\n      seen " + seen.value(key, Json()).dump(2));
    }
  }
  if (expected.empty()) wrong.push_back("nothing is expected of the CronWorkflow");
  return wrong;
}

}  // namespace gantry::features
