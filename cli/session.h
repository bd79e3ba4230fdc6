/* session: what a command works with: settings, output, and, as far as it needs them, the store, the loop, the hub, the node of the home.
 *
 * A command opens what it needs; session_close() closes all of it in order. Main thread only, where nothing else is said.
 */
#ifndef LARDER_CLI_SESSION_H
#define LARDER_CLI_SESSION_H

#include "cli/args.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "node/signals.h"
#include "node/config.h"
#include "node/node.h"
#include "store/store.h"

struct session {
	const struct args *args;
	struct config config;
	struct log log;
	struct output output;
	struct progress progress;
	FILE *messages; /* standard error */
	bool quiet;
	bool stop;      /* asked to end; workers read it atomically, as blob_verify() does */
	struct sha256_engine engine;
	/* NULL until opened. */
	struct store *store;
	struct loop *loop;
	struct pool *pool; /* attached to the loop */
	struct http *http;
	struct hub *hub;
	struct fetcher *fetcher; /* from the hub alone, for what no node brings (supply.h) */
	struct node *node;       /* of this process */
	bool has_joined;         /* another process has the node of this home, and is asked (control.h) */
	bool wants_node;         /* supply.h: there was a node, and if it is gone another is looked for */
	struct signals signals;
	struct activity *activity; /* what session_run() runs */
};

/* Settings and streams. After a failure there is nothing to close, but messages can be told. */
enum err session_open(struct session *session, const struct args *args, FILE *out, FILE *messages, struct why *why) LARDER_MUST_USE;
void session_close(struct session *session);

/* Each opens what it needs below it. */
enum err session_open_store(struct session *session, struct why *why) LARDER_MUST_USE;
/* For looking only: session->store stays NULL when there is none yet. */
enum err session_look_at_store(struct session *session, struct why *why) LARDER_MUST_USE;
enum err session_open_loop(struct session *session, struct why *why) LARDER_MUST_USE;
enum err session_open_hub(struct session *session, struct why *why) LARDER_MUST_USE;
enum err session_open_fetcher(struct session *session, struct why *why) LARDER_MUST_USE;

/* The node of this home: the one that runs (has_joined), else one of this process, for as long as the session lasts. Errors of node_create(); ERR_BUSY: there is one that does not answer. */
enum err session_open_node(struct session *session, struct why *why) LARDER_MUST_USE;
/* The same without waiting, also from a handler. ERR_BUSY: another node is just beginning or ending; come again. */
enum err session_find_node(struct session *session, struct why *why) LARDER_MUST_USE;

/* "larder: SENTENCE" on standard error. */
void session_tell(struct session *session, const char *format, ...) LARDER_PRINTF(2, 3);
/* The same for what may be left out with --quiet. */
void session_remark(struct session *session, const char *format, ...) LARDER_PRINTF(2, 3);

/* --- things that take a while, with progress and Ctrl-C */

struct activity {
	/* How far it is; returns the bytes that came by so far, for the rate. NULL: no progress. */
	uint64_t (*look)(struct activity *activity, struct progress_state *ret_state);
	/* Asked to end (session->stop is set): do so soon. NULL: nothing to be done about it. */
	void (*stop)(struct activity *activity);
	bool done;
};

/* Turn the loop, which is open, until activity->done. */
void session_run(struct session *session, struct activity *activity);

/* Something that blocks, run on a worker. */
struct work {
	enum err (*run)(struct work *work, struct why *why); /* on the worker */
	struct activity activity; /* set look, if progress is wanted */
	struct pool_job job;
	enum err err;
	struct why why;
};

/* Opens the loop if need be, runs it to its end. ERR_CANCELLED when it was asked to stop and work->run() said so. */
enum err session_work(struct session *session, struct work *work, struct why *why) LARDER_MUST_USE;

/* Ask the hub what `name` stands for. *ret_listing is the caller's to release. */
enum err session_look_up(struct session *session, const struct name *name, struct hub_listing *ret_listing, struct why *why) LARDER_MUST_USE;

#endif
