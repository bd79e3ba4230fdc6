/* http: requests over libcurl, many at once on the loop. The only module that calls libcurl.
 *
 * No redirect is followed and no status is judged here: hub.h does that. HTTP/1.1 and 2, connections are kept and shared. Loop's thread only; never blocks.
 */
#ifndef LARDER_NODE_HTTP_H
#define LARDER_NODE_HTTP_H

#include "base/log.h"
#include "node/loop.h"

#define HTTP_VIA_MAX 512
#define HTTP_HEADERS_MAX_BYTES 65536 /* all header lines of one answer together; more: ERR_LIMIT */

struct http;
struct http_transfer;

struct http_options {
	const char *user_agent;
	const char *proxy;    /* NULL: the usual variables (http_proxy, https_proxy, all_proxy, no_proxy) */
	bool direct;          /* no proxy at all: for what is on this machine */
	const char *ca_file;  /* NULL: the usual variables (SSL_CERT_FILE, CURL_CA_BUNDLE), else the system's */
	struct log *log;
};

struct http_header {
	char *name, *value; /* value trimmed */
};

/* Status line and headers of the final answer (1xx are skipped). Lives until on_done has returned. */
struct http_answer {
	int status;
	struct http_header *headers;
	size_t count;
};
/* First value of that name (case does not matter), or NULL. */
const char *http_answer_header(const struct http_answer *answer, const char *name);

/* Embedded by the caller; fill the first part, leave the rest zero. May be reused after on_done. */
struct http_request {
	const char *method;        /* "GET", "HEAD", "POST", "PUT", ... */
	const char *url;           /* http or https only; borrowed until done, as are all pointers here */
	bool tells_via;            /* with http_set_via()'s name, if there is one */
	const char *bearer;        /* sent as Authorization: Bearer, to this very URL; NULL: none */
	const char *const *extra_headers; /* "Name: value", NULL-terminated; NULL: none */
	const void *body;          /* not with GET and HEAD */
	size_t body_len;
	int64_t range_first;       /* -1: no Range header */
	int64_t range_last;        /* inclusive; -1: open */
	bool alone;                /* on a connection that it shares with nothing that runs at the same time: HTTP/1.1 */
	bool decode;               /* ask for and undo gzip; else Accept-Encoding: identity is sent, and bytes come as they are */
	int64_t connect_timeout_ms; /* 0: 10 s */
	int64_t answer_timeout_ms; /* until the headers are there, connecting included; 0: 30 s */
	int64_t stall_timeout_ms;  /* longest time without 16 KiB of the body (not while paused); 0: 30 s */
	/* Headers are complete. May cancel. NULL: not wanted. */
	void (*on_answer)(struct http_request *request, const struct http_answer *answer);
	/* Body bytes; borrowed for the call. May pause (these bytes count as taken) or cancel. */
	void (*on_bytes)(struct http_request *request, const uint8_t *data, size_t len);
	/* The end, once, never from within http_start(). ERR_OK: the whole body came, whatever the status. ERR_HUB_AWAY: could not connect, be resolved, be talked to, or timed
	 * out before the headers. ERR_CUT: ended early, reset or stalled after the headers. ERR_UNSUPPORTED: TLS refused the certificate. ERR_LIMIT, ERR_NO_MEMORY.
	 * The sentence names the host, never the rest of the address (which may be signed). */
	void (*on_done)(struct http_request *request, enum err err, const struct why *why);
	struct http_transfer *transfer; /* http's */
};

enum err http_create(struct loop *loop, const struct http_options *options, struct http **ret_http, struct why *why) LARDER_MUST_USE;
/* What `Via` says of who asks here (RFC 9110, section 7.6.3), "NAME" or "NAME, 1.1 NAME", HTTP_VIA_MAX bytes of it at most; without it there is none. Copied. ERR_NO_MEMORY. */
enum err http_set_via(struct http *http, const char *name) LARDER_MUST_USE;
/* Cancels what still runs. Never from within a handler of a request. */
void http_destroy(struct http *http);

/* ERR_INVALID for a URL that is not http(s) or a token that cannot be in a header, ERR_NO_MEMORY; then on_done is not called. From any handler. */
enum err http_start(struct http *http, struct http_request *request, struct why *why) LARDER_MUST_USE;
/* No further callback; harmless when not running. */
void http_cancel(struct http *http, struct http_request *request);
/* on_bytes rests until resumed; a resumed request goes on in a later turn of the loop. Both harmless when not running. */
void http_pause(struct http_request *request);
void http_resume(struct http_request *request);

#endif
