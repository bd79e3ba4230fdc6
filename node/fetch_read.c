/* Reading what is not complete yet. What the partial blob has is looked at while no worker has it, and read through a descriptor of our own, which outlives its being renamed; what has come from the hub and is
 * not written yet is read from memory. */
#include "node/fetch_private.h"

#include <fcntl.h>
#include <unistd.h>

static bool is_named(const struct fetch_run *run)
{
	return run->file.digest.algorithm == DIGEST_SHA256;
}

void fetch_run_tell_readers(struct fetch_run *run)
{
	if (run->inflow.lost != run->shown.lost) {
		run->shown.lost = run->inflow.lost;
		run->shown.recalls++;
	}
	list_each(at, &run->waiters) {
		struct fetch *fetch = container_of(at, struct fetch, link);
		fetch->is_proven = run->shown.is_proven;
		fetch->recalls = run->shown.recalls;
		if (fetch->on_more)
			fetch->on_more(fetch);
	}
}

void fetch_run_recall(struct fetch_run *run)
{
	run->shown.recalls++;
	fetch_run_tell_readers(run);
}

/* A file outside LFS that a peer sent is believed at its end only, and not by the partial blob, which cannot tell whose bytes it was given. */
static void look(struct fetch_run *run, const struct partial *partial)
{
	struct fetch_shown *shown = &run->shown;
	uint64_t prefix = run->relay_tries ? 0 : partial_prefix(partial);

	if (prefix < shown->prefix)
		shown->recalls++;
	shown->prefix = prefix;
	shown->anchored_from = is_named(run) ? partial_anchored_from(partial) : partial_chunks(partial);
}

void fetch_run_show(struct fetch_run *run)
{
	const struct partial *partial = intake_partial(run->handed.intake);

	if (!partial)
		return;
	if (run->shown.fd < 0)
		run->shown.fd = fcntl(partial_fd(partial), F_DUPFD_CLOEXEC, 0); /* without one there is nothing to read before the end */
	look(run, partial);
	fetch_run_tell_readers(run);
}

void fetch_run_show_proven(struct fetch_run *run)
{
	fetch_run_show(run);
	run->shown.is_proven = is_named(run);
	fetch_run_tell_readers(run);
}

void fetch_run_hide(struct fetch_run *run)
{
	if (run->shown.fd >= 0)
		close(run->shown.fd);
	run->shown.fd = -1;
	if (run->shown.prefix)
		run->shown.recalls++;
	run->shown.prefix = 0;
	run->shown.anchored_from = UINT64_MAX;
	run->shown.is_proven = false;
}

static size_t read_file(const struct fetch_run *run, uint64_t at, void *data, size_t len)
{
	const struct fetch_shown *shown = &run->shown;
	uint64_t index = at / CHAIN_CHUNK, end = 0;
	ssize_t got;

	if (shown->fd < 0)
		return 0;
	if (index >= shown->anchored_from)
		end = run->file.size;
	else if (index < shown->prefix)
		end = chain_chunk_offset(shown->prefix);
	if (end > run->file.size)
		end = run->file.size;
	if (at >= end)
		return 0;
	got = pread(shown->fd, data, len < end - at ? len : (size_t)(end - at), (off_t)at);
	return got > 0 ? (size_t)got : 0;
}

static size_t read_memory(struct fetch_run *run, uint64_t at, void *data, size_t len)
{
	if (run->relay_tries)
		return 0;
	if (!run->handed.relayed)
		list_each(link, &run->handed.chunks) {
			size_t got = chunk_read(container_of(link, struct chunk, link), at, data, len);
			if (got)
				return got;
		}
	return inflow_read(&run->inflow, at, data, len);
}

size_t fetch_read(struct fetch *fetch, uint64_t at, void *data, size_t len)
{
	struct fetch_run *run = fetch->run;
	size_t got;

	if (!run || run->has_failed || run->file.size == FETCH_SIZE_UNKNOWN || at >= run->file.size)
		return 0;
	got = read_file(run, at, data, len);
	return got ? got : read_memory(run, at, data, len);
}

bool fetch_is_needed(const struct fetch *fetch)
{
	const struct fetch_run *run = fetch->run;

	return run && (run->waiters.next->next == &run->waiters || (fetch->hub && run->inflow.hub == fetch->hub));
}

bool fetcher_brings(const struct fetcher *fetcher, const struct digest *digest)
{
	list_each(at, &fetcher->runs) {
		const struct fetch_run *run = container_of(at, struct fetch_run, link);
		if (!run->has_failed && digest_equal(&run->file.digest, digest))
			return true;
	}
	return false;
}
