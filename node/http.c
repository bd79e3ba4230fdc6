/* libcurl does not let most of its functions be called from within its callbacks. So while it runs (`depth` > 0), starting, cancelling and resuming only leave a
 * note, and tidy() does them when it is out. A cancelled transfer has no request any more; what libcurl still delivers for it goes nowhere. Handlers of the end run
 * from reap() alone, when libcurl is out. */
#include "node/http.h"
#include "node/http_transfer.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define HTTP_IDLE_CONNECTIONS 32

struct http_socket {
	struct loop_watch watch;
	struct http *http;
	struct list link;
};

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;

/* Never undone: other libraries of the process may use it too. */
static void init_curl(void)
{
	curl_global_init(CURL_GLOBAL_DEFAULT);
}

static void collect_ended(struct http *http)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(http->multi, &left))) {
		struct http_transfer *transfer = NULL;
		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&transfer);
		if (!transfer->request)
			continue;
		transfer->code = message->data.result;
		list_remove(&transfer->link);
		list_append(&http->ended, &transfer->link);
	}
}

static void add_waiting(struct http *http)
{
	while (!list_is_empty(&http->waiting)) {
		struct http_transfer *transfer = container_of(http->waiting.next, struct http_transfer, link);
		list_remove(&transfer->link);
		if (curl_multi_add_handle(http->multi, transfer->easy) == CURLM_OK) {
			transfer->is_added = true;
			list_append(&http->running, &transfer->link);
		} else {
			transfer->code = CURLE_OUT_OF_MEMORY;
			list_append(&http->ended, &transfer->link);
			http_kick(http);
		}
	}
}

/* Do what was put off while libcurl ran. Calls no handler. */
static void tidy(struct http *http)
{
	if (http->depth > 0)
		return;
	http->depth++;
	while (!list_is_empty(&http->cancelled))
		http_transfer_destroy(container_of(http->cancelled.next, struct http_transfer, link));
	add_waiting(http);
	http->depth--;
}

static void reap(struct http *http)
{
	tidy(http);
	collect_ended(http);
	while (!list_is_empty(&http->ended))
		http_transfer_finish(container_of(http->ended.next, struct http_transfer, link));
}

/* After a callback of ours had no memory libcurl gives up on everything. */
static void give_up(struct http *http)
{
	list_each_safe(at, &http->running) {
		container_of(at, struct http_transfer, link)->code = CURLE_OUT_OF_MEMORY;
		list_remove(at);
		list_append(&http->ended, at);
	}
}

static void drive(struct http *http, curl_socket_t fd, int events)
{
	CURLMcode code;
	int running;

	http->depth++;
	code = curl_multi_socket_action(http->multi, fd, events, &running);
	http->depth--;
	if (code != CURLM_OK && code != CURLM_BAD_SOCKET)
		give_up(http);
	reap(http);
}

static void on_ready(struct loop_watch *watch, short revents)
{
	struct http *http = container_of(watch, struct http_socket, watch)->http;
	int events = 0;

	if (revents & POLLIN)
		events |= CURL_CSELECT_IN;
	if (revents & POLLOUT)
		events |= CURL_CSELECT_OUT;
	if (revents & (POLLERR | POLLHUP | POLLNVAL))
		events |= CURL_CSELECT_ERR;
	drive(http, watch->fd, events);
}

static void on_timer(struct loop_timer *timer)
{
	drive(container_of(timer, struct http, timer), CURL_SOCKET_TIMEOUT, 0);
}

static struct http_transfer *next_resumed(struct http *http)
{
	list_each(at, &http->running) {
		struct http_transfer *transfer = container_of(at, struct http_transfer, link);
		if (transfer->wants_resume)
			return transfer;
	}
	return NULL;
}

static void on_kick(struct loop_timer *timer)
{
	struct http *http = container_of(timer, struct http, kick);
	struct http_transfer *transfer;

	http->depth++;
	while ((transfer = next_resumed(http))) {
		transfer->wants_resume = false;
		transfer->is_held = false;
		curl_easy_pause(transfer->easy, CURLPAUSE_CONT);
	}
	http->depth--;
	reap(http);
}

void http_kick(struct http *http)
{
	if (loop_timer_start(http->loop, &http->kick, 0) != ERR_OK)
		log_error(http->log, "out of memory: a transfer cannot go on");
}

static void forget_socket(struct http_socket *socket)
{
	loop_watch_cancel(socket->http->loop, &socket->watch);
	list_remove(&socket->link);
	free(socket);
}

static int want_socket(CURL *easy, curl_socket_t fd, int what, void *user, void *known)
{
	struct http *http = user;
	struct http_socket *socket = known;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (socket)
			forget_socket(socket);
		return 0;
	}
	if (!socket) {
		socket = calloc(1, sizeof *socket);
		if (!socket)
			return -1;
		socket->http = http;
		socket->watch.fd = fd;
		socket->watch.ready = on_ready;
		loop_watch_start(http->loop, &socket->watch);
		list_append(&http->sockets, &socket->link);
		curl_multi_assign(http->multi, fd, socket);
	}
	socket->watch.events = 0;
	if (what & CURL_POLL_IN)
		socket->watch.events |= POLLIN;
	if (what & CURL_POLL_OUT)
		socket->watch.events |= POLLOUT;
	return 0;
}

static int want_timer(CURLM *multi, long delay_ms, void *user)
{
	struct http *http = user;

	(void)multi;
	if (delay_ms >= 0)
		return loop_timer_start(http->loop, &http->timer, delay_ms) == ERR_OK ? 0 : -1;
	loop_timer_cancel(http->loop, &http->timer);
	return 0;
}

static enum err copy_options(struct http *http, const struct http_options *options)
{
	const char *ca_file = options->ca_file;

	if (!ca_file || !*ca_file)
		ca_file = getenv("SSL_CERT_FILE");
	if (!ca_file || !*ca_file)
		ca_file = getenv("CURL_CA_BUNDLE");
	http->log = options->log;
	http->direct = options->direct;
	if (options->user_agent && !(http->user_agent = strdup(options->user_agent)))
		return ERR_NO_MEMORY;
	if (options->proxy && *options->proxy && !(http->proxy = strdup(options->proxy)))
		return ERR_NO_MEMORY;
	if (ca_file && *ca_file && !(http->ca_file = strdup(ca_file)))
		return ERR_NO_MEMORY;
	return ERR_OK;
}

static enum err set_up_multi(struct http *http)
{
	http->multi = curl_multi_init();
	if (!http->multi)
		return ERR_NO_MEMORY;
	curl_multi_setopt(http->multi, CURLMOPT_SOCKETFUNCTION, want_socket);
	curl_multi_setopt(http->multi, CURLMOPT_SOCKETDATA, http);
	curl_multi_setopt(http->multi, CURLMOPT_TIMERFUNCTION, want_timer);
	curl_multi_setopt(http->multi, CURLMOPT_TIMERDATA, http);
	curl_multi_setopt(http->multi, CURLMOPT_MAXCONNECTS, (long)HTTP_IDLE_CONNECTIONS);
	curl_multi_setopt(http->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX);
	return ERR_OK;
}

enum err http_create(struct loop *loop, const struct http_options *options, struct http **ret_http, struct why *why)
{
	struct http *http = calloc(1, sizeof *http);
	enum err err;

	if (!http)
		return why_set(why, ERR_NO_MEMORY, "out of memory");
	pthread_once(&curl_once, init_curl);
	http->loop = loop;
	http->timer.fire = on_timer;
	http->kick.fire = on_kick;
	list_init(&http->waiting);
	list_init(&http->running);
	list_init(&http->cancelled);
	list_init(&http->ended);
	list_init(&http->sockets);
	err = copy_options(http, options);
	if (!err)
		err = set_up_multi(http);
	if (err) {
		http_destroy(http);
		return why_set(why, err, "cannot start libcurl: %s", err_name(err));
	}
	*ret_http = http;
	return ERR_OK;
}

static void destroy_all(struct list *transfers)
{
	while (!list_is_empty(transfers)) {
		struct http_transfer *transfer = container_of(transfers->next, struct http_transfer, link);
		if (transfer->request)
			transfer->request->transfer = NULL;
		http_transfer_destroy(transfer);
	}
}

void http_destroy(struct http *http)
{
	if (!http)
		return;
	http->depth++;
	destroy_all(&http->waiting);
	destroy_all(&http->running);
	destroy_all(&http->cancelled);
	destroy_all(&http->ended);
	/* Closes idle connections, for which want_socket() may still be called. */
	if (http->multi)
		curl_multi_cleanup(http->multi);
	list_each_safe(at, &http->sockets)
		forget_socket(container_of(at, struct http_socket, link));
	loop_timer_cancel(http->loop, &http->timer);
	loop_timer_cancel(http->loop, &http->kick);
	free(http->user_agent);
	free(http->proxy);
	free(http->ca_file);
	free(http->via);
	free(http);
}

enum err http_set_via(struct http *http, const char *name)
{
	char *copy = strdup(name);

	if (!copy)
		return ERR_NO_MEMORY;
	free(http->via);
	http->via = copy;
	return ERR_OK;
}

enum err http_start(struct http *http, struct http_request *request, struct why *why)
{
	struct http_transfer *transfer;
	enum err err;

	request->transfer = NULL;
	err = http_transfer_create(http, request, &transfer, why);
	if (err)
		return err;
	request->transfer = transfer;
	list_append(&http->waiting, &transfer->link);
	tidy(http);
	return ERR_OK;
}

void http_cancel(struct http *http, struct http_request *request)
{
	struct http_transfer *transfer = request->transfer;

	if (!transfer)
		return;
	http_transfer_detach(transfer);
	list_remove(&transfer->link);
	list_append(&http->cancelled, &transfer->link);
	tidy(http);
}
