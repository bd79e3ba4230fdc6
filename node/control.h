/* control: how programs of this machine talk to the node of a home: HOME/control, a stream socket.
 *
 * One connection is one question: a line of JSON, {"ask": "peers", ...}, answered by lines of JSON; the last one has "end": 0, or the number of an enum err with "why".
 * Lines before it are results and progress as they come. Closing the connection takes the question back. Who asks is told by the system (SO_PEERCRED): the node's own
 * user and root may ask everything. Lines have at most CONTROL_LINE_MAX bytes; at most CONTROL_MAX questions are open at a time.
 *
 *   status      one line: see control_status.c
 *   peers       a line a peer: control_peers.c
 *   who         digests: ["sha256:...", ...] (CONTROL_DIGESTS_MAX at most)   lines of a peer with those that it holds, whole or in part: control_who.c
 *   list        names that peers hold and show, a line for each page of a peer: control_list.c
 *   fetch       one file as the hub lists it, or a digest alone; progress lines; the last line has digest, bytes_from_hub, bytes_from_peers, was_held: control_fetch.c
 *   reach       whether the node at an address can dial this one: control_reach.c
 *   regroup     the group file has changed: read it again, take leave of the old peers
 *
 * A node that has just begun answers who, peers and list when its neighbours have been seen (NODE_SETTLE_MS); "listen_ms" asks for longer, from the node's start.
 *
 * The server runs on the node's loop. The client runs on a loop too, and never blocks it but for connecting to a local socket.
 */
#ifndef LARDER_NODE_CONTROL_H
#define LARDER_NODE_CONTROL_H

#include "node/node.h"

#include <jansson.h>

#define CONTROL_LINE_MAX ((size_t)1 << 20)
#define CONTROL_MAX 256
#define CONTROL_DIGESTS_MAX 4096

/* --- the server; part of a node */
struct control;

/* Takes HOME/control.lock and listens; the answers come from `node`. All borrowed. ERR_BUSY: another process has it; the sentence names its process id. */
enum err control_create(struct loop *loop, const char *home, struct node *node, struct control **ret_control, struct why *why) LARDER_MUST_USE;
/* Whether the home is still the one that it took: not removed, or replaced, under it. Asks the file system. */
bool control_has_home(const struct control *control);
/* Ends open questions with ERR_CUT, removes the socket. NULL is fine. */
void control_destroy(struct control *control);

/* --- a question to the node of a home; embedded by who asks */
struct control_ask {
	/* A line that is not the last; borrowed. */
	void (*on_line)(struct control_ask *ask, json_t *line);
	/* Once, never from within control_ask_start(). `line` is the last line, borrowed; NULL when there was none. ERR_CUT: the node went away; else what it says. */
	void (*on_end)(struct control_ask *ask, enum err err, json_t *line, const struct why *why);
	struct control_link *link; /* control's */
};

/* Asks; `question` is taken over, whatever happens. ERR_NOT_FOUND: no node runs on that home. ERR_BUSY: it is asked by so many just now that one has to come again. */
enum err control_ask_start(struct loop *loop, const char *home, json_t *question, struct control_ask *ask, struct why *why) LARDER_MUST_USE;
/* No callback will come. Harmless when not running. */
void control_ask_cancel(struct control_ask *ask);

#endif
