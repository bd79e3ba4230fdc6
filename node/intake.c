#include "node/intake.h"

#include "store/blob.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

#define GIT_SHA1_LEN 20

struct intake {
	struct store *store;         /* borrowed, as are the next two */
	const struct hub_file *file;
	const char *repo;
	struct partial *partial;     /* owned; NULL unless open */
	EVP_MD_CTX *git;             /* owned; NULL for files of LFS */
	struct digest digest;        /* of the blob, once it is held */
};

struct intake *intake_create(struct store *store, const struct hub_file *file, const char *repo)
{
	struct intake *intake = calloc(1, sizeof *intake);

	if (!intake)
		return NULL;
	intake->store = store;
	intake->file = file;
	intake->repo = repo;
	return intake;
}

void intake_destroy(struct intake *intake)
{
	if (!intake)
		return;
	partial_close(intake->partial);
	EVP_MD_CTX_free(intake->git);
	free(intake);
}

bool intake_is_held(const struct intake *intake)
{
	return intake->digest.algorithm != DIGEST_NONE;
}

const struct partial *intake_partial(const struct intake *intake)
{
	return intake->partial;
}

struct partial *intake_partial_to_change(struct intake *intake)
{
	return intake->partial;
}

void intake_restart(struct intake *intake)
{
	partial_close(intake->partial);
	intake->partial = NULL;
	EVP_MD_CTX_free(intake->git);
	intake->git = NULL;
}

const struct digest *intake_digest(const struct intake *intake)
{
	return &intake->digest;
}

static bool is_named(const struct intake *intake)
{
	return intake->file->digest.algorithm == DIGEST_SHA256;
}

/* ERR_NOT_FOUND when the store has no such blob. */
static enum err look_in_store(struct intake *intake, struct why *why)
{
	struct digest digest = intake->file->digest;
	struct blob *blob = NULL;
	enum err err;

	if (!is_named(intake)) {
		err = index_alias_get(store_index(intake->store), &intake->file->digest, &digest, why);
		if (err)
			return err;
	}
	err = blob_open(intake->store, &digest, &blob, why);
	if (err)
		return err;
	if (blob_size(blob) == intake->file->size)
		intake->digest = digest;
	else
		err = why_set(why, ERR_INVALID, "%s in %s: the hub gives it %" PRIu64 " bytes, but %" PRIu64
			      " bytes have been proven to be what its digest names", intake->file->path, intake->repo,
			      intake->file->size, blob_size(blob));
	blob_close(blob);
	return err;
}

/* The git blob id covers a header with the size before the content. */
static enum err start_git(struct intake *intake, struct why *why)
{
	char header[32];
	int len = snprintf(header, sizeof header, "blob %" PRIu64, intake->file->size);

	EVP_MD_CTX_free(intake->git);
	intake->git = EVP_MD_CTX_new();
	if (!intake->git)
		return why_set(why, ERR_NO_MEMORY, "out of memory");
	if (EVP_DigestInit_ex(intake->git, EVP_sha1(), NULL) != 1 ||
	    EVP_DigestUpdate(intake->git, header, (size_t)len + 1) != 1)
		return why_set(why, ERR_UNSUPPORTED, "libcrypto does not offer SHA-1, so %s cannot be checked", intake->file->path);
	return ERR_OK;
}

/* Another process may have committed it between our looking and our getting the lock: then what we opened is new and empty. */
static enum err open_named(struct intake *intake, struct why *why)
{
	enum err err = partial_open(intake->store, &intake->file->digest, intake->file->size, &intake->partial, why);

	if (err || partial_have_bytes(intake->partial) > 0 || look_in_store(intake, NULL) != ERR_OK)
		return err;
	partial_discard(intake->partial);
	intake->partial = NULL;
	return ERR_OK;
}

enum err intake_open(struct intake *intake, struct why *why)
{
	enum err err = look_in_store(intake, why);

	if (err != ERR_NOT_FOUND)
		return err;
	if (is_named(intake))
		return open_named(intake, why);
	err = start_git(intake, why);
	if (err)
		return err;
	return partial_open_unnamed(intake->store, intake->file->size, &intake->partial, why);
}

static enum err not_what_was_asked(const struct intake *intake, const struct digest *found, struct why *why)
{
	char expected_text[DIGEST_TEXT_MAX], found_text[DIGEST_TEXT_MAX];

	return why_set(why, ERR_UNPROVEN, "%s in %s is not what the hub says it is: expected %s, found %s; nothing of it was kept",
		       intake->file->path, intake->repo, digest_text(&intake->file->digest, expected_text),
		       digest_text(found, found_text));
}

enum err intake_put(struct intake *intake, uint64_t index, const uint8_t *data, size_t len, struct why *why)
{
	struct digest found = {0};
	enum err err;

	if (intake->git && EVP_DigestUpdate(intake->git, data, len) != 1)
		return why_set(why, ERR_IO, "libcrypto failed to hash %s", intake->file->path);
	err = partial_put(intake->partial, index, data, len, &found, why);
	if (err != ERR_UNPROVEN)
		return err;
	if (found.algorithm == DIGEST_NONE)
		return why_prefix(why, err, "%s in %s", intake->file->path, intake->repo);
	partial_discard(intake->partial);
	intake->partial = NULL;
	return not_what_was_asked(intake, &found, why);
}

static enum err check_git(struct intake *intake, struct why *why)
{
	struct digest found = {.algorithm = DIGEST_GIT_SHA1};
	unsigned char bytes[EVP_MAX_MD_SIZE];

	if (EVP_DigestFinal_ex(intake->git, bytes, NULL) != 1)
		return why_set(why, ERR_IO, "libcrypto failed to hash %s", intake->file->path);
	for (size_t i = 0; i < GIT_SHA1_LEN; i++)
		found.bytes[i] = bytes[i];
	if (digest_equal(&found, &intake->file->digest))
		return ERR_OK;
	partial_discard(intake->partial);
	intake->partial = NULL;
	return not_what_was_asked(intake, &found, why);
}

enum err intake_commit(struct intake *intake, struct why *why)
{
	struct digest digest;
	enum err err = ERR_OK;

	if (intake->git)
		err = check_git(intake, why);
	if (err)
		return err;
	err = partial_commit(intake->partial, &digest, why);
	if (err)
		return why_prefix(why, err, "%s in %s", intake->file->path, intake->repo);
	intake->partial = NULL;
	if (intake->git)
		err = index_alias_put(store_index(intake->store), &intake->file->digest, &digest, why);
	if (!err)
		intake->digest = digest;
	return err;
}
