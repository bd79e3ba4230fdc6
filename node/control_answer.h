/* control_answer: what a node answers to each question of control.h.
 *
 * Internal to control. On the node's loop.
 */
#ifndef LARDER_NODE_CONTROL_ANSWER_H
#define LARDER_NODE_CONTROL_ANSWER_H

#include "node/control_line.h"

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

#endif
