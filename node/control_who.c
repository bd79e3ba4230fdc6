/* {"ask": "who", "digests": [...], "listen_ms": ...}: lines of a peer (control_peer_json) with "whole" and "part", which list places in "digests"; of one peer there may be several lines, and a
 * place that was "part" may be "whole" in a later one. The last line has "heard", the number of peers here, and "answered", of how many of them all is known.
 *
 * What peers have advertised is told at once; parts, and the holdings of those that have not told theirs yet, are asked for.
 */
#include "node/control_answer.h"

#include <stdlib.h>
#include <string.h>

#define ANSWER_MS 2000 /* for all peers together */

struct who;

struct who_peer {
	struct who *who; /* NULL: not begun */
	struct peer_view view;
	uint8_t *known;               /* of each digest, an enum wire_found that was told; owned */
	size_t next;                  /* those before were asked about */
	size_t places[WIRE_FIND_MAX]; /* of the question that is out */
	size_t count;
	struct peer_ask ask;
	bool is_asking, has_answered;
};

struct who {
	struct loop_timer timer; /* first until the neighbours are seen, then for their answers */
	struct control_asker *asker;
	struct digest *digests; /* owned */
	size_t count;
	struct who_peer *peers; /* owned */
	size_t peer_count;
};

static void who_free(struct who *who)
{
	loop_timer_cancel(who->asker->line.loop, &who->timer);
	for (size_t i = 0; i < who->peer_count; i++) {
		peers_ask_cancel(&who->peers[i].ask);
		free(who->peers[i].known);
	}
	free(who->peers);
	free(who->digests);
	free(who);
}

static void fail(struct who *who)
{
	control_asker_end_memory(who->asker);
	who_free(who);
}

static void finish(struct who *who)
{
	size_t answered = 0;

	for (size_t i = 0; i < who->peer_count; i++)
		answered += who->peers[i].has_answered;
	control_asker_end(who->asker, ERR_OK, NULL,
			  json_pack("{s:I, s:I}", "heard", (json_int_t)who->peer_count, "answered", (json_int_t)answered));
	who_free(who);
}

static void finish_if_answered(struct who *who)
{
	for (size_t i = 0; i < who->peer_count; i++)
		if (who->peers[i].is_asking)
			return;
	finish(who);
}

/* --- one peer */

static void tell(struct who_peer *peer, json_t *whole, json_t *part)
{
	json_t *line;

	if (json_array_size(whole) == 0 && json_array_size(part) == 0)
		return;
	line = control_peer_json(&peer->view);
	if (line) {
		json_object_set(line, "whole", whole);
		json_object_set(line, "part", part);
	}
	control_asker_tell(peer->who->asker, line);
}

static void ask_next(struct who_peer *peer);

static void on_found(struct peer_ask *ask, enum err err)
{
	struct who_peer *peer = container_of(ask, struct who_peer, ask);
	json_t *whole = json_array(), *part = json_array();

	for (size_t i = 0; !err && i < peer->count; i++) {
		uint8_t found = ask->found[i];
		if (found != WIRE_FOUND_WHOLE && found != WIRE_FOUND_PART)
			continue;
		peer->known[peer->places[i]] = found;
		json_array_append_new(found == WIRE_FOUND_WHOLE ? whole : part, json_integer((json_int_t)peer->places[i]));
	}
	tell(peer, whole, part);
	json_decref(whole);
	json_decref(part);
	peer->is_asking = false;
	if (!err)
		ask_next(peer);
	finish_if_answered(peer->who);
}

/* About those that are not known to be whole there. */
static void ask_next(struct who_peer *peer)
{
	struct who *who = peer->who;
	struct tag tags[WIRE_FIND_MAX];

	peer->count = 0;
	for (; peer->next < who->count && peer->count < WIRE_FIND_MAX; peer->next++) {
		if (peer->known[peer->next] == WIRE_FOUND_WHOLE)
			continue;
		group_tag(node_group(who->asker->node), &who->digests[peer->next], &tags[peer->count]);
		peer->places[peer->count++] = peer->next;
	}
	if (peer->count == 0) {
		peer->has_answered = true;
		return;
	}
	peer->ask = (struct peer_ask){.on_done = on_found};
	peer->is_asking = peers_ask_find(node_peers(who->asker->node), peer->view.id, tags, peer->count, &peer->ask) == ERR_OK;
}

/* --- all of them */

static void note_holders(struct who *who, size_t place)
{
	uint64_t ids[PEERS_SESSIONS_MAX];
	size_t count = peers_holders(node_peers(who->asker->node), &who->digests[place], ids, PEERS_SESSIONS_MAX);

	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < who->peer_count; k++)
			if (who->peers[k].view.id == ids[i])
				who->peers[k].known[place] = WIRE_FOUND_WHOLE;
}

static void tell_known(struct who_peer *peer)
{
	json_t *whole = json_array();

	for (size_t i = 0; i < peer->who->count; i++)
		if (peer->known[i] == WIRE_FOUND_WHOLE)
			json_array_append_new(whole, json_integer((json_int_t)i));
	tell(peer, whole, NULL);
	json_decref(whole);
}

static enum err gather(struct who *who)
{
	struct peer_view *views = control_peers_here(who->asker->node, &who->peer_count);

	if (!views) {
		who->peer_count = 0;
		return ERR_NO_MEMORY;
	}
	who->peers = calloc(who->peer_count + 1, sizeof *who->peers);
	for (size_t i = 0; who->peers && i < who->peer_count; i++) {
		who->peers[i].who = who;
		who->peers[i].view = views[i];
		who->peers[i].known = calloc(who->count + 1, 1);
	}
	free(views);
	if (!who->peers) {
		who->peer_count = 0;
		return ERR_NO_MEMORY;
	}
	for (size_t i = 0; i < who->peer_count; i++)
		if (!who->peers[i].known)
			return ERR_NO_MEMORY;
	return ERR_OK;
}

static void on_deadline(struct loop_timer *timer)
{
	finish(container_of(timer, struct who, timer));
}

static void on_settled(struct loop_timer *timer)
{
	struct who *who = container_of(timer, struct who, timer);

	who->timer.fire = on_deadline;
	if (gather(who) != ERR_OK || loop_timer_start(who->asker->line.loop, &who->timer, ANSWER_MS) != ERR_OK) {
		fail(who);
		return;
	}
	for (size_t i = 0; who->peer_count && i < who->count; i++)
		note_holders(who, i);
	for (size_t i = 0; i < who->peer_count; i++) {
		tell_known(&who->peers[i]);
		ask_next(&who->peers[i]);
	}
	finish_if_answered(who);
}

/* --- the question */

static enum err read_digests(struct who *who, json_t *list, struct why *why)
{
	size_t count = json_array_size(list);

	if (count == 0 || count > CONTROL_DIGESTS_MAX)
		return why_set(why, ERR_INVALID, "who holds what can be asked of 1 to %d digests at a time", CONTROL_DIGESTS_MAX);
	who->digests = calloc(count, sizeof *who->digests);
	if (!who->digests)
		return why_set(why, ERR_NO_MEMORY, "out of memory");
	for (; who->count < count; who->count++) {
		const char *text = json_string_value(json_array_get(list, who->count));
		if (!text || !digest_parse(text, &who->digests[who->count]))
			return why_set(why, ERR_INVALID, "digest %zu of the question is none", who->count);
	}
	return ERR_OK;
}

static void start(struct control_asker *asker, json_t *question)
{
	struct who *who = calloc(1, sizeof *who);
	struct why why = {0};
	enum err err;

	if (!who) {
		control_asker_end_memory(asker);
		return;
	}
	*who = (struct who){.timer = {.fire = on_settled}, .asker = asker};
	err = read_digests(who, json_object_get(question, "digests"), &why);
	if (!err)
		err = loop_timer_start(asker->line.loop, &who->timer, control_settle_ms(asker->node, question));
	asker->work = who;
	if (!err)
		return;
	control_asker_end(asker, err, &why, NULL);
	who_free(who);
}

static void cancel(struct control_asker *asker)
{
	who_free(asker->work);
}

const struct control_answer control_who = {"who", start, cancel};
