#include "runtime/shim/serve.h"

#include <malloc.h>
#include <unistd.h>

#include <cstdlib>
#include <functional>

#include "runtime/shim/log.h"
#include "runtime/shim/publisher.h"
#include "runtime/shim/task_service.h"

namespace gantry::shim {
namespace {

/// How long events of a task that is deleted may keep the shim.
constexpr Duration kLastWords = std::chrono::seconds(5);
constexpr Duration kLookInterval = std::chrono::seconds(5);

}  // namespace

void serve(const CommandLine& line, const Bundle& bundle, UniqueFd listener, const std::string& socket_path) {
  ::mallopt(M_ARENA_MAX, 1);  // threads here do next to nothing with memory
  open_log(bundle.path(), line.debug);
  const char* events = std::getenv("TTRPC_ADDRESS");
  Loop loop;
  Children children(loop);
  Publisher publisher(loop, events != nullptr ? events : "", line.name_space);
  const auto tell = [&](const char* topic, const google::protobuf::MessageLite& event) {
    publisher.publish(topic, event);
  };
  const auto shut_down = [&] { publisher.flush(kLastWords, [&] { loop.stop(); }); };
  TaskService service(loop, children, line.name_space, tell, shut_down);
  const Server server(loop, std::move(listener),
                      [&](Request request, Reply reply) { service.handle(std::move(request), std::move(reply)); });
  // A containerd that could not connect (it has run out of descriptors, or was killed) forgets the server that it has
  // just started, and removes the bundle.
  const std::function<void()> look = [&] {
    if (service.idle() && ::access(bundle.file("config.json").c_str(), F_OK) != 0) return loop.stop();
    loop.after(kLookInterval, look);
  };
  loop.after(kLookInterval, look);
  loop.run();
  ::unlink(socket_path.c_str());
  ::_exit(0);  // copies may still run
}

}  // namespace gantry::shim
