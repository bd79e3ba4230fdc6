#include "cli/supply.h"

#include <stdlib.h>

#define RETRY_MS 100
#define TRIES_MAX 100

static void begin(struct supply *supply);

enum err supply_open(struct session *session, struct why *why)
{
	struct why trouble = {0};
	enum err err = session_open_hub(session, why);

	if (err)
		return err;
	err = session_open_node(session, &trouble);
	if (err == ERR_USAGE || err == ERR_INVALID) {
		if (why)
			*why = trouble;
		return err;
	}
	session->wants_node = !err;
	if (err)
		session_tell(session, "without other nodes, from the hub alone: %s", trouble.text);
	return ERR_OK;
}

/* --- the end */

static void end(struct supply *supply, enum err err, const struct why *why)
{
	if (!err) {
		supply->digest = supply->fetch.digest;
		supply->was_held = supply->fetch.was_held && supply->before.bytes_from_hub + supply->before.bytes_from_peers == 0;
	}
	supply->on_done(supply, err, why ? why : &(struct why){0});
}

/* What was transferred by a try that is over counts on. */
static void keep_figures(struct supply *supply)
{
	supply->before = supply_figures(supply);
	supply->fetch.bytes_from_hub = supply->fetch.bytes_from_peers = supply->fetch.bytes_wasted = 0;
}

static void try_later(struct supply *supply)
{
	struct why why = {0};

	if (++supply->tries > TRIES_MAX)
		supply->alone = true;
	if (loop_timer_start(supply->session->loop, &supply->retry, RETRY_MS) != ERR_OK)
		end(supply, why_set(&why, ERR_NO_MEMORY, "out of memory"), &why);
}

/* --- by this process */

static void on_fetched(struct fetch *fetch, enum err err, const struct why *why)
{
	end(container_of(fetch, struct supply, fetch), err, why);
}

static enum err fetch_here(struct supply *supply, struct why *why)
{
	struct session *session = supply->session;
	bool by_node = session->node && !supply->alone;
	enum err err = by_node ? ERR_OK : session_open_fetcher(session, why);

	keep_figures(supply);
	supply->fetch = (struct fetch){.listing = supply->listing, .file = supply->file, .on_done = on_fetched};
	return err ? err : fetch_start(by_node ? node_fetcher(session->node) : session->fetcher, &supply->fetch, why);
}

/* --- by the node of another process */

static uint64_t number(json_t *line, const char *key)
{
	json_int_t value = json_integer_value(json_object_get(line, key));

	return value > 0 ? (uint64_t)value : 0;
}

static void read_figures(struct supply *supply, json_t *line)
{
	struct fetch *fetch = &supply->fetch;

	fetch->bytes_done = number(line, "bytes_done");
	fetch->bytes_from_hub = number(line, "bytes_from_hub");
	fetch->bytes_from_peers = number(line, "bytes_from_peers");
	fetch->bytes_wasted = number(line, "bytes_wasted");
	if (json_object_get(line, "size"))
		fetch->size = number(line, "size");
}

static void on_progress(struct control_ask *ask, json_t *line)
{
	read_figures(container_of(ask, struct supply, ask), line);
}

static enum err read_result(struct supply *supply, json_t *line, struct why *why)
{
	const char *digest = json_string_value(json_object_get(line, "digest"));

	if (!digest || !digest_parse(digest, &supply->fetch.digest) || supply->fetch.digest.algorithm != DIGEST_SHA256)
		return why_set(why, ERR_INVALID, "the larder node of this home answers nonsense: is it of another version?");
	supply->fetch.was_held = json_is_true(json_object_get(line, "was_held"));
	return ERR_OK;
}

/* The node has another hub or another token, or does not know the question: with what this process has, it may come all the same. */
static bool can_help_itself(const struct supply *supply, enum err err)
{
	return supply->listing && (err == ERR_UNSUPPORTED || err == ERR_DENIED || err == ERR_NOT_FOUND);
}

static void on_end(struct control_ask *ask, enum err err, json_t *line, const struct why *said)
{
	struct supply *supply = container_of(ask, struct supply, ask);
	struct why why = said ? *said : (struct why){0};

	if (line)
		read_figures(supply, line);
	if (!err)
		err = read_result(supply, line, &why);
	if (err == ERR_CUT && !line) { /* the node is gone; a hub that is has its sentence in a line */
		supply->session->has_joined = false;
		try_later(supply);
	} else if (can_help_itself(supply, err)) {
		log_info(&supply->session->log, "%s; going on without the node", why.text);
		supply->alone = true;
		begin(supply);
	} else {
		end(supply, err, &why);
	}
}

static json_t *question(const struct supply *supply)
{
	const struct hub_listing *listing = supply->listing;
	const struct hub_file *file = supply->file;
	char digest[DIGEST_TEXT_MAX], repo[NAME_TEXT_MAX];

	digest_text(&file->digest, digest);
	if (!listing)
		return json_pack("{s:s, s:s}", "ask", "fetch", "digest", digest);
	snprintf(repo, sizeof repo, "%s%s", repo_type_prefix(listing->type), listing->repo);
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:s}", "ask", "fetch", "hub", supply->session->config.hub, "repo", repo, "commit", listing->commit,
			 "visibility", visibility_name(listing->visibility), "path", file->path, "size", (json_int_t)file->size, "digest", digest);
}

static enum err fetch_there(struct supply *supply, struct why *why)
{
	keep_figures(supply);
	supply->fetch = (struct fetch){.size = supply->file->size};
	supply->ask = (struct control_ask){.on_line = on_progress, .on_end = on_end};
	return control_ask_start(supply->session->loop, supply->session->config.home, question(supply), &supply->ask, why);
}

/* --- whichever it is */

/* ERR_BUSY: not now. */
static enum err try(struct supply *supply, struct why *why)
{
	struct session *session = supply->session;
	enum err err;

	if (supply->alone || session->node || !session->wants_node)
		return fetch_here(supply, why);
	if (!session->has_joined)
		return ERR_BUSY;
	err = fetch_there(supply, why);
	if (err != ERR_NOT_FOUND)
		return err;
	session->has_joined = false; /* it has just gone */
	return ERR_BUSY;
}

static void begin(struct supply *supply)
{
	struct why why = {0};
	enum err err = try(supply, &why);

	if (err == ERR_BUSY)
		try_later(supply);
	else if (err)
		end(supply, err, &why);
}

/* The node that was joined is gone, or has too many questions. */
static void on_retry(struct loop_timer *timer)
{
	struct supply *supply = container_of(timer, struct supply, retry);
	struct why why = {0};
	enum err err = supply->alone || !supply->session->wants_node ? ERR_OK : session_find_node(supply->session, &why);

	if (err == ERR_BUSY) {
		try_later(supply);
		return;
	}
	if (err) {
		session_remark(supply->session, "going on without other nodes, from the hub alone: %s", why.text);
		supply->session->wants_node = false;
	}
	begin(supply);
}

enum err supply_start(struct session *session, struct supply *supply, struct why *why)
{
	enum err err;

	supply->session = session;
	supply->retry = (struct loop_timer){.fire = on_retry};
	supply->fetch.size = supply->file->size;
	err = try(supply, why);
	if (err != ERR_BUSY)
		return err;
	return loop_timer_start(session->loop, &supply->retry, RETRY_MS) == ERR_OK ? ERR_OK : why_set(why, ERR_NO_MEMORY, "out of memory");
}

void supply_cancel(struct supply *supply)
{
	if (!supply->session)
		return;
	fetch_cancel(&supply->fetch);
	control_ask_cancel(&supply->ask);
	loop_timer_cancel(supply->session->loop, &supply->retry);
}

uint64_t supply_bytes_done(const struct supply *supply) { return supply->fetch.bytes_done; }
uint64_t supply_size(const struct supply *supply) { return supply->fetch.size; }

struct supply_figures supply_figures(const struct supply *supply)
{
	return (struct supply_figures){
		.bytes_from_hub = supply->before.bytes_from_hub + supply->fetch.bytes_from_hub,
		.bytes_from_peers = supply->before.bytes_from_peers + supply->fetch.bytes_from_peers,
		.bytes_wasted = supply->before.bytes_wasted + supply->fetch.bytes_wasted,
	};
}
