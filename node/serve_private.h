/* serve_private: what the files of the serve have in common.
 *
 * A request waits in its session until it is its turn (serve.c); is answered on a worker, where files are read (serve_read.c); and waits again while its
 * answer goes out (serve_send.c).
 */
#ifndef LARDER_NODE_SERVE_PRIVATE_H
#define LARDER_NODE_SERVE_PRIVATE_H

#include "node/checked.h"
#include "node/outflow.h"
#include "node/serve.h"
#include "store/blob.h"

#define SERVE_TALLIES 8 /* blobs whose bytes are added up for the log, of one session */

struct serve_tally {
	struct digest digest;
	uint64_t bytes; /* 0: not in use */
	int64_t last_ms;
};

struct serve_session {
	struct list link;
	uint64_t id;
	struct list waiting, reading; /* struct serve_request */
	struct list answers, pieces;  /* the same, with what is to be sent */
	size_t open, open_chunks;     /* requests that are not answered; those for chunks */
	size_t rejects;
	struct outflow_account *account;
	bool is_blocked;              /* the sink is full */
	bool is_over;                 /* the sink takes nothing any more */
	struct serve_tally tallies[SERVE_TALLIES];
	uint64_t bytes;
};

/* An open blob; used by one worker at a time. */
struct serve_handle {
	struct list link;
	struct digest digest;
	struct blob *blob;  /* NULL until the first worker has opened it */
	bool is_busy;
	int64_t idle_ms;    /* since when */
};

struct serve_request {
	struct list link;
	struct serve *serve;
	struct serve_session *session; /* NULL: it is gone, or does not want the answer any more */
	enum wire_type type;           /* of the question */
	uint64_t number;
	struct share_blob blob;        /* CHAIN, CHUNK, REJECT */
	uint64_t index;                /* of the chunk; of the first state */
	uint32_t count;                /* of states */
	struct wire_bytes cursor;      /* LIST; borrows from cursor_bytes */
	uint8_t cursor_bytes[SHARE_CURSOR_LEN];
	/* While it is read. */
	struct pool_job job;
	struct serve_handle *handle;
	struct stat file;              /* of the blob, before it was read; st_ino 0: it is not known, or may be written to by others */
	bool is_known;                 /* the chunk was checked since the file became that */
	enum err err;
	struct why why;
	/* The answer. */
	struct wire_message answer;
	struct outflow_chunk *chunk;   /* CHUNK, REJECT */
	size_t len, sent;              /* bytes of the chunk */
	struct serve_way way;          /* of its pieces */
	uint8_t *bytes;                /* what the answer borrows from, owned: states, found */
	struct share_names *names;     /* the same */
};

struct serve {
	struct serve_options use;
	struct list sessions;          /* in the order in which they have their turn */
	struct list handles;           /* used last: at the end */
	size_t handle_count;
	struct outflow *outflow;
	struct checked checked;
	size_t reads;                  /* on the pool */
	size_t open;                   /* requests of all sessions */
	struct loop_timer retry, idle;
	bool is_ending;
	bool has_failed;               /* the last reading; it is logged once */
	uint8_t control[WIRE_CONTROL_MAX];
};

/* --- serve.c */

/* Start what may be started. */
void serve_go_on(struct serve *serve);
/* Take it out of its list and its session, and free it. */
void serve_request_free(struct serve_request *request);

/* --- serve_read.c */

/* Hand a request to a worker; it is in no list. Its chunk is there if it wants one. */
void serve_read(struct serve_request *request);
/* Close blobs that are idle for so long (0: all that are idle), or one blob (`digest` not NULL). */
void serve_close_idle(struct serve *serve, int64_t idle_ms, const struct digest *digest);

/* --- serve_send.c */

/* The request's answer is ready: queue it. */
void serve_answer(struct serve_request *request);
void serve_answer_no(struct serve_request *request, enum wire_no no);
/* An answer that nothing is remembered of: it is lost where the sink is full. */
void serve_refuse(struct serve *serve, uint64_t session, uint64_t number, enum wire_no no);
/* Send as much as the sink takes. */
void serve_flush(struct serve *serve, struct serve_session *session);
/* Tell the log what was given and has been idle for so long (0: all). Returns whether some is left. */
bool serve_log_tallies(struct serve *serve, struct serve_session *session, int64_t idle_ms);

#endif
