/* reload: what larder.conf, the environment and the flags say now, taken over by a node that runs.
 *
 * On the loop. Some settings count at once; those that shape who is talked to make the node enter its group anew, so its sessions end and come back; the others
 * are said to need another start.
 */
#ifndef LARDER_NODE_RELOAD_H
#define LARDER_NODE_RELOAD_H

#include "node/node.h"

/* `config` is the one that the node was made with; `fresh` was just loaded. What is taken over is exchanged between the two: release `fresh` afterwards. One line in the log says what has
 * changed and what has not. A failure to enter the group again is logged; the node then has no peers. */
void reload_apply(struct node *node, struct config *config, struct config *fresh);

#endif
