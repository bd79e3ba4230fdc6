/* control_answer: what a node answers to each question of control.h.
 *
 * Internal to control. On the node's loop.
 */
#ifndef LARDER_NODE_CONTROL_ANSWER_H
#define LARDER_NODE_CONTROL_ANSWER_H

#include "node/control_line.h"
#include "node/peers.h"

/* How long a question may have the node listen before it is answered. */
#define CONTROL_LISTEN_MAX_MS 10000

struct control_asker;

struct control_answer {
	const char *ask;
	/* Answers now, or later; ends with control_asker_end(). The question is borrowed for the call. */
	void (*start)(struct control_asker *asker, json_t *question);
	/* The asker went away before the end: free what is in asker->work. NULL: nothing to do. */
	void (*cancel)(struct control_asker *asker);
};

/* Somebody who has asked, or is about to. */
struct control_asker {
	struct control *control;
	struct node *node;
	struct list link;
	struct control_line line;
	const struct control_answer *answer; /* NULL: none yet, or ended */
	bool has_ended;
	void *work; /* the answer's */
};

/* NULL: there is no such question. */
const struct control_answer *control_answer_find(const char *ask);

/* One line that is not the last; `line` is taken over. */
void control_asker_tell(struct control_asker *asker, json_t *line);
/* The last line: `line` (taken over; NULL: nothing but the end) with "end" and "why". The answer's cancel() will not be called any more. */
void control_asker_end(struct control_asker *asker, enum err err, const struct why *why, json_t *line);
/* The same, out of memory. */
void control_asker_end_memory(struct control_asker *asker);

/* --- one of each question, in a file of its own */
extern const struct control_answer control_status, control_peers, control_who, control_list, control_fetch, control_reach, control_regroup;

/* --- what several answers need */

/* How many ms from now until the neighbours of a young node have been seen; the question may ask for more ("listen_ms", from the node's start). 0: now. */
int64_t control_settle_ms(struct node *node, json_t *question);
/* Text as a JSON string; what is not UTF-8 becomes "?". */
json_t *control_text(const char *text);
/* {node, name, address, round_trip_us}; the last one is left out while it is not known. */
json_t *control_peer_json(const struct peer_view *view);
/* The sessions that are up, to be freed with free(). NULL: out of memory. */
struct peer_view *control_peers_here(struct node *node, size_t *ret_count);

#endif
