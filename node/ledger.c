#include "node/ledger.h"

#include "base/buf.h"
#include "base/text.h"
#include "node/dirs.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_NAME "peers"
#define FIRST_LINE "larder peers 1\n"
#define FILE_MAX ((size_t)1 << 20)

struct ledger {
	struct clock *clock; /* borrowed, as are the next two */
	struct pool *pool;
	struct log *log;
	char *path, *new_path;
	struct ledger_entry *entries; /* LEDGER_MAX of them */
	size_t count;
	bool is_changed, job_out, has_warned;
	struct pool_job job;
	struct buf text; /* what the job writes */
	int failed;      /* its answer, an errno */
};

/* --- the file */

static bool read_key(const char *hex, uint8_t ret_key[LEDGER_KEY_LEN])
{
	for (size_t i = 0; i < LEDGER_KEY_LEN; i++) {
		int high = text_hex_value(hex[2 * i]), low = high < 0 ? -1 : text_hex_value(hex[2 * i + 1]);
		if (low < 0)
			return false;
		ret_key[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

/* KEY GOOD SEEN UNTIL [REASON] */
static void read_line(struct ledger *ledger, const char *line)
{
	struct ledger_entry *entry = &ledger->entries[ledger->count];
	int at = 0;

	*entry = (struct ledger_entry){0};
	if (ledger->count == LEDGER_MAX || strlen(line) < 2 * LEDGER_KEY_LEN || !read_key(line, entry->key))
		return;
	line += 2 * LEDGER_KEY_LEN;
	if (sscanf(line, " %" SCNu64 " %" SCNd64 " %" SCNd64 "%n", &entry->good_bytes, &entry->seen_s, &entry->refuted_until_s, &at) != 3 || at == 0)
		return;
	line += at;
	snprintf(entry->reason, sizeof entry->reason, "%s", *line == ' ' ? line + 1 : line);
	text_tame(entry->reason);
	if (!ledger_find(ledger, entry->key))
		ledger->count++;
}

static void read_all(struct ledger *ledger, FILE *file)
{
	char line[512];
	bool is_ours = fgets(line, sizeof line, file) && strcmp(line, FIRST_LINE) == 0;

	while (is_ours && fgets(line, sizeof line, file)) {
		line[strcspn(line, "\n")] = 0;
		read_line(ledger, line);
	}
}

static enum err write_entry(struct buf *text, const struct ledger_entry *entry)
{
	char hex[2 * LEDGER_KEY_LEN + 1];

	for (size_t i = 0; i < LEDGER_KEY_LEN; i++)
		snprintf(hex + 2 * i, 3, "%02x", entry->key[i]);
	return buf_add_format(text, "%s %" PRIu64 " %" PRId64 " %" PRId64 " %s\n", hex, entry->good_bytes, entry->seen_s, entry->refuted_until_s,
			      entry->reason);
}

static enum err write_all(struct ledger *ledger)
{
	enum err err = buf_add_str(&ledger->text, FIRST_LINE);

	for (size_t i = 0; !err && i < ledger->count; i++)
		err = write_entry(&ledger->text, &ledger->entries[i]);
	return err;
}

/* An errno. */
static int replace_file(const struct ledger *ledger)
{
	int fd = open(ledger->new_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600), failed = 0;
	size_t done = 0;

	if (fd < 0)
		return errno;
	while (!failed && done < ledger->text.len) {
		ssize_t wrote = write(fd, ledger->text.data + done, ledger->text.len - done);
		if (wrote < 0 && errno != EINTR)
			failed = errno;
		else if (wrote > 0)
			done += (size_t)wrote;
	}
	if (!failed && fsync(fd) != 0)
		failed = errno;
	close(fd);
	if (!failed && rename(ledger->new_path, ledger->path) != 0)
		failed = errno;
	if (failed)
		unlink(ledger->new_path);
	return failed;
}

static void on_worker(struct pool_job *job)
{
	struct ledger *ledger = container_of(job, struct ledger, job);

	ledger->failed = replace_file(ledger);
}

static void on_written(struct pool_job *job)
{
	struct ledger *ledger = container_of(job, struct ledger, job);

	ledger->job_out = false;
	buf_release(&ledger->text);
	if (!ledger->failed)
		return;
	ledger->is_changed = true;
	if (!ledger->has_warned)
		log_warn(ledger->log, "cannot write %s: %s; what is known of peers is forgotten at the end", ledger->path, strerrordesc_np(ledger->failed));
	ledger->has_warned = true;
}

void ledger_save(struct ledger *ledger)
{
	if (!ledger->is_changed || ledger->job_out)
		return;
	buf_init(&ledger->text, FILE_MAX);
	if (write_all(ledger) != ERR_OK) {
		buf_release(&ledger->text);
		return;
	}
	ledger->is_changed = false;
	ledger->job_out = true;
	ledger->job = (struct pool_job){.run = on_worker, .done = on_written};
	pool_submit(ledger->pool, &ledger->job);
}

/* --- life */

enum err ledger_open(const char *home, struct clock *clock, struct pool *pool, struct log *log, struct ledger **ret_ledger)
{
	struct ledger *ledger = calloc(1, sizeof *ledger);
	FILE *file;

	if (!ledger)
		return ERR_NO_MEMORY;
	*ledger = (struct ledger){.clock = clock, .pool = pool, .log = log};
	ledger->path = dirs_join(home, FILE_NAME);
	ledger->new_path = dirs_join(home, FILE_NAME ".new");
	/* One more than there may be, to read into. */
	ledger->entries = calloc(LEDGER_MAX + 1, sizeof *ledger->entries);
	if (!ledger->path || !ledger->new_path || !ledger->entries) {
		ledger_close(ledger);
		return ERR_NO_MEMORY;
	}
	file = fopen(ledger->path, "re");
	if (file) {
		read_all(ledger, file);
		fclose(file);
	}
	*ret_ledger = ledger;
	return ERR_OK;
}

void ledger_close(struct ledger *ledger)
{
	if (!ledger)
		return;
	while (ledger->job_out)
		pool_wait(ledger->pool);
	ledger_save(ledger);
	while (ledger->job_out)
		pool_wait(ledger->pool);
	free(ledger->path);
	free(ledger->new_path);
	free(ledger->entries);
	free(ledger);
}

/* --- entries */

static struct ledger_entry *find(const struct ledger *ledger, const uint8_t *key)
{
	for (size_t i = 0; i < ledger->count; i++)
		if (memcmp(ledger->entries[i].key, key, LEDGER_KEY_LEN) == 0)
			return &ledger->entries[i];
	return NULL;
}

const struct ledger_entry *ledger_find(const struct ledger *ledger, const uint8_t key[LEDGER_KEY_LEN]) { return find(ledger, key); }

static bool is_refuted(const struct ledger *ledger, const struct ledger_entry *entry)
{
	return entry->refuted_until_s > clock_wall_s(ledger->clock);
}

bool ledger_is_refuted(const struct ledger *ledger, const uint8_t key[LEDGER_KEY_LEN])
{
	const struct ledger_entry *entry = find(ledger, key);

	return entry && is_refuted(ledger, entry);
}

/* Whether `a` may rather go than `b`. */
static bool is_worth_less(const struct ledger *ledger, const struct ledger_entry *a, const struct ledger_entry *b)
{
	if (is_refuted(ledger, a) != is_refuted(ledger, b))
		return is_refuted(ledger, b);
	return a->seen_s < b->seen_s;
}

static struct ledger_entry *find_or_add(struct ledger *ledger, const uint8_t *key)
{
	struct ledger_entry *entry = find(ledger, key);

	if (!entry && ledger->count < LEDGER_MAX) {
		entry = &ledger->entries[ledger->count++];
		*entry = (struct ledger_entry){0};
	} else if (!entry) {
		entry = &ledger->entries[0];
		for (size_t i = 1; i < ledger->count; i++)
			if (is_worth_less(ledger, &ledger->entries[i], entry))
				entry = &ledger->entries[i];
		*entry = (struct ledger_entry){0};
	}
	memcpy(entry->key, key, LEDGER_KEY_LEN);
	entry->seen_s = clock_wall_s(ledger->clock);
	ledger->is_changed = true;
	return entry;
}

void ledger_credit(struct ledger *ledger, const uint8_t key[LEDGER_KEY_LEN], uint64_t good_bytes)
{
	struct ledger_entry *entry = find_or_add(ledger, key);

	if (good_bytes <= UINT64_MAX - entry->good_bytes)
		entry->good_bytes += good_bytes;
}

void ledger_refute(struct ledger *ledger, const uint8_t key[LEDGER_KEY_LEN], int64_t for_s, const char *reason)
{
	struct ledger_entry *entry = find_or_add(ledger, key);

	entry->refuted_until_s = entry->seen_s + for_s;
	entry->good_bytes = 0;
	snprintf(entry->reason, sizeof entry->reason, "%s", reason);
	text_tame(entry->reason);
}
