/* What is answered at once, without the hub: reports of use, the question which agents there are (any failure of which clients pass over), and what is not there. */
#include "node/gateway_answers.h"

#include "node/gateway_reply.h"

static void start_nothing(struct gateway_request *request)
{
	if (request->route.kind == ROUTE_TELEMETRY)
		gateway_reply_empty(request, 200);
	else
		gateway_reply_error(request, 404, NULL, NULL, "larder does not answer this");
}

/* What is sent along is of no interest. */
static size_t take_nothing(struct gateway_request *request, const char *data, size_t len)
{
	(void)request;
	(void)data;
	return len;
}

const struct gateway_answer gateway_nothing = {start_nothing, take_nothing, NULL};

static void start_unknown(struct gateway_request *request)
{
	gateway_reply_error(request, 404, NULL, NULL, "larder has no such page");
}

const struct gateway_answer gateway_unknown = {start_unknown, NULL, NULL};
