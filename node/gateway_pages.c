/* The pages that tell of the node itself: /-/status and /-/metrics. */
#include "node/gateway_answers.h"

#include "node/facts.h"
#include "node/gateway_reply.h"

#include <stdlib.h>

struct page {
	struct facts_ask ask;
	struct gateway_request *request;
};

/* Who is not of this machine has no business with its directories. */
static void reply_status(struct gateway_request *request, const struct facts *facts)
{
	json_t *json = facts_json(facts);

	if (json && request->is_from_afar) {
		json_object_del(json, "home");
		json_object_del(json, "hub");
	}
	gateway_reply_json(request, 200, json);
}

static void reply_metrics(struct gateway_request *request, const struct facts *facts)
{
	struct MHD_Response *response = NULL;
	struct buf text;

	buf_init(&text, FACTS_TEXT_MAX);
	if (facts_metrics(facts, &text) == ERR_OK)
		response = gateway_reply_of_text("text/plain; version=0.0.4; charset=utf-8", buf_str(&text), text.len);
	buf_release(&text);
	gateway_reply(request, 200, response);
}

static void on_facts(struct facts_ask *ask, enum err err, const struct facts *facts)
{
	struct gateway_request *request = container_of(ask, struct page, ask)->request;

	if (err)
		gateway_reply_error(request, 500, NULL, NULL, "the index of this node cannot be read");
	else if (request->route.kind == ROUTE_STATUS)
		reply_status(request, facts);
	else
		reply_metrics(request, facts);
}

static void start_page(struct gateway_request *request)
{
	struct page *page = calloc(1, sizeof *page);

	request->work = page;
	if (!gateway_reply_is_for_get(request))
		return;
	if (page) {
		*page = (struct page){.ask = {.on_done = on_facts}, .request = request};
		if (facts_start(gateway_node(request->gateway), &page->ask) == ERR_OK)
			return;
	}
	gateway_reply(request, 500, NULL);
}

static void end_page(struct gateway_request *request)
{
	struct page *page = request->work;

	if (page)
		facts_cancel(&page->ask);
	free(page);
	request->work = NULL;
}

const struct gateway_answer gateway_pages = {start_page, NULL, end_page};
