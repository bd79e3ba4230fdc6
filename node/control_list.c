/* {"ask": "list", "listen_ms": ...}: what peers say they hold, by name. Lines of a peer (node, name) with "entries" [{repo, commit, path, size, digest}]; of one peer there are as many as it has
 * pages. The last line has "heard", the number of peers here, "answered", how many of them told all, "entries", and "cut", whether there was more than is told.
 *
 * Nothing of it is proven. What cannot be a name, or would drive a terminal, is left out.
 */
#include "node/control_answer.h"

#include "base/text.h"
#include "node/hub_listing.h"
#include "store/tree.h"

#include <stdlib.h>
#include <string.h>

#define ENTRIES_MAX 500000 /* of all peers together */
#define PAGES_MAX 2000     /* of one peer */
#define ANSWER_MS 5000     /* for one page */
#define UNREAD_MS 20       /* how often it is looked whether the asker has read */

struct list_all;

struct list_peer {
	struct list_all *all;
	struct peer_view view;
	struct peer_ask ask;
	struct loop_timer timer; /* for an answer, or for the asker to read */
	uint8_t cursor[WIRE_CURSOR_MAX];
	size_t cursor_len;
	unsigned pages;
	bool is_busy, has_answered;
};

struct list_all {
	struct loop_timer timer; /* until the neighbours are seen */
	struct control_asker *asker;
	struct list_peer *peers; /* owned */
	size_t peer_count;
	uint64_t entries;
	bool cut;
};

static void all_free(struct list_all *all)
{
	struct loop *loop = all->asker->line.loop;

	loop_timer_cancel(loop, &all->timer);
	for (size_t i = 0; i < all->peer_count; i++) {
		peers_ask_cancel(&all->peers[i].ask);
		loop_timer_cancel(loop, &all->peers[i].timer);
	}
	free(all->peers);
	free(all);
}

static void finish_if_done(struct list_all *all)
{
	size_t answered = 0;

	for (size_t i = 0; i < all->peer_count; i++) {
		if (all->peers[i].is_busy)
			return;
		answered += all->peers[i].has_answered;
	}
	control_asker_end(all->asker, ERR_OK, NULL,
			  json_pack("{s:I, s:I, s:I, s:b}", "heard", (json_int_t)all->peer_count, "answered", (json_int_t)answered, "entries",
				    (json_int_t)all->entries, "cut", all->cut));
	all_free(all);
}

/* --- one entry */

/* Zero-terminated; false: too long. */
static bool copy_text(const struct wire_text *text, char *ret, size_t room)
{
	if (text->len >= room)
		return false;
	memcpy(ret, text->at, text->len);
	ret[text->len] = 0;
	return true;
}

static bool is_repo(const char *text)
{
	for (int type = REPO_DATASET; type <= REPO_SPACE; type++) {
		const char *prefix = repo_type_prefix((enum repo_type)type);
		size_t len = strlen(prefix);
		if (strncmp(text, prefix, len) == 0 && strchr(text + len, '/'))
			return hub_repo_is_valid(text + len);
	}
	return hub_repo_is_valid(text);
}

/* NULL: no entry to be shown. */
static json_t *entry_json(const struct wire_entry *entry)
{
	char repo[WIRE_REPO_MAX + 1], commit[WIRE_COMMIT_MAX + 1], path[WIRE_PATH_MAX + 1], digest[DIGEST_TEXT_MAX];

	if (!copy_text(&entry->repo, repo, sizeof repo) || !copy_text(&entry->commit, commit, sizeof commit) || !copy_text(&entry->path, path, sizeof path))
		return NULL;
	if (!is_repo(repo) || !name_is_commit(commit) || !tree_path_is_safe(path) || text_has_control(path, strlen(path)) ||
	    entry->digest.algorithm == DIGEST_NONE)
		return NULL;
	return json_pack("{s:s, s:s, s:s, s:I, s:s}", "repo", repo, "commit", commit, "path", path, "size", (json_int_t)entry->size, "digest",
			 digest_text(&entry->digest, digest));
}

static void tell_page(struct list_peer *peer, const struct wire_names *names)
{
	struct list_all *all = peer->all;
	struct wire_bytes rest = names->entries;
	struct wire_entry entry;
	json_t *entries = json_array();

	while (wire_entry_next(&rest, &entry)) {
		json_t *object = all->entries < ENTRIES_MAX ? entry_json(&entry) : NULL;
		if (object)
			all->entries++;
		json_array_append_new(entries, object);
	}
	if (json_array_size(entries) > 0)
		control_asker_tell(all->asker, json_pack("{s:s, s:o, s:O}", "node", peer->view.node, "name", control_text(peer->view.name), "entries", entries));
	json_decref(entries);
}

/* --- one peer */

static void ask_page(struct list_peer *peer);

static void leave_peer(struct list_peer *peer)
{
	loop_timer_cancel(peer->all->asker->line.loop, &peer->timer);
	peers_ask_cancel(&peer->ask);
	peer->is_busy = false;
}

static void on_silence(struct loop_timer *timer)
{
	struct list_peer *peer = container_of(timer, struct list_peer, timer);

	leave_peer(peer);
	finish_if_done(peer->all);
}

/* The next page waits until the asker has read the last one. */
static void on_unread(struct loop_timer *timer)
{
	struct list_peer *peer = container_of(timer, struct list_peer, timer);

	if (control_line_is_drained(&peer->all->asker->line))
		ask_page(peer);
	else if (loop_timer_start(peer->all->asker->line.loop, &peer->timer, UNREAD_MS) != ERR_OK)
		leave_peer(peer);
	finish_if_done(peer->all);
}

/* Whether there is a next page that moves on; the cursor is its. */
static bool has_next(struct list_peer *peer, const struct wire_names *names)
{
	bool is_same = names->next.len == peer->cursor_len && memcmp(names->next.at, peer->cursor, peer->cursor_len) == 0;

	if (names->next.len == 0) {
		peer->has_answered = true;
		return false;
	}
	if (is_same || names->next.len > sizeof peer->cursor)
		return false;
	if (++peer->pages >= PAGES_MAX || peer->all->entries >= ENTRIES_MAX) {
		peer->all->cut = true;
		return false;
	}
	memcpy(peer->cursor, names->next.at, names->next.len);
	peer->cursor_len = names->next.len;
	return true;
}

static void on_names(struct peer_ask *ask, enum err err)
{
	struct list_peer *peer = container_of(ask, struct list_peer, ask);
	bool goes_on = false;

	if (!err) {
		tell_page(peer, ask->names);
		goes_on = has_next(peer, ask->names);
	} else if (err == ERR_NOT_FOUND) {
		peer->has_answered = true; /* it shows no names */
	}
	peer->timer.fire = on_unread;
	if (!goes_on || loop_timer_start(peer->all->asker->line.loop, &peer->timer, 0) != ERR_OK)
		leave_peer(peer);
	finish_if_done(peer->all);
}

static void ask_page(struct list_peer *peer)
{
	struct control_asker *asker = peer->all->asker;
	struct peers *peers = node_peers(asker->node);

	peer->ask = (struct peer_ask){.on_done = on_names};
	peer->timer.fire = on_silence;
	peer->is_busy = peers && peers_ask_list(peers, peer->view.id, (struct wire_bytes){peer->cursor, peer->cursor_len}, &peer->ask) == ERR_OK &&
			loop_timer_start(asker->line.loop, &peer->timer, ANSWER_MS) == ERR_OK;
	if (!peer->is_busy)
		leave_peer(peer);
}

/* --- all of them */

static enum err gather(struct list_all *all)
{
	struct peer_view *views = control_peers_here(all->asker->node, &all->peer_count);

	all->peers = views ? calloc(all->peer_count + 1, sizeof *all->peers) : NULL;
	if (!all->peers)
		all->peer_count = 0;
	for (size_t i = 0; i < all->peer_count; i++)
		all->peers[i] = (struct list_peer){.all = all, .view = views[i]};
	free(views);
	return all->peers ? ERR_OK : ERR_NO_MEMORY;
}

static void on_settled(struct loop_timer *timer)
{
	struct list_all *all = container_of(timer, struct list_all, timer);

	if (gather(all) != ERR_OK) {
		control_asker_end_memory(all->asker);
		all_free(all);
		return;
	}
	for (size_t i = 0; i < all->peer_count; i++)
		ask_page(&all->peers[i]);
	finish_if_done(all);
}

static void start(struct control_asker *asker, json_t *question)
{
	struct list_all *all = calloc(1, sizeof *all);

	if (all)
		*all = (struct list_all){.timer = {.fire = on_settled}, .asker = asker};
	if (!all || loop_timer_start(asker->line.loop, &all->timer, control_settle_ms(asker->node, question)) != ERR_OK) {
		free(all);
		control_asker_end_memory(asker);
		return;
	}
	asker->work = all;
}

static void cancel(struct control_asker *asker)
{
	all_free(asker->work);
}

const struct control_answer control_list = {"list", start, cancel};
