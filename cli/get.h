/* get: the parts of the command of that name. Main thread; blocks. */
#ifndef LARDER_CLI_GET_H
#define LARDER_CLI_GET_H

#include "cli/session.h"

/* `larder get sha256:HEX [--to FILE]`: from the store, else from other nodes. ERR_NOT_FOUND when nobody has it. */
enum err get_digest(struct session *session, const struct args *args, const struct digest *digest, struct why *why) LARDER_MUST_USE;

#endif
