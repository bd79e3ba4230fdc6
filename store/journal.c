#include "store/journal.h"

#include "store/place.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#define MAGIC "larderjn"
#define VERSION 1
#define OPEN_TRIES 100
/* Who tidies up holds a lock for a moment; who fetches holds it for long. */
#define BUSY_TRIES 20
#define BUSY_PAUSE_NS 5000000
#define SLOTS_AT_ONCE 1024

struct header {
	char magic[8];
	uint32_t version;
	uint32_t algorithm;
	uint8_t digest[DIGEST_MAX_BYTES];
	uint64_t size;
	uint32_t chunk;
	uint32_t reserved;
};
static_assert(sizeof(struct header) == 64, "a header has no holes");

struct slot {
	uint8_t state[SHA256_LEN];
	uint32_t flags;
	uint32_t reserved;
	uint8_t check[crypto_shorthash_BYTES]; /* of all before it, keyed by its place */
};
static_assert(sizeof(struct slot) == 48, "a slot has no holes");

struct journal {
	struct store *store;
	struct digest digest;
	int fd;
	char path[PLACE_MAX];
};

static uint64_t slot_offset(uint64_t index)
{
	return sizeof(struct header) + index * sizeof(struct slot);
}

static enum err failed_at(const struct journal *journal, int error_number, const char *what, struct why *why)
{
	return why_errno(why, error_number, "cannot %s %s/%s", what, store_home(journal->store), journal->path);
}

/* The file may be removed between opening and locking it, by the one who had it before. ESTALE then. */
static int open_locked(struct journal *journal, bool create)
{
	int failed;

	file_make_way(store_dir(journal->store), journal->path);
	journal->fd = openat(store_dir(journal->store), journal->path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | (create ? O_CREAT : 0), 0600);
	if (journal->fd < 0)
		return errno;
	failed = file_lock(journal->fd, LOCK_EX | LOCK_NB);
	if (!failed && !file_is_at(store_dir(journal->store), journal->path, journal->fd))
		failed = ESTALE;
	if (failed) {
		close(journal->fd);
		journal->fd = -1;
	}
	return failed;
}

enum err journal_open(struct store *store, const struct digest *digest, unsigned flags, struct journal **ret_journal,
		      struct why *why)
{
	struct journal *journal = calloc(1, sizeof *journal);
	int failed = ESTALE, busy = 0;
	char text[DIGEST_TEXT_MAX];
	enum err err;

	if (!journal)
		return why_set(why, ERR_NO_MEMORY, "out of memory at the journal of %s", digest_text(digest, text));
	journal->store = store;
	journal->digest = *digest;
	journal->fd = -1;
	place_journal(digest, journal->path);
	for (int tries = 0; tries < OPEN_TRIES; tries++) {
		failed = open_locked(journal, (flags & JOURNAL_CREATE) != 0);
		if (failed == EWOULDBLOCK && (flags & JOURNAL_PATIENT) && busy++ < BUSY_TRIES)
			nanosleep(&(struct timespec){.tv_nsec = BUSY_PAUSE_NS}, NULL);
		else if (failed != ESTALE)
			break;
	}
	if (!failed) {
		*ret_journal = journal;
		return ERR_OK;
	}
	if (failed == EWOULDBLOCK || failed == ESTALE)
		err = why_set(why, ERR_BUSY, "%s is being fetched already, by another process or thread", digest_text(digest, text));
	else
		err = failed_at(journal, failed, "open", why);
	free(journal);
	return err;
}

void journal_close(struct journal *journal)
{
	if (!journal)
		return;
	close(journal->fd);
	free(journal);
}

void journal_remove(struct journal *journal)
{
	if (!journal)
		return;
	unlinkat(store_dir(journal->store), journal->path, 0);
	journal_close(journal);
}

static struct header header_for(const struct journal *journal, uint64_t size)
{
	struct header header = {.magic = MAGIC, .version = VERSION, .size = size, .chunk = (uint32_t)CHAIN_CHUNK};

	header.algorithm = (uint32_t)journal->digest.algorithm;
	memcpy(header.digest, journal->digest.bytes, sizeof header.digest);
	return header;
}

bool journal_size(const struct journal *journal, uint64_t *ret_size)
{
	struct header header, wanted;

	if (file_read_at(journal->fd, &header, sizeof header, 0) != 0)
		return false;
	wanted = header_for(journal, header.size);
	if (memcmp(&header, &wanted, sizeof header) != 0 || header.size > CHAIN_MAX_BLOB)
		return false;
	*ret_size = header.size;
	return true;
}

bool journal_is_for(const struct journal *journal, uint64_t size)
{
	uint64_t found;

	return journal_size(journal, &found) && found == size;
}

int64_t journal_changed_at_s(const struct journal *journal)
{
	struct stat st;

	return fstat(journal->fd, &st) == 0 ? st.st_mtim.tv_sec : 0;
}

enum err journal_reset(struct journal *journal, uint64_t size, struct why *why)
{
	struct header header = header_for(journal, size);
	int failed = ftruncate(journal->fd, 0) == 0 ? 0 : errno;

	if (!failed)
		failed = file_write_at(journal->fd, &header, sizeof header, 0);
	return failed ? failed_at(journal, failed, "write", why) : ERR_OK;
}

static void seal(const struct slot *slot, uint64_t index, uint8_t ret_check[crypto_shorthash_BYTES])
{
	unsigned char key[crypto_shorthash_KEYBYTES] = "larder";

	memcpy(key + 8, &index, sizeof index);
	crypto_shorthash(ret_check, (const unsigned char *)slot, offsetof(struct slot, check), key);
}

static struct slot make_slot(uint64_t index, uint8_t flags, const uint8_t *state)
{
	struct slot slot = {.flags = flags};

	if (state)
		memcpy(slot.state, state, sizeof slot.state);
	seal(&slot, index, slot.check);
	return slot;
}

static bool is_sound(const struct slot *slot, uint64_t index)
{
	uint8_t check[crypto_shorthash_BYTES];

	seal(slot, index, check);
	return memcmp(check, slot->check, sizeof check) == 0;
}

/* Slots that the file does not reach are empty. */
static int read_slots(const struct journal *journal, struct slot *slots, size_t count, uint64_t first)
{
	uint8_t *at = (uint8_t *)slots;
	size_t want = count * sizeof *slots, have = 0;

	memset(slots, 0, want);
	while (have < want) {
		ssize_t got = pread(journal->fd, at + have, want - have, (off_t)(slot_offset(first) + have));
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return errno;
		if (got == 0)
			break;
		have += (size_t)got;
	}
	return 0;
}

enum err journal_load(struct journal *journal, struct chain *chain, uint8_t *flags, struct why *why)
{
	uint64_t chunks = chain_chunk_count(chain->size);
	struct slot *slots = calloc(SLOTS_AT_ONCE, sizeof *slots);
	enum err err = ERR_OK;

	if (!slots)
		return why_set(why, ERR_NO_MEMORY, "out of memory at %s", journal->path);
	for (uint64_t first = 0; first < chunks; first += SLOTS_AT_ONCE) {
		size_t count = chunks - first < SLOTS_AT_ONCE ? (size_t)(chunks - first) : SLOTS_AT_ONCE;
		int failed = read_slots(journal, slots, count, first);
		if (failed) {
			err = failed_at(journal, failed, "read", why);
			break;
		}
		for (size_t i = 0; i < count; i++) {
			bool sound = is_sound(&slots[i], first + i);
			flags[first + i] = sound ? (uint8_t)(slots[i].flags & (JOURNAL_HAVE | JOURNAL_STATE | JOURNAL_PROVEN | JOURNAL_BELIEVED)) : 0;
			if (first + i < chain->count)
				memcpy(chain->states[first + i], slots[i].state, SHA256_LEN);
		}
	}
	free(slots);
	return err;
}

static uint64_t count_have(const struct journal *journal, uint64_t size, struct slot *slots)
{
	uint64_t chunks = chain_chunk_count(size), bytes = 0;

	for (uint64_t first = 0; first < chunks; first += SLOTS_AT_ONCE) {
		size_t count = chunks - first < SLOTS_AT_ONCE ? (size_t)(chunks - first) : SLOTS_AT_ONCE;
		if (read_slots(journal, slots, count, first) != 0)
			break;
		for (size_t i = 0; i < count; i++)
			if ((slots[i].flags & JOURNAL_HAVE) && is_sound(&slots[i], first + i))
				bytes += chain_chunk_len(size, first + i);
	}
	return bytes;
}

bool journal_peek(struct store *store, const struct digest *digest, uint64_t *ret_size, uint64_t *ret_have_bytes)
{
	struct journal journal = {.store = store, .digest = *digest, .fd = -1};
	struct slot *slots;
	bool known;

	if (file_open(store_dir(store), place_journal(digest, journal.path), &journal.fd) != 0)
		return false;
	slots = calloc(SLOTS_AT_ONCE, sizeof *slots);
	known = slots && journal_size(&journal, ret_size);
	if (known)
		*ret_have_bytes = count_have(&journal, *ret_size, slots);
	free(slots);
	close(journal.fd);
	return known;
}

enum err journal_put(struct journal *journal, uint64_t index, uint8_t flags, const uint8_t *state, struct why *why)
{
	struct slot slot = make_slot(index, flags, state);
	int failed = file_write_at(journal->fd, &slot, sizeof slot, slot_offset(index));

	return failed ? failed_at(journal, failed, "write", why) : ERR_OK;
}

enum err journal_put_all(struct journal *journal, const struct chain *chain, struct why *why)
{
	uint64_t chunks = chain_chunk_count(chain->size);
	struct slot *slots = calloc(SLOTS_AT_ONCE, sizeof *slots);
	enum err err;

	if (!slots)
		return why_set(why, ERR_NO_MEMORY, "out of memory at %s", journal->path);
	err = journal_reset(journal, chain->size, why);
	for (uint64_t first = 0; !err && first < chunks; first += SLOTS_AT_ONCE) {
		size_t count = chunks - first < SLOTS_AT_ONCE ? (size_t)(chunks - first) : SLOTS_AT_ONCE;
		int failed;
		for (size_t i = 0; i < count; i++)
			slots[i] = make_slot(first + i, JOURNAL_HAVE | JOURNAL_STATE | JOURNAL_PROVEN,
					     first + i < chain->count ? chain->states[first + i] : NULL);
		failed = file_write_at(journal->fd, slots, count * sizeof *slots, slot_offset(first));
		if (failed)
			err = failed_at(journal, failed, "write", why);
	}
	free(slots);
	return err;
}

enum err journal_sync(struct journal *journal, struct why *why)
{
	return fsync(journal->fd) == 0 ? ERR_OK : failed_at(journal, errno, "sync", why);
}
