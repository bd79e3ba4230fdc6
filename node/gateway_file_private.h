/* gateway_file_private: what the files share that answer HEAD and GET of a file by its name. On the loop.
 *
 *   gateway_file.c         the request: what the hub says of the file, and what is asked for
 *   gateway_file_reply.c   the answer: its headers, and the body, read from the source that there is
 *   gateway_file_source.c  the sources: which one is next, and what its end means
 */
#ifndef LARDER_NODE_GATEWAY_FILE_PRIVATE_H
#define LARDER_NODE_GATEWAY_FILE_PRIVATE_H

#include "node/gateway_private.h"
#include "node/gateway_range.h"
#include "node/gateway_reply.h"
#include "node/gateway_send.h"
#include "node/gateway_wait.h"
#include "node/node.h"

#define GATEWAY_FILE_ETAG_MAX (DIGEST_HEX_MAX + 2)

struct gateway_file {
	struct gateway_request *request;
	struct gateway_hub *hub;
	struct name name;     /* points into the request's route */
	struct hub_look look; /* with its listing: the one file */
	char etag[GATEWAY_FILE_ETAG_MAX];
	struct gateway_range range;
	struct gateway_blob *blob;
	struct gateway_direct *direct;
	struct gateway_fill *fill;
	struct gateway_wait wait;
	struct gateway_send send;
	uint64_t given;       /* bytes of the body */
	unsigned recalls;     /* of the fill, as of the first byte that it gave */
	bool has_read_fill, is_opened, has_failed;
	bool is_unstored;     /* it finds no room here: passed through */
};

static inline const struct hub_file *gateway_file_what(const struct gateway_file *file)
{
	return file->look.listing.files;
}

static inline unsigned gateway_file_status(const struct gateway_file *file)
{
	return file->range.kind == RANGE_PART ? 206 : 200;
}

static inline uint64_t gateway_file_len(const struct gateway_file *file)
{
	return file->range.end - file->range.first;
}

/* --- gateway_file_reply.c; each of these ends the waiting */
void gateway_file_reply_empty(struct gateway_file *file, unsigned status);
/* All of the file's pointer. */
void gateway_file_reply_pointer(struct gateway_file *file);
/* The range, from whatever source the file has, and will have while it lasts. */
void gateway_file_reply_body(struct gateway_file *file);
/* The same, of a blob that was checked: straight from its file, by the kernel. */
void gateway_file_reply_from_disk(struct gateway_file *file);
/* Bytes from `at` on that the fill lets be given; 0: none now. */
size_t gateway_file_read_fill(struct gateway_file *file, uint64_t at, void *data, size_t len);
/* Bytes that the client has may be wrong: so this body must not end as a good one. */
bool gateway_file_is_recalled(const struct gateway_file *file);

/* --- gateway_file_source.c; each of these goes on by itself, and may have ended the request when it returns */
/* The first source. `is_fresh`: this node made the blob just now. */
void gateway_file_try_blob(struct gateway_file *file, bool is_fresh);
void gateway_file_try_fill(struct gateway_file *file);
/* What came straight from the hub has failed: the next source, or the end. */
void gateway_file_replace_direct(struct gateway_file *file);
/* As gateway_wait.h has it. */
bool gateway_file_may_wait(struct gateway_wait *wait);

#endif
