/* http_transfer: one request on its way through libcurl; what http.c and http_transfer.c share. Loop's thread only.
 *
 * A transfer is in one of http's lists all its life. It belongs to http; it points at the caller's request until that was cancelled or has ended.
 */
#ifndef LARDER_NODE_HTTP_TRANSFER_H
#define LARDER_NODE_HTTP_TRANSFER_H

#include "node/http.h"
#include "node/url.h"

#include <curl/curl.h>

struct http {
	struct loop *loop; /* borrowed */
	struct log *log;   /* borrowed */
	char *user_agent, *proxy, *ca_file, *via; /* may be NULL */
	bool direct;       /* no proxy */
	CURLM *multi;
	struct loop_timer timer; /* libcurl's */
	struct loop_timer kick;  /* for what must not happen inside the call that asked for it */
	unsigned depth;          /* > 0: libcurl is running */
	struct list waiting, running, ended, cancelled; /* of http_transfer */
	struct list sockets;
};

struct http_transfer {
	struct http *http;
	struct http_request *request; /* NULL: cancelled */
	struct list link;
	CURL *easy;
	struct curl_slist *headers;
	char error[CURL_ERROR_SIZE];
	char authority[URL_AUTHORITY_MAX];
	CURLcode code;        /* how it ended */
	enum err own_err;     /* set when we ended it ourselves: ERR_LIMIT, ERR_NO_MEMORY, ERR_CUT or ERR_HUB_AWAY for a time-out */
	bool is_added;        /* to the multi handle */
	bool is_answered;     /* the final headers are complete */
	bool is_paused;       /* the caller wants no bytes */
	bool is_held;         /* libcurl was told so */
	bool wants_resume;    /* and is to be told otherwise */
	struct http_answer answer;
	size_t answer_room;
	size_t header_bytes;
	struct loop_timer timer; /* until the answer, then for silence */
	int64_t waited_ms;       /* what the timer was set to */
	int64_t last_byte_ms;    /* when the last STALL_BYTES were together */
	size_t fresh_bytes;      /* since then */
};

/* The transfer is in no list yet. ERR_INVALID, ERR_NO_MEMORY. */
enum err http_transfer_create(struct http *http, struct http_request *request, struct http_transfer **ret_transfer,
			      struct why *why) LARDER_MUST_USE;
/* Out of its list, out of libcurl. Not while libcurl runs. */
void http_transfer_destroy(struct http_transfer *transfer);
/* No further callback. */
void http_transfer_detach(struct http_transfer *transfer);
/* Tell the caller how it ended, and destroy it. */
void http_transfer_finish(struct http_transfer *transfer);

/* Have notes looked at in the next turn of the loop. */
void http_kick(struct http *http);

#endif
