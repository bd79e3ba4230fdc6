/* Where the bytes of a file come from: the sources of gateway_file.c, one after the other. */
#include "node/gateway_file_private.h"

#include "node/peers.h"

#include <stdlib.h>
#include <string.h>

#define NEAR_MAX ((uint64_t)64 << 20) /* a file of this size that a peer has is fetched whole for any part of it */

/* No source is left. What was promised to the client is broken off; else it is told why. */
static void give_up(struct gateway_file *file, enum err err, const struct why *why)
{
	static const struct hub_refusal none = {0};

	file->has_failed = true;
	if (file->request->is_replied)
		gateway_request_wake(file->request);
	else if (file->wait.has_begun)
		gateway_file_reply_body(file);
	else {
		gateway_wait_stop(&file->wait);
		gateway_reply_refusal(file->request, err, &none, why);
	}
}

static void go_on(struct gateway_file *file)
{
	if (file->request->is_replied)
		gateway_request_wake(file->request);
	else
		gateway_file_reply_body(file);
}

/* The hub has asked to wait, and what comes then is most likely the file. Not for huggingface_hub from 1.0 on: it comes again by itself after 10 s, waits for a minute then, five times, and would not know what to do with a
 * promise that is broken. */
static bool may_wait_for_look(const struct gateway_file *file)
{
	const char *agent = gateway_request_header(file->request, "User-Agent"), *library = agent ? strstr(agent, "hf_hub/") : NULL;
	bool is_patient = file->request->is_head && library && strncmp(library, "hf_hub/0.", 9) != 0;

	return hub_look_is_waiting(&file->look) && !is_patient;
}

/* Nobody has given a byte, and the hub does not answer: better an error that says so than a body that is broken off. */
bool gateway_file_may_wait(struct gateway_wait *wait)
{
	struct gateway_file *file = container_of(wait, struct gateway_file, wait);
	const struct fetch *fetch = file->fill ? &file->fill->fetch : NULL;
	struct why why = {0};
	bool is_away = hub_is_away(file->hub->hub), is_failing = hub_is_failing(file->hub->hub);

	if (file->look.run)
		return may_wait_for_look(file);
	if (!(is_away || is_failing) || (fetch && fetch->bytes_done > 0) || (file->blob && file->is_opened))
		return true;
	if (file->direct && !file->is_unstored) { /* peers may have it */
		gateway_direct_close(file->direct);
		file->direct = NULL;
		gateway_file_try_fill(file);
		return false;
	}
	if (!is_away && !wait->is_last) /* that is told in its own words soon */
		return false;
	why_set(&why, ERR_HUB_AWAY, "the hub at %s does not answer, and no node here has %s", hub_host(file->hub->hub), gateway_file_what(file)->path);
	give_up(file, ERR_HUB_AWAY, &why);
	return false;
}

/* --- from the store */

static void on_blob_read(struct gateway_blob *blob)
{
	struct gateway_file *file = blob->owner;

	gateway_request_wake(file->request);
}

static void try_direct(struct gateway_file *file);

static bool hub_may_give(const struct gateway_file *file)
{
	return node_options_of(file->request->gateway->node)->config->hub_use != CONFIG_HUB_NEVER && !hub_is_away(file->hub->hub);
}

/* A peer has told that it holds it. */
static bool is_near(const struct gateway_file *file)
{
	struct peers *peers = node_peers(file->request->gateway->node);
	uint64_t holder;

	return peers && peers_holders(peers, &gateway_file_what(file)->digest, &holder, 1) > 0;
}

/* All of it is here soon: then even a small part is no reason to go to the hub. */
static bool is_small_and_near(const struct gateway_file *file) { return gateway_file_what(file)->size <= NEAR_MAX && is_near(file); }

/* A part may come from the hub alone as long as it is a small one, and the hub is there. */
static bool may_go_direct(struct gateway_file *file)
{
	struct gateway *gateway = file->request->gateway;
	const struct hub_file *what = gateway_file_what(file);

	return file->range.kind == RANGE_PART && hub_may_give(file) && !file->look.listing.remembered && !fetcher_brings(gateway->fills.fetcher, &what->digest) && !is_small_and_near(file) &&
	       !gateway_asked_add(&gateway->asked, &what->digest, what->size, gateway_file_len(file));
}

static void on_blob_open(struct gateway_blob *blob, enum err err, const struct why *why)
{
	struct gateway_file *file = blob->owner;

	if (!err && gateway_blob_size(blob) != gateway_file_what(file)->size)
		err = ERR_INVALID;
	if (!err) {
		file->is_opened = true;
		if (!file->request->is_replied && gateway_blob_is_checked(blob, file->range.first, file->range.end))
			gateway_file_reply_from_disk(file);
		else
			go_on(file);
		return;
	}
	gateway_blob_close(blob);
	file->blob = NULL;
	if (err != ERR_NOT_FOUND)
		give_up(file, err, why);
	else if (!file->given && may_go_direct(file))
		try_direct(file);
	else
		gateway_file_try_fill(file);
}

void gateway_file_try_blob(struct gateway_file *file, bool is_fresh)
{
	file->blob = gateway_blob_create(&file->request->gateway->blobs, &gateway_file_what(file)->digest);
	if (!file->blob) {
		give_up(file, ERR_NO_MEMORY, &(struct why){0});
		return;
	}
	file->blob->owner = file;
	file->blob->is_fresh = is_fresh;
	file->blob->until = file->range.end;
	file->blob->on_open = on_blob_open;
	file->blob->on_read = on_blob_read;
	gateway_blob_open(file->blob);
}

/* --- on its way into the store */

static void on_fill_more(struct gateway_fill *fill)
{
	struct gateway_file *file = fill->owner;
	char probe;

	if (file->request->is_replied)
		gateway_request_wake(file->request);
	else if (gateway_file_read_fill(file, file->range.first, &probe, 1) > 0)
		gateway_file_reply_body(file);
}

static void on_fill_done(struct gateway_fill *fill, enum err err, const struct why *why)
{
	struct gateway_file *file = fill->owner;
	bool is_recalled_now = gateway_file_is_recalled(file), was_held = fill->fetch.was_held;

	gateway_fill_leave(fill);
	file->fill = NULL;
	if (err == ERR_NO_SPACE && !file->given && hub_may_give(file)) { /* clients have no use for the reason */
		file->is_unstored = true;
		try_direct(file);
	} else if (err || is_recalled_now)
		give_up(file, err ? err : ERR_UNPROVEN, why);
	else
		gateway_file_try_blob(file, !was_held);
}

static enum err copy_listing(const struct hub_listing *from, struct hub_listing *ret_copy)
{
	struct hub_listing copy = {.type = from->type, .visibility = from->visibility, .repo = strdup(from->repo)};
	const struct hub_file *what = from->files;
	enum err err = copy.repo ? hub_listing_add_file(&copy, what->path, what->size, &what->digest) : ERR_NO_MEMORY;

	memcpy(copy.commit, from->commit, sizeof copy.commit);
	if (err)
		hub_listing_release(&copy);
	else
		*ret_copy = copy;
	return err;
}

void gateway_file_try_fill(struct gateway_file *file)
{
	struct gateway *gateway = file->request->gateway;
	struct hub_listing listing;
	struct why why = {0};
	enum err err = copy_listing(&file->look.listing, &listing);

	if (!err)
		err = gateway_fill_start(&gateway->fills, file->hub, &listing, &file->fill, &why);
	if (err) {
		give_up(file, err, &why);
		return;
	}
	file->fill->owner = file;
	file->fill->on_more = on_fill_more;
	file->fill->on_done = on_fill_done;
	if (!file->request->is_replied)
		gateway_wait_start(&file->wait, gateway->loop, file->request, gateway_file_status(file));
}

/* --- straight from the hub */

void gateway_file_replace_direct(struct gateway_file *file)
{
	struct why why = file->direct->why;
	enum err err = file->direct->err;

	gateway_direct_close(file->direct);
	file->direct = NULL;
	if (err == ERR_NOT_FOUND || err == ERR_DENIED || err == ERR_UNPROVEN || file->is_unstored)
		give_up(file, err, &why);
	else
		gateway_file_try_fill(file);
}

static void on_direct_more(struct gateway_direct *direct)
{
	struct gateway_file *file = direct->owner;

	if (gateway_direct_is_spent(direct))
		gateway_file_replace_direct(file);
	else
		go_on(file);
}

static void try_direct(struct gateway_file *file)
{
	struct hub_listing listing;
	struct why why = {0};
	enum err err = copy_listing(&file->look.listing, &listing);

	if (!err)
		err = gateway_direct_start(file->hub, &listing, file->range.first, file->range.end, is_near(file) && !file->is_unstored, &file->direct, &why);
	if (err) {
		give_up(file, err, &why);
		return;
	}
	file->direct->owner = file;
	file->direct->on_more = on_direct_more;
	gateway_wait_start(&file->wait, file->request->gateway->loop, file->request, gateway_file_status(file));
}
