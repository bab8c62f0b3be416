#include "cli/commands/commands.h"
#include "cli/commands/object.h"

namespace gantry::cli {

void add_secret(Command& root, Session& session) {
  add_object_commands(root.add("secret", "Create, list and delete secrets", "Objects"), session,
                      kSecret);
}

}  // namespace gantry::cli
