/* status_node: the part of `larder status` that a running node tells. Main thread; blocks. */
#ifndef LARDER_CLI_STATUS_NODE_H
#define LARDER_CLI_STATUS_NODE_H

#include "cli/session.h"

/* *ret_node: what it says (control_status.c), with "rate" in each transfer and in the whole, bytes a second; the caller's. NULL: no node runs on this home, or it does not answer, which is told. */
enum err status_ask_node(struct session *session, json_t **ret_node, struct why *why) LARDER_MUST_USE;
void status_print_node(struct session *session, json_t *node);

#endif
