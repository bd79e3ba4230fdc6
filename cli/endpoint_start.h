/* endpoint_start: starts larderd for a program that needs a gateway. */
#ifndef LARDER_CLI_ENDPOINT_START_H
#define LARDER_CLI_ENDPOINT_START_H

#include "cli/session.h"

/* Start a node of the session's home that ends when nobody holds it in use any more (in_use.h), and wait until it is ready; no child of ours. It is the larderd beside this program, else one in
 * PATH. Errors with what it said. */
enum err endpoint_start(struct session *session, struct why *why) LARDER_MUST_USE;

#endif
