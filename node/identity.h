/* identity: the key that a node is: Ed25519, in HOME/node.key (DESIGN: "A node is an Ed25519 key").
 *
 * The file is for its owner alone (0600) and belongs to the machine on which it was made: a keyed hash of /etc/machine-id lies in it, so that a home which was
 * copied to another machine does not make two nodes of one key. Where there is no machine-id, nothing is compared. The CURVE key pair, with which the node
 * shows itself when it dials, is the same key converted. One thread at a time; opening and renewing block on the disk. Secrets are wiped when they are let go.
 */
#ifndef LARDER_NODE_IDENTITY_H
#define LARDER_NODE_IDENTITY_H

#include "base/err.h"
#include "base/log.h"

#include <stdint.h>

#define IDENTITY_KEY_LEN 32
#define IDENTITY_SIGNATURE_LEN 64
#define IDENTITY_ID_LEN 8                          /* bytes of a short node id */
#define IDENTITY_ID_MAX (2 * IDENTITY_ID_LEN + 1) /* as hexadecimal digits, with the zero */
#define IDENTITY_MACHINE_ID "/etc/machine-id"

struct identity;

/* Read HOME/node.key, or make it where there is none, where it cannot be read as one, and where it is another machine's (the log says so). `machine_id` is the path of a file, usually
 * IDENTITY_MACHINE_ID. `home` exists; a copy is kept. `log` is borrowed until the end. ERR_PERMISSION, ERR_NO_SPACE, ERR_IO, ERR_NO_MEMORY. */
enum err identity_open(const char *home, const char *machine_id, struct log *log, struct identity **ret_identity, struct why *why) LARDER_MUST_USE;
void identity_close(struct identity *identity); /* NULL is fine */

/* Make a new key in place of this one, on disk and here: another node has the same. What the getters gave out changes with it. Failed: the old key stays. */
enum err identity_renew(struct identity *identity, struct why *why) LARDER_MUST_USE;

/* Borrowed. */
const uint8_t *identity_public_key(const struct identity *identity); /* IDENTITY_KEY_LEN bytes */
const char *identity_text(const struct identity *identity);          /* the short node id: 16 hexadecimal digits */
const uint8_t *identity_curve_public(const struct identity *identity); /* X25519, IDENTITY_KEY_LEN bytes */
const uint8_t *identity_curve_secret(const struct identity *identity);

void identity_sign(const struct identity *identity, const void *bytes, size_t len, uint8_t ret_signature[IDENTITY_SIGNATURE_LEN]);

/* --- of any node; pure */

/* Keys of small order are refused. */
bool identity_verify(const uint8_t public_key[IDENTITY_KEY_LEN], const void *bytes, size_t len, const uint8_t signature[IDENTITY_SIGNATURE_LEN]);
/* The short node id: the first 8 bytes of the BLAKE2b-256 of the public key. */
void identity_id_of(const uint8_t public_key[IDENTITY_KEY_LEN], uint8_t ret_id[IDENTITY_ID_LEN]);
const char *identity_text_of(const uint8_t public_key[IDENTITY_KEY_LEN], char ret[IDENTITY_ID_MAX]); /* the same as digits; returns `ret` */
/* The CURVE key that a node of this key must have shown (transport_client_key()). False: it is no key. */
bool identity_curve_of(const uint8_t public_key[IDENTITY_KEY_LEN], uint8_t ret_curve[IDENTITY_KEY_LEN]);

#endif
