#include "store/adopt.h"

#include "store/index.h"
#include "store/partial_private.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define GIT_SHA1_LEN 20

struct adoption {
	struct store *store;
	const struct adopt *adopt;
	int fd;
	struct stat st; /* before it is read */
	enum adopt_way way;
	struct partial *partial; /* cloned, copied */
	struct chain chain;      /* linked */
	EVP_MD_CTX *git;         /* NULL: expected by its SHA-256 */
	struct digest digest;
};

const char *adopt_way_name(enum adopt_way way)
{
	static const char *const names[] = {"before", "cloned", "linked", "copied"};

	return names[way];
}

/* --- what was done before */

static struct adopted adopted_of(const struct digest *digest, const struct stat *st)
{
	struct blob_record record = {0};

	store_note_identity(&record, st);
	return (struct adopted){
		.digest = *digest, .size = (uint64_t)st->st_size, .inode = record.inode, .mtime_ns = record.mtime_ns, .ctime_ns = record.ctime_ns,
	};
}

static bool is_same(const struct adopted *a, const struct adopted *b)
{
	return a->size == b->size && a->inode == b->inode && a->mtime_ns == b->mtime_ns && a->ctime_ns == b->ctime_ns;
}

/* What is meant by the name that a file has. False: that is not known yet. */
static bool find_meant(struct store *store, const struct digest *expected, struct digest *ret_digest)
{
	*ret_digest = *expected;
	return expected->algorithm == DIGEST_SHA256 || index_alias_get(store->index, expected, ret_digest, NULL) == ERR_OK;
}

static bool is_held(struct store *store, const struct digest *digest, struct blob_record *ret_record)
{
	char name[PLACE_MAX];
	bool found = false;
	struct stat st;

	return store_find(store, digest, &found, ret_record, NULL) == ERR_OK && found &&
	       fstatat(store->dir, place_blob(digest, name), &st, AT_SYMLINK_NOFOLLOW) == 0 && store_has_identity(ret_record, &st);
}

/* Whether the file at `path` is as it was when it became that one in blobs/. */
static bool is_as_then(const char *path, const struct adopted *then, const struct blob_record *held)
{
	struct adopted now;
	struct stat st;

	if (lstat(path, &st) != 0 || !digest_equal(&then->digest, &held->digest) || then->held_inode != held->inode)
		return false;
	now = adopted_of(&then->digest, &st);
	return is_same(&now, then);
}

bool adopt_is_done(struct store *store, const struct adopt *adopt, struct adopt_result *ret_result)
{
	struct blob_record held;
	struct adopted then;
	struct digest meant;
	char *path = NULL;
	bool done;

	if (!find_meant(store, &adopt->expected, &meant) || !is_held(store, &meant, &held))
		return false;
	done = index_adopted_get(store->index, adopt->path, &then, NULL) == ERR_OK && is_as_then(adopt->path, &then, &held);
	if (!done && index_adopted_as(store->index, &meant, held.inode, &then, &path, NULL) == ERR_OK)
		done = is_as_then(path, &then, &held);
	free(path);
	if (done)
		*ret_result = (struct adopt_result){.digest = meant, .size = held.size, .way = ADOPT_BEFORE};
	return done;
}

/* --- which way */

static enum err open_source(struct adoption *adoption, struct why *why)
{
	const char *path = adoption->adopt->path;

	adoption->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
	if (adoption->fd < 0 || fstat(adoption->fd, &adoption->st) != 0)
		return why_errno(why, errno, "cannot read %s", path);
	if (!S_ISREG(adoption->st.st_mode))
		return why_set(why, ERR_INVALID, "%s is not a regular file", path);
	if ((uint64_t)adoption->st.st_size > CHAIN_MAX_BLOB)
		return why_set(why, ERR_LIMIT, "%s is larger than a blob may be", path);
	return ERR_OK;
}

/* A second name below HOME for the very file that is open. Returns 0 or an errno. */
static int link_as(const struct adoption *adoption, char ret_name[PLACE_MAX])
{
	char open_file[32];
	uint64_t number;

	if (getrandom(&number, sizeof number, 0) != (ssize_t)sizeof number)
		return EIO;
	snprintf(open_file, sizeof open_file, "/proc/self/fd/%d", adoption->fd);
	snprintf(ret_name, PLACE_MAX, PLACE_PARTIAL "/" PLACE_UNNAMED "%016llx" PLACE_DATA_END, (unsigned long long)number);
	return linkat(AT_FDCWD, open_file, adoption->store->dir, ret_name, AT_SYMLINK_FOLLOW) == 0 ? 0 : errno;
}

/* Tried rather than guessed at. Returns as link_as() does. */
static int try_link(const struct adoption *adoption)
{
	char name[PLACE_MAX];
	int failed = link_as(adoption, name);

	if (!failed && unlinkat(adoption->store->dir, name, 0) != 0)
		failed = errno;
	return failed;
}

/* Other file systems, bind mounts, files of other people, too many names, no /proc. */
static bool is_refusal(int failed)
{
	return failed == EXDEV || failed == EPERM || failed == EACCES || failed == EMLINK || failed == EOPNOTSUPP || failed == ENOSYS || failed == ENOENT;
}

static enum err choose_way(struct adoption *adoption, struct why *why)
{
	uint64_t size = (uint64_t)adoption->st.st_size;
	enum err err = partial_open_clone(adoption->store, adoption->fd, size, &adoption->partial, why);
	int failed;

	adoption->way = ADOPT_CLONED;
	if (err != ERR_UNSUPPORTED)
		return err;
	adoption->way = ADOPT_LINKED;
	failed = try_link(adoption);
	if (!failed) {
		err = chain_init(&adoption->chain, size);
		return err ? why_set(why, err, "no memory for the chain of %s", adoption->adopt->path) : ERR_OK;
	}
	if (!is_refusal(failed))
		return why_errno(why, failed, "cannot link %s into %s", adoption->adopt->path, store_home(adoption->store));
	adoption->way = ADOPT_COPIED;
	if (!adoption->adopt->may_copy)
		return why_set(why, ERR_UNSUPPORTED, "%s would have to be copied", adoption->adopt->path);
	return partial_open_unnamed(adoption->store, size, &adoption->partial, why);
}

/* --- reading and proving */

static enum err read_chunk(struct adoption *adoption, uint64_t index, uint8_t *data, size_t len, struct why *why)
{
	const char *path = adoption->adopt->path;
	int failed;

	if (adoption->way == ADOPT_CLONED)
		return partial_take(adoption->partial, index, data, why);
	failed = file_read_at(adoption->fd, data, len, chain_chunk_offset(index));
	if (failed == ENODATA)
		return why_set(why, ERR_IO, "%s became shorter while it was read", path);
	if (failed)
		return why_errno(why, failed, "cannot read %s", path);
	return adoption->way == ADOPT_COPIED ? partial_put(adoption->partial, index, data, len, NULL, why) : ERR_OK;
}

static void advance(struct adoption *adoption, uint64_t index, const uint8_t *data, size_t len)
{
	struct chain *chain = &adoption->chain;
	struct sha256_state before = chain_state_before(chain, index);
	uint8_t after[SHA256_LEN];

	chain_advance(store_engine(adoption->store), chain->size, index, &before, data, len, after);
	if (index < chain->count)
		memcpy(chain->states[index], after, SHA256_LEN);
	else
		adoption->digest = digest_of_sha256(after);
}

static enum err take_chunk(struct adoption *adoption, uint64_t index, uint8_t *data, struct why *why)
{
	const struct adopt *adopt = adoption->adopt;
	size_t len = chain_chunk_len((uint64_t)adoption->st.st_size, index);
	enum err err;

	if (adopt->cancel && __atomic_load_n(adopt->cancel, __ATOMIC_RELAXED))
		return why_set(why, ERR_CANCELLED, "stopped; %s was not adopted", adopt->path);
	err = read_chunk(adoption, index, data, len, why);
	if (err)
		return err;
	if (adoption->way == ADOPT_LINKED)
		advance(adoption, index, data, len);
	if (adoption->git && EVP_DigestUpdate(adoption->git, data, len) != 1)
		return why_set(why, ERR_IO, "libcrypto failed to hash %s", adopt->path);
	if (adopt->progress)
		__atomic_fetch_add(adopt->progress, len, __ATOMIC_RELAXED);
	return ERR_OK;
}

/* The git blob id covers a header with the size before the content. */
static enum err start_git(struct adoption *adoption, struct why *why)
{
	char header[32];
	int len = snprintf(header, sizeof header, "blob %llu", (unsigned long long)adoption->st.st_size);

	if (adoption->adopt->expected.algorithm != DIGEST_GIT_SHA1)
		return ERR_OK;
	adoption->git = EVP_MD_CTX_new();
	if (!adoption->git)
		return why_set(why, ERR_NO_MEMORY, "out of memory");
	if (EVP_DigestInit_ex(adoption->git, EVP_sha1(), NULL) != 1 || EVP_DigestUpdate(adoption->git, header, (size_t)len + 1) != 1)
		return why_set(why, ERR_UNSUPPORTED, "libcrypto does not offer SHA-1, so %s cannot be checked", adoption->adopt->path);
	return ERR_OK;
}

/* A clone cannot change any more. */
static enum err check_unchanged(const struct adoption *adoption, struct why *why)
{
	struct adopted before = adopted_of(&adoption->digest, &adoption->st), after;
	struct stat st;

	if (adoption->way == ADOPT_CLONED)
		return ERR_OK;
	if (fstat(adoption->fd, &st) == 0) {
		after = adopted_of(&adoption->digest, &st);
		/* A name more or less is no change of the bytes; times of change cannot be compared across it. */
		if (before.size == after.size && before.mtime_ns == after.mtime_ns)
			return ERR_OK;
	}
	return why_set(why, ERR_IO, "%s was changed while it was read", adoption->adopt->path);
}

static enum err read_all(struct adoption *adoption, struct why *why)
{
	uint64_t count = chain_chunk_count((uint64_t)adoption->st.st_size);
	uint8_t *data = malloc(CHAIN_CHUNK);
	enum err err = data ? start_git(adoption, why) : why_set(why, ERR_NO_MEMORY, "out of memory");

	for (uint64_t i = 0; !err && i < count; i++)
		err = take_chunk(adoption, i, data, why);
	free(data);
	if (!err && adoption->partial)
		adoption->digest = adoption->partial->digest;
	return err ? err : check_unchanged(adoption, why);
}

static enum err check_expected(struct adoption *adoption, struct why *why)
{
	char expected_text[DIGEST_TEXT_MAX], found_text[DIGEST_TEXT_MAX];
	const struct digest *expected = &adoption->adopt->expected;
	struct digest found = adoption->digest;
	unsigned char bytes[EVP_MAX_MD_SIZE];

	if (adoption->git) {
		if (EVP_DigestFinal_ex(adoption->git, bytes, NULL) != 1)
			return why_set(why, ERR_IO, "libcrypto failed to hash %s", adoption->adopt->path);
		found = (struct digest){.algorithm = DIGEST_GIT_SHA1};
		memcpy(found.bytes, bytes, GIT_SHA1_LEN);
	}
	if (digest_equal(&found, expected))
		return ERR_OK;
	return why_set(why, ERR_UNPROVEN, "%s is not what its name says: expected %s, found %s", adoption->adopt->path,
		       digest_text(expected, expected_text), digest_text(&found, found_text));
}

/* --- taking it in */

/* Under the lock of the store. */
static enum err place_link(struct adoption *adoption, struct why *why)
{
	char name[PLACE_MAX], place[PLACE_MAX], parent[PLACE_MAX];
	int dir = adoption->store->dir;
	int failed = dir_make(dir, "blobs/sha256", place_blob_dir(&adoption->digest, parent));

	if (!failed)
		failed = link_as(adoption, name);
	if (failed)
		goto out;
	/* Should both be the same file already, rename does nothing. */
	if (renameat(dir, name, dir, place_blob(&adoption->digest, place)) != 0)
		failed = errno;
	unlinkat(dir, name, 0);
	if (!failed)
		failed = dir_sync(dir, parent);
out:
	return failed ? why_errno(why, failed, "cannot link %s into %s", adoption->adopt->path, store_home(adoption->store)) : ERR_OK;
}

static enum err note_link(struct adoption *adoption, struct why *why)
{
	struct blob_record record = {
		.digest = adoption->digest,
		.size = (uint64_t)adoption->st.st_size,
		.proven_at_s = clock_wall_s(store_clock(adoption->store)),
	};
	enum err err = check_unchanged(adoption, why);

	if (err)
		return err;
	if (fstat(adoption->fd, &adoption->st) != 0)
		return why_errno(why, errno, "cannot look at %s", adoption->adopt->path);
	store_note_identity(&record, &adoption->st);
	return index_blob_put(adoption->store->index, &record, &adoption->chain, why);
}

static enum err commit_link(struct adoption *adoption, struct why *why)
{
	int lock = -1;
	enum err err;

	if (fsync(adoption->fd) != 0)
		return why_errno(why, errno, "cannot write %s to the disk", adoption->adopt->path);
	err = store_lock(adoption->store, &lock, why);
	if (err)
		return err;
	err = place_link(adoption, why);
	if (!err)
		err = note_link(adoption, why);
	store_unlock(lock);
	return err;
}

static enum err commit(struct adoption *adoption, struct why *why)
{
	enum err err;

	if (adoption->way == ADOPT_LINKED)
		return commit_link(adoption, why);
	/* What is held gives way to what shares its blocks; a copy has nothing to offer. */
	adoption->partial->replaces = adoption->way == ADOPT_CLONED;
	err = partial_commit(adoption->partial, &adoption->digest, why);
	if (!err)
		adoption->partial = NULL;
	return err;
}

/* Without these it is held all the same; but they are what was asked for. */
static enum err note(struct adoption *adoption, struct why *why)
{
	struct index *index = adoption->store->index;
	struct adopted adopted = adopted_of(&adoption->digest, &adoption->st);
	struct blob_record record;
	enum err err = index_blob_get(index, &adoption->digest, &record, why);

	if (!err && adoption->git)
		err = index_alias_put(index, &adoption->adopt->expected, &adoption->digest, why);
	adopted.held_inode = err ? 0 : record.inode;
	return err ? err : index_adopted_put(index, adoption->adopt->path, &adopted, why);
}

enum err adopt_file(struct store *store, const struct adopt *adopt, struct adopt_result *ret_result, struct why *why)
{
	struct adoption adoption = {.store = store, .adopt = adopt, .fd = -1};
	enum err err = open_source(&adoption, why);

	if (!err)
		err = choose_way(&adoption, why);
	if (!err)
		err = read_all(&adoption, why);
	if (!err)
		err = check_expected(&adoption, why);
	if (!err)
		err = commit(&adoption, why);
	if (!err)
		err = note(&adoption, why);
	if (!err)
		*ret_result = (struct adopt_result){.digest = adoption.digest, .size = (uint64_t)adoption.st.st_size, .way = adoption.way};
	partial_discard(adoption.partial);
	chain_release(&adoption.chain);
	EVP_MD_CTX_free(adoption.git);
	if (adoption.fd >= 0)
		close(adoption.fd);
	return err;
}
