/* ls_peers: `larder ls --peers`: what other nodes say they hold. Main thread; blocks. */
#ifndef LARDER_CLI_LS_PEERS_H
#define LARDER_CLI_LS_PEERS_H

#include "cli/session.h"

/* All of it, or what the operands name. */
enum err ls_peers(struct session *session, const struct args *args, struct why *why) LARDER_MUST_USE;

#endif
