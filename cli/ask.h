/* ask: one question to the node of this home (control.h), waited for. Main thread; blocks (session_run). */
#ifndef LARDER_CLI_ASK_H
#define LARDER_CLI_ASK_H

#include "cli/session.h"
#include "node/control.h"

/* How long a node that has just begun listens for others before it answers who is there; one that has run for longer answers at once. */
#define ASK_LISTEN_MS 2000

struct ask {
	/* A line that is not the last; borrowed. NULL: not wanted. */
	void (*on_line)(struct ask *ask, json_t *line);
	json_t *last; /* the last line, when ERR_OK; the caller's, to be released by ask_release() */
	struct session *session; /* the ask's own, as are all below */
	struct activity activity;
	struct control_ask control;
	enum err err;
	struct why why;
};

/* `question` is taken over. After session_open_node(), or where some node is known to run: ERR_NOT_FOUND when none does. ERR_CANCELLED after Ctrl-C; ERR_CUT: the node went away; else what it
 * answers. */
enum err ask_node(struct session *session, json_t *question, struct ask *ask, struct why *why) LARDER_MUST_USE;
void ask_release(struct ask *ask);

/* --- what answers have in them */

/* "" and 0 where there is none. */
const char *ask_text(json_t *line, const char *key);
uint64_t ask_number(json_t *line, const char *key);

#define ASK_TIME_MAX 24
/* "0.21 ms", "1.4 s"; "-" while it is not known. Returns `ret`. */
const char *ask_round_trip(json_t *line, char ret[ASK_TIME_MAX]);
/* "no node was heard", "1 node was heard", "3 nodes were heard". Returns `ret`. */
const char *ask_heard(uint64_t heard, char ret[48]);

#endif
