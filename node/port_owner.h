/* port_owner: whose a port is that is taken: which program of this machine listens there. Linux's /proc; looks through all processes, so for messages only. Any thread. */
#ifndef LARDER_NODE_PORT_OWNER_H
#define LARDER_NODE_PORT_OWNER_H

#include "node/lan.h"

#define PORT_OWNER_MAX 128

/* "process 123 (nginx)", or "" where that cannot be found out, as for programs of other users. Returns `ret`. */
const char *port_owner(const struct lan_address *address, char ret[PORT_OWNER_MAX]);

#endif
