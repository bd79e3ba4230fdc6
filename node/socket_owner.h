/* socket_owner: whose the other end of a connection is, on this machine.
 *
 * From the kernel's tables (proc_net_tcp in the kernel's documentation). Takes longer the more connections there are. Any thread.
 */
#ifndef LARDER_NODE_SOCKET_OWNER_H
#define LARDER_NODE_SOCKET_OWNER_H

#include "node/lan.h"

#include <sys/types.h>

/* The user of the TCP socket that has the address `local` and is connected to `remote`. False: there is no such socket here. */
bool socket_owner(const struct lan_address *local, const struct lan_address *remote, uid_t *ret_user);

#endif
