/* group: the key that those who may talk to each other share, and what is derived from it (docs/PROTOCOL.md).
 *
 * The open group's key is a published constant, the BLAKE2b-256 of GROUP_OPEN_LABEL; everybody is in it who was not put into a private one. A private group's is 256 random
 * bits, handed on as a join code and kept in HOME/group (0600). From the key, by crypto_kdf (BLAKE2b) in the context GROUP_CONTEXT: number 1 is the
 * X25519 secret of the CURVE server that every member is, 2 the key of tags, 3 the short tag. Pure but for group_load(), group_save() and group_remove(), which block on the disk; any
 * thread. A group that was filled in is to be released, which wipes it.
 */
#ifndef LARDER_NODE_GROUP_H
#define LARDER_NODE_GROUP_H

#include "base/err.h"
#include "node/tag.h"
#include "store/digest.h"

#define GROUP_KEY_LEN 32
#define GROUP_SHORT_LEN 8
#define GROUP_OPEN_LABEL "larder open group 1"
#define GROUP_CONTEXT "larder-g"
#define GROUP_CODE_PREFIX "larder-"
#define GROUP_CODE_MAX 96 /* a join code as text, with its zero */

struct group {
	uint8_t key[GROUP_KEY_LEN];
	bool is_open;
	bool is_creator; /* this node made it */
	uint8_t curve_public[32], curve_secret[32];
	uint8_t tag_key[32];
	uint8_t short_tag[GROUP_SHORT_LEN]; /* for announcements and HELLO: tells groups apart, gives nothing away */
};

void group_init_open(struct group *ret_group);
void group_init(struct group *ret_group, const uint8_t key[GROUP_KEY_LEN], bool is_creator);
/* A private group of a new random key, made here. */
void group_init_new(struct group *ret_group);
void group_release(struct group *group);

/* The short tag as hexadecimal digits, for people. */
#define GROUP_TEXT_MAX (2 * GROUP_SHORT_LEN + 1)
const char *group_text(const struct group *group, char ret[GROUP_TEXT_MAX]);

/* What stands for a digest in this group: BLAKE2b-128, keyed with the tag key, of one byte for the algorithm (as enum digest_algorithm numbers it) and the digest's bytes. */
void group_tag(const struct group *group, const struct digest *digest, struct tag *ret_tag);

/* The join code: "larder-", then 14 times four letters and digits, "-" between: the key and 24 bits to notice slips with, in Crockford's base32. */
const char *group_code(const struct group *group, char ret[GROUP_CODE_MAX]); /* returns `ret`; to be wiped by the caller */
/* Read one as it comes back from a person: either case, blanks, line ends and dashes anywhere, o for 0, i and l for 1, with or without the prefix. ERR_INVALID: `why` says
 * what is wrong: too short, too long, another character, or a slip. */
enum err group_parse_code(const char *text, uint8_t ret_key[GROUP_KEY_LEN], struct why *why) LARDER_MUST_USE;

/* HOME/group. Without that file it is the open group. ERR_INVALID: the file is not one of ours; nothing is guessed then, as the open group would show what was meant to be private. */
enum err group_load(const char *home, struct group *ret_group, struct why *why) LARDER_MUST_USE;
/* Durable when it returns. The open group is saved by removing the file. */
enum err group_save(const char *home, const struct group *group, struct why *why) LARDER_MUST_USE;
enum err group_remove(const char *home, struct why *why) LARDER_MUST_USE; /* harmless where there is none */

#endif
