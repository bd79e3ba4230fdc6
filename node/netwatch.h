/* netwatch: tells when the machine's network interfaces or addresses have changed: a cable, another wireless network, a machine that wakes up.
 *
 * By rtnetlink(7); what it says is taken as a hint to look, and only a difference is told. On the loop; looking at the interfaces asks the kernel and does not wait.
 */
#ifndef LARDER_NODE_NETWATCH_H
#define LARDER_NODE_NETWATCH_H

#include "node/loop.h"

#define NETWATCH_QUIET_MS 100 /* between a hint and the look: they come in swarms */

struct netwatch {
	struct loop *loop; /* set by the owner, as is the next */
	void (*on_change)(struct netwatch *watch);
	struct loop_watch watch; /* its own, as is the rest */
	struct loop_timer timer;
	uint64_t seen;
};

/* ERR_IO: the system has no such thing, and nothing will be told. */
enum err netwatch_start(struct netwatch *watch) LARDER_MUST_USE;
/* Harmless when not started, if zeroed before. */
void netwatch_stop(struct netwatch *watch);

#endif
