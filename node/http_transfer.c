#include "node/http_transfer.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define CONNECT_TIMEOUT_MS 10000
#define ANSWER_TIMEOUT_MS 30000
#define STALL_TIMEOUT_MS 30000
#define STALL_BYTES 16384 /* less than this in the time of a stall is as good as nothing */
#define RECEIVE_BUFFER_BYTES (512L << 10)
#define KEEPALIVE_S 30L

const char *http_answer_header(const struct http_answer *answer, const char *name)
{
	for (size_t i = 0; i < answer->count; i++)
		if (strcasecmp(answer->headers[i].name, name) == 0)
			return answer->headers[i].value;
	return NULL;
}

static void clear_answer(struct http_transfer *transfer)
{
	for (size_t i = 0; i < transfer->answer.count; i++) {
		free(transfer->answer.headers[i].name);
		free(transfer->answer.headers[i].value);
	}
	transfer->answer.count = 0;
	transfer->answer.status = 0;
}

/* --- what libcurl brings */

static enum err add_header(struct http_transfer *transfer, const char *line, size_t len)
{
	struct http_answer *answer = &transfer->answer;
	const char *colon = memchr(line, ':', len);
	const char *value, *end = line + len;
	struct http_header header;

	if (!colon || colon == line)
		return ERR_OK;
	for (value = colon + 1; value < end && (*value == ' ' || *value == '\t'); value++)
		;
	while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	if (answer->count == transfer->answer_room) {
		size_t room = transfer->answer_room ? 2 * transfer->answer_room : 32;
		struct http_header *headers = realloc(answer->headers, room * sizeof *headers);
		if (!headers)
			return ERR_NO_MEMORY;
		answer->headers = headers;
		transfer->answer_room = room;
	}
	header.name = strndup(line, (size_t)(colon - line));
	header.value = strndup(value, (size_t)(end - value));
	if (!header.name || !header.value) {
		free(header.name);
		free(header.value);
		return ERR_NO_MEMORY;
	}
	answer->headers[answer->count++] = header;
	return ERR_OK;
}

static void start_timer(struct http_transfer *transfer, int64_t wanted_ms, int64_t default_ms)
{
	transfer->waited_ms = wanted_ms > 0 ? wanted_ms : default_ms;
	transfer->last_byte_ms = loop_now_ms(transfer->http->loop);
	/* Its place in the heap was made when the transfer was created. */
	if (loop_timer_start(transfer->http->loop, &transfer->timer, transfer->waited_ms) != ERR_OK)
		transfer->own_err = ERR_NO_MEMORY;
}

static enum err take_header(struct http_transfer *transfer, const char *line, size_t len)
{
	transfer->header_bytes += len;
	if (transfer->header_bytes > HTTP_HEADERS_MAX_BYTES)
		return ERR_LIMIT;
	while (len > 0 && (line[len - 1] == '\n' || line[len - 1] == '\r'))
		len--;
	if (transfer->is_answered) /* a trailer */
		return ERR_OK;
	if (len >= 5 && memcmp(line, "HTTP/", 5) == 0) {
		const char *space = memchr(line, ' ', len);
		clear_answer(transfer);
		transfer->answer.status = space ? atoi(space) : 0;
		return ERR_OK;
	}
	if (len > 0)
		return add_header(transfer, line, len);
	if (transfer->answer.status < 200)
		return ERR_OK;
	transfer->is_answered = true;
	start_timer(transfer, transfer->request->stall_timeout_ms, STALL_TIMEOUT_MS);
	if (transfer->request->on_answer)
		transfer->request->on_answer(transfer->request, &transfer->answer);
	return ERR_OK;
}

static size_t on_curl_header(char *line, size_t size, size_t count, void *user)
{
	struct http_transfer *transfer = user;
	enum err err;

	if (!transfer->request)
		return 0;
	err = take_header(transfer, line, size * count);
	if (err)
		transfer->own_err = err;
	return transfer->request && !transfer->own_err ? size * count : 0;
}

/* A pause takes effect at the next bytes: libcurl keeps those until it is told to go on. */
static size_t on_curl_bytes(char *data, size_t size, size_t count, void *user)
{
	struct http_transfer *transfer = user;
	size_t len = size * count;

	if (!transfer->request)
		return 0;
	if (transfer->is_paused) {
		transfer->is_held = true;
		return CURL_WRITEFUNC_PAUSE;
	}
	transfer->fresh_bytes += len;
	if (transfer->fresh_bytes >= STALL_BYTES) {
		transfer->last_byte_ms = loop_now_ms(transfer->http->loop);
		transfer->fresh_bytes = 0;
	}
	if (transfer->request->on_bytes)
		transfer->request->on_bytes(transfer->request, (const uint8_t *)data, len);
	return transfer->request ? len : 0;
}

static void on_timeout(struct loop_timer *timer)
{
	struct http_transfer *transfer = container_of(timer, struct http_transfer, timer);
	int64_t silent_ms = loop_now_ms(transfer->http->loop) - transfer->last_byte_ms;

	if (transfer->is_answered && (transfer->is_paused || silent_ms < transfer->waited_ms)) {
		int64_t rest_ms = transfer->is_paused ? transfer->waited_ms : transfer->waited_ms - silent_ms;
		if (loop_timer_start(transfer->http->loop, timer, rest_ms) == ERR_OK)
			return;
	}
	transfer->code = CURLE_OPERATION_TIMEDOUT;
	transfer->own_err = transfer->is_answered ? ERR_CUT : ERR_HUB_AWAY;
	http_transfer_finish(transfer);
}

void http_pause(struct http_request *request)
{
	if (request->transfer)
		request->transfer->is_paused = true;
}

void http_resume(struct http_request *request)
{
	struct http_transfer *transfer = request->transfer;

	if (!transfer || !transfer->is_paused)
		return;
	transfer->is_paused = false;
	transfer->last_byte_ms = loop_now_ms(transfer->http->loop);
	if (transfer->is_held) {
		transfer->wants_resume = true;
		http_kick(transfer->http);
	}
}

/* --- setting up */

static bool add_line(struct http_transfer *transfer, const char *line)
{
	struct curl_slist *list = curl_slist_append(transfer->headers, line);

	if (list)
		transfer->headers = list;
	return list;
}

static enum err add_bearer(struct http_transfer *transfer, const char *token, struct why *why)
{
	struct buf line = {.limit = HTTP_HEADERS_MAX_BYTES};
	enum err err;

	for (const char *c = token; *c; c++)
		if (*c < 0x21 || *c > 0x7e)
			return why_set(why, ERR_INVALID, "the token has a character that no token has; check HF_TOKEN for blanks and line ends");
	/* At its full size at once, so that no copy of it stays behind in freed memory. */
	err = buf_reserve(&line, sizeof "Authorization: Bearer " + strlen(token));
	if (!err)
		err = buf_add_format(&line, "Authorization: Bearer %s", token);
	if (!err && !add_line(transfer, buf_str(&line)))
		err = ERR_NO_MEMORY;
	if (line.data)
		sodium_memzero(line.data, line.len);
	buf_release(&line);
	return err ? why_set(why, err, "the token cannot be sent: %s", err_name(err)) : ERR_OK;
}

static enum err add_headers(struct http_transfer *transfer, struct why *why)
{
	const struct http_request *request = transfer->request;
	char via[sizeof "Via: 1.1 " + HTTP_VIA_MAX];
	bool fine;

	/* "Expect:" alone takes the header away that libcurl would add to a body. */
	fine = add_line(transfer, "Expect:") && (request->decode || add_line(transfer, "Accept-Encoding: identity"));
	for (const char *const *line = request->extra_headers; fine && line && *line; line++)
		fine = add_line(transfer, *line);
	if (fine && request->tells_via && transfer->http->via) {
		snprintf(via, sizeof via, "Via: 1.1 %s", transfer->http->via);
		fine = add_line(transfer, via);
	}
	if (!fine)
		return why_set(why, ERR_NO_MEMORY, "out of memory");
	return request->bearer ? add_bearer(transfer, request->bearer, why) : ERR_OK;
}

static void set_method(CURL *easy, const struct http_request *request)
{
	if (strcmp(request->method, "HEAD") == 0) {
		curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
	} else if (strcmp(request->method, "POST") == 0) {
		curl_easy_setopt(easy, CURLOPT_POST, 1L);
		curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body ? request->body : "");
		curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_len);
	} else if (strcmp(request->method, "GET") != 0) {
		if (request->body) {
			curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body);
			curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_len);
		}
		curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
	}
}

static void set_range(CURL *easy, const struct http_request *request)
{
	char range[48];

	if (request->range_first < 0)
		return;
	if (request->range_last < 0)
		snprintf(range, sizeof range, "%lld-", (long long)request->range_first);
	else
		snprintf(range, sizeof range, "%lld-%lld", (long long)request->range_first, (long long)request->range_last);
	curl_easy_setopt(easy, CURLOPT_RANGE, range);
}

static void set_connection(CURL *easy, const struct http *http)
{
#if LIBCURL_VERSION_NUM >= 0x075500
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
#else
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, RECEIVE_BUFFER_BYTES);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, KEEPALIVE_S);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, KEEPALIVE_S);
	curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	if (http->user_agent)
		curl_easy_setopt(easy, CURLOPT_USERAGENT, http->user_agent);
	if (http->proxy)
		curl_easy_setopt(easy, CURLOPT_PROXY, http->proxy);
	if (http->direct)
		curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
	if (http->ca_file)
		curl_easy_setopt(easy, CURLOPT_CAINFO, http->ca_file);
}

static void set_request(struct http_transfer *transfer)
{
	const struct http_request *request = transfer->request;
	int64_t connect_ms = request->connect_timeout_ms > 0 ? request->connect_timeout_ms : CONNECT_TIMEOUT_MS;
	CURL *easy = transfer->easy;

	curl_easy_setopt(easy, CURLOPT_URL, request->url);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)(request->alone ? CURL_HTTP_VERSION_1_1 : CURL_HTTP_VERSION_2TLS));
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->headers);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)connect_ms);
	if (request->decode)
		curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "gzip");
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->error);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_curl_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_curl_bytes);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
	set_connection(easy, transfer->http);
	set_method(easy, request);
	set_range(easy, request);
}

enum err http_transfer_create(struct http *http, struct http_request *request, struct http_transfer **ret_transfer, struct why *why)
{
	struct http_transfer *transfer;
	struct url url;
	enum err err;

	if (!url_parse(request->url, &url))
		return why_set(why, ERR_INVALID, "this is no http or https address: %.200s", request->url);
	transfer = calloc(1, sizeof *transfer);
	if (!transfer)
		return why_set(why, ERR_NO_MEMORY, "out of memory");
	transfer->http = http;
	transfer->request = request;
	transfer->timer.fire = on_timeout;
	list_init(&transfer->link);
	url_authority(&url, transfer->authority);
	err = add_headers(transfer, why);
	if (err)
		goto out;
	transfer->easy = curl_easy_init();
	start_timer(transfer, request->answer_timeout_ms, ANSWER_TIMEOUT_MS);
	if (!transfer->easy || transfer->own_err) {
		err = why_set(why, ERR_NO_MEMORY, "out of memory");
		goto out;
	}
	set_request(transfer);
	*ret_transfer = transfer;
	transfer = NULL;
out:
	http_transfer_destroy(transfer);
	return err;
}

/* --- the end */

void http_transfer_detach(struct http_transfer *transfer)
{
	loop_timer_cancel(transfer->http->loop, &transfer->timer);
	transfer->request->transfer = NULL;
	transfer->request = NULL;
}

void http_transfer_destroy(struct http_transfer *transfer)
{
	if (!transfer)
		return;
	list_remove(&transfer->link);
	loop_timer_cancel(transfer->http->loop, &transfer->timer);
	if (transfer->is_added)
		curl_multi_remove_handle(transfer->http->multi, transfer->easy);
	if (transfer->easy)
		curl_easy_cleanup(transfer->easy);
	for (struct curl_slist *at = transfer->headers; at; at = at->next)
		sodium_memzero(at->data, strlen(at->data));
	curl_slist_free_all(transfer->headers);
	clear_answer(transfer);
	free(transfer->answer.headers);
	free(transfer);
}

/* The one table of libcurl's codes; what is not in it ended a connection in one of many ways. */
static enum err err_of(const struct http_transfer *transfer)
{
	if (transfer->own_err)
		return transfer->own_err;
	switch (transfer->code) {
	case CURLE_OK:
		return transfer->is_answered ? ERR_OK : ERR_HUB_AWAY;
	case CURLE_OUT_OF_MEMORY:
		return ERR_NO_MEMORY;
	case CURLE_URL_MALFORMAT:
		return ERR_INVALID;
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_INVALIDCERTSTATUS:
		return ERR_UNSUPPORTED;
	default:
		return transfer->is_answered ? ERR_CUT : ERR_HUB_AWAY;
	}
}

static enum err explain(const struct http_transfer *transfer, struct why *why)
{
	const char *said = transfer->error[0] ? transfer->error : curl_easy_strerror(transfer->code);
	const char *host = transfer->authority;
	long long waited_s = (long long)((transfer->waited_ms + 999) / 1000);
	bool timed_out = transfer->own_err && transfer->code == CURLE_OPERATION_TIMEDOUT;
	enum err err = err_of(transfer);

	switch (err) {
	case ERR_OK:
		return ERR_OK;
	case ERR_HUB_AWAY:
		if (timed_out)
			return why_set(why, err, "%s does not answer (waited %lld s)", host, waited_s);
		return why_set(why, err, "cannot talk to %s: %s", host, said);
	case ERR_CUT:
		if (timed_out)
			return why_set(why, err, "%s sent %s for %lld s", host, transfer->fresh_bytes ? "next to nothing" : "nothing", waited_s);
		return why_set(why, err, "the answer of %s ended early: %s", host, said);
	case ERR_UNSUPPORTED:
		if (transfer->code == CURLE_SSL_CACERT_BADFILE && transfer->http->ca_file)
			return why_set(why, err, "cannot read the certificates in %s; check ca_file and SSL_CERT_FILE", transfer->http->ca_file);
		return why_set(why, err, "the certificate of %s is not accepted (%s); if the network wants a login first (captive portal), open a browser and log in; if a proxy of it opens TLS, name its authority's file in ca_file or SSL_CERT_FILE", host, said);
	case ERR_LIMIT:
		return why_set(why, err, "%s answers with more than %d KiB of headers", host, HTTP_HEADERS_MAX_BYTES / 1024);
	case ERR_NO_MEMORY:
		return why_set(why, err, "out of memory while talking to %s", host);
	default:
		return why_set(why, err, "cannot ask %s: %s", host, said);
	}
}

void http_transfer_finish(struct http_transfer *transfer)
{
	struct http_request *request = transfer->request;
	struct why why = {0};
	enum err err = explain(transfer, &why);

	list_remove(&transfer->link);
	http_transfer_detach(transfer);
	request->on_done(request, err, &why);
	/* Not before: the answer lives until here. */
	http_transfer_destroy(transfer);
}
