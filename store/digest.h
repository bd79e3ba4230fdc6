/* digest: the name of some bytes, as algorithm and value.
 *
 * A blob's name is its SHA-256; a git-sha1 is an alias: the git blob id, sha1("blob <size>\0" + content), which is what the hub
 * calls files outside LFS. The algorithm is a field everywhere, so that another can be added. Pure; any thread.
 */
#ifndef LARDER_STORE_DIGEST_H
#define LARDER_STORE_DIGEST_H

#include "base/err.h"

#include <stdint.h>

enum digest_algorithm { DIGEST_NONE = 0, DIGEST_SHA256 = 1, DIGEST_GIT_SHA1 = 2 };

#define DIGEST_MAX_BYTES 32
#define DIGEST_HEX_MAX (2 * DIGEST_MAX_BYTES + 1)           /* the hex alone, with its zero */
#define DIGEST_TEXT_MAX (sizeof "git-sha1:" + DIGEST_HEX_MAX) /* "sha256:<hex>", with its zero */

struct digest {
	enum digest_algorithm algorithm;
	uint8_t bytes[DIGEST_MAX_BYTES]; /* zero behind the algorithm's length */
};

/* 32, 20; 0 for DIGEST_NONE. */
size_t digest_len(enum digest_algorithm algorithm);
/* "sha256", "git-sha1"; "none". */
const char *digest_algorithm_name(enum digest_algorithm algorithm);

bool digest_equal(const struct digest *a, const struct digest *b);
struct digest digest_of_sha256(const uint8_t bytes[32]);

/* "sha256:<64 hex>", "git-sha1:<40 hex>", or 64 hex alone; either case. Returns false, with `ret` untouched, for anything else. */
bool digest_parse(const char *text, struct digest *ret_digest);
/* Hex alone, of exactly the algorithm's length. */
bool digest_parse_hex(enum digest_algorithm algorithm, const char *hex, struct digest *ret_digest);

/* Lower case, zero-terminated; return `ret`. */
const char *digest_hex(const struct digest *digest, char ret[DIGEST_HEX_MAX]);
const char *digest_text(const struct digest *digest, char ret[DIGEST_TEXT_MAX]);

#endif
