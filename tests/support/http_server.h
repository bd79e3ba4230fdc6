/* http_server: an HTTP/1.1 server on loopback that answers from a script, for tests.
 *
 * It runs on a thread of its own and ends the process where the operating system fails. A request is answered by the first unused reply whose `request` begins its request line
 * ("GET /org/name"); what nobody has scripted is answered 599. In `head` and text bodies "{url}" stands for the server's own address.
 */
#ifndef LARDER_TESTS_HTTP_SERVER_H
#define LARDER_TESTS_HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>

struct http_server;

struct http_reply {
	const char *request; /* "GET /org/name/resolve/" */
	const char *head;    /* "200 OK", or with headers: "302 Found\r\nLocation: {url}/x" */
	const void *body;    /* NULL: empty. Content-Length is added unless `head` has one or is chunked */
	size_t body_len;     /* 0: strlen(body), and "{url}" in it is replaced */
	size_t cut_at;       /* close when so many bytes of the body are out; 0: never */
	bool close;          /* close at once, without an answer */
	bool hang;           /* never answer; with `cut_at`: fall silent there instead of closing */
	bool always;         /* may be used any number of times */
};

struct http_server *http_server_start(void);
void http_server_stop(struct http_server *server);
const char *http_server_url(const struct http_server *server); /* "http://127.0.0.1:PORT" */

/* Add a reply, as a copy. */
void http_server_add(struct http_server *server, const struct http_reply *reply);
/* The usual one: a head and a text. */
void http_server_say(struct http_server *server, const char *request, const char *head, const char *body);
/* Forget replies and requests. */
void http_server_reset(struct http_server *server);
/* No connection is taken from now on, and none is open (refused). */
void http_server_down(struct http_server *server);
void http_server_up(struct http_server *server);

/* Requests seen since the start or reset. */
size_t http_server_count(struct http_server *server);
/* The lines of request `at`, as sent, with its body; "" if there was none. Borrowed until reset or stop. */
const char *http_server_request(struct http_server *server, size_t at);

#endif
