/* share_private: what the files of the share have in common. */
#ifndef LARDER_NODE_SHARE_PRIVATE_H
#define LARDER_NODE_SHARE_PRIVATE_H

#include "node/share_table.h"
#include "store/store.h"

/* A repo whose being public is in doubt. */
struct doubt {
	struct list link;
	char *hub, *repo;   /* owned */
	int64_t asked_ms;
	bool is_open;       /* the owner has not answered */
};

/* One look at the index, on a worker. */
struct share_reading {
	struct pool_job job;
	struct share_rule rule;
	bool even_unchanged;
	int64_t doubtful_before_s;
	/* Answers. */
	enum err err;
	struct why why;
	uint64_t version;          /* of the index; at first the one that was seen last */
	struct share_table *table; /* NULL: nothing has changed */
	struct list steps;         /* struct share_step, to there from the one before */
	struct list doubts;        /* struct doubt */
	int64_t took_ms;
};

struct share {
	struct share_options use;
	struct share_table *table;
	struct share_step *history[SHARE_HISTORY]; /* by generation % SHARE_HISTORY */
	struct loop_timer poll;
	struct share_reading reading;
	bool is_reading, again, even_unchanged; /* the last two: for the next one */
	int64_t read_ms;           /* when the table was read */
	size_t jobs_out;
	bool is_ending, has_failed;
	/* Doubts. */
	struct list doubts, asked; /* struct doubt */
	int64_t quiet_until_ms;    /* the hub is not asked before */
	bool hub_is_away;
};

/* Look at the index again, though nothing may have changed in it. */
void share_read_again(struct share *share);

/* NULL: out of memory. */
struct doubt *doubt_create(const char *hub, const char *repo);
void doubts_free(struct list *doubts);
/* Ask the owner about as many as may be asked about at once. */
void share_ask_about_doubts(struct share *share);

#endif
