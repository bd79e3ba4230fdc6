/* {"ask": "peers", "listen_ms": ...}: a line for each node that is here, or was and is shunned: node, name, address, round_trip_us, version, digests, bytes_in, bytes_out, bytes_wasted, bulk_bytes_in, bulk_bytes_out,
 * here, verdict, reason. The last line has "heard", the number of those that are here.
 */
#include "node/control_answer.h"

#include <stdlib.h>

struct listening {
	struct loop_timer timer;
	struct control_asker *asker;
	uint64_t heard;
};

static void tell(void *context, const struct peer_view *view)
{
	struct listening *listening = context;
	json_t *line = control_peer_json(view);
	json_t *more = json_pack("{s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:s, s:o}", "version", control_text(view->software), "digests", (json_int_t)view->digests, "bytes_in",
				 (json_int_t)view->bytes_in, "bytes_out", (json_int_t)view->bytes_out, "bytes_wasted", (json_int_t)view->bytes_wasted, "bulk_bytes_in",
				 (json_int_t)view->bulk_bytes_in, "bulk_bytes_out", (json_int_t)view->bulk_bytes_out, "here", view->has_session, "verdict", peer_verdict_name(view->verdict), "reason", control_text(view->reason));

	if (line && more)
		json_object_update(line, more);
	json_decref(more);
	listening->heard += view->has_session;
	control_asker_tell(listening->asker, line);
}

static void answer(struct loop_timer *timer)
{
	struct listening *listening = container_of(timer, struct listening, timer);
	struct control_asker *asker = listening->asker;
	struct peers *peers = node_peers(asker->node);

	if (peers)
		peers_each(peers, tell, listening);
	control_asker_end(asker, ERR_OK, NULL, json_pack("{s:I}", "heard", (json_int_t)listening->heard));
	free(listening);
}

static void start(struct control_asker *asker, json_t *question)
{
	struct listening *listening = calloc(1, sizeof *listening);

	if (listening)
		*listening = (struct listening){.timer = {.fire = answer}, .asker = asker};
	if (!listening || loop_timer_start(asker->line.loop, &listening->timer, control_settle_ms(asker->node, question)) != ERR_OK) {
		free(listening);
		control_asker_end_memory(asker);
		return;
	}
	asker->work = listening;
}

static void cancel(struct control_asker *asker)
{
	struct listening *listening = asker->work;

	loop_timer_cancel(asker->line.loop, &listening->timer);
	free(listening);
}

const struct control_answer control_peers = {"peers", start, cancel};
