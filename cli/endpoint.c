#include "cli/endpoint.h"

#include "base/buf.h"
#include "base/version.h"
#include "cli/endpoint_start.h"
#include "node/http.h"
#include "node/in_use.h"
#include "node/lan.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ANSWER_MS 3000
#define STATUS_MAX_BYTES 65536

struct asking {
	struct http_request request;
	struct buf text;
	int status;
	bool is_long, done;
	enum err err;
	struct why why;
};

static void on_answer(struct http_request *request, const struct http_answer *answer)
{
	container_of(request, struct asking, request)->status = answer->status;
}

static void on_bytes(struct http_request *request, const uint8_t *data, size_t len)
{
	struct asking *asking = container_of(request, struct asking, request);

	asking->is_long |= buf_add(&asking->text, data, len) != ERR_OK;
}

static void on_done(struct http_request *request, enum err err, const struct why *why)
{
	struct asking *asking = container_of(request, struct asking, request);

	asking->err = err;
	if (why)
		asking->why = *why;
	asking->done = true;
}

/* A loop of its own: the session's would listen for signals. */
static enum err ask(const struct session *session, struct asking *asking, const char *url, struct why *why)
{
	struct http_options options = {.user_agent = "larder/" LARDER_VERSION, .direct = true, .log = (struct log *)(uintptr_t)&session->log};
	struct loop *loop = NULL;
	struct http *http = NULL;
	enum err err = loop_create(clock_system(), &loop);

	if (err)
		return why_set(why, err, "the event loop could not be set up");
	asking->request = (struct http_request){
		.method = "GET", .url = url, .range_first = -1, .range_last = -1, .connect_timeout_ms = ANSWER_MS, .answer_timeout_ms = ANSWER_MS, .stall_timeout_ms = ANSWER_MS,
		.on_answer = on_answer, .on_bytes = on_bytes, .on_done = on_done,
	};
	err = http_create(loop, &options, &http, why);
	if (!err)
		err = http_start(http, &asking->request, why);
	while (!err && !asking->done)
		loop_turn(loop, -1);
	http_destroy(http);
	loop_destroy(loop);
	if (!err && asking->err)
		err = why_set(why, asking->err, "%s", asking->why.text);
	return err;
}

static enum err read_status(const struct asking *asking, struct endpoint *endpoint, struct why *why)
{
	json_t *status = asking->status == 200 && !asking->is_long ? json_loadb(buf_str(&asking->text), asking->text.len, 0, NULL) : NULL;
	const char *version = json_string_value(json_object_get(status, "larder")), *node = json_string_value(json_object_get(status, "node"));
	enum err err = ERR_OK;

	snprintf(endpoint->version, sizeof endpoint->version, "%s", version ? version : "");
	snprintf(endpoint->node, sizeof endpoint->node, "%s", node ? node : "");
	if (!version)
		err = why_set(why, ERR_INVALID, "something else than a larder node answers at %s: set gateway to another port, as in LARDER_GATEWAY=127.0.0.1:5275, for larderd and here",
			      endpoint->url);
	json_decref(status);
	return err;
}

/* One that listens on all addresses is asked on this machine's own. */
static void come_home(struct lan_address *address)
{
	static const uint8_t any[sizeof address->bytes];

	if (memcmp(address->bytes, any, sizeof any) == 0)
		(void)!lan_parse(address->family == 4 ? "127.0.0.1" : "::1", address->port, address);
}

/* The first of those that the node would listen on (config.h). */
static enum err place(const struct config_list *list, struct endpoint *endpoint, struct why *why)
{
	const char *first = list->count ? NULL : "127.0.0.1";
	char text[LAN_TEXT_MAX];
	struct lan_address address;

	for (size_t i = 0; i < list->count; i++)
		if (strcasecmp(list->items[i], "off") == 0)
			first = NULL;
		else if (!first)
			first = list->items[i];
	if (!first)
		return why_set(why, ERR_UNSUPPORTED, "the gateway is switched off (gateway = off)");
	if (!lan_parse(first, CONFIG_GATEWAY_PORT, &address))
		return why_set(why, ERR_USAGE, "gateway: \"%s\" is no address of this machine: write ADDRESS:PORT, or off", first);
	come_home(&address);
	snprintf(endpoint->url, sizeof endpoint->url, "http://%s", lan_text(&address, text));
	return ERR_OK;
}

enum err endpoint_find(const struct session *session, struct endpoint *ret_endpoint, struct why *why)
{
	struct asking asking = {0};
	char url[ENDPOINT_URL_MAX + sizeof "/-/status"];
	struct why trouble = {0};
	enum err err = place(&session->config.gateway, ret_endpoint, why);

	if (err)
		return err;
	buf_init(&asking.text, STATUS_MAX_BYTES);
	snprintf(url, sizeof url, "%s/-/status", ret_endpoint->url);
	err = ask(session, &asking, url, &trouble);
	if (err == ERR_HUB_AWAY || err == ERR_CUT)
		err = why_set(why, ERR_HUB_AWAY, "no node answers at %s", ret_endpoint->url);
	else if (err)
		err = why_set(why, err, "%s", trouble.text);
	else
		err = read_status(&asking, ret_endpoint, why);
	buf_release(&asking.text);
	return err;
}

/* For the locks to be in. */
static enum err make_home(struct session *session, struct why *why)
{
	enum err err = session_open_store(session, why);

	store_close(session->store);
	session->store = NULL;
	return err;
}

static enum err find_or_start(struct session *session, struct endpoint *endpoint, struct why *why)
{
	int begun = -1;
	enum err err = in_use_begin(session->config.home, &begun, why);

	if (err)
		return err;
	err = endpoint_find(session, endpoint, why);
	if (err == ERR_HUB_AWAY) {
		err = endpoint_start(session, why);
		if (!err && endpoint_find(session, endpoint, why) != ERR_OK)
			err = why_set(why, ERR_HUB_AWAY, "a node was started, but has no gateway at %s: see gateway in larder.conf", endpoint->url);
	}
	close(begun);
	return err;
}

enum err endpoint_provide(struct session *session, struct endpoint *ret_endpoint, int *ret_held, struct why *why)
{
	struct why trouble = {0};
	int held = -1;
	enum err err = endpoint_find(session, ret_endpoint, why), held_err;

	if (err && err != ERR_HUB_AWAY)
		return err;
	held_err = err ? make_home(session, why) : ERR_OK;
	if (held_err)
		return held_err;
	held_err = in_use_hold(session->config.home, &held, &trouble);
	/* A node that answers and has another home needs no holding. */
	if (held_err && !err)
		return ERR_OK;
	if (held_err)
		return why_set(why, held_err, "%s", trouble.text);
	/* While we waited for the lock, one may have ended. */
	err = find_or_start(session, ret_endpoint, why);
	if (err)
		close(held);
	else
		*ret_held = held;
	return err;
}
