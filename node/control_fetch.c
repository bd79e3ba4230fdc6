/* {"ask": "fetch", "hub": URL, "repo": "datasets/ORG/NAME", "commit", "visibility", "path", "size", "digest"}, one file as the hub lists it; or {"ask": "fetch", "digest": "sha256:..."}, by its hash
 * alone. Lines of progress: bytes_done, size (once it is known), bytes_from_hub, bytes_from_peers, bytes_wasted. The last line has the same, with digest (the SHA-256) and was_held.
 *
 * ERR_UNSUPPORTED: this node has another hub, so it cannot get that file. Other errors are those of fetch.h.
 */
#include "node/control_answer.h"

#include "node/hub_listing.h"
#include "store/tree.h"

#include <stdlib.h>
#include <string.h>

#define TELL_MS 200 /* at most so often */

struct fetching {
	struct control_asker *asker;
	struct loop_timer timer;
	struct hub_listing listing; /* with one file; owned */
	struct hub_file file;       /* the same, or one by its digest alone, whose path is `text` */
	char text[DIGEST_TEXT_MAX];
	struct fetch fetch;
	uint64_t told; /* a sum that changes with every progress */
};

static void fetching_free(struct fetching *fetching)
{
	fetch_cancel(&fetching->fetch);
	loop_timer_cancel(fetching->asker->line.loop, &fetching->timer);
	hub_listing_release(&fetching->listing);
	free(fetching);
}

/* --- what is told */

static json_t *progress_json(const struct fetch *fetch)
{
	json_t *line = json_pack("{s:I, s:I, s:I, s:I}", "bytes_done", (json_int_t)fetch->bytes_done, "bytes_from_hub", (json_int_t)fetch->bytes_from_hub,
				 "bytes_from_peers", (json_int_t)fetch->bytes_from_peers, "bytes_wasted", (json_int_t)fetch->bytes_wasted);

	if (line && fetch->size != FETCH_SIZE_UNKNOWN)
		json_object_set_new(line, "size", json_integer((json_int_t)fetch->size));
	return line;
}

static void tell_again_soon(struct fetching *fetching)
{
	/* Without memory for a timer there is no progress to be seen, and that is all. */
	(void)!loop_timer_start(fetching->asker->line.loop, &fetching->timer, TELL_MS);
}

static void on_time(struct loop_timer *timer)
{
	struct fetching *fetching = container_of(timer, struct fetching, timer);
	const struct fetch *fetch = &fetching->fetch;
	uint64_t sum = fetch->bytes_done + fetch->bytes_from_hub + fetch->bytes_from_peers + fetch->bytes_wasted + fetch->size;

	if (sum != fetching->told && control_line_is_drained(&fetching->asker->line))
		control_asker_tell(fetching->asker, progress_json(fetch));
	fetching->told = sum;
	tell_again_soon(fetching);
}

static void on_done(struct fetch *fetch, enum err err, const struct why *why)
{
	struct fetching *fetching = container_of(fetch, struct fetching, fetch);
	json_t *line = progress_json(fetch);
	char text[DIGEST_TEXT_MAX];

	if (line && !err) {
		json_object_set_new(line, "digest", json_string(digest_text(&fetch->digest, text)));
		json_object_set_new(line, "was_held", json_boolean(fetch->was_held));
	}
	control_asker_end(fetching->asker, err, why, line);
	fetching_free(fetching);
}

/* --- the question; what it says ends in a store, so it is looked at as if a stranger had asked */

static const char *text_of(json_t *question, const char *key)
{
	const char *text = json_string_value(json_object_get(question, key));

	return text ? text : "";
}

static bool read_repo(const char *text, struct hub_listing *listing)
{
	listing->type = REPO_MODEL;
	for (int type = REPO_DATASET; type <= REPO_SPACE; type++)
		if (strncmp(text, repo_type_prefix((enum repo_type)type), strlen(repo_type_prefix((enum repo_type)type))) == 0)
			listing->type = (enum repo_type)type;
	text += strlen(repo_type_prefix(listing->type));
	return hub_repo_is_valid(text) && (listing->repo = strdup(text));
}

static bool read_visibility(const char *text, enum visibility *ret_visibility)
{
	for (int value = VISIBILITY_UNKNOWN; value <= VISIBILITY_PRIVATE; value++) {
		if (strcmp(text, visibility_name((enum visibility)value)) != 0)
			continue;
		*ret_visibility = (enum visibility)value;
		return true;
	}
	return false;
}

static enum err read_listed(struct fetching *fetching, json_t *question, struct why *why)
{
	const struct config *config = node_options_of(fetching->asker->node)->config;
	struct hub_listing *listing = &fetching->listing;
	const char *commit = text_of(question, "commit"), *path = text_of(question, "path");
	json_int_t size = json_integer_value(json_object_get(question, "size"));

	if (strcmp(text_of(question, "hub"), config->hub) != 0)
		return why_set(why, ERR_UNSUPPORTED, "the larder node of this home has another hub, %s", config->hub);
	if (!read_repo(text_of(question, "repo"), listing) || !name_is_commit(commit) || !tree_path_is_safe(path) ||
	    !read_visibility(text_of(question, "visibility"), &listing->visibility) || size < 0 || (uint64_t)size > CHAIN_MAX_BLOB)
		return why_set(why, ERR_INVALID, "the question names no file");
	memcpy(listing->commit, commit, sizeof listing->commit);
	if (hub_listing_add_file(listing, path, (uint64_t)size, &fetching->file.digest) != ERR_OK)
		return why_set(why, ERR_NO_MEMORY, "out of memory");
	fetching->file = listing->files[0];
	fetching->fetch.listing = listing;
	return ERR_OK;
}

static enum err read_question(struct fetching *fetching, json_t *question, struct why *why)
{
	if (!digest_parse(text_of(question, "digest"), &fetching->file.digest))
		return why_set(why, ERR_INVALID, "the question names no digest");
	fetching->fetch.file = &fetching->file;
	if (json_object_get(question, "repo"))
		return read_listed(fetching, question, why);
	if (fetching->file.digest.algorithm != DIGEST_SHA256)
		return why_set(why, ERR_INVALID, "by its hash alone a blob can be asked for by its SHA-256 only");
	fetching->file.size = FETCH_SIZE_UNKNOWN;
	digest_text(&fetching->file.digest, fetching->text);
	fetching->file.path = fetching->text;
	return ERR_OK;
}

static void start(struct control_asker *asker, json_t *question)
{
	struct fetching *fetching = calloc(1, sizeof *fetching);
	struct why why = {0};
	enum err err;

	if (!fetching) {
		control_asker_end_memory(asker);
		return;
	}
	*fetching = (struct fetching){.asker = asker, .timer = {.fire = on_time}, .fetch = {.on_done = on_done}};
	asker->work = fetching;
	err = read_question(fetching, question, &why);
	if (!err)
		err = fetch_start(node_fetcher(asker->node), &fetching->fetch, &why);
	if (!err) {
		tell_again_soon(fetching);
		return;
	}
	control_asker_end(asker, err, &why, NULL);
	fetching_free(fetching);
}

static void cancel(struct control_asker *asker)
{
	fetching_free(asker->work);
}

const struct control_answer control_fetch = {"fetch", start, cancel};
