#include "node/gateway_sent.h"

#include "node/gateway_reply.h"

void gateway_sent_init(struct gateway_sent *sent, uint64_t *all, size_t limit)
{
	*sent = (struct gateway_sent){.all = all};
	buf_init(&sent->text, limit);
}

void gateway_sent_release(struct gateway_sent *sent)
{
	if (sent->all)
		*sent->all -= sent->text.len;
	buf_release(&sent->text);
}

void gateway_sent_add(struct gateway_sent *sent, const void *data, size_t len)
{
	if (sent->refusal)
		return;
	if (*sent->all + len > GATEWAY_SENT_ALL_MAX)
		sent->refusal = 503;
	else if (buf_add(&sent->text, data, len) != ERR_OK)
		sent->refusal = 413;
	if (sent->refusal)
		gateway_sent_release(sent);
	else
		*sent->all += len;
}

bool gateway_sent_refuse(const struct gateway_sent *sent, struct gateway_request *request, const char *too_large)
{
	if (sent->refusal == 413)
		gateway_reply_error(request, 413, NULL, NULL, too_large);
	else if (sent->refusal)
		gateway_reply_error(request, sent->refusal, NULL, NULL, "other programs are sending as much as larder holds; try again in a few seconds");
	return sent->refusal != 0;
}
