#include "api/handlers/handlers.h"

namespace gantry::api {

void list_images(Backend& backend, Request&, AnswerPtr answer) {
  backend.list_images(
      reply_with<std::vector<Json>>(std::move(answer), [](std::vector<Json> images) {
        return Json{{"items", std::move(images)}};
      }));
}

void import_image(Backend& backend, Request& request, AnswerPtr answer) {
  if (request.spool->size() == 0) {
    return answer->fail(
        Error{Code::InvalidArgument, "the body is empty; wanted an image archive (tar)"});
  }
  std::string file = request.spool->release();
  backend.import_image(file, answer->stream(Fields()));
}

void pull_image(Backend& backend, Request& request, AnswerPtr answer) {
  const std::string& reference = request.query.text("reference");
  if (reference.empty()) {
    return answer->fail(Error{Code::InvalidArgument, "query parameter reference is missing"});
  }
  backend.pull_image(reference, answer->stream(Fields()));
}

void delete_image(Backend& backend, Request& request, AnswerPtr answer) {
  const std::string& image = request.param("image");
  if (image.empty()) return answer->fail(Error{Code::InvalidArgument, "the path names no image"});
  backend.remove_image(image, reply_with_object(std::move(answer)));
}

}  // namespace gantry::api
