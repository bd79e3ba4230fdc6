/* seal: frames of a bulk connection, sealed with an AEAD, and the keys for it (docs/PROTOCOL.md, section 5).
 *
 * A frame is its head, 4 bytes that say how long the rest is; the ciphertext; and a tag. What is sealed is the length of a control frame in 4 bytes, the control frame, and the bytes behind
 * it, or nothing at all. The head is the associated data. The nonce is a counter that begins at 0 and is not sent, so a frame opens in its place only. Numbers are big-endian.
 * Pure, but for memory when one is created. Any thread, one at a time for each.
 */
#ifndef LARDER_NODE_SEAL_H
#define LARDER_NODE_SEAL_H

#include "node/wire.h"

#define SEAL_KEY_LEN 32
#define SEAL_HEAD_LEN 4
#define SEAL_TAG_LEN 16
#define SEAL_CONTROL_MAX 1024 /* of the control frame within: that of a PIECE takes 30 */
#define SEAL_PLAIN_MAX (4 + SEAL_CONTROL_MAX + WIRE_PIECE_MAX)
#define SEAL_FRAME_MAX (SEAL_HEAD_LEN + SEAL_PLAIN_MAX + SEAL_TAG_LEN)

/* What the keys are made of: what both ends of a session know, and nobody else. All borrowed. */
struct seal_ends {
	const uint8_t *dialer_key, *listener_key;       /* the node keys */
	uint64_t dialer_epoch, listener_epoch;
	const struct wire_bulk_offer *offer;
	const struct wire_bulk_accept *accept;
};
struct seal_keys {
	uint8_t to_listener[SEAL_KEY_LEN], to_dialer[SEAL_KEY_LEN];
};
void seal_derive(const struct seal_ends *ends, struct seal_keys *ret_keys);

/* AES-256-GCM where this processor has instructions for it, else ChaCha20-Poly1305. */
enum wire_cipher seal_best_cipher(void);
/* The one that is right for both ends, each of which said what is best for it. */
enum wire_cipher seal_common_cipher(enum wire_cipher a, enum wire_cipher b);

/* One direction of one connection. */
struct seal;
/* `is_opening`: to open what the other end has closed with the same key. ERR_NO_MEMORY; ERR_UNSUPPORTED: no such cipher here. */
enum err seal_create(enum wire_cipher cipher, const uint8_t key[SEAL_KEY_LEN], bool is_opening, struct seal **ret_seal) LARDER_MUST_USE;
/* Wipes the key. NULL is fine. */
void seal_destroy(struct seal *seal);

/* Close the next frame around these bytes, or around none where `control_len` is 0. `ret_frame` has room for SEAL_FRAME_MAX bytes. ERR_IO: the library failed, or all counters were used; no further frame can be closed. */
enum err seal_close(struct seal *seal, const void *control, size_t control_len, const void *bytes, size_t len, uint8_t *ret_frame, size_t *ret_frame_len) LARDER_MUST_USE;

/* How long the frame is that begins with this head, with its head. ERR_INVALID: too short for a frame; ERR_LIMIT: longer than SEAL_FRAME_MAX. */
enum err seal_frame_len(const uint8_t head[SEAL_HEAD_LEN], size_t *ret_len) LARDER_MUST_USE;

struct seal_opened { /* borrows from the frame */
	const uint8_t *control, *bytes;
	size_t control_len, len; /* control_len 0: there was nothing in it */
};
/* Open the next frame, in place. ERR_UNPROVEN: it was not closed with this key, or not in this place, or was changed; ERR_INVALID: closed by the other end, but there is no control frame in it. */
enum err seal_open(struct seal *seal, uint8_t *frame, size_t frame_len, struct seal_opened *ret_opened) LARDER_MUST_USE;

#endif
