#include "node/identity.h"

#include "node/keyfile.h"

#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEY_FILE "node.key"
#define HASH_LEN 32
#define MACHINE_ID_LEN 32 /* hexadecimal digits, machine-id(5) */
#define HEX_LEN(bytes) (2 * (bytes) + 1)
#define UNBOUND "-"

_Static_assert(IDENTITY_KEY_LEN == crypto_sign_PUBLICKEYBYTES && IDENTITY_KEY_LEN == crypto_scalarmult_curve25519_BYTES, "keys");
_Static_assert(IDENTITY_SIGNATURE_LEN == crypto_sign_BYTES, "signatures");

/* Everything that depends on the key. */
struct keys {
	uint8_t seed[crypto_sign_SEEDBYTES];
	uint8_t public_key[crypto_sign_PUBLICKEYBYTES], secret_key[crypto_sign_SECRETKEYBYTES];
	uint8_t curve_public[IDENTITY_KEY_LEN], curve_secret[IDENTITY_KEY_LEN];
	char text[IDENTITY_ID_MAX];
};

struct identity {
	struct keys keys;
	char *home, *machine_id; /* owned */
	struct log *log;         /* borrowed */
};

/* What the file says. */
struct record {
	uint8_t seed[crypto_sign_SEEDBYTES];
	uint8_t machine[HASH_LEN];
	bool is_bound; /* to a machine */
};

static enum err keys_derive(struct keys *keys, const uint8_t seed[crypto_sign_SEEDBYTES])
{
	memcpy(keys->seed, seed, sizeof keys->seed);
	crypto_sign_seed_keypair(keys->public_key, keys->secret_key, seed);
	if (crypto_sign_ed25519_sk_to_curve25519(keys->curve_secret, keys->secret_key) != 0 || !identity_curve_of(keys->public_key, keys->curve_public))
		return ERR_INVALID;
	(void)identity_text_of(keys->public_key, keys->text);
	return ERR_OK;
}

/* The hash of this machine's id under the key, false where there is no id. */
static bool machine_hash(const char *path, const uint8_t seed[crypto_sign_SEEDBYTES], uint8_t ret_hash[HASH_LEN])
{
	char id[MACHINE_ID_LEN];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t len;

	if (fd < 0)
		return false;
	len = read(fd, id, sizeof id);
	close(fd);
	if (len != sizeof id)
		return false;
	for (size_t i = 0; i < sizeof id; i++)
		if (!strchr("0123456789abcdefABCDEF", id[i]) || !id[i])
			return false; /* "uninitialized", and the like */
	crypto_generichash(ret_hash, HASH_LEN, (const uint8_t *)id, sizeof id, seed, crypto_sign_SEEDBYTES);
	return true;
}

static bool parse_hex(const char *hex, size_t hex_len, uint8_t *ret, size_t len)
{
	size_t got;

	return sodium_hex2bin(ret, len, hex, hex_len, NULL, &got, NULL) == 0 && got == len;
}

static bool record_parse(const char *text, struct record *ret_record)
{
	char seed[HEX_LEN(crypto_sign_SEEDBYTES)], machine[HEX_LEN(HASH_LEN)];
	bool good;

	ret_record->is_bound = false;
	good = sscanf(text, "larder node key 1\nseed %64[0-9a-f]\nmachine %64[0-9a-f-]\n", seed, machine) == 2 && parse_hex(seed, strlen(seed), ret_record->seed, sizeof ret_record->seed);
	if (good && strcmp(machine, UNBOUND) != 0) {
		ret_record->is_bound = true;
		good = parse_hex(machine, strlen(machine), ret_record->machine, sizeof ret_record->machine);
	}
	sodium_memzero(seed, sizeof seed);
	return good;
}

/* Write the key down, bound to this machine. */
static enum err save(const struct identity *identity, const uint8_t seed[crypto_sign_SEEDBYTES], struct why *why)
{
	char text[KEYFILE_MAX], seed_hex[HEX_LEN(crypto_sign_SEEDBYTES)], machine[HEX_LEN(HASH_LEN)] = UNBOUND;
	uint8_t hash[HASH_LEN];
	enum err err;

	if (machine_hash(identity->machine_id, seed, hash))
		sodium_bin2hex(machine, sizeof machine, hash, sizeof hash);
	sodium_bin2hex(seed_hex, sizeof seed_hex, seed, crypto_sign_SEEDBYTES);
	snprintf(text, sizeof text, "larder node key 1\nseed %s\nmachine %s\n", seed_hex, machine);
	err = keyfile_write(identity->home, KEY_FILE, text, why);
	sodium_memzero(text, sizeof text);
	sodium_memzero(seed_hex, sizeof seed_hex);
	return err;
}

enum err identity_renew(struct identity *identity, struct why *why)
{
	uint8_t seed[crypto_sign_SEEDBYTES];
	struct keys keys;
	enum err err;

	randombytes_buf(seed, sizeof seed);
	err = keys_derive(&keys, seed);
	if (!err)
		err = save(identity, seed, why);
	if (!err)
		identity->keys = keys;
	sodium_memzero(seed, sizeof seed);
	sodium_memzero(&keys, sizeof keys);
	return err;
}

/* A key that was made while the machine had no id is bound to it now. */
static enum err use(struct identity *identity, const struct record *record, struct why *why)
{
	uint8_t hash[HASH_LEN];
	bool has_id = machine_hash(identity->machine_id, record->seed, hash);
	enum err err;

	if (has_id && record->is_bound && sodium_memcmp(hash, record->machine, sizeof hash) != 0) {
		log_warn(identity->log, "%s/" KEY_FILE " was made on another machine: this home is a copy, and gets a key of its own", identity->home);
		return identity_renew(identity, why);
	}
	err = keys_derive(&identity->keys, record->seed);
	if (!err && has_id && !record->is_bound)
		err = save(identity, record->seed, why);
	return err;
}

static enum err load(struct identity *identity, struct why *why)
{
	struct why reason = {0};
	struct record record;
	char text[KEYFILE_MAX];
	enum err err = keyfile_read(identity->home, KEY_FILE, text, &reason);

	if (err == ERR_NOT_FOUND)
		return identity_renew(identity, why);
	if (err == ERR_OK && record_parse(text, &record))
		err = use(identity, &record, why);
	else if (err == ERR_OK || err == ERR_INVALID) {
		log_warn(identity->log, "%s/" KEY_FILE " cannot be read as a key: a new one takes its place", identity->home);
		err = identity_renew(identity, why);
	} else
		err = why_set(why, err, "%s", reason.text);
	sodium_memzero(text, sizeof text);
	sodium_memzero(&record, sizeof record);
	return err;
}

enum err identity_open(const char *home, const char *machine_id, struct log *log, struct identity **ret_identity, struct why *why)
{
	struct identity *identity = NULL;
	enum err err = ERR_NO_MEMORY;

	if (sodium_init() < 0)
		return why_set(why, ERR_IO, "there is no source of randomness");
	identity = calloc(1, sizeof *identity);
	if (!identity)
		return ERR_NO_MEMORY;
	identity->home = strdup(home);
	identity->machine_id = strdup(machine_id);
	identity->log = log;
	if (identity->home && identity->machine_id)
		err = load(identity, why);
	if (err) {
		identity_close(identity);
		return err;
	}
	*ret_identity = identity;
	return ERR_OK;
}

void identity_close(struct identity *identity)
{
	if (!identity)
		return;
	free(identity->home);
	free(identity->machine_id);
	sodium_memzero(identity, sizeof *identity);
	free(identity);
}

const uint8_t *identity_public_key(const struct identity *identity)
{
	return identity->keys.public_key;
}

const char *identity_text(const struct identity *identity)
{
	return identity->keys.text;
}

const uint8_t *identity_curve_public(const struct identity *identity)
{
	return identity->keys.curve_public;
}

const uint8_t *identity_curve_secret(const struct identity *identity)
{
	return identity->keys.curve_secret;
}

void identity_sign(const struct identity *identity, const void *bytes, size_t len, uint8_t ret_signature[IDENTITY_SIGNATURE_LEN])
{
	crypto_sign_detached(ret_signature, NULL, bytes, len, identity->keys.secret_key);
}

bool identity_verify(const uint8_t public_key[IDENTITY_KEY_LEN], const void *bytes, size_t len, const uint8_t signature[IDENTITY_SIGNATURE_LEN])
{
	return crypto_sign_verify_detached(signature, bytes, len, public_key) == 0;
}

void identity_id_of(const uint8_t public_key[IDENTITY_KEY_LEN], uint8_t ret_id[IDENTITY_ID_LEN])
{
	uint8_t hash[HASH_LEN];

	crypto_generichash(hash, sizeof hash, public_key, IDENTITY_KEY_LEN, NULL, 0);
	memcpy(ret_id, hash, IDENTITY_ID_LEN);
}

const char *identity_text_of(const uint8_t public_key[IDENTITY_KEY_LEN], char ret[IDENTITY_ID_MAX])
{
	uint8_t id[IDENTITY_ID_LEN];

	identity_id_of(public_key, id);
	return sodium_bin2hex(ret, IDENTITY_ID_MAX, id, sizeof id);
}

bool identity_curve_of(const uint8_t public_key[IDENTITY_KEY_LEN], uint8_t ret_curve[IDENTITY_KEY_LEN])
{
	return crypto_sign_ed25519_pk_to_curve25519(ret_curve, public_key) == 0;
}
