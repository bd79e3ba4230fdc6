/* Withdrawing what is damaged, recovering what is unknown, removing what is not wanted: the changes of what blobs/ holds. */
#include "store/blob_private.h"

#include "store/gc.h"
#include "store/journal.h"
#include "store/partial_private.h"
#include "store/tree_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

/* ERR_UNPROVEN: the file is not what its name says, or cannot be read. */
static enum err mend_chain(struct blob *blob)
{
	struct store *store = blob->store;
	uint8_t sha256[SHA256_LEN];
	struct chain chain;
	struct stat st;
	enum err err;

	if (fstat(blob->fd, &st) != 0)
		return ERR_UNPROVEN;
	err = chain_from_file(store_engine(store), blob->fd, (uint64_t)st.st_size, &chain, sha256);
	if (err)
		return err == ERR_NO_MEMORY ? err : ERR_UNPROVEN;
	if (memcmp(sha256, blob->record.digest.bytes, SHA256_LEN) != 0) {
		chain_release(&chain);
		return ERR_UNPROVEN;
	}
	chain_release(&blob->chain);
	blob->chain = chain;
	blob->record.size = (uint64_t)st.st_size;
	log_warn(store->options.log, "%s is good, but what the index knew of its chunks was not; it has been made anew", blob->path);
	/* If that cannot be kept, it is found out and made once more. */
	(void)!blob_renew(blob, &st, NULL);
	return ERR_OK;
}

/* The journal that the withdrawn file goes on with, claiming all; NULL when there can be none. */
static struct journal *write_claims(struct blob *blob, enum err *ret_err)
{
	struct journal *journal = NULL;

	*ret_err = journal_open(blob->store, &blob->record.digest, JOURNAL_CREATE | JOURNAL_PATIENT, &journal, NULL);
	if (!*ret_err)
		*ret_err = journal_put_all(journal, &blob->chain, NULL);
	if (*ret_err) {
		journal_remove(journal);
		return NULL;
	}
	return journal;
}

/* Under the lock of the store. */
static void move_out(struct blob *blob, const struct journal *journal, enum err journal_err)
{
	int dir = blob->store->dir;
	char data[PLACE_MAX];

	if (!file_is_at(dir, blob->name, blob->fd))
		return; /* replaced meanwhile */
	/* If this fails, the file has another identity or another place from here on, and is found out again. */
	(void)!store_forget(blob->store, &blob->record.digest, false, NULL);
	place_data(&blob->record.digest, data);
	if (journal && !blob_is_linked(blob)) {
		(void)!fchmodat(dir, blob->name, 0600, 0);
		renameat(dir, blob->name, dir, data);
	} else if (journal || journal_err == ERR_BUSY || journal_err == ERR_INVALID) {
		/* There is a copy, or somebody is fetching it as a whole just now, or nothing is known that its chunks could be checked with. A file that others
		 * have too is not ours to be repaired, or even given another mode. */
		unlinkat(dir, blob->name, 0);
	}
}

/* Returns 0 or an errno. */
static int copy_bytes(int from, int to, uint64_t size)
{
	while (copy_file_range(from, NULL, to, NULL, SIZE_MAX >> 1, 0) > 0)
		;
	/* What cannot be read, or is not there any more, is a chunk that is bad. */
	return ftruncate(to, (off_t)size) == 0 ? 0 : errno;
}

/* Others have the file too, so a copy of it is what is repaired. False: there is no room for that, and all of it has to be fetched again. */
static bool copy_out(struct blob *blob)
{
	struct store *store = blob->store;
	char data[PLACE_MAX];
	struct gc_result gone;
	int fd = -1, failed;

	if (gc_make_room(store, blob->record.size, &gone, NULL) != ERR_OK)
		return false;
	place_data(&blob->record.digest, data);
	file_make_way(store->dir, data);
	fd = openat(store->dir, data, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	failed = fd < 0 || lseek(blob->fd, 0, SEEK_SET) != 0 ? errno : copy_bytes(blob->fd, fd, blob->record.size);
	if (fd >= 0)
		close(fd);
	if (fd >= 0 && failed)
		unlinkat(store->dir, data, 0);
	return !failed;
}

static void withdraw(struct blob *blob)
{
	struct journal *journal = NULL;
	enum err journal_err = ERR_INVALID;
	int lock = -1;

	log_warn(blob->store->options.log, "%s is damaged and not held any more; getting it again repairs it", blob->path);
	if (blob->store->options.read_only)
		return;
	if (blob_has_chain(blob))
		journal = write_claims(blob, &journal_err);
	if (journal && blob_is_linked(blob) && !copy_out(blob)) {
		journal_remove(journal);
		journal = NULL;
		journal_err = ERR_INVALID;
	}
	if (store_lock(blob->store, &lock, NULL) == ERR_OK)
		move_out(blob, journal, journal_err);
	store_unlock(lock);
	journal_close(journal);
}

enum err blob_settle(struct blob *blob, bool chain_is_doubtful, struct why *why)
{
	enum err err = chain_is_doubtful ? mend_chain(blob) : ERR_UNPROVEN;

	if (err == ERR_NO_MEMORY)
		return why_set(why, err, "out of memory while checking %s", blob->path);
	if (err)
		withdraw(blob);
	return err ? why_set(why, err, "%s is damaged; getting it again repairs it", blob->path) : ERR_OK;
}

enum err blob_recover(struct store *store, const struct digest *digest, struct why *why)
{
	char name[PLACE_MAX], text[DIGEST_TEXT_MAX];
	struct partial *partial;
	struct digest found;
	struct stat st;
	enum err err;

	if (fstatat(store->dir, place_blob(digest, name), &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode))
		return why_set(why, ERR_NOT_FOUND, "%s is not in the store", digest_text(digest, text));
	err = partial_open_orphan(store, digest, (uint64_t)st.st_size, &partial, why);
	if (err)
		return err;
	if (partial_is_complete(partial)) {
		err = partial_commit(partial, &found, why);
		if (err)
			partial_close(partial);
		else
			log_info(store->options.log, "%s/%s was proven again and is held", store->home, name);
		return err;
	}
	log_warn(store->options.log, "%s/%s was not what its name says", store->home, name);
	if (partial_have_bytes(partial) == 0)
		partial_discard(partial);
	else
		partial_close(partial);
	return why_set(why, ERR_NOT_FOUND, "%s is not in the store", digest_text(digest, text));
}

/* Under the lock of the store. The file goes first: a record without a file is found out; a file without a record would be taken in again. */
static enum err remove_locked(struct store *store, const struct blob_record *record, struct why *why)
{
	char name[PLACE_MAX], parent[PLACE_MAX];
	int fd = -1, failed = file_open(store->dir, place_blob(&record->digest, name), &fd);

	if (failed && failed != ENOENT && failed != ELOOP)
		return why_errno(why, failed, "cannot open %s/%s", store->home, name);
	failed = 0;
	file_make_way(store->dir, name);
	if (fd >= 0) {
		failed = file_lock(fd, LOCK_EX | LOCK_NB);
		if (!failed && unlinkat(store->dir, name, 0) != 0)
			failed = errno;
		close(fd);
	}
	if (failed == EWOULDBLOCK)
		return why_set(why, ERR_BUSY, "%s/%s is in use", store->home, name);
	if (!failed)
		failed = dir_sync(store->dir, place_blob_dir(&record->digest, parent));
	if (failed && failed != ENOENT)
		return why_errno(why, failed, "cannot remove %s/%s", store->home, name);
	return store_forget(store, &record->digest, record->pinned, why);
}

enum err blob_remove_counted(struct store *store, const struct digest *digest, bool even_pinned, uint64_t *ret_links,
			     struct why *why)
{
	char text[DIGEST_TEXT_MAX];
	struct blob_record record;
	bool found = false;
	int lock = -1;
	enum err err;

	err = store_lock(store, &lock, why);
	if (err)
		return err;
	err = store_find(store, digest, &found, &record, why);
	if (err)
		goto out;
	if (!found)
		err = why_set(why, ERR_NOT_FOUND, "%s is not in the store", digest_text(digest, text));
	else if (record.pinned && !even_pinned)
		err = why_set(why, ERR_BUSY, "%s is pinned: unpin it first", digest_text(digest, text));
	else
		err = remove_locked(store, &record, why);
	if (!err)
		*ret_links = tree_forget(store, digest);
out:
	store_unlock(lock);
	return err;
}

enum err blob_remove(struct store *store, const struct digest *digest, bool even_pinned, struct why *why)
{
	uint64_t links;

	return blob_remove_counted(store, digest, even_pinned, &links, why);
}
