#pragma once

// The endpoints, one file a family. Each has the form of router.h's Handler.

#include "api/router.h"

namespace gantry::api {

// create.cc
void create_workflow(Backend& backend, Request& request, AnswerPtr answer);
void lint_workflow(Backend& backend, Request& request, AnswerPtr answer);
void submit_workflow(Backend& backend, Request& request, AnswerPtr answer);

// workflows.cc
void list_workflows(Backend& backend, Request& request, AnswerPtr answer);
void get_workflow(Backend& backend, Request& request, AnswerPtr answer);
void delete_workflow(Backend& backend, Request& request, AnswerPtr answer);
/// The part of a list's query that all lists have: namespace, labels, name, page.
Result<ListQuery> read_list(const Request& request);
Json list_json(ListPage page, const Fields& fields);

// commands.cc: stop, terminate, suspend, resume, set, retry and resubmit, by the path's last word.
void command_workflow(Backend& backend, Request& request, AnswerPtr answer);

// resources.cc: each for all kinds of ResourceKind, by the path's first word.
void create_resource(Backend& backend, Request& request, AnswerPtr answer);
void update_resource(Backend& backend, Request& request, AnswerPtr answer);
void lint_resource(Backend& backend, Request& request, AnswerPtr answer);
void list_resources(Backend& backend, Request& request, AnswerPtr answer);
void get_resource(Backend& backend, Request& request, AnswerPtr answer);
void delete_resource(Backend& backend, Request& request, AnswerPtr answer);
/// Suspend and resume.
void suspend_cron(Backend& backend, Request& request, AnswerPtr answer);
void receive_event(Backend& backend, Request& request, AnswerPtr answer);

// streams.cc
void watch_workflows(Backend& backend, Request& request, AnswerPtr answer);
void workflow_logs(Backend& backend, Request& request, AnswerPtr answer);

// artifacts.cc
void output_artifact(Backend& backend, Request& request, AnswerPtr answer);
void input_artifact(Backend& backend, Request& request, AnswerPtr answer);
/// As the UI asks: workflows or archived-workflows, outputs or inputs, by the path.
void artifact_file(Backend& backend, Request& request, AnswerPtr answer);

// objects.cc
void create_secret(Backend& backend, Request& request, AnswerPtr answer);
void replace_secret(Backend& backend, Request& request, AnswerPtr answer);
void list_secrets(Backend& backend, Request& request, AnswerPtr answer);
void get_secret(Backend& backend, Request& request, AnswerPtr answer);
void delete_secret(Backend& backend, Request& request, AnswerPtr answer);
void create_config_map(Backend& backend, Request& request, AnswerPtr answer);
void replace_config_map(Backend& backend, Request& request, AnswerPtr answer);
void list_config_maps(Backend& backend, Request& request, AnswerPtr answer);
void get_config_map(Backend& backend, Request& request, AnswerPtr answer);
void delete_config_map(Backend& backend, Request& request, AnswerPtr answer);

// sync.cc
void create_sync_limit(Backend& backend, Request& request, AnswerPtr answer);
void get_sync_limit(Backend& backend, Request& request, AnswerPtr answer);
void update_sync_limit(Backend& backend, Request& request, AnswerPtr answer);
void delete_sync_limit(Backend& backend, Request& request, AnswerPtr answer);

// images.cc
void list_images(Backend& backend, Request& request, AnswerPtr answer);
void import_image(Backend& backend, Request& request, AnswerPtr answer);
void pull_image(Backend& backend, Request& request, AnswerPtr answer);
void delete_image(Backend& backend, Request& request, AnswerPtr answer);

// admin.cc
void daemon_status(Backend& backend, Request& request, AnswerPtr answer);
void drain_daemon(Backend& backend, Request& request, AnswerPtr answer);
void resume_daemon(Backend& backend, Request& request, AnswerPtr answer);
void check_store(Backend& backend, Request& request, AnswerPtr answer);
void backup_store(Backend& backend, Request& request, AnswerPtr answer);
void read_audit_log(Backend& backend, Request& request, AnswerPtr answer);
void workflow_history(Backend& backend, Request& request, AnswerPtr answer);

// system.cc
void health(Backend& backend, Request& request, AnswerPtr answer);
void version(Backend& backend, Request& request, AnswerPtr answer);
void info(Backend& backend, Request& request, AnswerPtr answer);
void user_info(Backend& backend, Request& request, AnswerPtr answer);
void tracking_event(Backend& backend, Request& request, AnswerPtr answer);
/// What Argo serves and Gantry does not yet: 501 that names it.
void not_supported_yet(Backend& backend, Request& request, AnswerPtr answer);

}  // namespace gantry::api
