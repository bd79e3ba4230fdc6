#include "support/http_server.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECTIONS_MAX 32
#define REPLIES_MAX 128
#define REQUESTS_MAX 512
#define REQUEST_MAX_BYTES 65536

struct connection {
	int fd; /* -1: free */
	bool is_hung;
	size_t len;
	char data[REQUEST_MAX_BYTES];
};

struct http_server {
	pthread_t thread;
	pthread_mutex_t lock;
	int listener, wake[2];
	char url[64];
	struct sockaddr_in address;
	bool stopping, down;
	struct http_reply replies[REPLIES_MAX];
	bool used[REPLIES_MAX];
	size_t reply_count;
	void *copies[3 * REPLIES_MAX]; /* of what replies point at; freed at the end, since the thread may be sending them */
	size_t copy_count;
	char *requests[REQUESTS_MAX];
	size_t request_count;
	struct connection connections[CONNECTIONS_MAX];
};

#define must(condition) \
	do { \
		if (!(condition)) { \
			perror(#condition); \
			abort(); \
		} \
	} while (0)

/* --- answering */

static char *with_url(const struct http_server *server, const char *text)
{
	size_t room = strlen(text) + 1, step = strlen("{url}");
	char *out, *at;

	for (const char *place = text; (place = strstr(place, "{url}")); place += step)
		room += strlen(server->url);
	out = at = malloc(room);
	must(out);
	while (*text) {
		if (strncmp(text, "{url}", step) == 0) {
			at = stpcpy(at, server->url);
			text += step;
		} else {
			*at++ = *text++;
		}
	}
	*at = 0;
	return out;
}

static bool send_all(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t sent = send(fd, data, len, MSG_NOSIGNAL);
		if (sent <= 0)
			return false;
		data += sent;
		len -= (size_t)sent;
	}
	return true;
}

static struct http_reply find_reply(struct http_server *server, const char *request)
{
	for (size_t i = 0; i < server->reply_count; i++) {
		struct http_reply *reply = &server->replies[i];
		if (strncmp(request, reply->request, strlen(reply->request)) != 0 || (server->used[i] && !reply->always))
			continue;
		server->used[i] = true;
		return *reply;
	}
	return (struct http_reply){.head = "599 Nobody scripted this"};
}

/* Returns whether the connection stays open. */
static bool answer(struct http_server *server, struct connection *connection, const struct http_reply *reply)
{
	bool is_head = strncmp(connection->data, "HEAD ", 5) == 0, open = true;
	char *head, *body, line[128];
	size_t len = reply->body_len;

	if (reply->close)
		return false;
	if (reply->hang && !reply->cut_at)
		return connection->is_hung = true;
	head = with_url(server, reply->head);
	body = reply->body && !len ? with_url(server, reply->body) : NULL;
	if (body)
		len = strlen(body);
	snprintf(line, sizeof line, "\r\nContent-Length: %zu\r\n\r\n", len);
	if (strcasestr(head, "Content-Length:") || strcasestr(head, "Transfer-Encoding:") || strcasestr(head, "Connection: close"))
		strcpy(line, "\r\n\r\n");
	open = send_all(connection->fd, "HTTP/1.1 ", 9) && send_all(connection->fd, head, strlen(head)) &&
	       send_all(connection->fd, line, strlen(line));
	if (reply->cut_at && reply->cut_at < len)
		len = reply->cut_at;
	if (open && !is_head)
		open = send_all(connection->fd, body ? body : reply->body ? (const char *)reply->body : "", len);
	if (reply->cut_at || strcasestr(head, "Connection: close"))
		open = connection->is_hung = reply->hang;
	free(head);
	free(body);
	return open;
}

/* Bytes of the first whole request in the connection's data; 0: not there yet. */
static size_t request_len(struct connection *connection)
{
	char *end, *length;
	size_t len;

	connection->data[connection->len] = 0;
	end = strstr(connection->data, "\r\n\r\n");
	if (!end)
		return 0;
	len = (size_t)(end - connection->data) + 4;
	length = strcasestr(connection->data, "\r\nContent-Length:");
	if (length && length < end)
		len += strtoul(length + strlen("\r\nContent-Length:"), NULL, 10);
	return len <= connection->len ? len : 0;
}

static bool serve(struct http_server *server, struct connection *connection)
{
	struct http_reply reply;
	size_t len;

	while (!connection->is_hung && (len = request_len(connection)) > 0) {
		pthread_mutex_lock(&server->lock);
		must(server->request_count < REQUESTS_MAX);
		server->requests[server->request_count++] = strndup(connection->data, len);
		reply = find_reply(server, connection->data);
		pthread_mutex_unlock(&server->lock);
		if (!answer(server, connection, &reply))
			return false;
		connection->len -= len;
		memmove(connection->data, connection->data + len, connection->len);
	}
	return true;
}

/* --- connections */

static void drop(struct connection *connection)
{
	shutdown(connection->fd, SHUT_RDWR);
	close(connection->fd);
	connection->fd = -1;
}

static void take(struct http_server *server)
{
	int fd = accept(server->listener, NULL, NULL), yes = 1;

	if (fd < 0)
		return;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
	for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
		struct connection *connection = &server->connections[i];
		if (connection->fd >= 0)
			continue;
		connection->fd = fd;
		connection->len = 0;
		connection->is_hung = false;
		return;
	}
	close(fd);
}

static void receive(struct http_server *server, struct connection *connection)
{
	ssize_t got = recv(connection->fd, connection->data + connection->len, REQUEST_MAX_BYTES - 1 - connection->len, 0);

	if (got > 0)
		connection->len += (size_t)got;
	if (got <= 0 || !serve(server, connection))
		drop(connection);
}

static void open_listener(struct http_server *server)
{
	int yes = 1;

	server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	must(server->listener >= 0);
	setsockopt(server->listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
	must(bind(server->listener, (struct sockaddr *)&server->address, sizeof server->address) == 0);
	must(listen(server->listener, 16) == 0);
}

/* Bring the listener to what was asked for; the lock is held. */
static void obey(struct http_server *server)
{
	if (server->down && server->listener >= 0) {
		close(server->listener);
		server->listener = -1;
		for (size_t i = 0; i < CONNECTIONS_MAX; i++)
			if (server->connections[i].fd >= 0)
				drop(&server->connections[i]);
	}
	if (!server->down && server->listener < 0)
		open_listener(server);
}

static void turn(struct http_server *server)
{
	struct pollfd fds[CONNECTIONS_MAX + 2];
	char byte;

	fds[0] = (struct pollfd){.fd = server->wake[0], .events = POLLIN};
	fds[1] = (struct pollfd){.fd = server->listener, .events = POLLIN};
	for (size_t i = 0; i < CONNECTIONS_MAX; i++)
		fds[i + 2] = (struct pollfd){.fd = server->connections[i].fd, .events = POLLIN};
	poll(fds, CONNECTIONS_MAX + 2, -1);
	for (size_t i = 0; i < CONNECTIONS_MAX; i++)
		if (server->connections[i].fd >= 0 && fds[i + 2].revents)
			receive(server, &server->connections[i]);
	if (fds[1].revents)
		take(server);
	if (fds[0].revents) {
		pthread_mutex_lock(&server->lock);
		obey(server);
		must(read(server->wake[0], &byte, 1) == 1);
		pthread_mutex_unlock(&server->lock);
	}
}

static void *run(void *arg)
{
	struct http_server *server = arg;

	while (!__atomic_load_n(&server->stopping, __ATOMIC_ACQUIRE))
		turn(server);
	return NULL;
}

/* --- what tests call */

static void wake(struct http_server *server)
{
	must(write(server->wake[1], "", 1) == 1);
}

/* Returns when the thread has obeyed. */
static void set_down(struct http_server *server, bool down)
{
	bool done = false;

	pthread_mutex_lock(&server->lock);
	server->down = down;
	pthread_mutex_unlock(&server->lock);
	wake(server);
	while (!done) {
		pthread_mutex_lock(&server->lock);
		done = (server->listener < 0) == down;
		pthread_mutex_unlock(&server->lock);
		usleep(1000);
	}
}

void http_server_down(struct http_server *server)
{
	set_down(server, true);
}

void http_server_up(struct http_server *server)
{
	set_down(server, false);
}

struct http_server *http_server_start(void)
{
	struct http_server *server = calloc(1, sizeof *server);
	socklen_t len = sizeof server->address;

	must(server);
	pthread_mutex_init(&server->lock, NULL);
	for (size_t i = 0; i < CONNECTIONS_MAX; i++)
		server->connections[i].fd = -1;
	server->address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	open_listener(server);
	must(getsockname(server->listener, (struct sockaddr *)&server->address, &len) == 0);
	snprintf(server->url, sizeof server->url, "http://127.0.0.1:%u", (unsigned)ntohs(server->address.sin_port));
	must(pipe(server->wake) == 0);
	must(pthread_create(&server->thread, NULL, run, server) == 0);
	return server;
}

void http_server_reset(struct http_server *server)
{
	pthread_mutex_lock(&server->lock);
	for (size_t i = 0; i < server->request_count; i++)
		free(server->requests[i]);
	server->request_count = server->reply_count = 0;
	memset(server->used, 0, sizeof server->used);
	pthread_mutex_unlock(&server->lock);
}

void http_server_stop(struct http_server *server)
{
	__atomic_store_n(&server->stopping, true, __ATOMIC_RELEASE);
	wake(server);
	pthread_join(server->thread, NULL);
	for (size_t i = 0; i < CONNECTIONS_MAX; i++)
		if (server->connections[i].fd >= 0)
			drop(&server->connections[i]);
	if (server->listener >= 0)
		close(server->listener);
	close(server->wake[0]);
	close(server->wake[1]);
	http_server_reset(server);
	for (size_t i = 0; i < server->copy_count; i++)
		free(server->copies[i]);
	pthread_mutex_destroy(&server->lock);
	free(server);
}

const char *http_server_url(const struct http_server *server)
{
	return server->url;
}

static void *copy_of(struct http_server *server, const void *data, size_t len)
{
	void *copy;

	if (!data)
		return NULL;
	copy = malloc(len);
	must(copy && server->copy_count < 3 * REPLIES_MAX);
	memcpy(copy, data, len);
	server->copies[server->copy_count++] = copy;
	return copy;
}

static void *copy_of_text(struct http_server *server, const char *text)
{
	return copy_of(server, text, text ? strlen(text) + 1 : 0);
}

void http_server_add(struct http_server *server, const struct http_reply *reply)
{
	struct http_reply copy = *reply;

	copy.request = copy_of_text(server, reply->request);
	copy.head = copy_of_text(server, reply->head);
	copy.body = reply->body_len ? copy_of(server, reply->body, reply->body_len) : copy_of_text(server, reply->body);
	pthread_mutex_lock(&server->lock);
	must(server->reply_count < REPLIES_MAX);
	server->replies[server->reply_count++] = copy;
	pthread_mutex_unlock(&server->lock);
}

void http_server_say(struct http_server *server, const char *request, const char *head, const char *body)
{
	http_server_add(server, &(struct http_reply){.request = request, .head = head, .body = body});
}

size_t http_server_count(struct http_server *server)
{
	size_t count;

	pthread_mutex_lock(&server->lock);
	count = server->request_count;
	pthread_mutex_unlock(&server->lock);
	return count;
}

const char *http_server_request(struct http_server *server, size_t at)
{
	const char *request = "";

	pthread_mutex_lock(&server->lock);
	if (at < server->request_count)
		request = server->requests[at];
	pthread_mutex_unlock(&server->lock);
	return request;
}
