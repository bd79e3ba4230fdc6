/* fetch_private: what the files of fetch share: one run, that is, one file on its way in. */
#ifndef LARDER_NODE_FETCH_PRIVATE_H
#define LARDER_NODE_FETCH_PRIVATE_H

#include "node/draw.h"
#include "node/fetch.h"
#include "node/inflow.h"
#include "node/intake.h"
#include "node/measure.h"
#include "node/relay.h"

#define FETCH_RELAY_TRIES 3 /* peers that are asked for a file outside LFS, before the hub */

struct fetcher {
	struct fetcher_options use;
	struct peers *peers; /* borrowed; NULL: nobody is asked */
	struct list runs;
	struct loop_timer rest; /* since the last run ended */
};

enum fetch_step { STEP_OPEN, STEP_WRITE, STEP_COMMIT, STEP_NAME, STEP_CLOSE };

/* What a job may touch while it is out. */
struct fetch_handed {
	struct intake *intake;
	bool restart;        /* of OPEN: what is there is forgotten first */
	struct list chunks;  /* struct chunk, from the hub or a relay, in order */
	bool relayed;        /* the chunks are a peer's */
	struct draw_batch batch;
	bool has_batch;
	struct list names;   /* struct wanted, to be kept */
	uint64_t from_hub, from_peers, wasted, saved; /* bytes for the counters */
	bool contradicted;   /* a chunk of the hub overruled claimed states */
	uint64_t contradicted_at;
	bool hub_is_wrong;   /* the hub's chunks contradict what is anchored */
	enum err err;        /* the job's answer */
	struct why why;
};

/* What may be read before the end (fetch_read.c): as of the last time when no worker had the partial blob. */
struct fetch_shown {
	int fd;                /* of its data, our own; -1: none */
	uint64_t prefix, anchored_from, forgotten; /* as those of partial.h */
	unsigned recalls, lost; /* `lost` of the inflow, as seen last */
	bool is_proven;
};

struct fetch_run {
	struct fetcher *fetcher;
	struct list link;
	struct list waiters; /* struct fetch */
	/* Own copies: the first who asked may leave before the run ends. */
	enum repo_type type;
	char *repo, *commit; /* NULL: the digest alone is known */
	struct hub_file file;
	struct pool_job job;
	enum fetch_step step; /* of the job that is out, or was last */
	bool job_out;
	struct fetch_handed handed;
	struct inflow inflow;
	struct draw draw;
	struct relay relay;
	struct measure measure;
	struct list names;   /* struct wanted, not handed over yet */
	uint64_t bytes_done, from_hub_new;
	struct fetch_shown shown;
	int64_t last_byte_ms, proven_ms; /* when the last byte was here, and when every link was closed */
	uint64_t relay_tried[FETCH_RELAY_TRIES];
	unsigned relay_tries;
	bool relay_restart;  /* what a peer sent of a file outside LFS is to be forgotten */
	struct loop_timer retry;
	bool has_waited;     /* for another process */
	bool hub_failed;     /* the hub cannot give it; then this is why */
	enum err hub_err;
	struct why hub_why;
	bool has_failed;     /* then this is how */
	enum err err;
	struct why why;
};

/* --- fetch.c */

/* A run is over, and out of the list. */
void fetcher_on_run_end(struct fetcher *fetcher);

/* --- fetch_run.c */

/* NULL: out of memory. `fetch` is the first who asks. */
struct fetch_run *fetch_run_create(struct fetcher *fetcher, const struct fetch *fetch);
/* Begin. */
void fetch_run_start(struct fetch_run *run);
/* Nobody wants it any more. */
void fetch_run_abandon(struct fetch_run *run);
/* Its hub must not be used any more; others wait. */
void fetch_run_leave_hub(struct fetch_run *run);
/* The peers that were asked are gone. */
void fetch_run_forget_peers(struct fetch_run *run);

/* --- fetch_run.c, for the others */

struct loop *fetch_run_loop(const struct fetch_run *run);
/* Its SHA-256 is known. */
bool fetch_run_is_named(const struct fetch_run *run);
struct fetch *fetch_run_first_waiter(const struct fetch_run *run);
/* Start what is next. No job is out. */
void fetch_run_go_on(struct fetch_run *run);
/* The next job. None is out. */
void fetch_run_do(struct fetch_run *run, enum fetch_step step);
void fetch_run_fail(struct fetch_run *run, enum err err, const struct why *why);

/* --- fetch_feed.c */

void fetch_feed_init(struct fetch_run *run, struct hub *hub);
/* Ask for what is missing, or end the run where nobody can give it. */
void fetch_feed(struct fetch_run *run);
/* The hub cannot give it. */
void fetch_feed_give_up_hub(struct fetch_run *run, enum err err, const struct why *why);
/* Begin again without the peer that sends a file outside LFS; the job that is out, if any, ends first. */
void fetch_feed_leave_relay(struct fetch_run *run);
/* Nobody is left who could give what is missing: it fails, and says what stood in the way. */
void fetch_feed_fail(struct fetch_run *run);
/* How far it is, to all who wait for it. */
void fetch_feed_tell(struct fetch_run *run);

/* --- fetch_read.c */

/* No worker has the partial blob: look what it has, and tell those who read. */
void fetch_run_show(struct fetch_run *run);
/* All chunks are here and are about to be made a blob. */
void fetch_run_show_proven(struct fetch_run *run);
/* What was read from the hub may be wrong, or from a peer. */
void fetch_run_recall(struct fetch_run *run);
/* Have those who read look again. */
void fetch_run_tell_readers(struct fetch_run *run);
void fetch_run_hide(struct fetch_run *run);

/* The worker's part: does run->step, answers in run->handed. */
void fetch_run_on_worker(struct pool_job *job);

#endif
